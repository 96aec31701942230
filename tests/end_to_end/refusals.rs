//! What is said of a server that TLS does not get along with: the cause, and only the option that helps
//! (docs/contract.md, Output).

use rcgen::{BasicConstraints, CustomExtension, IsCa, KeyPair, SanType};
use rustls::SignatureScheme;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use lxca_appliance::CertificateKind as Kind;

use crate::harness::{Answer, Lxca, with};
use crate::scripted::{AICC, Certificate, Server, as_ca, called, file, openssl, wait_for_end};
use crate::tls::{info, kind, refused, says};

const HERE: &[&str] = &["127.0.0.1"];
const PIN: &str = "certificate_fingerprint";

/// Words that no person can use.
const NOISE: &[&str] = &[
    "Other(",
    "OtherError",
    "InvalidCertificate",
    "received fatal alert",
    "UnrecognisedName",
    "peer is incompatible",
    "peer misbehaved",
    "unexpected",
    "invalid peer",
    "tls handshake eof",
    "os error",
    "{ ",
    "DnsName",
    "[invalid",
];

/// The failure in these words, without those, and without noise.
#[track_caller]
fn fails(server: &Server, options: Value, words: &[&str], not: &[&str]) -> Answer {
    let call = Lxca::given(with(with(server.connection(), json!({"retries": 0})), info(options)).to_string());
    // The machine's own roots must not decide a test.
    let answer = call.environment("SSL_CERT_FILE", file("x").path().to_str().unwrap()).run().answer();
    assert_eq!(answer["failed"], true, "{}", answer.0);
    says(&answer, words);
    for word in not.iter().chain(NOISE) {
        assert!(!answer.msg().contains(word), "{word:?} is in: {}", answer.msg());
    }
    assert!(answer.msg().len() <= 2000, "{}", answer.msg());
    answer
}

/// A critical extension that nobody understands.
fn critical() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 311, 99], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

#[test]
fn who_does_not_have_the_key_is_not_believed() {
    let schemes: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
    for version in [&TLS12, &TLS13] {
        let stolen = Certificate::self_signed(&["127.0.0.1"], as_ca).without_its_key(schemes);
        let server = Server::https(stolen.config_of(&[version]), AICC);
        let trusted = file(stolen.pem());
        refused(&server, json!({"certificate_fingerprint": stolen.fingerprint()}), &["signature"]);
        refused(&server, json!({"ca_path": trusted.path()}), &["signature", &stolen.fingerprint()]);
    }
}

#[test]
fn what_does_not_help_against_an_old_certificate_is_not_suggested() {
    for (certificate, words) in [(Kind::X509V1, "version 1"), (Kind::Rsa1024, "key is too small")] {
        let appliance = kind(certificate);
        let pinned = json!({"certificate_fingerprint": appliance.certificate_fingerprint()});
        for options in [json!({}), pinned] {
            let answer = Lxca::asks(&appliance, info(options)).fails("tls");
            says(&answer, &[words, &appliance.certificate_fingerprint()]);
            assert!(!answer.msg().contains("certificate_fingerprint"), "{}", answer.msg());
        }
    }
}

#[test]
fn a_ca_made_anew_under_its_old_name_is_told_from_a_server_without_its_key() {
    let (old, new) = (Certificate::authority("CA", |_| {}), Certificate::authority("CA", |_| {}));
    let server = Server::https(new.issue(HERE, |_| {}).config(), AICC);
    let bundle = file(old.pem());
    let path = bundle.path().to_str().unwrap();
    let words = ["with the name of the issuer", path, "did not sign", "Fetch the CA", PIN];
    let answer = fails(&server, json!({"ca_path": path}), &words, &["handshake", "validate_certs"]);
    assert_eq!(answer["error"], json!({"kind": "tls", "retryable": false}));
    let middle = new.issue(&[], |params| {
        as_ca(params);
        called(params, "Middle");
    });
    let server = Server::https(middle.issue(HERE, |_| {}).sent_with(&[&middle]).config(), AICC);
    fails(&server, json!({"ca_path": path}), &words, &["handshake", "validate_certs"]);
    // Without the key it is the handshake's signature, and no option helps.
    let schemes: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
    let stolen = old.issue(HERE, |_| {}).without_its_key(schemes);
    let pinned = json!({"certificate_fingerprint": stolen.fingerprint()});
    for version in [&TLS12, &TLS13] {
        let server = Server::https(stolen.config_of(&[version]), AICC);
        for options in [json!({"ca_path": path}), pinned.clone()] {
            fails(&server, options, &["signature of the handshake is wrong"], &[PIN, "validate_certs", "Fetch"]);
        }
    }
}

#[test]
fn a_critical_extension_is_named_and_a_pin_suggested_where_it_helps() {
    let oid = "1.3.6.1.4.1.311.99";
    let root = Certificate::authority("Root", |_| {});
    let bundle = file(root.pem());
    let middle = root.issue(&[], |params| {
        as_ca(params);
        called(params, "Middle");
        params.custom_extensions = vec![critical()];
    });
    let leaf = middle.issue(HERE, |_| {}).sent_with(&[&middle]);
    let server = Server::https(leaf.config(), AICC);
    let words = ["an intermediate certificate", "critical extension", oid, PIN];
    fails(&server, json!({"ca_path": bundle.path()}), &words, &["validate_certs"]);
    let pin = |it: &Certificate| with(server.connection(), json!({"certificate_fingerprint": it.fingerprint()}));
    Lxca::given(info(pin(&leaf)).to_string()).succeeds();
    let leaf = root.issue(HERE, |params| params.custom_extensions = vec![critical()]);
    let server = Server::https(leaf.config(), AICC);
    let pinned = json!({"certificate_fingerprint": leaf.fingerprint()});
    let words = ["the certificate has a critical extension", oid, "Replace the certificate"];
    for options in [json!({"ca_path": bundle.path()}), pinned, json!({"ca_path": file_of(&leaf)})] {
        fails(&server, options, &words, &[PIN]);
    }
    let insecure = with(server.connection(), json!({"validate_certs": false}));
    Lxca::given(info(insecure).to_string()).succeeds();
}

#[test]
fn keys_of_other_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let make = |command: &str| openssl(folder.path(), command);
    std::fs::write(folder.path().join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let any = Certificate::self_signed(HERE, |_| {});
    // The key is not used: the server cannot sign with it.
    let cases = [
        ("ec -pkeyopt ec_paramgen_curve:secp521r1", "P-521"),
        ("ed448", "Ed448"),
        ("ec -pkeyopt ec_paramgen_curve:secp256k1", "secp256k1"),
    ];
    for (algorithm, name) in cases {
        make(&format!(
            "req -x509 -newkey {algorithm} -nodes -keyout key.pem -subj /CN=here -addext subjectAltName=IP:127.0.0.1 \
             -addext basicConstraints=critical,CA:FALSE -days 3650 -outform DER -out leaf.der"
        ));
        let made = any.known_as(read("leaf.der"));
        let pinned = json!({"certificate_fingerprint": made.fingerprint()});
        let schemes: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
        let trusted = file(made.pem());
        let server = Server::https(made.without_its_key(schemes).config(), AICC);
        for options in [pinned, json!({"ca_path": trusted.path()})] {
            fails(&server, options, &["a key of a kind that is not supported", name, "Replace"], &[PIN]);
        }
    }
    // A CA with such a key.
    make(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp521r1 -nodes -keyout ca.key -subj /CN=CA -days 3650 -out ca.pem",
    );
    std::fs::write(folder.path().join("leaf.key"), any.key_pem()).unwrap();
    make("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
    make(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san -days 3650 -outform DER -out leaf.der",
    );
    let made = any.known_as(read("leaf.der"));
    let server = Server::https(made.config(), AICC);
    let path = folder.path().join("ca.pem");
    fails(&server, json!({"ca_path": path}), &["not supported", PIN], &["validate_certs"]);
    Lxca::given(info(with(server.connection(), json!({"certificate_fingerprint": made.fingerprint()}))).to_string())
        .succeeds();
    // And one whose RSA key is too small.
    make("req -x509 -newkey rsa:1024 -nodes -keyout ca.key -subj /CN=CA -days 3650 -out ca.pem");
    make(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san -days 3650 -outform DER -out leaf.der",
    );
    let made = any.known_as(read("leaf.der"));
    let server = Server::https(made.config(), AICC);
    let words = ["the CA's certificate has an RSA key of 1024 bits", "Renew the CA", PIN];
    fails(&server, json!({"ca_path": path}), &words, &["validate_certs", "did not sign"]);
    // A server that can only sign with what we do not ask for.
    let only: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP521_SHA512];
    let other = Certificate::self_signed(HERE, as_ca).without_its_key(only);
    let server = Server::https(other.config(), AICC);
    fails(&server, json!({"validate_certs": false}), &["signature algorithm in common", "P-521"], &[PIN, "ca_path"]);
}

/// Answers a ClientHello with a TLS alert.
fn alert(number: u8) -> Server {
    let record: &'static [u8] = Vec::leak(vec![21, 3, 3, 0, 2, 2, number]);
    Server::of_bytes(record)
}

#[test]
fn alerts_are_put_in_words() {
    for number in 0..=255_u8 {
        let words: &[&str] = match number {
            40 => &["in common", "Enable TLS 1.2"],
            70 => &["nothing newer than TLS 1.1"],
            112 => &["unrecognized_name", "127.0.0.1", "as `host`", "server_name"],
            116 | 48 => &["client certificate"],
            80 => &["internal error"],
            255 => &["255"],
            _ => &["TLS with 127.0.0.1:"],
        };
        // All of them once, the rest with the exact words.
        if number % 16 == 0 || words != ["TLS with 127.0.0.1:"] {
            fails(&alert(number), json!({"validate_certs": false}), words, &["ca_path", PIN, "validate_certs"]);
        }
    }
    let named = json!({"server_name": "old.test", "certificate_fingerprint": "ab".repeat(32)});
    fails(&alert(112), named, &["old.test", "Set `server_name` to"], &["as `host`", PIN]);
}

#[test]
fn what_breaks_during_the_handshake_has_a_next_step() {
    let closes = Server::start(|mut tcp| drop(std::io::Read::read(&mut tcp, &mut [0; 4096])));
    let resets = Server::start(drop);
    for server in [&closes, &resets] {
        let answer =
            fails(server, json!({"validate_certs": false}), &["during the TLS handshake", "Check `port`"], &[]);
        assert_eq!(answer["error"], json!({"kind": "connection_failed", "retryable": true}));
    }
    // A handshake record with nonsense in it, and one cut in the middle.
    for bytes in [&b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"[..], &b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"[..]] {
        fails(&Server::of_bytes(bytes), json!({"validate_certs": false}), &["port"], &[PIN, "ca_path"]);
    }
    let half = Server::start(|mut tcp| {
        let _ = std::io::Read::read(&mut tcp, &mut [0; 4096]);
        let _ = std::io::Write::write_all(&mut tcp, b"\x16\x03\x03\x10\x00\x02");
    });
    fails(&half, json!({"validate_certs": false}), &["closed the connection during the TLS handshake"], &[]);
}

#[test]
fn advice_fits_what_is_trusted_already() {
    let server = Certificate::authority("CA", |_| {}).issue(HERE, |_| {});
    let running = Server::https(server.config(), AICC);
    let other = file(Certificate::authority("Other", |_| {}).pem());
    let path = other.path().to_str().unwrap();
    fails(&running, json!({"ca_path": path}), &["put its CA", path, PIN], &["set `ca_path`", "Set `ca_path`"]);
    fails(&running, json!({}), &["set `ca_path`", PIN], &[]);
    let pin = json!({"certificate_fingerprint": "ab".repeat(32)});
    fails(&running, pin, &["not the expected one", "replaced on purpose"], &["ca_path"]);
    let named = Certificate::self_signed(&["old.test"], as_ca);
    let (running, trusted) = (Server::https(named.config(), AICC), file(named.pem()));
    fails(&running, json!({"ca_path": trusted.path()}), &["is for old.test", "as `host`"], &[]);
    let named = json!({"ca_path": trusted.path(), "server_name": "new.test"});
    fails(&running, named, &["not for new.test", "Set `server_name`"], &["as `host`"]);
}

#[test]
fn names_of_a_certificate_are_listed_only_so_far() {
    let many: Vec<String> = (0..3000).map(|number| format!("host-{number}.test")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let made = Certificate::self_signed(&names, as_ca);
    let (server, trusted) = (Server::https(made.config(), AICC), file(made.pem()));
    let words = ["host-0.", "host-9.", "and 2990 more", "server_name", &made.fingerprint()];
    fails(&server, json!({"ca_path": trusted.path()}), &words, &["host-10."]);
    // Names that are not a server's are not shown.
    let made = Certificate::self_signed(&["old.test"], |params| {
        let mail = SanType::Rfc822Name("somebody@old.test".try_into().unwrap());
        params.subject_alt_names.insert(0, mail);
    });
    let (server, trusted) = (Server::https(made.config(), AICC), file(made.pem()));
    fails(&server, json!({"ca_path": trusted.path()}), &["is for old.test, not"], &["somebody", "Unsupported"]);
}

#[test]
fn broken_certificates_are_called_so() {
    let made = Certificate::self_signed(HERE, as_ca);
    let mut cut = made.der.to_vec();
    cut.truncate(cut.len() / 2);
    let broken = made.known_as(cut);
    let trusted = file(made.pem());
    let server = Server::https(broken.config(), AICC);
    for options in [json!({"ca_path": trusted.path()}), json!({"certificate_fingerprint": broken.fingerprint()})] {
        fails(&server, options, &["malformed", "Replace the certificate"], &[PIN]);
    }
    // One that was sent along.
    let root = Certificate::authority("Root", |_| {});
    let leaf = root.issue(HERE, |_| {}).sent_with(&[&broken]);
    let server = Server::https(leaf.config(), AICC);
    Lxca::given(info(with(server.connection(), json!({"ca_path": file_of(&root)}))).to_string()).succeeds();
    fails(&server, json!({"ca_path": trusted.path()}), &["intermediate", "malformed", PIN], &[]);
}

/// A file with a certificate, for as long as the tests run.
fn file_of(certificate: &Certificate) -> &'static std::path::Path {
    Box::leak(Box::new(file(certificate.pem()))).path()
}

#[test]
fn a_path_that_is_too_complex_ends() {
    // As many branches as the record of a certificate message holds.
    let key = KeyPair::generate().unwrap().serialize_pem();
    let root = Certificate::authority("A", |_| {});
    let middles: Vec<Certificate> = (0..60)
        .map(|_| {
            root.issue_for(KeyPair::from_pem(&key).unwrap(), &[], |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                called(params, "A");
            })
        })
        .collect();
    let leaf = middles[0].issue(HERE, |_| {}).sent_with(&middles.iter().collect::<Vec<_>>());
    let server = Server::https(leaf.config(), AICC);
    let other = Certificate::authority("A", |_| {});
    fails(&server, json!({"ca_path": file_of(&other)}), &["TLS with"], &[]);
}

#[test]
fn an_http_server_on_the_port_is_not_asked_again() {
    let server = Server::of_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server");
    let answer = fails(&server, json!({"retries": 3}), &["does not speak TLS on this port", "Check `port`"], &[]);
    assert_eq!((&answer["error"]["retryable"], server.connections()), (&json!(false), 1));
    let silent = Server::start(|mut tcp| wait_for_end(&mut tcp));
    let slow = json!({"connect_timeout": 1});
    let answer = fails(&silent, slow, &["the TLS handshake took too long", "connect_timeout"], &[]);
    assert_eq!(answer["error"]["kind"], "timeout");
}
