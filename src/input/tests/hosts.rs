//! What a host is, case by case and against the published grammar.

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::json;

use super::cases;
use crate::host::{Host, patterns};
use crate::input::Kind;

/// Sixty-three letters: the longest label.
fn label() -> String {
    "a".repeat(63)
}

/// A name of this length from labels of at most 63 letters.
fn name_of(length: usize) -> String {
    let mut name: String = (1..=length).map(|place| if place % 64 == 0 { '.' } else { 'a' }).collect();
    if name.ends_with('.') {
        name.replace_range(length - 2.., ".a");
    }
    name
}

/// Hosts with their name for TLS and their form in a URL.
fn accepted() -> Vec<(String, String, String)> {
    let mut table: Vec<(String, String, String)> = [
        ("lxca", "lxca", "lxca"),
        ("lxca.example.com", "lxca.example.com", "lxca.example.com"),
        ("lxca.example.com.", "lxca.example.com", "lxca.example.com"),
        ("LXCA.Example.COM", "LXCA.Example.COM", "LXCA.Example.COM"),
        ("localhost", "localhost", "localhost"),
        ("my_host.example", "my_host.example", "my_host.example"),
        ("1and1.example", "1and1.example", "1and1.example"),
        ("4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.10", "192.0.2.10", "192.0.2.10"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255", "255.255.255.255"),
        ("2001:db8::10", "2001:db8::10", "[2001:db8::10]"),
        ("[2001:db8::10]", "2001:db8::10", "[2001:db8::10]"),
        ("2001:DB8:0:0:0:0:0:10", "2001:db8::10", "[2001:db8::10]"),
        ("::1", "::1", "[::1]"),
        ("[::]", "::", "[::]"),
        ("::ffff:192.0.2.10", "::ffff:192.0.2.10", "[::ffff:192.0.2.10]"),
    ]
    .map(|(given, tls, url)| (given.into(), tls.into(), url.into()))
    .into();
    for name in [label(), format!("{0}.{0}", label()), name_of(253)] {
        table.push((name.clone(), name.clone(), name));
    }
    table
}

/// Texts that are no host.
fn refused() -> Vec<String> {
    let mut table: Vec<String> = [
        "",
        ".",
        "..",
        "a..",
        "a..b",
        ".a",
        "lxca.example.com..",
        "https://lxca",
        "https://lxca/",
        "lxca/",
        "lxca/x",
        "/lxca",
        "user@lxca",
        "lxca:443",
        "192.0.2.10:443",
        "[::1]:443",
        "[::1",
        "::1]",
        "[lxca]",
        "[192.0.2.10]",
        "[]",
        "[[::1]]",
        "fe80::1%eth0",
        "[fe80::1%eth0]",
        "fe80::1%25eth0",
        " lxca",
        "lxca ",
        "lx ca",
        "lxca\n",
        "lxca\t",
        "\u{0}",
        "lx\u{7f}ca",
        "bücher.example",
        "ｌxca",
        "lxca?x",
        "lxca#x",
        "lxca\\x",
        "*.example.com",
        "-lxca",
        "lxca-",
        "lxca-.example",
        "a.-b",
        "256.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        "1.2.3.4..",
        "01.2.3.4",
        "1",
        "1.",
        "example.1",
        "example.12.",
        "1:2",
        ":::",
        "1:2:3:4:5:6:7:8:9",
        "::1::2",
        "12345::1",
        "::1.2.3",
        "::1.2.3.256",
        "1::2:3:4:5:6:7:8",
        "[::1].",
        "::1.",
        "$(lxca)",
        "lxca,lxca",
        "ſ.example",
    ]
    .map(str::to_owned)
    .into();
    table.extend([format!("{}a", label()), format!("{}a.example", label()), name_of(254), "a".repeat(1 << 20)]);
    table
}

#[test]
fn hosts_have_a_name_for_tls_and_a_form_for_urls() {
    for (given, tls, url) in accepted() {
        let normalised = Kind::Host.normalise(&json!(given)).unwrap_or_else(|refusal| panic!("{given}: {refusal}"));
        let host: Host = serde_json::from_value(normalised).unwrap();
        assert_eq!(host.tls_name().to_str(), tls, "{given}");
        assert_eq!(host.in_url(), url, "{given}");
    }
}

#[test]
fn what_is_no_host_is_refused_without_being_repeated() {
    for given in refused() {
        let refusal = Kind::Host.normalise(&json!(given)).expect_err(&given);
        assert!(given.len() < 4 || !refusal.contains(&given), "{refusal}");
    }
}

#[test]
fn names_in_other_than_ascii_letters_are_asked_for_as_punycode() {
    assert!(Kind::Host.normalise(&json!("bücher.example")).unwrap_err().contains("punycode"));
}

/// The published grammar, without the rest of the schema.
fn grammar() -> Validator {
    let forms: Vec<_> = patterns().iter().map(|pattern| json!({"pattern": pattern})).collect();
    jsonschema::draft202012::new(&json!({"type": "string", "maxLength": 253, "anyOf": forms})).unwrap()
}

#[test]
fn the_published_grammar_agrees_on_every_case_of_the_tables() {
    let grammar = grammar();
    for (given, ..) in accepted() {
        assert!(grammar.is_valid(&json!(given)), "{given}");
    }
    for given in refused() {
        assert!(!grammar.is_valid(&json!(given)), "{given}");
    }
}

/// Texts near the border between hosts and others: pieces of names and addresses in any order.
fn nearly_a_host() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(".".to_owned()),
        Just(":".to_owned()),
        Just("::".to_owned()),
        Just("-".to_owned()),
        Just("_".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        "[0-9a-fA-F]{1,5}",
        "[0-9]{1,3}",
        "[a-zA-Z]{1,3}",
        "a{60,64}",
    ];
    let dotted = proptest::collection::vec(0..300u16, 3..=5);
    let groups = proptest::collection::vec(
        prop_oneof![Just(String::new()), "[0-9a-f]{1,4}", "(1|10|255|256)(\\.(1|200)){3}"],
        6..=9,
    );
    prop_oneof![
        4 => proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => dotted.prop_map(|bytes| bytes.iter().map(u16::to_string).collect::<Vec<_>>().join(".")),
        2 => groups.prop_map(|groups| groups.join(":")),
        1 => "\\PC{0,6}",
    ]
}

#[test]
fn the_published_grammar_is_the_one_that_is_read() {
    let grammar = grammar();
    proptest!(cases(5000), |(text in nearly_a_host())| {
        prop_assert_eq!(grammar.is_valid(&json!(text)), Host::parse(&text).is_some(), "{:?}", text);
    });
}
