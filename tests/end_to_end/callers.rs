//! The same answer for different callers: Ansible, Bolt, Salt, a shell.

use crate::harness::{Lxca, appliance, requests};
use serde_json::{Value, json};

const MISSING: i32 = 4711;

fn succeeding(extra: Value) -> Value {
    crate::harness::with(json!({"operation": "firmware_export_info", "task_id": 12}), extra)
}

fn failing(extra: Value) -> Value {
    crate::harness::with(json!({"operation": "firmware_export_info", "task_id": MISSING}), extra)
}

#[test]
fn a_comment_for_everybody_but_ansible() {
    let appliance = appliance();
    let cases = [
        (json!({}), true),
        (json!({"_task": "lxca::firmware_export_info"}), true),
        (json!({"_noop": true}), true),
        (json!({"_ansible_check_mode": false}), false),
        (json!({"_ansible_whatever": ""}), false),
    ];
    for (extra, expected) in cases {
        for call in [succeeding(extra.clone()), failing(extra.clone())] {
            let answer = Lxca::asks(&appliance, call).run().answer();
            assert_eq!(answer["comment"].is_string(), expected, "{extra}: {}", answer.0);
            if expected {
                assert!(answer["comment"].as_str().unwrap().contains(answer.msg()), "{}", answer.0);
            }
        }
    }
}

#[test]
fn the_comment_says_the_essential_in_words() {
    let appliance = appliance();
    let file = appliance.change(|state| state.task(12).unwrap().file.clone().unwrap().name);
    let cases = [
        (json!({"operation": "firmware_export_info", "task_id": 12}), vec!["complete".to_owned(), file]),
        (json!({"operation": "firmware_export_info", "task_id": 0}), vec!["1".to_owned()]),
        (json!({"operation": "appliance_info"}), vec!["4.0.0".to_owned(), "264".to_owned()]),
        (
            json!({"operation": "management_server_update_info", "fix_ids": "lnvgy_sw_lxca_291-4.0.1_anyos_noarch"}),
            vec!["lnvgy_sw_lxca_291-4.0.1_anyos_noarch".to_owned()],
        ),
        (json!({"operation": "management_server_update_info"}), vec!["4.0.0".to_owned()]),
    ];
    for (call, words) in cases {
        let answer = Lxca::asks(&appliance, call.clone()).succeeds();
        let comment = answer["comment"].as_str().unwrap();
        for word in words {
            assert!(comment.contains(&word), "{call}: {comment} lacks {word}");
        }
    }
}

#[test]
fn bolt_gets_its_own_error() {
    let appliance = appliance();
    let answer = Lxca::asks(&appliance, failing(json!({"_task": "lxca::firmware_export_info"}))).fails("bad_request");
    assert_eq!(answer["_error"]["msg"], answer["msg"]);
    assert_eq!(answer["_error"]["kind"], "lxca/bad_request");
    assert_eq!(answer["_error"]["details"], json!({"error": answer["error"], "messages": answer["messages"]}));
    assert_eq!(answer["error"], json!({"kind": "bad_request", "http_status": 400, "retryable": false}));

    let invalid = Lxca::given(json!({"_task": "lxca::appliance_info"}).to_string()).fails("invalid_input");
    assert_eq!(invalid["_error"]["kind"], "lxca/invalid_input");
    assert_eq!(invalid["_error"]["details"], json!({"error": invalid["error"], "messages": []}));

    for (call, what) in [(succeeding(json!({"_task": "x::y"})), "success"), (failing(json!({})), "not Bolt")] {
        let answer = Lxca::asks(&appliance, call).run().answer();
        assert!(answer.0.get("_error").is_none(), "{what}: {}", answer.0);
    }
}

#[test]
fn the_operation_may_come_from_the_name_of_the_module_or_task() {
    let appliance = appliance();
    let cases = [
        ("_ansible_module_name", "appliance_info"),
        ("_ansible_module_name", "lxca_appliance_info"),
        ("_ansible_module_name", "lenovo.lxca.lxca_appliance_info"),
        ("_ansible_module_name", "lenovo.lxca.appliance_info"),
        ("_task", "lxca::appliance_info"),
        ("_task", "lxca::lxca_appliance_info"),
    ];
    for (key, name) in cases {
        let answer = Lxca::asks(&appliance, json!({key: name})).succeeds();
        assert_eq!(answer["operation"], "appliance_info", "{name}");
    }
    // A given operation wins.
    let answer = Lxca::asks(&appliance, succeeding(json!({"_task": "lxca::appliance_info"}))).succeeds();
    assert_eq!(answer["operation"], "firmware_export_info");
}

#[test]
fn check_mode_reads_as_usual_and_has_no_diff() {
    let appliance = appliance();
    let plain = Lxca::asks(&appliance, succeeding(json!({}))).succeeds();
    for extra in [json!({"_ansible_check_mode": true, "_ansible_diff": true}), json!({"_noop": true})] {
        appliance.clear_requests();
        let answer = Lxca::asks(&appliance, succeeding(extra)).succeeds();
        assert_eq!(answer["data"], plain["data"]);
        assert_eq!(answer["changed"], false);
        assert!(answer.0.get("diff").is_none());
        assert_eq!(requests(&appliance).len(), 1);
    }
}

#[test]
fn the_callers_own_keys_are_nobodys_business() {
    let appliance = appliance();
    let extra = json!({"_installdir": "/opt", "_target": {"uri": "x"}, "_ansible_verbosity": 3, "_something": [1]});
    Lxca::asks(&appliance, succeeding(extra)).succeeds();
}
