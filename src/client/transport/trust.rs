//! Which certificates are trusted: a pin, a CA file, the system's roots, or anything (docs/contract.md, Input).

mod bundle;
mod certificate;
mod refusal;
mod verifiers;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ClientConfig};

pub use refusal::{Refusal, Whose};

use super::danger::AnyCertificate;
use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::fingerprint::Fingerprint;
use verifiers::{Chain, Pinned, RecordingVerifier, RejectAll};

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

/// What is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The one certificate with this fingerprint, with any name, dates and issuer.
    Pin(Fingerprint),
    /// What the CAs in this file have signed, and each certificate in it as a server's own.
    Bundle(PathBuf),
    /// The same for the certificates of this system.
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
                let failure = |why| {
                    let text = format!("Nothing was sent: the file {} (option `ca_path`) {why}", path.display());
                    Failure::new(Kind::LocalFile, text)
                };
                let certificates = bundle::read(path).map_err(failure)?;
                if let Some(place) = certificates.iter().position(|it| !bundle::is_usable(it)) {
                    return Err(failure(bundle::broken(place + 1)));
                }
                Ok(Arc::new(Chain::new(certificates, provider.clone())))
            }
            // Without any root nothing is trusted: the handshake then says which option helps.
            Trust::System => Ok(match system_bundle() {
                Ok(certificates) => Arc::new(Chain::new(certificates, provider.clone())),
                Err(why) => Arc::new(RejectAll { why, provider: provider.clone() }),
            }),
        }
    }
}

/// The certificates that this system trusts, or why there are none.
fn system_bundle() -> Result<Vec<CertificateDer<'static>>, String> {
    match std::env::var_os(SYSTEM_BUNDLE_VARIABLE).filter(|path| !path.is_empty()) {
        // The user chose this bundle: if it cannot be read, do not fall back to another.
        Some(path) => bundle::read(Path::new(&path)).map_err(|why| {
            format!("the file {}, which {SYSTEM_BUNDLE_VARIABLE} names, {}", path.display(), why.trim_end_matches('.'))
        }),
        None => {
            let first = SYSTEM_BUNDLES.iter().find_map(|path| bundle::read(Path::new(path)).ok());
            first.ok_or_else(|| "this system has no file of CA certificates".to_owned())
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

/// The fingerprint of a certificate.
pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    Fingerprint(digest.as_ref().try_into().unwrap_or_default()) // SHA-256 has 32 bytes
}
