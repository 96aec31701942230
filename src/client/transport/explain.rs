//! What a failed exchange means to a person and to a playbook: from ureq, rustls and io to a kind and a sentence that
//! names the option which would help. Nothing here decides to repeat; it only says whether that is safe.

mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::Error as TlsError;

use super::connector::{DialError, HopError, Peer, ProxyError};
use super::proxy::ConnectError;
use super::trust::Trust;
use super::tunnel::Cut;
use super::words::{list, words};
use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::lock::lock;
use tls::{Circumstances, Side};

/// Whether an exchange without an answer may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It would fail again, or its time ran out.
    Never,
    /// The server may have acted on it: only what is idempotent.
    IfIdempotent,
    /// Nothing was sent.
    Safe,
}

/// An exchange without an answer.
#[derive(Debug)]
pub struct ExchangeError {
    /// What it means.
    pub failure: Failure,
    /// Whether it may be repeated.
    pub repeat: Repeat,
}

/// An answer that is refused for its size or its encoding, on its way through ureq's error type.
#[derive(Debug)]
pub struct Refused {
    /// Its HTTP status.
    pub status: u16,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refused {}

/// An answer for which there is not enough memory: its bytes so far.
#[derive(Debug)]
pub struct NoMemory(pub usize);

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not enough memory for an answer of {} bytes", self.0)
    }
}

impl std::error::Error for NoMemory {}

/// What the sentences say of the call.
#[derive(Clone, Debug)]
pub struct Explain {
    host: String,
    port: u16,
    timeout: Duration,
    connect_timeout: Duration,
    trust: Trust,
    side: Side,
    /// The name that the certificate has to hold.
    expected: String,
    peer: Arc<Mutex<Option<Peer>>>,
}

impl Explain {
    /// What the options say of the other side.
    pub fn new(settings: &Settings, trust: &Trust, peer: Arc<Mutex<Option<Peer>>>) -> Explain {
        Explain {
            host: settings.host.as_str().to_owned(),
            port: settings.port,
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
            trust: trust.clone(),
            side: Side::Appliance { server_name: settings.server_name.is_some() },
            expected: settings.server_name.as_ref().unwrap_or(&settings.host).tls_name().to_str().into_owned(),
            peer,
        }
    }

    /// `host:port`, as people write it.
    fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// What an error of ureq means, within an exchange that had this time.
    pub fn trouble(&self, error: ureq::Error, timeout: Duration) -> ExchangeError {
        let at = self.address();
        let trouble = |kind, repeat, text: String| ExchangeError { failure: Failure::new(kind, text), repeat };
        match error {
            ureq::Error::Other(inner) => match inner.downcast::<DialError>() {
                Ok(error) => self.dial(*error, timeout),
                Err(other) if other.is::<NoMemory>() => {
                    let text = format!("{other} of {at} on this host; raise the memory limit of the process.");
                    trouble(Kind::Internal, Repeat::Never, text)
                }
                Err(other) => {
                    let http_status = other.downcast_ref::<Refused>().map(|refused| refused.status);
                    let text = format!("The answer of {at} was refused: {other}.");
                    let failure = Failure { http_status, ..Failure::new(Kind::InvalidResponse, text) };
                    ExchangeError { failure, repeat: Repeat::Never }
                }
            },
            ureq::Error::Timeout(_) => trouble(
                Kind::Timeout,
                Repeat::Never,
                format!("{at} did not complete its answer within {}.", limit(timeout, &[("timeout", self.timeout)])),
            ),
            ureq::Error::Io(error) => self.broken(error),
            ureq::Error::LargeResponseHeader(_, limit) => {
                let text = format!("The header of the answer of {at} is larger than {} KiB.", limit >> 10);
                trouble(Kind::InvalidResponse, Repeat::Never, text)
            }
            ureq::Error::Protocol(error) if error.to_string().starts_with("output too small") => {
                let text = format!("A header of the request to {at}, credentials or cookies, is longer than 8 KiB.");
                trouble(Kind::InvalidInput, Repeat::Never, text)
            }
            ureq::Error::Protocol(_) | ureq::Error::BodyStalled => {
                let text = format!(
                    "{at} answered with something that is not HTTP/1.1. Check `host` and `port`, and what stands between \
                     this host and the appliance."
                );
                trouble(Kind::InvalidResponse, Repeat::Never, text)
            }
            _ => {
                let text = format!("The request to {at} could not be made; please report this defect of lxca.");
                trouble(Kind::Internal, Repeat::Never, text)
            }
        }
    }

    /// A connection that broke after it was made.
    fn broken(&self, error: io::Error) -> ExchangeError {
        let at = self.address();
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<TlsError>()) {
            let presented = lock(&self.peer).as_ref().and_then(Peer::certificate);
            return ExchangeError { failure: self.tls(error, presented), repeat: Repeat::Never };
        }
        let kind = inner.and_then(|inner| inner.downcast_ref::<Cut>()).map_or(error.kind(), |cut| cut.0);
        let text = match kind {
            io::ErrorKind::UnexpectedEof => format!("{at} closed the connection before its answer was complete."),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                format!("{at} broke the connection before its answer was complete (connection reset).")
            }
            _ => format!("The connection to {at} broke before the answer was complete: {}.", words(&error)),
        };
        ExchangeError { failure: Failure::new(Kind::ConnectionFailed, text), repeat: Repeat::IfIdempotent }
    }

    /// A connection that did not come about.
    fn dial(&self, error: DialError, timeout: Duration) -> ExchangeError {
        match error {
            DialError::Appliance(error) => self.hop(error, timeout),
            DialError::Proxy(host, port, error) => self.at_proxy(&host, port, *error, timeout),
        }
    }

    /// A hop to the address of these sentences.
    fn hop(&self, error: HopError, timeout: Duration) -> ExchangeError {
        let at = self.address();
        match error {
            HopError::Lookup(error) => {
                let text = format!("The address of `host` {} cannot be found", self.host);
                // Asking again for a name that does not exist is of no use; asking a server that is away may help.
                let retryable = !error.name_does_not_exist();
                let repeat = if retryable { Repeat::Safe } else { Repeat::Never };
                let failure = Failure { retryable, ..Failure::new(Kind::ConnectionFailed, text).caused_by(error) };
                ExchangeError { failure, repeat }
            }
            HopError::Tcp(refused) => {
                let text = format!(
                    "No connection to {at} ({}). Check `host` and `port`, and whether the appliance is running.",
                    each(&refused)
                );
                ExchangeError::unsent(Kind::ConnectionFailed, text)
            }
            HopError::Closed(error) => {
                let how = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "closed the connection".to_owned(),
                    _ => format!("broke the connection ({})", words(&error)),
                };
                let text = format!(
                    "{at} {how} during the TLS handshake. Check `port`; a firewall or proxy on the way may close such \
                     connections, and an appliance does so while it starts."
                );
                ExchangeError::unsent(Kind::ConnectionFailed, text)
            }
            HopError::Deadline(doing) => self.slow(doing, timeout),
            HopError::SlowLookup(error) => {
                let slow = ExchangeError::unsent(
                    Kind::Timeout,
                    format!("{}: the name lookup took too long", self.too_late(timeout)),
                );
                ExchangeError { failure: slow.failure.caused_by(error), ..slow }
            }
            HopError::Tls { error, presented } => {
                ExchangeError { failure: self.tls(&error, presented), repeat: Repeat::Never }
            }
        }
    }

    /// Connecting took longer than it may, with this.
    fn slow(&self, doing: &str, timeout: Duration) -> ExchangeError {
        ExchangeError::unsent(Kind::Timeout, format!("{}: {doing} took too long.", self.too_late(timeout)))
    }

    /// Connecting took longer than it may, within an exchange that had this time.
    fn too_late(&self, timeout: Duration) -> String {
        let options = [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)];
        let limit = limit(timeout.min(self.connect_timeout), &options);
        format!("No connection to {} within {limit}", self.address())
    }

    /// A proxy that did not connect us, or that could not be reached.
    fn at_proxy(&self, host: &Host, port: u16, error: ProxyError, timeout: Duration) -> ExchangeError {
        let proxy = Explain {
            host: host.as_str().to_owned(),
            port,
            trust: self.trust.of_proxy(),
            side: Side::Proxy,
            expected: host.tls_name().to_str().into_owned(),
            ..self.clone()
        };
        let (repeat, why) = match error {
            ProxyError::Hop(HopError::Lookup(error)) => (Repeat::Safe, format!("has no address: {error}")),
            ProxyError::Hop(HopError::Tcp(refused)) => {
                (Repeat::Safe, format!("takes no connection: {}", each(&refused)))
            }
            ProxyError::Hop(HopError::Closed(error)) => {
                (Repeat::Safe, format!("broke the connection during the TLS handshake: {}", words(&error)))
            }
            // Time-outs and TLS have sentences of their own.
            ProxyError::Hop(error @ (HopError::Deadline(_) | HopError::SlowLookup(_) | HopError::Tls { .. })) => {
                return proxy.hop(error, timeout);
            }
            ProxyError::Connect(ConnectError::Deadline) => {
                return proxy.slow("the proxy's answer to CONNECT", timeout);
            }
            ProxyError::Connect(ConnectError::Broken(error)) => {
                (Repeat::Safe, format!("broke the connection: {}", words(&error)))
            }
            ProxyError::Connect(ConnectError::NotHttp) => (Repeat::Never, "does not speak HTTP".to_owned()),
            ProxyError::Connect(ConnectError::Login { offered, sent }) => (Repeat::Never, login(&offered, sent)),
            ProxyError::Connect(ConnectError::Status(code, reason)) => {
                // A gateway's trouble may pass, a refusal stays.
                let repeat = if code >= 500 { Repeat::Safe } else { Repeat::Never };
                let status = format!("{code} {reason}");
                (repeat, format!("answered {} to CONNECT", status.trim_end()))
            }
        };
        let text = format!(
            "No connection to {} through the proxy {} of the environment, which {why}. Check https_proxy and no_proxy, \
             or set `use_proxy` to false.",
            self.address(),
            proxy.address()
        );
        ExchangeError { failure: Failure::new(Kind::ConnectionFailed, text), repeat }
    }

    /// A TLS failure: the cause in words, what was presented, and the option that helps.
    fn tls(&self, error: &TlsError, presented: Option<Fingerprint>) -> Failure {
        let circumstances = Circumstances {
            trust: &self.trust,
            side: self.side,
            expected: &self.expected,
            presented: presented.is_some(),
        };
        let (cause, help) = circumstances.explain(error);
        let presents = presented.map(|print| format!(" It presents {print}.")).unwrap_or_default();
        let who = if self.side == Side::Proxy { "the proxy " } else { "" };
        Failure::new(Kind::Tls, format!("TLS with {who}{} failed: {cause}.{presents} {help}", self.address()))
    }
}

impl ExchangeError {
    /// Nothing was sent.
    fn unsent(kind: Kind, text: String) -> ExchangeError {
        ExchangeError { failure: Failure::new(kind, text), repeat: Repeat::Safe }
    }
}

/// A proxy that wants other credentials than it got.
fn login(offered: &[String], sent: bool) -> String {
    let offers = match offered {
        [] => "it names no scheme".to_owned(),
        offered => format!("it offers {}", list(offered)),
    };
    let basic = offered.is_empty() || offered.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
    let advice = match (sent, basic) {
        (true, true) => "refused the user and password in its URL",
        (false, true) => "wants a login: put user:password@ into its URL",
        (_, false) => "wants a login of another kind than Basic",
    };
    format!("{advice} (HTTP 407; {offers}, and only Basic is supported)")
}

/// Addresses that took no connection, each with its reason.
fn each(refused: &[(SocketAddr, io::Error)]) -> String {
    list(refused.iter().map(|(address, error)| format!("{address}: {}", words(error))))
}

/// A time that ran out, with the option that set it: a deadline may have left less than any option says.
fn limit(limit: Duration, options: &[(&str, Duration)]) -> String {
    let option = options.iter().find(|(_, value)| *value == limit);
    let option = option.map(|(name, _)| format!(" (option `{name}`)")).unwrap_or_default();
    format!("{} s{option}", limit.as_secs_f64().ceil())
}
