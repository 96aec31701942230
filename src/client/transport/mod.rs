//! One HTTPS exchange with the appliance: ureq around a connection of our own, with limits on time and size.
//!
//! Here are the agent's settings and the request and reply types. What a failure means to people is in `explain`, how
//! a connection is made in `connector`. Nothing here knows operations, sessions or repeats.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderMap};

use crate::client::request::{self, Body, Request};
use crate::client::settings::Settings;
use crate::failure::Failure;
use crate::lock::lock;
use crate::log::Log;
use crate::scrub::Secrets;

mod buffers;
mod connector;
mod danger;
mod explain;
mod proxy;
mod resolver;
mod socket;
mod trust;
mod tunnel;
mod words;

use connector::{Connector, DialError, Peer};
use explain::{ExchangeError, Explain};
use tunnel::NoResolver;

/// Bytes for all answers of one call together: 64 MiB.
const LARGEST_BODIES: u64 = 64 << 20;
/// What reading, masking and writing an answer takes beside it, in answers (docs/contract.md, Limits).
const WORKING_FACTOR: usize = 7;
/// Bytes for the headers of one answer.
const LARGEST_HEADERS: usize = 64 << 10;
/// ureq reads a header in one piece, so its buffer must hold the largest; it calls a smaller one "Peer disconnected".
const INPUT_BUFFER: usize = LARGEST_HEADERS + (8 << 10);
/// Each line of a request has to fit: the longest path, and credentials.
const OUTPUT_BUFFER: usize = 8 << 10;

/// What came back, with any status.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// An exchange that brought no reply.
#[derive(Debug)]
pub struct NoReply {
    /// What it means.
    pub failure: Failure,
    /// Whether it may be repeated.
    pub repeat: explain::Repeat,
    /// Whether the request may have reached the appliance.
    pub sent: bool,
    /// Whether it may have been refused for good, so that it must not be asked again while waiting.
    pub may_be_refusal: bool,
    /// The header of a reply whose body could not be read.
    pub headers: Option<Box<HeaderMap>>,
}

impl NoReply {
    /// The failure of a request of which nothing was sent.
    pub fn unsent(failure: Failure) -> NoReply {
        NoReply { failure, repeat: explain::Repeat::Never, sent: false, may_be_refusal: false, headers: None }
    }

    /// Whether a request with this rule may be sent again.
    pub fn may_be_repeated(&self, rule: request::Repeat) -> bool {
        match self.repeat {
            explain::Repeat::Never => false,
            explain::Repeat::IfIdempotent => rule == request::Repeat::Safe,
            explain::Repeat::Safe => true,
        }
    }
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
    pub fn exchange(
        &self,
        request: &Request<'_>,
        credentials: &[(&'static str, String)],
        timeout: Duration,
    ) -> Result<Reply, NoReply> {
        let started = Instant::now();
        let mut headers = None;
        let outcome = self.send(request, credentials, timeout, &mut headers).map_err(|error| {
            let sent = !matches!(&error, ureq::Error::Other(inner) if inner.is::<DialError>());
            // Its status is not known.
            let may_be_refusal = matches!(&error, ureq::Error::LargeResponseHeader(..));
            let ExchangeError { failure, repeat } = self.explain.trouble(error, timeout);
            NoReply { failure, repeat, sent, may_be_refusal, headers: headers.map(Box::new) }
        });
        self.log.info(|| {
            let ended = outcome.as_ref().map(|reply| reply.status.to_string());
            let ended = ended.unwrap_or_else(|no_reply| no_reply.failure.msg());
            let peer = lock(&self.peer).as_ref().map(|peer| format!(", {peer}")).unwrap_or_default();
            format!("{} {} {ended}, {} ms{peer}", request.method, request.target, started.elapsed().as_millis())
        });
        outcome
    }

    /// The agent's way of doing it. The header of the reply is put into `header` as soon as it is there.
    fn send(
        &self,
        request: &Request<'_>,
        credentials: &[(&'static str, String)],
        timeout: Duration,
        header: &mut Option<HeaderMap>,
    ) -> Result<Reply, ureq::Error> {
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(format!("{}{}", self.origin, request.target))
            .header("Accept-Language", "en");
        for (name, value) in credentials {
            builder = builder.header(*name, value);
        }
        let agent = &self.agent;
        let response = match request.body {
            Body::Json(body) => {
                let request = builder.header("Content-Type", "application/json").body(body)?;
                agent.run(agent.configure_request(request).timeout_global(Some(timeout)).build())?
            }
            Body::Empty => {
                agent.run(agent.configure_request(builder.body(())?).timeout_global(Some(timeout)).build())?
            }
        };
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let read = self.read(&parts.headers, body);
        let body = match read {
            Err(ureq::Error::Other(why)) if parts.status.is_success() && !why.is::<explain::NoMemory>() => {
                *header = Some(parts.headers);
                return Err(ureq::Error::Other(Box::new(explain::Refused { status, why: why.to_string() })));
            }
            // What a refusal says of itself is not needed to know that it is one, and it must not be asked for again.
            Err(ureq::Error::Other(_)) if !parts.status.is_success() => Vec::new(),
            Err(_) if parts.status.is_client_error() => Vec::new(),
            Err(error) => {
                *header = Some(parts.headers);
                return Err(error);
            }
            Ok(body) => body,
        };
        Ok(Reply { status, headers: parts.headers, body })
    }

    /// The bytes of a body; `Other` when they are refused for what they are.
    fn read(&self, headers: &HeaderMap, mut body: ureq::Body) -> Result<Vec<u8>, ureq::Error> {
        let encodings =
            headers.get_all("Content-Encoding").iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut foreign = encodings.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        if let Some(encoding) = foreign.next() {
            // Other names are the server's to choose, and may repeat a session id.
            let known = ["gzip", "deflate", "br", "zstd"].into_iter().find(|name| encoding.eq_ignore_ascii_case(name));
            let how = known.map_or("its encoding".into(), |name| format!("its encoding, {name},"));
            return Err(ureq::Error::Other(format!("{how} was not asked for").into()));
        }
        let allowance = self.allowance.load(Ordering::Relaxed);
        let bytes = read_whole(body.as_reader(), allowance)?;
        self.allowance.store(allowance.saturating_sub(bytes.len() as u64), Ordering::Relaxed);
        Ok(bytes)
    }
}

/// The bytes of a body up to a limit, and the memory that it takes to work on them: what cannot be allocated is refused
/// here, since an allocation that fails later would end the process without an answer.
fn read_whole(mut body: impl Read, limit: u64) -> Result<Vec<u8>, ureq::Error> {
    let refused = |why: String| ureq::Error::Other(why.into());
    let mut bytes = Vec::new();
    let mut chunk = [0; 4 << 10];
    loop {
        let read = body.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        if (bytes.len() + read) as u64 > limit {
            let limit = LARGEST_BODIES >> 20;
            return Err(refused(format!("the answers to this call are larger than {limit} MiB together")));
        }
        let room = bytes.try_reserve(read);
        room.map_err(|_| ureq::Error::Other(Box::new(explain::NoMemory(bytes.len()))))?;
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    let room = Vec::<u8>::new().try_reserve_exact(WORKING_FACTOR * bytes.len());
    room.map_err(|_| ureq::Error::Other(Box::new(explain::NoMemory(bytes.len()))))?;
    Ok(bytes)
}
