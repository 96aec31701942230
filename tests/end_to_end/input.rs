//! The options as they arrive from users and callers, up to what the appliance sees of them (contract, sections 2 and 4).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use lxca_appliance::Appliance;
use serde_json::{Value, json};

use crate::harness::{Lxca, appliance, appliance_with, requests, with};

/// The one request that a call made, as method and target.
#[track_caller]
fn asked(appliance: &Appliance, options: Value) -> String {
    appliance.clear_requests();
    let answer = Lxca::asks(appliance, options).run().answer();
    let all = requests(appliance);
    assert_eq!(all.len(), 1, "{}", answer.0);
    all[0].clone()
}

/// A refusal for which nothing may be sent.
#[track_caller]
fn refused(appliance: &Appliance, options: Value) -> String {
    appliance.clear_requests();
    let answer = Lxca::asks(appliance, options).fails("invalid_input");
    assert!(answer.msg().contains("nothing was sent"), "{}", answer.0);
    assert_eq!((appliance.requests().len(), answer.0.get("data")), (0, None));
    answer.msg().to_owned()
}

#[test]
fn coerced_values_reach_the_appliance() {
    let appliance = appliance();
    let port = appliance.port();
    let export = "GET /updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=";
    for (options, request) in [
        (json!({"operation": "firmware_export_info", "task_id": 12}), format!("{export}12")),
        (json!({"operation": "firmware_export_info", "task_id": 12.0}), format!("{export}12")),
        (json!({"operation": "firmware_export_info", "task_id": " +0012 "}), format!("{export}12")),
        (json!({"operation": "firmware_export_info", "task_id": i64::MAX}), format!("{export}9223372036854775807")),
        (json!({"operation": "firmware_export_info", "task_id": "0", "wait": "no"}), format!("{export}0")),
        (json!({"operation": "appliance_info", "port": format!(" {port}\n")}), "GET /aicc".into()),
        (json!({"operation": "appliance_info", "port": f64::from(port)}), "GET /aicc".into()),
        (
            json!({"operation": "appliance_info", "all": "YES", "use_proxy": 0, "validate_certs": "On"}),
            "GET /aicc".into(),
        ),
        (json!({"_task": "lxca::lxca_appliance_info"}), "GET /aicc".into()),
        (json!({"_ansible_module_name": "lenovo.lxca.firmware_export_info", "task_id": "1"}), format!("{export}1")),
    ] {
        assert_eq!(asked(&appliance, options.clone()), request, "{options}");
    }
}

#[test]
fn ids_and_keys_reach_the_appliance() {
    let appliance = appliance();
    let updates = |options: Value| with(json!({"operation": "management_server_update_info"}), options);
    let path = "GET /managementServer/updates";
    for (options, request) in [
        (json!({}), path.to_owned()),
        (json!({"fix_ids": ["b", "a"]}), format!("{path}/b,a")),
        (json!({"fix_ids": " b , a,b"}), format!("{path}/b,a")),
        (json!({"fix_ids": ["a", 7, " a "]}), format!("{path}/a,7")),
        (json!({"fix_ids": "A-Z_0.9"}), format!("{path}/A-Z_0.9")),
        (json!({"fix_ids": "x".repeat(255)}), format!("{path}/{}", "x".repeat(255))),
        (json!({"fix_ids": "...,-"}), format!("{path}/...,-")),
    ] {
        assert_eq!(asked(&appliance, updates(options.clone())), request, "{options}");
    }
    for key in ["all", "currentVersion", "history", "importDir", "size", "updates", "updatedDate"] {
        assert_eq!(asked(&appliance, updates(json!({"key": key}))), format!("{path}?key={key}"));
    }
    for key in ["all", "actions", "keys", "filetypes", "update"] {
        assert_eq!(asked(&appliance, updates(json!({"fix_ids": "a", "key": key}))), format!("{path}/a?key={key}"));
    }
    for filetype in ["readme", "changeHistory"] {
        let request = asked(&appliance, updates(json!({"fix_ids": "a", "filetype": filetype})));
        assert_eq!(request, format!("{path}/a?filetype={filetype}"));
    }
}

#[test]
fn what_an_operation_does_not_accept_is_never_sent() {
    let appliance = appliance();
    let export = |options: Value| with(json!({"operation": "firmware_export_info", "task_id": 1}), options);
    let updates = |options: Value| with(json!({"operation": "management_server_update_info"}), options);
    for (options, named) in [
        (json!({"operation": "firmware_export_info"}), &["`task_id`: required"][..]),
        (export(json!({"task_id": -1})), &["`task_id`: accepted are whole numbers from 0"]),
        (export(json!({"task_id": "twelve"})), &["`task_id`"]),
        (export(json!({"task_id": true})), &["`task_id`"]),
        (export(json!({"task_id": 1.5})), &["`task_id`"]),
        (export(json!({"task_id": ""})), &["`task_id`"]),
        (export(json!({"task_id": "9223372036854775808"})), &["`task_id`"]),
        (export(json!({"task_id": [1]})), &["`task_id`"]),
        (export(json!({"task_id": 0, "wait": true})), &["`wait`", "task_id"]),
        (export(json!({"task_id": "-0", "wait": "y"})), &["`wait`", "task_id"]),
        (
            export(json!({"wait": "perhaps", "wait_timeout": -1, "poll_interval": 0})),
            &["`wait`", "`wait_timeout`", "`poll_interval`"],
        ),
        (
            export(json!({"wait_timeout": 604_801, "poll_interval": 86_401})),
            &["`wait_timeout`", "604800", "`poll_interval`", "86400"],
        ),
        (export(json!({"all": true})), &["`all`: unknown"]),
        (updates(json!({"task_id": 1})), &["`task_id`: unknown"]),
        (updates(json!({"fix_ids": ""})), &["`fix_ids`", "empty"]),
        (updates(json!({"fix_ids": "a,,b"})), &["`fix_ids`", "empty"]),
        (updates(json!({"fix_ids": ["a", ""]})), &["`fix_ids`", "empty"]),
        (updates(json!({"fix_ids": "."})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": ["a", ".."]})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "../../aicc"})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "a b"})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "a?key=all"})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "a%2e"})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "ü"})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": ["a,b"]})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": "x".repeat(256)})), &["`fix_ids`", "255"]),
        (updates(json!({"fix_ids": {"a": "b"}})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": true})), &["`fix_ids`"]),
        (updates(json!({"fix_ids": ["a", 1.5]})), &["`fix_ids`", "put it in quotes"]),
        (updates(json!({"key": "update"})), &["`key`", "currentVersion", "without `fix_ids`"]),
        (updates(json!({"key": "All"})), &["`key`"]),
        (updates(json!({"key": ""})), &["`key`"]),
        (updates(json!({"key": "history", "fix_ids": "a"})), &["`key`", "filetypes", "with `fix_ids`"]),
        (updates(json!({"filetype": "readme"})), &["`filetype`", "fix_ids"]),
        (updates(json!({"filetype": "change", "fix_ids": "a"})), &["`filetype`", "readme, changeHistory"]),
        (updates(json!({"filetype": "readme", "fix_ids": "a", "key": "all"})), &["`filetype`", "key"]),
        (updates(json!({"filetype": "readme", "key": "all"})), &["`filetype`", "key", "fix_ids"]),
        (json!({"operation": "appliance_info", "all": "perhaps"}), &["`all`"]),
        (json!({"operation": "appliance-info"}), &["`operation`", "perhaps appliance_info is meant"]),
        (json!({"operation": ["appliance_info"]}), &["`operation`"]),
        (json!({"operation": ""}), &["`operation`"]),
        (json!({}), &["`operation`: required", "firmware_export_info", "management_server_update_info"]),
    ] {
        let msg = refused(&appliance, options.clone());
        for name in named {
            assert!(msg.contains(name), "{options} without {name}: {msg}");
        }
    }
}

#[test]
fn limits_are_accepted_at_their_very_ends() {
    let appliance = appliance();
    let base = json!({"operation": "firmware_export_info", "task_id": 0});
    for (name, least, most) in [
        ("timeout", 1, 86_400),
        ("connect_timeout", 1, 86_400),
        ("retries", 0, 10),
        ("wait_timeout", 0, 604_800),
        ("poll_interval", 1, 86_400),
    ] {
        for accepted in [json!(least), json!(most), json!(most.to_string()), json!(f64::from(most))] {
            Lxca::asks(&appliance, with(base.clone(), json!({name: accepted}))).succeeds();
        }
        for beyond in
            [json!(least - 1), json!(most + 1), json!((most + 1).to_string()), json!(1e18), json!(1.5), json!("")]
        {
            let msg = refused(&appliance, with(base.clone(), json!({name: beyond})));
            assert!(msg.contains(&format!("`{name}`: accepted are whole numbers from {least} to {most}")), "{msg}");
        }
    }
    for port in [json!(0), json!(65_536), json!(-443), json!("0"), json!(""), json!(true), json!("https")] {
        let msg = refused(&appliance, with(base.clone(), json!({"port": port})));
        assert!(msg.contains("`port`: accepted are whole numbers from 1 to 65535"), "{msg}");
    }
}

#[test]
fn empty_is_not_given_for_three_options_only() {
    let appliance = appliance();
    let base = json!({"operation": "appliance_info", "ca_path": "", "server_name": "", "certificate_fingerprint": ""});
    Lxca::asks(&appliance, with(base, json!({"validate_certs": false}))).succeeds();
    for name in [
        "host",
        "port",
        "username",
        "password",
        "auth_method",
        "validate_certs",
        "timeout",
        "connect_timeout",
        "retries",
        "use_proxy",
        "all",
    ] {
        let msg = refused(&appliance, json!({"operation": "appliance_info", name: ""}));
        assert!(msg.contains(&format!("`{name}`: ")), "{name}: {msg}");
    }
}

#[test]
fn both_names_of_the_host_have_to_say_the_same() {
    let appliance = appliance();
    let info = json!({"operation": "appliance_info"});
    let host = appliance.host();
    Lxca::asks(&appliance, with(info.clone(), json!({"host": null, "hostname": host}))).succeeds();
    Lxca::asks(&appliance, with(info.clone(), json!({"host": host, "hostname": host}))).succeeds();
    let msg = refused(&appliance, with(info.clone(), json!({"hostname": "other.example"})));
    assert!(msg.contains("`hostname`") && msg.contains("`host`") && !msg.contains("other.example"), "{msg}");
    let msg = refused(&appliance, with(info, json!({"host": null, "hostname": "https://c4n4ry"})));
    assert!(msg.contains("`hostname`") && !msg.contains("required") && !msg.contains("c4n4ry"), "{msg}");
}

#[test]
fn the_environment_alone_is_enough() {
    let appliance = appliance();
    let call = |text: &str| {
        Lxca::given(text)
            .environment("LXCA_HOST", &appliance.host())
            .environment("LXCA_PORT", &appliance.port().to_string())
            .environment("LXCA_USERNAME", appliance.username())
            .environment("LXCA_PASSWORD", appliance.password())
            .environment("LXCA_CA_PATH", appliance.ca_path().to_str().unwrap())
    };
    let text = r#"{"operation": "appliance_info"}"#;
    call(text).succeeds();
    let fingerprint = appliance.certificate_fingerprint();
    let pinned =
        call(text).environment("LXCA_CA_PATH", "/nowhere").environment("LXCA_CERTIFICATE_FINGERPRINT", &fingerprint);
    pinned.succeeds();
    call(text).environment("LXCA_CA_PATH", "").environment("LXCA_VALIDATE_CERTS", "off").succeeds();
    appliance.clear_requests();
    call(text).environment("LXCA_AUTH_METHOD", "session").succeeds();
    assert_eq!(requests(&appliance).first().map(String::as_str), Some("POST /sessions"));
    // A given option wins over a variable, and a variable that is not looked at may hold anything.
    let given = json!({"operation": "appliance_info", "port": appliance.port(), "auth_method": "basic"}).to_string();
    call(&given).environment("LXCA_PORT", "rubbish").environment("LXCA_AUTH_METHOD", "rubbish").succeeds();
    for (name, value) in [("LXCA_PORT", "c4n4ry"), ("LXCA_VALIDATE_CERTS", "c4n4ry"), ("LXCA_AUTH_METHOD", "c4n4ry")] {
        let answer = call(text).environment(name, value).fails("invalid_input");
        assert!(answer.msg().contains(name) && !answer.msg().contains("c4n4ry"), "{}", answer.0);
    }
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused_by_name() {
    let text =
        r#"{"operation":"appliance_info","host":"127.0.0.1","port":1,"retries":0,"username":"u","password":"p"}"#;
    for name in ["LXCA_CA_PATH", "LXCA_VALIDATE_CERTS", "LXCA_CERTIFICATE_FINGERPRINT", "LXCA_AUTH_METHOD"] {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input");
        std::fs::write(&input, text).unwrap();
        let mut command = Lxca::with_arguments(&[input.to_str().unwrap()]).command();
        let output = command.env(name, OsStr::from_bytes(b"sess\xffion")).stdin(Stdio::null()).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["error"]["kind"], "invalid_input", "{answer}");
        assert!(answer["msg"].as_str().unwrap().contains(&format!("`{name}`")), "{answer}");
    }
}

#[test]
fn credentials_are_sent_as_utf_8() {
    let accounts = ["Jürgen", "ユーザ", "a b"];
    for username in accounts {
        let password = "pä:ß wörd€";
        let appliance = appliance_with(|settings| {
            settings.accounts[0].username = username.into();
            settings.accounts[0].password = Some(password.into());
        });
        let answer = Lxca::asks(&appliance, json!({"operation": "appliance_info"}));
        answer.succeeds();
        Lxca::asks(&appliance, json!({"operation": "appliance_info", "auth_method": "session"})).succeeds();
    }
}

#[test]
fn a_number_is_a_password_too() {
    let appliance = appliance_with(|settings| settings.accounts[0].password = Some("20260101".into()));
    Lxca::asks(&appliance, json!({"operation": "appliance_info", "password": 20_260_101})).succeeds();
    for password in [json!(20_260_101.5), json!(true)] {
        let msg = refused(&appliance, json!({"operation": "appliance_info", "password": password}));
        assert!(msg.contains("`password`") && msg.contains("put it in quotes"), "{msg}");
    }
}

#[test]
fn a_colon_in_the_user_name_is_for_sessions_only() {
    let appliance = appliance_with(|settings| settings.accounts[0].username = "domain:user".into());
    let info = json!({"operation": "appliance_info"});
    Lxca::asks(&appliance, with(info.clone(), json!({"auth_method": "session"}))).succeeds();
    for method in [json!({}), json!({"auth_method": "basic"})] {
        let msg = refused(&appliance, with(info.clone(), method));
        assert!(msg.contains("`username`") && msg.contains("colon") && !msg.contains("domain:user"), "{msg}");
    }
}

#[test]
fn check_mode_of_any_caller_reads_as_usual() {
    let appliance = appliance();
    for key in ["_ansible_check_mode", "_noop"] {
        for operation in ["appliance_info", "management_server_update_info"] {
            let answer = Lxca::asks(&appliance, json!({"operation": operation, key: true})).succeeds();
            assert_eq!(answer["changed"], false);
            assert!(answer["data"].is_object());
        }
    }
}

#[test]
fn every_request_says_who_asks_and_wants_plain_english_answers() {
    let appliance = appliance();
    for method in ["basic", "session"] {
        Lxca::asks(&appliance, json!({"operation": "appliance_info", "auth_method": method})).succeeds();
    }
    let all = appliance.requests();
    assert_eq!(all.len(), 4, "one, and a login, a question, a logout");
    for request in all {
        assert_eq!(
            request.header("user-agent"),
            Some(concat!("lxca/", env!("CARGO_PKG_VERSION"))),
            "{}",
            request.target
        );
        assert_eq!(request.header("accept-language"), Some("en"), "{}", request.target);
        let encoding = request.header("accept-encoding");
        assert!(encoding.is_none_or(|encoding| encoding == "identity"), "{}: {encoding:?}", request.target);
    }
}

#[test]
fn a_refused_input_names_everything_at_once_and_repeats_no_value() {
    let input = json!({
        "operation": "firmware_export_info", "host": "https://c4n4ry", "port": "c4n4ry", "password": ["c4n4ry"],
        "validate_certs": "c4n4ry", "certificate_fingerprint": "c4n4ry", "server_name": "c4n4ry:1", "timeout": "c4n4ry",
        "connect_timeout": {"c4n4ry": 1}, "retries": "c4n4ry", "use_proxy": "c4n4ry", "auth_method": "c4n4ry",
        "wait": "c4n4ry", "wait_timeout": "c4n4ry", "poll_interval": "c4n4ry", "hots": "c4n4ry", "ca_path": true,
    });
    let ended = Lxca::given(input.to_string()).run();
    let answer = ended.answer();
    for name in input.as_object().unwrap().keys().filter(|name| *name != "operation") {
        assert!(answer.msg().contains(&format!("`{name}`: ")), "{name}: {}", answer.0);
    }
    for name in ["username", "task_id"] {
        assert!(answer.msg().contains(&format!("`{name}`: required")), "{}", answer.0);
    }
    assert_eq!(answer["operation"], "firmware_export_info");
    assert!(!ended.stdout.contains("c4n4ry"), "{}", ended.stdout);
}
