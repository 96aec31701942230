//! DNS messages: the queries that are sent, and what an answer says.
//!
//! What lives here: all that knows the content of a message (RFC 1035 section 4), in the terms of
//! the crate `domain`. What must not: sockets, time, the choice of a server or of a name.

use std::io;
use std::net::IpAddr;
use std::str::FromStr;

use domain::base::iana::OptRcode;
use domain::base::message_builder::{PushError, StreamTarget};
use domain::base::wire::ParseError;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Cname};

use super::error::Failure;

/// An absolute domain name, which compares without regard to case.
pub(super) type HostName = Name<Vec<u8>>;

/// So many aliases (CNAME) are followed, in one answer and from answer to answer.
pub(super) const MAX_ALIASES: usize = 8;

/// The longest name in letters and dots: 255 octets in a message, RFC 1035 section 2.3.4.
const MAX_NAME: usize = 253;

/// The size of an answer over UDP that networks carry in one piece (DNS flag day 2020).
const UDP_ANSWER: u16 = 1232;

/// `name` as a domain name, whether it has a final dot or not.
///
/// Letters, digits, `-` and `_` are allowed (RFC 952, RFC 1123 section 2.1; the underscore is what
/// glibc allows beyond them). That leaves no character which would have to be escaped.
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
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err("only letters, digits, '-', '_' and '.' are allowed");
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err("it has no letter, and it is not an IPv4 address either");
    }
    // `domain` 0.12.3 lets one octet too many pass when the last part is a single letter.
    if name.strip_suffix('.').unwrap_or(name).len() > MAX_NAME {
        return Err("it is longer than 253 characters");
    }
    HostName::from_str(name).map_err(|_| "a part between dots is empty or longer than 63 characters")
}

/// One question on its way to a server.
pub(super) struct Query {
    /// The name that is asked for.
    name: HostName,
    /// The message with its length in front.
    octets: StreamTarget<Vec<u8>>,
}

impl Query {
    /// Asks for the records of one type that `name` has, with EDNS (RFC 6891) or without.
    ///
    /// The id need not withstand cryptanalysis (fastrand takes its seed from the clock): the kernel
    /// adds a random port, and whoever forges an answer all the same still lacks the certificate
    /// that the TLS connection to the address will ask for.
    ///
    /// # Errors
    /// None that can happen: a name always fits into a message.
    pub(super) fn new(name: &HostName, rtype: Rtype, edns: bool) -> Result<Self, Failure> {
        let octets = compose(name, rtype, edns).map_err(io::Error::other)?;
        let name = name.clone();
        Ok(Self { name, octets })
    }

    /// The message as it goes over UDP.
    pub(super) fn as_datagram(&self) -> &[u8] {
        self.octets.as_dgram_slice()
    }

    /// The message as it goes over TCP (RFC 1035 section 4.2.2).
    pub(super) fn as_stream(&self) -> &[u8] {
        self.octets.as_stream_slice()
    }

    /// Whether `message` answers this query: the same id and the same question.
    ///
    /// Only an error that says nothing about the name may leave the question out, as servers do
    /// that could not read it (RFC 6891 section 7).
    pub(super) fn is_answered_by(&self, message: &Message<[u8]>) -> bool {
        let Ok(query) = Message::from_slice(self.as_datagram()) else {
            return false;
        };
        let header = message.header();
        let code = message.opt_rcode();
        message.is_answer(query)
            || (header.qr()
                && header.id() == query.header().id()
                && message.header_counts().qdcount() == 0
                && code != OptRcode::NOERROR
                && code != OptRcode::NXDOMAIN)
    }

    /// What `message`, an answer to this query, says.
    ///
    /// # Errors
    /// If it says nothing about the name.
    pub(super) fn verdict(&self, message: &Message<[u8]>) -> Result<Verdict, Failure> {
        match message.opt_rcode() {
            OptRcode::NXDOMAIN => Ok(Verdict::NoName),
            OptRcode::NOERROR if is_referral(message) => Err(Failure::NotRecursive),
            OptRcode::NOERROR => self.records(message).map_err(|_| Failure::Unreadable),
            code => Err(Failure::Code(code)),
        }
    }

    /// Follows the aliases in an answer, and takes the addresses where they end.
    ///
    /// # Errors
    /// If a record cannot be read.
    fn records(&self, message: &Message<[u8]>) -> Result<Verdict, ParseError> {
        let name = self.canonical(message)?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for record in message.answer()?.limit_to_in::<A>() {
            let record = record?;
            if *record.owner() == name {
                addresses.push(record.data().addr().into());
            }
        }
        for record in message.answer()?.limit_to_in::<Aaaa>() {
            let record = record?;
            if *record.owner() == name {
                addresses.push(record.data().addr().into());
            }
        }
        Ok(if !addresses.is_empty() {
            Verdict::Addresses(addresses)
        } else if name != self.name {
            Verdict::Alias(name)
        } else {
            Verdict::NoData
        })
    }

    /// The name at the end of the aliases in an answer (RFC 1034 section 3.6.2), or where following
    /// them was given up.
    ///
    /// # Errors
    /// If a record cannot be read.
    fn canonical(&self, message: &Message<[u8]>) -> Result<HostName, ParseError> {
        let mut aliases: Vec<(HostName, HostName)> = Vec::new();
        for record in message.answer()?.limit_to_in::<Cname<_>>() {
            let record = record?;
            aliases.push((record.owner().to_name(), record.data().cname().to_name()));
        }
        let mut name = &self.name;
        for _ in 0..MAX_ALIASES {
            match aliases.iter().find(|(alias, _)| alias == name) {
                Some((_, target)) => name = target,
                None => break,
            }
        }
        Ok(name.clone())
    }
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

/// What two questions about the same name say together.
///
/// Addresses count most; without them, a question that failed leaves everything open. NODATA counts
/// more than NXDOMAIN because some servers say NXDOMAIN when only AAAA is missing (RFC 4074).
pub(super) fn merge(one: Result<Verdict, Failure>, other: Result<Verdict, Failure>) -> Result<Verdict, Failure> {
    use Verdict::{Addresses, Alias, NoData, NoName};
    match (one, other) {
        (Ok(Addresses(mut all)), Ok(Addresses(more))) => {
            all.extend(more);
            Ok(Addresses(all))
        }
        (found @ Ok(Addresses(_)), _) | (_, found @ Ok(Addresses(_))) => found,
        (failed @ Err(_), _) | (_, failed @ Err(_)) => failed,
        (alias @ Ok(Alias(_)), _) | (_, alias @ Ok(Alias(_))) => alias,
        (Ok(NoData), _) | (_, Ok(NoData)) => Ok(NoData),
        (Ok(NoName), Ok(NoName)) => Ok(NoName),
    }
}

/// Composes a query.
///
/// # Errors
/// If it does not fit into a message.
fn compose(name: &HostName, rtype: Rtype, edns: bool) -> Result<StreamTarget<Vec<u8>>, PushError> {
    let mut builder = MessageBuilder::new_stream_vec();
    builder.header_mut().set_id(fastrand::u16(..));
    builder.header_mut().set_rd(true);
    let mut question = builder.question();
    question.push((name, rtype))?;
    let mut additional = question.additional();
    if edns {
        additional.opt(|opt| {
            opt.set_udp_payload_size(UDP_ANSWER);
            Ok(())
        })?;
    }
    Ok(additional.finish())
}

/// Whether an answer without an error is only a hint at other servers, from one that does not ask
/// them itself: it must not pass for NODATA.
fn is_referral(message: &Message<[u8]>) -> bool {
    let header = message.header();
    !header.aa() && !header.ra() && message.header_counts().ancount() == 0
}
