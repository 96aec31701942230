//! The appliance's certificate and the CA behind it (docs/lxca-api.md, Transport and certificates).

use std::error::Error;
use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use time::{Duration, OffsetDateTime};

use crate::random::hex;
use crate::settings::CertificateKind;
use crate::small_rsa::SmallRsa;

/// ring cannot make RSA keys, so this one is a fixture: it protects nothing.
const RSA_KEY: &str = include_str!("../data/rsa-2048-test-key.pem");

// Certificates that rcgen does not make; data/make-legacy made them.
const LEGACY_CA: &str = include_str!("../data/legacy-ca.pem");
const LEGACY_KEY: &str = include_str!("../data/legacy-key.pem");
const LEGACY_V1: &str = include_str!("../data/legacy-v1.pem");
const LEGACY_SHA1: &str = include_str!("../data/legacy-sha1.pem");
const LEGACY_RSA1024: &str = include_str!("../data/legacy-rsa1024.pem");
const LEGACY_RSA1024_KEY: &str = include_str!("../data/legacy-rsa1024-key.txt");

/// What can be wrong while keys and certificates are made: nothing that should be.
type Unlikely = Box<dyn Error + Send + Sync>;

/// The appliance's own CA.
pub(crate) struct Authority {
    pub certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// The certificate library refuses the request, which is not expected.
    pub fn new() -> io::Result<Self> {
        Self::named("Internal CA").map_err(io::Error::other)
    }

    fn named(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = called(&format!("Simulated LXCA {name}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (days(-1), days(3650));
        let certificate = params.self_signed(&key)?;
        Ok(Self { pem: certificate.pem(), certificate: certificate.into(), issuer: Issuer::new(params, key) })
    }
}

/// What the server presents, and what a client needs to trust it.
pub(crate) struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: Arc<dyn SigningKey>,
    /// The certificate a client would download from the appliance to trust it, as PEM.
    pub ca_pem: String,
}

impl Identity {
    /// Makes a key and its certificate.
    ///
    /// # Errors
    /// The certificate library refuses the request, which is not expected.
    pub fn make(kind: CertificateKind, authority: &Authority) -> io::Result<Self> {
        let made = match kind {
            CertificateKind::X509V1 => Self::legacy(LEGACY_V1),
            CertificateKind::Sha1 => Self::legacy(LEGACY_SHA1),
            CertificateKind::Rsa1024 => Self::legacy_rsa1024(),
            _ => Self::fresh(kind, authority),
        };
        made.map_err(io::Error::other)
    }

    fn legacy(certificate: &str) -> Result<Self, Unlikely> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
        let key = any_supported_type(&PrivateKeyDer::from_pem_slice(LEGACY_KEY.as_bytes())?)?;
        Ok(Self { certificate, key, ca_pem: LEGACY_CA.into() })
    }

    fn legacy_rsa1024() -> Result<Self, Unlikely> {
        let key = SmallRsa::parse(LEGACY_RSA1024_KEY).ok_or("not an RSA key")?;
        Ok(Self { key: Arc::new(key), ..Self::legacy(LEGACY_RSA1024)? })
    }

    fn fresh(kind: CertificateKind, authority: &Authority) -> Result<Self, Unlikely> {
        use CertificateKind as Kind;
        let leaf_key = match kind {
            Kind::Rsa => KeyPair::from_pem(RSA_KEY)?,
            _ => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        };
        let key = any_supported_type(&PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into())?;
        let leaf = leaf(kind)?;
        if matches!(kind, Kind::SelfSigned | Kind::SelfSignedExpired | Kind::SelfSignedLeaf) {
            let certificate = leaf.self_signed(&leaf_key)?;
            return Ok(Self { ca_pem: certificate.pem(), certificate: certificate.into(), key });
        }
        let certificate = match kind {
            Kind::UnknownCa => leaf.signed_by(&leaf_key, &Authority::named("Internal CA of another")?.issuer)?,
            _ => leaf.signed_by(&leaf_key, &authority.issuer)?,
        };
        Ok(Self { certificate: certificate.into(), key, ca_pem: authority.pem.clone() })
    }

    /// SHA-256 of the certificate: `sha256:` and 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.certificate);
        format!("sha256:{}", hex(hash.as_ref()))
    }
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
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if kind != Kind::ClientAuthOnly {
        params.extended_key_usages.insert(0, ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    match kind {
        Kind::SelfSigned | Kind::SelfSignedExpired => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }
        Kind::SelfSignedLeaf => params.is_ca = IsCa::ExplicitNoCa,
        _ => {}
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
