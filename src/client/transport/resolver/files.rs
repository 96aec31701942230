//! The hosts file, hosts(5), and the configuration of the resolver, resolv.conf(5).

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::SplitAsciiWhitespace;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::net::netdevice::name_to_index;

use super::{LookupError, Sources, keep, without_dot};

/// Longer lines are skipped.
const MAX_LINE: u64 = 64 << 10;

/// As many name servers are asked as glibc and musl do (MAXNS in resolv.conf(5)).
const MAX_SERVERS: usize = 3;

/// So many domains of the search list are used.
const MAX_SEARCH: usize = 32;

/// The addresses that the hosts file gives `name`, in its order.
///
/// Names compare without regard to case and to a final dot; lines without an address are skipped. A file that cannot be
/// read has no addresses: then DNS is asked, as getaddrinfo does.
pub(super) fn hosts(file: &Path, name: &str, deadline: Instant) -> Vec<IpAddr> {
    let name = without_dot(name);
    let mut addresses = Vec::new();
    let _ = lines(file, deadline, b"#", |mut words| {
        let address = words.next().unwrap_or_default();
        if words.any(|word| without_dot(word).eq_ignore_ascii_case(name))
            && let Ok(address) = address.parse()
        {
            keep(&mut addresses, address);
        }
    });
    addresses
}

/// How to ask DNS.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// The name servers in the order of the file, 1 to 3.
    pub(super) servers: Vec<SocketAddr>,
    /// Whether the server is a default, because the file names none.
    pub(super) assumed: bool,
    /// Domains to try a name in.
    pub(super) search: Vec<String>,
    /// A name with at least so many dots is tried as it is first.
    pub(super) ndots: usize,
    /// How long each attempt may take.
    pub(super) timeout: Duration,
    /// How often the servers are asked.
    pub(super) attempts: u32,
    /// Whether to ask over TCP only (`use-vc`).
    pub(super) tcp: bool,
    /// Whether to ask for IPv6 addresses too (not with `no-aaaa`).
    pub(super) ipv6: bool,
}

impl Config {
    /// Reads `resolv.conf`; an absent file is an empty one. What cannot be understood is skipped.
    ///
    /// # Errors
    /// If the file is there but cannot be read (asking the default server instead, as getaddrinfo does, would hide the
    /// cause), or none of its servers can be used.
    pub(super) fn read(sources: &Sources, deadline: Instant) -> Result<Self, LookupError> {
        let mut config = Self {
            servers: Vec::new(),
            assumed: false,
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            tcp: false,
            ipv6: true,
        };
        let mut unusable = Vec::new();
        let read = lines(sources.resolv_conf, deadline, b"#;", |mut words| match words.next() {
            Some("nameserver") => match words.next().map(|text| server(text, sources.port).ok_or(text)) {
                Some(Ok(server)) if config.servers.len() < MAX_SERVERS => config.servers.push(server),
                Some(Err(text)) if unusable.len() < MAX_SERVERS => unusable.push(text.to_owned()),
                _ => {}
            },
            Some("search") => config.search = words.take(MAX_SEARCH).map(str::to_owned).collect(),
            Some("domain") => config.search = words.take(1).map(str::to_owned).collect(),
            Some("options") => words.for_each(|option| config.set(option)),
            _ => {}
        });
        if let Err(cause) = read
            && cause.kind() != io::ErrorKind::NotFound
        {
            return Err(LookupError::unreadable(sources.resolv_conf, &cause));
        }
        if config.servers.is_empty() {
            if !unusable.is_empty() {
                return Err(LookupError::no_server(sources.resolv_conf, &unusable));
            }
            config.assumed = true;
            config.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), sources.port));
        }
        if config.search.is_empty() {
            // Without this file there is no default domain.
            let _ = lines(sources.hostname, deadline, b"", |mut words| {
                let domain = words.next().and_then(|host| host.split_once('.'));
                config.search.extend(domain.map(|(_, domain)| domain.to_owned()));
            });
        }
        Ok(config)
    }

    /// Takes one option, within the limits of resolv.conf(5).
    fn set(&mut self, option: &str) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        match (name, value.parse::<u32>()) {
            ("ndots", Ok(dots)) => self.ndots = dots.min(15) as usize,
            ("timeout", Ok(seconds)) => self.timeout = Duration::from_secs(seconds.clamp(1, 30).into()),
            ("attempts", Ok(attempts)) => self.attempts = attempts.clamp(1, 5),
            ("use-vc", _) => self.tcp = true,
            ("no-aaaa", _) => self.ipv6 = false,
            _ => {}
        }
    }
}

/// The socket address of a name server: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`, `fe80::1%2`.
fn server(text: &str, port: u16) -> Option<SocketAddr> {
    let Some((address, scope)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse().ok()?, port));
    };
    let address: Ipv6Addr = address.parse().ok()?;
    let scope = scope.parse().ok().or_else(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?; // the kernel answers through any
        name_to_index(socket, scope).ok()
    })?;
    Some(SocketAddrV6::new(address, port, 0, scope).into())
}

/// Shows `see` the words of every line up to a byte of `comment`, without holding the file in memory. Lines that are too
/// long or not UTF-8 are skipped, and everything after the deadline.
fn lines(file: &Path, deadline: Instant, comment: &[u8], mut see: impl FnMut(SplitAsciiWhitespace)) -> io::Result<()> {
    // Opening a FIFO must not wait for its writer.
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(file)?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    let mut skipping = false;
    // Some files have no end (`/dev/zero`).
    while Instant::now() < deadline {
        line.clear();
        let length = file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? as u64;
        if length == 0 {
            break;
        }
        let complete = line.ends_with(b"\n") || length < MAX_LINE;
        if skipping || !complete {
            skipping = !complete;
            continue;
        }
        // Comments go first: they alone may be in another encoding.
        let entry = line.split(|byte| comment.contains(byte)).next().unwrap_or_default();
        if let Ok(entry) = std::str::from_utf8(entry) {
            see(entry.split_ascii_whitespace());
        }
    }
    Ok(())
}
