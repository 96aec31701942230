//! Getting in and out again: basic, and sessions, which an appliance has three of for each user.

use std::time::{Duration, Instant, SystemTime};

use crate::harness::{Lxca, appliance, appliance_with, body, damage, requests, with};
use lxca_appliance::{Account, Appliance, CsrfLocation, Fault, FaultRule, Session, StatusBody, Unauthenticated};
use serde_json::{Value, json};

const LOGIN: &str = "POST /sessions";
const LOGOUT: &str = "DELETE /sessions";

fn info(extra: Value) -> Value {
    with(json!({"operation": "appliance_info"}), extra)
}

fn in_session(extra: Value) -> Value {
    info(with(json!({"auth_method": "session"}), extra))
}

/// More ids than one request holds.
fn many_ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("lnvgy_sw_lxca_{number}-1.0.{number}_anyos_noarch")).collect()
}

fn open_sessions(appliance: &Appliance) -> usize {
    appliance.change(|state| state.sessions.len())
}

fn status(code: u16, body: StatusBody) -> Fault {
    Fault::Status { code, retry_after: None, body }
}

fn count(appliance: &Appliance, request: &str) -> usize {
    requests(appliance).iter().filter(|made| *made == request).count()
}

#[test]
fn basic_is_one_round_trip_and_leaves_nothing() {
    let appliance = appliance();
    Lxca::asks(&appliance, info(json!({}))).succeeds();
    let made = appliance.requests();
    assert_eq!(made.len(), 1);
    assert!(made[0].header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(made[0].header("user-agent").unwrap(), format!("lxca/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(made[0].header("accept-language"), Some("en"));
    assert!(made[0].header("accept-encoding").is_none_or(|encoding| encoding == "identity"));
    assert!(made[0].header("cookie").is_none());
    assert_eq!(open_sessions(&appliance), 0);
}

#[test]
fn names_and_passwords_go_out_as_utf_8() {
    let account =
        Account { username: "jürgen".into(), password: Some("pä:s\"s\\wörd€ ".into()), ..Account::default() };
    let appliance = appliance_with(|settings| settings.accounts = vec![account]);
    Lxca::asks(&appliance, info(json!({}))).succeeds();
    Lxca::asks(&appliance, in_session(json!({}))).succeeds();
}

#[test]
fn a_colon_in_the_user_name_is_for_sessions_only() {
    let account = Account { username: "lab:admin".into(), password: Some("Passw0rd!".into()), ..Account::default() };
    let appliance = appliance_with(|settings| settings.accounts = vec![account]);
    let answer = Lxca::asks(&appliance, info(json!({}))).fails("invalid_input");
    assert!(answer.msg().contains("username"), "{}", answer.msg());
    assert!(requests(&appliance).is_empty());
    Lxca::asks(&appliance, in_session(json!({}))).succeeds();
}

#[test]
fn a_session_is_opened_used_and_left() {
    for place in [CsrfLocation::CookieAndBody, CsrfLocation::Cookie, CsrfLocation::Body] {
        let appliance = appliance_with(|settings| settings.quirks.csrf_location = place);
        let answer = Lxca::asks(&appliance, in_session(json!({}))).succeeds();
        assert!(answer.warnings().is_empty(), "{place:?}: {}", answer.0);
        assert_eq!(requests(&appliance), [LOGIN, "GET /aicc", LOGOUT], "{place:?}");
        let made = appliance.requests();
        let login: Value = serde_json::from_slice(&made[0].body).unwrap();
        assert_eq!(login, json!({"UserId": appliance.username(), "password": appliance.password()}));
        assert!(made[0].header("content-type").unwrap().starts_with("application/json"));
        for request in &made {
            assert!(request.header("authorization").is_none());
        }
        for request in &made[1..] {
            assert!(request.header("cookie").unwrap().contains("JSESSIONID="), "{place:?}");
            assert!(request.header("x-csrf-token").is_some(), "{place:?}");
        }
        assert!(made.iter().all(|request| request.connection == made[0].connection), "one connection");
        assert_eq!(open_sessions(&appliance), 0, "{place:?}");
    }
}

#[test]
fn more_calls_than_the_appliance_has_sessions() {
    let appliance = appliance();
    for _ in 0..5 {
        Lxca::asks(&appliance, in_session(json!({}))).succeeds();
    }
}

#[test]
fn a_session_is_left_after_every_failure() {
    let cut = |after| Fault::Cut { after, end: lxca_appliance::CutEnd::Fin };
    let cases = [
        (status(500, StatusBody::Html), "server_error"),
        (status(503, StatusBody::Empty), "unavailable"),
        (status(403, StatusBody::Envelope), "permission_denied"),
        (status(404, StatusBody::Envelope), "not_found"),
        (status(401, StatusBody::Envelope), "authentication_failed"),
        (Fault::Redirect { location: "/ui/login.html".into(), status: 302 }, "redirected"),
        (body("<html>"), "invalid_response"),
        (body(json!({"result": "failure", "messages": []})), "operation_failed"),
        (Fault::HugeHeaders { bytes: 100_000 }, "invalid_response"),
        (Fault::Reset, "connection_failed"),
        (Fault::CloseBeforeAnswer, "connection_failed"),
        (cut(500), "connection_failed"),
        (Fault::Stall, "timeout"),
        (Fault::StallInBody { after: 10 }, "timeout"),
    ];
    std::thread::scope(|scope| {
        for (fault, kind) in cases {
            scope.spawn(move || {
                let appliance = appliance();
                damage(&appliance, FaultRule::new(fault.clone()).on("GET", "/"));
                let answer = Lxca::asks(&appliance, in_session(json!({"retries": 0, "timeout": 1}))).fails(kind);
                assert_eq!(open_sessions(&appliance), 0, "{fault:?}: {}", answer.0);
                assert!(answer.warnings().is_empty(), "{fault:?}: {}", answer.0);
                assert_eq!(requests(&appliance), [LOGIN, "GET /aicc", LOGOUT], "{fault:?}");
            });
        }
    });
}

#[test]
fn any_success_at_the_logout_is_good() {
    for code in [200, 202, 204] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(status(code, StatusBody::Empty)).on("DELETE", "/sessions"));
        let answer = Lxca::asks(&appliance, in_session(json!({}))).succeeds();
        assert!(answer.warnings().is_empty(), "{code}: {}", answer.0);
    }
}

#[test]
fn a_logout_that_fails_is_a_warning_and_not_repeated() {
    let cases = [
        status(500, StatusBody::Html),
        status(403, StatusBody::Envelope),
        status(503, StatusBody::Empty),
        Fault::Redirect { location: "/".into(), status: 302 },
        Fault::Reset,
        Fault::CloseBeforeAnswer,
    ];
    for fault in cases {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault.clone()).on("DELETE", "/sessions"));
        let answer = Lxca::asks(&appliance, in_session(json!({"retries": 5}))).succeeds();
        assert_eq!(answer.warnings().len(), 1, "{fault:?}: {}", answer.0);
        assert_eq!(answer["data"]["version"], "4.0.0");
        assert_eq!(count(&appliance, LOGOUT), 1, "{fault:?}");
    }
}

#[test]
fn a_logout_without_an_answer_takes_five_seconds_at_most() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Stall).on("DELETE", "/sessions"));
    let run = Lxca::asks(&appliance, in_session(json!({}))).run();
    let answer = run.answer();
    assert_eq!(answer["failed"], false);
    assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
    assert!(run.took < Duration::from_secs(7), "{:?}", run.took);
    assert_eq!(count(&appliance, LOGOUT), 1);
}

#[test]
fn a_refused_login_is_never_repeated() {
    for code in [401, 403, 400, 200] {
        let appliance = appliance_with(|settings| settings.quirks.login_failure_status = code);
        let call = in_session(json!({"password": "not the one", "retries": 10}));
        let answer = Lxca::asks(&appliance, call).fails("authentication_failed");
        assert_eq!(requests(&appliance), [LOGIN], "{code}");
        assert_eq!(answer["error"]["http_status"], code);
        assert_eq!(answer["error"]["retryable"], false);
        assert!(answer.msg().contains("FQXHMSE0291J"), "{}", answer.msg());
        assert_eq!(answer["messages"][0]["id"], "FQXHMSE0291J");
        assert_eq!(answer["messages"][0]["severity"], "warning");
    }
}

#[test]
fn no_free_session_is_a_refused_login() {
    let appliance = appliance();
    let user = appliance.username().to_owned();
    let session = || Session {
        id: "somebody's".into(),
        cookie: "c".into(),
        csrf: "t".into(),
        user: user.clone(),
        address: [127, 0, 0, 1].into(),
        created: SystemTime::now(),
        last_accessed: SystemTime::now(),
        last_input: Instant::now(),
    };
    appliance.change(|state| state.sessions = vec![session(), session(), session()]);
    Lxca::asks(&appliance, in_session(json!({"retries": 3}))).fails("authentication_failed");
    assert_eq!(requests(&appliance), [LOGIN]);
}

#[test]
fn other_troubles_at_the_login_are_not_repeated_either() {
    let html = Fault::Body { status: 200, content_type: Some("text/html".into()), raw: "<html></html>".into() };
    let cases = [
        (status(500, StatusBody::Html), "server_error"),
        (status(503, StatusBody::Html), "unavailable"),
        (Fault::Reset, "connection_failed"),
        (Fault::Redirect { location: "/ui/login.html".into(), status: 302 }, "redirected"),
        (html, "invalid_response"),
        (body(json!({"result": "success", "messages": []})), "invalid_response"),
    ];
    for (fault, kind) in cases {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault.clone()).on("POST", "/sessions"));
        Lxca::asks(&appliance, in_session(json!({"retries": 3}))).fails(kind);
        assert_eq!(requests(&appliance), [LOGIN], "{fault:?}");
    }
}

#[test]
fn a_login_of_which_nothing_was_sent_is_repeated() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Refuse).times(1));
    Lxca::asks(&appliance, in_session(json!({"retries": 1}))).succeeds();
    assert_eq!(requests(&appliance), [LOGIN, "GET /aicc", LOGOUT]);
}

#[test]
fn wrong_basic_credentials_make_exactly_one_request() {
    let aicc = json!({"operation": "appliance_info"});
    let export = json!({"operation": "firmware_export_info", "task_id": 12, "wait": true});
    let updates = json!({"operation": "management_server_update_info", "fix_ids": many_ids(3000)});
    let cases = [
        (aicc, None, "authentication_failed", 401),
        (updates.clone(), None, "authentication_failed", 401),
        (updates, Some(403), "authentication_failed", 403),
        (export.clone(), None, "authentication_failed", 403),
        (export, Some(401), "authentication_failed", 401),
    ];
    for (call, code, kind, expected) in cases {
        let appliance = appliance_with(|settings| settings.quirks.basic_failure_status = code);
        let call = with(call, json!({"password": "not the one", "retries": 10}));
        let answer = Lxca::asks(&appliance, call).fails(kind);
        assert_eq!(answer["error"]["http_status"], expected);
        assert_eq!(requests(&appliance).len(), 1, "{kind}");
        assert_eq!(appliance.change(|state| state.accounts[0].failures), 1);
    }
}

#[test]
fn a_wrong_password_with_3000_ids_makes_one_request_with_a_session_too() {
    let appliance = appliance();
    let call =
        json!({"operation": "management_server_update_info", "fix_ids": many_ids(3000), "password": "wrong one"});
    Lxca::asks(&appliance, with(call, json!({"auth_method": "session"}))).fails("authentication_failed");
    assert_eq!(requests(&appliance), [LOGIN]);
}

#[test]
fn a_session_that_never_worked_is_not_opened_anew() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(status(401, StatusBody::Envelope)).on("GET", "/"));
    Lxca::asks(&appliance, in_session(json!({}))).fails("authentication_failed");
    assert_eq!(requests(&appliance), [LOGIN, "GET /aicc", LOGOUT]);
}

#[test]
fn a_session_that_worked_is_opened_anew_once() {
    let call = json!({
        "operation": "management_server_update_info", "fix_ids": many_ids(400), "key": "update", "auth_method": "session"
    });
    // Refused once: the rest of the ids is read in a second session.
    let appliance = appliance();
    damage(&appliance, FaultRule::new(status(401, StatusBody::Envelope)).on("GET", "/").skip(1).times(1));
    let answer = Lxca::asks(&appliance, call.clone()).succeeds();
    assert_eq!(answer["data"]["missing_fix_ids"].as_array().unwrap().len(), 400);
    assert_eq!(count(&appliance, LOGIN), 2);
    // The first session may be open still, for all the client knows: a refusal is not proof of its end.
    assert!(open_sessions(&appliance) <= 1, "{:?}", requests(&appliance));

    // Refused again, though the second session worked as well: that is the end of it.
    let appliance = self::appliance();
    damage(&appliance, FaultRule::new(status(401, StatusBody::Envelope)).on("GET", "/").skip(1).times(1));
    // Sees what the first rule leaves: the first, the third and the fourth question.
    damage(&appliance, FaultRule::new(status(401, StatusBody::Envelope)).on("GET", "/").skip(2));
    Lxca::asks(&appliance, call.clone()).fails("authentication_failed");
    assert_eq!(count(&appliance, LOGIN), 2);

    // The second login is refused: nothing is repeated.
    let appliance = self::appliance();
    damage(&appliance, FaultRule::new(status(401, StatusBody::Envelope)).on("GET", "/").skip(1));
    damage(&appliance, FaultRule::new(status(403, StatusBody::Envelope)).on("POST", "/sessions").skip(1));
    Lxca::asks(&appliance, with(call, json!({"retries": 5}))).fails("authentication_failed");
    assert_eq!(count(&appliance, LOGIN), 2);
}

#[test]
fn a_password_that_has_to_be_changed_is_a_failure_of_its_own() {
    let fresh = Account { username: "FRESH".into(), password_change_required: true, ..Account::default() };
    let expired = Account { username: "EXPIRED".into(), password_age_days: 90, ..Account::default() };
    for account in [fresh, expired] {
        let appliance = appliance_with(|settings| settings.accounts = vec![account]);
        let answer = Lxca::asks(&appliance, in_session(json!({}))).fails("password_change_required");
        assert_eq!(answer["error"]["retryable"], false);
        assert_eq!(requests(&appliance), [LOGIN, LOGOUT]);
        assert_eq!(open_sessions(&appliance), 0);
    }
}

#[test]
fn a_redirect_to_the_login_page_is_not_followed() {
    let appliance = appliance_with(|settings| settings.quirks.unauthenticated = Unauthenticated::Redirect);
    damage(&appliance, FaultRule::new(Fault::Redirect { location: "/ui/login.html".into(), status: 302 }));
    let answer = Lxca::asks(&appliance, info(json!({}))).fails("redirected");
    assert!(answer.msg().contains("/ui/login.html"), "{}", answer.msg());
    assert_eq!(answer["error"], json!({"kind": "redirected", "http_status": 302, "retryable": false}));
    assert_eq!(requests(&appliance), ["GET /aicc"]);
}
