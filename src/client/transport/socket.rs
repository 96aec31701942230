//! The streams below TLS: a TCP socket all of whose reads and writes end at a deadline, alone or inside TLS to a proxy.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use rustls::{ClientConnection, StreamOwned};

/// How long a connection is silent before TCP asks whether the other side is still there: an appliance that works on a
/// request says nothing for minutes, and firewalls forget silent connections.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A TCP socket all of whose reads and writes end at a deadline.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    address: SocketAddr,
    deadline: Instant,
}

impl Socket {
    /// A connection to an address.
    ///
    /// # Errors
    /// What the system says; `TimedOut` after this time.
    pub fn connect(address: SocketAddr, patience: Duration, deadline: Instant) -> io::Result<Socket> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        // Requests are one small write each: waiting to fill a packet only costs time.
        stream.set_nodelay(true)?;
        // Connect even where the system does not support this.
        let _ = sockopt::set_socket_keepalive(&stream, true)
            .and_then(|()| sockopt::set_tcp_keepidle(&stream, KEEPALIVE))
            .and_then(|()| sockopt::set_tcp_keepintvl(&stream, KEEPALIVE));
        Ok(Socket { stream, address, deadline })
    }

    /// The other side.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all reads and writes to come at another time.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

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
    pub fn is_idle(&mut self) -> bool {
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
    /// The socket at the bottom.
    pub fn socket(&mut self) -> &mut Socket {
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
