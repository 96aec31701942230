//! From the object to the checked input: alias, null, environment, caller's keys, unknown and doubled keys.

use serde_json::{Value, json};

use super::{read, read_with, refusal};
use crate::input::{Input, Object};
use crate::scrub::Secret;

/// An input that is accepted, with changes to it.
fn accepted(changes: &Value) -> Value {
    let mut base = json!({"operation": "appliance_info", "host": "lxca.example", "username": "u", "password": "p"});
    base.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    base
}

#[track_caller]
fn ok(object: &Value, environment: &[(&str, &str)]) -> Input {
    read_with(&object.to_string(), environment).unwrap_or_else(|failure| panic!("{object}: {}", failure.msg()))
}

#[test]
fn absent_options_have_the_defaults_of_the_contract() {
    let connection = ok(&accepted(&json!({})), &[]).connection;
    assert_eq!(connection.port, 443);
    assert_eq!(connection.auth_method, crate::input::connection::AuthMethod::Basic);
    assert!(connection.validate_certs && connection.use_proxy);
    assert_eq!((connection.timeout, connection.connect_timeout), (60, 10));
    assert_eq!(connection.retries, 2);
    assert_eq!((connection.ca_path, connection.certificate_fingerprint, connection.server_name), (None, None, None));
}

#[test]
fn null_is_not_given() {
    let names = ["port", "auth_method", "validate_certs", "ca_path", "certificate_fingerprint", "server_name"];
    for name in names.into_iter().chain(["timeout", "connect_timeout", "retries", "use_proxy", "all", "hostname"]) {
        ok(&accepted(&json!({name: null})), &[]);
    }
    for name in ["operation", "host", "username", "password"] {
        let msg = refusal(read(&accepted(&json!({name: null}))));
        assert!(msg.contains(&format!("`{name}`: required")), "{msg}");
    }
}

#[test]
fn the_environment_stands_in_for_absent_options_only() {
    let environment = [
        ("LXCA_HOST", "env.example"),
        ("LXCA_PORT", " 8443 "),
        ("LXCA_USERNAME", "env-user"),
        ("LXCA_PASSWORD", "env-password"),
        ("LXCA_VALIDATE_CERTS", "No"),
        ("LXCA_CA_PATH", "/env"),
        ("LXCA_CERTIFICATE_FINGERPRINT", &"ab".repeat(32)),
        ("LXCA_AUTH_METHOD", "session"),
    ];
    let connection = ok(&json!({"operation": "appliance_info", "ca_path": "", "port": null}), &environment).connection;
    assert_eq!((connection.host.as_str(), connection.port), ("env.example", 8443));
    assert_eq!(connection.username, "env-user");
    assert_eq!(connection.password, Secret::new("env-password"));
    assert!(!connection.validate_certs);
    assert_eq!(connection.ca_path.as_deref(), Some("/env"));
    assert_eq!(connection.certificate_fingerprint.map(|print| print.0), Some([0xab; 32]));
    assert_eq!(connection.auth_method, crate::input::connection::AuthMethod::Session);

    let given = json!({
        "port": 1, "validate_certs": true, "ca_path": "/given", "certificate_fingerprint": "cd".repeat(32),
        "auth_method": "basic",
    });
    let connection = ok(&accepted(&given), &environment).connection;
    assert_eq!((connection.host.as_str(), connection.port), ("lxca.example", 1));
    assert_eq!((connection.username.as_str(), connection.password), ("u", Secret::new("p")));
    assert!(connection.validate_certs);
    assert_eq!(connection.ca_path.as_deref(), Some("/given"));
    assert_eq!(connection.certificate_fingerprint.map(|print| print.0), Some([0xcd; 32]));
    assert_eq!(connection.auth_method, crate::input::connection::AuthMethod::Basic);
}

#[test]
fn the_alias_of_the_host_counts_as_given() {
    let object = json!({"operation": "appliance_info", "hostname": "b.example", "username": "u", "password": "p"});
    assert_eq!(ok(&object, &[("LXCA_HOST", "a.example")]).connection.host.as_str(), "b.example");
}

#[test]
fn an_empty_variable_is_not_given() {
    let names = ["PORT", "VALIDATE_CERTS", "CA_PATH", "CERTIFICATE_FINGERPRINT", "AUTH_METHOD"];
    for name in names {
        ok(&accepted(&json!({})), &[(&format!("LXCA_{name}"), "")]);
    }
    for (name, option) in [("LXCA_HOST", "host"), ("LXCA_USERNAME", "username"), ("LXCA_PASSWORD", "password")] {
        let msg = refusal(read_with(&accepted(&json!({option: null})).to_string(), &[(name, "")]));
        assert!(msg.contains(&format!("`{option}`: required (or set {name})")), "{msg}");
    }
}

#[test]
fn a_refused_variable_is_named_without_its_value() {
    for (variable, value) in [
        ("LXCA_HOST", "https://rubbish"),
        ("LXCA_PORT", "rubbish"),
        ("LXCA_VALIDATE_CERTS", "rubbish"),
        ("LXCA_CERTIFICATE_FINGERPRINT", "rubbish"),
        ("LXCA_AUTH_METHOD", "rubbish"),
    ] {
        let option = variable.trim_start_matches("LXCA_").to_lowercase();
        let object = accepted(&json!({option.clone(): null}));
        let msg = refusal(read_with(&object.to_string(), &[(variable, value)]));
        assert!(msg.contains(variable) && msg.contains("must be"), "{msg}");
        assert!(!msg.contains("rubbish") && !msg.contains("required"), "{msg}");
    }
}

#[test]
fn no_other_option_has_a_variable() {
    for name in ["SERVER_NAME", "TIMEOUT", "CONNECT_TIMEOUT", "RETRIES", "USE_PROXY", "OPERATION", "HOSTNAME", "ALL"] {
        ok(&accepted(&json!({})), &[(&format!("LXCA_{name}"), "rubbish")]);
    }
}

#[test]
fn the_operation_may_come_from_the_callers_name_for_it() {
    let base = json!({"host": "h", "username": "u", "password": "p"});
    let called = |more: Value| {
        let mut object = base.clone();
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(&object)
    };
    for name in [
        "appliance_info",
        "lxca_appliance_info",
        "lenovo.xclarity.appliance_info",
        "lenovo.xclarity.lxca_appliance_info",
        "lxca::appliance_info",
        "site::lxca::lxca_appliance_info",
        "a.b::appliance_info",
        "a::b.appliance_info",
    ] {
        for key in ["_ansible_module_name", "_task"] {
            assert!(called(json!({key: name})).is_ok(), "{key}: {name}");
            assert!(called(json!({key: name, "operation": null})).is_ok(), "{key}: {name}, null");
            let given = called(json!({key: "lxca::firmware_export_info", "operation": "appliance_info"}));
            assert!(given.is_ok(), "a given operation wins over {key}");
            let msg = refusal(called(json!({key: name, "operation": ""})));
            assert!(msg.contains("`operation`"), "{msg}");
        }
    }
    for name in [
        json!("lxca"),
        json!("lxca::"),
        json!(""),
        json!("xlxca_appliance_info"),
        json!("lxca_lxca_appliance_info"),
        json!("appliance_info.x"),
        json!(null),
        json!(7),
        json!(["appliance_info"]),
        json!({}),
    ] {
        for key in ["_ansible_module_name", "_task"] {
            let msg = refusal(called(json!({key: name})));
            assert!(msg.contains("`operation`: required") && msg.contains("appliance_info"), "{name}: {msg}");
        }
    }
}

#[test]
fn keys_of_the_caller_are_never_refused() {
    let values = [json!(null), json!(true), json!(1.5), json!(""), json!([[[{}]]]), json!({"host": {"host": 1}})];
    let keys = [
        "_",
        "__",
        "_ansible_check_mode",
        "_ansible_diff",
        "_ansible_no_log",
        "_ansible_version",
        "_noop",
        "_target",
        "_installdir",
        "_task",
        "_host",
        "_ansible_module_name",
        "_ü",
    ];
    for key in keys {
        for value in &values {
            ok(&accepted(&json!({key: value})), &[]);
        }
    }
}

#[test]
fn numbers_beyond_every_type_and_deep_nests_are_the_callers_business() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for value in ["1e999", "-1e-999", "123456789012345678901234567890", deep.as_str()] {
        let text = format!(r#"{{"operation":"appliance_info","host":"h","username":"u","password":"p","_x":{value}}}"#);
        assert!(read_with(&text, &[]).is_ok());
    }
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    for (unknown, nearest) in [
        ("hots", "host"),
        ("Host", "host"),
        ("host_name", "hostname"),
        ("user", "username"),
        ("usernme", "username"),
        ("pasword", "password"),
        ("validate_cert", "validate_certs"),
        ("capath", "ca_path"),
        ("time_out", "timeout"),
        ("connection_timeout", "connect_timeout"),
        ("authmethod", "auth_method"),
        ("retry", "retries"),
        ("server-name", "server_name"),
        ("useproxy", "use_proxy"),
        ("fingerprint", "certificate_fingerprint"),
        ("certificate_finger_print", "certificate_fingerprint"),
        ("PORT", "port"),
        ("operations", "operation"),
    ] {
        let msg = refusal(read(&accepted(&json!({unknown: "x"}))));
        assert!(msg.contains(&format!("`{unknown}`")) && msg.contains(&format!("`{nearest}`")), "{msg}");
    }
    // Null makes no key known.
    let msg = refusal(read(&accepted(&json!({"wait": null}))));
    assert!(msg.contains("`wait`: unknown option"), "{msg}");
    let msg = refusal(read(&accepted(&json!({"zzz": null}))));
    assert!(msg.contains("`zzz`: unknown option; accepted are") && msg.contains("validate_certs"), "{msg}");
}

#[test]
fn options_of_another_operation_are_unknown() {
    for (option, value) in
        [("task_id", json!(1)), ("wait", json!(true)), ("fix_ids", json!(["a"])), ("key", json!("all"))]
    {
        let msg = refusal(read(&accepted(&json!({option: value}))));
        assert!(msg.contains(&format!("`{option}`: unknown option")), "{msg}");
    }
}

#[test]
fn with_an_unknown_operation_no_operations_options_are_called_unknown() {
    let object = accepted(&json!({"operation": "rubbish", "task_id": 1, "fix_ids": "a", "all": true, "zzz": 1}));
    let msg = refusal(read(&object));
    assert!(msg.contains("`operation`") && msg.contains("`zzz`") && msg.contains("appliance_info"), "{msg}");
    assert!(!msg.contains("`task_id`") && !msg.contains("`fix_ids`") && !msg.contains("`all`"), "{msg}");
    assert!(!msg.contains("rubbish"), "{msg}");
}

#[test]
fn a_misspelt_operation_is_recognised() {
    for (given, meant) in [
        ("aplliance_info", "appliance_info"),
        ("firmware_export", "firmware_export_info"),
        ("management_server_updates_info", "management_server_update_info"),
    ] {
        let msg = refusal(read(&accepted(&json!({"operation": given}))));
        assert!(msg.contains(&format!("perhaps {meant} is meant")), "{msg}");
    }
}

#[test]
fn a_key_twice_is_an_error_even_with_the_same_value() {
    let base = r#""operation":"appliance_info","host":"h","username":"u","password":"p""#;
    for (twice, name) in [
        (r#""host":"h""#, "host"),
        (r#""ho\u0073t":"h""#, "host"),
        (r#""password":"p""#, "password"),
        (r#""host":null"#, "host"),
        (r#""_x":1,"_x":1"#, "_x"),
        (r#""zzz":1,"zzz":1"#, "zzz"),
        (r#""all":false,"all":false"#, "all"),
        (r#""operation":"appliance_info""#, "operation"),
    ] {
        let msg = refusal(read_with(&format!("{{{base},{twice}}}"), &[]));
        assert!(msg.contains(&format!("`{name}`: stands twice")), "{msg}");
    }
}

#[test]
fn of_very_many_unknown_or_doubled_keys_the_rest_is_counted() {
    let many = |count: usize| -> String {
        (0..count).map(|number| format!("\"zz{number:02}\":1,\"zz{number:02}\":1,")).collect()
    };
    let msg = refusal(read_with(&format!("{{{}\"port\":0}}", many(52)), &[]));
    assert!(msg.contains("2 further doubled keys") && msg.contains("2 further unknown options"), "{msg}");
    // Known options are named whatever else there is.
    for name in ["operation", "host", "port", "username", "password"] {
        assert!(msg.contains(&format!("`{name}`: ")), "{name}: {msg}");
    }
    let msg = refusal(read_with(&format!("{{{}\"port\":0}}", many(50)), &[]));
    assert!(
        !msg.contains("further") && msg.contains("`zz49`: unknown") && msg.contains("`zz49`: stands twice"),
        "{msg}"
    );
}

#[test]
fn all_problems_are_named_in_one_failure_without_a_value() {
    // Each wrong value holds the word, which must not come back.
    let mut object = serde_json::Map::new();
    for name in [
        "host",
        "port",
        "auth_method",
        "validate_certs",
        "certificate_fingerprint",
        "server_name",
        "timeout",
        "connect_timeout",
        "retries",
        "use_proxy",
        "task_id",
        "wait",
        "wait_timeout",
        "poll_interval",
    ] {
        object.insert(name.into(), json!("c4n4ry://"));
    }
    object.insert("operation".into(), json!("firmware_export_info"));
    object.insert("username".into(), json!(["c4n4ry"]));
    object.insert("password".into(), json!({"c4n4ry": "c4n4ry"}));
    object.insert("ca_path".into(), json!(["c4n4ry"]));
    object.insert("zzz".into(), json!("c4n4ry"));
    let names: Vec<String> = object.keys().filter(|name| *name != "operation").cloned().collect();
    let msg = refusal(read(&Value::Object(object)));
    for name in names {
        assert!(msg.contains(&format!("`{name}`: ")), "{name}: {msg}");
    }
    assert!(!msg.contains("c4n4ry"), "{msg}");
}

#[test]
fn missing_options_are_named_together() {
    let msg = refusal(read(&json!({"operation": "firmware_export_info"})));
    for name in ["host", "username", "password", "task_id"] {
        assert!(msg.contains(&format!("`{name}`: required")), "{name}: {msg}");
    }
}

#[test]
fn what_is_no_object_is_refused_without_being_repeated() {
    for text in [
        "",
        " \n",
        "null",
        "true",
        "7",
        "\"c4n4ry\"",
        "[]",
        "[{}]",
        "c4n4ry",
        "{",
        "{\"c4n4ry",
        "{\"a\":c4n4ry}",
        "{\"a\":\"c4n4ry}",
        "{\"a\":\"c4n4ry\",}",
        "{'a':'c4n4ry'}",
        "{\"a\" \"c4n4ry\"}",
        "{} {}",
        "{}c4n4ry",
        "{}]",
        "{\"a\":\"c4n4ry\\x\"}",
        "{\"a\":\"c4n4ry\\ud800\"}",
        "{\"a\":\"c4n4ry\u{1}\"}",
        "{c4n4ry:1}",
        "{1:1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"host\":\"c4n4ry\",\"port\":4c4n4ry}",
        "---\nhost: c4n4ry",
        "host=c4n4ry",
        "<c4n4ry/>",
        "\u{0}{}",
        "x\u{feff}{}",
    ] {
        let failure = Object::parse(text.as_bytes()).expect_err(text);
        assert_eq!(failure.kind, crate::failure::Kind::InvalidInput);
        assert!(!failure.msg().contains("c4n4ry") && failure.msg().contains("one JSON object"), "{}", failure.msg());
    }
    for bytes in
        [b"{\"a\":\"\xff\"}".as_slice(), b"\xff\xfe{\0}\0", b"{\"\xc3\x28\":1}", b"{\"_x\":\"\xed\xa0\x80\"}", b"\x80"]
    {
        let failure = Object::parse(bytes).expect_err("no UTF-8");
        assert!(failure.msg().contains("UTF-8"), "{}", failure.msg());
    }
}

#[test]
fn a_byte_order_mark_and_blanks_around_the_object_are_ignored() {
    for text in ["\u{feff}{}", "\u{feff} {}", " \r\n\t{} \r\n"] {
        assert!(Object::parse(text.as_bytes()).is_ok(), "{text:?}");
    }
}

#[test]
fn deep_nests_are_refused_where_an_option_stands() {
    for depth in [1_000, 1_000_000] {
        let text = format!("{{\"host\":{}", "[".repeat(depth));
        assert!(Object::parse(text.as_bytes()).is_err());
        let text = format!("{{\"host\":{}{}}}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(Object::parse(text.as_bytes()).is_err());
    }
}
