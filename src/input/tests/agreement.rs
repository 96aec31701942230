//! Reading and the published schema agree: an input is accepted if and only if its normalised form fits the schema.
//!
//! The normaliser is written here a second time, from docs/contract.md, Input, alone. What it cannot normalise it leaves as it is,
//! and the schema has to refuse it.

use std::cell::Cell;
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::{Input, cases, read};
use crate::failure::{Failure, Kind};
use crate::scrub::Secret;

/// The operations with the options of their own.
const OPERATIONS: [(&str, &[&str]); 4] = [
    ("appliance_info", &["all"]),
    ("firmware_export_info", &["task_id", "wait", "wait_timeout", "poll_interval"]),
    ("management_server_catalog", &["wait", "wait_timeout", "poll_interval"]),
    ("management_server_update_info", &["fix_ids", "key", "filetype"]),
];

/// The options that all operations have.
const CONNECTION: [&str; 13] = [
    "host",
    "port",
    "username",
    "password",
    "auth_method",
    "validate_certs",
    "ca_path",
    "certificate_fingerprint",
    "server_name",
    "timeout",
    "connect_timeout",
    "retries",
    "use_proxy",
];

/// The published schema of the input of any operation.
static WHOLE: LazyLock<Validator> = LazyLock::new(|| validator(None));

/// The published schemas of each operation's input.
static EACH: LazyLock<Vec<(&str, Validator)>> =
    LazyLock::new(|| OPERATIONS.iter().map(|(name, _)| (*name, validator(Some(name)))).collect());

fn validator(operation: Option<&str>) -> Validator {
    let schema = crate::schema::text(false, operation).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap()
}

/// The canonical form of an input: names, real types, nothing that is "not given".
fn normalised(input: &Map<String, Value>) -> Value {
    let given = |name: &str| input.get(name).filter(|value| !value.is_null());
    let mut output: Map<String, Value> =
        input.iter().filter(|(key, _)| key.starts_with('_')).map(|(key, value)| (key.clone(), value.clone())).collect();
    let called = ["_ansible_module_name", "_task"].iter().find_map(|key| given(key).and_then(Value::as_str));
    let called = called.map(|name| name.replace("::", ".")).unwrap_or_default();
    let last = called.rsplit('.').next().unwrap_or_default();
    let fallback = Value::from(last.strip_prefix("lxca_").unwrap_or(last));
    for (key, value) in input.iter().filter(|(key, _)| !key.starts_with('_')) {
        let known = CONNECTION.contains(&key.as_str())
            || ["operation", "hostname"].contains(&key.as_str())
            || OPERATIONS
                .iter()
                .any(|(name, own)| given("operation").unwrap_or(&fallback) == *name && own.contains(&key.as_str()));
        let empty = value == "" && ["ca_path", "server_name", "certificate_fingerprint"].contains(&key.as_str());
        if known && (value.is_null() || empty) {
            continue;
        }
        // Both names may stand there when they say the same.
        let (name, value) = if key == "hostname" && given("host").is_none_or(|host| host == value) {
            ("host", coerced("host", value))
        } else {
            (key.as_str(), coerced(key, value))
        };
        output.insert(name.to_owned(), value);
    }
    if given("operation").is_none() && !last.is_empty() {
        output.insert("operation".into(), fallback);
    }
    Value::Object(output)
}

/// The value in the option's own type, or as it came when nothing makes it so.
fn coerced(name: &str, value: &Value) -> Value {
    let coerced = match name {
        "validate_certs" | "use_proxy" | "wait" | "all" => as_boolean(value),
        "port" | "timeout" | "connect_timeout" | "retries" | "task_id" | "wait_timeout" | "poll_interval" => {
            as_integer(value)
        }
        "fix_ids" => as_list(value),
        "host" | "username" | "password" | "ca_path" | "certificate_fingerprint" | "server_name" => as_text(value),
        _ => None,
    };
    coerced.unwrap_or_else(|| value.clone())
}

fn as_boolean(value: &Value) -> Option<Value> {
    let word = match value {
        Value::Number(number) if number.as_f64() == Some(1.0) => "1".to_owned(),
        Value::Number(number) if number.as_f64() == Some(0.0) => "0".to_owned(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    if "yes on true y t 1".split(' ').any(|yes| yes == word) {
        return Some(json!(true));
    }
    "no off false n f 0".split(' ').any(|no| no == word).then_some(json!(false))
}

fn as_integer(value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = match digits.trim_start_matches('0') {
        "" => return Some(json!(0)),
        digits => digits,
    };
    // Digits beyond 64 bits stay a number, one that no limit admits.
    serde_json::from_str::<Number>(&format!("{sign}{digits}")).ok().map(Value::Number)
}

fn as_text(value: &Value) -> Option<Value> {
    let number = value.as_number()?;
    (number.is_i64() || number.is_u64()).then(|| json!(number.to_string()))
}

fn as_list(value: &Value) -> Option<Value> {
    let items: Vec<Value> = match value {
        Value::String(text) => text.split(',').map(Value::from).collect(),
        Value::Array(items) => items.iter().map(|item| as_text(item).unwrap_or_else(|| item.clone())).collect(),
        _ => return None,
    };
    let trimmed = |item: Value| item.as_str().map(|text| json!(text.trim())).unwrap_or(item);
    Some(items.into_iter().map(trimmed).collect())
}

/// Values that one or the other kind of option accepts, or nearly.
fn any_value() -> impl Strategy<Value = Value> {
    let boolean_words = prop::sample::select(vec![
        "yes", "On", " true", "Y", "t ", "1", "NO", "off", "False", "n", "f", "0", "2", "maybe", "",
    ]);
    let number_words = "[ ]?[+-]?[0-9]{1,20}[ ]?";
    let edges = prop::sample::select(vec![
        json!(-1),
        json!(0),
        json!(1),
        json!(10),
        json!(11),
        json!(65535),
        json!(65536),
        json!(86400),
        json!(86401),
        json!(604800),
        json!(604801),
        json!(i64::MAX),
        json!(i64::MAX as u64 + 1),
        json!(u64::MAX),
        json!(0.5),
        json!(1.0),
        json!(12.0),
        json!(-0.0),
        json!(1e10),
        json!(1e19),
        json!(1e300),
        json!(86400.0),
        json!(86400.5),
        json!(9.223372036854776e18),
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        edges.clone(),
        edges.prop_map(|edge| json!(edge.to_string())),
        any::<i64>().prop_map(Value::from),
        (0..100_000_i64).prop_map(Value::from),
        boolean_words.prop_map(Value::from),
        number_words.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::collection::vec("\\PC{0,3}", 0..3).prop_map(|items| json!(items)),
        Just(json!({})),
        Just(json!([])),
    ]
}

/// Values for one option, most of them such as it accepts.
fn value_for(name: &'static str) -> BoxedStrategy<Value> {
    let texts = |texts: &[&'static str]| prop::sample::select(texts.to_vec()).prop_map(Value::from);
    let seconds = prop_oneof![4 => 1..=86_400_i64, 1 => 0..=604_801_i64, 1 => Just(86_400), 1 => Just(86_401)];
    let fitting: BoxedStrategy<Value> = match name {
        "host" | "hostname" | "server_name" => prop_oneof![
            12 => texts(&["lxca.example", "h", "192.0.2.1", "::1", "[2001:db8::1]", "lxca.example.", "xn--bcher-kva.de"]),
            1 => texts(&["", "https://h", "h:1", "h ", "1.2.3", "ü", "h..", "[h]"]),
        ].boxed(),
        "username" | "password" => prop_oneof![8 => "[a-zA-Z0-9]{1,6}", 1 => "[a-z:]{0,3}", 8 => "\\PC{1,6}"].prop_map(Value::from).boxed(),
        "auth_method" => prop_oneof![6 => texts(&["basic", "session"]), 1 => texts(&["Basic", " basic", ""])].boxed(),
        "ca_path" => texts(&["", "/ca.pem", "~/ca.pem", " "]).boxed(),
        "certificate_fingerprint" => prop_oneof![
            "(sha256:|SHA256:|sha1:)?[0-9a-fA-F]{64}",
            "([0-9A-F]{2}:){31}[0-9A-F]{2}:?",
            "[0-9a-f]{63,65}",
            ":?([0-9a-f]{2}:?){32}",
            Just(String::new()),
        ]
        .prop_map(Value::from)
        .boxed(),
        "port" => (0..=65_536_i64).prop_map(Value::from).boxed(),
        "retries" => (-1..=11_i64).prop_map(Value::from).boxed(),
        "timeout" | "connect_timeout" | "wait_timeout" | "poll_interval" => seconds.prop_map(Value::from).boxed(),
        "task_id" => prop_oneof![1 => Just(0_i64), 6 => 0..=i64::MAX, 1 => any::<i64>()].prop_map(Value::from).boxed(),
        "fix_ids" => {
            let id = prop_oneof![4 => "[A-Za-z0-9._-]{1,9}", 1 => "[ a-z./]{0,3}", 1 => "a{254,256}", 1 => Just("..".to_owned())];
            prop_oneof![
                prop::collection::vec(id.clone(), 0..3).prop_map(|ids| json!(ids)),
                prop::collection::vec(id, 0..3).prop_map(|ids| json!(ids.join(", "))),
                Just(json!(["a", 7, 1.5])),
                Just(json!(["a", 7])),
                Just(json!(["a", null])),
            ]
            .boxed()
        }
        "key" => texts(&[
            "all",
            "actions",
            "keys",
            "filetypes",
            "update",
            "currentVersion",
            "history",
            "importDir",
            "size",
            "updates",
            "updatedDate",
            "All",
            "",
        ])
        .boxed(),
        "filetype" => texts(&["readme", "changeHistory", "change", ""]).boxed(),
        _ => any::<bool>().prop_map(Value::from).boxed(),
    };
    prop_oneof![40 => fitting, 1 => any_value()].boxed()
}

/// Options with a chance for each to be there.
fn options(names: Vec<&'static str>, often: f64) -> impl Strategy<Value = Map<String, Value>> {
    let each: Vec<_> = names
        .into_iter()
        .map(|name| {
            let required = ["host", "username", "password", "task_id"].contains(&name);
            let chance = if required { 0.98 } else { often };
            prop::option::weighted(chance, value_for(name))
                .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    each.prop_map(|pairs| pairs.into_iter().flatten().collect())
}

/// Whole inputs, about half of them acceptable.
fn input() -> impl Strategy<Value = Map<String, Value>> {
    let operation = prop::sample::select(OPERATIONS.to_vec());
    operation.prop_flat_map(|(name, own)| {
        let caller = prop_oneof![
            6 => Just(None),
            1 => prop::sample::select(vec!["_ansible_module_name", "_task", "_x", "_ansible_check_mode"])
                .prop_flat_map(|key| (Just(key), prop_oneof![Just(json!(7)), Just(json!("lenovo.x.lxca_appliance_info")), Just(json!("lxca::firmware_export_info")), Just(json!("other"))]))
                .prop_map(Some),
        ];
        let stray = prop_oneof![
            20 => Just(None),
            1 => prop::sample::select(vec!["hostname", "zzz", "all", "task_id", "key"])
                .prop_flat_map(|key| (Just(key), value_for(key)))
                .prop_map(Some),
        ];
        let named = prop_oneof![24 => Just(Some(json!(name))), 1 => Just(None), 1 => Just(Some(Value::Null)), 1 => any_value().prop_map(Some)];
        (options(CONNECTION.to_vec(), 0.12), options(own.to_vec(), 0.3), named, caller, stray).prop_map(
            |(mut all, own, named, caller, stray)| {
                all.extend(own);
                all.extend(named.map(|name| ("operation".to_owned(), name)));
                all.extend(caller.into_iter().chain(stray).map(|(key, value)| (key.to_owned(), value)));
                all
            },
        )
    })
}

/// How many cases were acceptable, and how many were not: a property that holds for one sort only says little.
#[derive(Default)]
struct Tally {
    yes: Cell<u32>,
    no: Cell<u32>,
}

impl Tally {
    fn count(&self, yes: bool) {
        let counter = if yes { &self.yes } else { &self.no };
        counter.set(counter.get() + 1);
    }

    #[track_caller]
    fn both_above(&self, least: u32) {
        let (yes, no) = (self.yes.get(), self.no.get());
        assert!(yes > least && no > least, "{yes} acceptable cases, {no} others");
    }
}

/// Whether the reading accepted it; a refusal has to be one of the input.
fn accepted(outcome: &Result<Input, Failure>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(failure) => {
            assert_eq!(failure.kind, Kind::InvalidInput, "{}", failure.msg());
            assert!(failure.msg().to_lowercase().contains("nothing was sent"), "{}", failure.msg());
            false
        }
    }
}

#[test]
fn what_the_schema_accepts_is_accepted_with_an_empty_environment() {
    let tally = Tally::default();
    proptest!(cases(4000), |(input in input())| {
        let document = Value::Object(input);
        let fits = WHOLE.is_valid(&document);
        if fits {
            let read = read(&document);
            prop_assert!(accepted(&read), "{} {}", document, read.err().map(|failure| failure.msg()).unwrap_or_default());
        }
        tally.count(fits);
    });
    tally.both_above(400);
}

#[test]
fn an_input_is_accepted_exactly_when_its_normalised_form_fits_the_schema() {
    let tally = Tally::default();
    proptest!(cases(5000), |(input in input())| {
        let document = normalised(&input);
        let read = read(&Value::Object(input.clone()));
        let read_accepts = accepted(&read);
        prop_assert_eq!(
            read_accepts, WHOLE.is_valid(&document),
            "{} became {}: {}", Value::Object(input), document, read.as_ref().err().map(Failure::msg).unwrap_or_default()
        );
        tally.count(read_accepts);
        if let Ok(input) = read {
            let connection = input.connection;
            let is = |name: &str, value: Value| document.get(name).is_none_or(|given| *given == value || given.as_f64() == value.as_f64() && value.is_number());
            prop_assert!(is("port", json!(connection.port)), "{}", document);
            prop_assert!(is("retries", json!(connection.retries)), "{}", document);
            prop_assert!(is("timeout", json!(connection.timeout)), "{}", document);
            prop_assert!(is("connect_timeout", json!(connection.connect_timeout)), "{}", document);
            prop_assert!(is("validate_certs", json!(connection.validate_certs)), "{}", document);
            prop_assert!(is("use_proxy", json!(connection.use_proxy)), "{}", document);
            prop_assert!(is("username", json!(connection.username)), "{}", document);
            prop_assert!(document["password"].as_str().map(Secret::new) == Some(connection.password), "{}", document);
            prop_assert!(is("ca_path", json!(connection.ca_path)), "{}", document);
        }
    });
    tally.both_above(600);
}

#[test]
fn the_whole_schema_accepts_what_one_operations_schema_accepts() {
    proptest!(cases(1500), |(input in input())| {
        let document = normalised(&input);
        let fitting: Vec<&str> = EACH.iter().filter(|(_, schema)| schema.is_valid(&document)).map(|(name, _)| *name).collect();
        prop_assert!(fitting.len() <= 1, "{} fits {:?}", document, fitting);
        prop_assert_eq!(WHOLE.is_valid(&document), fitting.len() == 1, "{}", document);
        prop_assert!(fitting.first().is_none_or(|name| document["operation"] == *name), "{}", document);
    });
}

/// JSON of any shape, flat objects with our own keys more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = any_value();
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(CONNECTION.to_vec()).prop_map(str::to_owned),
            prop::sample::select(vec!["operation", "hostname", "task_id", "fix_ids", "_task", "_"])
                .prop_map(str::to_owned),
            "\\PC{0,5}",
        ];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            4 => prop::collection::btree_map(key, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn any_json_is_accepted_or_refused_without_a_panic() {
    proptest!(cases(4000), |(document in any_json())| {
        accepted(&read(&document));
    });
}

#[test]
fn any_bytes_are_accepted_or_refused_without_a_panic() {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}:,\"\\\\ 0-9eE.+-]{0,60}".prop_map(String::into_bytes),
        // A fitting input with one byte changed or the end cut off.
        (0..160_usize, any::<u8>(), any::<bool>()).prop_map(|(place, byte, cut)| {
            let text = r#"{"operation":"appliance_info","host":"lxca.example","username":"u","password":"p","port":"443","all":"yes","_task":"x","retries":2.0}"#;
            let mut bytes = text.as_bytes().to_vec();
            let place = place % bytes.len();
            if cut { bytes.truncate(place) } else { bytes[place] = byte }
            bytes
        }),
    ];
    proptest!(cases(4000), |(bytes in bytes)| {
        let outcome = crate::input::Object::parse(&bytes)
            .and_then(|object| Input::read(object, &crate::operations::signatures(), &|_| None, &crate::scrub::Secrets::default(), |_| {}));
        accepted(&outcome);
    });
}
