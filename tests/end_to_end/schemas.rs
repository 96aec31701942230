//! The published schemas: the files in `schemas/` are what the binary prints, and they say what docs/contract.md says.
//!
//! `LXCA_WRITE_SCHEMAS=1 cargo test --test end_to_end schemas::` rewrites the files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::harness::Lxca;

/// The operations.
pub const OPERATIONS: [&str; 4] =
    ["appliance_info", "firmware_export_info", "management_server_catalog", "management_server_update_info"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// Every published schema: its file, and the arguments that print it.
fn published() -> Vec<(String, Vec<&'static str>)> {
    let mut all = Vec::new();
    for side in ["input", "output"] {
        all.push((format!("{side}.schema.json"), vec!["schema", side]));
        for operation in OPERATIONS {
            all.push((format!("{operation}.{side}.schema.json"), vec!["schema", side, operation]));
        }
    }
    all
}

/// What the binary prints for these arguments.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let ended = Lxca::with_arguments(arguments).run();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {}", ended.stdout);
    ended.stdout
}

/// The schema that the binary prints for these arguments.
pub fn schema(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).unwrap()
}

#[test]
fn the_files_are_what_the_binary_prints() {
    let write = std::env::var_os("LXCA_WRITE_SCHEMAS").is_some_and(|value| value == "1");
    for (file, arguments) in published() {
        let (path, text) = (folder().join(&file), printed(&arguments));
        if write {
            std::fs::write(&path, &text).unwrap();
        }
        let differs = std::fs::read_to_string(&path).unwrap_or_default() != text;
        assert!(!differs, "schemas/{file} is not what the types say; LXCA_WRITE_SCHEMAS=1 rewrites it");
    }
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = names.filter(|name| name.ends_with(".schema.json")).collect();
    assert_eq!(found, published().into_iter().map(|(file, _)| file).collect());
}

#[test]
fn without_arguments_the_whole_input_schema_is_printed() {
    assert_eq!(printed(&["schema"]), printed(&["schema", "input"]));
    assert_eq!(printed(&["schema", "appliance_info"]), printed(&["schema", "input", "appliance_info"]));
}

#[test]
fn every_schema_is_of_draft_2020_12() {
    for (file, arguments) in published() {
        let schema = schema(&arguments);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{file}");
        assert!(schema["title"].as_str().is_some_and(|title| !title.is_empty()), "{file}");
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

/// Calls the function for every named property anywhere in a schema, with the path to it. Conditions (`if`, `then`,
/// `else`, and what `allOf` adds) restrict what stands elsewhere and describe nothing.
fn each_property(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        for (name, property) in properties {
                            let path = format!("{path}/{name}");
                            visit(&path, property);
                            each_property(property, &path, visit);
                        }
                    }
                    ("if" | "then" | "else" | "default" | "examples" | "const" | "enum", _) => {}
                    _ => each_property(value, path, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_property(item, path, visit)),
        _ => {}
    }
}

#[test]
fn every_property_has_a_description() {
    for (file, arguments) in published() {
        let mut count = 0;
        each_property(&schema(&arguments), "", &mut |path, property| {
            count += 1;
            let described = property["description"]
                .as_str()
                .is_some_and(|text| text.len() > 3 && text.ends_with('.') && !text.contains('\n'));
            assert!(described, "{file}{path}");
        });
        assert!(count > 9, "{file}: {count} properties");
    }
}

/// The properties of one operation's input.
fn options(operation: &str) -> Map<String, Value> {
    schema(&["schema", "input", operation])["properties"].as_object().unwrap().clone()
}

#[test]
fn the_input_has_the_options_the_limits_and_the_defaults_of_the_contract() {
    let integer = |least: u64, most: u64, default: u64| json!({"type": ["integer", "null"], "minimum": least, "maximum": most, "default": default});
    let boolean = |default: bool| json!({"type": ["boolean", "null"], "default": default});
    let connection = json!({
        "host": {},
        "port": integer(1, 65535, 443),
        "username": {"type": "string", "minLength": 1},
        "password": {"type": "string", "minLength": 1, "writeOnly": true},
        "auth_method": {"enum": ["basic", "session", null], "default": "basic"},
        "validate_certs": boolean(true),
        "ca_path": {"type": ["string", "null"]},
        "certificate_fingerprint": {"type": ["string", "null"]},
        "server_name": {},
        "timeout": integer(1, 86_400, 60),
        "connect_timeout": integer(1, 86_400, 10),
        "retries": integer(0, 10, 2),
        "use_proxy": boolean(true),
    });
    let own = json!({
        "appliance_info": {"all": boolean(false)},
        "firmware_export_info": {
            "task_id": {"type": "integer", "minimum": 0},
            "wait": boolean(false),
            "wait_timeout": integer(0, 604_800, 3600),
            "poll_interval": integer(1, 86_400, 10),
        },
        "management_server_catalog": {
            "wait": boolean(true),
            "wait_timeout": integer(0, 604_800, 3600),
            "poll_interval": integer(1, 86_400, 10),
        },
        "management_server_update_info": {
            "fix_ids": {"type": ["array", "null"]},
            "key": {"type": ["string", "null"]},
            "filetype": {"enum": ["readme", "changeHistory", null]},
        },
    });
    for operation in OPERATIONS {
        let published = options(operation);
        let mut expected = connection.as_object().unwrap().clone();
        expected.extend(own[operation].as_object().unwrap().clone());
        expected.insert("operation".into(), json!({"const": operation}));
        let names: BTreeSet<&String> = published.keys().collect();
        assert_eq!(names, expected.keys().collect(), "{operation}");
        for (name, facts) in &expected {
            for (keyword, value) in facts.as_object().unwrap() {
                assert_eq!(&published[name][keyword], value, "{operation}: {keyword} of {name}");
            }
            // Nothing claims a default that docs/contract.md does not give.
            assert_eq!(published[name].get("default"), facts.get("default"), "{operation}: {name}");
        }
    }
}

#[test]
fn required_are_exactly_what_the_contract_requires_and_the_rest_may_be_null() {
    for operation in OPERATIONS {
        let schema = schema(&["schema", "input", operation]);
        let mut expected = vec!["operation", "host", "username", "password"];
        expected.extend((operation == "firmware_export_info").then_some("task_id"));
        let required: BTreeSet<&str> =
            schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(required, expected.iter().copied().collect(), "{operation}");
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for name in schema["properties"].as_object().unwrap().keys() {
            let mut document = example(operation);
            document.insert(name.clone(), Value::Null);
            assert_eq!(
                validator.is_valid(&Value::Object(document)),
                !required.contains(name.as_str()),
                "{operation}: {name}"
            );
        }
    }
}

/// An input that every schema accepts.
fn example(operation: &str) -> Map<String, Value> {
    let mut document = json!({"operation": operation, "host": "lxca.example", "username": "USERID", "password": "p"});
    if operation == "firmware_export_info" {
        document["task_id"] = json!(12);
    }
    document.as_object().unwrap().clone()
}

#[test]
fn only_the_password_is_write_only_and_it_has_no_example() {
    for operation in OPERATIONS {
        for (name, option) in options(operation) {
            assert_eq!(option.get("writeOnly").is_some(), name == "password", "{operation}: {name}");
            assert!(name != "password" || option.get("examples").is_none() && option.get("default").is_none());
        }
    }
}

#[test]
fn examples_and_defaults_are_accepted_by_the_schema_and_by_the_binary() {
    for operation in OPERATIONS {
        let validator = jsonschema::draft202012::new(&schema(&["schema", "input", operation])).unwrap();
        let mut count = 0;
        for (name, option) in options(operation) {
            let examples = option["examples"].as_array().cloned().unwrap_or_default();
            for value in examples.into_iter().chain(option.get("default").cloned()) {
                let mut document = example(operation);
                document.insert(name.clone(), value);
                count += 1;
                // Refused for the unknown key alone, so that no example is ever called.
                document.insert("unknown_key".into(), json!(1));
                let msg =
                    Lxca::given(Value::Object(document.clone()).to_string()).fails("invalid_input").msg().to_owned();
                assert!(msg.contains("unknown_key") && !msg.contains(&format!("`{name}`: ")), "{name}: {msg}");
                document.remove("unknown_key");
                assert!(validator.is_valid(&Value::Object(document)), "{operation}: {name}");
            }
        }
        assert!(count > 12, "{operation}: {count}");
    }
}

/// Adds the paths of all keys of a JSON value.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = format!("{path}/{key}");
                found.insert(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

#[test]
fn every_attribute_of_an_answer_has_an_example_that_the_schema_accepts() {
    for operation in OPERATIONS {
        let schema = schema(&["schema", "output", operation]);
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mut shown = BTreeSet::new();
        let mut shows = |name: &str, example: &Value, alone: bool| {
            let mut answer =
                json!({"changed": false, "failed": false, "msg": "Done.", "operation": operation, "data": {}});
            if alone {
                answer["data"] = schema["properties"]["data"]["examples"][0].clone();
            }
            if name == "error" {
                answer["failed"] = true.into();
            }
            answer[name] = example.clone();
            let errors: Vec<_> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
            assert_eq!(errors, [""; 0], "{operation}: {name}");
            paths(&json!({name: example}), "", &mut shown);
        };
        for (name, property) in schema["properties"].as_object().unwrap() {
            for example in property["examples"].as_array().into_iter().flatten() {
                shows(name, example, name != "data");
            }
        }
        let shown: BTreeSet<&str> = shown.iter().filter_map(|path| path.rsplit('/').next()).collect();
        let mut count = 0;
        each_property(&schema, "", &mut |path, _| {
            let name = path.rsplit('/').next().unwrap();
            // Plain words, and what Bolt's `_error` repeats.
            let plain = ["changed", "failed", "operation", "warnings", "comment", "_error", "details"].contains(&name);
            count += 1;
            assert!(plain || shown.contains(name), "{operation}: {path} has no example");
        });
        assert!(count > 20, "{operation}: {count}");
    }
}

#[test]
fn options_that_need_an_example_have_one() {
    for (operation, names) in [
        ("appliance_info", &["host", "username", "ca_path", "certificate_fingerprint", "server_name"][..]),
        ("firmware_export_info", &["task_id"]),
        ("management_server_update_info", &["fix_ids"]),
    ] {
        let options = options(operation);
        for name in names {
            assert!(options[*name]["examples"].as_array().is_some_and(|list| !list.is_empty()), "{operation}: {name}");
        }
    }
}

#[test]
fn unknown_keys_are_refused_and_the_callers_are_not() {
    for operation in OPERATIONS {
        for arguments in [vec!["schema", "input"], vec!["schema", "input", operation]] {
            let validator = jsonschema::draft202012::new(&schema(&arguments)).unwrap();
            let accepts = |key: &str, value: Value| {
                let mut document = example(operation);
                document.insert(key.into(), value);
                validator.is_valid(&Value::Object(document))
            };
            for key in ["_", "_task", "_noop", "_ansible_check_mode", "_target", "_installdir", "_anything"] {
                assert!(accepts(key, json!({"any": ["thing"]})), "{key}");
            }
            // The alias is no canonical name; texts are no real types.
            for key in ["hostname", "zzz", "a_", "", " _x", "Host"] {
                assert!(!accepts(key, json!("lxca.example")), "{key}");
            }
            for (key, value) in [
                ("port", json!("443")),
                ("validate_certs", json!("yes")),
                ("timeout", json!(1.5)),
                ("username", json!(7)),
            ] {
                assert!(!accepts(key, value), "{key}");
            }
            assert!(accepts("port", json!(443.0)), "a number without a fraction is an integer");
        }
    }
}

#[test]
fn no_schema_shows_a_path_of_the_machine_it_was_made_on() {
    for (file, arguments) in published() {
        let text = printed(&arguments);
        for trace in [env!("CARGO_MANIFEST_DIR"), "src/", ".rs"] {
            assert!(!text.contains(trace), "{file}: {trace}");
        }
    }
}

#[test]
fn any_input_whatever_gives_one_answer() {
    // The unit tests run thousands of these; here it is about the process around them.
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        "[\\[\\]{}:,\"\\\\ 0-9eE.+-]{0,80}".prop_map(String::into_bytes),
        // Objects with our own keys and with one that no call may have, so that nothing is ever sent.
        proptest::collection::btree_map(
            prop_oneof![
                proptest::sample::select(vec![
                    "operation",
                    "host",
                    "port",
                    "password",
                    "fix_ids",
                    "key",
                    "_task",
                    "wait"
                ])
                .prop_map(str::to_owned),
                "\\PC{0,8}",
            ],
            prop_oneof![
                Just(json!(null)),
                Just(json!("firmware_export_info")),
                any::<bool>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from),
                "\\PC{0,12}".prop_map(Value::from),
                Just(json!([[{}]])),
            ],
            0..8
        )
        .prop_map(|mut object| {
            object.insert("unknown_key".into(), json!(1));
            json!(object).to_string().into_bytes()
        }),
    ];
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in bytes)| {
        let ended = Lxca::given(bytes).run();
        prop_assert_eq!(&ended.answer()["error"]["kind"], "invalid_input");
        prop_assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""));
    });
}
