//! Why a certificate is refused: webpki's and rustls' reasons, in as much detail as users need.

use std::fmt;
use std::sync::Arc;

use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error as TlsError, OtherError};
use webpki::Error as Webpki;

use super::certificate::{Certificate, Key};

/// RSA keys of other sizes are refused by `ring`, which calls their signatures wrong.
const RSA_SIZES: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Which certificate a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The server's own.
    Server,
    /// One that the server sent along.
    Intermediate,
    /// One that is trusted.
    Authority,
}

/// Why the certificate of a server is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not the pinned one.
    NotPinned,
    /// There is nothing to trust: the system's certificates cannot be used, because of this.
    NoRoots(String),
    /// Not valid any more.
    Expired(Whose, UnixTime),
    /// Not valid before this.
    NotYetValid(Whose, UnixTime),
    /// It holds these names and not the expected one.
    OtherName(Vec<String>),
    /// Nobody who is trusted signed it.
    UnknownIssuer,
    /// The same, and its issuer is its owner.
    SelfSigned,
    /// Its issuer stands among what is trusted, but is not a CA.
    IssuerIsNoAuthority,
    /// It is a CA's, and not trusted itself.
    AuthorityAsServer,
    /// An intermediate is not a CA's.
    IntermediateIsNoAuthority,
    /// A CA of the issuer's name is trusted, but its key did not sign.
    OtherIssuerKey,
    /// An RSA key with this many bits.
    KeySize(Whose, usize),
    /// A key of another kind.
    KeyKind(Whose, Option<ObjectIdentifier>),
    /// Signed with an algorithm that is not supported.
    Algorithm(Option<ObjectIdentifier>),
    /// Its extended key usage has no serverAuth.
    Purpose(Whose),
    /// Its CA may not issue certificates for this name.
    NameConstraints,
    /// Its CA may not have so many intermediates.
    PathLength,
    /// A critical extension that is not understood.
    CriticalExtension(Whose, Option<ObjectIdentifier>),
    /// An X.509 version that is not supported.
    Version(Whose, u8),
    /// It cannot be read.
    Malformed(Whose),
    /// The chain has too many branches.
    TooComplex,
    /// Its key is known to be stolen, or its issuer took it back.
    Revoked,
    /// The signature of the handshake does not fit its key.
    HandshakeSignature,
    /// Anything else.
    Other,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate was refused") // for rustls' trait only; `explain` has the sentences
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for TlsError {
    fn from(refusal: Refusal) -> TlsError {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}

impl Refusal {
    /// The refusal inside an error of rustls.
    pub fn inside(error: &TlsError) -> Option<&Refusal> {
        let TlsError::InvalidCertificate(CertificateError::Other(other)) = error else { return None };
        other.0.downcast_ref()
    }

    /// What webpki says of a server's certificate and of those that came with it.
    pub fn of_chain(
        error: Webpki,
        leaf: &[u8],
        intermediates: &[CertificateDer<'_>],
        trusted: &[Certificate],
    ) -> Refusal {
        let Ok(leaf) = Certificate::read(leaf) else { return Refusal::Malformed(Whose::Server) };
        let sent: Vec<Certificate> = intermediates.iter().filter_map(|der| Certificate::read(der).ok()).collect();
        let whose = |is_it: &dyn Fn(&Certificate) -> bool| match () {
            () if is_it(&leaf) => Whose::Server,
            () if sent.iter().any(is_it) => Whose::Intermediate,
            () => Whose::Authority,
        };
        let sent_or_server = |is_it: &dyn Fn(&Certificate) -> bool| match is_it(&leaf) || intermediates.is_empty() {
            true => Whose::Server,
            false => Whose::Intermediate,
        };
        match error {
            Webpki::CertExpired { not_after, .. } => {
                Refusal::Expired(whose(&|it| it.not_after == not_after), not_after)
            }
            Webpki::CertNotValidYet { not_before, .. } => {
                Refusal::NotYetValid(whose(&|it| it.not_before == not_before), not_before)
            }
            Webpki::CertNotValidForName(context) => {
                Refusal::OtherName(context.presented.iter().filter_map(|name| name_in(name)).collect())
            }
            Webpki::CaUsedAsEndEntity | Webpki::UnknownIssuer if leaf.is_self_issued() => Refusal::SelfSigned,
            Webpki::CaUsedAsEndEntity => Refusal::AuthorityAsServer,
            Webpki::UnknownIssuer
                if trusted.iter().any(|it| it.subject == leaf.issuer && !it.may_sign_for_servers()) =>
            {
                Refusal::IssuerIsNoAuthority
            }
            Webpki::UnknownIssuer => Refusal::UnknownIssuer,
            Webpki::EndEntityUsedAsCa => Refusal::IntermediateIsNoAuthority,
            Webpki::InvalidSignatureForPublicKey => {
                let issuers: Vec<&Vec<u8>> = [&leaf].into_iter().chain(&sent).map(|it| &it.issuer).collect();
                let signers = sent.iter().map(|it| (Whose::Intermediate, it));
                let signers = signers.chain(trusted.iter().map(|it| (Whose::Authority, it)));
                let mut signers = signers.filter(|(_, it)| issuers.contains(&&it.subject));
                let size = signers.find_map(|(whose, it)| Some((whose, unsupported_size(it.key)?)));
                size.map_or(Refusal::OtherIssuerKey, |(whose, bits)| Refusal::KeySize(whose, bits))
            }
            Webpki::UnsupportedSignatureAlgorithmContext(context) => {
                Refusal::Algorithm(algorithm(&context.signature_algorithm_id))
            }
            Webpki::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
                let kind = curve(&context.public_key_algorithm_id).or(algorithm(&context.public_key_algorithm_id));
                Refusal::KeyKind(Whose::Authority, kind)
            }
            Webpki::RequiredEkuNotFoundContext(_) | Webpki::EmptyEkuExtension => {
                Refusal::Purpose(sent_or_server(&|it| !it.may_serve()))
            }
            Webpki::NameConstraintViolation => Refusal::NameConstraints,
            Webpki::PathLenConstraintViolated => Refusal::PathLength,
            Webpki::UnsupportedCriticalExtension => {
                let owner = [&leaf].into_iter().chain(&sent).find(|it| !it.not_understood.is_empty());
                let extension = owner.and_then(|it| it.not_understood.first().copied());
                Refusal::CriticalExtension(sent_or_server(&|it| !it.not_understood.is_empty()), extension)
            }
            Webpki::UnsupportedCertVersion => {
                let owner = [&leaf].into_iter().chain(&sent).find(|it| it.version != 3);
                Refusal::Version(sent_or_server(&|it| it.version != 3), owner.map_or(0, |it| it.version))
            }
            Webpki::MaximumNameConstraintComparisonsExceeded
            | Webpki::MaximumPathBuildCallsExceeded
            | Webpki::MaximumPathDepthExceeded
            | Webpki::MaximumSignatureChecksExceeded => Refusal::TooComplex,
            Webpki::CertDistrusted | Webpki::CertRevoked | Webpki::UnknownRevocationStatus => Refusal::Revoked,
            Webpki::BadDer
            | Webpki::BadDerTime
            | Webpki::ExtensionValueInvalid
            | Webpki::InvalidCertValidity
            | Webpki::InvalidNetworkMaskConstraint
            | Webpki::InvalidSerialNumber
            | Webpki::MalformedDnsIdentifier
            | Webpki::MalformedExtensions
            | Webpki::MalformedNameConstraint
            | Webpki::SignatureAlgorithmMismatch
            | Webpki::TrailingData(_) => Refusal::Malformed(sent_or_server(&|it| it.not_before > it.not_after)),
            // Revocation lists are not used; and what a later webpki may bring.
            _ => Refusal::Other,
        }
    }

    /// What an error in the handshake's signature means for a certificate: webpki reads it once more there, a pinned one
    /// for the first time.
    pub fn of_handshake(error: TlsError, leaf: &[u8]) -> TlsError {
        use CertificateError as Bad;
        let TlsError::InvalidCertificate(bad) = error else { return error };
        let Ok(certificate) = Certificate::read(leaf) else { return Refusal::Malformed(Whose::Server).into() };
        let refusal = match (certificate.version, certificate.not_understood.first(), unsupported_size(certificate.key))
        {
            (version @ (1 | 2), ..) => Refusal::Version(Whose::Server, version),
            (_, Some(&extension), _) => Refusal::CriticalExtension(Whose::Server, Some(extension)),
            (.., Some(bits)) => Refusal::KeySize(Whose::Server, bits),
            _ => match bad {
                Bad::BadEncoding => Refusal::Malformed(Whose::Server),
                Bad::UnsupportedSignatureAlgorithmContext { .. }
                | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                    Refusal::KeyKind(Whose::Server, kind(certificate.key))
                }
                _ => Refusal::HandshakeSignature,
            },
        };
        refusal.into()
    }
}

/// A name that a server can have, from webpki's `DnsName("localhost")` and `IpAddress(192.0.2.1)`.
fn name_in(presented: &str) -> Option<String> {
    let name = presented.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix("\")"));
    let address = presented.strip_prefix("IpAddress(").and_then(|address| address.strip_suffix(')'));
    name.or(address.filter(|address| !address.starts_with('['))).map(str::to_owned)
}

/// The size of an RSA key that is not supported.
fn unsupported_size(key: Key) -> Option<usize> {
    match key {
        Key::Rsa(bits) if !RSA_SIZES.contains(&bits) => Some(bits),
        _ => None,
    }
}

fn kind(key: Key) -> Option<ObjectIdentifier> {
    match key {
        Key::Rsa(_) => None,
        Key::Curve(kind) | Key::Other(kind) => Some(kind),
    }
}

/// The algorithm at the beginning of an AlgorithmIdentifier without its header.
fn algorithm(identifier: &[u8]) -> Option<ObjectIdentifier> {
    ObjectIdentifier::decode(&mut der::SliceReader::new(identifier).ok()?).ok()
}

/// The named curve behind it.
fn curve(identifier: &[u8]) -> Option<ObjectIdentifier> {
    let mut reader = der::SliceReader::new(identifier).ok()?;
    AnyRef::decode(&mut reader).ok()?;
    ObjectIdentifier::decode(&mut reader).ok()
}
