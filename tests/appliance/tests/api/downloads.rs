//! Exports that are sent wrong, and restarts in all their phases.

use std::time::{Duration, Instant};

use lxca_appliance::{
    Appliance, CutEnd, Download, Fault, FaultRule, Phase, Plays, Ranges, RestartPhase, Settings, Validator,
};
use serde_json::json;

use crate::client::{Answer, End, ask, basic, connect, get, parse, raw, request, send};

const FIRMWARE: &str = "/updateRepositories/firmware";

fn with(plays: Plays) -> Appliance {
    Appliance::start(Settings { plays, ..Settings::default() }).unwrap()
}

fn sending(download: Download) -> Appliance {
    with(Plays { download, ..Plays::default() })
}

fn status(appliance: &Appliance) -> serde_json::Value {
    get(appliance, &format!("{FIRMWARE}/status?tasktype=EXPORTREPOSITORY&taskid=12"))
}

fn target(appliance: &Appliance) -> String {
    format!("{FIRMWARE}?key=export&exportRepoFilename={}", status(appliance)["current"].as_str().unwrap())
}

/// The bytes from 1000 on.
fn part(appliance: &Appliance) -> Answer {
    send(appliance, "GET", &target(appliance), &[&basic(appliance), "Range: bytes=1000-"], b"")
}

#[test]
fn parts_are_sent_right_and_wrong() {
    let size = 263_000_u64;
    let cases = [
        (Ranges::Right, 206, Some((1000, 0))),
        (Ranges::WrongStart, 206, Some((1001, 0))),
        (Ranges::WrongTotal, 206, Some((1000, 1))),
        (Ranges::Unsaid, 206, None),
        (Ranges::Ignored, 200, None),
    ];
    for (ranges, code, said) in cases {
        let appliance = sending(Download { ranges, ..Download::default() });
        let total = status(&appliance)["totalsize"].as_u64().unwrap();
        assert!(total < size);
        let answer = part(&appliance);
        let expected = said.map(|(start, more)| format!("bytes {start}-{}/{}", total - 1, total + more));
        assert_eq!((answer.status, answer.header("content-range")), (code, expected.as_deref()), "{ranges:?}");
        assert_eq!(
            answer.body.len() as u64,
            if code == 200 { total } else { total - said.map_or(1000, |said| said.0) }
        );
    }
    assert_eq!(part(&sending(Download { ranges: Ranges::Refused, ..Download::default() })).status, 416);
}

#[test]
fn validators_of_every_kind() {
    let of = |validator| {
        let appliance = sending(Download { validator, ..Download::default() });
        let twice = [0, 1].map(|_| {
            let answer = ask(&appliance, "GET", &target(&appliance));
            (answer.header("etag").map(str::to_owned), answer.header("last-modified").is_some())
        });
        (twice[0].clone(), twice[0] == twice[1])
    };
    assert!(matches!(of(Validator::Strong), ((Some(tag), false), true) if tag.starts_with('"')));
    assert!(matches!(of(Validator::Weak), ((Some(tag), false), true) if tag.starts_with("W/\"")));
    assert!(matches!(of(Validator::Changing), ((Some(tag), false), false) if tag.starts_with('"')));
    assert_eq!(of(Validator::LastModified), ((None, true), true));
    assert_eq!(of(Validator::None), ((None, false), true));
}

#[test]
fn what_comes_in_place_of_the_file() {
    let appliance = sending(Download { totalsize_off_by: -5, ..Download::default() });
    let whole = ask(&appliance, "GET", &target(&appliance)).body;
    assert_eq!(status(&appliance)["totalsize"], whole.len() - 5);
    let failure = sending(Download { failure_inside: true, ..Download::default() });
    let answer = ask(&failure, "GET", &target(&failure));
    assert_eq!((answer.status, &answer.json()["status"]["result"]), (200, &json!("failure")));
    let broken = sending(Download { broken_end: true, ..Download::default() });
    let bytes = ask(&broken, "GET", &target(&broken)).body;
    assert_eq!(bytes.len(), whole.len());
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.ends_with(&[0; 100]));
}

#[test]
fn a_file_without_length_ends_with_its_connection() {
    for (end, seen) in [(CutEnd::CloseNotify, End::Closed), (CutEnd::Fin, End::Torn)] {
        let appliance = sending(Download::default());
        let rule = FaultRule::new(Fault::NoLength { end }).on("GET", &format!("{FIRMWARE}?key=export"));
        appliance.change(|state| state.settings.faults.push(rule));
        let (bytes, ended) = raw(&appliance, &request("GET", &target(&appliance), &[&basic(&appliance)], b"")).unwrap();
        let answer = parse(&bytes);
        assert_eq!((answer.header("content-length"), ended), (None, seen));
        assert_eq!(status(&appliance)["totalsize"], answer.body.len());
    }
}

#[test]
fn a_file_has_any_name() {
    let long = "x".repeat(300);
    for name in ["../x", "/etc/passwd", "", long.as_str(), "a\u{202e}\n.zip"] {
        let appliance = with(Plays { export_file_name: Some(name.into()), ..Plays::default() });
        assert_eq!(status(&appliance)["current"], name);
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let target = format!("{FIRMWARE}?key=export&exportRepoFilename={encoded}");
        assert!(ask(&appliance, "GET", &target).body.starts_with(b"PK"), "{name:?}");
    }
}

#[test]
fn a_restart_has_all_its_phases() {
    let appliance = with(Plays { restart_phases: RestartPhase::all(1.0), ..Plays::default() });
    appliance.change(|state| {
        state.management[0].downloaded = true;
        state.settings.durations.restart_down = 0.0;
        state.settings.durations.restart_503 = 0.0;
    });
    let number = appliance.change(|state| {
        let fixid = state.management[0].fixid.clone();
        state.add_apply_task(&fixid, 0.0)
    });
    let mut seen: Vec<String> = Vec::new();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < end, "{seen:?}");
        let now = match connect(&appliance, appliance.ca_path(), "localhost") {
            Err(error) if error.to_string().contains("InvalidContentType") => "plain".to_owned(),
            Err(_) => "reset".to_owned(),
            Ok(_) => match raw(&appliance, &request("GET", "/aicc", &[&basic(&appliance)], b"")) {
                Err(_) => continue,
                Ok((bytes, _)) if bytes.is_empty() => continue,
                Ok((bytes, _)) => {
                    let answer = parse(&bytes);
                    let about = serde_json::from_slice(&answer.body).unwrap_or(json!({}))["appliance"].clone();
                    format!("{} {} {}", answer.status, about["version"], about["runlevel"])
                }
            },
        };
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        if now == "200 \"4.0.1\" 3" {
            break;
        }
    }
    let phases = [
        "reset",
        "plain",
        "404 null null",
        "500 null null",
        "503 null null",
        "200 null null",
        "401 null null",
        "403 null null",
        "302 null null",
        "200 \"4.0.0\" 3",
        "200 \"4.0.1\" 6",
        "200 \"4.0.1\" 3",
    ];
    // Before the restart the old version shows.
    let first = seen.iter().position(|now| now == "reset").unwrap();
    assert_eq!(seen[first..], phases);
    assert_eq!(get(&appliance, &format!("/tasks/{number}"))[0]["status"], "Complete");
    assert!(matches!(RestartPhase::all(1.0)[0].phase, Phase::Reset));
}

#[test]
fn the_log_tells_changes_from_questions() {
    let appliance = with(Plays::default());
    get(&appliance, "/tasks?compact=true");
    ask(&appliance, "PUT", &format!("{FIRMWARE}?action=read"));
    send(&appliance, "POST", "/sessions", &[], b"{}");
    ask(&appliance, "DELETE", "/sessions/x");
    let logged = appliance.requests();
    let changes: Vec<bool> = logged.iter().map(lxca_appliance::LoggedRequest::is_change).collect();
    assert_eq!(changes, [false, true, false, false]);
    assert_eq!((logged[0].path(), logged[0].query(), logged[2].body_length), ("/tasks", "compact=true", 2));
    assert_eq!(logged.iter().map(|request| request.connection).collect::<Vec<_>>(), [1, 2, 3, 4]);
}
