//! The input as JSON: one flat object, its keys in order, nothing interpreted yet.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::failure::{Failure, Kind};

/// The input object with its options and what the caller says of itself in keys that start with `_`.
#[derive(Debug, Default)]
pub struct Object {
    /// Keys without a leading underscore and their values, as they came.
    pub given: Vec<(String, Value)>,
    /// Keys that stand twice in the object.
    pub doubled: Vec<String>,
    /// Any `_ansible_*` key: the caller is Ansible, which shows the whole answer.
    pub ansible: bool,
    /// `_task`: the caller is Bolt. Empty when it is no string.
    pub task: Option<String>,
    /// `_ansible_module_name`.
    pub module_name: Option<String>,
}

impl Object {
    /// Reads the object from the bytes of FILE or stdin.
    ///
    /// # Errors
    /// `invalid_input` when the bytes are no UTF-8, no JSON, or no object.
    pub fn parse(bytes: &[u8]) -> Result<Object, Failure> {
        let refused = |why: String| {
            let what = "The input must be one JSON object, such as {\"operation\": \"appliance_info\", \"host\": …}";
            Failure::new(Kind::InvalidInput, format!("{what}, but {why}. Nothing was sent."))
        };
        let text =
            str::from_utf8(bytes).map_err(|error| refused(format!("byte {} is not UTF-8", error.valid_up_to() + 1)))?;
        let text = text.trim_start_matches('\u{feff}');
        match text.trim_start().chars().next() {
            None => return Err(refused("it is empty".into())),
            Some('{') => {}
            Some(_) => return Err(refused("it does not begin with `{`".into())),
        }
        // With an object for certain, serde_json speaks of syntax and places only and repeats no value.
        serde_json::from_str(text).map_err(|error| refused(format!("it is broken: {error}")))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
        let mut object = Object::default();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                map.next_value::<IgnoredAny>()?;
                object.doubled.push(key);
            } else if key.starts_with('_') {
                object.ansible |= key.starts_with("_ansible_");
                match key.as_str() {
                    "_task" => object.task = Some(text(map.next_value()?)),
                    "_ansible_module_name" => object.module_name = Some(text(map.next_value()?)),
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
            } else {
                let value = map.next_value().map_err(|error| M::Error::custom(without_value(&error)))?;
                object.given.push((key, value));
            }
        }
        Ok(object)
    }
}

/// The text of a caller's key, empty when it is no text: such keys are never refused.
fn text(value: Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An error of serde_json without its place, which the outer error adds again.
fn without_value(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
