//! The resolver's configuration, resolv.conf(5), as the crate `resolv-conf` reads it.
//!
//! What lives here: defaults and limits, and which of the servers can be used at all. What must
//! not: reading files, asking servers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use resolv_conf::{Config, ScopedIp};

/// As many name servers are used as glibc does (MAXNS in resolv.conf(5)).
const MAX_SERVERS: usize = 3;

/// How to ask: what is left of `resolv.conf` for [`super::dns`].
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The name servers in the order of the file, at least one.
    pub(super) servers: Vec<SocketAddr>,
    /// Whether the server is a default, because the file names none.
    pub(super) assumed: bool,
    /// Domains to try a name in.
    pub(super) search: Vec<String>,
    /// A name with at least so many dots is tried as it is first.
    pub(super) ndots: usize,
    /// How long one server may take to answer.
    pub(super) timeout: Duration,
    /// How often the list of servers is gone through.
    pub(super) attempts: u32,
    /// Whether to start with any of the servers instead of the first.
    pub(super) rotate: bool,
    /// Whether to ask over TCP only (`use-vc`).
    pub(super) tcp: bool,
    /// Whether IPv6 addresses may be asked for (not with `no-aaaa`).
    pub(super) ipv6: bool,
}

impl Plan {
    /// Reads the content of a `resolv.conf`; `hostname` is this machine's name, whose domain is the
    /// search list if the file has none, and `port` that of the servers.
    ///
    /// Lines that cannot be understood are skipped, as glibc does.
    ///
    /// # Errors
    /// The servers of the file if there are some and none can be used.
    pub(super) fn parse(text: &[u8], hostname: &[u8], port: u16) -> Result<Self, Vec<String>> {
        let (config, _skipped) = Config::parse_with_errors(text);
        let named = &config.nameservers;
        let mut servers: Vec<_> = named.iter().filter_map(|ip| server(ip, port)).collect();
        servers.truncate(MAX_SERVERS);
        if servers.is_empty() && !named.is_empty() {
            return Err(named.iter().map(ToString::to_string).collect());
        }
        let assumed = servers.is_empty();
        if assumed {
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        }
        let mut search: Vec<_> = config.get_last_search_or_domain().cloned().collect();
        if search.is_empty() {
            search.extend(domain_of(hostname));
        }
        Ok(Self {
            servers,
            assumed,
            search,
            // The limits are those of resolv.conf(5).
            ndots: config.ndots.min(15) as usize,
            timeout: Duration::from_secs(config.timeout.clamp(1, 30).into()),
            attempts: config.attempts.clamp(1, 5),
            rotate: config.rotate,
            tcp: config.use_vc,
            ipv6: !config.no_aaaa,
        })
    }
}

/// The socket address of a name server, or none if its scope is an interface's name: turning that
/// into the number the kernel wants would take unsafe code.
fn server(ip: &ScopedIp, port: u16) -> Option<SocketAddr> {
    match ip {
        ScopedIp::V6(ip, Some(scope)) => Some(SocketAddrV6::new(*ip, port, 0, scope.parse().ok()?).into()),
        unscoped => Some(SocketAddr::new(IpAddr::from(unscoped), port)),
    }
}

/// The domain of a host name: all behind its first dot.
fn domain_of(hostname: &[u8]) -> Option<String> {
    let (_, domain) = std::str::from_utf8(hostname).ok()?.trim().split_once('.')?;
    (!domain.is_empty()).then(|| domain.to_owned())
}
