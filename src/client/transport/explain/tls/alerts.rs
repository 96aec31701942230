//! TLS alerts in words: what the other side says before it breaks the handshake off.

use rustls::AlertDescription as Alert;

use super::{Circumstances, Side};

impl Circumstances<'_> {
    /// The cause that an alert stands for, and what to do.
    pub(super) fn alert(&self, alert: Alert) -> (String, String) {
        match alert {
            Alert::ProtocolVersion | Alert::InappropriateFallback => (
                "the server offers nothing newer than TLS 1.1".into(),
                format!("Enable TLS 1.2 or newer on {}.", self.it()),
            ),
            // Older servers have no alert of its own for a missing client certificate.
            Alert::HandshakeFailure if self.presented => (
                "the server broke off after it had presented its certificate, as servers do that want a client \
                 certificate"
                    .into(),
                self.no_client_certificate(),
            ),
            Alert::HandshakeFailure | Alert::InsufficientSecurity => (
                "there is no cipher suite or signature algorithm in common (supported are suites with forward secrecy \
                 and AEAD, and keys that are RSA, P-256, P-384 or Ed25519)"
                    .into(),
                format!(
                    "Enable TLS 1.2 or newer on {0}; if its certificate has another kind of key, such as P-521, renew it \
                     with one of these.",
                    self.it()
                ),
            ),
            Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied => ("the server wants a client certificate".into(), self.no_client_certificate()),
            Alert::UnrecognisedName => {
                let cause =
                    format!("the server does not know the name {} (TLS alert unrecognized_name)", self.expected);
                (cause, format!("{}.", self.use_name("the name in the server's certificate")))
            }
            Alert::InternalError => (
                "the server reports an internal error".into(),
                format!("Look into the log of {}, or restart it.", self.it()),
            ),
            Alert::CloseNotify | Alert::UserCanceled => {
                ("the server ended the handshake without a reason".into(), self.check_port())
            }
            Alert::NoApplicationProtocol => ("the server does not speak HTTP/1.1".into(), self.check_port()),
            Alert::UnexpectedMessage
            | Alert::BadRecordMac
            | Alert::DecryptionFailed
            | Alert::RecordOverflow
            | Alert::DecompressionFailure
            | Alert::IllegalParameter
            | Alert::DecodeError
            | Alert::DecryptError
            | Alert::ExportRestriction
            | Alert::NoRenegotiation
            | Alert::MissingExtension
            | Alert::UnsupportedExtension
            | Alert::CertificateUnobtainable
            | Alert::BadCertificateStatusResponse
            | Alert::BadCertificateHashValue
            | Alert::UnknownPSKIdentity
            | Alert::EncryptedClientHelloRequired => (
                "the server refused the handshake as broken".into(),
                "Check `port`, and whether a firewall or proxy on the way changes the connection.".into(),
            ),
            other => {
                let cause = format!("the server refused the handshake (TLS alert {})", u8::from(other));
                (cause, self.check_port())
            }
        }
    }

    fn no_client_certificate(&self) -> String {
        match self.side {
            Side::Appliance { .. } => {
                "Client certificates are not supported: let the appliance do without, or connect to another `port`."
                    .into()
            }
            Side::Proxy => "Client certificates are not supported: use another proxy.".into(),
        }
    }
}
