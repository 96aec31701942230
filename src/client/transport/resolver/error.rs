//! Why a name has no addresses, in parts of sentences: no final period, and each says what to do next.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::files::Config;

/// So many characters of a text from outside are shown.
const SHOWN: usize = 256;

/// So many of the names that were asked for are shown.
const SHOWN_NAMES: usize = 3;

/// Why [`super::lookup`] has no address to offer.
#[derive(Debug)]
pub(crate) struct LookupError {
    sentence: String,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    NoSuchName,
    Deadline,
    Other,
}

impl LookupError {
    /// Whether the caller's deadline ended the search, rather than an answer or a dead end.
    pub(crate) fn deadline_passed(&self) -> bool {
        self.end == End::Deadline
    }

    /// Whether the name is invalid, or DNS said that it does not exist or has no address: asking again is of no use.
    pub(crate) fn name_does_not_exist(&self) -> bool {
        self.end == End::NoSuchName
    }

    /// The name cannot be one of a host; nobody was asked.
    pub(super) fn invalid_name(name: &str, reason: &str) -> Self {
        let name = shown(name);
        let sentence = format!("{name} is not a valid host name: {reason}; use a DNS name or an IP address");
        Self { sentence, end: End::NoSuchName }
    }

    /// The configuration exists and cannot be read.
    pub(super) fn unreadable(file: &Path, cause: &io::Error) -> Self {
        let sentence = format!("cannot read {}: {cause}; make it readable, or use an IP address", file.display());
        Self { sentence, end: End::Other }
    }

    /// The configuration names servers, and none of them can be used.
    pub(super) fn no_server(file: &Path, unusable: &[String]) -> Self {
        let servers = unusable.iter().map(|server| shown(server)).collect::<Vec<_>>().join(", ");
        let sentence = format!(
            "no name server in {} can be used ({servers}): each must be an IP address, with nothing or a network \
             interface of this machine after its %",
            file.display()
        );
        Self { sentence, end: End::Other }
    }

    /// The name does not exist (NXDOMAIN, RFC 2308 section 2.1), or has no address (NODATA, section 2.2).
    pub(super) fn not_found(name: &str, exists: bool, asked: &[String], config: &Config) -> Self {
        let names = asked.iter().take(SHOWN_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match asked.len().saturating_sub(SHOWN_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let servers = config.servers.iter().map(server).collect::<Vec<_>>().join(" and ");
        let (fact, advice) = match exists {
            true => ("exists but has no IPv4 or IPv6 address (", "add an address to DNS or /etc/hosts"),
            false => ("does not exist (NXDOMAIN; ", "check its spelling, or add it to DNS or /etc/hosts"),
        };
        let (shown, advice) = (shown(name), unless_local(name, advice));
        let sentence = format!("the host name {shown} {fact}asked {servers} for {names}{more}); {advice}");
        Self { sentence, end: End::NoSuchName }
    }

    /// The name is an alias (CNAME) that never arrives at a host; `alias` is where following it was given up.
    pub(super) fn alias_loop(name: &str, alias: &str) -> Self {
        let sentence = format!(
            "the host name {} is an alias that leads to no host (the last alias seen is {alias}); correct its CNAME \
             records in DNS",
            shown(name)
        );
        Self { sentence, end: End::Other }
    }

    /// No server gave a usable answer for `asked`; what each did.
    pub(super) fn no_answer(name: &str, asked: &str, servers: &[Report], assumed: bool, deadline_passed: bool) -> Self {
        let reports: String = servers.iter().map(|(address, why)| format!("; {}: {why}", server(address))).collect();
        let assumed = if assumed { "; /etc/resolv.conf names no server, so this is the default" } else { "" };
        let (time, end) = match deadline_passed {
            true => ("; then the time allowed was over", End::Deadline),
            false => ("", End::Other),
        };
        let advice = unless_local(name, "check the name servers in /etc/resolv.conf, or use an IP address");
        let name = shown(name);
        let sentence = format!(
            "the host name {name} could not be looked up (asked for {asked}{reports}{assumed}{time}); {advice}"
        );
        Self { sentence, end }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for LookupError {}

/// What to do about a name that DNS does not know.
fn unless_local(name: &str, advice: &'static str) -> &'static str {
    match super::without_dot(name).to_ascii_lowercase().ends_with(".local") {
        true => "multicast DNS (mDNS) is not asked: set `host` to the IP address and `server_name` to this name",
        false => advice,
    }
}

/// The beginning of a text from outside in quotes, without control characters.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(SHOWN).collect::<String>())
}

/// A server as `resolv.conf` names it; its port only if it is not the usual one.
fn server(address: &SocketAddr) -> String {
    match address.port() {
        53 => address.to_string().trim_end_matches(":53").trim_matches(['[', ']']).to_owned(),
        _ => address.to_string(),
    }
}

/// A server, and why it was of no use for one question.
pub(super) type Report = (SocketAddr, Failure);

/// Why a server was of no use for one question, in words.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// It is not there, or too slow: it would fail at another question too.
    Dead(String),
    /// It answered with something of no use.
    Answer(String),
}

impl Failure {
    /// It sent what is not a DNS message, or not one that answers the question.
    pub(super) fn unreadable() -> Self {
        Self::Answer("sent an answer that cannot be read".to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Dead(match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer".to_owned(),
            kind @ (io::ErrorKind::ConnectionRefused | io::ErrorKind::UnexpectedEof) => format!("unreachable, {kind}"),
            _ => format!("unreachable, {error}"),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Dead(text) | Self::Answer(text)) = self;
        f.write_str(text)
    }
}
