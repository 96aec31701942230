//! The choices that `serve --help` lists, taken from the schema of the settings, so that the list is complete.

use lxca_appliance::Settings;
use serde_json::{Map, Value};

/// The names of all quirks with their values, and all faults, certificates and offers of TLS.
pub(crate) fn choices() -> String {
    let schema = schemars::schema_for!(Settings).to_value();
    let mut text = String::from("In the settings file:\n");
    for (title, place) in [
        ("Contradictions of the documents, under \"quirks\"", "/$defs/Quirks/properties"),
        ("Jobs, repositories and downloads that go wrong, under \"plays\"", "/$defs/Plays/properties"),
        ("Exports that are sent wrong, under \"plays\", \"download\"", "/$defs/Download/properties"),
    ] {
        text.push_str(&format!("\n{title}:\n"));
        for (name, part) in schema.pointer(place).and_then(Value::as_object).into_iter().flatten() {
            text.push_str(&format!("  {name:28} {}\n", values(&schema, part)));
        }
    }
    for (title, place) in [
        ("Faults, of rules under \"faults\"", "/$defs/Fault"),
        ("Fates, of rules under \"plays\", \"jobs\"", "/$defs/Fate"),
        ("Kinds of jobs", "/$defs/TaskKind"),
        ("Phases of a restart, under \"plays\", \"restart_phases\"", "/$defs/Phase"),
        ("Certificates, under \"certificate\" and \"certificate_after_restart\"", "/$defs/CertificateKind"),
        ("TLS, under \"tls\"", "/$defs/TlsOffer"),
    ] {
        let all = schema.pointer(place).map(|kind| values(&schema, kind)).unwrap_or_default();
        text.push_str(&format!("\n{title}:\n{}", folded(&all)));
    }
    text + "\n`lxca-appliance settings` prints a settings file with every field, and with --schema what each of them means."
}

/// The values that a part of the schema allows.
fn values(schema: &Value, part: &Value) -> String {
    if let Some(place) = part.get("$ref").and_then(Value::as_str) {
        let target = schema.pointer(place.trim_start_matches('#'));
        return target.map(|target| values(schema, target)).unwrap_or_default();
    }
    let only_name = |fields: &Map<String, Value>| fields.keys().next().cloned();
    let name = |variant: &Value| match variant.get("const").and_then(Value::as_str) {
        Some(word) => Some(word.to_owned()),
        None => {
            variant.get("properties").and_then(Value::as_object).and_then(only_name).map(|name| format!("{name}=…"))
        }
    };
    if let Some(variants) = part.get("oneOf").and_then(Value::as_array) {
        return variants.iter().filter_map(name).collect::<Vec<_>>().join(", ");
    }
    let kind = part.get("type").map(Value::to_string).unwrap_or_default();
    match kind {
        kind if kind.contains("boolean") => "true, false".into(),
        kind if kind.contains("integer") => "a number".into(),
        kind if kind.contains("array") => "a list".into(),
        kind if kind.contains("object") => "see below".into(),
        _ => "a text".into(),
    }
}

/// A list in lines of a terminal's width.
fn folded(list: &str) -> String {
    let mut lines = String::from(" ");
    let mut width = 1;
    for word in list.split(' ') {
        if width + word.len() > 98 {
            lines.push_str("\n ");
            width = 1;
        }
        lines.push_str(&format!(" {word}"));
        width += word.len() + 1;
    }
    lines + "\n"
}
