//! Faults that a hostile server plays.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use lxca_appliance::{Appliance, CutEnd, Fault, FaultRule, Reason};
use serde_json::{Value, json};

use crate::client::{Answer, End, ask, basic, connect, get, parse, raw_within, request, send, start};

fn with(rule: FaultRule) -> Appliance {
    let appliance = start();
    appliance.change(|state| state.settings.faults.push(rule));
    appliance
}

/// What comes back to a login.
fn log_in(appliance: &Appliance) -> (Vec<u8>, End) {
    let body = json!({ "UserId": appliance.username(), "password": appliance.password() }).to_string();
    let request = request("POST", "/sessions", &["Content-Type: application/json"], body.as_bytes());
    raw_within(appliance, &request, Duration::from_millis(800)).unwrap()
}

#[test]
fn a_login_is_damaged_after_its_cookie() {
    let faults = [
        (Fault::CutInBody { after: 9, end: CutEnd::Fin }, End::Torn),
        (Fault::CutInBody { after: 9, end: CutEnd::CloseNotify }, End::Closed),
        (Fault::StallInBody { after: 9 }, End::Silent),
        (Fault::Compressed, End::Closed),
        (Fault::NoLength { end: CutEnd::Fin }, End::Torn),
        (Fault::NoLength { end: CutEnd::CloseNotify }, End::Closed),
    ];
    for (fault, expected) in faults {
        let appliance = with(FaultRule::new(fault.clone()));
        let (bytes, end) = log_in(&appliance);
        let answer = parse(&bytes);
        assert_eq!((answer.status, end), (200, expected), "{fault:?}");
        // The session is there, and the client knows it.
        let cookie = appliance.change(|state| state.sessions[0].cookie.clone());
        assert_eq!(answer.cookie("JSESSIONID"), Some(cookie), "{fault:?}");
        let whole = serde_json::from_slice::<Value>(&answer.body).is_ok();
        assert_eq!(whole, matches!(fault, Fault::NoLength { .. }), "{fault:?}");
        let announced = answer.header("content-length").is_some();
        assert_eq!(announced, !matches!(fault, Fault::NoLength { .. }), "{fault:?}");
        assert_eq!(answer.header("content-encoding").is_some(), fault == Fault::Compressed);
    }
}

#[test]
fn chunks_are_announced_that_do_not_come() {
    let (bytes, end) = log_in(&with(FaultRule::new(Fault::BadChunks)));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\r\nTransfer-Encoding: chunked\r\n") && text.contains("\r\n\r\n{\""), "{text}");
    assert_eq!(end, End::Closed);
}

#[test]
fn refusals_speak_by_their_message() {
    let reasons = [
        (Reason::LoginFailed, "FQXHMSE0291J"),
        (Reason::PasswordChange, "FQXHMSE9412J"),
        (Reason::NotAuthenticated, "FQXHMSE9401J"),
        (Reason::Forbidden, "FQXHMSE9403J"),
        (Reason::Conflict, "FQXHMUP9409J"),
        (Reason::NoSpace, "FQXHMUP9507J"),
    ];
    for (reason, id) in reasons {
        let answer = ask(&with(FaultRule::new(Fault::Refusal { status: 403, reason })), "GET", "/aicc");
        assert_eq!((answer.status, &answer.json()["messages"][0]["id"]), (403, &json!(id)));
    }
}

fn generated(before: &str, unit: &str, after: &str, bytes: u64) -> Answer {
    let (before, unit, after) = (before.into(), unit.into(), after.into());
    let headers = vec![("X-Own".to_owned(), "yes".to_owned())];
    let fault = Fault::Generated { status: 200, headers, before, unit, after, bytes };
    ask(&with(FaultRule::new(fault)), "GET", "/aicc")
}

#[test]
fn bodies_of_any_size_are_made() {
    let list = generated("{\"update\":[1", ",1", "]}", 2_000_000);
    assert_eq!((list.json()["update"].as_array().unwrap().len(), list.header("x-own")), (1_000_001, Some("yes")));
    let keys = generated("{\"last\":0", ",\"k{n}\":{n}", "}", 50_000).json();
    assert_eq!(keys["k3000"], 3000);
    assert!(generated("[", "9", "]", 4_301).text().len() == 4_303);
    assert!(generated("", "", "", 10).body.is_empty());
}

#[test]
fn an_answer_sets_many_session_cookies() {
    let appliance = with(FaultRule::new(Fault::SessionCookies { count: 64, length: 100 }));
    let answer = ask(&appliance, "GET", "/sessions");
    let cookies = answer.all("set-cookie").iter().filter(|cookie| cookie.starts_with("JSESSIONID=")).count();
    assert_eq!((cookies, answer.cookie("JSESSIONID").unwrap().len()), (64, 100));
    assert_ne!(answer.cookie("JSESSIONID"), ask(&appliance, "GET", "/sessions").cookie("JSESSIONID"));
}

#[test]
fn a_session_gets_a_new_cookie() {
    let appliance = with(FaultRule::new(Fault::NewSessionCookie).on("GET", "/tasks").times(1));
    let first = parse(&log_in(&appliance).0).cookie("JSESSIONID").unwrap();
    let asked = |cookie: &str| send(&appliance, "GET", "/tasks", &[&format!("Cookie: JSESSIONID={cookie}")], b"");
    let answer = asked(&first);
    let second = answer.cookie("JSESSIONID").unwrap();
    assert_eq!((answer.status, asked(&first).status, asked(&second).status), (200, 401, 200));
    assert_eq!(appliance.change(|state| state.sessions.len()), 1);
}

#[test]
fn an_upload_is_refused_before_its_end() {
    for abrupt in [false, true] {
        let appliance = with(FaultRule::new(Fault::EarlyRefusal { status: 413, after: 10, abrupt }).times(1));
        let mut stream = connect(&appliance, appliance.ca_path(), "localhost").unwrap();
        let head = request("POST", "/files/updateRepositories/firmware/import", &[&basic(&appliance)], b"");
        let head = String::from_utf8(head).unwrap().replace("Content-Length: 0", "Content-Length: 1000000");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&[0; 100]).unwrap();
        let mut seen = [0; 12];
        // The rest has not been sent.
        stream.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"HTTP/1.1 413");
        let logged = appliance.requests();
        assert_eq!((logged.len(), logged[0].body_length < 1000), (1, true));
        assert_eq!(get(&appliance, "/sessions")["result"], "success");
    }
}
