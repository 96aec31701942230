//! The binary as a Bolt task.
//!
//! We could not run Bolt itself. What stands in for it does what its source and documentation say about a task with
//! `"input_method": "stdin"`: it copies the executable into a new folder that only the user can read, runs it without
//! arguments, hands it the parameters as one JSON object, and reads what it prints.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lxca_appliance::Appliance;
use serde_json::{Map, Value, json};

use crate::harness::{Lxca, appliance, binary, connection, requests, with};
use crate::schemas::{OPERATIONS, schema};

/// How Bolt hands the parameters over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// In a pipe to the executable.
    Pipe,
    /// With `tty: true` in the target's configuration: in a shell script around it.
    Terminal,
    /// With `files` in the metadata: the executable lies deeper, beside them.
    BesideFiles,
}

/// Runs a task as Bolt does. The answer, or its `_error`.
#[track_caller]
fn runs(way: Way, task: &str, parameters: &Value, environment: &[(&str, &str)]) -> Result<Value, Value> {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap();
    let mut input = with(parameters.clone(), json!({"_task": task}));
    let tasks = if way == Way::BesideFiles {
        input["_installdir"] = json!(folder.path());
        folder.path().join("lxca/tasks")
    } else {
        folder.path().to_owned()
    };
    fs::create_dir_all(&tasks).unwrap();
    let executable = tasks.join("init");
    fs::copy(binary(), &executable).unwrap();
    let call = match way {
        Way::Pipe | Way::BesideFiles => Lxca::of(executable, input.to_string()),
        Way::Terminal => {
            let script = folder.path().join("wrapper.sh");
            let text = format!("#!/bin/sh\n'{}' <<'EOF'\n{input}\nEOF\n", executable.display());
            fs::write(&script, text).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
            Lxca::of(script, "")
        }
    };
    let call = environment.iter().fold(call, |call, (name, value)| call.environment(name, value));
    let ended = call.run();
    assert_eq!(ended.stderr, "", "a task's stderr is of interest only when it prints nothing else");
    let value = ended.answer().0;
    // With another exit status than 0 and no `_error`, Bolt makes one up that says nothing.
    assert_eq!(value.get("_error").is_some(), ended.status.code() == Some(1), "{value}");
    match value.get("_error") {
        None => Ok(value),
        Some(error) => Err(error.clone()),
    }
}

/// The parameters for an appliance and one of its tasks.
fn export(appliance: &Appliance, more: Value) -> Value {
    with(with(connection(appliance), json!({"task_id": 12})), more)
}

#[test]
fn a_task_is_its_operation_whichever_way_it_is_run() {
    let appliance = appliance();
    for way in [Way::Pipe, Way::Terminal, Way::BesideFiles] {
        let parameters = export(&appliance, json!({}));
        let value = runs(way, "lxca::firmware_export_info", &parameters, &[]).unwrap();
        assert_eq!(value["operation"], "firmware_export_info", "{way:?}");
        assert_eq!(value["data"]["phase"], "complete", "{way:?}");
        assert!(value["comment"].as_str().unwrap().contains("complete"), "{way:?}");
    }
}

#[test]
fn a_failed_task_has_an_error_of_bolts_shape() {
    let appliance = appliance();
    for way in [Way::Pipe, Way::Terminal] {
        let error = runs(way, "lxca::firmware_export_info", &export(&appliance, json!({"task_id": 4711})), &[]);
        let error = error.unwrap_err();
        let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["details", "kind", "msg"]);
        assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("4711")), "{error}");
        assert_eq!(error["kind"], "lxca/bad_request");
        assert_eq!(error["details"]["error"], json!({"kind": "bad_request", "http_status": 400, "retryable": false}));
        assert!(error["details"]["messages"].as_array().is_some_and(|messages| !messages.is_empty()), "{error}");
    }
}

#[test]
fn noop_asks_as_usual_and_changes_nothing() {
    let appliance = appliance();
    let plain = runs(Way::Pipe, "lxca::appliance_info", &connection(&appliance), &[]).unwrap();
    appliance.clear_requests();
    let parameters = with(connection(&appliance), json!({"_noop": true}));
    let noop = runs(Way::Pipe, "lxca::appliance_info", &parameters, &[]).unwrap();
    assert_eq!((&noop["data"], &noop["changed"]), (&plain["data"], &json!(false)));
    assert_eq!(requests(&appliance), ["GET /aicc"]);
}

#[test]
fn the_modules_own_task_needs_an_operation() {
    let appliance = appliance();
    let error = runs(Way::Pipe, "lxca", &connection(&appliance), &[]).unwrap_err();
    assert_eq!(error["kind"], "lxca/invalid_input");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("`operation`")), "{error}");
    let parameters = with(connection(&appliance), json!({"operation": "appliance_info"}));
    assert_eq!(runs(Way::Pipe, "lxca", &parameters, &[]).unwrap()["operation"], "appliance_info");
}

#[test]
fn the_password_may_come_from_the_environment() {
    let appliance = appliance();
    let parameters = with(connection(&appliance), json!({"password": null}));
    let password = [("LXCA_PASSWORD", appliance.password())];
    runs(Way::Pipe, "lxca::appliance_info", &parameters, &password).unwrap();
    let error = runs(Way::Pipe, "lxca::appliance_info", &parameters, &[]).unwrap_err();
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("LXCA_PASSWORD")), "{error}");
}

#[test]
fn a_remote_targets_configuration_is_neither_used_nor_shown() {
    const SECRET: &str = "a-remote-targets-secret";
    let appliance = appliance();
    let target = json!({
        "name": "rack-1", "uri": "remote://elsewhere.example", "protocol": "remote", "host": "elsewhere.example",
        "port": 4443, "user": "somebody", "password": SECRET, "run-on": "localhost",
    });
    let parameters = with(connection(&appliance), json!({"_target": target.clone()}));
    let value = runs(Way::Pipe, "lxca::appliance_info", &parameters, &[]).unwrap();
    let error = runs(Way::Pipe, "lxca::appliance_info", &json!({"_target": target}), &[]).unwrap_err();
    let msg = error["msg"].as_str().unwrap();
    assert!(["`host`", "`username`", "`password`"].iter().all(|name| msg.contains(name)), "{msg}");
    assert!(![value, error].iter().any(|answer| answer.to_string().contains(SECRET)));
}

/// The Puppet type of an option. What has an environment variable may be left out.
fn puppet_type(option: &Value, required: bool) -> String {
    let kinds = match &option["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => vec![json!("string")], // a host, by reference
        kind => vec![kind.clone()],
    };
    let kind = match (option["enum"].as_array(), kinds.first().and_then(Value::as_str).unwrap()) {
        (Some(values), _) => {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            format!("Enum[{}]", values.join(", "))
        }
        (None, "boolean") => "Boolean".to_owned(),
        (None, "integer") => match (&option["minimum"], option["maximum"].as_u64()) {
            (least, Some(most)) if most < i64::MAX as u64 => format!("Integer[{least}, {most}]"),
            (least, _) => format!("Integer[{least}]"),
        },
        (None, "array") => {
            let items = if option["items"]["type"] == "string" { "String[1]" } else { "Data" };
            option["minItems"].as_u64().map_or(format!("Array[{items}]"), |least| format!("Array[{items}, {least}]"))
        }
        (None, "string") if option["type"].is_null() || option["minLength"] == 1 => "String[1]".to_owned(),
        (None, "string") => "String".to_owned(),
        (None, other) => panic!("what is a {other} in Puppet?"),
    };
    let from_environment =
        option.get("x-lxca-env").is_some() || option["description"].as_str().unwrap().contains("Environment: `LXCA_");
    if required && !from_environment { kind } else { format!("Optional[{kind}]") }
}

/// A file below `bolt/`.
fn file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bolt").join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_operation_is_a_task_with_the_options_of_its_schema() {
    for operation in OPERATIONS {
        let schema = schema(&["schema", "input", operation]);
        let mut parameters = Map::new();
        for (name, option) in schema["properties"].as_object().unwrap() {
            let required = schema["required"].as_array().unwrap().contains(&json!(name));
            let mut parameter = json!({"type": puppet_type(option, required)});
            if option["writeOnly"] == true {
                parameter["sensitive"] = json!(true);
            }
            parameters.insert(name.clone(), parameter);
        }
        parameters.remove("operation");
        let mut file = file(&format!("tasks/{operation}.json"));
        for (name, parameter) in file["parameters"].as_object_mut().unwrap() {
            let description = parameter.as_object_mut().unwrap().remove("description");
            assert!(description.is_some_and(|text| text.as_str().unwrap().ends_with('.')), "{operation}: {name}");
        }
        assert_eq!(file["parameters"], Value::Object(parameters), "{operation}");
        assert_eq!(file["implementations"], json!([{"name": "init"}]), "{operation}");
        assert_eq!((&file["input_method"], &file["supports_noop"]), (&json!("stdin"), &json!(true)), "{operation}");
        let keys: BTreeSet<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["description", "implementations", "input_method", "parameters", "supports_noop"];
        assert_eq!(keys, expected.into(), "{operation}");
    }
}

#[test]
fn the_module_has_nothing_but_these_tasks() {
    let names: BTreeSet<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("bolt/tasks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = OPERATIONS.iter().chain(&["init"]).map(|name| format!("{name}.json")).collect();
    assert_eq!(names, expected);
    // What the executable is called; by itself it is no task that Bolt would list.
    assert_eq!(file("tasks/init.json"), json!({"private": true, "input_method": "stdin", "parameters": {}}));
    let module = file("metadata.json");
    assert_eq!(module["name"].as_str().and_then(|name| name.split('-').nth(1)), Some("lxca"));
    assert_eq!(module["version"], env!("CARGO_PKG_VERSION"));
}
