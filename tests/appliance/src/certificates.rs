//! The appliance's certificate and the CA behind it (LXCA user guide, working with certificates).

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::random::hex;
use crate::settings::CertificateKind;

/// ring cannot make RSA keys, so this one is a fixture: it protects nothing.
const RSA_KEY: &str = include_str!("../data/rsa-2048-test-key.pem");

/// What the server presents, and what a client needs to trust it.
pub(crate) struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
    /// The CA certificate a client would download from the appliance, as PEM.
    pub ca_pem: String,
}

impl Identity {
    /// Makes keys and certificates.
    ///
    /// # Errors
    /// The certificate library refuses; it has no reason to.
    pub fn make(kind: CertificateKind) -> io::Result<Self> {
        Self::try_make(kind).map_err(io::Error::other)
    }

    fn try_make(kind: CertificateKind) -> Result<Self, rcgen::Error> {
        let leaf_key = match kind {
            CertificateKind::Rsa => KeyPair::from_pem(RSA_KEY)?,
            _ => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let leaf = leaf(kind)?;
        if matches!(kind, CertificateKind::SelfSigned | CertificateKind::SelfSignedExpired) {
            let certificate = leaf.self_signed(&leaf_key)?;
            return Ok(Self { ca_pem: certificate.pem(), certificate: certificate.into(), key });
        }
        let (mut ca_pem, issuer) = authority("Internal CA")?;
        if kind == CertificateKind::UnknownCa {
            (ca_pem, _) = authority("Another internal CA")?;
        }
        Ok(Self { certificate: leaf.signed_by(&leaf_key, &issuer)?.into(), key, ca_pem })
    }

    /// SHA-256 of the certificate: `sha256:` and 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.certificate);
        format!("sha256:{}", hex(hash.as_ref()))
    }

    /// The TLS configuration of the server; HTTP/1.1 only.
    ///
    /// # Errors
    /// Key and certificate do not fit; they do.
    pub fn server_config(&self, tls12_only: bool) -> io::Result<Arc<ServerConfig>> {
        let versions: &[_] = if tls12_only { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A new CA: its certificate as PEM, and the means to issue with it.
fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = called(&format!("Simulated LXCA {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (days(-1), days(3650));
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn leaf(kind: CertificateKind) -> Result<CertificateParams, rcgen::Error> {
    use CertificateKind as Kind;
    let names: &[&str] = match kind {
        Kind::LocalhostOnly => &["localhost"],
        Kind::NoSan => &[],
        _ => &["127.0.0.1", "::1", "localhost", "lxca.test"],
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = called("localhost");
    params.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyAgreement];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    if matches!(kind, Kind::SelfSigned | Kind::SelfSignedExpired) {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    }
    (params.not_before, params.not_after) = match kind {
        Kind::Expired | Kind::SelfSignedExpired => (days(-366), days(-1)),
        Kind::NotYetValid => (days(1), days(366)),
        _ => (days(-1), days(3650)),
    };
    Ok(params)
}

fn called(name: &str) -> DistinguishedName {
    let mut full = DistinguishedName::new();
    full.push(DnType::OrganizationName, "Simulated appliance");
    full.push(DnType::CommonName, name);
    full
}

fn days(from_now: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(from_now)
}
