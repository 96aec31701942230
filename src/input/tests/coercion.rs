//! What each kind of option accepts, case by case.

use serde_json::{Value, json};

use crate::input::accepted::{boolean, choice, integer, string, strings};

/// A number as it stands in a text, which the `json!` macro would refuse or change.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn booleans_are_words_numbers_and_booleans() {
    let words = |list: &[&str]| list.iter().map(|word| json!(word)).collect::<Vec<_>>();
    let mut yes = words(&["yes", "on", "true", "y", "t", "1", "YES", "On", "tRUE", "Y", "T", " yes ", "\ttrue\r\n"]);
    yes.extend([json!(true), json!(1), number("1.0"), number("1e0")]);
    let mut no = words(&["no", "off", "false", "n", "f", "0", "NO", "Off", "fALSE", "N", "F", " no ", "\tfalse\r\n"]);
    no.extend([json!(false), json!(0), number("0.0"), number("-0")]);
    for value in yes {
        assert_eq!(boolean(&value), Ok(true), "{value}");
    }
    for value in no {
        assert_eq!(boolean(&value), Ok(false), "{value}");
    }
}

#[test]
fn what_is_no_boolean_is_refused() {
    let mut refused: Vec<Value> =
        ["", " ", "2", "-1", "+1", "01", "1.0", "yess", "ja", "none", "null", "y es", "ｙ", "t\0"]
            .map(Value::from)
            .into();
    refused.extend([
        json!(2),
        json!(-1),
        number("0.5"),
        number("1e300"),
        json!([]),
        json!([true]),
        json!({}),
        json!(null),
    ]);
    for value in refused {
        assert!(boolean(&value).unwrap_err().contains("true or false"), "{value}");
    }
}

#[test]
fn integers_are_whole_numbers_and_decimal_digits() {
    let text = |text: &str, value| (json!(text), value);
    for (given, value) in [
        (json!(0), 0),
        (json!(443), 443),
        (number("443.0"), 443),
        (number("4.43e2"), 443),
        (number("443000e-3"), 443),
        (number("-0"), 0),
        (number("-0.0"), 0),
        (json!(i64::MAX), i64::MAX as u64),
        text("443", 443),
        text("+443", 443),
        text(" 443\n", 443),
        text("\t+0", 0),
        text("-0", 0),
        text("000443", 443),
        text("9223372036854775807", i64::MAX as u64),
        text("000000000000000000000000000000000000000000000000001", 1),
    ] {
        assert_eq!(integer(0..=i64::MAX as u64)(&given), Ok(value), "{given}");
    }
}

#[test]
fn what_is_no_integer_is_refused() {
    let mut refused: Vec<Value> = [
        "",
        " ",
        "+",
        "-",
        "+-1",
        "--1",
        "1.0",
        "1e3",
        "0x10",
        "1_000",
        "1,000",
        "1 000",
        "٤",
        "１",
        "ten",
        "+ 1",
        "1\0",
        "- 1",
        "99999999999999999999999999999999999999999999999999",
    ]
    .map(Value::from)
    .into();
    refused.extend([json!(true), json!(false), json!(null), json!([1]), json!({"a": 1}), json!(0.5), json!(-1)]);
    refused.extend(["1e300", "-1e300", "1e19", "18446744073709551615", "18446744073709551616"].map(number));
    for value in refused {
        let refusal = integer(0..=1 << 62)(&value).expect_err(&format!("{value}"));
        assert!(refusal.contains("whole number from 0 to 4611686018427387904"), "{value}: {refusal}");
    }
}

#[test]
fn integers_keep_to_their_limits() {
    for (given, accepted) in [(0, false), (1, true), (65535, true), (65536, false), (-1, false)] {
        assert_eq!(integer(1..=65535)(&json!(given)).is_ok(), accepted, "{given}");
        assert_eq!(integer(1..=65535)(&json!(given.to_string())).is_ok(), accepted, "{given} as text");
        assert_eq!(integer(1..=65535)(&json!(f64::from(given))).is_ok(), accepted, "{given} as float");
    }
}

#[test]
fn strings_are_texts_and_integers() {
    for (given, text) in [
        (json!("a"), "a"),
        (json!(" a\tb\n"), " a\tb\n"),
        (json!("ü€"), "ü€"),
        (json!("true"), "true"),
        (json!("1.5"), "1.5"),
        (json!(0), "0"),
        (json!(-17), "-17"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(i64::MIN), "-9223372036854775808"),
    ] {
        assert_eq!(string(&given).as_deref(), Ok(text));
    }
}

#[test]
fn floats_and_booleans_have_to_be_quoted_to_be_strings() {
    for given in
        [json!(1.5), number("12.0"), number("1e3"), number("123456789012345678901234567890"), json!(true), json!(false)]
    {
        let refusal = string(&given).unwrap_err();
        assert!(refusal.contains("put it in quotes"), "{given}: {refusal}");
    }
    for given in [json!([]), json!(["a"]), json!({}), json!(null)] {
        let refusal = string(&given).unwrap_err();
        assert!(refusal.contains("string") && !refusal.contains("quotes"), "{given}: {refusal}");
    }
    assert_eq!(string(&json!("")), Err("must not be empty".into()));
}

#[test]
fn lists_are_lists_or_texts_with_commas() {
    for (given, items) in [
        (json!(["a"]), vec!["a"]),
        (json!(["a", " b ", "c\n"]), vec!["a", "b", "c"]),
        (json!(["a,b"]), vec!["a,b"]),
        (json!(["a", 7]), vec!["a", "7"]),
        (json!("a"), vec!["a"]),
        (json!(" a , b,c "), vec!["a", "b", "c"]),
        (json!([]), vec![]),
    ] {
        assert_eq!(strings(&given), Ok(items.into_iter().map(str::to_owned).collect()), "{given}");
    }
    for given in [
        json!(""),
        json!(" "),
        json!(","),
        json!("a,"),
        json!(",a"),
        json!("a,,b"),
        json!("a, ,b"),
        json!([""]),
        json!(["a", " "]),
        json!(["a", null]),
        json!([["a"]]),
        json!([1.5]),
        json!([true]),
        json!({"a": "b"}),
        json!(true),
        json!(1.5),
        json!(null),
    ] {
        assert!(strings(&given).is_err(), "{given}");
    }
}

#[test]
fn choices_are_exact_and_name_a_near_one() {
    let accept = choice(&["basic", "session"]);
    assert_eq!(accept(&json!("session")), Ok("session"));
    let near = accept(&json!("sesion")).unwrap_err();
    assert!(near.contains("basic, session") && near.contains("perhaps session"), "{near}");
    for far in [json!("kerberos"), json!(""), json!(1), json!(true), json!(["basic"]), json!(null)] {
        assert_eq!(accept(&far), Err("must be one of basic, session".into()), "{far}");
    }
}
