//! Mending of numbers, flags and lists; unknown attributes; keys that stand twice.

use super::firmware_status::{self, Status};
use super::management_server_updates::{Update, UpdateInfo, words};
use super::*;
use crate::client::envelope::document;
use serde_json::{Value, json};

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

/// What is passed on for a JSON text, as JSON text.
fn passed<T: Attribute>(json: &str) -> String {
    serde_json::to_string(&T::read(&raw(json))).unwrap()
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
        (r#"[{"other":"a"},7]"#, json!([r#"{"other":"a"}"#, "7"])),
        ("7", json!(["7"])),
    ] {
        assert_eq!(json!(words(&Json::read(&raw(sent)), "action")), expected, "{sent}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_and_unknown_ones_stay() {
    let text = r#"{"new":1,"version":"1","fixid":"a","version":"2","new":{"x":[true]},"\u0066ixid":"b","other":null}"#;
    let update = Update::from_pairs(Pairs::parse(text).unwrap());
    let written = serde_json::to_string(&update).unwrap();
    assert_eq!(written, r#"{"fixid":"b","version":"2","new":{"x":[true]},"other":null}"#);
}

#[test]
fn unknown_attributes_never_take_the_place_of_ours() {
    let status = Status::from_pairs(Pairs::parse(r#"{"phase":"theirs","extra":1}"#).unwrap());
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    let mut map = serde::Serializer::serialize_map(&mut serializer, None).unwrap();
    map.serialize_entry("phase", "ours").unwrap();
    Record::write(&status, &mut map, &["phase"]).unwrap();
    map.end().unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"phase":"ours","extra":1}"#);
}

#[test]
fn many_unknown_attributes_take_no_time() {
    let pairs: Vec<String> = (0..100_000).map(|number| format!("\"key{number}\":{number}")).collect();
    let text = format!("{{{}}}", pairs.join(","));
    let written = serde_json::to_string(&Update::from_pairs(Pairs::parse(&text).unwrap())).unwrap();
    assert_eq!(written, text);
}

#[test]
fn statuses_of_one_task_and_of_all() {
    let count = |text: &str| firmware_status::read(text).map(|statuses| statuses.len());
    let one = r#"{"state":"complete","errorMsg":{"result":"success","messages":[]}}"#;
    assert_eq!(count(one), Some(1));
    assert_eq!(count(&format!("[{one},{one}]")), Some(2));
    assert_eq!(count("[]"), Some(0));
    for nothing in ["17", "null", "\"x\"", "[1]", "[null]", "[[]]"] {
        assert_eq!(count(nothing), None, "{nothing}");
    }
    let written = serde_json::to_value(firmware_status::read(one).unwrap()).unwrap();
    assert_eq!(written, json!([{"state": "complete"}]), "the envelope is no data");
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
    let info = UpdateInfo::from_pairs(document(&text).unwrap());
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
        document(text).map(|pairs| pairs.0.into_iter().map(|(name, _)| Value::from(name)).collect::<Vec<_>>())
    };
    assert_eq!(names(r#"{"a":1,"result":"success","messages":[]}"#), Some(vec![json!("a")]));
    assert_eq!(names(r#"[{"a":1}]"#), Some(vec![json!("a")]));
    for nothing in ["[]", r#"[{"a":1},{"b":2}]"#, "1", "null", "\"a\"", "[[]]", ""] {
        assert_eq!(names(nothing), None, "{nothing}");
    }
}
