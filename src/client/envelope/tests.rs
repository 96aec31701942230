//! The four envelopes, their doubtful forms, and the messages in them.

use super::*;
use crate::scrub::Secrets;
use serde_json::{Value, json};

fn read(body: &Value) -> Envelope {
    Envelope::read(&body.to_string()).unwrap()
}

fn messages(body: &Value) -> Value {
    serde_json::to_value(read(body).messages).unwrap()
}

#[test]
fn words_of_result() {
    let cases = [
        ("success", Verdict::Good),
        ("informational", Verdict::Good),
        ("Informational", Verdict::Good),
        (" success ", Verdict::Good),
        ("warning", Verdict::Warning),
        ("failure", Verdict::Bad),
        ("failed", Verdict::Bad),
        ("FAILED", Verdict::Bad),
        ("error", Verdict::Bad),
        ("", Verdict::Unknown),
        ("complete", Verdict::Unknown),
        ("failures", Verdict::Unknown),
    ];
    for (word, verdict) in cases {
        for body in [
            json!({"result": word}),
            json!({"status": {"result": word}}),
            json!({"errorMsg": {"result": word}}),
            json!({"errorMsg": [{"result": word}]}),
            json!({"status": word}),
        ] {
            assert_eq!(read(&body).verdict, verdict, "{body}");
        }
    }
}

#[test]
fn results_that_are_no_words() {
    for result in [json!(null), json!(1), json!(false), json!([]), json!({"failure": true}), json!(["failure"])] {
        for body in [json!({"result": result}), json!({"status": {"result": result}})] {
            assert_eq!(read(&body).verdict, Verdict::Unknown, "{body}");
        }
    }
}

#[test]
fn the_gravest_of_several_envelopes_counts() {
    let of = |a: &str, b: &str, c: &str| json!({"result": a, "status": {"result": b}, "errorMsg": {"result": c}});
    assert_eq!(read(&of("success", "informational", "failure")).verdict, Verdict::Bad);
    assert_eq!(read(&of("failed", "informational", "success")).verdict, Verdict::Bad);
    assert_eq!(read(&of("success", "warning", "success")).verdict, Verdict::Warning);
    assert_eq!(read(&of("", "informational", "?")).verdict, Verdict::Good);
    let list = json!({"errorMsg": [{"result": "informational"}, {"result": "failure"}]});
    assert_eq!(read(&list).verdict, Verdict::Bad);
    let items = json!([{"errorMsg": {"result": "informational"}}, {"errorMsg": {"result": "failure"}}]);
    assert_eq!(read(&items).verdict, Verdict::Bad);
}

#[test]
fn a_key_that_stands_twice_counts_with_its_last_value() {
    assert_eq!(Envelope::read(r#"{"result":"failure","result":"success"}"#).unwrap().verdict, Verdict::Good);
    assert_eq!(Envelope::read(r#"{"result":"success","result":"failure"}"#).unwrap().verdict, Verdict::Bad);
    let escaped = Envelope::read(r#"{"r\u0065sult":"fail\u0075re","messages":[]}"#).unwrap();
    assert_eq!(escaped.verdict, Verdict::Bad, "escapes are only another spelling");
}

#[test]
fn what_has_no_envelope() {
    for body in [json!([]), json!([1, {"status": "error"}]), json!(null), json!("failure"), json!(1), json!({})] {
        let envelope = read(&body);
        assert_eq!((envelope.verdict, envelope.messages.len()), (Verdict::Unknown, 0), "{body}");
    }
    assert_eq!(Envelope::read("").unwrap().verdict, Verdict::Unknown);
    // Deeper than the envelopes stand, it is data.
    assert_eq!(read(&json!({"update": [{"result": "failure", "errorMsg": "x"}]})).verdict, Verdict::Unknown);
    assert_eq!(read(&json!({"response": {"result": "failure"}})).verdict, Verdict::Unknown);
}

#[test]
fn messages_of_every_family() {
    let message = json!({"id": "FQXHMUP4545L", "text": "Not ready."});
    let expected = json!([{"id": "FQXHMUP4545L", "text": "Not ready.", "severity": "error"}]);
    for body in [
        json!({"messages": [message]}),
        json!({"messages": message}),
        json!({"status": {"messages": [message]}}),
        json!({"errorMsg": {"messages": [message]}}),
        json!({"errorMsg": [{"messages": [message]}]}),
        json!({"status": "success", "errorMessage": "", "errorDetail": [], "message": [message]}),
        json!({"errorDetail": [message]}),
    ] {
        assert_eq!(messages(&body), expected, "{body}");
    }
    for nothing in [json!([]), json!({}), json!(""), json!("[]"), json!(null), json!([{}, null, ""])] {
        for body in [json!({"messages": nothing}), json!({"status": {"messages": nothing}})] {
            assert_eq!(messages(&body), json!([]), "{body}");
        }
    }
    assert_eq!(messages(&json!({"errorMessage": "It broke."})), json!([{"text": "It broke."}]));
    assert_eq!(messages(&json!({"messages": ["One.", {"text": "Two."}]})), json!([{"text": "One."}, {"text": "Two."}]));
}

#[test]
fn parts_of_a_message() {
    let cases = [
        (
            json!({"id": "FQXHMSE0001I", "text": "", "explanation": ""}),
            json!({"id": "FQXHMSE0001I", "severity": "informational"}),
        ),
        (json!({"text": "T", "explanation": "E"}), json!({"text": "T", "explanation": "E"})),
        (
            json!({"text": "T", "recovery": {"text": "R", "URL": "U"}}),
            json!({"text": "T", "recovery": {"text": "R", "url": "U"}}),
        ),
        (
            json!({"text": "T", "recovery": {"text": "R", "url": "U"}}),
            json!({"text": "T", "recovery": {"text": "R", "url": "U"}}),
        ),
        (json!({"text": "T", "recovery": {"text": "", "URL": "U"}}), json!({"text": "T", "recovery": {"url": "U"}})),
        (json!({"text": "T", "recovery": {"text": "", "URL": ""}}), json!({"text": "T"})),
        (json!({"text": "T", "recovery": [{"text": "R"}]}), json!({"text": "T", "recovery": {"text": "R"}})),
        (json!({"text": "T", "recovery": ["R"]}), json!({"text": "T", "recovery": {"text": "R"}})),
        (json!({"text": "T", "recovery": "R"}), json!({"text": "T", "recovery": {"text": "R"}})),
        (json!({"text": "T", "recovery": []}), json!({"text": "T"})),
        (json!({"text": "T", "recovery": null}), json!({"text": "T"})),
        (json!({"text": "T", "recovery": 7, "id": 7, "explanation": {}}), json!({"text": "T"})),
        (json!({"text": "T\u{e9}\n\"", "unknown": 1}), json!({"text": "T\u{e9}\n\""})),
    ];
    for (sent, expected) in cases {
        assert_eq!(messages(&json!({"messages": [sent]})), json!([expected]), "{sent}");
    }
}

#[test]
fn severities_by_the_last_letter() {
    let cases = [
        ("FQXHMUP2500I", Some(Severity::Informational)),
        ("FQXHMUP4086F", Some(Severity::Warning)),
        ("FQXHMUP4086G", Some(Severity::Warning)),
        ("FQXHMUP4086H", Some(Severity::Warning)),
        ("FQXHMSE0251J", Some(Severity::Warning)),
        ("FQXHMUP4545K", Some(Severity::Error)),
        ("FQXHMUP4545L", Some(Severity::Error)),
        ("FQXHMFC0295M", Some(Severity::Error)),
        ("FQXHMFC0295N", Some(Severity::Error)),
        ("FQXHMFC0295A", None),
        ("FQXHMFC0295Z", None),
        ("FQXHMFC0295", None),
        ("", None),
        ("I", None),
        ("KILL", None),
    ];
    for (id, severity) in cases {
        assert_eq!(Severity::of(id), severity, "{id}");
    }
}

#[test]
fn what_belongs_to_the_envelope_and_what_is_data() {
    let held = [
        ("result", json!("success")),
        ("messages", json!([])),
        ("message", json!([])),
        ("errorMessage", json!("")),
        ("errorDetail", json!([])),
        ("status", json!({"result": "informational"})),
        ("status", json!("success")),
        ("errorMsg", json!({})),
        ("errorMsg", json!([])),
    ];
    let data = [
        ("status", json!("Normal")),
        ("status", json!("")),
        ("errorMsg", json!("Disk full.")),
        ("status", json!(5)),
        ("status", json!({"level": 5})),
        ("result", json!("yes")),
        ("state", json!("error")),
    ];
    for (expected, cases) in [(true, held.to_vec()), (false, data.to_vec())] {
        for (name, value) in cases {
            let raw = serde_json::value::to_raw_value(&value).unwrap();
            assert_eq!(Envelope::holds(name, &raw), Ok(expected), "{name}: {value}");
        }
    }
}

#[test]
fn a_failure_quotes_the_gravest_message_first() {
    let of = |list: Value| read(&json!({"messages": list})).quote(&Secrets::default());
    assert_eq!(of(json!([])), None);
    let list = json!([
        {"id": "FQXHMUP2500I", "text": "Done."},
        {"id": "FQXHMUP4545L", "text": "Not ready.", "explanation": "It is off."},
        {"id": "FQXHMUP4546L", "text": "Neither."},
        {"id": "FQXHMUP4086F", "text": "Careful."},
    ]);
    assert_eq!(of(list).unwrap(), "Not ready. It is off (FQXHMUP4545L)");
    assert_eq!(of(json!([{"text": "Only words"}])).unwrap(), "Only words");
    assert_eq!(of(json!([{"id": "FQXHMUP4545L"}])).unwrap(), "FQXHMUP4545L");
    assert_eq!(of(json!([{"id": "FQXHMUP4545L", "text": " . "}])).unwrap(), "FQXHMUP4545L");
}

#[test]
fn a_quote_is_masked_before_anything_is_cut_off() {
    let secrets = Secrets::default();
    secrets.add("Passw0rd-x.");
    secrets.add("  secret1");
    for text in ["Passw0rd-x.", "  secret1", "Wrong: Passw0rd-x."] {
        let quote = read(&json!({"messages": [{"text": text, "explanation": text}]})).quote(&secrets).unwrap();
        assert!(!quote.contains("Passw0rd") && !quote.contains("secret1"), "{quote}");
    }
}

#[test]
fn of_very_many_messages_the_first_are_kept_and_the_rest_is_counted() {
    let many: Vec<String> = (0..MOST_MESSAGES + 5).map(|number| number.to_string()).collect();
    let envelope = read(&json!({"messages": many}));
    assert_eq!((envelope.messages.len(), envelope.left_out), (MOST_MESSAGES, 5));
}
