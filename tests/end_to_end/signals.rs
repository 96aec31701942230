//! Signals: one answer, no session left behind, and an end by that same signal.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Lxca, appliance, connection, damage, requests, until, with};
use lxca_appliance::{Appliance, Fault, FaultRule};
use serde_json::{Value, json};

const SIGNALS: [(&str, i32); 3] = [("TERM", 15), ("INT", 2), ("HUP", 1)];

fn call(auth_method: &str) -> Value {
    json!({"operation": "appliance_info", "auth_method": auth_method, "retries": 0})
}

fn arrived(appliance: &Appliance, request: &str) {
    until(request, || requests(appliance).iter().any(|made| made.starts_with(request)));
}

fn open_sessions(appliance: &Appliance) -> usize {
    appliance.change(|state| state.sessions.len())
}

/// The answer of an interrupted process, which ended by the signal.
#[track_caller]
fn interrupted(run: &Ended, signal: i32) -> Value {
    let answer = run.answer().0;
    assert_eq!(run.status.signal(), Some(signal), "{run:?}");
    assert_eq!(answer["error"]["kind"], "interrupted", "{answer}");
    assert_eq!(answer["error"]["retryable"], true);
    assert_eq!(answer["failed"], true);
    assert_eq!(answer["changed"], false);
    assert!(run.stderr.is_empty(), "{run:?}");
    answer
}

#[test]
fn an_answer_and_the_end_by_the_same_signal() {
    for (name, number) in SIGNALS {
        for auth_method in ["basic", "session"] {
            let appliance = appliance();
            damage(&appliance, FaultRule::new(Fault::Stall).on("GET", "/aicc"));
            let running = Lxca::asks(&appliance, call(auth_method)).start();
            arrived(&appliance, "GET /aicc");
            running.signal(name);
            let run = running.wait();
            let answer = interrupted(&run, number);
            assert_eq!(answer["operation"], "appliance_info");
            assert!(answer["msg"].as_str().unwrap().contains(&format!("SIG{name}")), "{answer}");
            assert_eq!(open_sessions(&appliance), 0, "{name} {auth_method}");
            let expected = if auth_method == "session" { 3 } else { 1 };
            assert_eq!(requests(&appliance).len(), expected, "{name} {auth_method}");
            assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
        }
    }
}

#[test]
fn while_it_waits_for_its_input() {
    for (name, number) in SIGNALS {
        let (running, stdin) = Lxca::with_arguments(&["-"]).start_without_input();
        running.watches();
        running.signal(name);
        let answer = interrupted(&running.wait(), number);
        assert!(answer.get("operation").is_none());
        drop(stdin);
    }
}

#[test]
fn in_the_middle_of_its_input() {
    let appliance = appliance();
    let (running, mut stdin) = Lxca::with_arguments(&["-"]).start_without_input();
    stdin.write_all(&with(connection(&appliance), call("basic")).to_string().as_bytes()[..20]).unwrap();
    running.watches();
    running.signal("TERM");
    interrupted(&running.wait(), 15);
    assert!(requests(&appliance).is_empty());
}

#[test]
fn a_login_under_way_is_waited_for_and_its_session_left() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Delay { milliseconds: 1500 }).on("POST", "/sessions"));
    let running = Lxca::asks(&appliance, call("session")).start();
    arrived(&appliance, "POST /sessions");
    running.signal("TERM");
    let run = running.wait();
    interrupted(&run, 15);
    assert_eq!(open_sessions(&appliance), 0);
    assert_eq!(requests(&appliance), ["POST /sessions", "DELETE /sessions"]);
    assert!(run.took >= Duration::from_millis(1400), "{:?}", run.took);
}

#[test]
fn an_answer_that_comes_during_the_logout_changes_nothing() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Delay { milliseconds: 500 }).on("GET", "/aicc"));
    damage(&appliance, FaultRule::new(Fault::Delay { milliseconds: 1500 }).on("DELETE", "/sessions"));
    let running = Lxca::asks(&appliance, call("session")).start();
    arrived(&appliance, "GET /aicc");
    running.signal("TERM");
    interrupted(&running.wait(), 15);
    assert_eq!(open_sessions(&appliance), 0);
}

#[test]
fn a_login_without_an_answer_is_waited_for_five_seconds() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Stall).on("POST", "/sessions"));
    let running = Lxca::asks(&appliance, call("session")).start();
    arrived(&appliance, "POST /sessions");
    let signalled = Instant::now();
    running.signal("INT");
    interrupted(&running.wait(), 2);
    let took = signalled.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(7), "{took:?}");
}

#[test]
fn a_logout_after_a_signal_takes_five_seconds_at_most() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Stall).on("GET", "/aicc"));
    damage(&appliance, FaultRule::new(Fault::Stall).on("DELETE", "/sessions"));
    let running = Lxca::asks(&appliance, call("session")).start();
    arrived(&appliance, "GET /aicc");
    let signalled = Instant::now();
    running.signal("TERM");
    let run = running.wait();
    let answer = interrupted(&run, 15);
    assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(signalled.elapsed() < Duration::from_secs(7));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    // During a login without an answer, and during a logout without an answer: the first signal would take 5 seconds.
    for stalled in ["POST", "DELETE"] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(Fault::Stall).on(stalled, "/sessions"));
        let mut running = Lxca::asks(&appliance, call("session")).start();
        arrived(&appliance, &format!("{stalled} /sessions"));
        let signalled = Instant::now();
        // Signals sent together can become one: another one is sent until they were two.
        until("the end", || {
            running.signal("TERM");
            std::thread::sleep(Duration::from_millis(50));
            running.has_ended()
        });
        assert!(signalled.elapsed() < Duration::from_secs(3), "{stalled}: {:?}", signalled.elapsed());
        assert_eq!(running.wait().status.signal(), Some(15), "{stalled}");
    }
}

#[test]
fn what_was_learned_before_is_told() {
    for auth_method in ["basic", "session"] {
        let appliance = appliance();
        let wait = json!({
            "operation": "firmware_export_info", "task_id": 14, "wait": true, "poll_interval": 1,
            "auth_method": auth_method
        });
        damage(&appliance, FaultRule::new(Fault::Stall).on("GET", "/updateRepositories").skip(1));
        let running = Lxca::asks(&appliance, wait).start();
        until("the second question", || {
            requests(&appliance).iter().filter(|made| made.starts_with("GET")).count() == 2
        });
        running.signal("TERM");
        let answer = interrupted(&running.wait(), 15);
        assert_eq!(answer["operation"], "firmware_export_info");
        assert!(["created", "running"].contains(&answer["data"]["phase"].as_str().unwrap()), "{answer}");
        assert_eq!(open_sessions(&appliance), 0);
    }
}

#[test]
fn a_pause_before_a_repetition_is_cut_short() {
    let appliance = appliance();
    let fault = Fault::Status { code: 503, retry_after: Some("50".into()), body: lxca_appliance::StatusBody::Html };
    damage(&appliance, FaultRule::new(fault).on("GET", "/aicc"));
    let running = Lxca::asks(&appliance, with(call("session"), json!({"retries": 3}))).start();
    until("an answer", || appliance.requests().iter().any(|made| made.status == Some(503)));
    running.signal("HUP");
    let run = running.wait();
    interrupted(&run, 1);
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
    assert_eq!(open_sessions(&appliance), 0);
}
