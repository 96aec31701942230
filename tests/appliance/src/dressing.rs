//! Puts the quirks on an answer: the same JSON, written as this appliance writes it.

use serde_json::{Map, Value};

use crate::envelope;
use crate::quirks::{Booleans, EmptyLists, Filetypes, Language, Quirks, Severity, SuccessWord};

/// Keys whose values are truth values written as text (docs/lxca-api.md, Value types).
const TEXT_BOOLEANS: [&str; 8] =
    ["applyable", "change", "latest", "payload", "readme", "supportDownload", "inventoryMT", "supported"];

const SEVERITIES: [&str; 4] = ["initialRelease", "critical", "suggested", "noncritical"];

/// Rewrites a whole body.
pub(crate) fn dress(body: Value, quirks: &Quirks) -> Value {
    match body {
        Value::Object(fields) => Value::Object(dress_object(fields, quirks)),
        Value::Array(items) => dress_list(items, quirks),
        Value::Number(number) if quirks.numbers_as_strings => Value::String(number.to_string()),
        other => other,
    }
}

fn dress_object(fields: Map<String, Value>, quirks: &Quirks) -> Map<String, Value> {
    let message_id = fields.get("id").and_then(Value::as_str).map(str::to_owned);
    fields
        .into_iter()
        .map(|(key, value)| {
            let value = dress_field(&key, value, message_id.as_deref(), quirks);
            (key, value)
        })
        .collect()
}

/// What no text that is shown in lines should hold.
const LINE_BREAKS: &str = "\u{85}\u{2028}\u{2029}\u{9b}\u{7f}";

fn dress_field(key: &str, value: Value, message_id: Option<&str>, quirks: &Quirks) -> Value {
    match (key, &value) {
        ("text" | "name" | "readableName" | "description", Value::String(text)) if quirks.line_breaks_in_texts => {
            format!("{LINE_BREAKS}{text}{LINE_BREAKS}").into()
        }
        ("text", Value::String(_)) if quirks.language == Language::Portuguese => {
            let translated = message_id.and_then(envelope::portuguese);
            translated.map_or(value, Value::from)
        }
        // Only the envelopes of the repositories say `informational`.
        ("result", Value::String(word)) if word == "informational" && quirks.success_word == SuccessWord::Success => {
            "success".into()
        }
        ("severity", Value::Number(number)) if quirks.severity == Severity::Word => {
            let place = number.as_u64().and_then(|number| usize::try_from(number).ok());
            let word = place.and_then(|place| SEVERITIES.get(place.checked_sub(1)?));
            word.map_or(value.clone(), |word| Value::from(*word))
        }
        ("filetypes", Value::Array(types)) => match quirks.filetypes {
            Filetypes::Change => dress(value, quirks),
            Filetypes::ChangeHistory => {
                types.iter().map(|kind| if kind == "change" { "changeHistory".into() } else { kind.clone() }).collect()
            }
            Filetypes::Text => {
                let words: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
                words.join(",").into()
            }
        },
        ("errorMsg", Value::Object(_)) if quirks.error_msg_as_array => Value::Array(vec![dress(value, quirks)]),
        (key, Value::String(word)) if quirks.booleans == Booleans::Real && TEXT_BOOLEANS.contains(&key) => {
            match word.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => value,
            }
        }
        _ => dress(value, quirks),
    }
}

fn dress_list(items: Vec<Value>, quirks: &Quirks) -> Value {
    if items.is_empty() {
        return match quirks.empty_lists {
            EmptyLists::List => Value::Array(items),
            EmptyLists::Object => Value::Object(Map::new()),
            EmptyLists::BracketText => "[]".into(),
            EmptyLists::EmptyText => "".into(),
            EmptyLists::Null => Value::Null,
        };
    }
    let mut items: Vec<Value> = items.into_iter().map(|item| dress(item, quirks)).collect();
    match items.pop() {
        Some(only @ Value::Object(_)) if quirks.single_objects && items.is_empty() => only,
        last => items.into_iter().chain(last).collect(),
    }
}
