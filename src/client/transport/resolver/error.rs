//! Why a name has no addresses.
//!
//! What lives here: the kinds of failure and their sentences, written for the person who reads them
//! at night and has to decide where to look. What must not: decisions about what to do next.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use domain::base::iana::OptRcode;

/// Why [`super::lookup`] has no address to offer.
#[derive(Debug)]
pub(crate) enum LookupError {
    /// The name cannot be one of a host; nobody was asked.
    InvalidName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The resolver's configuration exists and cannot be read.
    Configuration {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The resolver's configuration names servers, and none of them can be used.
    NoServer {
        /// The file.
        file: PathBuf,
        /// The servers as the file names them.
        unusable: Vec<String>,
    },
    /// The name does not exist (NXDOMAIN, RFC 2308 section 2.1).
    NoSuchName {
        /// The name as it was given.
        name: String,
        /// The names that were asked for.
        asked: Vec<String>,
        /// The servers that said so.
        servers: Vec<SocketAddr>,
    },
    /// The name exists and has no address (NODATA, RFC 2308 section 2.2).
    NoAddress {
        /// The name as it was given.
        name: String,
        /// The names that were asked for.
        asked: Vec<String>,
        /// The servers that said so.
        servers: Vec<SocketAddr>,
    },
    /// The name is an alias (CNAME) that never arrives at a host.
    AliasLoop {
        /// The name as it was given.
        name: String,
        /// The alias where following them was given up.
        alias: String,
    },
    /// No server gave an answer to go by.
    NoAnswer {
        /// The name as it was given.
        name: String,
        /// The name that was asked for.
        asked: String,
        /// The servers, and what each did last; nothing if there was no time left to ask it.
        servers: Vec<(SocketAddr, Option<Failure>)>,
        /// Whether the only server is a default, because the configuration names none.
        assumed: bool,
        /// Whether the caller's deadline was the end of it.
        deadline_passed: bool,
    },
}

impl LookupError {
    /// Whether the caller's deadline ended the search, rather than an answer or a dead end.
    pub(crate) fn deadline_passed(&self) -> bool {
        matches!(self, Self::NoAnswer { deadline_passed: true, .. })
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName { name, reason } => {
                write!(f, "{name:?} is not a valid host name: {reason}")
            }
            Self::Configuration { file, cause } => {
                write!(f, "cannot read {}: {cause}", file.display())
            }
            Self::NoServer { file, unusable } => write!(
                f,
                "none of the name servers in {} can be used ({}): an IPv6 scope must be a number",
                file.display(),
                unusable.join(", ")
            ),
            Self::NoSuchName { name, asked, servers } => {
                write!(f, "the host name {name:?} does not exist (NXDOMAIN; {})", Question { asked, servers })
            }
            Self::NoAddress { name, asked, servers } => write!(
                f,
                "the host name {name:?} exists but has no IPv4 or IPv6 address ({})",
                Question { asked, servers }
            ),
            Self::AliasLoop { name, alias } => write!(
                f,
                "the host name {name:?} is an alias that leads to no host (the last alias seen is \
                 {alias})"
            ),
            Self::NoAnswer { name, asked, servers, assumed, deadline_passed } => {
                let reports: Vec<_> = servers.iter().map(report).collect();
                let reports = reports.join("; ");
                write!(f, "the host name {name:?} could not be looked up (asked for {asked}; {reports}")?;
                if *assumed {
                    f.write_str("; /etc/resolv.conf names no server, so this is the default")?;
                }
                if *deadline_passed {
                    f.write_str("; then the time allowed was over")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Error for LookupError {
    // The cause of `Configuration` is already in its sentence: giving it here too would double it
    // in a chain of causes.
}

/// What was asked, and whom, as part of a sentence.
struct Question<'a> {
    /// The names.
    asked: &'a [String],
    /// The servers.
    servers: &'a [SocketAddr],
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(server).collect();
        write!(f, "asked {} for {}", servers.join(" and "), self.asked.join(", "))
    }
}

/// A server and what it did.
fn report((address, failure): &(SocketAddr, Option<Failure>)) -> String {
    let server = server(address);
    match failure {
        Some(failure) => format!("{server}: {failure}"),
        None => format!("{server}: not asked, there was no time left"),
    }
}

/// A server as `resolv.conf` names it; its port only if it is not the usual one.
fn server(address: &SocketAddr) -> String {
    match address.port() {
        53 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

/// Why one server was of no use for one question.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// It said nothing in the time it had.
    Silent,
    /// The network refused: nobody listens there, no route, a broken connection.
    Network(String),
    /// It answered with an error code, RFC 1035 section 4.1.1 and RFC 6891 section 6.1.3.
    Code(OptRcode),
    /// It knows nothing itself and does not ask others.
    NotRecursive,
    /// Its answer is not a readable DNS message, or not one to the question.
    Unreadable,
    /// It failed over TCP, be it that the answer was too long for UDP or that `use-vc` is set.
    OverTcp(Box<Failure>),
}

impl Failure {
    /// Whether the server is there and talks DNS, so that another question to it may fare better.
    pub(super) fn is_answer(&self) -> bool {
        !matches!(self, Self::Silent | Self::Network(_) | Self::OverTcp(_))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Network(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("no answer"),
            Self::Network(text) => write!(f, "unreachable, {text}"),
            Self::Code(OptRcode::REFUSED) => f.write_str("refused to answer (REFUSED)"),
            Self::Code(OptRcode::SERVFAIL) => f.write_str("failed to find out (SERVFAIL)"),
            Self::Code(code) => write!(f, "answered with the error {code}"),
            Self::NotRecursive => f.write_str("answers only for names of its own"),
            Self::Unreadable => f.write_str("sent an answer that cannot be read"),
            Self::OverTcp(failure) => write!(f, "over TCP {failure}"),
        }
    }
}
