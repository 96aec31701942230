//! The published schemas, generated from the types (docs/contract.md, Input and Output). `schemas/` holds the same texts.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::input::{Presence, Rule, definitions};
use crate::operations::{Entry, TABLE, find};

/// The dialect.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema that `lxca schema` asks for, as text.
///
/// # Errors
/// `invalid_input` for an operation that does not exist.
pub fn text(output: bool, operation: Option<&str>) -> Result<String, Failure> {
    let entry = operation.map(|name| {
        find(name).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|entry| entry.signature.name).collect();
            Failure::new(Kind::InvalidInput, format!("`schema`: the operation must be one of {}.", names.join(", ")))
        })
    });
    let schema = match (output, entry.transpose()?) {
        (false, None) => whole_input(),
        (false, Some(entry)) => {
            let mut schema = input(entry);
            schema.insert("$defs".into(), definitions());
            document(schema, &format!("The input of lxca for {}", entry.signature.name))
        }
        (true, None) => document(answer(None), "The answer of lxca"),
        (true, Some(entry)) => {
            document(answer(Some(entry)), &format!("The answer of lxca for {}", entry.signature.name))
        }
    };
    serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::new(Kind::Internal, "The schema cannot be written").caused_by(error))
}

/// A schema with its dialect and its title.
fn document(mut schema: Map<String, Value>, title: &str) -> Value {
    schema.insert("$schema".into(), DRAFT.into());
    schema.insert("title".into(), title.into());
    Value::Object(schema)
}

/// The input of any operation.
fn whole_input() -> Value {
    let each: Vec<Map<String, Value>> = TABLE.iter().map(input).collect();
    document(object(json!({"type": "object", "oneOf": each, "$defs": definitions()})), "The input of lxca")
}

/// The normalised input of one operation: its own options, those of the connection, and what the caller says of itself.
fn input(entry: &Entry) -> Map<String, Value> {
    let declarations = entry.signature.declarations();
    let operation = json!({"const": entry.signature.name, "description": format!("The operation: {}.", entry.summary)});
    let mut properties = Map::from_iter([("operation".to_owned(), operation)]);
    properties.extend(declarations.iter().map(|declared| (declared.name.to_owned(), declared.schema())));
    let required = declarations.iter().filter(|declared| matches!(declared.presence, Presence::Required));
    let required: Vec<&str> = std::iter::once("operation").chain(required.map(|declared| declared.name)).collect();
    let rules: Vec<Value> = entry.signature.all_rules().map(|rule| rule.schema(&declarations)).collect();
    let mut schema = object(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "patternProperties": {"^_": {"description": "Belongs to the caller, such as `_ansible_check_mode`."}},
        "additionalProperties": false,
        "allOf": rules,
        "x-lxca-changes": entry.changes,
        "x-lxca-options": entry.signature.options.iter().map(|declared| declared.name).collect::<Vec<_>>(),
    }));
    schema.extend(rules_by_presence(entry.signature.rules));
    schema
}

/// The rules that depend on what is given alone, as Ansible spells them.
fn rules_by_presence(rules: &[Rule]) -> Map<String, Value> {
    let (mut exclusive, mut needs) = (Vec::new(), Map::new());
    for rule in rules {
        match *rule {
            Rule::Exclusive(one, other) => exclusive.push(json!([one, other])),
            Rule::Needs(one, other) => drop(needs.insert(one.into(), json!([other]))),
            Rule::When { .. } => {}
        }
    }
    let mut annotations = Map::new();
    if !exclusive.is_empty() {
        annotations.insert("x-lxca-mutually-exclusive".into(), exclusive.into());
    }
    if !needs.is_empty() {
        annotations.insert("x-lxca-required-by".into(), needs.into());
    }
    annotations
}

/// The answer, with the data of one operation.
fn answer(entry: Option<&Entry>) -> Map<String, Value> {
    let mut generator: SchemaGenerator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = object(Answer::json_schema(&mut generator).into());
    if let (Some(entry), Some(Value::Object(properties))) = (entry, schema.get_mut("properties")) {
        let mut data = object((entry.data_schema)(&mut generator).into());
        let about = properties.get("data").and_then(|data| data.get("description")).cloned();
        data.insert("description".into(), about.unwrap_or_default());
        data.insert("examples".into(), serde_json::from_str(entry.examples).unwrap_or_default());
        properties.insert("data".into(), Value::Object(data));
        if !entry.changes {
            properties.remove("diff");
        }
        properties.insert(
            "operation".into(),
            json!({"const": entry.signature.name, "description": "The operation asked for."}),
        );
    }
    schema.insert("additionalProperties".into(), false.into());
    let failed = json!({"properties": {"failed": {"const": true}}});
    let (succeeds, fails) =
        (json!({"required": ["operation", "data"], "properties": {"error": false}}), json!({"required": ["error"]}));
    schema.extend([("if".to_owned(), failed), ("then".to_owned(), fails), ("else".to_owned(), succeeds)]);
    let mut definitions = generator.take_definitions(true);
    if entry.is_some_and(|entry| !entry.changes) {
        definitions.remove("Diff");
    }
    schema.insert("$defs".into(), Value::Object(definitions));
    schema.values_mut().for_each(plain);
    schema
}

/// Takes out what comes from Rust's side: the widths of integers (no format of JSON Schema, and the limits say more) and
/// the line breaks of doc comments.
fn plain(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("format").is_some_and(|format| format.as_str().is_some_and(|name| name.starts_with("uint"))) {
                object.remove("format");
            }
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            object.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// The object of a JSON value that is one.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
