//! What a hostile appliance does to logins, sessions and bodies: one answer all the same, of the right kind.

use lxca_appliance::{CutEnd, Fault, FaultRule, Reason};
use serde_json::{Value, json};

use crate::harness::{Lxca, appliance_with, damage};

/// The answer to a call that asks an appliance with this fault on these requests.
fn asked(auth_method: &str, rule: FaultRule) -> Value {
    let appliance = appliance_with(|_| {});
    damage(&appliance, rule);
    let call = json!({"operation": "appliance_info", "auth_method": auth_method, "timeout": 3, "retries": 0});
    Lxca::asks(&appliance, call).run().answer().0
}

fn generated(before: &str, unit: &str, after: &str, bytes: u64) -> Fault {
    let (before, unit, after) = (before.into(), unit.into(), after.into());
    Fault::Generated { status: 200, headers: Vec::new(), before, unit, after, bytes }
}

#[test]
fn a_login_whose_answer_is_damaged_after_its_cookie_fails() {
    let faults = [
        Fault::CutInBody { after: 9, end: CutEnd::Fin },
        Fault::CutInBody { after: 9, end: CutEnd::CloseNotify },
        Fault::BadChunks,
        Fault::Compressed,
    ];
    for fault in faults {
        let answer = asked("session", FaultRule::new(fault.clone()).on("POST", "/sessions"));
        assert_eq!(answer["failed"], true, "{fault:?}: {answer}");
        assert_ne!(answer["error"]["kind"], "internal", "{fault:?}: {answer}");
    }
    // The proper end of TLS is the end of a body without length.
    let fault = Fault::NoLength { end: CutEnd::CloseNotify };
    let answer = asked("session", FaultRule::new(fault).on("POST", "/sessions"));
    assert_eq!(answer["failed"], false, "{answer}");
}

#[test]
fn bodies_of_a_generator_are_one_answer() {
    let faults = [
        generated("{\"appliance\":{\"version\":[1", ",1", "]}}", 200_000),
        generated("{\"appliance\":{\"version\":\"4\"", ",\"k{n}\":{n}", "}}", 200_000),
        generated("{\"appliance\":{\"version\":", "9", "}}", 300),
        generated("{\"result\":\"failure\",\"messages\":[{\"text\":\"", "&z;", "\"}]}", 20_000),
    ];
    for fault in faults {
        let answer = asked("basic", FaultRule::new(fault.clone()).on("GET", "/aicc"));
        assert_ne!(answer["error"]["kind"], "internal", "{fault:?}");
    }
}

#[test]
fn a_refusal_before_the_end_of_the_request_is_an_answer() {
    let rule = FaultRule::new(Fault::EarlyRefusal { status: 403, after: 0, abrupt: true });
    assert_eq!(asked("basic", rule)["error"]["kind"], "permission_denied");
    let rule = FaultRule::new(Fault::Refusal { status: 401, reason: Reason::NotAuthenticated });
    assert_eq!(asked("basic", rule)["error"]["kind"], "authentication_failed");
}

#[test]
fn cookies_of_the_server_change_nothing_about_the_answer() {
    for fault in [Fault::SessionCookies { count: 64, length: 400 }, Fault::NewSessionCookie] {
        let answer = asked("session", FaultRule::new(fault).on("GET", "/aicc"));
        assert_eq!(answer["data"]["version"], "4.0.0", "{answer}");
    }
}

#[test]
fn a_session_id_and_texts_of_any_kind() {
    let appliance = appliance_with(|settings| {
        settings.quirks.session_id = Some("XClarity".into());
        settings.quirks.line_breaks_in_texts = true;
        settings.quirks.forgotten_session_status = 403;
    });
    let call = json!({"operation": "appliance_info", "auth_method": "session", "all": true});
    let answer = Lxca::asks(&appliance, call).succeeds();
    assert_eq!(answer["data"]["version"], "4.0.0");
    assert_eq!(appliance.change(|state| state.sessions.len()), 0);
}
