//! One HTTPS exchange with the appliance: ureq around a connection of our own, with limits on time and size.
//!
//! Here are the agent's settings and the request and reply types. What a failure means to people is in `explain`, how
//! a connection is made in `connector`. Nothing here knows operations, sessions or repeats.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderMap};

use crate::client::settings::Settings;
use crate::failure::Failure;
use crate::lock::lock;
use crate::log::Log;
use crate::scrub::Secrets;

mod connector;
mod danger;
mod explain;
mod proxy;
mod resolver;
mod socket;
mod trust;
mod tunnel;

pub use explain::{ExchangeError, Repeat};

use connector::{Connector, Peer};
use explain::Explain;
use tunnel::NoResolver;

/// Bytes for all answers of one call together: 64 MiB.
const LARGEST_BODIES: u64 = 64 << 20;
/// Bytes for the headers of one answer.
const LARGEST_HEADERS: usize = 64 << 10;
/// ureq reads a header in one piece, so its buffer must hold the largest; it calls a smaller one "Peer disconnected".
const INPUT_BUFFER: usize = LARGEST_HEADERS + (8 << 10);
/// Each line of a request has to fit: the longest path, and credentials.
const OUTPUT_BUFFER: usize = 8 << 10;

/// A request: nothing in it is secret but the headers.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// GET, POST, DELETE.
    pub method: http::Method,
    /// Path and query, with its leading slash.
    pub path: &'r str,
    /// Credentials.
    pub headers: Vec<(&'static str, String)>,
    /// JSON text.
    pub body: Option<String>,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's value as text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// The way to one appliance. Connections are kept alive between exchanges.
pub struct Transport {
    agent: ureq::Agent,
    origin: String,
    explain: Explain,
    peer: Arc<Mutex<Option<Peer>>>,
    warnings: Vec<String>,
    /// Bytes of answers that may still come.
    allowance: AtomicU64,
    log: Log,
}

impl Transport {
    /// Prepares the way; nothing is sent.
    ///
    /// # Errors
    /// `local_file` when `ca_path` cannot be used, `invalid_input` for a proxy that cannot be used.
    pub fn new(settings: &Settings, secrets: &Secrets, log: Log) -> Result<Transport, Failure> {
        let trust = trust::Trust::of(settings);
        // What is not UTF-8 becomes no URL of a proxy, and is refused as such.
        let environment = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let (proxy, warnings) = proxy::Proxy::of(settings, &environment, secrets)?;
        let peer = Arc::new(Mutex::new(None));
        let explain = Explain::new(settings, &trust, peer.clone());
        let connector = Connector::new(settings, &trust, proxy, peer.clone(), log.clone())?;
        let config = ureq::Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None) // the connector's business
            .max_response_header_size(LARGEST_HEADERS)
            .user_agent(concat!("lxca/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build();
        Ok(Transport {
            agent: ureq::Agent::with_parts(config, connector, NoResolver),
            origin: format!("https://{}:{}", settings.host.in_url(), settings.port),
            explain,
            peer,
            warnings,
            allowance: AtomicU64::new(LARGEST_BODIES),
            log,
        })
    }

    /// What the environment says of proxies and is not understood.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lets the answers to come be as large together as if there had been none.
    pub fn renew_allowance(&self) {
        self.allowance.store(LARGEST_BODIES, Ordering::Relaxed);
    }

    /// One exchange within a time: from the first packet to the last byte of the body.
    ///
    /// # Errors
    /// Everything that leaves no answer, with what it means and whether it may be repeated.
    pub fn exchange(&self, request: Request<'_>, timeout: Duration) -> Result<Reply, ExchangeError> {
        let started = Instant::now();
        let (method, path) = (request.method.clone(), request.path);
        let outcome = self.send(request, timeout).map_err(|error| self.explain.trouble(error, timeout));
        let ended = outcome.as_ref().map(|reply| reply.status.to_string());
        let ended = ended.unwrap_or_else(|trouble| trouble.failure.msg());
        self.log.info(|| {
            let peer = lock(&self.peer).as_ref().map(|peer| format!(", {peer}")).unwrap_or_default();
            format!("{method} {path} {ended}, {} ms{peer}", started.elapsed().as_millis())
        });
        outcome
    }

    /// The agent's way of doing it.
    fn send(&self, request: Request<'_>, timeout: Duration) -> Result<Reply, ureq::Error> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.origin, request.path))
            .header("Accept-Language", "en");
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let agent = &self.agent;
        let response = match request.body {
            Some(body) => {
                let request = builder.header("Content-Type", "application/json").body(body)?;
                agent.run(agent.configure_request(request).timeout_global(Some(timeout)).build())?
            }
            None => agent.run(agent.configure_request(builder.body(())?).timeout_global(Some(timeout)).build())?,
        };
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let body = match self.read(&parts.headers, body) {
            Err(ureq::Error::Other(why)) if parts.status.is_success() => {
                return Err(ureq::Error::Other(Box::new(explain::Refused { status, why: why.to_string() })));
            }
            // What a refusal says of itself is not needed to know that it is one.
            Err(ureq::Error::Other(_)) => Vec::new(),
            body => body?,
        };
        Ok(Reply { status, headers: parts.headers, body })
    }

    /// The bytes of a body; `Other` when they are refused for what they are.
    fn read(&self, headers: &HeaderMap, mut body: ureq::Body) -> Result<Vec<u8>, ureq::Error> {
        let encodings =
            headers.get_all("Content-Encoding").iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut foreign = encodings.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        if let Some(encoding) = foreign.next() {
            return Err(ureq::Error::Other(format!("it is encoded as {encoding:?}, which was not asked for").into()));
        }
        let allowance = self.allowance.load(Ordering::Relaxed);
        let mut bytes = Vec::new();
        body.as_reader().take(allowance + 1).read_to_end(&mut bytes)?;
        let left = allowance.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let limit = LARGEST_BODIES >> 20;
            ureq::Error::Other(format!("the answers to this call are larger than {limit} MiB together").into())
        })?;
        self.allowance.store(left, Ordering::Relaxed);
        Ok(bytes)
    }
}
