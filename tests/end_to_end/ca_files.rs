//! Files of certificates in the forms that people have them in: read whole, or refused in words
//! (docs/contract.md, Input, `ca_path`).

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Lxca, appliance};
use crate::scripted::{Certificate, NOBODY, as_ca, file, openssl};
use crate::tls::{info, says};

/// A path below the temporary folder, where the file of the test is.
fn beside(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    folder.path().join(name)
}

#[test]
fn every_usual_form_of_a_ca_file_is_read_whole() {
    let appliance = appliance();
    let ca = std::fs::read_to_string(appliance.ca_path()).unwrap();
    let other = Certificate::self_signed(&["other.test"], as_ca).pem();
    let der = BASE64_STANDARD.decode(ca.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let glued = format!("{}{}", other.trim_end(), ca);
    let indented: String = ca.lines().map(|line| format!("    {line}\n")).collect();
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let forms: &[(&str, Vec<u8>)] = &[
        ("byte-order mark", [b"\xef\xbb\xbf", ca.as_bytes()].concat()),
        ("CRLF", ca.replace('\n', "\r\n").into_bytes()),
        ("CR", ca.replace('\n', "\r").into_bytes()),
        ("text around", format!("subject=CN = CA\n{other}\n# \u{fc}ber\n{ca}\ntrailing").into_bytes()),
        ("Latin-1 around", [b"# \xfcber\n", ca.as_bytes()].concat()),
        ("line breaks as two characters", ca.replace('\n', "\\n").into_bytes()),
        ("the same with CR, in quotes", format!("\"{}\"", ca.replace('\n', "\\r\\n")).into_bytes()),
        ("glued together", glued.clone().into_bytes()),
        ("glued together, line breaks as two characters", glued.replace('\n', "\\n").into_bytes()),
        ("without the last line break", ca.trim_end().into()),
        ("indented", indented.into_bytes()),
        ("trailing blanks", ca.replace('\n', " \t\n").into_bytes()),
        ("one long line", format!("{}\n", ca.replace('\n', "")).into_bytes()),
        ("the old label", ca.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes()),
        ("beside a private key", format!("{key}{ca}").into_bytes()),
        ("DER", der),
    ];
    for (form, bytes) in forms {
        let path = file(bytes);
        let answer = Lxca::asks(&appliance, info(json!({"ca_path": path.path()}))).run().answer();
        assert_eq!(answer["failed"], false, "{form}: {}", answer.0);
    }
}

/// Options with this CA file, to connect to nobody.
fn nobody(path: &Path) -> Value {
    let (host, port) = NOBODY;
    json!({"host": host, "port": port, "username": "u", "password": "Passw0rd-of-nobody", "ca_path": path, "retries": 0})
}

/// The failure of a call with this CA file.
#[track_caller]
fn refused(path: &Path, words: &[&str]) -> Answer {
    let nobody =
        json!({"host": "127.9.9.9", "port": 1, "username": "u", "password": "Passw0rd-of-nobody", "ca_path": path});
    let ended = Lxca::given(info(nobody).to_string()).run();
    let answer = ended.answer();
    assert_eq!(answer["error"]["kind"], "local_file", "{}", answer.0);
    says(&answer, words);
    says(&answer, &["ca_path", path.to_str().unwrap()]);
    answer
}

#[test]
fn every_other_file_is_refused_with_what_it_is_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| beside(&folder, name);
    let ca = Certificate::self_signed(&["127.0.0.1"], as_ca);
    std::fs::write(at("ca.pem"), ca.pem()).unwrap();
    std::fs::write(at("key.pem"), ca.key_pem()).unwrap();
    openssl(folder.path(), "x509 -in ca.pem -trustout -addtrust serverAuth -out trusted.pem");
    openssl(folder.path(), "pkcs12 -export -in ca.pem -inkey key.pem -passout pass: -out store.p12");
    openssl(folder.path(), "crl2pkcs7 -nocrl -certfile ca.pem -outform DER -out chain.p7b");
    openssl(folder.path(), "crl2pkcs7 -nocrl -certfile ca.pem -out chain.p7.pem");
    openssl(folder.path(), "pkey -in key.pem -outform DER -out key.der");
    openssl(folder.path(), "req -new -key key.pem -subj /CN=a -out request.pem");
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(ca.pem().encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(at("utf16.pem"), utf16).unwrap();
    std::fs::write(at("page.html"), "<!DOCTYPE html><title>Login</title>").unwrap();
    std::fs::write(at("empty.pem"), "").unwrap();
    std::fs::write(at("blank.pem"), "\n  \r\n").unwrap();
    std::fs::write(at("words.pem"), "no certificate here\n").unwrap();
    std::fs::write(at("mixed.pem"), ca.pem() + &std::fs::read_to_string(at("trusted.pem")).unwrap()).unwrap();
    let cases: &[(&str, &[&str])] = &[
        ("trusted.pem", &["TRUSTED CERTIFICATE", "openssl x509 -in"]),
        ("mixed.pem", &["TRUSTED CERTIFICATE"]),
        ("store.p12", &["PKCS#12", "openssl pkcs12 -in", "-nokeys"]),
        ("chain.p7b", &["PKCS#7", "openssl pkcs7 -inform DER -in", "-print_certs"]),
        ("chain.p7.pem", &["PKCS#7", "openssl pkcs7 -in", "-print_certs"]),
        ("key.pem", &["private key and no certificate"]),
        ("key.der", &["no certificate"]),
        ("request.pem", &["certificate request and no certificate"]),
        ("utf16.pem", &["UTF-16", "iconv"]),
        ("page.html", &["HTML"]),
        ("empty.pem", &["is empty"]),
        ("blank.pem", &["is empty"]),
        ("words.pem", &["no certificate in PEM form"]),
        ("missing.pem", &["does not exist", "Correct the path"]),
        (".", &["is a directory", "Name one file"]),
    ];
    for (name, words) in cases {
        refused(&at(name), words);
    }
    // What openssl is said to make is read.
    openssl(folder.path(), "x509 -in trusted.pem -out converted.pem");
    openssl(folder.path(), "pkcs7 -inform DER -in chain.p7b -print_certs -out converted2.pem");
    openssl(folder.path(), "pkcs12 -in store.p12 -nokeys -passin pass: -out converted3.pem");
    let server = crate::scripted::Server::https(ca.config(), crate::scripted::AICC);
    for name in ["converted.pem", "converted2.pem", "converted3.pem"] {
        let options = crate::harness::with(server.connection(), info(json!({"ca_path": at(name)})));
        Lxca::given(options.to_string()).succeeds();
    }
}

#[test]
fn a_bundle_with_a_broken_certificate_is_refused_and_the_certificate_named() {
    let whole = Certificate::self_signed(&["127.0.0.1"], as_ca).pem();
    let lines: Vec<&str> = whole.lines().collect();
    let without = |line: usize| [&lines[..line], &lines[line + 1..]].concat().join("\n");
    let broken = [
        without(2),
        without(lines.len() - 1),
        whole.replace("-----END", "----END"),
        whole.replacen('M', "!", 1),
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_owned(),
        "-----BEGIN CERTIFICATE-----\nbm9pc2U=\n-----END CERTIFICATE-----\n".to_owned(),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
    ];
    for broken in &broken {
        refused(file(format!("{whole}{whole}{broken}\n{whole}")).path(), &["certificate 3 in it cannot be read"]);
        refused(file(format!("{broken}\n{whole}")).path(), &["certificate 1 in it cannot be read"]);
        refused(file(broken).path(), &["certificate 1 in it cannot be read"]);
    }
}

#[test]
fn what_is_not_a_regular_file_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = beside(&folder, "fifo");
    assert!(std::process::Command::new(crate::harness::program("mkfifo")).arg(&fifo).status().unwrap().success());
    for path in [&fifo, Path::new("/dev/zero"), Path::new("/dev/null")] {
        let mut running = Lxca::given(info(nobody(path)).to_string()).start();
        let end = Instant::now() + Duration::from_secs(20);
        while !running.has_ended() && Instant::now() < end {
            std::thread::yield_now();
        }
        if !running.has_ended() {
            running.signal("KILL");
        }
        let answer = running.wait().answer();
        says(&answer, &["ca_path", path.to_str().unwrap(), "not a regular file"]);
    }
}

#[test]
fn a_system_bundle_that_cannot_be_used_is_named() {
    let appliance = appliance();
    let folder = tempfile::tempdir().unwrap();
    let missing = beside(&folder, "gone.pem");
    for (path, word) in [(missing.as_path(), "does not exist"), (folder.path(), "is a directory")] {
        let call = Lxca::asks(&appliance, info(json!({"ca_path": null})));
        let answer = call.environment("SSL_CERT_FILE", path.to_str().unwrap()).fails("tls");
        says(&answer, &["SSL_CERT_FILE", path.to_str().unwrap(), word, "ca_path", "certificate_fingerprint"]);
    }
}

#[test]
fn a_path_below_the_home_directory_is_expanded() {
    let appliance = appliance();
    let name = appliance.ca_path().file_name().unwrap().to_str().unwrap();
    let home = appliance.ca_path().parent().unwrap().to_str().unwrap();
    let call = Lxca::asks(&appliance, info(json!({"ca_path": format!("~/{name}")})));
    call.environment("HOME", home).succeeds();
}
