//! Reading what an appliance answers: envelopes, media types, doubtful values, limits, and every HTTP status.

use crate::harness::{Answer, Lxca, appliance, appliance_with, body, damage, requests, with};
use crate::scripted::{self, Certificate};
use lxca_appliance::{
    Appliance, Booleans, ContentEncoding, CutEnd, EmptyLists, Fault, FaultRule, Filetypes, Language, MediaType, Quirks,
    Severity, StatusBody, SuccessWord,
};
use serde_json::{Value, json};

const ID: &str = "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch";

/// One call of each operation, and one of each form of the second.
fn calls() -> [Value; 6] {
    [
        json!({"operation": "appliance_info"}),
        json!({"operation": "firmware_export_info", "task_id": 12}),
        json!({"operation": "firmware_export_info", "task_id": 0}),
        json!({"operation": "management_server_update_info", "fix_ids": ID}),
        json!({"operation": "management_server_update_info", "fix_ids": ID, "filetype": "readme"}),
        json!({"operation": "management_server_update_info"}),
    ]
}

/// An appliance that gives one answer of one's own after another.
struct Server(Appliance);

impl Server {
    fn start() -> Server {
        Server(appliance())
    }

    fn gives(&self, fault: Fault, call: Value) -> Lxca {
        self.0.change(|state| state.settings.faults = vec![FaultRule::new(fault)]);
        Lxca::asks(&self.0, with(call, json!({"retries": 0})))
    }

    fn info(&self, raw: impl ToString) -> Lxca {
        self.gives(body(raw), json!({"operation": "appliance_info", "all": true}))
    }

    fn export(&self, raw: impl ToString) -> Lxca {
        self.gives(body(raw), json!({"operation": "firmware_export_info", "task_id": 12}))
    }
}

fn message() -> Value {
    json!({"id": "FQXHMUP4545L", "text": "The device is not ready."})
}

#[test]
fn a_failure_inside_http_200_in_every_envelope() {
    let server = Server::start();
    let message = message();
    let mut bodies = Vec::new();
    for result in ["failure", "failed", "error", "FAILURE"] {
        bodies.extend([
            json!({"result": result, "messages": [message]}),
            json!({"status": {"result": result, "messages": [message]}}),
            json!({"errorMsg": {"result": result, "messages": [message]}}),
            json!({"errorMsg": [{"result": result, "messages": [message]}]}),
            json!({"status": result, "errorMessage": "", "errorDetail": [], "message": [message]}),
            // One object in place of a list; two envelopes of which one says failure.
            json!({"status": {"result": result, "messages": message}}),
            json!({"result": "success", "errorMsg": {"result": result, "messages": [message]}}),
            json!({"result": result, "errorMsg": {"result": "informational", "messages": [message]}}),
        ]);
    }
    for body_of in bodies {
        for call in calls() {
            let answer = server.gives(body(&body_of), call).fails("operation_failed");
            assert_eq!(answer["error"]["http_status"], 200);
            assert!(answer.msg().contains("The device is not ready") && answer.msg().contains("FQXHMUP4545L"));
            let expected = json!([{"id": "FQXHMUP4545L", "text": "The device is not ready.", "severity": "error"}]);
            assert_eq!(answer["messages"], expected, "{body_of}");
        }
    }
}

#[test]
fn words_for_success() {
    let server = Server::start();
    for result in
        [json!("success"), json!("informational"), json!("Informational"), json!(""), json!("fine"), json!(null)]
    {
        let body_of = json!({
            "appliance": {"version": "4.0.0"}, "result": result,
            "messages": [{"id": "FQXHMSE0001I", "text": "Done."}]
        });
        let answer = server.info(body_of).succeeds();
        assert!(answer.warnings().is_empty(), "{result}: {}", answer.0);
        assert_eq!(answer["messages"][0]["severity"], "informational");
    }
    let warning = json!({"appliance": {"version": "4.0.0"}, "result": "warning", "messages": [
        {"id": "FQXHMUP4086F", "text": "Something was cancelled."}
    ]});
    let answer = server.info(warning).succeeds();
    assert_eq!(answer["messages"][0]["severity"], "warning");
    assert_eq!(answer.warnings().len(), 1, "good with a warning: {}", answer.0);
}

#[test]
fn messages_are_read_tolerantly() {
    let server = Server::start();
    let recovery = json!({"text": "Try again.", "URL": "https://192.0.2.1/help"});
    let full = |id: &str| json!({"id": id, "text": "T", "explanation": "E", "recovery": recovery});
    let told = |id: &str, severity: Option<&str>| {
        let read = json!({"text": "Try again.", "url": "https://192.0.2.1/help"});
        let mut told = json!({"id": id, "text": "T", "explanation": "E", "recovery": read});
        if let Some(severity) = severity {
            told["severity"] = severity.into();
        }
        told
    };
    let mut cases = vec![
        (json!([full("FQXHMSE0001I"), full("FQXHMSE0001I")]), json!([told("FQXHMSE0001I", Some("informational"))])),
        (full("FQXHMSE0001I"), json!([told("FQXHMSE0001I", Some("informational"))])),
        (
            json!([{"id": "FQXHMSE0001I", "text": "T", "explanation": "", "recovery": {"text": "", "URL": ""}}]),
            json!([{"id": "FQXHMSE0001I", "text": "T", "severity": "informational"}]),
        ),
        (
            json!([{"id": "FQXHMSE0001I", "text": "T", "recovery": [recovery]}]),
            json!([{
                "id": "FQXHMSE0001I", "text": "T", "severity": "informational",
                "recovery": {"text": "Try again.", "url": "https://192.0.2.1/help"}
            }]),
        ),
        (json!([{"text": "T"}]), json!([{"text": "T"}])),
    ];
    for (letters, severity) in [("I", "informational"), ("FGHJ", "warning"), ("KLMN", "error")] {
        for letter in letters.chars() {
            let id = format!("FQXHMSE0291{letter}");
            cases.push((json!([full(&id)]), json!([told(&id, Some(severity))])));
        }
    }
    cases.extend(["FQXHMSE0291X", "FQXHMSE0291"].map(|id| (json!([full(id)]), json!([told(id, None)]))));
    for (sent, expected) in cases {
        let body_of = json!({"appliance": {"version": "4.0.0"}, "result": "success", "messages": sent});
        assert_eq!(server.info(body_of).succeeds()["messages"], expected, "{sent}");
    }
    for nothing in [json!([]), json!({}), json!("[]"), json!(""), json!(null)] {
        let body_of = json!({"appliance": {"version": "4.0.0"}, "result": "success", "messages": nothing});
        assert!(server.info(body_of).succeeds().0.get("messages").is_none(), "{nothing}");
    }
}

#[test]
fn every_http_status_has_its_kind() {
    let server = Server::start();
    let cases = [
        (301, "redirected", false),
        (302, "redirected", false),
        (307, "redirected", false),
        (308, "redirected", false),
        (400, "bad_request", false),
        (401, "authentication_failed", false),
        (403, "permission_denied", false),
        (404, "not_found", false),
        (405, "bad_request", false),
        (409, "conflict", true),
        (412, "conflict", true),
        (413, "bad_request", false),
        (418, "bad_request", false),
        (429, "unavailable", true),
        (500, "server_error", false),
        (501, "server_error", false),
        (502, "unavailable", true),
        (503, "unavailable", true),
        (504, "unavailable", true),
        (505, "server_error", false),
        (599, "server_error", false),
    ];
    for (code, kind, retryable) in cases {
        for shape in [StatusBody::Envelope, StatusBody::Html, StatusBody::Empty] {
            let fault = Fault::Status { code, retry_after: None, body: shape };
            let answer = server.gives(fault, json!({"operation": "appliance_info"})).fails(kind);
            assert_eq!(answer["error"], json!({"kind": kind, "http_status": code, "retryable": retryable}));
            assert_eq!(answer["changed"], false);
            assert!(!answer.msg().contains("<h1>") && !answer.msg().contains("<!DOCTYPE"), "{}", answer.msg());
            if shape == StatusBody::Envelope && code >= 400 {
                assert!(answer.msg().contains("FQXHMSE9500M"), "{code}: {}", answer.msg());
                assert!(answer.msg().contains("The request could not be completed"), "{code}: {}", answer.msg());
                assert_eq!(answer["messages"][0]["severity"], "error");
            } else if shape != StatusBody::Envelope {
                assert!(answer.0.get("messages").is_none());
            }
        }
    }
}

#[test]
fn what_is_no_answer_at_all() {
    let server = Server::start();
    let cases = [
        "",
        "  \r\n",
        "nul",
        "null",
        "true",
        "17",
        "\"text\"",
        "{\"appliance\":",
        "{\"appliance\": {}} x",
        "{\"appliance\": {},}",
        "{'appliance': 1}",
        "<!DOCTYPE html><html><head><title>Log in</title></head><body><h1>Log in</h1></body></html>",
        "PK\u{3}\u{4}",
    ];
    for raw in cases {
        for call in calls() {
            let answer = server.gives(body(raw), call.clone()).fails("invalid_response");
            assert_eq!(answer["error"]["http_status"], 200, "{raw} {call}");
            assert_eq!(answer["error"]["retryable"], false);
            assert!(!answer.msg().contains("<h1>"), "{}", answer.msg());
        }
    }
    for raw in ["[]", "[1, 2]", "{\"appliance\": 1}", "{\"appliance\": \"x\"}"] {
        server.info(raw).fails("invalid_response");
    }
    for call in calls() {
        let status = Fault::Status { code: 204, retry_after: None, body: StatusBody::Empty };
        server.gives(status, call).fails("invalid_response");
    }
}

#[test]
fn media_types_marks_and_framing_make_no_difference() {
    let normal: Vec<Value> = {
        let appliance = appliance();
        calls().into_iter().map(|call| Lxca::asks(&appliance, call).succeeds()["messages"].clone()).collect()
    };
    for media_type in [MediaType::Vendor, MediaType::Json, MediaType::Text, MediaType::None] {
        for (byte_order_mark, chunked) in [(false, true), (true, false), (true, true)] {
            let appliance = appliance_with(|settings| {
                settings.quirks = Quirks { media_type, byte_order_mark, chunked, ..Quirks::default() };
            });
            for (call, messages) in calls().into_iter().zip(&normal) {
                let answer = Lxca::asks(&appliance, call).succeeds();
                assert_eq!(answer["messages"], *messages);
                let version = answer.0.get("api_version");
                assert_eq!(version.is_some(), media_type == MediaType::Vendor, "{media_type:?}");
                assert!(answer.warnings().is_empty(), "{}", answer.0);
            }
        }
    }
}

#[test]
fn the_version_in_the_media_type() {
    let server = Server::start();
    let cases = [
        ("application/com.lenovo.lxca-v4.0.0+json; charset=UTF-8", Some("4.0.0")),
        ("application/com.lenovo.lxca-v1.2.2+json", Some("1.2.2")),
        ("Application/COM.Lenovo.LXCA-v4.3.0+JSON;charset=utf-8", Some("4.3.0")),
        ("application/json", None),
        ("application/com.lenovo.lxca+json", None),
        ("", None),
    ];
    for (media_type, version) in cases {
        let raw = json!({"appliance": {"version": "4.0.0"}}).to_string();
        let fault = Fault::Body { status: 200, content_type: Some(media_type.into()), raw };
        let answer = server.gives(fault, json!({"operation": "appliance_info"})).succeeds();
        assert_eq!(answer.0.get("api_version").and_then(Value::as_str), version, "{media_type}");
    }
}

/// The data of all calls, as this appliance writes them.
fn data_with(change: impl FnOnce(&mut Quirks)) -> Vec<Value> {
    let appliance = appliance_with(|settings| {
        settings.name = Some("lxca".into());
        settings.uuid = Some("7f3b1c52-0a2e-4d58-8a53-1f2f8b3c9d10".into());
        change(&mut settings.quirks);
    });
    // Without all running tasks: what an empty answer looks like that is no object is nowhere written.
    let calls = calls().into_iter().filter(|call| call["task_id"] != 0);
    calls.map(|call| undated(Lxca::asks(&appliance, call).succeeds())).collect()
}

/// The data without what differs between two appliances.
fn undated(answer: Answer) -> Value {
    let mut data = answer.0["data"].clone();
    for name in ["date", "current", "updatedDate", "history", "totalsize", "downloadedsize"] {
        if let Some(value) = data.get_mut(name) {
            *value = value.is_number().into();
        }
    }
    data
}

#[test]
fn the_same_values_however_they_are_written() {
    type Change = fn(&mut Quirks);
    let plain = data_with(|_| {});
    let quirks: [(&str, Change); 12] = [
        ("real booleans", |quirks| quirks.booleans = Booleans::Real),
        ("numbers as texts", |quirks| quirks.numbers_as_strings = true),
        ("single objects", |quirks| quirks.single_objects = true),
        ("array of errorMsg", |quirks| quirks.error_msg_as_array = true),
        ("another word for success", |quirks| quirks.success_word = SuccessWord::Success),
        ("empty lists as objects", |quirks| quirks.empty_lists = EmptyLists::Object),
        ("empty lists as brackets", |quirks| quirks.empty_lists = EmptyLists::BracketText),
        ("empty lists as texts", |quirks| quirks.empty_lists = EmptyLists::EmptyText),
        ("empty lists as null", |quirks| quirks.empty_lists = EmptyLists::Null),
        ("file types in one text", |quirks| quirks.filetypes = Filetypes::Text),
        ("another language", |quirks| quirks.language = Language::Portuguese),
        ("everything", |quirks| {
            *quirks = Quirks {
                booleans: Booleans::Real,
                numbers_as_strings: true,
                single_objects: true,
                error_msg_as_array: true,
                empty_lists: EmptyLists::Null,
                media_type: MediaType::None,
                ..Quirks::default()
            }
        }),
    ];
    for (name, change) in quirks {
        for (quirky, plain) in data_with(change).iter().zip(&plain) {
            assert_eq!(quirky, plain, "{name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_passed_on() {
    let server = Server::start();
    let words = data_with(|quirks| quirks.severity = Severity::Word);
    assert_eq!(words[2]["updates"][0]["severity"].as_str().map(str::is_empty), Some(false));
    let answer = server
        .export(json!({
            "progress": "soon", "state": ["complete"], "totalsize": "1e3", "downloadednum": "99999999999999999999999",
            "total": "-1", "updates": "none", "current": {"name": "x"}, "taskIds": 17, "extra": {"a": [null]},
        }))
        .succeeds();
    let data = &answer["data"];
    assert_eq!(data["progress"], "soon");
    assert_eq!(data["state"], json!(["complete"]));
    assert_eq!(data["downloadednum"], "99999999999999999999999");
    assert_eq!(data["updates"], "none");
    assert_eq!(data["current"], json!({"name": "x"}));
    assert_eq!(data["extra"], json!({"a": [null]}));
    assert!(["created", "running"].contains(&data["phase"].as_str().unwrap()));
}

#[test]
fn numbers_have_64_bits() {
    let server = Server::start();
    for (sent, expected) in [
        ("\"9223372036854775808\"", json!(9_223_372_036_854_775_808_u64)),
        ("\"18446744073709551615\"", json!(u64::MAX)),
        ("18446744073709551615", json!(u64::MAX)),
        ("3846590000", json!(3_846_590_000_u64)),
        ("\"-9223372036854775808\"", json!(i64::MIN)),
        ("\" 12 \"", json!(12)),
    ] {
        let answer = server.export(format!("{{\"progress\": 50, \"state\": \"\", \"totalsize\": {sent}}}")).succeeds();
        assert_eq!(answer["data"]["totalsize"], expected, "{sent}");
    }
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    let server = Server::start();
    let answer = server
        .info(r#"{"appliance": {"name": "a\ud800b\udc00", "version": "4\u002e0.0", "build": "\ud83d\ude00"}}"#)
        .succeeds();
    assert_eq!(answer["data"]["name"], "a\u{fffd}b\u{fffd}");
    assert_eq!(answer["data"]["version"], "4.0.0");
    assert_eq!(answer["data"]["build"], "😀");
    assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
}

#[test]
fn bad_utf_8_becomes_replacement_characters() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n\
        {\"appliance\":{\"name\":\"a\xff\xe2\x82b\",\"version\":\"4.0.0\"}}\n";
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let server = scripted::Server::https(certificate.config(), ANSWER);
    let pinned = json!({"operation": "appliance_info", "certificate_fingerprint": certificate.fingerprint()});
    let answer = Lxca::given(with(server.connection(), pinned).to_string()).succeeds();
    assert_eq!(answer["data"]["name"], "a\u{fffd}\u{fffd}b");
    assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
}

#[test]
fn nesting_has_a_limit() {
    let server = Server::start();
    // The object, `appliance`'s sibling, and lists: so many levels altogether.
    let nested = |depth: usize| {
        let lists = depth - 1;
        format!("{{\"appliance\": {{\"version\": \"4.0.0\"}}, \"deep\": {}{}}}", "[".repeat(lists), "]".repeat(lists))
    };
    let answer = server.info(nested(100)).succeeds();
    let mut inner = &answer["data"]["details"]["deep"];
    let mut levels = 1;
    while let Some(next) = inner.get(0) {
        inner = next;
        levels += 1;
    }
    assert_eq!(levels, 99);
    for depth in [129, 1000, 200_000] {
        server.info(nested(depth)).fails("invalid_response");
        server.export(nested(depth)).fails("invalid_response");
    }
    // The same inside messages and failures.
    let failure = format!("{{\"result\": \"failure\", \"messages\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
    server.info(failure).fails("invalid_response");
}

#[test]
fn bodies_have_a_limit_for_the_whole_call() {
    let server = Server::start();
    let answer = server.gives(Fault::HugeBody { bytes: 65 << 20 }, json!({"operation": "appliance_info"}));
    let answer = answer.fails("invalid_response");
    assert!(answer.msg().contains("64"), "{}", answer.msg());

    // Two answers, each of which is allowed.
    let appliance = appliance();
    // Of two keys with one name the last counts: nothing of the long one has to be kept.
    let half = format!("{{\"update\": \"{}\", \"update\": []}}", "x".repeat(33 << 20));
    damage(&appliance, FaultRule::new(body(half)));
    let ids: Vec<String> = (0..20).map(|number| format!("{}{number:02}", "z".repeat(250))).collect();
    let call = json!({"operation": "management_server_update_info", "fix_ids": ids, "retries": 0});
    Lxca::asks(&appliance, call).fails("invalid_response");
    assert_eq!(requests(&appliance).len(), 2);
}

#[test]
fn headers_have_a_limit() {
    let server = Server::start();
    let call = json!({"operation": "appliance_info"});
    server.gives(Fault::HugeHeaders { bytes: 48 << 10 }, call.clone()).succeeds();
    server.gives(Fault::HugeHeaders { bytes: 80 << 10 }, call).fails("invalid_response");
}

#[test]
fn a_content_encoding_nobody_asked_for_is_refused() {
    for content_encoding in [ContentEncoding::Always, ContentEncoding::HeaderOnly] {
        let appliance = appliance_with(|settings| settings.quirks.content_encoding = content_encoding);
        let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info"})).fails("invalid_response");
        assert!(answer.msg().contains("gzip"), "{}", answer.msg());
    }
    let appliance = appliance();
    Lxca::asks(&appliance, json!({"operation": "appliance_info"})).succeeds();
}

fn cuts() -> Vec<Fault> {
    let mut faults = vec![Fault::WrongLength { by: 10 }, Fault::Reset, Fault::CloseBeforeAnswer];
    for end in [CutEnd::Fin, CutEnd::CloseNotify, CutEnd::Reset] {
        // In the head, and in the body.
        faults.extend([Fault::Cut { after: 20, end }, Fault::Cut { after: 3000, end }]);
    }
    faults
}

#[test]
fn missing_bytes_are_a_broken_connection() {
    for fault in cuts() {
        for chunked in [false, true] {
            if chunked && matches!(fault, Fault::WrongLength { .. }) {
                continue;
            }
            let appliance = appliance_with(|settings| settings.quirks.chunked = chunked);
            damage(&appliance, FaultRule::new(fault.clone()));
            let call = json!({"operation": "appliance_info", "retries": 0});
            let answer = Lxca::asks(&appliance, call).fails("connection_failed");
            assert_eq!(answer["error"]["retryable"], true, "{fault:?}");
        }
    }
}

#[test]
fn a_broken_answer_is_asked_for_again() {
    std::thread::scope(|scope| {
        for fault in cuts() {
            scope.spawn(move || {
                let appliance: Appliance = appliance();
                damage(&appliance, FaultRule::new(fault.clone()).times(1));
                Lxca::asks(&appliance, json!({"operation": "appliance_info", "retries": 1})).succeeds();
                assert_eq!(requests(&appliance).len(), 2, "{fault:?}");
            });
        }
    });
}

#[test]
fn a_body_longer_than_announced_is_broken_json() {
    let server = Server::start();
    server.gives(Fault::WrongLength { by: -10 }, json!({"operation": "appliance_info"})).fails("invalid_response");
}
