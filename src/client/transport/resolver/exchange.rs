//! One name, all servers at once: the queries for its addresses, over UDP and TCP.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::Rtype;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::error::{Failure, Report};
use super::files::Config;
use super::message::{HostName, Query, Verdict};

/// How long the other question is waited for once one has addresses: a server that knows A knows AAAA as fast, and what
/// swallows AAAA queries swallows all of them.
const GRACE: Duration = Duration::from_millis(300);

/// A buffer for one datagram, with room for servers that send more than 512 octets.
const DATAGRAM: usize = 4096;

/// Asks all servers for A and AAAA records, as often as the configuration says. The first usable answer settles each.
///
/// # Errors
/// What each server did, if they do not settle by `deadline` whether the name has addresses.
pub(super) fn ask(name: &HostName, config: &Config, deadline: Instant) -> Result<Verdict, Vec<Report>> {
    let mut open = Vec::new();
    for rtype in [Rtype::A, Rtype::AAAA].into_iter().filter(|rtype| config.ipv6 || *rtype == Rtype::A) {
        for server in &config.servers {
            let query = Query::new(name, rtype).map_err(|error| vec![(*server, error.into())])?;
            open.push(Exchange::new(*server, query, config.tcp));
        }
    }
    let mut settled: Vec<Verdict> = Vec::new();
    for _ in 0..config.attempts {
        if remaining(deadline).is_none() {
            break;
        }
        let mut until = deadline.min(Instant::now() + config.timeout);
        open.iter_mut().for_each(Exchange::begin);
        loop {
            let mut awaited = open.iter().filter(|exchange| exchange.failure.is_none()).count();
            let answer = open.iter_mut().filter(|exchange| exchange.failure.is_none()).find_map(|exchange| {
                let verdict = exchange.receive(until, awaited);
                awaited -= usize::from(exchange.failure.is_some());
                Some((exchange.query.rtype, verdict?))
            });
            if let Some((rtype, verdict)) = answer {
                if matches!(verdict, Verdict::Addresses(_)) {
                    until = until.min(Instant::now() + GRACE);
                }
                settled.push(verdict);
                open.retain(|exchange| exchange.query.rtype != rtype);
            } else if !wait(&open, until) {
                break;
            }
        }
        if open.is_empty() || settled.iter().any(|verdict| matches!(verdict, Verdict::Addresses(_))) {
            return Ok(settled.into_iter().fold(Verdict::NoName, Verdict::and));
        }
    }
    // The same servers for each type that is open: one is enough.
    Err(open.into_iter().take(config.servers.len()).map(Exchange::report).collect())
}

/// The time left until an instant, or none.
pub(super) fn remaining(until: Instant) -> Option<Duration> {
    let rest = until.saturating_duration_since(Instant::now());
    (!rest.is_zero()).then_some(rest)
}

/// Waits until one of the sockets has something to say; false if nothing is awaited or the time is over.
fn wait(exchanges: &[Exchange], until: Instant) -> bool {
    let awaited = exchanges.iter().filter(|exchange| exchange.failure.is_none());
    let sockets = awaited.filter_map(|exchange| exchange.socket.as_ref());
    let mut sockets: Vec<_> = sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
    match remaining(until).and_then(|rest| Timespec::try_from(rest).ok()) {
        Some(rest) if !sockets.is_empty() => matches!(poll(&mut sockets, Some(&rest)), Ok(_) | Err(Errno::INTR)),
        _ => false,
    }
}

/// A query to one server, on a port and with an id that no other has.
struct Exchange {
    server: SocketAddr,
    query: Query,
    /// Where the answer over UDP arrives; one to an earlier attempt is as good.
    socket: Option<UdpSocket>,
    /// Whether to ask over TCP: by wish, or because the answer did not fit into a datagram.
    tcp: bool,
    /// Why no answer is awaited.
    failure: Option<Failure>,
}

impl Exchange {
    fn new(server: SocketAddr, query: Query, tcp: bool) -> Self {
        let failure = Some(Failure::Dead("not asked, there was no time left".to_owned()));
        Self { server, query, socket: None, tcp, failure }
    }

    /// Starts an attempt.
    fn begin(&mut self) {
        let sent = if self.tcp { Ok(()) } else { self.send() };
        self.failure = sent.err().map(Failure::from);
    }

    /// Connected sockets receive from this server only, and learn of ICMP errors (udp(7)). The kernel picks a random port.
    fn send(&mut self) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let any =
                    if self.server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
                let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
                socket.connect(self.server)?;
                socket.set_nonblocking(true)?;
                socket
            }
        };
        self.socket.insert(socket).send(self.query.as_datagram()).map(drop)
    }

    /// What the server answers, if that is known now; over TCP within the time left for one of so many exchanges.
    fn receive(&mut self, until: Instant, awaited: usize) -> Option<Verdict> {
        let mut answer = if self.tcp { Ok(None) } else { self.over_udp() };
        if self.tcp {
            let share = remaining(until).unwrap_or_default() / awaited.max(1) as u32;
            answer = self.over_tcp(Instant::now() + share).map(Some);
        }
        answer.unwrap_or_else(|failure| {
            self.failure = Some(failure);
            None
        })
    }

    /// Takes in a datagram. Anything else than an answer to the query is ignored: anyone can send datagrams.
    fn over_udp(&mut self) -> Result<Option<Verdict>, Failure> {
        let mut buffer = [0; DATAGRAM];
        let length = match self.socket.as_ref().map(|socket| socket.recv(&mut buffer)) {
            Some(Ok(length)) => length,
            Some(Err(error)) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Err(error.into());
            }
            _ => return Ok(None),
        };
        let Some(message) = self.query.answer(buffer.get(..length).unwrap_or_default()) else {
            return Ok(None);
        };
        self.tcp = message.header().tc();
        if self.tcp { Ok(None) } else { self.query.verdict(message).map(Some) }
    }

    /// Asks on a TCP connection (RFC 7766), with the length of each message in front.
    fn over_tcp(&self, until: Instant) -> Result<Verdict, Failure> {
        let converse = || {
            let rest = || remaining(until).ok_or(io::ErrorKind::TimedOut);
            let stream = TcpStream::connect_timeout(&self.server, rest()?)?;
            stream.set_write_timeout(Some(rest()?))?;
            (&stream).write_all(self.query.as_stream())?;
            let mut stream = UntilDeadline { stream, until };
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut answer = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut answer).map(|()| answer)
        };
        let octets = converse().map_err(|error| Failure::Dead(format!("over TCP {}", Failure::from(error))))?;
        let message = self.query.answer(&octets).ok_or_else(Failure::unreadable)?;
        self.query.verdict(message)
    }

    /// The server, and why it was of no use.
    fn report(self) -> Report {
        (self.server, self.failure.unwrap_or_else(|| io::Error::from(io::ErrorKind::TimedOut).into()))
    }
}

/// A connection whose reads all end at one time: with the timeout of the socket alone, a server could drip byte after
/// byte forever.
struct UntilDeadline {
    stream: TcpStream,
    until: Instant,
}

impl Read for UntilDeadline {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = remaining(self.until).ok_or(io::ErrorKind::TimedOut)?;
        self.stream.set_read_timeout(Some(rest))?;
        // The clock of the socket may be ahead: `Interrupted` makes the caller look at ours again.
        self.stream.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::Interrupted.into(),
            _ => error,
        })
    }
}
