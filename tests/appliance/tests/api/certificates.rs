//! Each kind of certificate is seen to be what it says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, CertificateKind, Settings, TlsOffer};

use crate::client::{End, basic, collect, connect, request};

fn serving(certificate: CertificateKind) -> Appliance {
    Appliance::start(Settings { certificate, ..Settings::default() }).unwrap()
}

/// What a handshake that trusts `ca_path` says.
fn outcome(appliance: &Appliance, name: &str) -> String {
    match connect(appliance, appliance.ca_path(), name) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_default_is_trusted_by_all_its_names() {
    let appliance = serving(CertificateKind::InternalCa);
    for name in ["127.0.0.1", "::1", "localhost", "lxca.test"] {
        assert_eq!(outcome(&appliance, name), "accepted", "{name}");
    }
    assert!(outcome(&appliance, "other.test").contains("not valid for name"));
}

#[test]
fn an_rsa_key_works_too() {
    assert_eq!(outcome(&serving(CertificateKind::Rsa), "127.0.0.1"), "accepted");
}

#[test]
fn names_may_be_missing() {
    let localhost = serving(CertificateKind::LocalhostOnly);
    assert_eq!(outcome(&localhost, "localhost"), "accepted");
    assert!(outcome(&localhost, "127.0.0.1").contains("not valid for name"));
    let unnamed = serving(CertificateKind::NoSan);
    assert!(outcome(&unnamed, "localhost").contains("not valid for"));
}

#[test]
fn dates_may_be_wrong() {
    assert!(outcome(&serving(CertificateKind::Expired), "localhost").contains("expired"));
    assert!(outcome(&serving(CertificateKind::NotYetValid), "localhost").contains("not valid yet"));
}

#[test]
fn old_certificates_are_what_they_say() {
    // What the client's library says of them; that they are sound is seen by curl.
    for (kind, words) in [
        (CertificateKind::X509V1, "UnsupportedCertVersion"),
        (CertificateKind::Sha1, "UnsupportedSignatureAlgorithm"),
        (CertificateKind::Rsa1024, "BadSignature"),
        (CertificateKind::ClientAuthOnly, "extended key usage"),
    ] {
        let said = outcome(&serving(kind), "localhost");
        assert!(said.contains(words), "{kind:?}: {said}");
    }
}

#[test]
fn a_client_certificate_can_be_demanded() {
    for tls in [TlsOffer::Tls12Only, TlsOffer::Tls12AndTls13] {
        let settings = Settings { tls, client_certificate_required: true, ..Settings::default() };
        let appliance = Appliance::start(settings).unwrap();
        // With TLS 1.3 the client is done before the server has an opinion.
        let said = connect(&appliance, appliance.ca_path(), "localhost").and_then(|mut stream| stream.read(&mut [0]));
        assert!(said.as_ref().is_err_and(|error| error.to_string().contains("CertificateRequired")), "{said:?}");
    }
}

#[test]
fn what_is_older_than_tls_1_2_is_refused_at_once() {
    for (tls, words) in [
        (TlsOffer::Tls11Only, "ServerDoesNotSupportTls12Or13"),
        (TlsOffer::Tls11OnlyByAlert, "ProtocolVersion"),
        (TlsOffer::OldCiphersOnly, "HandshakeFailure"),
    ] {
        let appliance = Appliance::start(Settings { tls, ..Settings::default() }).unwrap();
        let said = outcome(&appliance, "localhost");
        assert!(said.contains(words), "{tls:?}: {said}");
    }
}

#[test]
fn a_restart_may_bring_another_certificate() {
    let settings = Settings { certificate_after_restart: Some(CertificateKind::InternalCa), ..Settings::default() };
    let appliance = Appliance::start(settings).unwrap();
    let mut seen = vec![appliance.certificate_fingerprint()];
    for kind in [Some(CertificateKind::InternalCa), None, Some(CertificateKind::UnknownCa)] {
        appliance.change(|state| state.settings.certificate_after_restart = kind);
        appliance.restart(Duration::ZERO, Duration::ZERO);
        let shown = kind.unwrap_or(CertificateKind::InternalCa);
        assert_eq!(appliance.change(|state| state.settings.certificate), shown);
        until_up(&appliance);
        // The CA is the same as before, or an unknown one.
        let trusted = outcome(&appliance, "localhost") == "accepted";
        assert_eq!(trusted, shown == CertificateKind::InternalCa);
        seen.push(appliance.certificate_fingerprint());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
    assert_ne!(seen[2], seen[3]);
}

/// Waits until the port accepts connections again.
fn until_up(appliance: &Appliance) {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect((appliance.host(), appliance.port())).is_err() {
        assert!(Instant::now() < end, "still down");
    }
}

#[test]
fn the_issuer_may_be_unknown() {
    assert!(outcome(&serving(CertificateKind::UnknownCa), "localhost").contains("UnknownIssuer"));
}

#[test]
fn a_certificate_may_be_its_own_issuer() {
    // The client's library refuses a server with a CA certificate, once it has looked at the dates.
    let said = outcome(&serving(CertificateKind::SelfSigned), "localhost");
    assert!(said.contains("CaUsedAsEndEntity"), "{said}");
    let said = outcome(&serving(CertificateKind::SelfSignedExpired), "localhost");
    assert!(said.contains("expired"), "{said}");
    assert_eq!(outcome(&serving(CertificateKind::SelfSignedLeaf), "localhost"), "accepted");
}

#[test]
fn the_fingerprint_is_that_of_the_certificate() {
    let appliance = serving(CertificateKind::InternalCa);
    let stream = connect(&appliance, appliance.ca_path(), "localhost").unwrap();
    let certificate = &stream.conn.peer_certificates().unwrap()[0];
    let hash = ring::digest::digest(&ring::digest::SHA256, certificate);
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(appliance.certificate_fingerprint(), format!("sha256:{hash}"));
}

#[test]
fn tls_1_2_can_be_all_there_is_and_the_log_knows() {
    for (tls, version) in [(TlsOffer::Tls12Only, "TLSv1_2"), (TlsOffer::Tls12AndTls13, "TLSv1_3")] {
        let appliance = Appliance::start(Settings { tls, ..Settings::default() }).unwrap();
        let mut stream = connect(&appliance, appliance.ca_path(), "lxca.test").unwrap();
        stream.write_all(&request("GET", "/sessions", &[&basic(&appliance)], b"")).unwrap();
        assert_eq!(collect(&mut stream).1, End::Closed);
        let logged = &appliance.requests()[0];
        assert_eq!((logged.tls_version.as_str(), logged.server_name.as_deref()), (version, Some("lxca.test")));
    }
}

#[test]
fn only_loopback_is_listened_on() {
    let settings = |listen: &str| Settings { listen: listen.parse().unwrap(), ..Settings::default() };
    assert!(Appliance::start(settings("0.0.0.0")).is_err());
    if let Ok(appliance) = Appliance::start(settings("::1")) {
        assert_eq!(outcome(&appliance, "::1"), "accepted");
    }
}
