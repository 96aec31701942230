//! Each play is seen to act.

use std::time::{Duration, Instant};

use lxca_appliance::{
    Appliance, Durations, Fate, ForeignJob, JobIds, JobRule, NoSpace, Plays, Ranges, Refused, Settings, TaskKind,
    UnknownJob, ValidationPath,
};
use serde_json::{Value, json};

use crate::client::{NEXT, PACK, UEFI, XCC, ask, basic, get, put, send, start};

const FIRMWARE: &str = "/updateRepositories/firmware";
const UPDATES: &str = "/managementServer/updates";

fn with(plays: Plays) -> Appliance {
    Appliance::start(Settings { plays, ..Settings::default() }).unwrap()
}

fn fated(kind: TaskKind, fate: Fate) -> Appliance {
    with(Plays { jobs: vec![JobRule::new(kind, fate)], ..Plays::default() })
}

/// Lets time pass for a job until it is due.
fn let_end(appliance: &Appliance, job: u64) {
    appliance.change(|state| {
        let task = state.tasks.iter_mut().find(|task| task.job == job).unwrap();
        task.duration = Duration::ZERO;
    });
}

fn acquire(appliance: &Appliance, fixids: &[&str]) -> u64 {
    let body = json!({ "fixids": fixids });
    put(appliance, "POST", &format!("{UPDATES}?action=acquire"), &body).json()["jobid"].as_u64().unwrap()
}

fn update(appliance: &Appliance, fixid: &str) -> Value {
    get(appliance, &format!("{UPDATES}/{fixid}?key=update"))["update"][0].clone()
}

fn job(appliance: &Appliance, number: u64) -> Value {
    get(appliance, &format!("/tasks/{number}"))[0].clone()
}

#[test]
fn plays_can_be_written_in_a_file() {
    let settings: Settings = serde_json::from_value(json!({ "plays": {
        "foreign_jobs": [{ "kind": "acquire_payload", "fixids": [XCC], "seconds": 3.5, "blocks": true }],
        "jobs": [{ "kind": "management_apply", "times": 1, "fate": { "fail": { "status": "Stopped_With_Error" } } },
                 { "fate": "forget" }],
        "download": { "ranges": "wrong_start" },
        "restart_phases": [{ "phase": "login_page", "seconds": 2.0 }],
    } }))
    .unwrap();
    assert_eq!(settings.plays.jobs[1].fate, Fate::Forget);
    assert_eq!(settings.plays.download.ranges, Ranges::WrongStart);
    assert!(serde_json::from_value::<Settings>(json!({ "plays": { "download": { "x": 1 } } })).is_err());
}

#[test]
fn another_users_job_is_in_the_way() {
    let foreign = ForeignJob { kind: TaskKind::ManagementRefresh, fixids: Vec::new(), seconds: None, blocks: true };
    let appliance = with(Plays { foreign_jobs: vec![foreign], ..Plays::default() });
    let number = appliance.change(|state| state.tasks.last().unwrap().job);
    // It never ends, however much time passes.
    let_end(&appliance, number);
    let acquired = || put(&appliance, "POST", &format!("{UPDATES}?action=acquire"), &json!({ "fixids": [PACK] }));
    assert_eq!(acquired().status, 409);
    assert_eq!(ask(&appliance, "PUT", &format!("{FIRMWARE}?action=read")).status, 409);
    appliance.change(|state| state.settings.plays.conflict = Refused::Inside);
    let inside = acquired();
    assert_eq!((inside.status, &inside.json()["result"]), (200, &json!("failure")));
    // It shows as another user's running job, and reads still work.
    assert_eq!(
        (&job(&appliance, number)["status"], &job(&appliance, number)["createdBy"]),
        (&json!("Running"), &json!("OTHER"))
    );
    assert_eq!(ask(&appliance, "GET", UPDATES).status, 200);
    appliance.change(|state| state.cancel(number));
    assert_eq!(acquired().json()["result"], "success");
}

#[test]
fn another_user_is_downloading_already() {
    let foreign =
        ForeignJob { kind: TaskKind::ManagementAcquire, fixids: vec![PACK.into()], seconds: None, blocks: false };
    let appliance = with(Plays { foreign_jobs: vec![foreign], ..Plays::default() });
    let end = Instant::now() + Duration::from_secs(20);
    while update(&appliance, PACK)["percentage"] == 0 {
        assert!(Instant::now() < end);
    }
    assert!(update(&appliance, PACK)["percentage"].as_u64().unwrap() <= 50);
    assert_eq!(update(&appliance, PACK)["state"], "downloading");
    let acquired = |fixid: &str| {
        put(&appliance, "POST", &format!("{UPDATES}?action=acquire"), &json!({ "fixids": [fixid] })).status
    };
    assert_eq!((acquired(PACK), acquired(NEXT)), (409, 200));
}

#[test]
fn a_download_fails_in_the_middle() {
    let appliance = fated(TaskKind::ManagementAcquire, Fate::Fail { at: 0.5, status: None });
    let number = acquire(&appliance, &[PACK, NEXT]);
    let_end(&appliance, number);
    assert_eq!(
        (&job(&appliance, number)["status"], &job(&appliance, number)["percentage"]),
        (&json!("CompleteWithErrors"), &json!(100.0))
    );
    assert_eq!(
        (&update(&appliance, PACK)["payload"], &update(&appliance, PACK)["errorMsg"]),
        (&json!("true"), &json!(""))
    );
    let broken = update(&appliance, NEXT);
    assert_eq!((&broken["payload"], &broken["percentage"]), (&json!("false"), &json!(50)));
    assert!(broken["errorMsg"].as_str().unwrap().contains(NEXT));
    assert_eq!(broken["downloadedsize"].as_u64().unwrap(), broken["totalsize"].as_u64().unwrap() / 2);
    // The next attempt is a fresh one.
    appliance.change(|state| state.settings.plays.jobs.clear());
    let again = acquire(&appliance, &[NEXT]);
    let_end(&appliance, again);
    assert_eq!(
        (&update(&appliance, NEXT)["payload"], &update(&appliance, NEXT)["errorMsg"]),
        (&json!("true"), &json!(""))
    );
}

#[test]
fn jobs_end_in_every_way() {
    let kind = TaskKind::ManagementAcquire;
    let cases = [
        (Fate::Complain, "CompleteWithErrors", "true"),
        (Fate::Fail { at: 0.1, status: Some("Stopped_With_Error".into()) }, "Stopped_With_Error", "false"),
        (Fate::Cancel { at: 0.2 }, "Cancelled", "false"),
        (Fate::Stick { at: 0.3 }, "Running", "false"),
        (Fate::NoEffect, "Complete", "false"),
    ];
    for (fate, status, payload) in cases {
        let appliance = fated(kind, fate.clone());
        let number = acquire(&appliance, &[PACK]);
        let_end(&appliance, number);
        assert_eq!(job(&appliance, number)["status"], status, "{fate:?}");
        assert_eq!(update(&appliance, PACK)["payload"], payload, "{fate:?}");
    }
}

#[test]
fn a_job_is_forgotten_and_goes_on() {
    let appliance = fated(TaskKind::ManagementAcquire, Fate::Forget);
    let number = acquire(&appliance, &[PACK]);
    let asked = || ask(&appliance, "GET", &format!("/tasks/{number}"));
    assert_eq!(asked().status, 404);
    assert_eq!(get(&appliance, "/tasks").as_array().unwrap().len(), 2);
    for (answer, status) in [(UnknownJob::BadRequest, 400), (UnknownJob::EmptyList, 200), (UnknownJob::Failure, 200)] {
        appliance.change(|state| state.settings.plays.unknown_job = answer);
        let asked = asked();
        let failed = asked.json()["result"] == "failure";
        assert_eq!((asked.status, failed), (status, answer != UnknownJob::EmptyList));
    }
    let_end(&appliance, number);
    assert_eq!(update(&appliance, PACK)["payload"], "true");
}

#[test]
fn rules_count_jobs() {
    let rule = JobRule { skip: 1, ..JobRule::new(TaskKind::ManagementAcquire, Fate::NoEffect).times(1) };
    let appliance = with(Plays { jobs: vec![rule], ..Plays::default() });
    let came = [PACK, NEXT, NEXT].map(|fixid| {
        let number = acquire(&appliance, &[fixid]);
        let_end(&appliance, number);
        update(&appliance, fixid)["payload"] == "true"
    });
    assert_eq!(came, [true, false, true]);
}

#[test]
fn space_runs_out() {
    let appliance =
        with(Plays { management_allotment_bytes: 1_000_000, firmware_allotment_bytes: 20_000_000, ..Plays::default() });
    let number = acquire(&appliance, &[PACK]);
    let_end(&appliance, number);
    assert_eq!(
        (&job(&appliance, number)["status"], &update(&appliance, PACK)["payload"]),
        (&json!("CompleteWithErrors"), &json!("false"))
    );
    assert!(update(&appliance, PACK)["errorMsg"].as_str().unwrap().contains("space"));
    let export = |bytes| {
        appliance.change(|state| state.settings.export_bytes = bytes);
        put(&appliance, "PUT", &format!("{FIRMWARE}?action=export&filetypes=payloads"), &json!({ "fixids": [UEFI] }))
            .json()
    };
    let started = export(10_000_000);
    let_end(&appliance, started["jobid"].as_u64().unwrap());
    let status = get(&appliance, &format!("{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid={}", started["taskid"]));
    assert_eq!((&status["state"], &status["errorMsg"]["messages"][0]["id"]), (&json!("error"), &json!("FQXHMUP9507J")));
    appliance.change(|state| state.settings.plays.no_space = NoSpace::Refused);
    assert_eq!(export(10_000_000)["errorMsg"]["messages"][0]["id"], "FQXHMUP9507J");
    assert_eq!(export(1_000)["result"], "success");
    let refused = [
        put(&appliance, "POST", &format!("{UPDATES}?action=acquire"), &json!({ "fixids": [PACK] })),
        put(
            &appliance,
            "POST",
            &format!("{UPDATES}?action=import"),
            &json!({ "files": [{ "name": "a.tgz", "size": 2_000_000 }] }),
        ),
        put(&appliance, "PUT", &format!("{FIRMWARE}?action=acquire"), &json!({ "fixids": [XCC] })),
    ];
    for answer in refused {
        assert_eq!((answer.status, &answer.json()["result"]), (200, &json!("failure")));
    }
    let free = || get(&appliance, &format!("{UPDATES}?key=size"))["size"]["freeSpace"].clone();
    assert_eq!(free(), 1_000_000);
    appliance.change(|state| state.settings.plays.hide_free_space = true);
    assert_eq!(free(), Value::Null);
}

#[test]
fn catalogs_grow() {
    let appliance = with(Plays { refresh_finds: 2, ..Plays::default() });
    let refresh = |method: &str, target: &str, body: Value| {
        let number = put(&appliance, method, target, &body).json()["jobid"].as_u64().unwrap();
        let_end(&appliance, number);
    };
    let count = |target: &str| get(&appliance, target)["updates"].as_array().unwrap().len();
    let (firmware, updates) = (format!("{FIRMWARE}?key=updates"), format!("{UPDATES}?key=updates"));
    let before = (count(&firmware), count(&updates));
    refresh("POST", &format!("{UPDATES}?action=refresh"), json!({ "mts": ["lxca"] }));
    assert_eq!(count(&updates), before.1 + 2);
    // Only for the machine types that were asked for.
    refresh("PUT", &format!("{FIRMWARE}?action=refresh&with=all"), json!({ "mt": ["8721"] }));
    assert_eq!(count(&firmware), before.0);
    refresh("PUT", &format!("{FIRMWARE}?action=refresh&with=all"), json!({ "mt": [] }));
    assert_eq!(count(&firmware), before.0 + 1 + 4);
    refresh("PUT", &format!("{FIRMWARE}?action=refreshThenAcquire&with=latest"), json!({ "mt": ["7X06"] }));
    let rows = get(&appliance, &firmware)["updates"].clone();
    let found = rows.as_array().unwrap().iter().filter(|row| row["fixid"].as_str().unwrap().contains("found"));
    assert!(found.clone().all(|row| row["payload"] == "true") && found.count() == 6, "{rows}");
}

#[test]
fn what_an_update_is_not_good_for() {
    let plays =
        Plays { not_downloadable: vec![PACK.into(), XCC.into()], not_applyable: vec![NEXT.into()], ..Plays::default() };
    let appliance = with(plays);
    assert_eq!(update(&appliance, PACK)["supportDownload"], "false");
    let refused =
        |target: &str, method: &str, fixid: &str| put(&appliance, method, target, &json!({ "fixids": [fixid] })).status;
    assert_eq!(refused(&format!("{UPDATES}?action=acquire"), "POST", PACK), 400);
    assert_eq!(refused(&format!("{FIRMWARE}?action=acquire"), "PUT", XCC), 400);
    appliance.change(|state| state.management[0].downloaded = true);
    assert_eq!(update(&appliance, NEXT)["applyable"], "false");
    assert_eq!(refused(&format!("{UPDATES}?action=apply"), "PUT", NEXT), 400);
}

#[test]
fn rows_keep_payload_to_themselves_and_can_be_chosen_by_it() {
    let appliance = start();
    let rows = |query: &str| get(&appliance, &format!("{FIRMWARE}?key=updates{query}"))["updates"].clone();
    assert_eq!(rows("&with=all&payload").as_array().unwrap().len(), 1);
    assert_eq!(rows("&with=all&payload")[0]["fixid"], UEFI);
    appliance.change(|state| state.settings.plays.hide_row_payload = true);
    assert!(rows("").as_array().unwrap().iter().all(|row| row["payload"].is_null()));
}

#[test]
fn the_state_lags_behind_the_job() {
    let appliance = with(Plays { lag_reads: 2, ..Plays::default() });
    let number = acquire(&appliance, &[PACK]);
    let_end(&appliance, number);
    assert_eq!(job(&appliance, number)["status"], "Complete");
    let seen: Vec<Value> = (0..3).map(|_| update(&appliance, PACK)["payload"].clone()).collect();
    assert_eq!(seen, ["false", "false", "true"]);
}

#[test]
fn numbers_of_jobs_are_written_in_every_way() {
    let appliance = start();
    let shapes = [
        (JobIds::Texts, None),
        (JobIds::MinusOne, Some(json!(-1))),
        (JobIds::Zero, Some(json!(0))),
        (JobIds::Empty, Some(json!(""))),
        (JobIds::Absent, Some(Value::Null)),
    ];
    for (shape, expected) in shapes {
        appliance.change(|state| state.settings.plays.job_ids = shape);
        let answer = put(&appliance, "PUT", &format!("{FIRMWARE}?action=export"), &json!({ "fixids": [UEFI] })).json();
        let number = appliance.change(|state| state.tasks.last().unwrap().job.to_string());
        assert_eq!(answer["jobid"], expected.unwrap_or(json!(number)));
        assert_eq!(answer["result"], "success");
    }
}

#[test]
fn the_number_of_the_job_may_be_the_only_one() {
    let appliance = with(Plays { job_ids: JobIds::JobOnly, ..Plays::default() });
    let answer = put(&appliance, "PUT", &format!("{FIRMWARE}?action=export"), &json!({ "fixids": [UEFI] })).json();
    assert!(answer["taskid"].is_null());
    let status = format!("{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid={}", answer["jobid"]);
    assert_eq!(get(&appliance, &status)["state"], "running");
}

#[test]
fn texts_of_jobs_are_formatted() {
    let appliance = with(Plays { running_status: "Running_With_Errors".into(), ..Plays::default() });
    assert_eq!(job(&appliance, 13)["status"], "Running_With_Errors");
    assert!(job(&appliance, 13)["description"].is_string());
    appliance.change(|state| state.settings.plays.formatted_texts = true);
    let text = job(&appliance, 13)["description"].clone();
    assert_eq!((&text[2]["text"][0]["text"], &text[2]["format"]), (&json!(UEFI), &json!(["bulletList"])));
}

#[test]
fn imports_are_validated_on_one_path_and_may_fail() {
    let appliance = start();
    let validate = |path: &str| {
        let files = json!({ "files": [{ "index": 0, "name": "a.zip", "size": 3, "type": "binary" }] });
        put(&appliance, "POST", &format!("/files{FIRMWARE}/import/{path}"), &files)
    };
    appliance.change(|state| state.settings.plays.validation_path = ValidationPath::Validate);
    assert_eq!((validate("validate").status, validate("validation").status), (200, 404));
    appliance.change(|state| state.settings.plays.validation_path = ValidationPath::Validation);
    assert_eq!((validate("validate").status, validate("validation").status), (404, 200));
    // The upload names no job then.
    assert!(validate("validation").json()["jobid"].is_null());
    let form = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.zip\"\r\n\r\nabc\r\n--b--\r\n";
    let headers = [basic(&appliance), "Content-Type: multipart/form-data; boundary=b".into()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    assert_eq!(send(&appliance, "POST", &format!("/files{FIRMWARE}/import"), &headers, form).status, 200);
    appliance.change(|state| state.settings.plays.validation_fails = true);
    let failed = validate("validation").json();
    assert_eq!((&failed["state"], &failed["errorMsg"]["result"]), (&json!("failure"), &json!("failure")));
}

#[test]
fn cancelling_takes_time() {
    let durations = Durations { cancel: 1000.0, ..Durations::default() };
    let appliance = Appliance::start(Settings { durations, ..Settings::default() }).unwrap();
    let cancelled = put(&appliance, "PUT", "/tasks", &json!({ "action": "cancel", "list": ["13"] }));
    assert_eq!((cancelled.status, &job(&appliance, 13)["status"]), (200, &json!("Running")));
    let_end(&appliance, 13);
    assert_eq!(job(&appliance, 13)["status"], "Cancelled");
}

#[test]
fn an_update_fails_to_install() {
    let appliance = fated(TaskKind::ManagementApply, Fate::Fail { at: 0.5, status: None });
    appliance.change(|state| state.management[0].downloaded = true);
    let applied = put(&appliance, "PUT", &format!("{UPDATES}?action=apply"), &json!({ "fixids": [NEXT] })).json();
    let_end(&appliance, applied["jobid"].as_u64().unwrap());
    let history = get(&appliance, &format!("{UPDATES}?key=history"))["history"].clone();
    assert_eq!((&history[1]["version"], &history[1]["dateApplied"]), (&json!("4.0.1"), &json!("")));
    assert!(history[1]["installationFailedDate"].as_str().unwrap().starts_with("20"));
    assert_eq!(get(&appliance, "/aicc")["appliance"]["version"], "4.0.0");
}
