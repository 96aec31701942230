//! The appliance's quirks that no other test plays, and faults at random.

use std::time::Duration;

use crate::harness::{Lxca, appliance, appliance_with, requests, until};
use lxca_appliance::{
    CertificateKind, ContentEncoding, EmptyCurrent, Fault, FaultRule, Filetypes, Quirks, StatusBody, TlsOffer, chaos,
};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

const PACK: &str = "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch";

/// All of these tests' source.
fn source() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn no_quirk_no_fault_and_no_certificate_is_left_unplayed() {
    let source = source();
    let quirks = serde_json::to_value(Quirks::default()).unwrap();
    // Nothing here downloads a file; curl does.
    let of_downloads = ["export_parameter", "unknown_file_status"];
    let quirks = quirks.as_object().unwrap().keys().filter(|name| !of_downloads.contains(&name.as_str()));
    for name in quirks {
        let ways = [format!("quirks.{name}"), format!("{name}: "), format!("{{ {name}, "), format!(" {name}, ")];
        assert!(ways.iter().any(|way| source.contains(way)), "the quirk {name}");
    }
    let played = variants::<Fault>("Fault").into_iter().chain(variants::<CertificateKind>("Kind"));
    for name in played.chain(variants::<TlsOffer>("TlsOffer")) {
        // The whole name: not the begin of a longer one.
        let mut rest = source.split(&name).skip(1);
        let is_whole = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
        assert!(rest.any(is_whole), "{name}");
    }
}

/// The variants of an enum of the settings, as they are written in Rust.
fn variants<T: JsonSchema>(name: &str) -> Vec<String> {
    let schema = serde_json::to_value(schema_for!(T)).unwrap();
    let written = |variant: &Value| {
        let object = variant["properties"].as_object().and_then(|properties| properties.keys().next());
        let variant = variant["const"].as_str().or(object.map(String::as_str)).unwrap();
        let words = variant.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
        format!("{name}::{}", words.collect::<String>())
    };
    schema["oneOf"].as_array().unwrap().iter().map(written).collect()
}

#[test]
fn whatever_a_running_export_says_of_itself() {
    for (state, progress) in [("running", 0), ("", 0), ("IN_PROGRESS", 50), ("completing", 50), ("\u{e9}", 50)] {
        let appliance = appliance_with(|settings| {
            settings.quirks.running_state = state.into();
            // Begun when the appliance starts: for the second half of the documented steps, long enough ago.
            settings.durations.running_export = if progress == 0 { 100_000.0 } else { 30.0 };
        });
        until("some progress", || {
            let answer = Lxca::asks(&appliance, json!({"operation": "firmware_export_info", "task_id": 14})).succeeds();
            let data = &answer["data"];
            assert_eq!(data["state"], state, "{}", answer.0);
            assert_eq!(data["phase"], if data["progress"] == 0 { "created" } else { "running" }, "{}", answer.0);
            data["progress"] == progress
        });
    }
}

#[test]
fn too_many_sessions() {
    for (code, kind) in [(403, "authentication_failed"), (400, "authentication_failed"), (409, "conflict")] {
        let appliance = appliance_with(|settings| {
            settings.quirks.session_limit_status = code;
            settings.max_sessions_per_user = 1;
        });
        // A session that somebody else has open: its login goes through, its logout does not.
        let leave = Fault::Status { code: 500, retry_after: None, body: StatusBody::Envelope };
        let rule = FaultRule::new(leave).on("DELETE", "/sessions").times(1);
        appliance.change(|state| state.settings.faults.push(rule));
        let call = json!({"operation": "appliance_info", "auth_method": "session"});
        let answer = Lxca::asks(&appliance, call.clone()).succeeds();
        assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
        let answer = Lxca::asks(&appliance, call).fails(kind);
        assert_eq!(answer["error"]["http_status"], code);
        assert!(answer.msg().contains("FQXHMSE0291J"), "{}", answer.msg());
        // A refused login is not repeated.
        let logins = requests(&appliance).iter().filter(|request| request.starts_with("POST /sessions")).count();
        assert_eq!(logins, 2);
    }
}

#[test]
fn file_types_in_the_words_of_the_query() {
    let appliance = appliance_with(|settings| settings.quirks.filetypes = Filetypes::ChangeHistory);
    let call = json!({"operation": "management_server_update_info", "fix_ids": PACK, "key": "filetypes"});
    let answer = Lxca::asks(&appliance, call).succeeds();
    assert_eq!(answer["data"]["filetypes"], json!(["changeHistory", "readme"]));
}

#[test]
fn an_appliance_that_never_compresses() {
    let appliance = appliance_with(|settings| settings.quirks.content_encoding = ContentEncoding::Never);
    let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info", "all": true})).succeeds();
    assert_eq!(answer["data"]["version"], "4.0.0");
}

#[test]
fn a_name_that_comes_late() {
    let appliance = appliance_with(|settings| settings.quirks.empty_current = EmptyCurrent::Polls(1));
    let call = json!({"operation": "firmware_export_info", "task_id": 12});
    let answer = Lxca::asks(&appliance, call.clone()).succeeds();
    assert_eq!((&answer["data"]["current"], answer.warnings().len()), (&json!(""), 1), "{}", answer.0);
    let answer = Lxca::asks(&appliance, call).succeeds();
    assert!(answer["data"]["current"].as_str().unwrap().ends_with(".zip") && answer.warnings().is_empty());
}

#[test]
fn at_random_a_call_ends_soon_with_the_truth() {
    let kinds = ["connection_failed", "timeout", "unavailable", "server_error", "invalid_response", "tls"];
    let calm = appliance();
    let (mut good, mut bad, mut hits) = (0, 0, 0);
    for seed in 1..=8 {
        let troubled = appliance_with(|settings| {
            settings.seed = Some(seed);
            settings.faults = chaos();
        });
        for auth_method in ["basic", "session", "basic", "session"] {
            let call = json!({"operation": "management_server_update_info", "fix_ids": PACK, "key": "update",
                              "auth_method": auth_method, "timeout": 3});
            let ended = Lxca::asks(&troubled, call.clone()).run();
            assert!(ended.took < Duration::from_secs(40), "seed {seed}: {ended:?}");
            let answer = ended.answer();
            if answer["failed"] == false {
                good += 1;
                assert_eq!(answer["data"], Lxca::asks(&calm, call).succeeds()["data"], "seed {seed}");
            } else {
                bad += 1;
                let kind = answer["error"]["kind"].as_str().unwrap();
                assert!(kinds.contains(&kind), "seed {seed}: {}", answer.0);
            }
        }
        hits += troubled.change(|state| state.settings.faults.iter().map(|rule| rule.hits).sum::<u32>());
    }
    assert!(good > bad && hits > 8, "{good} good, {bad} bad, {hits} faults");
}
