//! TLS failures in words: the cause, and the option that helps. Advice fits what is trusted already and who is on the
//! other side; no text of a library is shown.

mod alerts;

use std::time::{Duration, SystemTime};

use der::asn1::ObjectIdentifier;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, Error as TlsError, PeerIncompatible as Incompatible};

use super::list;
use crate::client::transport::trust::{Refusal, Trust, Whose};

/// Who is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The appliance; whether `server_name` was given.
    Appliance {
        /// The option.
        server_name: bool,
    },
    /// An HTTPS proxy, of which the appliance's options say nothing.
    Proxy,
}

/// What decides the words besides the error.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// What is trusted of the other side.
    pub trust: &'a Trust,
    /// Who that is.
    pub side: Side,
    /// The name that its certificate has to hold.
    pub expected: &'a str,
    /// Whether it came to a certificate.
    pub presented: bool,
}

impl Circumstances<'_> {
    /// The cause, to follow "TLS with X failed:", and what to do, as sentences of their own.
    pub fn explain(&self, error: &TlsError) -> (String, String) {
        match (Refusal::inside(error), error) {
            (Some(refusal), _) => (self.cause(refusal), self.help(refusal)),
            (None, TlsError::AlertReceived(alert)) => self.alert(*alert),
            // Servers from before TLS 1.3 choose what they have, newer ones say that there is nothing in common.
            (None, TlsError::PeerIncompatible(Incompatible::ServerDoesNotSupportTls12Or13)) => {
                self.alert(Alert::ProtocolVersion)
            }
            (
                None,
                TlsError::PeerIncompatible(
                    Incompatible::NoCipherSuitesInCommon
                    | Incompatible::NoKxGroupsInCommon
                    | Incompatible::NoSignatureSchemesInCommon
                    | Incompatible::NoEcPointFormatsInCommon,
                ),
            ) => self.alert(Alert::HandshakeFailure),
            (None, TlsError::PeerIncompatible(Incompatible::ExtendedMasterSecretExtensionRequired)) => {
                ("the server's TLS 1.2 lacks the extended master secret".into(), self.update())
            }
            (None, TlsError::NoCertificatesPresented) => {
                ("the server presents no certificate".into(), format!("Give {} a certificate.", self.it()))
            }
            (None, TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. }) if !self.presented => {
                ("the server does not speak TLS on this port".into(), self.check_port())
            }
            (None, TlsError::FailedToGetCurrentTime) => {
                ("this machine's clock cannot be read".into(), "Set the clock.".into())
            }
            (None, TlsError::FailedToGetRandomBytes) => {
                ("this machine has no random numbers".into(), "Check /dev/urandom.".into())
            }
            // PeerMisbehaved and its like: the server breaks the protocol, and the details do not help the user.
            (None, _) => ("the server breaks the rules of TLS".into(), self.check_port()),
        }
    }

    /// What is being connected to, in advice.
    fn it(&self) -> &'static str {
        match self.side {
            Side::Appliance { .. } => "the appliance",
            Side::Proxy => "the proxy",
        }
    }

    fn check_port(&self) -> String {
        match self.side {
            Side::Appliance { .. } => "Check `port`.".into(),
            Side::Proxy => "Check the port in the proxy's URL, and whether it has to begin with http://.".into(),
        }
    }

    fn update(&self) -> String {
        format!("Enable TLS 1.2 or newer, as it is spoken today, on {}.", self.it())
    }

    /// How to make another name the expected one.
    fn use_name(&self, name: &str) -> String {
        match self.side {
            Side::Appliance { server_name: false } => format!("Use {name} as `host`, or set `server_name` to it"),
            Side::Appliance { server_name: true } => format!("Set `server_name` to {name}"),
            Side::Proxy => format!("Use {name} in the proxy's URL"),
        }
    }

    /// The way around every check of a chain, where there is one.
    fn or_pin(&self) -> &'static str {
        match self.side {
            Side::Appliance { .. } => ", or trust it with `certificate_fingerprint`",
            Side::Proxy => "",
        }
    }

    /// The last way, which needs no certificate that can be read.
    fn or_nothing(&self) -> &'static str {
        match self.side {
            Side::Appliance { .. } => "; until then only `validate_certs: false` connects, and it accepts any server",
            Side::Proxy => "",
        }
    }

    /// Where the CA's certificate has to be put.
    fn trust_the_ca(&self) -> String {
        match (self.side, self.trust) {
            (Side::Appliance { .. }, Trust::Bundle(path)) => format!(
                "Compare this with the appliance's certificate, then put its CA (or the certificate itself) into {} \
                 (option `ca_path`), or set `certificate_fingerprint` to the value.",
                path.display()
            ),
            (Side::Appliance { .. }, _) => {
                "Compare this with the appliance's certificate, then set `ca_path` to the file \
                 of its CA (or of the certificate itself), or `certificate_fingerprint` to the value."
                    .into()
            }
            (Side::Proxy, Trust::Bundle(path)) => {
                format!("Put the proxy's CA into {} (option `ca_path`), beside the appliance's.", path.display())
            }
            (Side::Proxy, _) => "Add the proxy's CA to the certificates that this system trusts.".into(),
        }
    }

    /// The file of what is trusted, or the system.
    fn place(&self) -> String {
        match self.trust {
            Trust::Bundle(path) => path.display().to_string(),
            _ => "the certificates of this system".into(),
        }
    }

    fn cause(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::NotPinned => match self.trust {
                Trust::Pin(expected) => format!("the certificate is not the expected one, {expected}"),
                _ => "the certificate is not the expected one".into(),
            },
            Refusal::NoRoots(why) => format!("the certificate's issuer is unknown to this system: {why}"),
            Refusal::Expired(whose, not_after) => format!("{} expired on {}", of(*whose), date(*not_after)),
            Refusal::NotYetValid(whose, not_before) => {
                format!("{} is valid only from {}", of(*whose), date(*not_before))
            }
            Refusal::OtherName(names) if names.is_empty() => {
                format!("the certificate holds no subjectAltName, so none that matches {}", self.expected)
            }
            Refusal::OtherName(names) => {
                let names = list(names);
                format!("the certificate is for {names}, not for {}", self.expected)
            }
            Refusal::UnknownIssuer => match self.trust {
                Trust::Bundle(path) => format!("no CA certificate in {} issued the server's", path.display()),
                _ => "the certificate's issuer is unknown to this system".into(),
            },
            Refusal::SelfSigned => format!("the certificate is self-signed, and not in {}", self.place()),
            Refusal::IssuerIsNoAuthority => format!(
                "the certificate's issuer stands in {}, but is not a CA for servers (CA:TRUE, keyCertSign, serverAuth), \
                 so its signature counts for nothing",
                self.place()
            ),
            Refusal::AuthorityAsServer => "the server presents the certificate of a CA as its own".into(),
            Refusal::IntermediateIsNoAuthority => {
                "an intermediate certificate that the server sends is not a CA's, so it may not sign".into()
            }
            Refusal::OtherIssuerKey => format!(
                "a CA certificate with the name of the issuer is in {}, but its key did not sign what the server presents: \
                 the CA was made anew under the same name, or the certificate was changed",
                self.place()
            ),
            Refusal::KeySize(whose, bits) => {
                let small = if *bits < 2048 { "too small" } else { "too large" };
                format!(
                    "the key is {small}: {} has an RSA key of {bits} bits, and 2048 to 8192 are supported",
                    of(*whose)
                )
            }
            Refusal::KeyKind(whose, kind) => format!(
                "{} has a key of a kind that is not supported{} (supported are RSA, P-256, P-384 and Ed25519)",
                of(*whose),
                named(*kind)
            ),
            Refusal::Algorithm(algorithm) => format!(
                "the certificate or its CA's is signed with an algorithm that is not supported, or not trusted any \
                 more{}",
                named(*algorithm)
            ),
            Refusal::Purpose(whose) => {
                format!("{} is not meant for servers (its extended key usage has no serverAuth)", of(*whose))
            }
            Refusal::NameConstraints => "the CA may not issue certificates for this name (its name constraints)".into(),
            Refusal::PathLength => "the CA may not have so many intermediates (its path length)".into(),
            Refusal::CriticalExtension(whose, extension) => {
                format!("{} has a critical extension that is not understood{}", of(*whose), named(*extension))
            }
            Refusal::Version(whose, version) => format!("{} is of X.509 version {version}, not 3", of(*whose)),
            Refusal::Malformed(whose) => format!("{} is malformed and cannot be read", of(*whose)),
            Refusal::TooComplex => "the server sends too many intermediate certificates to try".into(),
            Refusal::Revoked => "the certificate was revoked".into(),
            Refusal::HandshakeSignature => {
                "the signature of the handshake is wrong, so the server does not have the key of its certificate".into()
            }
            Refusal::Other => "the certificate was refused".into(),
        }
    }

    fn help(&self, refusal: &Refusal) -> String {
        let it = self.it();
        let renew = |whose: Whose| match whose {
            Whose::Server => format!("Renew the certificate of {it}"),
            Whose::Intermediate => format!("Give {it} a certificate of another CA"),
            Whose::Authority => format!("Renew the CA, and the certificate of {it} with it"),
        };
        match refusal {
            Refusal::NotPinned => {
                "Set `certificate_fingerprint` to it only if the appliance's certificate was replaced on purpose."
                    .into()
            }
            Refusal::NoRoots(_) | Refusal::UnknownIssuer | Refusal::SelfSigned | Refusal::AuthorityAsServer => {
                self.trust_the_ca()
            }
            Refusal::IssuerIsNoAuthority => match self.side {
                Side::Appliance { .. } => {
                    "If this is the appliance's certificate, put it, or the CA's, there instead, or set \
                     `certificate_fingerprint` to the value."
                        .into()
                }
                Side::Proxy => "Put the certificate of the proxy's CA there instead.".into(),
            },
            Refusal::Expired(whose, _) | Refusal::NotYetValid(whose, _) => {
                format!("Check this machine's clock. {}{}.", renew(*whose), self.or_pin())
            }
            Refusal::OtherName(names) if names.is_empty() => format!("{}{}.", renew(Whose::Server), self.or_pin()),
            Refusal::OtherName(_) => format!("{}{}.", self.use_name("that name"), self.or_pin()),
            Refusal::OtherIssuerKey => {
                format!("Fetch the CA's certificate again and put it into {}{}.", self.place(), self.or_pin())
            }
            // A pin skips the chain, not what is said of the server's own certificate where webpki has to read it.
            Refusal::KeySize(Whose::Server, _)
            | Refusal::KeyKind(Whose::Server, _)
            | Refusal::CriticalExtension(Whose::Server, _)
            | Refusal::Version(Whose::Server, _)
            | Refusal::Malformed(Whose::Server) => {
                format!("Replace the certificate of {it}{}.", self.or_nothing())
            }
            Refusal::KeySize(whose, _)
            | Refusal::KeyKind(whose, _)
            | Refusal::CriticalExtension(whose, _)
            | Refusal::Version(whose, _)
            | Refusal::Malformed(whose)
            | Refusal::Purpose(whose) => format!("{}{}.", renew(*whose), self.or_pin()),
            Refusal::Algorithm(_) | Refusal::NameConstraints => format!("{}{}.", renew(Whose::Server), self.or_pin()),
            Refusal::IntermediateIsNoAuthority | Refusal::PathLength | Refusal::TooComplex => {
                format!("{}{}.", renew(Whose::Intermediate), self.or_pin())
            }
            Refusal::Revoked => format!("Replace the certificate of {it}."),
            Refusal::HandshakeSignature => {
                format!("Somebody may be posing as {it}: check what answers at this address before you go on.")
            }
            Refusal::Other => format!("{}{}.", renew(Whose::Server), self.or_pin()),
        }
    }
}

/// A certificate, as the subject of a sentence.
fn of(whose: Whose) -> &'static str {
    match whose {
        Whose::Server => "the certificate",
        Whose::Intermediate => "an intermediate certificate that the server sends",
        Whose::Authority => "the CA's certificate",
    }
}

/// An algorithm, a curve or an extension, as people know it.
fn named(identifier: Option<ObjectIdentifier>) -> String {
    const NAMES: [(&str, &str); 18] = [
        ("1.2.840.113549.1.1.4", "MD5 with RSA"),
        ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
        ("1.2.840.113549.1.1.10", "RSA-PSS with unusual parameters"),
        ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
        ("1.2.840.10045.4.3.4", "SHA-512 with ECDSA"),
        ("1.2.840.10040.4.1", "DSA"),
        ("1.2.840.10040.4.3", "SHA-1 with DSA"),
        ("2.16.840.1.101.3.4.3.2", "SHA-256 with DSA"),
        ("1.2.840.10045.2.1", "an elliptic curve"),
        ("1.3.132.0.35", "P-521"),
        ("1.3.132.0.10", "secp256k1"),
        ("1.2.840.10045.3.1.1", "P-192"),
        ("1.3.101.113", "Ed448"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("2.5.29.36", "policy constraints"),
        ("2.5.29.32", "certificate policies"),
        ("2.5.29.54", "inhibit anyPolicy"),
    ];
    let Some(identifier) = identifier.map(|identifier| identifier.to_string()) else { return String::new() };
    match NAMES.iter().find(|(number, _)| *number == identifier) {
        Some((_, name)) => format!(": {name} ({identifier})"),
        None => format!(": {identifier}"),
    }
}

/// A point in time as HTTP writes it.
fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    httpdate::fmt_http_date(time)
}
