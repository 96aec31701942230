//! What a failed exchange means to a person and to a playbook: from ureq, rustls and io to a kind and a sentence that
//! names the option which would help. Nothing here decides to repeat; it only says whether that is safe.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};

use super::connector::{DialError, Peer};
use super::proxy::ProxyRefusal;
use super::trust::{Trust, is_ca_as_end_entity};
use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::fingerprint::Fingerprint;
use crate::lock::lock;

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
            error @ (ureq::Error::Protocol(_) | ureq::Error::BodyStalled) => ExchangeError {
                failure: Failure::new(
                    Kind::InvalidResponse,
                    format!("{at} answered with something that is not HTTP/1.1"),
                )
                .caused_by(error),
                repeat: Repeat::Never,
            },
            error => ExchangeError {
                failure: Failure::new(Kind::Internal, format!("The request to {at} could not be made"))
                    .caused_by(error),
                repeat: Repeat::Never,
            },
        }
    }

    /// A connection that broke after it was made.
    fn broken(&self, error: io::Error) -> ExchangeError {
        let at = self.address();
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            let presented = lock(&self.peer).as_ref().and_then(Peer::certificate);
            return ExchangeError { failure: self.tls(error, presented), repeat: Repeat::Never };
        }
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("{at} closed the connection before its answer was complete."),
            _ => format!("The connection to {at} broke before the answer was complete: {error}."),
        };
        ExchangeError { failure: Failure::new(Kind::ConnectionFailed, text), repeat: Repeat::IfIdempotent }
    }

    /// A connection that did not come about.
    fn dial(&self, error: DialError, timeout: Duration) -> ExchangeError {
        let at = self.address();
        let safe = |kind, text: String| ExchangeError { failure: Failure::new(kind, text), repeat: Repeat::Safe };
        match error {
            DialError::Lookup(error) => {
                let text = format!("The address of `host` {} cannot be found", self.host);
                let failure = Failure::new(Kind::ConnectionFailed, text).caused_by(error);
                ExchangeError { failure, repeat: Repeat::Safe }
            }
            DialError::Tcp(refused) => {
                let text = format!(
                    "No connection to {at} ({}). Check `host` and `port`, and whether the appliance is running.",
                    each(&refused)
                );
                safe(Kind::ConnectionFailed, text)
            }
            DialError::Deadline(doing) => {
                safe(Kind::Timeout, format!("{}: {doing} took too long.", self.too_late(timeout)))
            }
            DialError::SlowLookup(error) => {
                let trouble = safe(Kind::Timeout, format!("{}: the name lookup took too long", self.too_late(timeout)));
                ExchangeError { failure: trouble.failure.caused_by(error), ..trouble }
            }
            DialError::Closed(doing, error) => {
                safe(Kind::ConnectionFailed, format!("The connection to {at} broke during {doing}: {error}."))
            }
            DialError::Tls { error, presented } => {
                ExchangeError { failure: self.tls(&error, presented), repeat: Repeat::Never }
            }
            DialError::AtProxy(host, port, error) => self.at_proxy(host.as_str(), port, *error, timeout),
            DialError::Proxy(refusal) => safe(Kind::ConnectionFailed, format!("No connection to {at}: {refusal:?}.")),
        }
    }

    /// Connecting took longer than it may, within an exchange that had this time.
    fn too_late(&self, timeout: Duration) -> String {
        let options = [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)];
        let limit = limit(timeout.min(self.connect_timeout), &options);
        format!("No connection to {} within {limit}", self.address())
    }

    /// A proxy that did not connect us, or that could not be reached.
    fn at_proxy(&self, host: &str, port: u16, error: DialError, timeout: Duration) -> ExchangeError {
        let proxy = Explain { host: host.to_owned(), port, ..self.clone() };
        let (repeat, why) = match error {
            DialError::Proxy(ProxyRefusal::Status(407, _)) => {
                (Repeat::Never, "wants a login (HTTP 407): put user:password@ into its URL".to_owned())
            }
            DialError::Proxy(ProxyRefusal::Status(code, reason)) => {
                // A gateway's trouble may pass, a refusal stays.
                let repeat = if code >= 500 { Repeat::Safe } else { Repeat::Never };
                let status = format!("{code} {reason}");
                (repeat, format!("answered {} to CONNECT", status.trim_end()))
            }
            DialError::Proxy(ProxyRefusal::NotHttp) => (Repeat::Never, "does not speak HTTP".to_owned()),
            DialError::Proxy(ProxyRefusal::Broken(error)) | DialError::Closed(_, error) => {
                (Repeat::Safe, format!("broke the connection: {error}"))
            }
            DialError::Lookup(error) => (Repeat::Safe, format!("has no address: {error}")),
            DialError::Tcp(refused) => (Repeat::Safe, format!("takes no connection: {}", each(&refused))),
            // Time-outs and TLS have sentences of their own.
            other => return proxy.dial(other, timeout),
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
        let presents = presented.map(|print| format!(" It presents {print}.")).unwrap_or_default();
        let text = format!("TLS with {} failed: {}.{presents} {}", self.address(), self.cause(error), self.help(error));
        Failure::new(Kind::Tls, text.trim_end())
    }

    fn cause(&self, error: &TlsError) -> String {
        use CertificateError as Bad;
        match error {
            TlsError::InvalidCertificate(bad) => match bad {
                Bad::ApplicationVerificationFailure => match self.trust {
                    Trust::Pin(expected) => format!("the certificate is not the expected one, {expected}"),
                    _ => "the certificate was refused".into(),
                },
                Bad::ExpiredContext { not_after, .. } => format!("the certificate expired on {}", date(*not_after)),
                Bad::Expired => "the certificate has expired".into(),
                Bad::NotValidYetContext { not_before, .. } => {
                    format!("the certificate is valid only from {}", date(*not_before))
                }
                Bad::NotValidYet => "the certificate is not valid yet".into(),
                Bad::UnknownIssuer => match &self.trust {
                    Trust::Bundle(path) => format!("no certificate in {} issued the server's", path.display()),
                    _ => "the certificate's issuer is unknown to this system".into(),
                },
                Bad::NotValidForNameContext { expected, presented } => {
                    let expected = expected.to_str();
                    match presented.as_slice() {
                        [] => format!("the certificate holds no subjectAltName, so none that matches {expected}"),
                        names => format!("the certificate is for {}, not for {expected}", names_of(names)),
                    }
                }
                Bad::NotValidForName => "the certificate is for another name".into(),
                Bad::BadSignature => {
                    "the handshake's signature is wrong, or the key is too small (RSA under 2048 bits)".into()
                }
                Bad::UnsupportedSignatureAlgorithmContext { .. } => {
                    "the certificate is signed with an algorithm that is not trusted any more, such as SHA-1".into()
                }
                Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
                    "the certificate is not meant for servers (its extended key usage has no serverAuth)".into()
                }
                _ if is_ca_as_end_entity(error) => "the certificate is self-signed, or a CA's, and not known".into(),
                bad if is_version_1(bad) => "the certificate is of X.509 version 1".into(),
                other => format!("the certificate was refused: {other}"),
            },
            // Servers from before TLS 1.3 choose what they have, newer ones say that there is nothing in common.
            TlsError::AlertReceived(AlertDescription::ProtocolVersion)
            | TlsError::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
                "the server offers nothing newer than TLS 1.1".into()
            }
            TlsError::AlertReceived(AlertDescription::HandshakeFailure) => {
                "there is no cipher suite in common (ours have forward secrecy and AEAD)".into()
            }
            TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
                "the server wants a client certificate".into()
            }
            TlsError::InvalidMessage(_) => "the server does not speak TLS on this port".into(),
            TlsError::PeerIncompatible(why) => format!("the server is not compatible: {why:?}"),
            other => other.to_string(),
        }
    }

    fn help(&self, error: &TlsError) -> &'static str {
        use CertificateError as Bad;
        match error {
            TlsError::InvalidCertificate(bad) => match bad {
                Bad::ApplicationVerificationFailure => {
                    "Set `certificate_fingerprint` to it only if the appliance's certificate was replaced on purpose."
                }
                Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "Check this machine's clock; renew the certificate, or trust it with `certificate_fingerprint`."
                }
                Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                    "Renew the certificate, or trust it with `certificate_fingerprint`."
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    "Use that name as `host`, set `server_name` to it, or trust the certificate with \
                     `certificate_fingerprint`."
                }
                Bad::BadSignature => {
                    "Replace the appliance's certificate by one with a larger key; until then only `validate_certs` false \
                     gets through, to anybody."
                }
                bad if is_version_1(bad) => {
                    "Replace the appliance's certificate; until then only `validate_certs` false gets through, to anybody."
                }
                Bad::UnsupportedSignatureAlgorithmContext { .. }
                | Bad::InvalidPurpose
                | Bad::InvalidPurposeContext { .. } => {
                    "Renew the certificate, or trust it with `certificate_fingerprint`."
                }
                _ => {
                    "Compare this with the appliance's certificate, then set `ca_path` to the file of its CA (or of the \
                     certificate itself), or `certificate_fingerprint` to the value."
                }
            },
            TlsError::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure)
            | TlsError::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
                "Enable TLS 1.2 or newer on the appliance."
            }
            TlsError::InvalidMessage(_) => "Check `port`.",
            _ => "",
        }
    }
}

/// Whether a certificate is of a version that webpki does not read, not even to check a signature for a pin.
fn is_version_1(bad: &CertificateError) -> bool {
    matches!(bad, CertificateError::Other(other) if format!("{other:?}").contains("UnsupportedCertVersion"))
}

/// Addresses that took no connection, each with its reason.
fn each(refused: &[(SocketAddr, io::Error)]) -> String {
    let each: Vec<String> = refused.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    each.join("; ")
}

/// A time that ran out, with the option that set it: a deadline may have left less than any option says.
fn limit(limit: Duration, options: &[(&str, Duration)]) -> String {
    let option = options.iter().find(|(_, value)| *value == limit);
    let option = option.map(|(name, _)| format!(" (option `{name}`)")).unwrap_or_default();
    format!("{} s{option}", limit.as_secs_f64().ceil())
}

/// A point in time as HTTP writes it.
fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    httpdate::fmt_http_date(time)
}

/// The names of a certificate, from rustls' `DnsName("localhost")` and `IpAddress(192.0.2.1)`.
fn names_of(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').map_or(name.as_str(), |(_, inside)| inside);
        inside.trim_end_matches(')').trim_matches('"').to_owned()
    };
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}
