//! Objects of the API as the pairs they hold, and undocumented attributes.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{MOST_ATTRIBUTES, TooMany};

/// A JSON object as the pairs it holds, values untouched, each name once. Of a name that stands twice the last value
/// counts, as in every JSON reader that clients of the appliance are written with.
#[derive(Debug, Default)]
pub struct Pairs<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Pairs<'a> {
    /// The pairs of a text that is a JSON object; none when it is another value.
    ///
    /// # Errors
    /// More attributes than are read; one that stands twice counts twice.
    pub fn parse(text: &'a str) -> Result<Option<Pairs<'a>>, TooMany> {
        if !text.starts_with('{') {
            return Ok(None);
        }
        let mut pairs = Vec::new();
        for_each_pair(text, |name, value| {
            pairs.push((name, value));
            if pairs.len() > MOST_ATTRIBUTES { Err(TooMany::Attributes) } else { Ok(()) }
        })?;
        let mut seen = HashSet::with_capacity(pairs.len());
        let mut last: Vec<bool> = pairs.iter().rev().map(|(name, _)| seen.insert(name.as_ref())).collect();
        pairs.retain(|_| last.pop() == Some(true));
        Ok(Some(Pairs(pairs)))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The value of one name in a text that is a JSON object, however many others there are; of several the last.
pub fn member<'a>(text: &'a str, name: &str) -> Option<&'a RawValue> {
    let mut found = None;
    for_each_pair(text, |known, value| {
        if known == name {
            found = Some(value);
        }
        Ok(())
    })
    .ok()?;
    found
}

/// Looks at each pair of a JSON object, one after the other, in the memory of one. What is not an object has no pairs.
fn for_each_pair<'a>(
    text: &'a str,
    mut look: impl FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), TooMany>,
) -> Result<(), TooMany> {
    #[derive(serde::Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

    struct EachPair<F>(F);

    impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue) -> Result<(), TooMany>> Visitor<'de> for EachPair<F> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
            while let Some((Name(name), value)) = map.next_entry()? {
                (self.0)(name, value).map_err(M::Error::custom)?;
            }
            Ok(())
        }
    }

    let mut outcome = Ok(());
    let pairs = EachPair(|name, value| {
        outcome = look(name, value);
        outcome
    });
    if text.starts_with('{') {
        // The text was validated when it arrived: the only error is the one in `outcome`.
        let _ = serde_json::Deserializer::from_str(text).deserialize_map(pairs);
    }
    outcome
}

/// Attributes that the documentation does not know, as they came: the text of a JSON object, each name once.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown(String);

impl Default for Unknown {
    fn default() -> Unknown {
        Unknown("{}".into())
    }
}

impl Unknown {
    /// Keeps an attribute, whose name is new.
    pub fn keep(&mut self, name: &str, raw: &RawValue) {
        self.0.pop();
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // A name may be as long as the answer: it is copied once where nothing in it has to be escaped.
        if name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            self.0.push_str(&serde_json::Value::from(name).to_string());
        } else {
            ["\"", name, "\""].iter().for_each(|piece| self.0.push_str(piece));
        }
        self.0.push(':');
        self.0.push_str(raw.get());
        self.0.push('}');
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 2
    }

    /// Keeps those of other attributes whose names are new.
    ///
    /// # Errors
    /// More attributes together than one object may hold; nothing is added then.
    pub fn keep_new(&mut self, others: &Unknown) -> Result<(), TooMany> {
        let known = Pairs::parse(&self.0)?.unwrap_or_default().0;
        let names: HashSet<&str> = known.iter().map(|(name, _)| name.as_ref()).collect();
        let mut new = Pairs::parse(&others.0)?.unwrap_or_default().0;
        new.retain(|(name, _)| !names.contains(name.as_ref()));
        if names.len() + new.len() > MOST_ATTRIBUTES {
            return Err(TooMany::Attributes);
        }
        new.iter().for_each(|(name, value)| self.keep(name, value));
        Ok(())
    }

    /// Writes the attributes into a map, except those whose name is taken there.
    pub fn write<M: SerializeMap>(&self, map: &mut M, taken: &[&str]) -> Result<(), M::Error> {
        let mut written = Ok(());
        let read = for_each_pair(&self.0, |name, value| {
            if written.is_ok() && !taken.contains(&name.as_ref()) {
                written = map.serialize_entry(name.as_ref(), value);
            }
            Ok(())
        });
        read.map_err(M::Error::custom)?;
        written
    }
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map, &[])?;
        map.end()
    }
}
