//! Who may sign for whom: attacks on a bundle of trusted certificates by somebody who holds the key of one of them
//! (docs/contract.md, Input, `ca_path`).

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Lxca, with};
use crate::scripted::{AICC, Certificate, Server, as_ca, called, file, openssl};
use crate::tls::{info, says};

const HERE: &[&str] = &["127.0.0.1"];

/// The answer of a server that presents a certificate, for who trusts these.
fn ask(server: &Certificate, trusted: &[&Certificate]) -> Lxca {
    let bundle: String = trusted.iter().map(|it| it.pem()).collect();
    asks(server, &bundle, |path| json!({"ca_path": path}), None)
}

fn asks(server: &Certificate, bundle: &str, options: impl Fn(&str) -> Value, system: Option<&str>) -> Lxca {
    // Both live as long as the test's process: the call runs later.
    let server = Box::leak(Box::new(Server::https(server.config(), AICC)));
    let path = Box::leak(Box::new(file(bundle))).path().to_str().unwrap().to_owned();
    let call = Lxca::given(with(server.connection(), info(options(&path))).to_string());
    match system {
        Some(variable) => call.environment(variable, &path),
        None => call,
    }
}

/// The certificate is accepted.
#[track_caller]
fn accepted(server: &Certificate, trusted: &[&Certificate]) {
    ask(server, trusted).succeeds();
}

/// The certificate is refused in these words.
#[track_caller]
fn refused(server: &Certificate, trusted: &[&Certificate], words: &[&str]) -> Answer {
    let answer = ask(server, trusted).fails("tls");
    says(&answer, words);
    says(&answer, &[&server.fingerprint()]);
    answer
}

fn plain(_: &mut CertificateParams) {}

fn ca_with(path_length: BasicConstraints) -> impl Fn(&mut CertificateParams) {
    move |params| params.is_ca = IsCa::Ca(path_length)
}

fn intermediate(params: &mut CertificateParams) {
    as_ca(params);
    called(params, "Intermediate");
}

#[test]
fn who_has_the_key_of_a_trusted_server_signs_for_nobody() {
    let victim = "127.0.0.1";
    type Change = fn(&mut CertificateParams);
    let none: Change = |params| params.is_ca = IsCa::NoCa;
    let explicit: Change = |params| params.is_ca = IsCa::ExplicitNoCa;
    let with_key_usage: Change = |params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    };
    for change in [none, explicit, with_key_usage] {
        let trusted = Certificate::self_signed(&["other.test"], |params| {
            called(params, "other.test");
            change(params);
        });
        let forged = trusted.issue(&[victim], plain);
        refused(&forged, &[&trusted], &["is not a CA"]);
        // Nor when it sends along who signed, nor through a CA that it made itself.
        refused(&trusted.issue(&[victim], plain).sent_with(&[&trusted]), &[&trusted], &[]);
        let planted = trusted.issue(&[], intermediate);
        refused(&planted.issue(&[victim], plain).sent_with(&[&planted]), &[&trusted], &[]);
        refused(&planted.issue(&[victim], plain).sent_with(&[&planted, &trusted]), &[&trusted], &[]);
        // Nor beside a CA that is one, of another or of the same name.
        let ca = Certificate::authority("CA", plain);
        let same_name = Certificate::authority("other.test", plain);
        refused(&forged, &[&ca, &trusted], &["is not a CA"]);
        refused(&forged, &[&same_name, &trusted], &["did not sign"]);
        // Nor for the system, whose bundle follows the same rule.
        let answer = asks(&forged, &trusted.pem(), |_| json!({}), Some("SSL_CERT_FILE")).fails("tls");
        says(&answer, &["is not a CA"]);
    }
}

#[test]
fn a_server_of_a_trusted_ca_signs_for_nobody() {
    let ca = Certificate::authority("CA", plain);
    let server = ca.issue(&["other.test"], |params| called(params, "other.test"));
    let forged = server.issue(HERE, plain).sent_with(&[&server]);
    refused(&forged, &[&ca], &["is not a CA's"]);
    refused(&forged, &[&ca, &server], &[]);
}

#[test]
fn a_certificate_of_the_bundle_is_trusted_as_it_is_and_no_other() {
    let trusted = Certificate::self_signed(HERE, as_ca);
    accepted(&trusted, &[&trusted]);
    let issued = Certificate::authority("CA", plain).issue(HERE, plain);
    accepted(&issued, &[&issued]);
    for original in [&trusted, &issued] {
        let mut changed = original.der.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        refused(&original.known_as(changed), &[original], &[]);
    }
    // The same key and names, issued by itself: not the same certificate.
    let renewed = trusted.issue(HERE, plain);
    let not_ca = Certificate::self_signed(HERE, plain);
    accepted(&renewed, &[&trusted]);
    refused(&not_ca.issue(HERE, plain), &[&not_ca], &["is not a CA"]);
}

#[test]
fn an_intermediate_ca_may_be_the_one_that_is_trusted() {
    let root = Certificate::authority("Root", plain);
    let middle = root.issue(&[], intermediate);
    accepted(&middle.issue(HERE, plain), &[&middle]);
    accepted(&middle.issue(HERE, plain).sent_with(&[&middle]), &[&root]);
    accepted(&middle.issue(HERE, plain).sent_with(&[&middle, &root]), &[&middle]);
    refused(&middle.issue(HERE, plain), &[&root], &["no CA certificate in", "issued"]);
}

#[test]
fn a_cross_signed_ca_is_trusted_through_either_of_its_roots() {
    let (old, new) = (Certificate::authority("Old", plain), Certificate::authority("New", plain));
    let key = KeyPair::generate().unwrap();
    let pem = key.serialize_pem();
    let by_old = old.issue_for(key, &[], intermediate);
    let by_new = new.issue_for(KeyPair::from_pem(&pem).unwrap(), &[], intermediate);
    for root in [&old, &new] {
        accepted(&by_old.issue(HERE, plain).sent_with(&[&by_old, &by_new]), &[root]);
        accepted(&by_old.issue(HERE, plain).sent_with(&[&by_new, &by_old]), &[root]);
    }
    refused(&by_old.issue(HERE, plain).sent_with(&[&by_old]), &[&new], &[]);
    // A loop ends.
    let loops = by_old.issue_for(KeyPair::from_pem(&old.key_pem()).unwrap(), &[], |params| {
        as_ca(params);
        called(params, "Old");
    });
    refused(&by_old.issue(HERE, plain).sent_with(&[&by_old, &loops]), &[&new], &[]);
}

#[test]
fn a_root_counts_only_while_it_is_valid() {
    let dated = |from: i32, to: i32| {
        move |params: &mut CertificateParams| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 5, 17), date_time_ymd(to, 5, 17));
        }
    };
    let expired = Certificate::authority("CA", dated(2001, 2021));
    let early = Certificate::authority("CA", dated(2110, 2120));
    let words: &[&str] = &["CA's certificate expired on", "17 May 2021", "Renew the CA"];
    refused(&expired.issue(HERE, plain), &[&expired], words);
    refused(&early.issue(HERE, plain), &[&early], &["CA's certificate is valid only from", "17 May 2110"]);
    let answer = asks(&expired.issue(HERE, plain), &expired.pem(), |_| json!({}), Some("SSL_CERT_FILE")).fails("tls");
    says(&answer, words);
    // Renewed with its key it counts again, beside the old one too.
    let key = KeyPair::from_pem(&expired.key_pem()).unwrap();
    let renewed = expired.issue_for(key, &[], |params| {
        as_ca(params);
        called(params, "CA");
    });
    accepted(&expired.issue(HERE, plain), &[&expired, &renewed]);
    accepted(&expired.issue(HERE, plain), &[&renewed, &expired]);
    // An intermediate on the way counts as webpki has it.
    let root = Certificate::authority("Root", plain);
    let old = root.issue(&[], |params| {
        intermediate(params);
        dated(2001, 2021)(params);
    });
    refused(&old.issue(HERE, plain).sent_with(&[&old]), &[&root], &["an intermediate", "expired on"]);
    refused(&root.issue(HERE, dated(2001, 2021)), &[&root], &["failed: the certificate expired on", "17 May 2021"]);
}

#[test]
fn limits_that_a_ca_has_are_kept() {
    let short = Certificate::authority("Short", ca_with(BasicConstraints::Constrained(0)));
    accepted(&short.issue(HERE, plain), &[&short]);
    let middle = short.issue(&[], intermediate);
    refused(&middle.issue(HERE, plain).sent_with(&[&middle]), &[&short], &["path length"]);
    let longer = Certificate::authority("Longer", ca_with(BasicConstraints::Constrained(1)));
    let middle = longer.issue(&[], intermediate);
    accepted(&middle.issue(HERE, plain).sent_with(&[&middle]), &[&longer]);
    let limited = |subtree: GeneralSubtree| {
        Certificate::authority("Limited", move |params| {
            let permitted_subtrees = vec![subtree];
            params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        })
    };
    let named = |params: &mut CertificateParams| called(params, "server");
    let elsewhere = limited(GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])));
    refused(&elsewhere.issue(HERE, named), &[&elsewhere], &["name constraints", "certificate_fingerprint"]);
    let here = limited(GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])));
    accepted(&here.issue(HERE, named), &[&here]);
}

#[test]
fn a_ca_for_something_else_does_not_sign_for_servers() {
    let no_signing = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let for_clients =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let root = Certificate::authority("Root", plain);
    let changes: [&dyn Fn(&mut CertificateParams); 2] = [&no_signing, &for_clients];
    for change in changes {
        let ca = Certificate::authority("CA", change);
        refused(&ca.issue(HERE, plain), &[&ca], &["is not a CA for servers"]);
        let middle = root.issue(&[], |params| {
            intermediate(params);
            change(params);
        });
        refused(&middle.issue(HERE, plain).sent_with(&[&middle]), &[&root], &["intermediate"]);
    }
    let server = Certificate::self_signed(HERE, for_clients);
    refused(&server, &[&server], &["not meant for servers", "serverAuth"]);
    let both = Certificate::self_signed(HERE, |params| {
        as_ca(params);
        for_clients(params);
    });
    refused(&both, &[&both], &["not meant for servers", "serverAuth"]);
    let serves = Certificate::self_signed(HERE, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    });
    accepted(&serves, &[&serves]);
}

#[test]
fn the_certificate_of_a_ca_is_no_servers() {
    let ca = Certificate::authority("CA", plain);
    let other = ca.issue(HERE, intermediate);
    refused(&other, &[&ca], &["presents the certificate of a CA"]);
    accepted(&other, &[&ca, &other]);
}

#[test]
fn a_root_of_version_1_signs_and_nothing_else_of_version_1_does() {
    let folder = tempfile::tempdir().unwrap();
    let make = |command: &str| openssl(folder.path(), command);
    let key = KeyPair::generate().unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    make("req -new -key key.pem -subj /CN=Old -out root.csr");
    make("x509 -req -in root.csr -signkey key.pem -days 3650 -out root.pem");
    let text = std::fs::read_to_string(folder.path().join("root.pem")).unwrap();
    // Its issuer has the same name and key as the certificate that openssl made.
    let issuer = Certificate::authority("Elsewhere", plain).issue_for(key, &[], |params| called(params, "Old"));
    let server = issuer.issue(HERE, plain);
    asks(&server, &text, |path| json!({"ca_path": path}), None).succeeds();
    // One that somebody else issued is not a root.
    make("req -new -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=Above -days 3650 -out ca.pem");
    make("x509 -req -in root.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out issued.pem");
    let issued = std::fs::read_to_string(folder.path().join("issued.pem")).unwrap();
    let answer = asks(&server, &issued, |path| json!({"ca_path": path}), None).fails("tls");
    says(&answer, &["is not a CA"]);
    // Dates count there too.
    make("x509 -req -in root.csr -signkey key.pem -days -1 -out expired.pem");
    let expired = std::fs::read_to_string(folder.path().join("expired.pem")).unwrap();
    let answer = asks(&server, &expired, |path| json!({"ca_path": path}), None).fails("tls");
    says(&answer, &["CA's certificate expired"]);
}

#[test]
fn a_critical_extension_of_a_root_does_not_stop_it() {
    let ca = Certificate::authority("CA", |params| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    });
    accepted(&ca.issue(HERE, plain), &[&ca]);
}
