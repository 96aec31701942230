//! Making a connection: name lookup, TCP over all addresses, a proxy's CONNECT, TLS, all before one deadline.
//!
//! The only file that imports `ureq::unversioned`, which promises no stable interface: hence `~` in Cargo.toml.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, NextTimeout, Transport};

use super::proxy::{Proxy, ProxyRefusal};
use super::resolver::{self, LookupError};
use super::trust::{Presented, Trust};
use crate::client::settings::Settings;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::lock::lock;
use crate::log::Log;

/// While other addresses are left, one that does not answer costs no more.
const DEAD_ADDRESS: Duration = Duration::from_secs(1);

/// The first size of the buffer for input: an ordinary answer fits.
const FIRST_INPUT: usize = 8 << 10;

/// Why no connection came about; nothing of the request was sent.
#[derive(Debug)]
pub enum DialError {
    /// The name has no address.
    Lookup(LookupError),
    /// The time for connecting ran out with the name lookup.
    SlowLookup(LookupError),
    /// No address could be connected to: each with its reason.
    Tcp(Vec<(SocketAddr, io::Error)>),
    /// The time for connecting ran out with this.
    Deadline(&'static str),
    /// The TLS handshake failed.
    Tls {
        /// What rustls says of it.
        error: rustls::Error,
        /// The certificate the server presented, when it came to that.
        presented: Option<Fingerprint>,
    },
    /// The other side closed the connection, or it broke, while this was being done.
    Closed(&'static str, io::Error),
    /// The proxy did not connect us.
    Proxy(ProxyRefusal),
    /// One of the others, on the way to the proxy with this name and port or there.
    AtProxy(Host, u16, Box<DialError>),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}") // for ureq's trait only; `explain` has the sentences
    }
}

impl std::error::Error for DialError {}

impl DialError {
    /// What an error of the socket means while something is being done.
    pub fn of(doing: &'static str, error: io::Error) -> DialError {
        match error.kind() {
            io::ErrorKind::TimedOut => DialError::Deadline(doing),
            _ => DialError::Closed(doing, error),
        }
    }
}

/// The other side of the last connection, for the log.
#[derive(Clone, Debug)]
pub struct Peer {
    address: SocketAddr,
    version: Option<rustls::ProtocolVersion>,
    certificate: Option<Fingerprint>,
}

impl Peer {
    /// The certificate it presented.
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.certificate
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        self.version.iter().try_for_each(|version| write!(f, ", {version:?}"))?;
        self.certificate.iter().try_for_each(|certificate| write!(f, ", {certificate}"))
    }
}

/// Makes connections to the one appliance of a call.
pub struct Connector {
    host: Host,
    port: u16,
    server_name: ServerName<'static>,
    connect_timeout: Duration,
    tls: Arc<ClientConfig>,
    proxy: Option<(Proxy, Option<Arc<ClientConfig>>)>,
    presented: Presented,
    peer: Arc<Mutex<Option<Peer>>>,
    log: Log,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({}:{})", self.host.as_str(), self.port)
    }
}

impl Connector {
    /// A connector that trusts what it is told to; nothing is sent.
    ///
    /// # Errors
    /// `local_file` when the CA file cannot be used.
    pub fn new(
        settings: &Settings,
        trust: &Trust,
        proxy: Option<Proxy>,
        peer: Arc<Mutex<Option<Peer>>>,
        log: Log,
    ) -> Result<Connector, Failure> {
        let presented = Presented::default();
        let proxy = match proxy {
            // A certificate of the proxy's is none of the appliance's: it is noted elsewhere.
            Some(proxy) if proxy.tls => Some((proxy, Some(Arc::new(trust.of_proxy().config(Presented::default())?)))),
            other => other.map(|proxy| (proxy, None)),
        };
        Ok(Connector {
            host: settings.host.clone(),
            port: settings.port,
            server_name: settings.server_name.as_ref().unwrap_or(&settings.host).tls_name(),
            connect_timeout: settings.connect_timeout,
            tls: Arc::new(trust.config(presented.clone())?),
            proxy,
            presented,
            peer,
            log,
        })
    }

    /// The whole way, within the time that is left for it.
    fn dial(&self, deadline: Instant) -> Result<Tunnel, DialError> {
        *lock(&self.presented) = None;
        *lock(&self.peer) = None;
        let (plain, address) = match &self.proxy {
            None => {
                let socket = self.tcp(&self.host, self.port, deadline)?;
                let address = socket.address;
                (Plain::Tcp(socket), address)
            }
            Some((proxy, tls)) => self
                .dial_proxy(proxy, tls.as_ref(), deadline)
                .map_err(|error| DialError::AtProxy(proxy.host.clone(), proxy.port, Box::new(error)))?,
        };
        let stream = handshake(self.tls.clone(), self.server_name.clone(), plain, &self.presented)?;
        let certificate = *lock(&self.presented);
        *lock(&self.peer) = Some(Peer { address, version: stream.conn.protocol_version(), certificate });
        Ok(Tunnel { stream, buffers: Growing::default() })
    }

    /// The way through a proxy up to the end of its CONNECT, and the proxy's address.
    fn dial_proxy(
        &self,
        proxy: &Proxy,
        tls: Option<&Arc<ClientConfig>>,
        deadline: Instant,
    ) -> Result<(Plain, SocketAddr), DialError> {
        let socket = self.tcp(&proxy.host, proxy.port, deadline)?;
        let address = socket.address;
        let mut plain = match tls {
            Some(tls) => {
                let tls = handshake(tls.clone(), proxy.host.tls_name(), socket, &Presented::default())?;
                Plain::Tls(Box::new(tls))
            }
            None => Plain::Tcp(socket),
        };
        proxy.connect(&mut plain, &self.host, self.port).map_err(|refusal| match refusal {
            ProxyRefusal::Broken(error) => DialError::of("the proxy's answer to CONNECT", error),
            refusal => DialError::Proxy(refusal),
        })?;
        Ok((plain, address))
    }

    /// A TCP connection to the first address that takes one.
    fn tcp(&self, host: &Host, port: u16, deadline: Instant) -> Result<Socket, DialError> {
        let addresses: Vec<IpAddr> = resolver::lookup(host.lookup_name(), deadline).map_err(|error| {
            if error.deadline_passed() { DialError::SlowLookup(error) } else { DialError::Lookup(error) }
        })?;
        let mut refused = Vec::new();
        let mut left = addresses.len();
        for address in addresses {
            left -= 1;
            let address = SocketAddr::new(address, port);
            let remaining = deadline.saturating_duration_since(Instant::now());
            let patience = if left > 0 { remaining.min(DEAD_ADDRESS) } else { remaining };
            if patience.is_zero() {
                break;
            }
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    // Requests are one small write each: waiting to fill a packet only costs time.
                    stream.set_nodelay(true).map_err(|error| DialError::of("the TCP connection", error))?;
                    return Ok(Socket { stream, address, deadline });
                }
                Err(error) => {
                    self.log.debug(|| format!("{address}: {error}"));
                    refused.push((address, error));
                }
            }
        }
        let timed_out = |(_, error): &(_, io::Error)| error.kind() == io::ErrorKind::TimedOut;
        match refused.iter().all(timed_out) {
            true => Err(DialError::Deadline("the TCP connection")),
            false => Err(DialError::Tcp(refused)),
        }
    }
}

impl ureq::unversioned::transport::Connector for Connector {
    type Out = Tunnel;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Tunnel>, ureq::Error> {
        let left = (*details.timeout.after).min(self.connect_timeout);
        self.dial(Instant::now() + left).map(Some).map_err(|error| ureq::Error::Other(Box::new(error)))
    }
}

/// The TLS handshake over a stream, done here and now so that the deadline for connecting covers it.
fn handshake<S: Read + Write>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    mut stream: S,
    presented: &Presented,
) -> Result<StreamOwned<ClientConnection, S>, DialError> {
    let tls_error = |error| DialError::Tls { error, presented: *lock(presented) };
    let mut connection = ClientConnection::new(config, name).map_err(tls_error)?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => tls_error(error.clone()),
                None => match last_words(&mut connection, &mut stream, &error) {
                    Some(error) => tls_error(error),
                    None => DialError::of("the TLS handshake", error),
                },
            });
        }
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Why the other side has gone, as far as it said: its alert is still unread when a write finds the connection closed.
fn last_words(connection: &mut ClientConnection, stream: &mut impl Read, error: &io::Error) -> Option<rustls::Error> {
    let gone = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    gone.then(|| connection.read_tls(stream).ok())??;
    connection.process_new_packets().err()
}

/// A TCP socket all of whose reads and writes end at a deadline.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    address: SocketAddr,
    deadline: Instant,
}

impl Socket {
    /// Does something with the socket, again when a signal interrupted it: the signal has its own thread.
    fn before_deadline<T>(&mut self, mut act: impl FnMut(&mut TcpStream, Duration) -> io::Result<T>) -> io::Result<T> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match act(&mut self.stream, left) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What a socket says whose time ran out.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
                other => return other,
            }
        }
    }

    /// Whether the other side neither closed the idle connection nor sent something unasked.
    fn is_idle(&mut self) -> bool {
        let peeked = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        let idle = matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && idle
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.before_deadline(|stream, left| {
            stream.set_read_timeout(Some(left))?;
            stream.read(buffer)
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.before_deadline(|stream, left| {
            stream.set_write_timeout(Some(left))?;
            stream.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // TcpStream has no buffer
    }
}

/// What TLS to the appliance runs over.
#[derive(Debug)]
pub enum Plain {
    /// TCP, to the appliance or through an HTTP proxy.
    Tcp(Socket),
    /// TLS to an HTTPS proxy.
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Plain {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Plain::Tcp(socket) => socket,
            Plain::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(socket) => socket.read(buffer),
            Plain::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(socket) => socket.write(bytes),
            Plain::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Plain::Tcp(socket) => socket.flush(),
            Plain::Tls(stream) => stream.flush(),
        }
    }
}

/// A finished connection, as ureq uses it.
#[derive(Debug)]
pub struct Tunnel {
    stream: StreamOwned<ClientConnection, Plain>,
    buffers: Growing,
}

impl Tunnel {
    /// The exchange has a deadline of its own, of which ureq tells what is left.
    fn limit(&mut self, timeout: NextTimeout) {
        // A day is the longest time-out there is; "never" is not among them.
        let left = (*timeout.after).min(Duration::from_secs(86_400));
        self.stream.sock.socket().deadline = Instant::now() + left;
    }
}

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.limit(timeout);
        let bytes = self.buffers.output().get(..amount).unwrap_or_default();
        let sent = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        sent.map_err(|error| {
            let StreamOwned { conn, sock } = &mut self.stream;
            let why = last_words(conn, sock, &error).map(|why| io::Error::new(io::ErrorKind::InvalidData, why));
            timed_out(why.unwrap_or(error), timeout)
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.limit(timeout);
        let read = self.stream.read(self.buffers.input_append_buf()).map_err(|error| timed_out(error, timeout))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.socket().is_idle()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Buffers that grow with what arrives. A header of the largest size has to fit into the input; ureq's own buffers are of
/// that size and zeroed from the start, which costs more than HTTP and JSON of an ordinary answer together.
#[derive(Debug, Default)]
struct Growing {
    input: Vec<u8>,
    /// What of the input has been used, and what has been read: the rest is free.
    consumed: usize,
    filled: usize,
    output: Vec<u8>,
    /// Whether the last look at the input used any of it; if not, more has to be read first.
    progress: bool,
}

impl Growing {
    /// Makes room for more input, and for output.
    fn make_room(&mut self) {
        if self.consumed > 0 {
            self.input.copy_within(self.consumed..self.filled, 0);
            self.filled -= self.consumed;
            self.consumed = 0;
        }
        if self.filled == self.input.len() {
            let size = (2 * self.filled).clamp(FIRST_INPUT, super::INPUT_BUFFER);
            self.input.resize(size, 0);
        }
        self.output.resize(super::OUTPUT_BUFFER, 0);
    }
}

impl Buffers for Growing {
    fn output(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        self.input.get(self.consumed..self.filled).unwrap_or_default()
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        self.input.get_mut(self.filled..).unwrap_or_default()
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room();
        (self.input.get_mut(self.filled..).unwrap_or_default(), &mut self.output)
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    fn can_use_input(&self) -> bool {
        !self.input().is_empty() && self.progress
    }
}

/// The socket's own "timed out" in ureq's words.
fn timed_out(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => ureq::Error::Io(error),
    }
}

/// ureq looks names up before it connects; here that is part of connecting, under the same deadline.
#[derive(Debug)]
pub struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
