//! One server, one name: the queries for its addresses, over UDP and TCP.
//!
//! What lives here: sockets and their time limits. What must not: which server or name is next, and
//! what a message means.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::OptRcode;
use domain::base::{Message, Rtype};

use super::error::Failure;
use super::message::{HostName, Query, Verdict, merge};

/// How long an answer with addresses (or one that settles nothing) waits for the other one: a
/// server that knows A knows AAAA as fast, and what swallows AAAA queries swallows all of them.
const GRACE: Duration = Duration::from_millis(300);

/// A buffer for one datagram, with room for servers that ignore the size they were asked for.
const DATAGRAM: usize = 4096;

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// With EDNS (RFC 6891).
    pub(super) edns: bool,
    /// Over TCP from the beginning.
    pub(super) tcp: bool,
    /// Also for IPv6 addresses.
    pub(super) ipv6: bool,
}

/// Asks one server for all addresses of one name.
///
/// A server that cannot read EDNS (FORMERR, NOTIMP) is asked again without it.
///
/// # Errors
/// If the server does not settle by `until` whether the name has addresses.
pub(super) fn ask(server: SocketAddr, name: &HostName, manner: Manner, until: Instant) -> Result<Verdict, Failure> {
    match ask_once(server, name, manner, until) {
        Err(Failure::Code(OptRcode::FORMERR | OptRcode::NOTIMP)) if manner.edns => {
            let plain = Manner { edns: false, ..manner };
            ask_once(server, name, plain, until)
        }
        settled => settled,
    }
}

/// The time left until an instant, or none.
pub(super) fn remaining(until: Instant) -> Option<Duration> {
    let rest = until.saturating_duration_since(Instant::now());
    (!rest.is_zero()).then_some(rest)
}

/// [`ask`] in exactly the given manner; fails as it does.
fn ask_once(server: SocketAddr, name: &HostName, manner: Manner, until: Instant) -> Result<Verdict, Failure> {
    let a = Pending::new(name, Rtype::A, manner)?;
    if !manner.ipv6 {
        let [a] = settle(server, [a], until);
        return a;
    }
    let aaaa = Pending::new(name, Rtype::AAAA, manner)?;
    let [a, aaaa] = settle(server, [a, aaaa], until);
    merge(a, aaaa)
}

/// A query and how far it got.
struct Pending {
    /// The query.
    query: Query,
    /// How far it got.
    state: State,
}

/// How far a query got.
enum State {
    /// To be sent over UDP, or sent.
    Open,
    /// To be asked over TCP: by wish, or because the answer did not fit into a datagram.
    Tcp,
    /// Through.
    Settled(Result<Verdict, Failure>),
}

impl Pending {
    /// A query that nobody has seen yet.
    ///
    /// # Errors
    /// See [`Query::new`].
    fn new(name: &HostName, rtype: Rtype, manner: Manner) -> Result<Self, Failure> {
        let query = Query::new(name, rtype, manner.edns)?;
        let state = if manner.tcp { State::Tcp } else { State::Open };
        Ok(Self { query, state })
    }

    /// Whether an answer over UDP is expected.
    fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether it makes no sense to wait long for the other query: there are addresses, or this
    /// server is of no use, or it has been answering and has more to say over TCP.
    fn is_enough(&self) -> bool {
        !matches!(self.state, State::Open | State::Settled(Ok(Verdict::NoData | Verdict::NoName | Verdict::Alias(_))))
    }

    /// Takes in an answer over UDP.
    fn receive(&mut self, message: &Message<[u8]>) {
        self.state = if message.header().tc() { State::Tcp } else { State::Settled(self.query.verdict(message)) };
    }
}

/// Brings queries to an end: over UDP together, then over TCP one by one where need be.
fn settle<const N: usize>(
    server: SocketAddr,
    mut queries: [Pending; N],
    until: Instant,
) -> [Result<Verdict, Failure>; N] {
    let failure = match over_udp(server, &mut queries, until) {
        Ok(()) => Failure::Silent,
        Err(error) => error.into(),
    };
    queries.map(|pending| match pending.state {
        State::Open => Err(failure.clone()),
        State::Tcp => over_tcp(server, &pending.query, until),
        State::Settled(result) => result,
    })
}

/// Sends the open queries and takes in answers until all are there or the time is over.
///
/// # Errors
/// If the network refuses; connected sockets learn of ICMP errors (udp(7)).
fn over_udp(server: SocketAddr, queries: &mut [Pending], mut until: Instant) -> io::Result<()> {
    if !queries.iter().any(Pending::is_open) {
        return Ok(());
    }
    let socket = connect_udp(server)?;
    for pending in queries.iter() {
        socket.send(pending.query.as_datagram())?;
    }
    let mut buffer = [0; DATAGRAM];
    while queries.iter().any(Pending::is_open) {
        let Some(length) = receive(&socket, &mut buffer, until)? else {
            break;
        };
        // What is no answer to a query of ours is not worth a word: anybody can send datagrams.
        let datagram = buffer.get(..length).unwrap_or_default();
        let Ok(message) = Message::from_slice(datagram) else {
            continue;
        };
        let asked = |p: &&mut Pending| p.is_open() && p.query.is_answered_by(message);
        if let Some(pending) = queries.iter_mut().find(asked) {
            pending.receive(message);
            if pending.is_enough() {
                until = until.min(Instant::now() + GRACE);
            }
        }
    }
    Ok(())
}

/// A socket on a port of the kernel's choice that receives from `server` only.
///
/// # Errors
/// If there is no route.
fn connect_udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    Ok(socket)
}

/// The length of the next datagram, or nothing if there is none by `until`.
///
/// # Errors
/// If the network refuses.
fn receive(socket: &UdpSocket, buffer: &mut [u8], until: Instant) -> io::Result<Option<usize>> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    while let Some(rest) = remaining(until) {
        socket.set_read_timeout(Some(rest))?;
        match socket.recv(buffer) {
            Ok(length) => return Ok(Some(length)),
            // The loop looks at the clock itself.
            Err(error) if matches!(error.kind(), Interrupted | TimedOut | WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Asks one query on a TCP connection of its own (RFC 7766).
///
/// # Errors
/// If there is no answer by `until`, or not one that settles anything.
fn over_tcp(server: SocketAddr, query: &Query, until: Instant) -> Result<Verdict, Failure> {
    let octets =
        converse(server, query.as_stream(), until).map_err(|error| Failure::OverTcp(Box::new(error.into())))?;
    match Message::from_slice(&octets) {
        Ok(message) if query.is_answered_by(message) => query.verdict(message),
        _ => Err(Failure::Unreadable),
    }
}

/// Sends one message over TCP and reads one, both with their length in front.
///
/// # Errors
/// If the connection fails or ends early, or the time is over.
fn converse(server: SocketAddr, message: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, time_left(until)?)?;
    stream.set_write_timeout(Some(time_left(until)?))?;
    stream.write_all(message)?;
    let mut length = [0; 2];
    read_exact(&mut stream, &mut length, until)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    read_exact(&mut stream, &mut answer, until)?;
    Ok(answer)
}

/// Fills `buffer` from the stream. The limit holds for all of it: with the timeout of the socket
/// alone, a server could drip byte after byte forever.
///
/// # Errors
/// If the connection fails or ends early, or the time is over.
fn read_exact(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(time_left(until)?))?;
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => buffer = buffer.get_mut(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time left until an instant.
///
/// # Errors
/// `TimedOut` if there is none.
fn time_left(until: Instant) -> io::Result<Duration> {
    remaining(until).ok_or_else(|| io::ErrorKind::TimedOut.into())
}
