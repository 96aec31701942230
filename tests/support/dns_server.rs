//! A tiny DNS server for tests: one zone, UDP and TCP on one address, in threads that end by
//! themselves when it is dropped.
//!
//! It serves records, and misbehaves in the ways a resolver has to bear. Two crates include this file: the end-to-end
//! tests, and the unit tests of the resolver.

#![allow(dead_code, reason = "each of the two crates uses another part of the knobs")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName, Ttl};
use domain::rdata::{A, Aaaa, Cname};

/// A connection on which nothing comes is closed after this time.
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// More aliases than this do not go into one answer.
const MAX_ALIASES: usize = 20;

/// An absolute domain name; names compare without regard to case.
pub type HostName = Name<Vec<u8>>;

/// What a server knows and how it behaves. The default is an empty zone, served properly.
#[derive(Clone)]
pub struct Zone {
    /// The records, in the order in which they are served.
    pub records: Vec<(HostName, Data)>,
    /// The code for a name without any record.
    pub unknown: Rcode,
    /// If set, every query is answered with this code and nothing else.
    pub fail: Option<Rcode>,
    /// Over UDP, answer with nothing but the bit that calls for TCP.
    pub truncate_udp: bool,
    /// Never answer, neither over UDP nor over TCP.
    pub silent: bool,
    /// Never answer queries for records of this type.
    pub silent_for: Option<Rtype>,
    /// Answer with one alias only, and leave it to the client to ask for its target.
    pub one_alias: bool,
    /// Answer as a server that does not ask others for what it does not know.
    pub not_recursive: bool,
    /// Before each UDP answer send garbage, an answer with a wrong id, and one to a wrong question,
    /// the latter two with the address 192.0.2.66.
    pub noise: bool,
}

/// The content of a record.
#[derive(Clone)]
pub enum Data {
    /// An address, of either family.
    Address(IpAddr),
    /// An alias for another name.
    Alias(HostName),
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            unknown: Rcode::NXDOMAIN,
            fail: None,
            truncate_udp: false,
            silent: false,
            silent_for: None,
            one_alias: false,
            not_recursive: false,
            noise: false,
        }
    }
}

impl Zone {
    /// Adds an A or AAAA record.
    pub fn address(mut self, name: &str, address: &str) -> Self {
        let data = Data::Address(address.parse().expect("an address"));
        self.records.push((host_name(name), data));
        self
    }

    /// Adds a CNAME record.
    pub fn alias(mut self, name: &str, target: &str) -> Self {
        let data = Data::Alias(host_name(target));
        self.records.push((host_name(name), data));
        self
    }

    /// The records of a name.
    fn of(&self, name: &HostName) -> impl Iterator<Item = &Data> {
        let records = self.records.iter().filter(move |(owner, _)| owner == name);
        records.map(|(_, data)| data)
    }
}

/// A domain name from a test.
fn host_name(name: &str) -> HostName {
    name.parse().expect("a domain name")
}

/// One query that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The name asked for, without a final dot.
    pub name: String,
    /// The type of record asked for.
    pub rtype: Rtype,
    /// Whether it came over TCP.
    pub tcp: bool,
}

/// A running server. It stops when dropped.
pub struct DnsServer {
    /// Where it listens.
    address: SocketAddr,
    /// What the threads share with it.
    shared: Arc<Shared>,
    /// The threads that listen.
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    /// What is served.
    zone: Zone,
    /// What was asked.
    queries: Mutex<Vec<Query>>,
    /// Whether to stop.
    stop: AtomicBool,
}

impl DnsServer {
    /// Serves `zone` on `addr`, over UDP and TCP; with port 0 on a port that is free in both.
    ///
    /// # Panics
    /// If the address cannot be listened on.
    pub fn start(addr: SocketAddr, zone: Zone) -> Self {
        let (udp, tcp) = bind(addr);
        let address = udp.local_addr().expect("the address of a bound socket");
        let shared = Arc::new(Shared { zone, queries: Mutex::default(), stop: AtomicBool::new(false) });
        let (for_udp, for_tcp) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads =
            vec![thread::spawn(move || serve_udp(&udp, &for_udp)), thread::spawn(move || serve_tcp(&tcp, &for_tcp))];
        Self { address, shared, threads }
    }

    /// [`Self::start`] on a free port of 127.0.0.1.
    pub fn local(zone: Zone) -> Self {
        Self::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), zone)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All queries that came in, in their order.
    pub fn queries(&self) -> Vec<Query> {
        self.shared.log().clone()
    }

    /// How many queries came in over UDP.
    pub fn udp_queries(&self) -> usize {
        self.shared.log().iter().filter(|query| !query.tcp).count()
    }

    /// How many queries came in over TCP.
    pub fn tcp_queries(&self) -> usize {
        self.shared.log().iter().filter(|query| query.tcp).count()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the threads; an empty datagram is no query.
        let mut from = self.address;
        from.set_port(0);
        if let Ok(socket) = UdpSocket::bind(from) {
            let _ = socket.send_to(&[], self.address);
        }
        let _ = TcpStream::connect_timeout(&self.address, TCP_PATIENCE);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The queries so far.
    fn log(&self) -> MutexGuard<'_, Vec<Query>> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to stop.
    fn stops(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Notes down a query, and gives the messages to send back.
    fn replies(&self, octets: &[u8], tcp: bool) -> Vec<Vec<u8>> {
        let Ok(query) = Message::from_slice(octets) else {
            return Vec::new();
        };
        let Ok(question) = query.sole_question() else {
            return Vec::new();
        };
        self.log().push(Query { name: question.qname().to_string(), rtype: question.qtype(), tcp });
        let zone = &self.zone;
        if zone.silent || zone.silent_for == Some(question.qtype()) {
            return Vec::new();
        }
        let mut replies = match zone.noise && !tcp {
            true => noise(query),
            false => Vec::new(),
        };
        replies.push(answer(zone, query, zone.truncate_udp && !tcp));
        replies
    }
}

/// Sockets for UDP and TCP on the same port.
fn bind(addr: SocketAddr) -> (UdpSocket, TcpListener) {
    // With port 0, a port that is free for UDP may be taken for TCP: then another one is.
    let attempts = if addr.port() == 0 { 20 } else { 1 };
    for _ in 0..attempts {
        let udp = UdpSocket::bind(addr).expect("a UDP socket for the DNS server");
        let address = udp.local_addr().expect("the address of a bound socket");
        if let Ok(tcp) = TcpListener::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no TCP port for the DNS server at {addr}");
}

/// Answers datagrams until it is time to stop.
fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    while !shared.stops() {
        // An error here is an ICMP message about an earlier answer.
        let Ok((length, client)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        for reply in shared.replies(&buffer[..length], false) {
            let _ = socket.send_to(&reply, client);
        }
    }
}

/// Takes connections until it is time to stop, each in a thread that ends with the connection.
fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.stops() {
        if let Ok((stream, _)) = listener.accept() {
            let shared = Arc::clone(shared);
            thread::spawn(move || serve_connection(stream, &shared));
        }
    }
}

/// Answers the queries of one connection until the client closes it.
fn serve_connection(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(TCP_PATIENCE));
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut octets = vec![0; u16::from_be_bytes(length).into()];
        if stream.read_exact(&mut octets).is_err() {
            return;
        }
        for reply in shared.replies(&octets, true) {
            let length = u16::try_from(reply.len()).expect("a message of at most 64 KiB");
            let framed = [&length.to_be_bytes(), reply.as_slice()].concat();
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
    }
}

/// The answer that the zone has to a query.
///
/// # Panics
/// If the query has no question, or the answer does not fit into a message.
pub fn answer(zone: &Zone, query: &Message<[u8]>, truncate: bool) -> Vec<u8> {
    let question = query.sole_question().expect("a query with a question");
    let (code, records) = match zone.fail {
        Some(code) => (code, Vec::new()),
        None => find(zone, &question.qname().to_name(), question.qtype()),
    };
    let mut builder = MessageBuilder::new_vec().start_answer(query, code).expect("room for the question");
    builder.header_mut().set_ra(!zone.not_recursive);
    if truncate {
        builder.header_mut().set_tc(true);
        return builder.finish();
    }
    for (owner, data) in records {
        match data {
            Data::Address(IpAddr::V4(ip)) => builder.push((owner, Class::IN, Ttl::HOUR, A::new(ip))),
            Data::Address(IpAddr::V6(ip)) => builder.push((owner, Class::IN, Ttl::HOUR, Aaaa::new(ip))),
            Data::Alias(target) => builder.push((owner, Class::IN, Ttl::HOUR, Cname::new(target))),
        }
        .expect("room for a record");
    }
    builder.finish()
}

/// The code and the records for a name: its aliases, and the records of the type at their end.
fn find(zone: &Zone, name: &HostName, rtype: Rtype) -> (Rcode, Vec<(HostName, Data)>) {
    let mut found = Vec::new();
    let mut name = name.clone();
    for _ in 0..MAX_ALIASES {
        let Some(target) = zone.of(&name).find_map(|data| match data {
            Data::Alias(target) => Some(target.clone()),
            Data::Address(_) => None,
        }) else {
            break;
        };
        found.push((name, Data::Alias(target.clone())));
        name = target;
        if zone.one_alias {
            return (Rcode::NOERROR, found);
        }
    }
    if zone.of(&name).next().is_none() {
        return (zone.unknown, found);
    }
    let wanted = zone.of(&name).filter(|data| match data {
        Data::Address(IpAddr::V4(_)) => rtype == Rtype::A,
        Data::Address(IpAddr::V6(_)) => rtype == Rtype::AAAA,
        Data::Alias(_) => false,
    });
    found.extend(wanted.map(|data| (name.clone(), data.clone())));
    (Rcode::NOERROR, found)
}

/// An answer with nothing but the id of the query and a code.
pub fn bare(query: &Message<[u8]>, code: Rcode) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(query.header().id());
    header.set_qr(true);
    header.set_rcode(code);
    builder.finish()
}

/// What must not be taken for the answer to a query.
fn noise(query: &Message<[u8]>) -> Vec<Vec<u8>> {
    let question = query.sole_question().expect("a query with a question");
    let header = query.header();
    vec![
        b"garbage".to_vec(),
        [&header.id().to_be_bytes(), [0xff; 40].as_slice()].concat(),
        forged(header.id() ^ 1, &question.qname().to_name(), question.qtype()),
        forged(header.id(), &host_name("other.example"), question.qtype()),
        forged(header.id(), &question.qname().to_name(), Rtype::TXT),
    ]
}

/// An answer with the address 192.0.2.66 to some question.
fn forged(id: u16, name: &HostName, rtype: Rtype) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_qr(true);
    let mut question = builder.question();
    question.push((name, rtype)).expect("room for a question");
    let mut answer = question.answer();
    let bogus = A::new(Ipv4Addr::new(192, 0, 2, 66));
    answer.push((name, Class::IN, Ttl::HOUR, bogus)).expect("room for a record");
    answer.finish()
}
