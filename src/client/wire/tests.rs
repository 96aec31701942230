//! Mending of numbers, flags and lists; unknown attributes; keys that stand twice.

use super::firmware_status::Status;
use super::management_server_updates::{Applied, Repository, Update, UpdateInfo, Words};
use super::*;
use crate::client::envelope::document;
use serde_json::{Value, json};

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

/// What is passed on for a JSON text, as JSON text.
fn passed<T: Attribute>(json: &str) -> String {
    serde_json::to_string(&T::read(&raw(json)).unwrap()).unwrap()
}

/// The record in a JSON text that is an object.
fn read<T: Record>(text: &str) -> Result<T, TooMany> {
    T::from_pairs(Pairs::parse(text)?.unwrap())
}

#[test]
fn numbers_in_strings_become_numbers() {
    let mended = [
        (r#""0""#, "0"),
        (r#""12""#, "12"),
        (r#"" 12 ""#, "12"),
        (r#""-1""#, "-1"),
        (r#""3846590000""#, "3846590000"),
        (r#""18446744073709551615""#, "18446744073709551615"),
        (r#""-9223372036854775808""#, "-9223372036854775808"),
        (r#""50.5""#, "50.5"),
        (r#""1e3""#, "1e3"),
        (r#""\u0031\u0032""#, "12"),
    ];
    for (sent, expected) in mended {
        assert_eq!(passed::<Number>(sent), expected);
    }
}

#[test]
fn what_is_no_number_is_passed_on() {
    for same in [
        "12",
        "12.0",
        "1e400",
        "18446744073709551616",
        "null",
        "true",
        "[]",
        "{}",
        r#""""#,
        r#""critical""#,
        r#""0x10""#,
        r#""+5""#,
        r#""007""#,
        r#""1e999""#,
        r#""NaN""#,
        r#""12 MB""#,
        r#""18446744073709551616""#,
        r#""-9223372036854775809""#,
    ] {
        assert_eq!(passed::<Number>(same), same);
    }
}

#[test]
fn flags_in_strings_become_booleans() {
    for (sent, expected) in [
        (r#""true""#, "true"),
        (r#""false""#, "false"),
        (r#""True""#, "true"),
        (r#""FALSE""#, "false"),
        (r#"" true ""#, "true"),
        ("true", "true"),
        ("false", "false"),
        // What is no truth value is passed on: the words of other pages, numbers, nothing.
        (r#""yes""#, r#""yes""#),
        (r#""DoNotUpdate""#, r#""DoNotUpdate""#),
        (r#""""#, r#""""#),
        ("1", "1"),
        ("null", "null"),
        ("[true]", "[true]"),
    ] {
        assert_eq!(passed::<Flag>(sent), expected, "{sent}");
    }
}

#[test]
fn lists_and_what_stands_in_their_place() {
    for (sent, expected) in [
        ("[]", "[]"),
        ("{}", "[]"),
        ("{ }", "[]"),
        (r#""[]""#, "[]"),
        (r#"" [] ""#, "[]"),
        (r#""""#, "[]"),
        ("null", "[]"),
        (r#"{"a":1}"#, r#"[{"a":1}]"#),
        (r#"{"":{}}"#, r#"[{"":{}}]"#),
        (r#"[{"a":1},2,"x"]"#, r#"[{"a":1},2,"x"]"#),
        ("[[]]", "[[]]"),
        (r#""none""#, r#""none""#),
        ("17", "17"),
        ("false", "false"),
    ] {
        assert_eq!(passed::<List<Json>>(sent), expected, "{sent}");
    }
}

#[test]
fn texts_are_passed_on_whatever_they_are() {
    for same in [r#""text""#, r#""\u00e9""#, r#""a\/b""#, "17", "null", r#"{"a":[1,2]}"#, "12345678901234567890.5"] {
        assert_eq!(passed::<Text>(same), same);
        assert_eq!(passed::<Json>(same), same);
    }
}

#[test]
fn words_of_a_list_in_every_spelling() {
    for (sent, expected) in [
        (r#"["a","b"]"#, json!(["a", "b"])),
        (r#"[{"action":"a"},{"action":"b"}]"#, json!(["a", "b"])),
        (r#"{"action":"a"}"#, json!(["a"])),
        (r#""a""#, json!(["a"])),
        (r#""a, b""#, json!(["a", "b"])),
        ("[]", json!([])),
        ("{}", json!([])),
        (r#""""#, json!([])),
        (r#""[]""#, json!([])),
        ("null", json!([])),
        (r#"["a,b", "\u0061,b", "c","c"]"#, json!(["a,b", "c"])),
        (r#"[{"other":"a"},7]"#, json!([r#"{"other":"a"}"#, "7"])),
        ("7", json!(["7"])),
    ] {
        let mut words = Words::default();
        words.add(&Json::read(&raw(sent)).unwrap(), "action").unwrap();
        assert_eq!(json!(words), expected, "{sent}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_and_unknown_ones_stay() {
    let text = r#"{"new":1,"version":"1","fixid":"a","version":"2","new":{"x":[true]},"\u0066ixid":"b","other":null}"#;
    let update = read::<Update>(text).unwrap();
    let written = serde_json::to_string(&update).unwrap();
    assert_eq!(written, r#"{"fixid":"b","version":"2","new":{"x":[true]},"other":null}"#);
}

#[test]
fn unknown_attributes_never_take_the_place_of_ours() {
    let status = read::<Status>(r#"{"phase":"theirs","extra":1}"#).unwrap();
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    let mut map = serde::Serializer::serialize_map(&mut serializer, None).unwrap();
    map.serialize_entry("phase", "ours").unwrap();
    Record::write(&status, &mut map, &["phase"]).unwrap();
    map.end().unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"phase":"ours","extra":1}"#);
}

/// An object of so many attributes.
fn object(attributes: usize) -> String {
    let pairs: Vec<String> = (0..attributes).map(|number| format!("\"key{number}\":{number}")).collect();
    format!("{{{}}}", pairs.join(","))
}

#[test]
fn attributes_have_a_limit_in_every_object_that_is_read() {
    let text = object(MOST_ATTRIBUTES);
    assert_eq!(serde_json::to_string(&read::<Update>(&text).unwrap()).unwrap(), text);
    let too_many = object(MOST_ATTRIBUTES + 1);
    assert_eq!(read::<Update>(&too_many), Err(TooMany::Attributes));
    assert_eq!(read::<Update>(&format!("{{{}\"a\":1}}", "\"a\":1,".repeat(MOST_ATTRIBUTES))), Err(TooMany::Attributes));
    for wrapped in [format!("{{\"updates\":[{too_many}]}}"), format!("{{\"size\":{too_many}}}")] {
        assert_eq!(read::<Repository>(&wrapped), Err(TooMany::Attributes));
    }
    // Where nobody documented anything, nothing is read.
    let wrapped = format!("{{\"new\":{too_many},\"importDir\":{too_many}}}");
    assert_eq!(serde_json::to_value(read::<Repository>(&wrapped).unwrap()).unwrap(), wrapped.parse::<Value>().unwrap());
}

#[test]
fn items_have_a_limit_in_every_list_that_is_read() {
    let list = |items: usize| format!("[{}1]", "1,".repeat(items - 1));
    let most = list(MOST_ITEMS);
    let repository = format!("{{\"updates\":{most},\"history\":{most}}}");
    assert_eq!(
        serde_json::to_value(read::<Repository>(&repository).unwrap()).unwrap(),
        repository.parse::<Value>().unwrap()
    );
    let too_many = list(MOST_ITEMS + 1);
    assert_eq!(read::<Repository>(&format!("{{\"updates\":{too_many}}}")), Err(TooMany::Items));
    assert_eq!(List::<Json>::read(&raw(&too_many)), Err(TooMany::Items));
    assert_eq!(Words::default().add(&Json::read(&raw(&too_many)).unwrap(), "action"), Err(TooMany::Items));
    let distinct: Vec<String> = (0..=MOST_ITEMS).map(|number| number.to_string()).collect();
    let words = Text::of(&distinct.join(",")).0;
    assert_eq!(Words::default().add(&words, "action"), Err(TooMany::Items));
    let unknown = format!("{{\"new\":{too_many}}}");
    assert_eq!(serde_json::to_string(&read::<Repository>(&unknown).unwrap()).unwrap(), unknown);
}

#[test]
fn unknown_attributes_of_several_answers_have_a_limit_together() {
    let mut together = read::<Update>(&object(MOST_ATTRIBUTES - 1)).unwrap().unknown;
    let with = |text: &str| read::<Update>(text).unwrap().unknown;
    together.keep_new(&with(r#"{"key0":"not new","new\"":[1]}"#)).unwrap();
    assert_eq!(together.keep_new(&with(r#"{"one more":1}"#)), Err(TooMany::Attributes));
    let written = serde_json::to_value(&together).unwrap();
    assert_eq!((&written["key0"], &written["new\""]), (&json!(0), &json!([1])));
    assert_eq!(written.as_object().unwrap().len(), MOST_ATTRIBUTES);
}

#[test]
fn lists_of_records_are_read_mended_and_written_item_by_item() {
    let text =
        r#"{"history":[{"buildNumber":"007","x":1},2,{"version":"a","version":"b"}],"updates":{"latest":"true"}}"#;
    let repository = read::<Repository>(text).unwrap();
    let mut versions = Vec::new();
    let list: &List<Object<Applied>> = repository.history.as_ref().unwrap();
    list.for_each(|applied| versions.push(applied.get().map(|applied| applied.version.is_some())));
    assert_eq!(versions, [Some(false), None, Some(true)]);
    let written = serde_json::to_string(&repository).unwrap();
    let expected = r#"{"history":[{"buildNumber":"007","x":1},2,{"version":"b"}],"updates":[{"latest":true}]}"#;
    assert_eq!(written, expected);
}

#[test]
fn numbers_for_sentences_are_short() {
    for (sent, words) in [
        ("50", Some("50")),
        ("50.0", Some("50")),
        ("99.5", Some("99.5")),
        ("\"12\"", Some("12")),
        ("3846590000", Some("3846590000")),
        ("-0.25", Some("-0.25")),
        ("1e308", Some("1e308")),
        ("-1.2345678901234568e-300", Some("-1.2345678901234568e-300")),
        ("1e400", None),
        ("\"soon\"", None),
        ("null", None),
    ] {
        assert_eq!(Number::read(&raw(sent)).unwrap().words().as_deref(), words, "{sent}");
    }
}

#[test]
fn a_number_in_a_string_has_a_limit_of_digits() {
    let fits = format!("0.{}", "3".repeat(text::MOST_DIGITS - 1));
    assert_eq!(passed::<Number>(&format!("\"{fits}\"")), fits);
    let long = format!("\"{fits}3\"");
    assert_eq!(passed::<Number>(&long), long);
}

#[test]
fn a_member_is_the_last_of_its_name_in_an_object() {
    let text = format!("{{\"a\":1,\"\\u0061\":{{\"b\":2}},{}", object(MOST_ATTRIBUTES + 1).trim_start_matches('{'));
    assert_eq!(member(&text, "a").map(RawValue::get), Some(r#"{"b":2}"#));
    assert_eq!(member(&text, "b").map(RawValue::get), None);
    assert_eq!(member("[1]", "a").map(RawValue::get), None);
}

#[test]
fn an_update_in_doubtful_types() {
    let text = json!({
        "update": {
            "fixid": "x-1.0", "applyable": "true", "readme": true, "severity": "critical", "totalsize": "4294967297",
            "percentage": 100, "errorMsg": "Disk full.", "buildNumber": "007", "status": "downloaded"
        },
        "actions": {"action": "apply"},
        "filetypes": "readme",
        "status": {"result": "informational", "messages": []}
    })
    .to_string();
    let info = UpdateInfo::from_pairs(document(&text).unwrap().unwrap()).unwrap();
    let expected = json!({
        "update": [{
            "fixid": "x-1.0", "applyable": true, "readme": true, "severity": "critical", "totalsize": 4_294_967_297_u64,
            "percentage": 100, "errorMsg": "Disk full.", "buildNumber": "007", "status": "downloaded"
        }],
        "actions": {"action": "apply"},
        "filetypes": "readme"
    });
    assert_eq!(serde_json::to_value(&info).unwrap(), expected);
}

#[test]
fn a_document_is_an_object_or_a_list_of_one() {
    let names = |text: &str| {
        let pairs = document(text).unwrap();
        pairs.map(|pairs| pairs.0.into_iter().map(|(name, _)| Value::from(name)).collect::<Vec<_>>())
    };
    assert_eq!(names(r#"{"a":1,"result":"success","messages":[]}"#), Some(vec![json!("a")]));
    assert_eq!(names(r#"[{"a":1}]"#), Some(vec![json!("a")]));
    for nothing in ["[]", r#"[{"a":1},{"b":2}]"#, "1", "null", "\"a\"", "[[]]", ""] {
        assert_eq!(names(nothing), None, "{nothing}");
    }
}
