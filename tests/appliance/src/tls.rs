//! How the server begins a connection: a TLS handshake that presents its certificate, or a refusal of one.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Identity};
use crate::settings::{Settings, TlsOffer};

/// What a server answers to the first message of a TLS client.
#[derive(Clone)]
pub(crate) enum Greeting {
    /// A handshake.
    Handshake(TlsAcceptor),
    /// The bytes with which a server refuses that has nothing in common with the client. rustls speaks nothing older
    /// than TLS 1.2, so such a server is imitated up to this point, where every client of today gives up.
    Refusal(&'static [u8]),
}

/// A ServerHello that chooses TLS 1.1 and the suite TLS_RSA_WITH_AES_128_CBC_SHA: a server from the time before TLS 1.3
/// reads "1.2 at most" in every client's message and answers with what it has (RFC 5246, appendix E.1). Its only
/// extension is the one about renegotiation, which it owes (RFC 5746, 3.6).
const TLS11_HELLO: &[u8] = b"\x16\x03\x02\x00\x31\x02\x00\x00\x2d\x03\x02\
    Random bytes, 32 of them: always\x00\x00\x2f\x00\x00\x05\xff\x01\x00\x01\x00";

/// The fatal alert protocol_version: a server that knows TLS 1.3 sees in the client's list that there is no version in
/// common (RFC 8446, 4.2.1).
const PROTOCOL_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";

/// The fatal alert handshake_failure: no cipher suite in common (RFC 5246, 7.4.1.3).
const HANDSHAKE_FAILURE: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

impl Greeting {
    /// How a server with these settings begins; HTTP/1.1 only.
    ///
    /// # Errors
    /// The TLS library refuses the settings, which is not expected.
    pub fn new(settings: &Settings, identity: &Identity, authority: &Authority) -> io::Result<Self> {
        let versions: &[_] = match settings.tls {
            TlsOffer::Tls12AndTls13 => &[&TLS12, &TLS13],
            TlsOffer::Tls12Only => &[&TLS12],
            TlsOffer::Tls11Only => return Ok(Self::Refusal(TLS11_HELLO)),
            TlsOffer::Tls11OnlyByAlert => return Ok(Self::Refusal(PROTOCOL_VERSION)),
            TlsOffer::OldCiphersOnly => return Ok(Self::Refusal(HANDSHAKE_FAILURE)),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?;
        let builder = if settings.client_certificate_required {
            let mut issuers = RootCertStore::empty();
            issuers.add(CertificateDer::clone(&authority.certificate)).map_err(io::Error::other)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(issuers), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(io::Error::other)?)
        } else {
            builder.with_no_client_auth()
        };
        // Skips rustls' check of the certificate, which would refuse X.509 version 1.
        let certified = CertifiedKey::new(vec![identity.certificate.clone()], Arc::clone(&identity.key));
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::Handshake(TlsAcceptor::from(Arc::new(config))))
    }
}
