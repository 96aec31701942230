//! What is repeated, how often, after which pause, and what never is: other answers, logins, redirects (docs/contract.md, Repeating requests).

use std::time::{Duration, SystemTime};

use lxca_appliance::{Appliance, CutEnd, Fault, FaultRule, LoggedRequest, StatusBody};
use serde_json::{Value, json};

use crate::harness::{Lxca, appliance, appliance_with, body, damage, requests};
use crate::tls::{info, says};

/// A status in place of the answer.
fn status(code: u16, retry_after: Option<&str>) -> Fault {
    Fault::Status { code, retry_after: retry_after.map(str::to_owned), body: StatusBody::Envelope }
}

/// The answer ends after some bytes, of which the head takes about 300.
fn cut(after: u64, end: CutEnd) -> Fault {
    Fault::Cut { after, end }
}

/// What is damage that may pass: with the kind it has when it does not.
fn passing() -> Vec<(Fault, &'static str)> {
    vec![
        (Fault::Refuse, "connection_failed"),
        (Fault::Reset, "connection_failed"),
        (Fault::CloseBeforeAnswer, "connection_failed"),
        (cut(1, CutEnd::Fin), "connection_failed"),
        (cut(40, CutEnd::CloseNotify), "connection_failed"),
        (cut(40, CutEnd::Reset), "connection_failed"),
        (cut(1000, CutEnd::Fin), "connection_failed"),
        (cut(1000, CutEnd::CloseNotify), "connection_failed"),
        (cut(1000, CutEnd::Reset), "connection_failed"),
        (Fault::WrongLength { by: 10 }, "connection_failed"),
        (status(429, None), "unavailable"),
        (status(502, None), "unavailable"),
        (status(503, None), "unavailable"),
        (status(504, None), "unavailable"),
        (Fault::Status { code: 503, retry_after: None, body: StatusBody::Html }, "unavailable"),
        (Fault::Status { code: 502, retry_after: None, body: StatusBody::Empty }, "unavailable"),
    ]
}

/// The pauses between requests.
fn gaps(requests: &[LoggedRequest]) -> Vec<Duration> {
    requests.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at).unwrap_or_default()).collect()
}

/// An appliance that damages its first answers so.
fn damaged(fault: Fault, times: u32) -> Appliance {
    appliance_with(|settings| settings.faults.push(FaultRule::new(fault).times(times)))
}

#[test]
fn damage_that_passes_is_outlasted() {
    let calls: Vec<(Fault, Appliance)> =
        passing().into_iter().map(|(fault, _)| (fault.clone(), damaged(fault, 1))).collect();
    let running: Vec<_> = calls.iter().map(|(_, appliance)| Lxca::asks(appliance, info(json!({}))).start()).collect();
    for ((fault, appliance), running) in calls.iter().zip(running) {
        let answer = running.wait().answer();
        assert_eq!(answer["failed"], false, "{fault:?}: {}", answer.0);
        let asked = if fault.is_of_connection() { 1 } else { 2 };
        assert_eq!(requests(appliance).len(), asked, "{fault:?}");
    }
}

#[test]
fn damage_in_a_chunked_answer_is_outlasted_too() {
    for end in [CutEnd::Fin, CutEnd::CloseNotify] {
        let appliance = damaged(cut(2000, end), 1);
        appliance.change(|state| state.settings.quirks.chunked = true);
        Lxca::asks(&appliance, info(json!({}))).succeeds();
        assert_eq!(requests(&appliance).len(), 2, "{end:?}");
    }
}

#[test]
fn damage_that_stays_is_reported_at_once_without_repeats() {
    for (fault, kind) in passing() {
        let appliance = damaged(fault.clone(), 99);
        let answer = Lxca::asks(&appliance, info(json!({"retries": 0}))).run().answer();
        assert_eq!(answer["error"]["kind"], kind, "{fault:?}: {}", answer.0);
        assert_eq!(answer["error"]["retryable"], true, "{fault:?}: {}", answer.0);
        let code = match fault {
            Fault::Status { code, .. } => json!(code),
            _ => Value::Null,
        };
        assert_eq!(answer["error"]["http_status"], code, "{fault:?}: {}", answer.0);
        assert_eq!(appliance.connections(), 1, "{fault:?}");
    }
}

#[test]
fn it_is_asked_once_more_than_there_are_repeats() {
    // "Retry-After: 0" saves the pauses.
    for (options, asked) in [(json!({}), 3), (json!({"retries": 1}), 2), (json!({"retries": 10}), 11)] {
        let appliance = damaged(status(503, Some("0")), 99);
        let answer = Lxca::asks(&appliance, info(options.clone())).fails("unavailable");
        assert_eq!(requests(&appliance).len(), asked, "{options}");
        assert_eq!(answer["error"], json!({"kind": "unavailable", "http_status": 503, "retryable": true}));
    }
}

#[test]
fn other_answers_are_final() {
    let html = Fault::Body { status: 200, content_type: Some("text/html".into()), raw: "<html>busy</html>".into() };
    let mut cases = vec![
        (Fault::Garbage, "invalid_response"),
        (Fault::WrongLength { by: -10 }, "invalid_response"),
        (Fault::HugeHeaders { bytes: 200_000 }, "invalid_response"),
        (html, "invalid_response"),
        (body("[1, 2"), "invalid_response"),
    ];
    for (code, kind) in [
        (400, "bad_request"),
        (401, "authentication_failed"),
        (403, "permission_denied"),
        (404, "not_found"),
        (408, "bad_request"),
        (409, "conflict"),
        (412, "conflict"),
        (418, "bad_request"),
        (500, "server_error"),
        (501, "server_error"),
        (505, "server_error"),
        (507, "server_error"),
    ] {
        cases.push((status(code, None), kind));
        // Not even when it asks for it.
        cases.push((status(code, Some("0")), kind));
    }
    for (fault, kind) in cases {
        let appliance = damaged(fault.clone(), 1);
        let answer = Lxca::asks(&appliance, info(json!({}))).run().answer();
        assert_eq!(answer["error"]["kind"], kind, "{fault:?}: {}", answer.0);
        assert_eq!(requests(&appliance).len(), 1, "{fault:?}");
    }
}

#[test]
fn pauses_begin_with_half_a_second_double_and_vary() {
    let appliances: Vec<Appliance> = (0..8).map(|_| damaged(status(503, None), 99)).collect();
    let calls: Vec<_> = appliances.iter().map(|appliance| Lxca::asks(appliance, info(json!({}))).start()).collect();
    calls.into_iter().for_each(|call| assert_eq!(call.wait().answer()["error"]["kind"], "unavailable"));
    let gaps: Vec<Vec<Duration>> = appliances.iter().map(|appliance| gaps(&appliance.requests())).collect();
    let full = [Duration::from_millis(500), Duration::from_millis(1000)];
    for gaps in &gaps {
        assert_eq!(gaps.len(), 2);
        for (gap, full) in gaps.iter().zip(full) {
            // The upper bound leaves a busy machine five seconds.
            let range = full / 2..full * 3 / 2 + Duration::from_secs(5);
            assert!(range.contains(gap), "{gaps:?}");
        }
    }
    // A pause without jitter is never shorter than the full one; of 16 with jitter one is, but for 1 case in 65,536.
    assert!(gaps.iter().flat_map(|gaps| gaps.iter().zip(full)).any(|(gap, full)| *gap < full), "no jitter: {gaps:?}");
}

#[test]
fn retry_after_is_obeyed_in_seconds_and_as_a_date() {
    let appliance = damaged(status(503, Some("2")), 1);
    let other = damaged(status(429, Some(" 2 ")), 1);
    let date = SystemTime::now() + Duration::from_secs(4);
    let dated = damaged(status(503, Some(&httpdate::fmt_http_date(date))), 1);
    let past = damaged(status(503, Some("Fri, 01 Jan 2021 00:00:00 GMT")), 1);
    let nonsense = damaged(status(503, Some("soon")), 1);
    let all = [&appliance, &other, &dated, &past, &nonsense];
    let calls: Vec<_> = all.iter().map(|appliance| Lxca::asks(appliance, info(json!({}))).start()).collect();
    calls.into_iter().for_each(|call| assert_eq!(call.wait().answer()["failed"], false));
    assert!(all.iter().all(|appliance| requests(appliance).len() == 2));
    for appliance in [&appliance, &other] {
        // Our own pause would have been over after 0.75 s.
        assert!(gaps(&appliance.requests())[0] >= Duration::from_secs(2));
    }
    let whole_second = httpdate::parse_http_date(&httpdate::fmt_http_date(date)).unwrap();
    assert!(dated.requests()[1].at >= whole_second);
    assert!(gaps(&nonsense.requests())[0] >= Duration::from_millis(250), "what cannot be read is not obeyed");
}

#[test]
fn a_retry_after_beyond_the_timeout_fails_at_once_and_says_when() {
    let later = SystemTime::now() + Duration::from_secs(3600);
    let date = httpdate::fmt_http_date(later);
    let cases = [
        ("3", json!({"timeout": 2}), "3 s"),
        ("61", json!({}), "61 s"),
        ("86400", json!({"timeout": 86399}), "86400 s"),
        (date.as_str(), json!({}), date.as_str()),
        ("99999999999999999999999", json!({}), ""),
    ];
    for (retry_after, options, word) in cases {
        for code in [429, 503] {
            let appliance = damaged(status(code, Some(retry_after)), 99);
            let ended = Lxca::asks(&appliance, info(options.clone())).run();
            let answer = ended.answer();
            assert_eq!(answer["error"], json!({"kind": "unavailable", "http_status": code, "retryable": true}));
            assert_eq!(requests(&appliance).len(), 1, "{retry_after} {options}");
            says(&answer, &[word]);
            assert!(ended.took < Duration::from_secs(20), "at once: {ended:?}");
        }
    }
    // What just fits is obeyed.
    let appliance = damaged(status(503, Some("2")), 1);
    Lxca::asks(&appliance, info(json!({"timeout": 2}))).succeeds();
}

#[test]
fn while_waiting_retry_after_is_obeyed_up_to_the_deadline() {
    let options = json!({"operation": "firmware_export_info", "task_id": 12, "wait": true, "timeout": 2,
        "poll_interval": 1, "wait_timeout": 60});
    let task = |fault, skip| {
        let rule = FaultRule::new(fault).on("GET", "/updateRepositories").skip(skip).times(1);
        let appliance = appliance();
        // Running, so that there is something to wait for; it ends when the test says so.
        let number = appliance.change(|state| state.add_export_task(3.0, 1000));
        damage(&appliance, rule);
        (appliance, number)
    };
    // Longer than `timeout`, shorter than the deadline.
    let (patient, number) = task(status(503, Some("3")), 1);
    let mut asked = options.clone();
    asked["task_id"] = json!(number);
    let answer = Lxca::asks(&patient, asked).succeeds();
    assert_eq!(answer["data"]["phase"], "complete");
    assert!(gaps(&patient.requests())[1] >= Duration::from_secs(3));
    // Longer than the deadline: fails at once.
    let (appliance, number) = task(status(503, Some("600")), 1);
    let mut asked = options;
    asked["task_id"] = json!(number);
    let ended = Lxca::asks(&appliance, asked).run();
    let answer = ended.answer();
    assert_eq!(answer["error"]["kind"], "unavailable", "{}", answer.0);
    says(&answer, &["600 s"]);
    assert!(ended.took < Duration::from_secs(30), "at once: {ended:?}");
}

#[test]
fn a_login_is_repeated_only_when_nothing_of_it_was_sent() {
    let session = || info(json!({"auth_method": "session"}));
    for (fault, kind) in passing() {
        let appliance = appliance();
        let rule = FaultRule::new(fault.clone()).times(1);
        damage(&appliance, if fault.is_of_connection() { rule } else { rule.on("POST", "/sessions") });
        let answer = Lxca::asks(&appliance, session()).run().answer();
        let logins = requests(&appliance).iter().filter(|request| *request == "POST /sessions").count();
        assert_eq!(logins, 1, "{fault:?}: {}", answer.0);
        match fault {
            Fault::Refuse => assert_eq!(answer["failed"], false, "{fault:?}: {}", answer.0),
            _ => assert_eq!(answer["error"]["kind"], kind, "{fault:?}: {}", answer.0),
        }
    }
    // Within the session, what is asked is repeated.
    let appliance = appliance();
    damage(&appliance, FaultRule::new(status(503, Some("0"))).on("GET", "/aicc").times(1));
    Lxca::asks(&appliance, session()).succeeds();
    assert_eq!(requests(&appliance), ["POST /sessions", "GET /aicc", "GET /aicc", "DELETE /sessions"]);
}

#[test]
fn redirects_are_refused() {
    let elsewhere = appliance();
    let host = format!("https://127.0.0.1:{}/aicc", elsewhere.port());
    for code in [301, 302, 303, 307, 308] {
        for location in [host.as_str(), "/aicc?again", "http://127.0.0.1:1/", "//elsewhere.test/"] {
            for auth_method in ["basic", "session"] {
                let appliance = appliance();
                let fault = Fault::Redirect { location: location.into(), status: code };
                damage(&appliance, FaultRule::new(fault).on("GET", "/aicc"));
                let options = info(json!({"auth_method": auth_method}));
                let answer = Lxca::asks(&appliance, options).fails("redirected");
                assert_eq!(answer["error"], json!({"kind": "redirected", "http_status": code, "retryable": false}));
                says(&answer, &[location]);
                let asked = requests(&appliance);
                let asked = asked.iter().filter(|request| request.starts_with("GET /aicc")).count();
                assert_eq!(asked, 1, "{code} {location}");
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}
