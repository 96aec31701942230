use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

mod any_secret;

fn given(secrets: &[&str]) -> Secrets {
    let known = Secrets::default();
    secrets.iter().for_each(|secret| known.add(secret));
    known
}

fn learned(secrets: &[&str]) -> Secrets {
    let known = Secrets::default();
    secrets.iter().for_each(|secret| known.learn(secret));
    known
}

fn mask(secret: &str, text: &str) -> String {
    given(&[secret]).mask(text).into_owned()
}

fn scrubbed(secrets: &[&str], value: &impl Serialize) -> (Value, bool) {
    let (clean, masked) = given(secrets).json(value, None).unwrap();
    (serde_json::from_str(clean.text()).unwrap(), masked)
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap()
}

#[derive(serde::Serialize)]
struct Everything {
    password: Option<String>,
    list: Vec<String>,
    map: BTreeMap<String, String>,
    raw: Box<RawValue>,
    word: Word,
}

#[test]
fn masks_every_string_and_foreign_key_but_not_our_words() {
    let value = Everything {
        password: Some("a password".into()),
        list: vec!["password".into(), "other".into()],
        map: BTreeMap::from([("my password".into(), "x".into())]),
        raw: raw(r#"{"n":1.10,"password":["\u0070assword", "b\/password"]}"#),
        word: Word("password"),
    };
    let (value, masked) = scrubbed(&["password"], &value);
    assert!(masked);
    assert_eq!(
        value,
        json!({
            "password": "a ********",
            "list": ["********", "other"],
            "map": {"my ********": "x"},
            "raw": {"n": 1.10, "********": ["********", "b/********"]},
            "word": "password",
        })
    );
}

#[test]
fn json_text_without_a_secret_stays_as_it_came() {
    let text = r#"{ "a":1.10 , "b":123456789012345678901234567890,"c":"x\/y\u00e9" }"#;
    let (clean, masked) = given(&["s3cret"]).json(&raw(text), None).unwrap();
    assert_eq!(clean.text(), text);
    assert!(!masked);
}

#[test]
fn a_secret_never_shows_itself() {
    assert_eq!(format!("{:?}", Secret::new("hidden")), MASK);
}

#[test]
fn finds_a_secret_in_every_escaped_form() {
    let secret = "p&\"/\\w é\u{1F511}<'x";
    for form in [
        secret.to_owned(),
        "p%26%22%2F%5Cw%20%C3%A9%F0%9F%94%91%3C%27x".into(),
        "p%26%22%2f%5cw%20%c3%a9%f0%9f%94%91%3c%27x".into(),
        "p%26%22%2f%5cw+%c3%a9%f0%9f%94%91%3c%27x".into(),
        "p&\"%2F\\w é%F0%9F%94%91<'x".into(),
        r#"p&\"\/\\w é🔑<'x"#.into(),
        r#"\u0070\u0026\u0022\u002F\u005cw \u00e9\uD83D\udd11\u003c\u0027x"#.into(),
        "p&amp;&quot;/\\w é🔑&lt;&#39;x".into(),
        "p&amp&quot/\\w &eacute🔑&lt&#39x".into(),
        "p&#38;&#34;&#x2F;&#92;w&#32;&#233;&#128273;&#60;&apos;x".into(),
        "p&#000000000000000038;&#X00000000000000000022;&sol;&bsol;w é🔑<'x".into(),
        "p&\"/\\w Ã©ðŸ”‘<'x".into(),
        "p&\"/\\w Ã©\u{f0}\u{9f}\u{94}\u{91}<'x".into(),
        "p&amp;&quot;/\\w &Atilde;&copy;&eth;&Yuml;&rdquo;&lsquo;&lt;'x".into(),
        "p&\"/\\w ??<'x".into(),
        "p&\"/\\w \u{FFFD}\u{FFFD}<'x".into(),
    ] {
        assert_eq!(mask(secret, &format!("before {form} after")), "before ******** after", "{form}");
        assert_eq!(mask(secret, &format!("{form}{form}")), "****************", "{form}");
    }
    assert_eq!(mask("naïvé#1", "na%EFv%E9%231 na&iuml;v&eacute;&num;1"), "******** ********");
    assert_eq!(mask("10 € é", "10+%80+%E9 10 &euro; &eacute; 10+%E2%82%AC+%C3%A9"), "******** ******** ********");
    assert_eq!(mask("naïve", "naÃ¯ve na\u{FFFD}ve na?ve nave"), "******** ******** ******** nave");
    assert_eq!(mask("a bc/", "x a+bc%2F a+bc/"), "x ******** ********");
    assert_eq!(mask("a+bc", "x a+bc a%2Bbc"), "x ******** ********");
    assert_eq!(
        mask("VVNFUjpwYXNz==", "VVNFUjpwYXNz, VVNFUjpwYXNz%3d%3D, VVNFUjpwYXNz="),
        "********, ********, ********="
    );
}

#[test]
fn an_ampersand_may_be_itself_or_an_escape() {
    assert_eq!(mask("a&amp;b", "a&amp;b"), MASK);
    assert_eq!(mask("a&bc", "a&amp;bc"), MASK);
    assert_eq!(mask("a%41b", "a%41b"), MASK);
    assert_eq!(mask("a%41b", "a%2541b"), MASK);
    assert_eq!(mask("a&lt b", "a&lt b"), MASK);
    assert_eq!(mask("x&notit", "x&amp;notit"), MASK);
}

#[test]
fn occurrences_that_overlap_are_masked_as_one() {
    assert_eq!(mask("abab", "xabababx"), "x********x");
    assert_eq!(mask("aaaab", "xaaaaaabx"), "xaa********x");
    assert_eq!(mask("&&&&1", "&&&&&&&&1%"), "&&&&********%");
    assert_eq!(scrubbed(&["abcd", "xxabcdyy"], &"xxabcdyy abcd").0, json!("******** ********"));
    assert_eq!(scrubbed(&["abcd", "cdefg", "fghi"], &"-abcdefghi-abcd-fghi").0, json!("-********-********-********"));
    // Found in different passes, in either order.
    assert_eq!(scrubbed(&["abcd", "cd/ef", "f%g1"], &"-abcd%2Fef%g1").0, json!("-********"));
    assert_eq!(scrubbed(&["ab/cd", "cdef"], &"-ab%2Fcdef").0, json!("-********"));
    assert_eq!(scrubbed(&["/abcd", "abcd<"], &"-%2Fabcd&lt;").0, json!("-********"));
}

#[test]
fn a_short_secret_is_masked_only_as_the_whole_string() {
    assert_eq!(mask("abc", "abc"), MASK);
    assert_eq!(mask("a/b", "a%2Fb"), MASK);
    assert_eq!(mask("é1", "&#00000000000000000233;1"), MASK);
    assert_eq!(mask("abc", "abcd"), "abcd");
    assert_eq!(mask("abc", "xabc"), "xabc");
    assert_eq!(mask("ab==", "xab ab== ab"), "xab ******** ab");
    assert_eq!(mask("ab==", "ab"), MASK);
    assert_eq!(mask("näé1", "n??1 n\u{FFFD}\u{FFFD}1 x"), "n??1 n\u{FFFD}\u{FFFD}1 x");
    // One secret's short spelling ends in another secret, or is one.
    assert_eq!(given(&["ééé12", "??12"]).mask("x ???12"), "x ?********");
    for secrets in [["né12", "n?12"], ["n?12", "né12"]] {
        assert_eq!(given(&secrets).mask("x n?12"), "x ********");
    }
}

#[test]
fn other_text_stays() {
    for text in [
        "",
        "PASSW0RD",
        "Passw0r",
        "100% & \\ +",
        "&#99999999999;",
        "&#;&#x;&;",
        "%",
        "%zz%5",
        "%+5",
        "\\u12",
        "é",
        "&a",
    ] {
        assert_eq!(mask("Passw0rd", text), text);
    }
}

#[test]
fn what_the_server_chose_is_masked_in_its_text_alone() {
    let secrets = learned(&["XClarity"]);
    secrets.add("Passw0rd");
    let (clean, masked) = secrets.json(&"XClarity Passw0rd", None).unwrap();
    assert_eq!((clean.text(), masked), ("\"XClarity ********\"", true));
    assert_eq!(secrets.mask("XClarity Passw0rd"), "******** ********");
    let answer = r#"{ "a\u0062" : "\u0058Clarity/","XClarity":[1.10,"Passw0rd"]}"#;
    let (text, masked) = secrets.mask_answer(answer.into());
    assert_eq!(text, r#"{ "a\u0062" : "********/","********":[1.10,"Passw0rd"]}"#);
    assert!(masked);
}

#[test]
fn an_answer_without_a_secret_is_not_even_copied() {
    for secrets in [Secrets::default(), given(&["xyzw"]), learned(&["abcde"])] {
        let answer = String::from(r#"{ "a" : "xyzw\n" }"#);
        let place = answer.as_ptr();
        let (text, masked) = secrets.mask_answer(answer);
        assert_eq!((text.as_str(), text.as_ptr(), masked), (r#"{ "a" : "xyzw\n" }"#, place, false));
    }
}

#[test]
fn of_learned_secrets_the_newest_64_of_at_most_4_kib_are_kept() {
    let secrets = Secrets::default();
    let name = |number: usize| format!("session-{number:03}");
    (0..64).for_each(|number| secrets.learn(&name(number)));
    assert_eq!(secrets.mask(&name(0)), MASK);
    secrets.learn(&name(0)); // the newest again
    secrets.learn(&name(64));
    assert_eq!(secrets.mask(&name(0)), MASK);
    assert_eq!(secrets.mask(&name(1)), name(1));
    assert_eq!(secrets.mask(&name(2)), MASK);
    assert_eq!(secrets.mask(&name(64)), MASK);
    secrets.learn(&"x".repeat(4097));
    assert_eq!(secrets.mask(&name(2)), MASK);
    assert_eq!(secrets.mask(&"x".repeat(4097)), "x".repeat(4097));
    secrets.learn(&"x".repeat(4096));
    assert_eq!(secrets.mask(&"x".repeat(4096)), MASK);
}

#[test]
fn everything_is_one_line_for_every_reader() {
    let breaking: String = ('\u{0}'..='\u{20}').chain('\u{7E}'..='\u{A0}').chain('\u{2027}'..='\u{202A}').collect();
    let text = format!("{breaking}“é\u{C3}");
    let mut raw_json = format!("\r\n {{\t{}:\n1 }}", Value::from(text.clone()));
    raw_json.retain(|character| character != '\u{0}');
    let value = (&text, BTreeMap::from([(&text, 1)]), raw(&raw_json));
    let secrets = given(&["secret"]);
    let (once, _) = secrets.json(&value, None).unwrap();
    let (twice, _) = secrets.json(&once, None).unwrap();
    for clean in [once, twice] {
        let mut written = Vec::new();
        one_line::write(&mut written, clean.text()).unwrap();
        let written = String::from_utf8(written).unwrap();
        let breaks = |c: &char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        assert!(!written.chars().any(|c| breaks(&c)), "{written:?}");
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read, json!([text, {&text: 1}, {&text: 1}]));
    }
}

#[test]
fn masking_gives_up_at_its_deadline() {
    let secrets = given(&["Passw0rd"]);
    let long = "&z;".repeat(100_000);
    assert!(secrets.json(&long, Some(Instant::now())).is_err());
    let many = raw(&Value::from(vec!["ab"; 100_000]).to_string());
    assert!(secrets.json(&many, Some(Instant::now())).is_err());
    let (clean, _) = secrets.json(&"Passw0rd", Some(Instant::now() + Duration::from_secs(3600))).unwrap();
    assert_eq!(clean.text(), "\"********\"");
}

/// Texts and secrets that drive a search to its worst.
fn worst(bytes: usize) -> (Vec<String>, Vec<Vec<String>>) {
    let texts = [
        "&z;",
        "&",
        "&&#",
        "&#0",
        "&#0000000000000000000000000000097;",
        "&amp",
        "&#x61;",
        "&middoz",
        "&CounterClockwise",
        "%",
        "%6",
        "%61",
        "%E9",
        "+",
        "%+&\\",
        "\\",
        "\\u",
        "\\u00",
        "\\u0061",
        "\\ud83d",
        "\\ud83d\\udd11",
        "a",
        "aaaaaaab",
        "ab%41+&amp;\\u0061",
        "é",
        "\u{1F511}",
    ];
    let mut texts: Vec<String> = texts.iter().map(|piece| piece.repeat(bytes / piece.len())).collect();
    texts.push(format!("&#{}", "0".repeat(bytes)));
    texts.push(format!("&{}", "a".repeat(bytes)));
    // As long as they may be; building their automata takes a while in a debug build.
    let long = if cfg!(debug_assertions) { 200 } else { 4000 };
    // Of 64 secrets the automaton leaves each only at its end.
    let alike = |piece: &str| (0..64).map(|number| piece.repeat((long - number) / piece.len()) + "!").collect();
    let branches = (48..112).map(|last| format!("aa{}", char::from(last)).repeat(long / 3)).collect();
    // A short one between long ones that overlap.
    let nested = vec!["cdefab".repeat(long / 6), "cdef".into(), "abcd".into()];
    texts.push("cdefab".repeat(bytes / 6));
    (texts, vec![vec!["Passw0rd €".into()], alike("a"), alike("&"), alike("%"), alike("é +"), branches, nested])
}

/// How long this thread has been running: what other programs do meanwhile does not count.
fn processor_time() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(status.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn the_time_is_in_proportion_to_the_text() {
    let bytes = if cfg!(debug_assertions) { 32 << 10 } else { 8 << 20 };
    let time = |secrets: &Secrets, text: &str| {
        let once = || {
            let started = processor_time();
            secrets.mask(text);
            processor_time() - started
        };
        // What else runs on the machine slows it down.
        once().min(once())
    };
    // The kernel counts in steps of some milliseconds.
    let ticks = Duration::from_millis(50);
    let (texts, groups) = worst(bytes);
    let (parts, _) = worst(bytes / 8);
    for group in groups {
        let secrets = Secrets::default();
        group.iter().for_each(|secret| secrets.learn(secret));
        secrets.add("Zq\"7\\x&<k>'%/é+W m=;v");
        // Builds the automata.
        secrets.mask(&format!("{}&amp;", group[0]));
        let plain = time(&secrets, &"x".repeat(bytes));
        for (text, part) in texts.iter().zip(&parts) {
            let (took, of_part) = (time(&secrets, text), time(&secrets, part));
            let what = format!("{took:?} (an eighth {of_part:?}, plain {plain:?}): {text:.20} with {:.20}", group[0]);
            println!("{what}"); // shown with --nocapture
            // In proportion to the square it would be 64 times as long.
            assert!(took < of_part * 24 + ticks, "{what}");
            assert!(took < plain * 40 + ticks, "{what}");
            if !cfg!(debug_assertions) {
                assert!(took < Duration::from_secs(1), "{what}");
            }
        }
    }
}
