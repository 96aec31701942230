//! `management_server_catalog`, and what it shares with every operation that changes something.

use lxca_appliance::{Appliance, Fate, Fault, FaultRule, ForeignJob, JobIds, JobRule, Refused, TaskKind, UnknownJob};
use serde_json::{Value, json};

use crate::harness::{Answer, Lxca, appliance_with, body, damage, requests, with};

/// An appliance whose jobs take no time, and whose refreshes find so many updates.
fn finds(updates: u32) -> Appliance {
    appliance_with(|settings| {
        settings.durations.refresh = 0.05;
        // No other job, which might be in the way.
        settings.durations.running_export = 0.0;
        settings.plays.refresh_finds = updates;
    })
}

fn refresh(options: Value) -> Value {
    with(json!({"operation": "management_server_catalog", "poll_interval": 1}), options)
}

/// The requests that change something, sessions aside.
fn changes(appliance: &Appliance) -> usize {
    let made = appliance.requests();
    made.iter().filter(|request| request.is_change() && !request.target.starts_with("/sessions")).count()
}

#[track_caller]
fn count(answer: &Answer) -> usize {
    answer["data"]["new_fix_ids"].as_array().unwrap().len()
}

#[test]
fn what_is_new_is_told_and_counts_as_a_change() {
    for auth_method in ["basic", "session"] {
        let appliance = finds(2);
        let call = refresh(json!({"auth_method": auth_method, "_ansible_diff": true}));
        let answer = Lxca::asks(&appliance, call.clone()).succeeds();
        assert_eq!((&answer["changed"], count(&answer)), (&json!(true), 2), "{}", answer.0);
        let (before, after) = (&answer["diff"]["before"], &answer["diff"]["after"]);
        let new = answer["data"]["new_fix_ids"][0].as_str().unwrap();
        assert!(before.get(new).is_none() && after.get(new).is_some(), "{}", answer.0);
        assert_eq!(after.as_object().unwrap().len(), before.as_object().unwrap().len() + 2);
        assert!(answer["data"]["last_refreshed"].is_string() && answer["data"]["job_id"].is_number(), "{}", answer.0);
        assert!(requests(&appliance).contains(&"POST /managementServer/updates?action=refresh".to_owned()));
        // Nothing is new the second time.
        appliance.change(|state| state.settings.plays.refresh_finds = 0);
        let again = Lxca::asks(&appliance, call).succeeds();
        assert_eq!((&again["changed"], count(&again)), (&json!(false), 0), "{}", again.0);
        assert_eq!(again["diff"]["before"], again["diff"]["after"]);
        assert_eq!(changes(&appliance), 2);
        assert_eq!(appliance.change(|state| state.sessions.len()), 0);
    }
}

#[test]
fn check_mode_sends_nothing_that_changes_something() {
    for mode in ["_ansible_check_mode", "_noop"] {
        let appliance = finds(2);
        let call = refresh(json!({mode: true, "_ansible_diff": true}));
        let answer = Lxca::asks(&appliance, call).succeeds();
        assert_eq!(answer["changed"], false);
        assert!(answer.warnings().iter().any(|warning| warning.contains("check mode")), "{}", answer.0);
        assert_eq!(answer["diff"]["before"], answer["diff"]["after"]);
        assert_eq!(changes(&appliance), 0);
    }
}

#[test]
fn without_waiting_the_job_is_told() {
    let appliance = finds(1);
    let answer = Lxca::asks(&appliance, refresh(json!({"wait": false}))).succeeds();
    assert_eq!(answer["changed"], true);
    assert!(answer["data"]["job_id"].is_number(), "{}", answer.0);
    assert!(answer.0.get("diff").is_none());
}

#[test]
fn somebody_elses_refresh_is_waited_out_and_no_second_one_started() {
    let foreign = |seconds| ForeignJob { kind: TaskKind::ManagementRefresh, fixids: Vec::new(), seconds, blocks: true };
    for refused in [Refused::Status, Refused::Inside] {
        let appliance = appliance_with(|settings| {
            settings.plays.foreign_jobs = vec![foreign(None)];
            settings.plays.conflict = refused;
        });
        let answer = Lxca::asks(&appliance, refresh(json!({"wait_timeout": 2}))).fails("conflict");
        assert_eq!((&answer["changed"], &answer["error"]["retryable"]), (&json!(false), &json!(true)), "{}", answer.0);

        let appliance = appliance_with(|settings| {
            settings.durations.refresh = 0.05;
            settings.plays.foreign_jobs = vec![foreign(Some(0.5))];
            settings.plays.conflict = refused;
        });
        Lxca::asks(&appliance, refresh(json!({}))).succeeds();
    }
}

#[test]
fn a_lost_answer_is_settled_by_asking_and_the_request_is_not_sent_again() {
    for fault in [Fault::Reset, Fault::CloseBeforeAnswer] {
        let appliance = finds(1);
        damage(&appliance, FaultRule::new(fault.clone()).on("POST", "/managementServer").times(1));
        let answer = Lxca::asks(&appliance, refresh(json!({"retries": 3}))).run().answer();
        assert_eq!(changes(&appliance), 1, "{fault:?}: {}", answer.0);
        if answer["failed"] == true {
            assert_eq!(answer["error"]["kind"], "outcome_unknown", "{}", answer.0);
            assert_eq!((&answer["changed"], &answer["error"]["retryable"]), (&json!(true), &json!(true)));
        } else {
            assert_eq!((&answer["changed"], count(&answer)), (&json!(true), 1), "{}", answer.0);
        }
    }
}

#[test]
fn a_job_that_ends_badly_fails_the_task() {
    for (fate, kind) in [
        (Fate::Fail { at: 0.5, status: None }, "task_failed"),
        (Fate::Fail { at: 0.5, status: Some("Stopped_With_Error".into()) }, "task_failed"),
        (Fate::Cancel { at: 0.5 }, "task_canceled"),
    ] {
        let appliance = finds(1);
        appliance.change(|state| {
            state.settings.plays.jobs.push(JobRule::new(TaskKind::ManagementRefresh, fate.clone()));
        });
        let answer = Lxca::asks(&appliance, refresh(json!({}))).fails(kind);
        assert_eq!(answer["changed"], true, "{fate:?}: the appliance may have done some of it");
        assert!(answer["data"]["job_id"].is_number(), "{}", answer.0);
    }
}

#[test]
fn a_job_that_never_ends_is_given_up() {
    let appliance = finds(1);
    appliance.change(|state| {
        let stuck = JobRule::new(TaskKind::ManagementRefresh, Fate::Stick { at: 0.5 });
        state.settings.plays.jobs.push(stuck);
    });
    let answer = Lxca::asks(&appliance, refresh(json!({"wait_timeout": 2}))).fails("wait_timeout");
    assert_eq!(answer["changed"], true);
}

#[test]
fn a_job_that_the_appliance_forgot_ends_with_the_state() {
    for unknown in [UnknownJob::NotFound, UnknownJob::BadRequest, UnknownJob::EmptyList, UnknownJob::Failure] {
        let appliance = finds(1);
        appliance.change(|state| {
            state.settings.plays.unknown_job = unknown;
            state.settings.plays.jobs.push(JobRule::new(TaskKind::ManagementRefresh, Fate::Forget));
        });
        let answer = Lxca::asks(&appliance, refresh(json!({"wait_timeout": 20}))).succeeds();
        assert_eq!((&answer["changed"], count(&answer)), (&json!(true), 1), "{unknown:?}: {}", answer.0);
    }
}

#[test]
fn job_ids_come_in_any_spelling() {
    for ids in [JobIds::Numbers, JobIds::Texts] {
        let appliance = finds(1);
        appliance.change(|state| state.settings.plays.job_ids = ids);
        let answer = Lxca::asks(&appliance, refresh(json!({}))).succeeds();
        assert_eq!((&answer["changed"], count(&answer)), (&json!(true), 1), "{ids:?}: {}", answer.0);
    }
}

#[test]
fn a_refusal_changes_nothing() {
    let status = |code| Fault::Status { code, retry_after: None, body: lxca_appliance::StatusBody::Envelope };
    let cases = [
        (status(400), "bad_request"),
        (status(403), "permission_denied"),
        (status(503), "unavailable"),
        (body(json!({"result": "failure", "messages": []})), "operation_failed"),
    ];
    for (fault, kind) in cases {
        let appliance = finds(1);
        damage(&appliance, FaultRule::new(fault).on("POST", "/managementServer"));
        let answer = Lxca::asks(&appliance, refresh(json!({}))).fails(kind);
        assert_eq!(answer["changed"], false, "{}", answer.0);
        assert_eq!(changes(&appliance), 1, "sent once: {}", answer.0);
    }
}

#[test]
fn a_server_error_or_a_status_that_does_not_exist_may_have_changed_something() {
    for (code, kind) in [(500, "server_error"), (600, "invalid_response")] {
        let appliance = finds(1);
        let fault = Fault::Status { code, retry_after: None, body: lxca_appliance::StatusBody::Envelope };
        damage(&appliance, FaultRule::new(fault).on("POST", "/managementServer"));
        let answer = Lxca::asks(&appliance, refresh(json!({}))).fails(kind);
        assert_eq!(answer["changed"], true, "{}", answer.0);
    }
}

#[test]
fn a_catalog_without_a_list_is_not_understood() {
    let appliance = finds(1);
    damage(&appliance, FaultRule::new(body(json!({"currentVersion": "4.0.0"}))).on("GET", "/managementServer"));
    Lxca::asks(&appliance, refresh(json!({}))).fails("invalid_response");
    assert_eq!(changes(&appliance), 0);
}

#[test]
fn refused_credentials_are_not_sent_again() {
    let refused = Fault::Status { code: 401, retry_after: None, body: lxca_appliance::StatusBody::Envelope };
    for (auth_method, logins) in [("basic", 0), ("session", 2)] {
        let appliance = finds(1);
        appliance.change(|state| {
            state.settings.faults = vec![
                FaultRule::new(refused.clone()).on("GET", "/tasks"),
                FaultRule::new(refused.clone()).on("POST", "/managementServer"),
                FaultRule::new(refused.clone()).on("POST", "/sessions").skip(1),
            ];
        });
        let answer = Lxca::asks(&appliance, refresh(json!({"auth_method": auth_method})));
        answer.fails("authentication_failed");
        assert_eq!(changes(&appliance), 0, "{:?}", requests(&appliance));
        let made = requests(&appliance);
        assert_eq!(made.iter().filter(|request| request.starts_with("POST /sessions")).count(), logins, "{made:?}");
    }
}

#[test]
fn without_a_list_before_no_job_is_taken_for_the_one_started() {
    let appliance = finds(1);
    let failed = Fault::Status { code: 500, retry_after: None, body: lxca_appliance::StatusBody::Envelope };
    appliance.change(|state| {
        state.settings.faults = vec![
            FaultRule::new(failed).on("GET", "/tasks").times(1),
            FaultRule::new(Fault::CloseBeforeAnswer).on("POST", "/managementServer"),
        ];
        state.settings.plays.foreign_jobs =
            vec![ForeignJob { kind: TaskKind::ManagementRefresh, fixids: Vec::new(), seconds: None, blocks: false }];
    });
    let answer = Lxca::asks(&appliance, refresh(json!({"wait_timeout": 2}))).run().answer();
    assert!(answer["data"]["job_id"].is_null(), "{}", answer.0);
}

#[test]
fn a_job_id_that_fits_no_path_is_not_asked_for() {
    for id in ["1 2", "1\r\nHost: x", "../sessions", &"7".repeat(70_000)] {
        let appliance = finds(1);
        damage(&appliance, FaultRule::new(body(json!({"jobid": id}))).on("POST", "/managementServer"));
        let answer = Lxca::asks(&appliance, refresh(json!({"wait_timeout": 1}))).fails("wait_timeout");
        assert_eq!((&answer["changed"], &answer["data"]["job_id"]), (&json!(true), &json!(id)));
        let asked = requests(&appliance).into_iter().filter(|request| request.starts_with("GET /tasks/")).count();
        assert_eq!(asked, 0, "{id:.20}");
    }
}
