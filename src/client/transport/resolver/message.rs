//! DNS messages (RFC 1035 section 4): the queries that are sent, and what an answer says.

use std::io;
use std::net::IpAddr;
use std::str::FromStr;

use domain::base::iana::Rcode;
use domain::base::message_builder::StreamTarget;
use domain::base::rdata::ParseRecordData;
use domain::base::wire::ParseError;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Cname};
use ring::rand::{SystemRandom, generate};

use super::error::Failure;
use super::{keep, without_dot};

/// An absolute domain name, which compares without regard to case.
pub(super) type HostName = Name<Vec<u8>>;

/// So many aliases (CNAME) are followed, in one answer and from answer to answer.
pub(super) const MAX_ALIASES: usize = 8;

/// The longest name in letters and dots: 255 octets in a message, RFC 1035 section 2.3.4.
const MAX_NAME: usize = 253;

/// `name` as a domain name, with or without a final dot.
///
/// Letters, digits, `-` and `_` are allowed (RFC 952, RFC 1123 section 2.1; glibc allows the underscore too). None of
/// them would have to be escaped.
///
/// # Errors
/// What is wrong with the name.
pub(super) fn host_name(name: &str) -> Result<HostName, &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if !name.is_ascii() {
        return Err("letters outside ASCII must be written in their xn-- form");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("only letters, digits, '-', '_' and '.' are allowed");
    }
    if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err("it has no letter, and it is not an IPv4 address either");
    }
    // `domain` 0.12.3 lets one octet too many pass when the last part is a single letter.
    if without_dot(name).len() > MAX_NAME {
        return Err("it is longer than 253 characters");
    }
    HostName::from_str(name).map_err(|_| "a part between dots is empty or longer than 63 characters")
}

/// The question for the records of one type, to one server.
pub(super) struct Query {
    name: HostName,
    pub(super) rtype: Rtype,
    octets: StreamTarget<Vec<u8>>,
}

impl Query {
    /// A query with a random id: without seeing it, an attacker cannot forge an answer.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(super) fn new(name: &HostName, rtype: Rtype) -> io::Result<Self> {
        let id = generate(&SystemRandom::new()).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let mut builder = MessageBuilder::new_stream_vec();
        builder.header_mut().set_id(u16::from_ne_bytes(id.expose()));
        builder.header_mut().set_rd(true);
        let mut question = builder.question();
        question.push((name, rtype)).map_err(io::Error::other)?;
        Ok(Self { name: name.clone(), rtype, octets: question.finish() })
    }

    /// The message as it goes over UDP.
    pub(super) fn as_datagram(&self) -> &[u8] {
        self.octets.as_dgram_slice()
    }

    /// The message as it goes over TCP, with its length in front (RFC 1035 section 4.2.2).
    pub(super) fn as_stream(&self) -> &[u8] {
        self.octets.as_stream_slice()
    }

    /// A message with the id of this query and its question.
    ///
    /// Only an error that says nothing about the name may leave the question out: the server could not read it.
    pub(super) fn answer<'a>(&self, octets: &'a [u8]) -> Option<&'a Message<[u8]>> {
        let query = Message::from_slice(self.as_datagram()).ok()?;
        let message = Message::from_slice(octets).ok()?;
        let header = message.header();
        let without_question = header.qr()
            && header.id() == query.header().id()
            && message.header_counts().qdcount() == 0
            && !matches!(header.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN);
        (message.is_answer(query) || without_question).then_some(message)
    }

    /// What an answer to this query says about the name.
    ///
    /// # Errors
    /// If it says nothing.
    pub(super) fn verdict(&self, message: &Message<[u8]>) -> Result<Verdict, Failure> {
        let header = message.header();
        match header.rcode() {
            Rcode::NXDOMAIN => Ok(Verdict::NoName),
            // A hint at other servers, from one that does not ask them itself, must not pass for NODATA.
            Rcode::NOERROR if !header.aa() && !header.ra() && message.header_counts().ancount() == 0 => {
                Err(Failure::Answer("answers only for its own names".to_owned()))
            }
            Rcode::NOERROR => self.records(message).map_err(|_| Failure::unreadable()),
            Rcode::SERVFAIL => Err(Failure::Answer("failed to find out (SERVFAIL)".to_owned())),
            Rcode::REFUSED => Err(Failure::Answer("refused to answer (REFUSED)".to_owned())),
            code => Err(Failure::Answer(format!("answered with the error {code}"))),
        }
    }

    /// Follows the aliases in an answer (RFC 1034 section 3.6.2), and takes the addresses where they end.
    fn records(&self, message: &Message<[u8]>) -> Result<Verdict, ParseError> {
        let mut name = self.name.clone();
        for _ in 0..MAX_ALIASES {
            let mut target = None;
            data(message, &name, |alias: &Cname<_>| {
                target.get_or_insert_with(|| alias.cname().to_name());
            })?;
            match target {
                Some(target) => name = target,
                None => break,
            }
        }
        let mut addresses = Vec::new();
        match self.rtype {
            Rtype::A => data(message, &name, |a: &A| keep(&mut addresses, a.addr().into()))?,
            _ => data(message, &name, |aaaa: &Aaaa| keep(&mut addresses, aaaa.addr().into()))?,
        }
        Ok(match addresses.is_empty() {
            false => Verdict::Addresses(addresses),
            true if name != self.name => Verdict::Alias(name),
            true => Verdict::NoData,
        })
    }
}

/// Shows `see` the records of one type that `owner` has in an answer.
fn data<'a, D: ParseRecordData<'a, [u8]>>(
    message: &'a Message<[u8]>,
    owner: &HostName,
    mut see: impl FnMut(&D),
) -> Result<(), ParseError> {
    for record in message.answer()?.limit_to_in::<D>() {
        let record = record?;
        if *record.owner() == *owner {
            see(record.data());
        }
    }
    Ok(())
}

/// What answers say about a name.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It has these addresses.
    Addresses(Vec<IpAddr>),
    /// It is an alias, and the addresses of its target are not in the answer.
    Alias(HostName),
    /// It exists and has no record of the type.
    NoData,
    /// It does not exist.
    NoName,
}

impl Verdict {
    /// What the answers for A and AAAA say together.
    ///
    /// NODATA counts more than NXDOMAIN because some servers say NXDOMAIN when only AAAA is missing (RFC 4074).
    pub(super) fn and(self, other: Self) -> Self {
        use Verdict::{Addresses, Alias, NoData, NoName};
        match (self, other) {
            (Addresses(one), Addresses(other)) => Addresses([one, other].concat()),
            (found @ Addresses(_), _) | (_, found @ Addresses(_)) => found,
            (alias @ Alias(_), _) | (_, alias @ Alias(_)) => alias,
            (NoData, _) | (_, NoData) => NoData,
            (NoName, NoName) => NoName,
        }
    }
}
