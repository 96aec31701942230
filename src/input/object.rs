//! The input as JSON: one flat object, its keys in order, nothing interpreted yet.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::accepted;
use crate::failure::{Failure, Kind};

/// No input has more keys: there are some twenty options, and a million keys would take seconds to refuse one by one.
const MOST_KEYS: usize = 10_000;

/// How much of an unknown key is repeated, and compared with the known ones.
pub const LONGEST_KEY: usize = 60;

/// The input object with its options and what the caller says of itself in keys that start with `_`.
#[derive(Debug, Default)]
pub struct Object {
    /// Keys without a leading underscore and their values, as they came.
    pub given: Map<String, Value>,
    /// Keys that stand twice in the object.
    pub doubled: Vec<String>,
    /// Any `_ansible_*` key: the caller is Ansible, which shows the whole answer.
    pub ansible: bool,
    /// `_task` is there: the caller is Bolt.
    pub bolt: bool,
    /// Whether the caller wants to know what would change, and nothing changed: `_ansible_check_mode`, `_noop`.
    pub check_mode: bool,
    /// Whether the caller wants to see what changes: `_ansible_diff`.
    pub diff_mode: bool,
    /// `_task`, when it is a text.
    task: Option<String>,
    /// `_ansible_module_name`, when it is a text.
    module_name: Option<String>,
}

impl Object {
    /// Reads the object from the bytes of FILE or stdin.
    ///
    /// # Errors
    /// `invalid_input` when the bytes are not UTF-8, not JSON, or not an object.
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

    /// The name that the caller knows this program by, without its collection and the prefix `lxca_`.
    pub fn called_name(&self) -> Option<String> {
        // Ansible's name of the module is the surer of the two: a Bolt task may carry any name.
        let called = self.module_name.as_deref().or(self.task.as_deref())?;
        let last = called.rsplit(['.', ':']).next()?;
        let name = last.strip_prefix("lxca_").unwrap_or(last);
        (!name.is_empty()).then(|| name.to_owned())
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
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.len() == MOST_KEYS {
                return Err(M::Error::custom(format!("it has more than {MOST_KEYS} keys")));
            }
            if !seen.insert(key.clone()) {
                map.next_value::<IgnoredAny>()?;
                object.doubled.push(key);
            } else if key.starts_with('_') {
                // A caller's value is never refused, so it is not even read as anything.
                let value: &RawValue = map.next_value()?;
                object.ansible |= key.starts_with("_ansible_");
                object.bolt |= key == "_task";
                match key.as_str() {
                    "_task" => object.task = text(value),
                    "_ansible_module_name" => object.module_name = text(value),
                    "_ansible_check_mode" | "_noop" => object.check_mode |= is_true(value),
                    "_ansible_diff" => object.diff_mode = is_true(value),
                    _ => {}
                }
            } else {
                let value: &RawValue = map.next_value()?;
                let value = serde_json::from_str(value.get()).map_err(|error| {
                    // The place in the value says nothing to anybody, and the outer error adds its own.
                    let error = error.to_string();
                    let why = error.split(" at line ").next().unwrap_or_default();
                    M::Error::custom(format!("the value of `{}` cannot be read ({why})", shown(&key)))
                })?;
                object.given.insert(key, value);
            }
        }
        Ok(object)
    }
}

/// Whether a caller's value means yes.
fn is_true(value: &RawValue) -> bool {
    serde_json::from_str(value.get()).is_ok_and(|value| accepted::boolean(&value) == Ok(true))
}

/// The text of a caller's value, when it is one and not empty.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok().filter(|text: &String| !text.is_empty())
}

/// A key as it is shown: without control characters, and not a novel.
pub fn shown(key: &str) -> String {
    let mut shown: String = key.chars().take(LONGEST_KEY).flat_map(char::escape_debug).collect();
    if key.chars().count() > LONGEST_KEY {
        shown.push('…');
    }
    shown
}
