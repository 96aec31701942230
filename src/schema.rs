//! The published schemas, generated from the types (contract, sections 2 and 3). `schemas/` holds the same texts.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::input::Connection;
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
            let names: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
            Failure::new(Kind::InvalidInput, format!("`schema`: accepted operations are {}.", names.join(", ")))
        })
    });
    let schema = match (output, entry.transpose()?) {
        (false, None) => whole_input(),
        (false, Some(entry)) => {
            let (mut schema, definitions) = input(entry);
            schema.insert("$defs".into(), definitions);
            document(schema, &format!("The input of lxca for {}", entry.name))
        }
        (true, None) => document(answer(None), "The answer of lxca"),
        (true, Some(entry)) => document(answer(Some(entry)), &format!("The answer of lxca for {}", entry.name)),
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
    let (each, mut definitions): (Vec<_>, Vec<_>) = TABLE.iter().map(input).unzip();
    // The same in all of them: hosts.
    let definitions = definitions.pop().unwrap_or_default();
    document(object(json!({"type": "object", "oneOf": each, "$defs": definitions})), "The input of lxca")
}

/// The normalised input of one operation: connection options, its own, and whatever the caller says of itself; and the
/// definitions it refers to.
fn input(entry: &Entry) -> (Map<String, Value>, Value) {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let operation = json!({"const": entry.name, "description": format!("Which question is asked: {}.", entry.summary)});
    let mut properties = Map::from_iter([("operation".to_owned(), operation)]);
    let mut required = vec![json!("operation")];
    for schema in [Connection::json_schema(&mut generator), (entry.options_schema)(&mut generator)] {
        let mut schema = object(schema.into());
        properties.extend(object(schema.remove("properties").unwrap_or_default()));
        if let Some(Value::Array(names)) = schema.remove("required") {
            required.extend(names);
        }
    }
    let mut rules = Connection::rules();
    rules.extend((entry.rules)());
    let mut schema = object(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "patternProperties": {"^_": {"description": "Belongs to the caller, such as `_ansible_check_mode`."}},
        "additionalProperties": false,
        "allOf": rules,
    }));
    let mut definitions = Value::Object(generator.take_definitions(true));
    schema.values_mut().chain([&mut definitions]).for_each(plain);
    (schema, definitions)
}

/// The answer, with the data of one operation.
fn answer(entry: Option<&Entry>) -> Map<String, Value> {
    let mut generator: SchemaGenerator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = object(Answer::json_schema(&mut generator).into());
    if let (Some(entry), Some(Value::Object(properties))) = (entry, schema.get_mut("properties")) {
        let mut data = object((entry.data_schema)(&mut generator).into());
        let about = properties.get("data").and_then(|data| data.get("description")).cloned();
        data.insert("description".into(), about.unwrap_or_default());
        data.insert("examples".into(), (entry.examples)().into());
        properties.insert("data".into(), Value::Object(data));
        properties.insert("operation".into(), json!({"const": entry.name, "description": "The operation asked for."}));
    }
    schema.insert("additionalProperties".into(), false.into());
    let failed = json!({"properties": {"failed": {"const": true}}});
    let (succeeds, fails) =
        (json!({"required": ["operation", "data"], "properties": {"error": false}}), json!({"required": ["error"]}));
    schema.extend([("if".to_owned(), failed), ("then".to_owned(), fails), ("else".to_owned(), succeeds)]);
    schema.insert("$defs".into(), Value::Object(generator.take_definitions(true)));
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
