//! What webpki does not tell about a certificate: whether it may sign for others, its dates, its key.
//!
//! Only read, never verified here: signatures and names are webpki's business.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, OctetStringRef, UintRef, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagMode, TagNumber, Tagged};
use rustls::pki_types::UnixTime;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// Subject alternative names, name constraints, CRL distribution points: webpki knows these too.
const OTHERS_KNOWN: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.30"),
    ObjectIdentifier::new_unwrap("2.5.29.31"),
];
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The bit of a key usage that allows signing certificates.
const KEY_CERT_SIGN: usize = 5;

/// The public key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA, with the size of its modulus in bits.
    Rsa(usize),
    /// On a named elliptic curve.
    Curve(ObjectIdentifier),
    /// Of another algorithm, or with its own parameters.
    Other(ObjectIdentifier),
}

/// The parts of a certificate that the trust rules need.
#[derive(Debug)]
pub struct Certificate {
    /// 1, 2 or 3.
    pub version: u8,
    /// The issuer's name in DER.
    pub issuer: Vec<u8>,
    /// The owner's name in DER.
    pub subject: Vec<u8>,
    /// The first second in which it is valid.
    pub not_before: UnixTime,
    /// The last second in which it is valid.
    pub not_after: UnixTime,
    /// Its public key.
    pub key: Key,
    /// The critical extensions that webpki does not understand.
    pub not_understood: Vec<ObjectIdentifier>,
    /// Basic constraints with CA:TRUE, and how many intermediates may follow.
    authority: Option<Option<u8>>,
    /// Whether its key usage, if it has one, allows signing certificates.
    may_sign: bool,
    /// Whether its extended key usage, if it has one, allows serving.
    may_serve: bool,
}

impl Certificate {
    /// A certificate from its DER.
    ///
    /// # Errors
    /// When it is not DER, or not a certificate.
    pub fn read(bytes: &[u8]) -> der::Result<Certificate> {
        let mut reader = SliceReader::new(bytes)?;
        let certificate = reader.sequence(|outer| {
            let certificate = outer.sequence(Certificate::read_signed_part)?;
            let (_algorithm, _signature) = (AnyRef::decode(outer)?, BitStringRef::decode(outer)?);
            der::Result::Ok(certificate)
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    fn read_signed_part<'a>(reader: &mut SliceReader<'a>) -> der::Result<Certificate> {
        let version = reader.context_specific::<u8>(TagNumber(0), TagMode::Explicit)?.unwrap_or_default();
        let (_serial, _algorithm) = (AnyRef::decode(reader)?, AnyRef::decode(reader)?);
        let issuer = reader.tlv_bytes()?.to_vec();
        let (not_before, not_after) = reader.sequence(|dates| der::Result::Ok((date(dates)?, date(dates)?)))?;
        let subject = reader.tlv_bytes()?.to_vec();
        let key = reader.sequence(key)?;
        let version = version.saturating_add(1);
        let mut certificate = Certificate {
            version,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            not_understood: Vec::new(),
            authority: None,
            may_sign: true,
            may_serve: true,
        };
        while !reader.is_finished() {
            let field = AnyRef::decode(reader)?;
            // The others are unique identifiers, which nobody uses.
            if field.tag() == (Tag::ContextSpecific { constructed: true, number: TagNumber(3) }) {
                let mut extensions = SliceReader::new(field.value())?;
                extensions.sequence(|list| {
                    while !list.is_finished() {
                        list.sequence(|extension| certificate.read_extension(extension))?;
                    }
                    der::Result::Ok(())
                })?;
                extensions.finish()?;
            }
        }
        Ok(certificate)
    }

    fn read_extension<'a>(&mut self, reader: &mut SliceReader<'a>) -> der::Result<()> {
        let name = ObjectIdentifier::decode(reader)?;
        let critical = Option::<bool>::decode(reader)?.unwrap_or_default();
        let value = <&OctetStringRef>::decode(reader)?.as_bytes();
        let mut value = SliceReader::new(value)?;
        match name {
            BASIC_CONSTRAINTS => {
                self.authority = value.sequence(|fields| {
                    let authority = Option::<bool>::decode(fields)?.unwrap_or_default();
                    let intermediates = Option::<u8>::decode(fields)?;
                    der::Result::Ok(authority.then_some(intermediates))
                })?;
            }
            KEY_USAGE => self.may_sign = BitStringRef::decode(&mut value)?.get(KEY_CERT_SIGN) == Some(true),
            EXTENDED_KEY_USAGE => {
                self.may_serve = value.sequence(|purposes| {
                    let mut found = false;
                    while !purposes.is_finished() {
                        found |= ObjectIdentifier::decode(purposes)? == SERVER_AUTH;
                    }
                    der::Result::Ok(found)
                })?;
            }
            name if critical && !OTHERS_KNOWN.contains(&name) => self.not_understood.push(name),
            _ => {}
        }
        Ok(())
    }

    /// Whether issuer and subject are the same.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it may serve: no extended key usage, or one with serverAuth.
    pub fn may_serve(&self) -> bool {
        self.may_serve
    }

    /// Whether it may sign the certificates of servers: a CA's, or a root from before there were extensions.
    pub fn may_sign_for_servers(&self) -> bool {
        let authority = self.authority.is_some() || (self.version == 1 && self.is_self_issued());
        authority && self.may_sign && self.may_serve
    }

    /// Whether this many intermediates may stand between it and the server's certificate.
    pub fn allows_intermediates(&self, count: usize) -> bool {
        self.authority.flatten().is_none_or(|most| count <= usize::from(most))
    }

    /// Its dates, in webpki's words.
    ///
    /// # Errors
    /// When it is not valid at this time.
    pub fn check_dates(&self, time: UnixTime) -> Result<(), webpki::Error> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        match () {
            () if time < not_before => Err(webpki::Error::CertNotValidYet { time, not_before }),
            () if time > not_after => Err(webpki::Error::CertExpired { time, not_after }),
            () => Ok(()),
        }
    }
}

fn date<'a>(reader: &mut SliceReader<'a>) -> der::Result<UnixTime> {
    let since_1970 = match Tag::peek(reader)? {
        Tag::UtcTime => UtcTime::decode(reader)?.to_unix_duration(),
        _ => GeneralizedTime::decode(reader)?.to_unix_duration(),
    };
    Ok(UnixTime::since_unix_epoch(since_1970))
}

fn key<'a>(reader: &mut SliceReader<'a>) -> der::Result<Key> {
    let (algorithm, curve) = reader.sequence(|fields| {
        let algorithm = ObjectIdentifier::decode(fields)?;
        let parameters = Option::<AnyRef<'_>>::decode(fields)?;
        der::Result::Ok((algorithm, parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok())))
    })?;
    let key = BitStringRef::decode(reader)?;
    Ok(match (algorithm, curve) {
        (RSA, _) => Key::Rsa(modulus(key.raw_bytes())?),
        (ELLIPTIC_CURVE, Some(curve)) => Key::Curve(curve),
        _ => Key::Other(algorithm),
    })
}

/// The bits of an RSA key's modulus.
fn modulus(key: &[u8]) -> der::Result<usize> {
    SliceReader::new(key)?.sequence(|fields| {
        let (modulus, _exponent) = (UintRef::decode(fields)?, AnyRef::decode(fields)?);
        let unused = modulus.as_bytes().first().map_or(0, |byte| byte.leading_zeros());
        Ok(8 * modulus.as_bytes().len() - unused as usize)
    })
}
