//! The three questions, answered.

use crate::harness::{Lxca, appliance};
use serde_json::json;

#[test]
fn the_status_of_a_finished_export() {
    let appliance = appliance();
    let answer = Lxca::asks(&appliance, json!({"operation": "firmware_export_info", "task_id": 12})).succeeds();
    assert_eq!(answer["data"]["phase"], "complete");
    assert_eq!(answer["changed"], false);
    assert_eq!(answer["api_version"], "4.0.0");
}

#[test]
fn who_the_appliance_is() {
    let appliance = appliance();
    let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info"})).succeeds();
    assert_eq!(answer["data"]["version"], "4.0.0");
    assert!(answer["data"].get("details").is_none());
}
