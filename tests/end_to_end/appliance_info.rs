//! `appliance_info`: who the appliance is.

use crate::harness::{Lxca, appliance, appliance_with, body, damage, fixture, requests};
use lxca_appliance::FaultRule;
use serde_json::{Value, json};

const FACTS: [&str; 7] = ["build", "date", "name", "runlevel", "status", "uuid", "version"];

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_facts_and_nothing_of_the_rest() {
    let appliance = appliance_with(|settings| {
        settings.name = Some("lxca-lab".into());
        settings.version = "4.3.0".into();
        settings.build = "120".into();
    });
    let run = Lxca::asks(&appliance, json!({"operation": "appliance_info"})).run();
    let answer = run.answer();
    assert_eq!(keys(&answer["data"]), FACTS);
    assert_eq!(answer["data"]["name"], "lxca-lab");
    assert_eq!(answer["data"]["version"], "4.3.0");
    assert_eq!(answer["data"]["build"], "120");
    assert_eq!(answer["data"]["runlevel"], 3);
    assert_eq!(answer["data"]["status"], "Normal");
    assert_eq!(answer["api_version"], "4.3.0");
    assert_eq!((&answer["changed"], &answer["failed"]), (&false.into(), &false.into()));
    assert!(run.stdout.len() < 2000, "{}", run.stdout);
    assert_eq!(requests(&appliance), ["GET /aicc"]);
}

#[test]
fn the_rest_only_on_request() {
    let appliance = appliance();
    let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info", "all": "yes"})).succeeds();
    let details = &answer["data"]["details"];
    assert_eq!(answer["data"]["version"], "4.0.0");
    assert!(details["date"]["timezones"].as_array().unwrap().len() > 100);
    assert_eq!(details["network_interfaces"][0]["id"], "eth0");
    assert_eq!(details["services"][0]["state"], 0);
    assert!(details.get("appliance").is_none(), "not twice");
}

#[test]
fn an_old_appliance_and_attributes_nobody_knows() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(body(fixture("appliance-1.4.json"))));
    let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info", "all": true})).succeeds();
    assert_eq!(answer["data"]["version"], "1.4.0");
    assert_eq!(answer["data"]["runlevel"], 3, "a number in a string");
    assert_eq!(answer["data"]["moonPhase"], json!({"name": "waning", "part": 0.25}), "unknown, kept as it came");
    assert_eq!(answer["data"]["details"]["network_interfaces"][0]["ip_addresses"][0]["ip"], "192.0.2.77");
}
