//! Jobs.

use serde_json::{Value, json};

use crate::client::{ask, get, put, start};

#[test]
fn jobs_are_lists_with_their_subtasks() {
    let appliance = start();
    let all = get(&appliance, "/tasks");
    assert_eq!(all.as_array().unwrap().len(), 2);
    let one = get(&appliance, "/tasks/11");
    assert_eq!((&one[0]["jobUID"], &one[0]["status"]), (&json!("11"), &json!("Complete")));
    assert_eq!((&one[0]["percentage"], &one[0]["children"][0]["jobUID"]), (&json!(100.0), &json!("12")));
    for query in ["?compact=true", "?includeChildren=false"] {
        assert!(get(&appliance, &format!("/tasks/11{query}"))[0]["children"].is_null());
    }
    assert_eq!(get(&appliance, "/tasks/11,13,99").as_array().unwrap().len(), 2);
    assert_eq!(ask(&appliance, "GET", "/tasks/99").status, 404);
}

#[test]
fn jobs_are_cancelled_and_deleted() {
    let appliance = start();
    let cancel = |list: Value| put(&appliance, "PUT", "/tasks", &json!({ "action": "cancel", "list": list })).status;
    assert_eq!(ask(&appliance, "DELETE", "/tasks/13").status, 412);
    assert_eq!(cancel(json!([13])), 400);
    assert_eq!(cancel(json!(["99"])), 400);
    assert_eq!(cancel(json!(["11"])), 412);
    let answer = put(&appliance, "PUT", "/tasks", &json!({ "action": "cancel", "list": ["13"] }));
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(get(&appliance, "/tasks/13")[0]["status"], "Cancelled");
    assert_eq!(ask(&appliance, "DELETE", "/tasks/11,13").status, 200);
    assert_eq!(get(&appliance, "/tasks"), json!([]));
}

#[test]
fn reports_about_jobs_are_checked() {
    let appliance = start();
    let report = |id: &str, body: Value| put(&appliance, "PUT", &format!("/tasks/{id}"), &body).status;
    assert_eq!(report("13", json!({ "jobUID": "13", "percentage": 50 })), 200);
    assert_eq!(report("13", json!({ "cancelURL": "/x", "cancelRESTMethod": "PUT" })), 200);
    assert_eq!(report("13", json!({})), 400);
    assert_eq!(report("99", json!({ "jobUID": "99", "percentage": 50 })), 404);
}

#[test]
fn failed_jobs_have_all_their_percent() {
    let appliance = start();
    appliance.change(|state| state.fail(13));
    let job = get(&appliance, "/tasks/13");
    assert_eq!((&job[0]["status"], &job[0]["percentage"]), (&json!("CompleteWithErrors"), &json!(100.0)));
}
