//! From a host name to the addresses to connect to.
//!
//! `getaddrinfo` in a static glibc binary loads the system's NSS modules together with another libc and crashes on
//! ordinary distributions. So a host name never reaches the standard library (`ToSocketAddrs`,
//! `TcpStream::connect("name:port")`), only a `SocketAddr` does.
//!
//! The order: address literal, hosts file, `localhost`, DNS as musl asks it. What needs NSS modules is not asked: mDNS,
//! LDAP, sssd, `myhostname`, the links of systemd-resolved without its stub.

mod dns;
mod error;
mod exchange;
mod files;
mod message;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

pub(crate) use error::LookupError;

/// So many addresses of one name are kept, and at most so many of each family until they are sorted.
const MAX_ADDRESSES: usize = 16;

/// Where names come from: a parameter, so that tests need neither root nor the system's files.
struct Sources<'a> {
    /// hosts(5).
    hosts: &'a Path,
    /// resolv.conf(5).
    resolv_conf: &'a Path,
    /// Holds the name of this machine, the source of the default search domain.
    hostname: &'a Path,
    /// The port of the name servers, which `resolv.conf` cannot express.
    port: u16,
}

/// The addresses of `name` in the order to try them: 1 to 16, distinct, IPv4 before IPv6.
///
/// IPv4 comes first because management networks are IPv4 networks with, at best, half-configured IPv6: the other order
/// costs a connect timeout there and wins nothing elsewhere.
///
/// An address (IPv6 also in brackets) is returned at once, without opening a file.
///
/// # Errors
/// See [`LookupError`]. No file is read and no server is waited for after `deadline`.
pub(crate) fn lookup(name: &str, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    let system = Sources {
        hosts: Path::new("/etc/hosts"),
        resolv_conf: Path::new("/etc/resolv.conf"),
        hostname: Path::new("/proc/sys/kernel/hostname"),
        port: 53,
    };
    lookup_in(&system, name, deadline)
}

/// [`lookup`] with other files and another port.
fn lookup_in(sources: &Sources, name: &str, deadline: Instant) -> Result<Vec<IpAddr>, LookupError> {
    if let Some(address) = literal(name) {
        return Ok(vec![address]);
    }
    message::host_name(name).map_err(|reason| LookupError::invalid_name(name, reason))?;
    let mut addresses = files::hosts(sources.hosts, name, deadline);
    if addresses.is_empty() {
        addresses = localhost(name);
    }
    if addresses.is_empty() {
        addresses = dns::resolve(name, &files::Config::read(sources, deadline)?, deadline)?;
    }
    addresses.sort_by_key(IpAddr::is_ipv6); // stable
    addresses.truncate(MAX_ADDRESSES);
    Ok(addresses)
}

/// The address that `name` spells out, if it is one: `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`.
fn literal(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// The loopback addresses if `name` is `localhost` or below it: RFC 6761 section 6.3 forbids asking a name server.
fn localhost(name: &str) -> Vec<IpAddr> {
    let last_label = without_dot(name).rsplit('.').next().unwrap_or_default();
    match last_label.eq_ignore_ascii_case("localhost") {
        true => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        false => Vec::new(),
    }
}

/// `host.example` for `host.example.`
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Adds an address unless it is there already or its family has [`MAX_ADDRESSES`].
fn keep(addresses: &mut Vec<IpAddr>, address: IpAddr) {
    let family = addresses.iter().filter(|kept| kept.is_ipv4() == address.is_ipv4());
    if family.count() < MAX_ADDRESSES && !addresses.contains(&address) {
        addresses.push(address);
    }
}
