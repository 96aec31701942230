//! The verifiers behind each kind of trust, all but the one that accepts anything.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::Presented;
use super::certificate::Certificate;
use super::fingerprint;
use super::refusal::{Refusal, Whose};
use crate::fingerprint::Fingerprint;
use crate::lock::lock;

/// Notes the certificate presented, then asks the verifier proper. A signature of the handshake that is refused becomes
/// a [`Refusal`], apart from those of the chain.
#[derive(Debug)]
pub struct RecordingVerifier {
    /// The verifier proper.
    pub inner: Arc<dyn ServerCertVerifier>,
    /// Where the certificate is noted.
    pub presented: Presented,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *lock(&self.presented) = Some(fingerprint(leaf));
        self.inner.verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.inner.verify_tls12_signature(message, leaf, signature);
        verified.map_err(|error| Refusal::of_handshake(error, leaf))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.inner.verify_tls13_signature(message, leaf, signature);
        verified.map_err(|error| Refusal::of_handshake(error, leaf))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The signature methods of a verifier that does them as rustls does.
macro_rules! signatures_by_rustls {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            rustls::crypto::verify_tls12_signature(message, leaf, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            rustls::crypto::verify_tls13_signature(message, leaf, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

/// Trusts one certificate. The signature of the handshake is checked: it proves that the server has the key.
#[derive(Debug)]
pub struct Pinned {
    /// Of the certificate.
    pub fingerprint: Fingerprint,
    /// Whose signature algorithms count.
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match fingerprint(leaf) == self.fingerprint {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Refusal::NotPinned.into()),
        }
    }

    signatures_by_rustls!();
}

/// Trusts nothing, for a system without roots.
#[derive(Debug)]
pub struct RejectAll {
    /// Why there are none.
    pub why: String,
    /// Whose signature algorithms count.
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for RejectAll {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(Refusal::NoRoots(self.why.clone()).into())
    }

    signatures_by_rustls!();
}

/// Trusts what the CAs of a bundle have signed, and every certificate of the bundle as a server's own.
#[derive(Debug)]
pub struct Chain {
    /// All certificates of the bundle, as they are.
    bundle: Vec<CertificateDer<'static>>,
    /// The same, read.
    certificates: Vec<Certificate>,
    /// Those of them that may sign for servers.
    anchors: Vec<TrustAnchor<'static>>,
    /// The anchors' places among the certificates.
    places: Vec<usize>,
    provider: Arc<CryptoProvider>,
}

impl Chain {
    /// Trust in the certificates of a bundle. One that cannot be read is not trusted.
    pub fn new(bundle: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Chain {
        let mut chain = Chain { bundle, certificates: Vec::new(), anchors: Vec::new(), places: Vec::new(), provider };
        for der in &chain.bundle {
            let Ok(certificate) = Certificate::read(der) else { continue };
            if certificate.may_sign_for_servers()
                && let Ok(anchor) = webpki::anchor_from_trusted_cert(der)
            {
                chain.anchors.push(anchor.to_owned());
                chain.places.push(chain.certificates.len());
            }
            chain.certificates.push(certificate);
        }
        chain
    }

    /// What webpki leaves to its caller: dates, path length and purposes of the anchor, key usages on the way.
    fn check_path(&self, path: &VerifiedPath<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        let place = self.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let place = place.and_then(|place| self.places.get(place));
        let anchor = place.and_then(|place| self.certificates.get(*place)).ok_or(webpki::Error::UnknownIssuer)?;
        anchor.check_dates(now)?;
        let mut intermediates = 0;
        for intermediate in path.intermediate_certificates() {
            let intermediate = Certificate::read(&intermediate.der()).map_err(|_| webpki::Error::BadDer)?;
            if !intermediate.may_sign_for_servers() {
                return Err(webpki::Error::EndEntityUsedAsCa);
            }
            intermediates += usize::from(!intermediate.is_self_issued()); // RFC 5280, section 4.2.1.9
        }
        match anchor.allows_intermediates(intermediates) {
            true => Ok(()),
            false => Err(webpki::Error::PathLenConstraintViolated),
        }
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let of_leaf = |error| Refusal::of_chain(error, leaf, &[], &self.certificates);
        let server = EndEntityCert::try_from(leaf).map_err(of_leaf)?;
        if self.bundle.contains(leaf) {
            // webpki refuses a CA's certificate as a server's, and `openssl req -x509` makes nothing else.
            let certificate = Certificate::read(leaf).map_err(|_| Refusal::Malformed(Whose::Server))?;
            certificate.check_dates(now).map_err(of_leaf)?;
            if !certificate.may_serve() {
                return Err(Refusal::Purpose(Whose::Server));
            }
        } else {
            let path = server.verify_for_usage(
                self.provider.signature_verification_algorithms.all,
                &self.anchors,
                intermediates,
                now,
                KeyUsage::server_auth(),
                None,
                Some(&|path: &VerifiedPath<'_>| self.check_path(path, now)),
            );
            path.map_err(|error| Refusal::of_chain(error, leaf, intermediates, &self.certificates))?;
        }
        server.verify_is_valid_for_subject_name(name).map_err(of_leaf)
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, intermediates, name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    signatures_by_rustls!();
}
