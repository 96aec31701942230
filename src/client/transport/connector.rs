//! Making a connection: name lookup, TCP over all addresses, a proxy's CONNECT, TLS, all before one deadline.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::proxy::{ConnectError, Proxy};
use super::resolver::{self, LookupError};
use super::socket::{Plain, Socket};
use super::trust::{Presented, Trust};
use crate::client::settings::Settings;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::lock::lock;
use crate::log::Log;

/// While other addresses are left, one that does not answer costs no more.
const DEAD_ADDRESS: Duration = Duration::from_secs(1);

/// Why no connection came about; nothing of the request was sent.
#[derive(Debug)]
pub enum DialError {
    /// The appliance could not be connected to, directly or through a proxy that had connected us.
    Appliance(HopError),
    /// The proxy with this name and port did not connect us.
    Proxy(Host, u16, Box<ProxyError>),
}

/// Why a proxy did not connect us.
#[derive(Debug)]
pub enum ProxyError {
    /// It could not be connected to.
    Hop(HopError),
    /// It did not answer CONNECT with a connection.
    Connect(ConnectError),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection") // for ureq's trait only; `explain` has the sentences
    }
}

impl std::error::Error for DialError {}

/// Why one hop of the way, to the appliance or to the proxy, did not come about.
#[derive(Debug)]
pub enum HopError {
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
        /// The certificate that was presented, when it came to that.
        presented: Option<Fingerprint>,
    },
    /// The other side closed the connection, or it broke, during the TLS handshake.
    Closed(io::Error),
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
    presented_by_proxy: Presented,
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
        let (presented, presented_by_proxy) = (Presented::default(), Presented::default());
        let proxy = match proxy {
            Some(proxy) if proxy.tls => {
                let config = trust.of_proxy().config(presented_by_proxy.clone())?;
                Some((proxy, Some(Arc::new(config))))
            }
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
            presented_by_proxy,
            peer,
            log,
        })
    }

    /// The time for connecting.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// The whole way, within the time that is left for it.
    pub fn dial(&self, deadline: Instant) -> Result<StreamOwned<ClientConnection, Plain>, DialError> {
        *lock(&self.peer) = None;
        let mut plain = match &self.proxy {
            None => Plain::Tcp(self.tcp(&self.host, self.port, deadline).map_err(DialError::Appliance)?),
            Some((proxy, tls)) => {
                let at_proxy = |error| DialError::Proxy(proxy.host.clone(), proxy.port, Box::new(error));
                let plain = self.dial_proxy(proxy, tls.as_ref(), deadline);
                let mut plain = plain.map_err(|error| at_proxy(ProxyError::Hop(error)))?;
                let connected = proxy.connect(&mut plain, &self.host, self.port);
                connected.map_err(|error| at_proxy(ProxyError::Connect(error)))?;
                plain
            }
        };
        let address = plain.socket().address();
        let stream = handshake(self.tls.clone(), self.server_name.clone(), plain, &self.presented);
        let stream = stream.map_err(DialError::Appliance)?;
        let certificate = *lock(&self.presented);
        *lock(&self.peer) = Some(Peer { address, version: stream.conn.protocol_version(), certificate });
        Ok(stream)
    }

    /// The way to a proxy.
    fn dial_proxy(&self, proxy: &Proxy, tls: Option<&Arc<ClientConfig>>, deadline: Instant) -> Result<Plain, HopError> {
        let socket = self.tcp(&proxy.host, proxy.port, deadline)?;
        Ok(match tls {
            Some(tls) => {
                Plain::Tls(Box::new(handshake(tls.clone(), proxy.host.tls_name(), socket, &self.presented_by_proxy)?))
            }
            None => Plain::Tcp(socket),
        })
    }

    /// A TCP connection to the first address that takes one.
    fn tcp(&self, host: &Host, port: u16, deadline: Instant) -> Result<Socket, HopError> {
        let addresses: Vec<IpAddr> = resolver::lookup(host.lookup_name(), deadline).map_err(|error| {
            if error.deadline_passed() { HopError::SlowLookup(error) } else { HopError::Lookup(error) }
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
            match Socket::connect(address, patience, deadline) {
                Ok(socket) => return Ok(socket),
                Err(error) => {
                    self.log.debug(|| format!("{address}: {error}"));
                    refused.push((address, error));
                }
            }
        }
        let timed_out = |(_, error): &(_, io::Error)| error.kind() == io::ErrorKind::TimedOut;
        match refused.iter().all(timed_out) {
            true => Err(HopError::Deadline("the TCP connection")),
            false => Err(HopError::Tcp(refused)),
        }
    }
}

/// The TLS handshake over a stream, done here and now so that the deadline for connecting covers it.
fn handshake<S: Read + Write>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    mut stream: S,
    presented: &Presented,
) -> Result<StreamOwned<ClientConnection, S>, HopError> {
    *lock(presented) = None;
    let tls_error = |error| HopError::Tls { error, presented: *lock(presented) };
    let mut connection = ClientConnection::new(config, name).map_err(tls_error)?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => tls_error(error.clone()),
                None => match last_words(&mut connection, &mut stream, &error) {
                    Some(error) => tls_error(error),
                    None if error.kind() == io::ErrorKind::TimedOut => HopError::Deadline("the TLS handshake"),
                    None => HopError::Closed(error),
                },
            });
        }
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Why the other side has gone, if it said: its alert is still unread when a write finds the connection closed.
pub fn last_words(
    connection: &mut ClientConnection,
    stream: &mut impl Read,
    error: &io::Error,
) -> Option<rustls::Error> {
    let gone = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    gone.then(|| connection.read_tls(stream).ok())??;
    connection.process_new_packets().err()
}
