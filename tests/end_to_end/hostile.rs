//! What a hostile or broken server can do to a call: time, memory and the number of requests stay bounded.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::{Lxca, appliance, body, damage, requests, with};
use crate::scripted::{Certificate, Server, as_ca, read_head};
use crate::tls::says;
use lxca_appliance::{Fault, FaultRule, StatusBody};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

/// Bounded means bounded: these calls took minutes, or as long as they were let.
const SOON: Duration = Duration::from_secs(30);

const STATUS: &str = "/updateRepositories/firmware/status";

#[test]
fn tokens_made_to_slow_the_search_for_secrets_do_not() {
    let token = "a".repeat(1000) + "b";
    let name = "a".repeat(2 << 20);
    let body = json!({"appliance": {"name": name}}).to_string();
    let answer =
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID={token}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let server = Server::https(certificate.config(), answer.into_bytes().leak());
    let pin = json!({"operation": "appliance_info", "certificate_fingerprint": certificate.fingerprint()});
    let ended = Lxca::given(with(server.connection(), pin).to_string()).run();
    assert_eq!(ended.answer()["data"]["name"].as_str().unwrap().len(), name.len());
    assert!(ended.took < SOON, "{:?}", ended.took);
}

#[test]
fn of_a_hundred_thousand_messages_some_are_kept() {
    let appliance = appliance();
    let messages: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    damage(&appliance, FaultRule::new(body(json!({"result": "failure", "messages": messages}))));
    let ended = Lxca::asks(&appliance, json!({"operation": "appliance_info"})).run();
    let answer = ended.answer();
    assert_eq!(answer["error"]["kind"], "operation_failed");
    assert_eq!(answer["messages"].as_array().unwrap().len(), 1000);
    assert_eq!(answer.warnings(), ["99000 more messages of the appliance were left out."]);
    assert!(ended.took < SOON, "{:?}", ended.took);
}

#[test]
fn a_blank_inside_a_number_or_a_word_is_no_spelling_of_it() {
    let appliance = appliance();
    for raw in [r#"{"state":"running","progress":1 0}"#, r#"{"state":"running","progress":50,"x":tr ue}"#, "1 2"] {
        appliance.change(|state| state.settings.faults = vec![FaultRule::new(body(raw))]);
        let answer = Lxca::asks(&appliance, json!({"operation": "firmware_export_info", "task_id": 12, "retries": 0}));
        answer.fails("invalid_response");
    }
}

#[test]
fn a_failure_of_an_item_in_a_list_is_a_failure() {
    let appliance = appliance();
    let message = json!({"id": "FQXHMUP4545L", "text": "The device is not ready."});
    let failed = json!({"state": "", "progress": 0, "errorMsg": {"result": "failure", "messages": [message]}});
    damage(&appliance, FaultRule::new(body(json!([failed]))));
    for task_id in [0, 12] {
        let call = json!({"operation": "firmware_export_info", "task_id": task_id});
        let answer = Lxca::asks(&appliance, call).fails("operation_failed");
        assert_eq!(answer["messages"][0]["id"], "FQXHMUP4545L");
    }
}

#[test]
fn an_appliance_that_asks_to_come_back_at_once_is_not_flooded() {
    let appliance = appliance();
    let busy = Fault::Status { code: 503, retry_after: Some("0".into()), body: StatusBody::Html };
    damage(&appliance, FaultRule::new(busy).on("GET", STATUS).skip(1));
    let wait = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "wait_timeout": 3,
                      "poll_interval": 1});
    Lxca::asks(&appliance, wait).fails("wait_timeout");
    assert!(requests(&appliance).len() <= 5, "{:?}", requests(&appliance));
}

#[test]
fn a_login_whose_answer_was_lost_is_not_repeated_while_waiting() {
    let appliance = appliance();
    let unknown = Fault::Status { code: 401, retry_after: None, body: StatusBody::Envelope };
    damage(&appliance, FaultRule::new(unknown).on("GET", STATUS).skip(1));
    damage(&appliance, FaultRule::new(Fault::CloseBeforeAnswer).on("POST", "/sessions").skip(1));
    let wait = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "wait_timeout": 5,
                      "poll_interval": 1, "auth_method": "session"});
    Lxca::asks(&appliance, wait).fails("connection_failed");
    let logins = requests(&appliance).iter().filter(|request| request.starts_with("POST /sessions")).count();
    assert_eq!(logins, 2);
}

#[test]
fn a_refusal_is_one_whatever_its_body_and_ends_the_wait() {
    let gzip = Fault::Status { code: 401, retry_after: None, body: StatusBody::Empty };
    let deep = Fault::Body { status: 401, content_type: None, raw: "[".repeat(200) };
    for fault in [gzip, deep] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault).on("GET", STATUS).skip(1));
        let wait = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "wait_timeout": 5,
                          "poll_interval": 1});
        Lxca::asks(&appliance, wait).fails("authentication_failed");
        assert_eq!(requests(&appliance).len(), 2);
    }
    let answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc";
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let server = Server::https(certificate.config(), answer);
    let pin = json!({"operation": "appliance_info", "certificate_fingerprint": certificate.fingerprint()});
    let answer = Lxca::given(with(server.connection(), pin).to_string()).fails("authentication_failed");
    assert_eq!(answer["error"]["http_status"], 401);
}

#[test]
fn what_is_not_understood_is_not_taken_for_no_task() {
    let appliance = appliance();
    let call = json!({"operation": "firmware_export_info", "task_id": 0});
    for raw in [json!({"taskList": [{"state": "running"}]}), json!([{"id": 1}]), json!([1]), json!("none")] {
        appliance.change(|state| state.settings.faults = vec![FaultRule::new(body(raw))]);
        Lxca::asks(&appliance, call.clone()).fails("invalid_response");
    }
    for raw in [json!([]), json!({}), json!({"errorMsg": {"result": "informational", "messages": []}})] {
        appliance.change(|state| state.settings.faults = vec![FaultRule::new(body(raw))]);
        let answer = Lxca::asks(&appliance, call.clone()).succeeds();
        assert_eq!(answer["data"]["tasks"], json!([]));
    }
}

#[test]
fn without_time_to_wait_a_failure_keeps_its_kind() {
    let appliance = appliance();
    let wait = json!({"operation": "firmware_export_info", "task_id": 12, "wait": true, "wait_timeout": 0, "port": 1});
    Lxca::asks(&appliance, wait).fails("connection_failed");
}

#[test]
fn where_nothing_was_learned_no_data_is_shown() {
    let appliance = appliance();
    for more in [json!({}), json!({"filetype": "readme"})] {
        let call = json!({"operation": "management_server_update_info", "fix_ids": "a", "port": 1, "retries": 0});
        let answer = Lxca::asks(&appliance, with(call, more)).fails("connection_failed");
        assert!(answer["data"].is_null(), "{}", answer.0);
    }
}

#[test]
fn the_newest_of_very_many_session_ids_stays_a_secret() {
    let token = |number: usize| format!("token-{number:04}-of-many");
    let cookies: String = (0..100).map(|number| format!("Set-Cookie: JSESSIONID={}\r\n", token(number))).collect();
    let body = json!({"appliance": {"name": token(99), "version": "4.0.0"}}).to_string();
    let answer = format!("HTTP/1.1 200 OK\r\n{cookies}Content-Length: {}\r\n\r\n{body}", body.len());
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let server = Server::https(certificate.config(), answer.into_bytes().leak());
    let pin = json!({"operation": "appliance_info", "certificate_fingerprint": certificate.fingerprint()});
    let answer = Lxca::given(with(server.connection(), pin).to_string()).succeeds();
    assert_eq!(answer["data"]["name"], "********");
}

#[test]
fn a_body_without_length_is_whole_only_when_tls_was_closed_properly() {
    let body = r#"{"appliance":{"version":"4.0.0","build":""}}"#;
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let pin =
        json!({"operation": "appliance_info", "certificate_fingerprint": certificate.fingerprint(), "retries": 0});
    for (head, properly, whole) in [
        ("HTTP/1.1 200 OK\r\n\r\n", true, true),
        ("HTTP/1.1 200 OK\r\n\r\n", false, false),
        ("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", true, true),
        ("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", false, false),
        // Where HTTP says how long it is, TLS need not.
        ("HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n", false, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n", true, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n", false, false),
    ] {
        let answer = format!("{head}{body}").into_bytes().leak();
        for version in [&TLS12, &TLS13] {
            let server = Server::closing(certificate.config_of(&[version]), answer, properly);
            let answer = Lxca::given(with(server.connection(), pin.clone()).to_string()).run().answer();
            assert_eq!(answer["failed"], !whole, "{head:?} {properly}: {}", answer.0);
            if !whole {
                assert_eq!(answer["error"], json!({"kind": "connection_failed", "retryable": true}));
                says(&answer, &["closed the connection before its answer was complete"]);
            }
        }
    }
}

/// A call in a session, to a server whose every answer has these header lines; `#` is a new number in each.
fn in_session(lines: &'static str, body: &'static str, options: serde_json::Value) -> (Lxca, Server) {
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let (config, answers) = (certificate.config(), AtomicUsize::new(0));
    let server = Server::start(move |tcp| {
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
        while read_head(&mut stream).is_some() {
            let lines = lines.replace('#', &answers.fetch_add(1, Ordering::SeqCst).to_string());
            let mut answer = Vec::from("HTTP/1.1 200 OK\r\n");
            // Latin-1, as header lines are.
            answer.extend(lines.chars().map(|character| u8::try_from(character).unwrap()));
            answer.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).bytes());
            if stream.write_all(&answer).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    });
    let call = json!({"operation": "appliance_info", "auth_method": "session", "retries": 0,
                      "certificate_fingerprint": certificate.fingerprint()});
    (Lxca::given(with(with(server.connection(), call), options).to_string()), server)
}

const NAMED: &str = r#"{"appliance":{"name":"lxca"}}"#;

#[test]
fn a_cookie_with_an_attribute_in_another_language_is_one() {
    let line = "Set-Cookie: JSESSIONID=a-session-id; Comment=für alle\r\n";
    let (call, _server) = in_session(line, NAMED, json!({}));
    call.succeeds();
}

#[test]
fn a_login_without_a_cookie_may_have_opened_a_session() {
    for body in [NAMED, "<html>"] {
        let (call, _server) = in_session("", body, json!({}));
        let answer = call.fails("invalid_response");
        assert!(answer.warnings().iter().any(|warning| warning.contains("may remain open")), "{}", answer.0);
    }
}

#[test]
fn of_too_many_replaced_sessions_some_may_remain() {
    let ids: Vec<String> = (0..14).map(|number| format!("id{number}")).collect();
    let options = json!({"operation": "management_server_update_info", "fix_ids": ids, "filetype": "readme"});
    let body = r#"{"field":"readme","value":"text"}"#;
    let (call, _server) = in_session("Set-Cookie: JSESSIONID=session-number-#\r\n", body, options);
    let answer = call.succeeds();
    assert!(answer.warnings().iter().any(|warning| warning.contains("may remain open")), "{}", answer.0);
}

#[test]
fn other_headers_do_not_give_a_session_away() {
    let digits = "Set-Cookie: JSESSIONID=1234567890\r\nContent-Type: application/com.lenovo.lxca-v1234567890+json\r\n";
    let encoded = "Set-Cookie: JSESSIONID=1234567890\r\nContent-Encoding: 1234567890\r\n";
    for lines in [digits, encoded] {
        let (call, _server) = in_session(lines, NAMED, json!({}));
        let answer = call.run().answer();
        assert!(!answer.0.to_string().contains("1234567890"), "{}", answer.0);
    }
}
