//! A finished connection, as ureq uses it.
//!
//! The only file that imports `ureq::unversioned`, which promises no stable interface: hence `~` in Cargo.toml.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{self, Buffers, ConnectionDetails, NextTimeout, Transport};

use super::connector::{Connector, last_words};
use super::socket::Plain;

/// The first size of the buffer for input: an ordinary answer fits.
const FIRST_INPUT: usize = 8 << 10;

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
    /// The exchange has a deadline of its own, of which ureq tells what is left.
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

/// Buffers that grow with what arrives. A header of the largest size has to fit into the input; ureq's own buffers are of
/// that size and zeroed from the start, which costs more than HTTP and JSON of an ordinary answer together.
#[derive(Debug, Default)]
struct GrowingBuffers {
    input: Vec<u8>,
    /// What of the input has been used, and what has been read: the rest is free.
    consumed: usize,
    filled: usize,
    output: Vec<u8>,
    /// Whether the last look at the input used any of it; if not, more has to be read first.
    progress: bool,
}

impl GrowingBuffers {
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

impl Buffers for GrowingBuffers {
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
