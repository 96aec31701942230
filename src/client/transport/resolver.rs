//! The name resolver: from a host name to the addresses to connect to.
//!
//! It exists because `lxca` is linked statically: `getaddrinfo` in a static glibc binary loads the
//! system's NSS modules with another libc's code and crashes on ordinary distributions. Hence the
//! rule of this module and of everything that uses it: a host name never reaches the standard
//! library (`ToSocketAddrs`, `TcpStream::connect("name:port")`), only a `SocketAddr` does.
//!
//! What lives here: [`lookup`], which asks the sources of names in their order (address literal,
//! hosts file, `localhost`, DNS), and the bounded reading of the files. What must not: the syntax of
//! the hosts file ([`hosts`]) and of `resolv.conf` ([`config`]), the choice of names and servers
//! ([`dns`]), sockets ([`exchange`]), DNS messages ([`message`]), sentences for people ([`error`]).
//!
//! Not consulted, as all of it needs NSS modules: mDNS (`.local`), LDAP and sssd hosts,
//! `myhostname`, and the per-link domains of systemd-resolved unless its stub is in `resolv.conf`.

mod config;
mod dns;
mod error;
mod exchange;
mod hosts;
mod message;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

use config::Plan;
pub(crate) use error::LookupError;

/// The most that is read of one file; what a bigger one holds behind it is not seen.
const FILE_LIMIT: u64 = 1 << 20;

/// Where names come from: a parameter, so that tests need neither root nor the system's files.
struct Sources<'a> {
    /// The hosts file, hosts(5).
    hosts: &'a Path,
    /// The resolver's configuration, resolv.conf(5).
    resolv_conf: &'a Path,
    /// A file that holds this machine's name, the source of the default search domain.
    hostname: &'a Path,
    /// The port of the name servers, which `resolv.conf` cannot express.
    port: u16,
}

/// All addresses of `name` in the order they should be tried, IPv4 before IPv6, never empty.
///
/// IPv4 comes first because management networks are IPv4 networks with, at best, half-configured
/// IPv6: the other order costs a connect timeout there and wins nothing elsewhere.
///
/// An address (IPv6 also in brackets) is returned at once, without opening a file.
///
/// # Errors
/// See [`LookupError`]. Network waits end at `deadline`; a hosts file is read even after it.
pub(crate) fn lookup(name: &str, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    let system = Sources {
        hosts: Path::new("/etc/hosts"),
        resolv_conf: Path::new("/etc/resolv.conf"),
        hostname: Path::new("/proc/sys/kernel/hostname"),
        port: 53,
    };
    lookup_in(&system, name, deadline)
}

/// [`lookup`] with other files and another port; fails as it does.
fn lookup_in(sources: &Sources, name: &str, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    if let Some(address) = literal(name) {
        return Ok(vec![address]);
    }
    message::host_name(name).map_err(|reason| LookupError::InvalidName { name: name.to_owned(), reason })?;
    // Without a readable hosts file DNS is asked, as getaddrinfo does.
    let hosts = read(sources.hosts).unwrap_or_default();
    let mut addresses = hosts::addresses(&hosts, name);
    if addresses.is_empty() {
        addresses = localhost(name);
    }
    if addresses.is_empty() {
        addresses = dns::resolve(name, &plan(sources)?, deadline)?;
    }
    Ok(in_order(addresses))
}

/// The address that `name` spells out, if it is one: `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`.
fn literal(name: &str) -> Option<IpAddr> {
    let bracketed = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// The loopback addresses if `name` is `localhost` or below it (RFC 6761 section 6.3: such a name
/// must not be sent to a name server), else none.
fn localhost(name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last_label = name.rsplit('.').next().unwrap_or_default();
    if last_label.eq_ignore_ascii_case("localhost") {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        Vec::new()
    }
}

/// The plan that `resolv.conf` asks for; an absent file is an empty one, resolv.conf(5).
///
/// # Errors
/// [`LookupError::Configuration`] if the file is there but cannot be read: asking the default
/// server instead, as getaddrinfo does, would hide the cause. [`LookupError::NoServer`].
fn plan(sources: &Sources) -> Result<Plan, LookupError> {
    let text = match read(sources.resolv_conf) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|cause| LookupError::Configuration { file: sources.resolv_conf.to_owned(), cause })?,
    };
    let hostname = read(sources.hostname).unwrap_or_default();
    Plan::parse(&text, &hostname, sources.port)
        .map_err(|unusable| LookupError::NoServer { file: sources.resolv_conf.to_owned(), unusable })
}

/// The complete lines in the first [`FILE_LIMIT`] bytes of a file.
///
/// # Errors
/// If the file cannot be opened or read.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_LIMIT).read_to_end(&mut text)?;
    if text.len() as u64 == FILE_LIMIT {
        // Half a line could name a wrong host.
        let complete = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        text.truncate(complete);
    }
    Ok(text)
}

/// IPv4 before IPv6, otherwise in the order found, each address once.
fn in_order(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut addresses = distinct(found);
    addresses.sort_by_key(IpAddr::is_ipv6); // stable
    addresses
}

/// Each item once, where it came first; for the handful of items that there are here.
fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}
