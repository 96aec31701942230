//! `firmware_export_info`: where an export task stands, and waiting for its end.

use std::thread;
use std::time::Duration;

use crate::harness::{Answer, Lxca, appliance, appliance_with, body, damage, fixture, requests, until, with};
use lxca_appliance::{Appliance, EmptyCurrent, Fault, FaultRule, StatusBody, TaskidZero, UnknownTask};
use serde_json::{Value, json};

const STATUS: &str = "/updateRepositories/firmware/status";

fn asks(appliance: &Appliance, options: Value) -> Lxca {
    Lxca::asks(appliance, with(json!({"operation": "firmware_export_info", "task_id": 14}), options))
}

fn waits(appliance: &Appliance, options: Value) -> Lxca {
    asks(appliance, with(json!({"wait": true, "poll_interval": 1, "wait_timeout": 60, "retries": 0}), options))
}

fn status(code: u16) -> Fault {
    Fault::Status { code, retry_after: None, body: StatusBody::Envelope }
}

/// A body of the status call.
fn task(changes: Value) -> Value {
    let documented = json!({
        "current": "", "downloadednum": 0, "downloadedsize": 0, "progress": 0, "state": "", "taskIds": "",
        "total": 0, "totalsize": 0, "updates": [],
        "errorMsg": {"result": "informational", "messages": [{"id": "FQXHMUP2500I", "text": "Done."}]},
    });
    with(documented, changes)
}

fn served(raw: impl ToString) -> Appliance {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(body(raw)));
    appliance
}

#[test]
fn a_finished_export_with_the_documented_attributes() {
    let appliance = appliance_with(|settings| settings.quirks.strict_tasktype = true);
    let answer = asks(&appliance, json!({"task_id": 12})).succeeds();
    let file = appliance.change(|state| state.task(12).unwrap().file.clone().unwrap());
    let data = &answer["data"];
    assert_eq!(data["phase"], "complete");
    assert_eq!(data["current"], file.name);
    assert_eq!(data["totalsize"], file.size());
    assert_eq!(data["progress"], 100);
    assert_eq!(data["state"], "complete");
    assert_eq!(data["taskIds"], "");
    assert_eq!(data["updates"], json!([]));
    for number in ["downloadednum", "downloadedsize", "total"] {
        assert!(data[number].is_u64(), "{number}");
    }
    assert_eq!(
        answer["messages"],
        json!([{
            "id": "FQXHMUP2500I", "text": "Repository operation completed successfully.", "severity": "informational"
        }])
    );
    assert_eq!(answer["changed"], false);
    assert_eq!(answer["api_version"], "4.0.0");
    assert!(answer.warnings().is_empty());
    assert_eq!(requests(&appliance), [format!("GET {STATUS}?tasktype=EXPORTREPOSITORY&taskid=12")]);
}

#[test]
fn the_phase_of_a_task() {
    let cases = [
        (json!({"progress": 0}), "created"),
        (json!({"progress": 0, "state": "running"}), "created"),
        (json!({"progress": 0, "state": null}), "created"),
        (json!({"progress": "0"}), "created"),
        (json!({"progress": 50}), "running"),
        (json!({"progress": 50, "state": "Exporting"}), "running"),
        (json!({"progress": "50", "state": "whatever"}), "running"),
        (json!({"progress": 100, "state": ""}), "running"),
        (json!({"progress": 100, "state": "running", "downloadednum": 3, "total": 3}), "running"),
        (json!({"progress": 100, "state": "complete", "current": "r.zip"}), "complete"),
        (json!({"progress": null, "state": "complete", "current": "r.zip"}), "complete"),
        (json!({"progress": 100, "state": "Complete", "current": "r.zip"}), "complete"),
        (json!({"progress": 50, "state": "canceled"}), "canceled"),
        (json!({"progress": 100, "state": "canceled"}), "canceled"),
        (json!({"progress": 50, "state": "Cancelled"}), "canceled"),
        (json!({"progress": 100, "state": "error"}), "error"),
        (json!({"progress": 20, "state": "ERROR"}), "error"),
    ];
    for (changes, phase) in cases {
        let answer = asks(&served(task(changes.clone())), json!({})).succeeds();
        assert_eq!(answer["data"]["phase"], phase, "{changes}: {}", answer.0);
        assert_eq!(answer["changed"], false);
    }
}

#[test]
fn a_completed_task_without_a_file_name_is_a_warning_at_once() {
    let answer = asks(&served(fixture("export-complete-without-file.json")), json!({})).succeeds();
    assert_eq!(answer["data"]["phase"], "complete");
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 1, "{}", answer.0);
    assert_eq!(answer["data"]["totalsize"], 5_368_709_120_u64, "more than 32 bits");
}

#[test]
fn a_failure_that_the_answer_itself_tells() {
    for result in ["failure", "failed", "error", "Failure"] {
        let errors = json!({"result": result, "messages": [{"id": "FQXHMUP4199L", "text": "No such luck."}]});
        for errors in [errors.clone(), json!([errors])] {
            let answer = asks(&served(task(json!({"errorMsg": errors}))), json!({})).fails("operation_failed");
            assert_eq!(answer["error"]["http_status"], 200);
            assert!(answer.msg().contains("No such luck") && answer.msg().contains("FQXHMUP4199L"), "{}", answer.0);
            assert_eq!(answer["messages"][0]["severity"], "error");
        }
    }
}

#[test]
fn a_task_the_appliance_does_not_know() {
    let cases = [
        (UnknownTask::BadRequest, "bad_request"),
        (UnknownTask::NotFound, "not_found"),
        (UnknownTask::Failure, "operation_failed"),
    ];
    for (quirk, kind) in cases {
        let appliance = appliance_with(|settings| settings.quirks.unknown_task = quirk);
        for options in [json!({"task_id": 4711}), json!({"task_id": 4711, "wait": true})] {
            let answer = asks(&appliance, options).fails(kind);
            assert!(answer.msg().contains("FQXHMUP9404J"), "{}", answer.0);
        }
    }
}

#[test]
fn all_running_tasks() {
    for (quirk, count) in [(TaskidZero::List, 2), (TaskidZero::Object, 1), (TaskidZero::EmptyList, 0)] {
        let appliance = appliance_with(|settings| settings.quirks.taskid0 = quirk);
        appliance.change(|state| state.add_export_task(100.0, 1000));
        let answer = asks(&appliance, json!({"task_id": 0})).succeeds();
        let tasks = answer["data"]["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), count, "{quirk:?}: {}", answer.0);
        for task in tasks {
            assert!(["created", "running"].contains(&task["phase"].as_str().unwrap()), "{task}");
            assert!(task["totalsize"].is_u64());
        }
        assert_eq!(answer["data"].as_object().unwrap().len(), 1);
        assert_eq!(requests(&appliance), [format!("GET {STATUS}?tasktype=EXPORTREPOSITORY&taskid=0")]);
    }
}

#[test]
fn nobody_waits_for_all_tasks() {
    let appliance = appliance();
    let answer = asks(&appliance, json!({"task_id": 0, "wait": true})).fails("invalid_input");
    assert!(answer.msg().contains("wait"), "{}", answer.msg());
    assert!(requests(&appliance).is_empty());
}

#[test]
fn waiting_until_the_end() {
    let appliance = appliance();
    let answered = appliance.follow_requests();
    let running = waits(&appliance, json!({})).start();
    answered.recv().unwrap();
    appliance.change(|state| assert!(state.finish(14)));
    let answer = running.wait().answer();
    assert_eq!(answer["failed"], false, "{}", answer.0);
    assert_eq!(answer["data"]["phase"], "complete");
    assert_eq!(answer["changed"], false);
    assert_eq!(requests(&appliance).len(), 2);
}

#[test]
fn no_waiting_for_what_has_ended() {
    let appliance = appliance();
    let run = waits(&appliance, json!({"task_id": 12, "wait_timeout": 0, "poll_interval": 86_400})).run();
    assert_eq!(run.answer()["data"]["phase"], "complete");
    assert_eq!(requests(&appliance).len(), 1);
}

#[test]
fn the_end_of_an_awaited_task_in_trouble() {
    let cases = [
        (json!({"state": "error", "progress": 100}), "task_failed", "error"),
        (json!({"state": "canceled", "progress": 50}), "task_canceled", "canceled"),
        (json!({"state": "cancelled", "progress": 50}), "task_canceled", "canceled"),
    ];
    for (changes, kind, phase) in cases {
        let answer = waits(&served(task(changes)), json!({})).fails(kind);
        assert_eq!(answer["data"]["phase"], phase);
        assert_eq!(answer["error"]["retryable"], false);
        assert_eq!(answer["changed"], false);
        assert_eq!(answer["messages"][0]["id"], "FQXHMUP2500I");
    }
}

#[test]
fn an_awaited_task_that_fails_or_is_canceled_meanwhile() {
    type Event = fn(&Appliance);
    let canceled: Event = |appliance| assert!(appliance.change(|state| state.cancel(14)));
    let failed: Event = |appliance| assert!(appliance.change(|state| state.fail(14)));
    thread::scope(|scope| {
        // The simulated appliance says failure in the envelope of a failed task, and so the answer is one.
        for (event, kind, phase) in [(canceled, "task_canceled", "canceled"), (failed, "operation_failed", "error")] {
            scope.spawn(move || {
                let appliance = appliance();
                let answered = appliance.follow_requests();
                let running = waits(&appliance, json!({})).start();
                answered.recv().unwrap();
                event(&appliance);
                let answer = running.wait().answer();
                assert_eq!(answer["error"]["kind"], kind, "{}", answer.0);
                assert_eq!(answer["data"]["phase"], phase);
            });
        }
    });
}

#[test]
fn the_first_question_is_not_endured() {
    let cases = [
        (Fault::Reset, "connection_failed"),
        (Fault::Refuse, "connection_failed"),
        (status(500), "server_error"),
        (status(503), "unavailable"),
        (body("<html></html>"), "invalid_response"),
    ];
    for (fault, kind) in cases {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault.clone()).times(1));
        let run = waits(&appliance, json!({})).run();
        assert_eq!(run.answer()["error"]["kind"], kind, "{fault:?}");
        assert!(run.took < Duration::from_secs(5));
    }
}

/// The answer of a call whose second question meets this fault, and whose task is complete after that.
fn meets(fault: Fault) -> Answer {
    let appliance = appliance();
    appliance.change(|state| state.settings.quirks.connection_close = true);
    let rule = FaultRule::new(fault.clone()).skip(1).times(1);
    damage(&appliance, if fault.is_of_connection() { rule } else { rule.on("GET", STATUS) });
    let running = waits(&appliance, json!({"timeout": 1})).start();
    until("the fault", || appliance.change(|state| state.settings.faults[0].hits > 0));
    appliance.change(|state| state.finish(14));
    running.wait().answer()
}

#[test]
fn trouble_that_waiting_endures() {
    let html = Fault::Body { status: 200, content_type: Some("text/html".into()), raw: "<html>wait</html>".into() };
    let faults = [
        Fault::Reset,
        Fault::CloseBeforeAnswer,
        Fault::Refuse,
        Fault::Stall,
        Fault::StallInBody { after: 5 },
        Fault::Cut { after: 300, end: lxca_appliance::CutEnd::CloseNotify },
        Fault::Garbage,
        html,
        body("{\"state\":"),
        body(""),
        status(429),
        status(500),
        status(502),
        status(503),
        status(504),
    ];
    thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                let answer = meets(fault.clone());
                assert_eq!(answer["failed"], false, "{fault:?}: {}", answer.0);
                assert_eq!(answer["data"]["phase"], "complete");
            });
        }
    });
}

#[test]
fn trouble_that_ends_the_waiting() {
    let failure = json!({"errorMsg": {"result": "failure", "messages": [{"id": "FQXHMUP4199L", "text": "No."}]}});
    let cases = [
        (status(401), "authentication_failed"),
        (status(403), "permission_denied"),
        (status(404), "not_found"),
        (status(400), "bad_request"),
        (status(409), "conflict"),
        (Fault::Redirect { location: "/ui/login.html".into(), status: 302 }, "redirected"),
        (body(task(failure)), "operation_failed"),
        (Fault::PlainHttp, "tls"),
    ];
    thread::scope(|scope| {
        for (fault, kind) in cases {
            scope.spawn(move || {
                let answer = meets(fault.clone());
                assert_eq!(answer["error"]["kind"], kind, "{fault:?}: {}", answer.0);
                assert!(answer["data"]["phase"].is_string(), "as last seen, {fault:?}: {}", answer.0);
            });
        }
    });
}

#[test]
fn the_deadline() {
    thread::scope(|scope| {
        scope.spawn(|| {
            let appliance = appliance();
            let run = waits(&appliance, json!({"wait_timeout": 2, "timeout": 60})).run();
            let answer = run.answer();
            assert_eq!(answer["error"], json!({"kind": "wait_timeout", "retryable": true}));
            assert!(["created", "running"].contains(&answer["data"]["phase"].as_str().unwrap()));
            assert!(run.took >= Duration::from_millis(1900) && run.took < Duration::from_secs(4), "{:?}", run.took);
        });
        // An answer that never comes does not outlast it, whatever `timeout` says.
        scope.spawn(|| {
            let appliance = appliance();
            damage(&appliance, FaultRule::new(Fault::Stall).on("GET", STATUS).skip(1));
            let run = waits(&appliance, json!({"wait_timeout": 3, "timeout": 60})).run();
            let answer = run.answer();
            assert_eq!(answer["error"]["kind"], "wait_timeout", "{}", answer.0);
            assert!(answer["data"]["phase"].is_string());
            assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
        });
        // It tells the last trouble.
        scope.spawn(|| {
            let appliance = appliance();
            damage(&appliance, FaultRule::new(status(500)).on("GET", STATUS).skip(1));
            let answer = waits(&appliance, json!({"wait_timeout": 2})).fails("wait_timeout");
            assert!(answer.msg().contains("FQXHMSE9500M"), "{}", answer.msg());
        });
        // No time at all is one question.
        scope.spawn(|| {
            let appliance = appliance();
            let run = waits(&appliance, json!({"wait_timeout": 0})).run();
            assert_eq!(run.answer()["error"]["kind"], "wait_timeout");
            assert_eq!(requests(&appliance).len(), 1);
            assert!(run.took < Duration::from_secs(2));
        });
        // Nor does a long pause between the questions outlast it.
        scope.spawn(|| {
            let appliance = appliance();
            let run = waits(&appliance, json!({"wait_timeout": 1, "poll_interval": 86_400})).run();
            assert_eq!(run.answer()["error"]["kind"], "wait_timeout");
            assert!(run.took < Duration::from_secs(3), "{:?}", run.took);
        });
    });
}

#[test]
fn a_file_name_that_comes_late_or_never() {
    thread::scope(|scope| {
        for (quirk, questions, warnings) in
            [(EmptyCurrent::Polls(1), 2, 0), (EmptyCurrent::Polls(2), 3, 0), (EmptyCurrent::Always, 3, 1)]
        {
            scope.spawn(move || {
                let appliance = appliance_with(|settings| settings.quirks.empty_current = quirk);
                let answer = waits(&appliance, json!({"task_id": 12})).succeeds();
                assert_eq!(answer["data"]["phase"], "complete");
                assert_eq!(answer["data"]["current"].as_str().unwrap().is_empty(), warnings == 1, "{quirk:?}");
                assert_eq!(answer.warnings().len(), warnings, "{quirk:?}: {}", answer.0);
                assert_eq!(requests(&appliance).len(), questions, "{quirk:?}");
            });
        }
    });
}

#[test]
fn through_a_restart_of_the_appliance() {
    thread::scope(|scope| {
        for auth_method in ["basic", "session"] {
            scope.spawn(move || {
                let appliance = appliance();
                let answered = appliance.follow_requests();
                let running = waits(&appliance, json!({"auth_method": auth_method, "retries": 2})).start();
                while answered.recv().unwrap().method != "GET" {}
                appliance.restart(Duration::from_millis(1500), Duration::from_millis(1500));
                appliance.change(|state| state.finish(14));
                let answer = running.wait().answer();
                assert_eq!(answer["failed"], false, "{auth_method}: {}", answer.0);
                assert_eq!(answer["data"]["phase"], "complete");
                let made = requests(&appliance);
                assert!(appliance.requests().iter().any(|request| request.status == Some(503)), "{made:?}");
                let logins = made.iter().filter(|request| *request == "POST /sessions").count();
                assert!(appliance.change(|state| state.sessions.is_empty()), "{made:?}");
                // Only the login that the restarted appliance answers counts; the 503 page is no login.
                assert!(if auth_method == "basic" { logins == 0 } else { logins >= 2 }, "{made:?}");
            });
        }
    });
}

#[test]
fn retry_after_counts_up_to_the_deadline() {
    let busy = |seconds: &str| {
        let fault = Fault::Status { code: 503, retry_after: Some(seconds.into()), body: StatusBody::Html };
        FaultRule::new(fault).on("GET", STATUS).skip(1).times(1)
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let appliance = appliance();
            damage(&appliance, busy("3"));
            let running = waits(&appliance, json!({"timeout": 1, "retries": 2})).start();
            until("the fault", || appliance.change(|state| state.settings.faults[0].hits > 0));
            appliance.change(|state| state.finish(14));
            let run = running.wait();
            assert_eq!(run.answer()["data"]["phase"], "complete");
            let at: Vec<_> = appliance.requests().iter().map(|request| request.at).collect();
            assert!(at[2].duration_since(at[1]).unwrap() >= Duration::from_millis(2900), "{at:?}");
        });
        scope.spawn(|| {
            let appliance = appliance();
            damage(&appliance, busy("3000"));
            let run = waits(&appliance, json!({"wait_timeout": 100, "retries": 2})).run();
            let answer = run.answer();
            assert_eq!(answer["error"]["kind"], "unavailable", "{}", answer.0);
            assert!(run.took < Duration::from_secs(6));
        });
    });
}
