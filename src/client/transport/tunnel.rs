//! A finished connection, as ureq uses it.
//!
//! This file and `buffers` import `ureq::unversioned`, which promises no stable interface: hence `~` in Cargo.toml.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{self, Buffers, ConnectionDetails, NextTimeout, Transport};

use super::buffers::GrowingBuffers;
use super::connector::{Connector, last_words};
use super::socket::Plain;

impl transport::Connector for Connector {
    type Out = Tunnel;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Tunnel>, ureq::Error> {
        let left = (*details.timeout.after).min(self.connect_timeout());
        let stream = self.dial(Instant::now() + left);
        stream
            .map(|stream| Some(Tunnel { stream, buffers: GrowingBuffers::default() }))
            .map_err(|error| ureq::Error::Other(Box::new(error)))
    }
}

/// A finished connection, as ureq uses it.
#[derive(Debug)]
pub struct Tunnel {
    stream: StreamOwned<ClientConnection, Plain>,
    buffers: GrowingBuffers,
}

impl Tunnel {
    /// The exchange has its own deadline; ureq reports the time left.
    fn limit(&mut self, timeout: NextTimeout) {
        // A day is the longest time-out there is; "never" is not among them.
        let left = (*timeout.after).min(Duration::from_secs(86_400));
        self.stream.sock.socket().set_deadline(Instant::now() + left);
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
            in_words_of_ureq(why.unwrap_or(error), timeout)
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.limit(timeout);
        let read =
            self.stream.read(self.buffers.input_append_buf()).map_err(|error| in_words_of_ureq(error, timeout))?;
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

/// The other side closed the connection without the end that TLS has for that. ureq must not see the kind of such an
/// error: it takes three of them for the end of a body that has neither length nor chunks.
#[derive(Debug)]
pub struct Cut(pub io::ErrorKind);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Cut {}

/// An error of the connection in ureq's words.
fn in_words_of_ureq(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        kind @ (io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            ureq::Error::Io(io::Error::other(Cut(kind)))
        }
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
