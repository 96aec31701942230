//! Which certificates are trusted: a pin, a CA file, the system's roots, or anything (contract, section 2).

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, CipherSuite, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::danger::AnyCertificate;
use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::fingerprint::Fingerprint;
use crate::lock::lock;

/// Where the distributions keep their roots in one file: Debian, Fedora and Red Hat, SUSE, Alpine. The hashed
/// directories beside them hold the same certificates and take five times as long to read.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Overrides them, as for OpenSSL.
const SYSTEM_BUNDLE_VARIABLE: &str = "SSL_CERT_FILE";
/// No bundle of certificates is larger: 16 MiB.
const LARGEST_BUNDLE: u64 = 16 << 20;

/// What is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The one certificate with this fingerprint, whatever its name, dates and issuer.
    Pin(Fingerprint),
    /// Whatever the certificates of this file have issued, and self-signed ones in it.
    Bundle(PathBuf),
    /// Whatever the system's roots have issued.
    System,
    /// Anything: `validate_certs: false`.
    Anything,
}

/// The certificate that the server presented last, for the messages.
pub type Presented = Arc<Mutex<Option<Fingerprint>>>;

impl Trust {
    /// What the options say; a pin goes before everything.
    pub fn of(settings: &Settings) -> Trust {
        match (settings.certificate_fingerprint, settings.validate_certs, &settings.ca_path) {
            (Some(fingerprint), _, _) => Trust::Pin(fingerprint),
            (None, false, _) => Trust::Anything,
            (None, true, Some(path)) => Trust::Bundle(expanded(path)),
            (None, true, None) => Trust::System,
        }
    }

    /// What is trusted of an HTTPS proxy: the appliance's pin is not the proxy's.
    pub fn of_proxy(&self) -> Trust {
        match self {
            Trust::Pin(_) => Trust::System,
            other => other.clone(),
        }
    }

    /// The TLS configuration, TLS 1.2 and 1.3, that notes every certificate presented.
    ///
    /// # Errors
    /// `local_file` when the bundle cannot be read or holds no certificate.
    pub fn config(&self, presented: Presented) -> Result<ClientConfig, Failure> {
        let mut provider = rustls::crypto::ring::default_provider();
        // SHA-384 for the handshake costs more than all of HTTP and JSON; servers that insist on it still get it.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let provider = Arc::new(provider);
        let verifier = RecordingVerifier { inner: self.verifier(&provider)?, presented };
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Failure::new(Kind::Internal, "TLS cannot be set up").caused_by(error))?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        // One process makes a handful of connections: no need of 256 places for tickets.
        config.resumption = rustls::client::Resumption::in_memory_sessions(4);
        Ok(config)
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
        match self {
            Trust::Anything => Ok(Arc::new(AnyCertificate(provider.clone()))),
            Trust::Pin(fingerprint) => Ok(Arc::new(Pinned { fingerprint: *fingerprint, provider: provider.clone() })),
            Trust::Bundle(path) => {
                let failure = |why: &str| {
                    let text = format!("Nothing was sent: the CA file {} (option `ca_path`) {why}", path.display());
                    Failure::new(Kind::LocalFile, text)
                };
                let certificates = certificates(path).map_err(|error| failure("cannot be read").caused_by(error))?;
                let chain = Chain::new(&certificates, provider);
                chain.map(|chain| Arc::new(chain) as _).ok_or_else(|| failure("holds no certificate in PEM form"))
            }
            Trust::System => {
                let named = std::env::var_os(SYSTEM_BUNDLE_VARIABLE).filter(|path| !path.is_empty());
                // Who names a bundle trusts no other: one that cannot be read is no reason to.
                let others: &[&str] = if named.is_some() { &[] } else { &SYSTEM_BUNDLES };
                let bundles = named.iter().map(Path::new).chain(others.iter().map(Path::new));
                let mut stores = bundles.filter_map(|path| Chain::new(&certificates(path).ok()?, provider));
                // Without any root nothing is trusted: the handshake then says which option helps.
                Ok(stores.next().map_or_else(|| Arc::new(Nothing(provider.clone())) as _, |chain| Arc::new(chain) as _))
            }
        }
    }
}

/// `~/` at the beginning of a path is the user's home, as a shell would have it.
fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The certificates of a PEM file; other things in it are passed over.
fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST_BUNDLE).read_to_end(&mut bytes)?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("broken PEM: {error}"))
}

/// The fingerprint of a certificate.
pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    Fingerprint(digest.as_ref().try_into().unwrap_or_default()) // SHA-256 has 32 bytes
}

/// The signature methods of a verifier that leaves them to another one.
macro_rules! signatures_of {
    ($verifier:tt) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.$verifier.verify_tls12_signature(message, certificate, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.$verifier.verify_tls13_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.$verifier.supported_verify_schemes()
        }
    };
}

/// Notes the certificate presented, then asks the verifier proper.
#[derive(Debug)]
struct RecordingVerifier {
    inner: Arc<dyn ServerCertVerifier>,
    presented: Presented,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *lock(&self.presented) = Some(fingerprint(leaf));
        self.inner.verify_server_cert(leaf, chain, name, ocsp, now)
    }

    signatures_of!(inner);
}

/// The signature methods of a verifier that does them as rustls does.
macro_rules! signatures_by {
    ($provider:tt) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.$provider.signature_verification_algorithms;
            rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.$provider.signature_verification_algorithms;
            rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.$provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

/// Trusts one certificate. The signature of the handshake is checked: it proves that the server has the key.
#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if fingerprint(leaf) == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    signatures_by!(provider);
}

/// Trusts nothing, for a system without roots.
#[derive(Debug)]
struct Nothing(Arc<CryptoProvider>);

impl ServerCertVerifier for Nothing {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    signatures_by!(0);
}

/// Trusts what the certificates of a bundle have issued, and a server certificate that stands in the bundle itself.
#[derive(Debug)]
struct Chain {
    webpki: Arc<WebPkiServerVerifier>,
    bundle: Vec<CertificateDer<'static>>,
}

impl Chain {
    /// None when no certificate of the bundle can be used.
    fn new(bundle: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Option<Chain> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(bundle.iter().cloned());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()?;
        Some(Chain { webpki, bundle: bundle.to_vec() })
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let error = match self.webpki.verify_server_cert(leaf, chain, name, ocsp, now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // webpki refuses a CA's certificate as a server's, and `openssl req -x509` makes nothing else. It looks at the
        // dates before that, so what is left to check of a certificate the user trusts by name is that name.
        let in_bundle = is_ca_as_end_entity(&error) && self.bundle.iter().any(|trusted| trusted == leaf);
        if !in_bundle {
            return Err(error);
        }
        rustls::client::verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    signatures_of!(webpki);
}

/// What webpki says of a CA's certificate that a server presents as its own; rustls passes it on as it is.
pub fn is_ca_as_end_entity(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
