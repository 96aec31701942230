//! `management_server_update_info`: ids in any number, their files, and the repository as a whole.

use std::time::Duration;

use crate::harness::{Lxca, appliance, appliance_with, body, damage, fixture, requests, with};
use lxca_appliance::{Appliance, Fault, FaultRule, Package, StatusBody, UnknownFixId};
use serde_json::{Value, json};

const OWN: &str = "lnvgy_sw_lxca_291-4.0.1_anyos_noarch";
const SWITCHES: &str = "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch";
const PACK: &str = "lnvgy_sw_lxca-fw-repository-pack_2-3.1.0_anyos_noarch";
const UNKNOWN: &str = "lnvgy_sw_lxca_999-9.9.9_anyos_noarch";

fn asks(appliance: &Appliance, options: Value) -> Lxca {
    Lxca::asks(appliance, with(json!({"operation": "management_server_update_info"}), options))
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn fixids(data: &Value) -> Vec<&str> {
    data["updates"].as_array().unwrap().iter().map(|update| update["fixid"].as_str().unwrap()).collect()
}

/// Ids of updates that the appliance then has.
fn stocked(appliance: &Appliance, count: usize) -> Vec<String> {
    let ids: Vec<String> =
        (0..count).map(|number| format!("lnvgy_sw_lxca_{number}-7.0.{number}_anyos_noarch")).collect();
    let packages: Vec<Package> = ids.iter().map(|id| Package::new(id, "Made up", "7.0", 3_846_590_000)).collect();
    appliance.change(|state| state.management.extend(packages));
    ids
}

fn failing(code: u16) -> Fault {
    Fault::Status { code, retry_after: None, body: StatusBody::Envelope }
}

#[test]
fn everything_about_some_ids() {
    let appliance = appliance();
    let answer = asks(&appliance, json!({"fix_ids": [SWITCHES, OWN]})).succeeds();
    let data = &answer["data"];
    assert_eq!(keys(data), ["actions", "filetypes", "missing_fix_ids", "supported_keys", "updates"]);
    assert_eq!(fixids(data), [SWITCHES, OWN]);
    assert_eq!(data["actions"], json!(["acquire", "apply", "delete"]));
    assert_eq!(data["filetypes"], json!(["change", "readme"]));
    assert_eq!(data["missing_fix_ids"], json!([]));
    assert!(data["supported_keys"].as_array().unwrap().contains(&"update".into()), "{data}");
    let update = &data["updates"][0];
    assert_eq!(update["readme"], true);
    assert!(update["latest"].is_boolean() && update["supportDownload"].is_boolean());
    assert_eq!(update["origin"], format!("{SWITCHES}.xml"), "undocumented, kept");
    assert!(update["totalsize"].is_u64() && update["severity"].is_u64());
    assert_eq!(update["errorMsg"], "");
    assert!(answer.warnings().is_empty());
    assert_eq!(answer["changed"], false);
    assert_eq!(requests(&appliance), [format!("GET /managementServer/updates/{SWITCHES},{OWN}")]);
}

#[test]
fn one_key_gives_its_own_part_only() {
    let cases = [
        ("all", vec!["actions", "filetypes", "missing_fix_ids", "supported_keys", "updates"]),
        ("update", vec!["missing_fix_ids", "updates"]),
        ("actions", vec!["actions"]),
        ("filetypes", vec!["filetypes"]),
        ("keys", vec!["supported_keys"]),
    ];
    for (key, expected) in cases {
        let appliance = appliance();
        let answer = asks(&appliance, json!({"fix_ids": OWN, "key": key})).succeeds();
        assert_eq!(keys(&answer["data"]), expected, "{key}");
        assert_eq!(requests(&appliance), [format!("GET /managementServer/updates/{OWN}?key={key}")]);
    }
}

#[test]
fn lists_are_empty_when_the_appliance_sent_none() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(body(json!({"status": {"result": "informational", "messages": []}}))));
    for (key, part) in [("actions", "actions"), ("filetypes", "filetypes"), ("keys", "supported_keys")] {
        let answer = asks(&appliance, json!({"fix_ids": OWN, "key": key})).succeeds();
        assert_eq!(answer["data"], json!({part: []}));
    }
    let answer = asks(&appliance, json!({"fix_ids": OWN})).succeeds();
    let nothing =
        json!({"updates": [], "actions": [], "filetypes": [], "supported_keys": [], "missing_fix_ids": [OWN]});
    assert_eq!(answer["data"], nothing);
    assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
}

#[test]
fn the_documented_example_and_its_doubtful_types() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(body(fixture("update-doubtful-types.json"))));
    let answer = asks(&appliance, json!({"fix_ids": "lnvgy_sw_lxca_310-4.1.0_anyos_noarch"})).succeeds();
    let data = &answer["data"];
    assert_eq!(data["actions"], json!(["acquire"]), "an object in place of a list");
    assert_eq!(data["filetypes"], json!(["change", "readme"]), "a text in place of a list");
    assert_eq!(data["supported_keys"], json!(["update"]));
    let update = &data["updates"][0];
    assert_eq!(update["totalsize"], 4_294_967_297_u64, "a number in a string");
    assert_eq!(update["percentage"], 100);
    assert_eq!(update["applyable"], true);
    assert_eq!(update["payload"], false);
    assert_eq!(update["severity"], "critical", "a word, as the table has it");
    assert_eq!(update["buildNumber"], "0310", "a string that looks like a number");
    assert_eq!(update["version"], "4.1");
    assert_eq!(update["colour"], json!(["blue", {"light": "true"}]), "unknown, kept as it came");
    assert_eq!(data["missing_fix_ids"], json!([]));
}

#[test]
fn ids_that_are_missing_are_a_warning() {
    let appliance = appliance();
    let answer = asks(&appliance, json!({"fix_ids": [UNKNOWN, OWN, "other-1.0"]})).succeeds();
    assert_eq!(answer["data"]["missing_fix_ids"], json!([UNKNOWN, "other-1.0"]));
    assert_eq!(fixids(&answer["data"]), [OWN]);
    assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
    assert!(answer.warnings()[0].contains(UNKNOWN), "{}", answer.0);

    // Where the updates are not asked for, nobody can say what is missing.
    let answer = asks(&appliance, json!({"fix_ids": [UNKNOWN, OWN], "key": "actions"})).succeeds();
    assert!(answer.warnings().is_empty());
}

#[test]
fn the_order_asked_for_whatever_the_order_of_the_answer() {
    let appliance = appliance();
    let update = |id: &str| json!({"fixid": id, "version": "1"});
    let answered = json!({"update": [update("extra"), update("c"), update("a"), update("b"), update("c")]});
    damage(&appliance, FaultRule::new(body(answered)));
    let answer = asks(&appliance, json!({"fix_ids": ["a", "b", "c", "d"], "key": "update"})).succeeds();
    // What nobody asked for is kept, behind the rest.
    assert_eq!(fixids(&answer["data"]), ["a", "b", "c", "c", "extra"]);
    assert_eq!(answer["data"]["missing_fix_ids"], json!(["d"]));
}

#[test]
fn an_appliance_that_answers_404_for_a_missing_id() {
    let appliance = appliance_with(|settings| settings.quirks.unknown_fix_id = UnknownFixId::NotFound);
    let answer = asks(&appliance, json!({"fix_ids": [OWN, UNKNOWN]})).fails("not_found");
    assert!(answer.msg().contains("FQXHMUP9404J") && answer.msg().contains(UNKNOWN), "{}", answer.msg());
}

#[test]
fn an_id_twice_is_asked_for_once() {
    let appliance = appliance();
    let answer = asks(&appliance, json!({"fix_ids": format!("{OWN}, {SWITCHES},{OWN}")})).succeeds();
    assert_eq!(fixids(&answer["data"]), [OWN, SWITCHES]);
    assert_eq!(requests(&appliance), [format!("GET /managementServer/updates/{OWN},{SWITCHES}")]);
}

#[test]
fn what_is_no_id_is_refused_before_anything_is_sent() {
    let appliance = appliance();
    let long = "x".repeat(256);
    for ids in [json!([".."]), json!(["."]), json!(["a/b"]), json!(["a b"]), json!(["ä"]), json!([""]), json!([long])]
    {
        asks(&appliance, json!({"fix_ids": ids})).fails("invalid_input");
    }
    for options in [
        json!({"filetype": "readme"}),
        json!({"fix_ids": OWN, "filetype": "readme", "key": "all"}),
        json!({"fix_ids": OWN, "filetype": "change"}),
        json!({"fix_ids": OWN, "key": "updates"}),
        json!({"key": "update"}),
    ] {
        asks(&appliance, options).fails("invalid_input");
    }
    assert!(requests(&appliance).is_empty());
}

#[test]
fn three_thousand_ids_in_the_order_asked_for() {
    for auth_method in ["basic", "session"] {
        let appliance = appliance();
        let mut ids = stocked(&appliance, 3000);
        ids.reverse();
        ids.insert(1234, UNKNOWN.to_owned());
        ids.push(ids[0].clone());
        let run = asks(&appliance, json!({"fix_ids": ids, "auth_method": auth_method})).run();
        let answer = run.answer();
        assert_eq!(answer["failed"], false, "{}", answer.msg());
        ids.pop();
        assert_eq!(answer["data"]["missing_fix_ids"], json!([UNKNOWN]));
        ids.remove(1234);
        assert_eq!(fixids(&answer["data"]), ids);
        assert_eq!(answer["data"]["actions"], json!(["acquire", "apply", "delete"]), "not repeated");
        assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "identical ones once");
        assert_eq!(answer.warnings().len(), 1);

        let made = appliance.requests();
        let mut asked: Vec<String> = Vec::new();
        for request in made.iter().filter(|request| request.method == "GET") {
            let line = format!("GET {} HTTP/1.1\r\n", request.target);
            assert!(line.len() <= 4096, "{}", line.len());
            let list = request.target.strip_prefix("/managementServer/updates/").unwrap();
            asked.extend(list.split(',').map(str::to_owned));
        }
        ids.insert(1234, UNKNOWN.to_owned());
        assert_eq!(asked, ids, "each once, in order");
        // Full requests: an id has 45 bytes at most.
        assert!(made.len() <= 3001 * 46 / 4000 + 1 + 2, "{}", made.len());
        assert_eq!(appliance.connections(), 1);
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    }
}

#[test]
fn long_ids_and_a_connection_that_ends_after_each_answer() {
    let appliance = appliance_with(|settings| settings.quirks.connection_close = true);
    let ids: Vec<String> = (0..40).map(|number| format!("{}{number:02}", "x".repeat(253))).collect();
    let answer = asks(&appliance, json!({"fix_ids": ids, "key": "update"})).succeeds();
    assert_eq!(answer["data"]["missing_fix_ids"], json!(ids));
    for request in appliance.requests() {
        assert!(request.target.len() + "GET  HTTP/1.1\r\n".len() <= 4096);
    }
    assert_eq!(appliance.requests().len(), 3);
}

#[test]
fn the_first_failing_request_ends_the_call() {
    let appliance = appliance();
    let ids = stocked(&appliance, 300);
    damage(&appliance, FaultRule::new(failing(500)).on("GET", "/").skip(1));
    let answer = asks(&appliance, json!({"fix_ids": ids, "retries": 0})).fails("server_error");
    let made = requests(&appliance);
    assert_eq!(made.len(), 2);
    let read = made[0].split(',').count();
    assert_eq!(fixids(&answer["data"]), ids[..read]);
    let failed: Vec<&str> = made[1].rsplit('/').next().unwrap().split(',').collect();
    assert!(answer.msg().contains(failed[0]), "{}", answer.msg());
    assert!(answer.msg().contains(failed[failed.len() - 1]), "{}", answer.msg());
    assert!(!answer.msg().contains(&ids[0]), "{}", answer.msg());
    assert!(answer.msg().contains("FQXHMSE9500M"), "{}", answer.msg());
    assert_eq!(answer["changed"], false);
}

#[test]
fn lists_are_united_in_the_order_they_are_first_seen() {
    let appliance = appliance();
    let of = |actions: Value, filetypes: Value| body(json!({"update": [], "actions": actions, "filetypes": filetypes}));
    let parts = [
        of(json!([{"action": "apply"}, {"action": "delete"}]), json!(["readme"])),
        of(json!([{"action": "acquire"}, {"action": "apply"}]), json!(["change", "readme"])),
    ];
    for part in parts {
        damage(&appliance, FaultRule::new(part).on("GET", "/").times(1));
    }
    let ids: Vec<String> = (0..20).map(|number| format!("{}{number:02}", "y".repeat(250))).collect();
    let answer = asks(&appliance, json!({"fix_ids": ids})).succeeds();
    assert_eq!(requests(&appliance).len(), 2);
    assert_eq!(answer["data"]["actions"], json!(["apply", "delete", "acquire"]));
    assert_eq!(answer["data"]["filetypes"], json!(["readme", "change"]));
}

#[test]
fn the_files_of_some_ids() {
    for (filetype, word) in [("readme", "README"), ("changeHistory", "Change History")] {
        let appliance = appliance();
        let ids = [SWITCHES, OWN];
        let answer = asks(&appliance, json!({"fix_ids": ids, "filetype": filetype})).succeeds();
        assert_eq!(keys(&answer["data"]), ["files", "missing_fix_ids"]);
        assert_eq!(answer["data"]["missing_fix_ids"], json!([]));
        let files = answer["data"]["files"].as_array().unwrap();
        assert_eq!(files.len(), 2);
        for (file, id) in files.iter().zip(ids) {
            assert_eq!(keys(file), ["field", "fixid", "value"]);
            assert_eq!((&file["fixid"], &file["field"]), (&id.into(), &filetype.into()));
            assert!(file["value"].as_str().unwrap().contains(word), "{file}");
        }
        let expected = ids.map(|id| format!("GET /managementServer/updates/{id}?filetype={filetype}"));
        assert_eq!(requests(&appliance), expected);
        assert_eq!(appliance.connections(), 1);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_warning() {
    for not_there in [None, Some(failing(404))] {
        let appliance = appliance();
        if let Some(fault) = not_there {
            damage(&appliance, FaultRule::new(fault).on("GET", &format!("/managementServer/updates/{PACK}")));
        }
        let call = json!({"fix_ids": [OWN, PACK, SWITCHES], "filetype": "changeHistory"});
        let answer = asks(&appliance, call).succeeds();
        let files = answer["data"]["files"].as_array().unwrap();
        let ids: Vec<&str> = files.iter().map(|file| file["fixid"].as_str().unwrap()).collect();
        assert_eq!(ids, [OWN, SWITCHES]);
        assert_eq!(answer["data"]["missing_fix_ids"], json!([PACK]));
        assert_eq!(answer.warnings().len(), 1, "{}", answer.0);
        assert!(answer.warnings()[0].contains(PACK) && answer.warnings()[0].contains("changeHistory"), "{}", answer.0);
        assert!(answer.msg().contains("2 of 3 updates"), "{}", answer.msg());
        assert!(
            answer["comment"].as_str().unwrap().contains(SWITCHES)
                && !answer["comment"].as_str().unwrap().contains(PACK)
        );
        assert_eq!(requests(&appliance).len(), 3);
    }
}

#[test]
fn files_that_no_update_has_are_a_failure() {
    let appliance = appliance();
    for ids in [json!([PACK]), json!([PACK, UNKNOWN])] {
        let answer = asks(&appliance, json!({"fix_ids": ids, "filetype": "changeHistory"})).fails("operation_failed");
        assert_eq!(answer["data"], json!({"files": [], "missing_fix_ids": ids}));
        let last = ids.as_array().unwrap().last().unwrap().as_str().unwrap();
        assert!(answer.msg().contains(last), "{}", answer.msg());
    }
    damage(&appliance, FaultRule::new(failing(404)));
    asks(&appliance, json!({"fix_ids": [OWN, SWITCHES], "filetype": "readme"})).fails("not_found");
}

#[test]
fn another_failure_ends_the_call_whatever_is_missing() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(failing(404)).on("GET", "/").times(1));
    damage(&appliance, FaultRule::new(failing(500)).on("GET", "/"));
    let call = json!({"fix_ids": [OWN, PACK, SWITCHES], "filetype": "readme", "retries": 0});
    let answer = asks(&appliance, call).fails("server_error");
    assert_eq!(answer["data"], json!({"files": [], "missing_fix_ids": [OWN]}));
    assert!(answer.msg().contains(PACK), "{}", answer.msg());
    assert_eq!(requests(&appliance).len(), 2);
}

#[test]
fn an_empty_list_of_ids_asks_for_nothing() {
    let appliance = appliance();
    for (options, data) in [
        (
            json!({}),
            json!({"updates": [], "actions": [], "filetypes": [], "supported_keys": [], "missing_fix_ids": []}),
        ),
        (json!({"key": "update"}), json!({"updates": [], "missing_fix_ids": []})),
        (json!({"key": "actions", "auth_method": "session"}), json!({"actions": []})),
        (json!({"filetype": "readme"}), json!({"files": [], "missing_fix_ids": []})),
    ] {
        let answer = asks(&appliance, with(options, json!({"fix_ids": []}))).succeeds();
        assert_eq!(answer["data"], data);
        assert_eq!(answer["changed"], false);
        assert!(answer.warnings().is_empty(), "{}", answer.0);
    }
    assert!(requests(&appliance).is_empty());
}

#[test]
fn the_repository_as_a_whole() {
    let all = ["currentVersion", "history", "importDir", "size", "updatedDate", "updates"];
    let appliance = appliance();
    let answer = asks(&appliance, json!({})).succeeds();
    assert_eq!(keys(&answer["data"]), all);
    assert_eq!(answer["data"]["currentVersion"], "4.0.0");
    assert_eq!(answer["data"]["updates"].as_array().unwrap().len(), 4);
    assert_eq!(answer["data"]["updates"][0]["applied"], false);
    assert!(answer["data"]["size"]["freeSpace"].is_u64());
    assert_eq!(answer["data"]["history"][0]["flavor"], "base install");
    assert_eq!(requests(&appliance), ["GET /managementServer/updates"]);

    let answer = asks(&appliance, json!({"key": "all"})).succeeds();
    assert_eq!(keys(&answer["data"]), all);
    for key in all {
        appliance.clear_requests();
        let answer = asks(&appliance, json!({"key": key})).succeeds();
        assert_eq!(keys(&answer["data"]), [key]);
        assert_eq!(requests(&appliance), [format!("GET /managementServer/updates?key={key}")]);
    }
}
