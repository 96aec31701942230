//! Which certificates are trusted, what is said of the others, and what goes over the wire while that is found out
//! (docs/contract.md, Input and Output).

use std::time::Duration;

use lxca_appliance::{Appliance, CertificateKind as Kind, Fault, FaultRule, TlsOffer};
use rcgen::{IsCa, date_time_ymd};
use serde_json::{Value, json};

use crate::harness::{Answer, Lxca, appliance, appliance_with, requests, until, with};
use crate::scripted::{AICC, Certificate, NOBODY, Server, as_ca, file};

/// The cheapest question; nulls stay, to take connection options away.
pub fn info(mut options: Value) -> Value {
    options["operation"] = json!("appliance_info");
    options
}

/// The question to a scripted server.
fn ask(server: &Server, options: Value) -> Lxca {
    Lxca::given(with(server.connection(), info(options)).to_string())
}

/// The failure of a question that a scripted server's certificate cannot pass: not repeated, no request sent.
#[track_caller]
pub fn refused(server: &Server, options: Value, words: &[&str]) -> Answer {
    let before = server.connections();
    let answer = ask(server, options).fails("tls");
    assert_eq!(answer["error"]["retryable"], false, "{}", answer.0);
    assert_eq!(server.connections() - before, 1, "a TLS failure is not repeated: {}", answer.0);
    says(&answer, words);
    answer
}

/// The words are in the message.
#[track_caller]
pub fn says(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.msg().contains(word), "{word:?} is missing in: {}", answer.msg());
    }
}

pub fn kind(certificate: Kind) -> Appliance {
    appliance_with(|settings| settings.certificate = certificate)
}

/// Upper case and colons, as browsers show a fingerprint.
fn with_colons(fingerprint: &str) -> String {
    let digits = fingerprint.trim_start_matches("sha256:").to_uppercase();
    digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect::<Vec<_>>().join(":")
}

#[test]
fn an_appliance_is_trusted_in_each_of_the_ways() {
    // (certificate, options, SNI): null takes the CA file away.
    type Options = fn(&Appliance) -> Value;
    let pin: Options = |a| json!({"ca_path": null, "certificate_fingerprint": a.certificate_fingerprint()});
    let insecure: Options = |_| json!({"ca_path": null, "validate_certs": false});
    let cases: &[(Kind, Options, Option<&str>)] = &[
        (Kind::InternalCa, |_| json!({}), None),
        (Kind::Rsa, |_| json!({}), None),
        (Kind::SelfSigned, |_| json!({}), None),
        (Kind::SelfSignedLeaf, |_| json!({}), None),
        (Kind::InternalCa, |_| json!({"host": "localhost"}), Some("localhost")),
        (Kind::InternalCa, |_| json!({"host": "localhost."}), Some("localhost")),
        (Kind::InternalCa, |_| json!({"host": "LocalHost"}), Some("localhost")),
        (Kind::InternalCa, |_| json!({"server_name": "lxca.test"}), Some("lxca.test")),
        (Kind::InternalCa, |_| json!({"server_name": "lxca.test."}), Some("lxca.test")),
        (Kind::LocalhostOnly, |_| json!({"server_name": "localhost"}), Some("localhost")),
        (Kind::SelfSigned, |_| json!({"server_name": "lxca.test"}), Some("lxca.test")),
        (Kind::LocalhostOnly, |_| json!({"host": "localhost", "server_name": ""}), Some("localhost")),
        (Kind::InternalCa, pin, None),
        (Kind::Expired, pin, None),
        (Kind::NotYetValid, pin, None),
        (Kind::NoSan, pin, None),
        (Kind::LocalhostOnly, pin, None),
        (Kind::SelfSigned, pin, None),
        (Kind::SelfSignedExpired, pin, None),
        (Kind::UnknownCa, pin, None),
        (Kind::Rsa, pin, None),
        (Kind::Sha1, pin, None),
        (Kind::ClientAuthOnly, pin, None),
        (
            Kind::Expired,
            |a| with(json!({"validate_certs": false}), json!({"certificate_fingerprint": a.certificate_fingerprint()})),
            None,
        ),
        (
            Kind::UnknownCa,
            |a| json!({"certificate_fingerprint": a.certificate_fingerprint(), "ca_path": "/nowhere/ca.pem"}),
            None,
        ),
        (
            Kind::UnknownCa,
            |a| json!({"ca_path": null, "certificate_fingerprint": with_colons(&a.certificate_fingerprint())}),
            None,
        ),
        (
            Kind::UnknownCa,
            |a| json!({"ca_path": null, "certificate_fingerprint": format!("SHA256:{}", with_colons(&a.certificate_fingerprint()))}),
            None,
        ),
        (
            Kind::UnknownCa,
            |a| json!({"ca_path": null, "certificate_fingerprint": a.certificate_fingerprint().trim_start_matches("sha256:")}),
            None,
        ),
        (
            Kind::UnknownCa,
            |a| json!({"ca_path": null, "certificate_fingerprint": a.certificate_fingerprint(), "server_name": "any.test"}),
            Some("any.test"),
        ),
        (Kind::InternalCa, |_| json!({"certificate_fingerprint": ""}), None),
        (Kind::Expired, insecure, None),
        (Kind::NotYetValid, insecure, None),
        (Kind::NoSan, insecure, None),
        (Kind::LocalhostOnly, insecure, None),
        (Kind::SelfSignedExpired, insecure, None),
        (Kind::UnknownCa, insecure, None),
        (Kind::ClientAuthOnly, insecure, None),
        (Kind::Sha1, insecure, None),
        (Kind::X509V1, insecure, None),
        (Kind::Rsa1024, insecure, None),
    ];
    for (certificate, options, server_name) in cases {
        let appliance = kind(*certificate);
        let options = options(&appliance);
        let answer = Lxca::asks(&appliance, info(options.clone())).run().answer();
        assert_eq!(answer["failed"], false, "{certificate:?} {options}: {}", answer.0);
        let requests = appliance.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].server_name.as_deref(), *server_name, "{certificate:?} {options}");
    }
}

#[test]
fn an_appliance_with_an_ipv6_address_is_trusted() {
    let appliance = appliance_with(|settings| settings.listen = "::1".parse().unwrap());
    for host in ["::1", "[::1]", "0:0:0:0:0:0:0:1"] {
        Lxca::asks(&appliance, info(json!({"host": host}))).succeeds();
    }
    assert!(appliance.requests().iter().all(|request| request.server_name.is_none()));
}

#[test]
fn a_refused_certificate_is_explained_with_the_option_that_helps() {
    let pin = "certificate_fingerprint";
    let other = format!("sha256:{}", "ab".repeat(32));
    let cases: &[(Kind, Value, &[&str])] = &[
        (Kind::UnknownCa, json!({}), &["issue", "ca_path", pin]),
        (Kind::InternalCa, json!({"ca_path": null}), &["issuer", "unknown", "ca_path", pin]),
        (Kind::SelfSigned, json!({"ca_path": null}), &["ca_path", pin]),
        (Kind::LocalhostOnly, json!({}), &["is for localhost", "127.0.0.1", "server_name", pin]),
        (Kind::LocalhostOnly, json!({"server_name": "lxca.test"}), &["is for localhost", "lxca.test", "server_name"]),
        (
            Kind::InternalCa,
            json!({"server_name": "elsewhere.test"}),
            &["localhost", "lxca.test", "127.0.0.1", "::1", "elsewhere.test", "server_name"],
        ),
        (Kind::Expired, json!({}), &["expired", "clock", pin]),
        (Kind::SelfSignedExpired, json!({}), &["expired", pin]),
        (Kind::NotYetValid, json!({}), &["valid only from", "clock", pin]),
        (Kind::NoSan, json!({}), &["subjectAltName", pin]),
        (Kind::SelfSignedLeaf, json!({"ca_path": null}), &["issuer", "unknown", "ca_path", pin]),
        (Kind::SelfSignedLeaf, json!({"server_name": "elsewhere.test"}), &["localhost", "elsewhere.test"]),
        (Kind::ClientAuthOnly, json!({}), &["not meant for servers", "Renew", pin]),
        (Kind::Sha1, json!({}), &["SHA-1", pin]),
        (Kind::X509V1, json!({}), &["version 1", "validate_certs"]),
        (Kind::Rsa1024, json!({}), &["key is too small", "validate_certs"]),
        (Kind::InternalCa, json!({"certificate_fingerprint": other}), &[&other, pin]),
        (Kind::InternalCa, json!({"certificate_fingerprint": other, "validate_certs": false}), &[&other, pin]),
    ];
    for (certificate, options, words) in cases {
        let appliance = kind(*certificate);
        // No roots of the machine's: its own bundle must not decide a test.
        let empty = file("");
        let call = Lxca::asks(&appliance, info(options.clone()));
        let answer = call.environment("SSL_CERT_FILE", empty.path().to_str().unwrap()).run().answer();
        assert_eq!(answer["failed"], true, "{certificate:?} {options}: {}", answer.0);
        says(&answer, words);
        says(&answer, &[&appliance.certificate_fingerprint(), &appliance.port().to_string()]);
        assert_eq!(answer["error"], json!({"kind": "tls", "retryable": false}), "{certificate:?} {options}");
        assert_eq!(appliance.requests().len(), 0, "{certificate:?} {options}: a request was sent");
        assert_eq!(appliance.connections(), 1, "{certificate:?} {options}: repeated");
    }
}

#[test]
fn without_a_subject_alt_name_no_other_name_is_suggested() {
    let answer = Lxca::asks(&kind(Kind::NoSan), info(json!({}))).fails("tls");
    assert!(!answer.msg().contains("server_name"), "{}", answer.msg());
}

#[test]
fn the_day_a_certificate_expired_or_begins_is_named() {
    let made = Certificate::self_signed(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2021, 5, 17));
    let server = Server::https(made.config(), AICC);
    let trusted = file(made.pem());
    refused(&server, json!({"ca_path": trusted.path()}), &["expired on", "17 May 2021", &made.fingerprint()]);
    let made = Certificate::self_signed(&["127.0.0.1"], |params| params.not_before = date_time_ymd(2119, 5, 17));
    let server = Server::https(made.config(), AICC);
    let trusted = file(made.pem());
    refused(&server, json!({"ca_path": trusted.path()}), &["17 May 2119", &made.fingerprint()]);
}

#[test]
fn a_self_signed_certificate_in_the_bundle_is_trusted_for_its_names_and_dates_only() {
    let stranger = Certificate::self_signed(&["127.0.0.1"], as_ca);
    for ca in [true, false] {
        let made = |names: &[&str], years: (i32, i32)| {
            Certificate::self_signed(names, |params| {
                params.is_ca = IsCa::NoCa;
                if ca {
                    as_ca(params);
                }
                params.not_before = date_time_ymd(years.0, 1, 1);
                params.not_after = date_time_ymd(years.1, 1, 1);
            })
        };
        type Case<'a> = (&'a [&'a str], (i32, i32), Value, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            (&["127.0.0.1"], (2020, 2120), json!({}), None),
            (&["localhost"], (2020, 2120), json!({"server_name": "localhost"}), None),
            (&["localhost"], (2020, 2120), json!({}), Some("is for localhost")),
            (&[], (2020, 2120), json!({}), Some("subjectAltName")),
            (&["127.0.0.1"], (2020, 2021), json!({}), Some("expired")),
            (&["127.0.0.1"], (2110, 2120), json!({}), Some("valid only from")),
        ];
        for (names, years, options, refusal) in cases {
            let made = made(names, *years);
            let server = Server::https(made.config(), AICC);
            // Other certificates, prose and the line ends of other systems stand in bundles too.
            let bundle = format!("# the machine room\r\n{}\n\n{}", stranger.pem(), made.pem().replace('\n', "\r\n"));
            let bundle = file(bundle);
            let options = with(options.clone(), json!({"ca_path": bundle.path()}));
            match refusal {
                None => drop(ask(&server, options).succeeds()),
                Some(words) => drop(refused(&server, options, &[words, &made.fingerprint()])),
            }
            let strangers = file(stranger.pem());
            refused(&server, json!({"ca_path": strangers.path()}), &[&made.fingerprint()]);
        }
    }
}

#[test]
fn the_roots_of_the_system_come_from_ssl_cert_file() {
    let appliance = appliance();
    let ca = appliance.ca_path().to_str().unwrap();
    let roots = || Lxca::asks(&appliance, info(json!({"ca_path": null}))).environment("SSL_CERT_FILE", ca);
    roots().succeeds();
    // `ca_path` is trusted instead of them, not beside them.
    let stranger = kind(Kind::InternalCa);
    let answer = Lxca::asks(&appliance, info(json!({"ca_path": stranger.ca_path()})));
    answer.environment("SSL_CERT_FILE", ca).fails("tls");
    // Names count with them too.
    let elsewhere = Lxca::asks(&appliance, info(json!({"ca_path": null, "server_name": "elsewhere.test"})));
    elsewhere.environment("SSL_CERT_FILE", ca).fails("tls");
}

#[test]
fn a_server_that_wants_a_client_certificate_is_explained() {
    for tls in [TlsOffer::Tls12Only, TlsOffer::Tls12AndTls13] {
        let appliance = appliance_with(|settings| {
            settings.client_certificate_required = true;
            settings.tls = tls;
        });
        // The server says why and is gone: whether the client's next write still goes through is a matter of luck.
        for times in 1..=15 {
            let answer = Lxca::asks(&appliance, info(json!({}))).fails("tls");
            says(&answer, &["client certificate", &appliance.certificate_fingerprint()]);
            assert_eq!(appliance.connections(), times, "repeated");
        }
        assert!(appliance.requests().is_empty());
    }
}

#[test]
fn a_certificate_that_was_replaced_ends_trust_in_its_pin() {
    let appliance = appliance_with(|settings| settings.certificate_after_restart = Some(Kind::InternalCa));
    let old = appliance.certificate_fingerprint();
    let pinned = json!({"ca_path": null, "certificate_fingerprint": old});
    Lxca::asks(&appliance, info(pinned.clone())).succeeds();
    let waits = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "poll_interval": 1});
    for auth_method in ["basic", "session"] {
        let old = appliance.certificate_fingerprint();
        let pinned = json!({"ca_path": null, "certificate_fingerprint": old, "auth_method": auth_method});
        let polls = requests(&appliance).len() + if auth_method == "session" { 2 } else { 1 };
        let waiting = Lxca::asks(&appliance, with(waits.clone(), pinned)).start();
        until("a first answer", || requests(&appliance).len() >= polls);
        appliance.restart(Duration::from_millis(500), Duration::ZERO);
        let answer = waiting.wait().answer();
        assert_eq!(answer["error"], json!({"kind": "tls", "retryable": false}), "{}", answer.0);
        says(&answer, &[&old, &appliance.certificate_fingerprint(), "replaced on purpose"]);
        // What was seen before is not lost.
        assert_eq!(answer["data"]["phase"], "created", "{}", answer.0);
    }
    let answer = Lxca::asks(&appliance, info(pinned)).fails("tls");
    says(&answer, &[&old, &appliance.certificate_fingerprint()]);
    // The CA has issued the new one too.
    Lxca::asks(&appliance, info(json!({}))).succeeds();
}

#[test]
fn an_update_may_bring_a_certificate_of_a_ca_that_is_not_known() {
    let appliance = appliance_with(|settings| {
        settings.certificate_after_restart = Some(Kind::UnknownCa);
        settings.durations.restart_down = 0.0;
        settings.durations.restart_503 = 0.0;
    });
    let before = Lxca::asks(&appliance, info(json!({}))).succeeds();
    appliance.change(|state| state.add_apply_task("lnvgy_sw_lxca_291-4.0.1_anyos_noarch", 0.0));
    until("a restart", || appliance.change(|state| state.restarts) == 1);
    let answer = Lxca::asks(&appliance, info(json!({}))).fails("tls");
    says(&answer, &["issued the server's", &appliance.certificate_fingerprint()]);
    let pinned = json!({"certificate_fingerprint": appliance.certificate_fingerprint()});
    let after = Lxca::asks(&appliance, info(pinned)).succeeds();
    assert_eq!((&before["data"]["version"], &after["data"]["version"]), (&json!("4.0.0"), &json!("4.0.1")));
}

#[test]
fn what_is_not_the_tls_we_speak_is_explained() {
    let offers = [
        (TlsOffer::Tls11Only, &["nothing newer than TLS 1.1", "Enable TLS 1.2"][..]),
        (TlsOffer::Tls11OnlyByAlert, &["nothing newer than TLS 1.1", "Enable TLS 1.2"]),
        (TlsOffer::OldCiphersOnly, &["cipher"]),
    ];
    for (tls, words) in offers {
        let appliance = appliance_with(|settings| settings.tls = tls);
        for options in [json!({}), json!({"validate_certs": false})] {
            let answer = Lxca::asks(&appliance, info(options)).fails("tls");
            says(&answer, words);
            says(&answer, &[&appliance.port().to_string()]);
        }
        assert_eq!(appliance.connections(), 2, "repeated");
    }
    let cases: &[(&[u8], &[&str])] = &[
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", &["does not speak TLS", "port"]),
        (b"SSH-2.0-OpenSSH_9.6\r\n", &["does not speak TLS", "port"]),
        (b"220 mail.example ESMTP\r\n", &["does not speak TLS", "port"]),
    ];
    for (bytes, words) in cases {
        let server = Server::of_bytes(bytes);
        refused(&server, json!({}), words);
        refused(&server, json!({"validate_certs": false}), words);
    }
    let plain = appliance_with(|settings| settings.faults.push(FaultRule::new(Fault::PlainHttp)));
    let answer = Lxca::asks(&plain, info(json!({}))).fails("tls");
    says(&answer, &["does not speak TLS", "port", &plain.port().to_string()]);
}

#[test]
fn both_versions_of_tls_are_spoken_and_logged() {
    for (tls, version) in [(TlsOffer::Tls12Only, "TLSv1_2"), (TlsOffer::Tls12AndTls13, "TLSv1_3")] {
        let appliance = appliance_with(|settings| settings.tls = tls);
        let call = Lxca::asks(&appliance, info(json!({}))).environment("LXCA_LOG", "info");
        let ended = call.run();
        assert_eq!(ended.answer()["failed"], false);
        let request = &appliance.requests()[0];
        assert_eq!(request.tls_version, version);
        let digits = version.trim_start_matches("TLSv").replace('_', ".");
        let address = format!("127.0.0.1:{}", appliance.port());
        let fingerprint = appliance.certificate_fingerprint();
        for word in ["GET", "/aicc", "200", " ms", &address, &fingerprint] {
            assert!(ended.stderr.contains(word), "{word:?} is missing in the log: {}", ended.stderr);
        }
        let logged = ended.stderr.contains(version) || ended.stderr.contains(&format!("TLS {digits}"));
        assert!(logged, "the version is missing in the log: {}", ended.stderr);
    }
}

#[test]
fn without_a_server_there_is_no_word_about_tls() {
    let (host, port) = NOBODY;
    let options = json!({"host": host, "port": port, "username": "u", "password": "Passw0rd-of-nobody", "retries": 0});
    let answer = Lxca::given(info(options).to_string()).fails("connection_failed");
    assert!(!answer.msg().contains("TLS"), "{}", answer.msg());
}
