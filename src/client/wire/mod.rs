//! What the appliance's JSON holds: one file per resource of the API, and here the tolerant reading they share.
//!
//! The documentation and the appliance disagree about types, so nothing that arrives is a failure because of its type:
//! an attribute that fits its documented meaning is mended, every other one is passed on as it came (contract,
//! section 3). Nothing here knows operations or options.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::scrub::Word;

pub mod aicc;
pub mod firmware_status;
pub mod management_server_updates;
pub mod text;

/// A JSON value as the appliance sent it, kept as text: numbers keep their digits and nothing is copied twice.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON text, without blanks around it.
    pub fn as_text(&self) -> &str {
        self.0.get()
    }

    /// The decoded text, when the value is a string.
    pub fn string(&self) -> Option<String> {
        string(&self.0)
    }

    /// The number, when the value is one.
    pub fn number(&self) -> Option<f64> {
        serde_json::from_str(self.as_text()).ok()
    }

    /// A JSON value from text that is JSON for certain.
    fn of(text: String) -> Option<Json> {
        RawValue::from_string(text).ok().map(Json)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.as_text() == other.as_text()
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The decoded text of a JSON string.
fn string(raw: &RawValue) -> Option<String> {
    raw.get().starts_with('"').then(|| serde_json::from_str(raw.get()).ok()).flatten()
}

/// How an attribute of a documented type is read, and what the schema says of it.
pub trait Attribute: Sized + Serialize {
    /// The documented type, an annotation in the schema.
    const TYPE: &'static str;

    /// Reads whatever arrived.
    fn read(raw: &RawValue) -> Self;

    /// What else the schema says of it.
    fn describe(_generator: &mut SchemaGenerator, _schema: &mut Schema) {}
}

/// An attribute documented as a string: passed on as it came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Text(pub Json);

impl Text {
    /// A text of our own making.
    pub fn of(text: &str) -> Text {
        let json = Json::of(serde_json::Value::from(text).to_string());
        Text(json.unwrap_or_else(|| Json(RawValue::NULL.to_owned())))
    }

    /// The text for a sentence, whatever type it came in.
    pub fn words(&self) -> String {
        self.0.string().unwrap_or_else(|| self.0.as_text().to_owned())
    }
}

impl Attribute for Text {
    const TYPE: &'static str = "string";

    fn read(raw: &RawValue) -> Text {
        Text(Json(raw.to_owned()))
    }
}

/// An attribute documented as a number: a number in a string becomes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number(pub Json);

impl Attribute for Number {
    const TYPE: &'static str = "number";

    fn read(raw: &RawValue) -> Number {
        let mended = string(raw).and_then(|text| {
            let text = text.trim();
            // As JSON spells numbers, so that the text itself can be passed on: no `0x10`, no `1e999`.
            let number = serde_json::from_str::<serde_json::Number>(text).ok();
            // A whole number beyond 64 bits would lose digits in every reader.
            let fits = |number: &serde_json::Number| !number.is_f64() || text.contains(['.', 'e', 'E']);
            number.filter(fits).and_then(|_| Json::of(text.to_owned()))
        });
        Number(mended.unwrap_or_else(|| Json(raw.to_owned())))
    }
}

/// An attribute that means yes or no: `"true"` and `"false"` become booleans [LXCA API, section 3.4].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag(pub Json);

impl Attribute for Flag {
    const TYPE: &'static str = "boolean";

    fn read(raw: &RawValue) -> Flag {
        let word = string(raw).map(|text| text.trim().to_ascii_lowercase());
        let mended = word.filter(|word| word == "true" || word == "false").and_then(Json::of);
        Flag(mended.unwrap_or_else(|| Json(raw.to_owned())))
    }
}

impl Attribute for Json {
    const TYPE: &'static str = "any";

    fn read(raw: &RawValue) -> Json {
        Json(raw.to_owned())
    }
}

/// An attribute documented as a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum List<T> {
    /// The list, perhaps of the one object that arrived in its place.
    Of(Vec<T>),
    /// Something that is no list in any spelling.
    Other(Json),
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List::Of(Vec::new())
    }
}

impl<T> List<T> {
    /// The items; none when it is no list.
    pub fn items(&self) -> &[T] {
        match self {
            List::Of(items) => items,
            List::Other(_) => &[],
        }
    }
}

impl<T: Attribute + JsonSchema> Attribute for List<T> {
    const TYPE: &'static str = "array";

    fn read(raw: &RawValue) -> List<T> {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(items) => List::Of(items.into_iter().map(T::read).collect()),
                Err(_) => List::Other(Json(raw.to_owned())),
            },
            // An absent list has as many spellings as there are pages: {}, "[]", "" and null.
            Some(b'{') if is_empty_object(text) => List::Of(Vec::new()),
            Some(b'{') => List::Of(vec![T::read(raw)]),
            Some(b'n') => List::Of(Vec::new()),
            _ if string(raw).is_some_and(|text| matches!(text.trim(), "" | "[]")) => List::Of(Vec::new()),
            _ => List::Other(Json(raw.to_owned())),
        }
    }

    fn describe(generator: &mut SchemaGenerator, schema: &mut Schema) {
        schema.insert("x-lxca-items".into(), generator.subschema_for::<T>().into());
    }
}

fn is_empty_object(text: &str) -> bool {
    text.trim_start_matches('{').trim_start().starts_with('}')
}

/// Looks at each item of a JSON list, one after the other: a list of millions takes no more memory than one item.
pub fn for_each_item<'a>(text: &'a str, item: impl FnMut(&'a RawValue)) {
    struct Items<F>(F);

    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<S: SeqAccess<'de>>(mut self, mut items: S) -> Result<(), S::Error> {
            while let Some(item) = items.next_element()? {
                (self.0)(item);
            }
            Ok(())
        }
    }

    // What is no list has no items.
    let _ = serde_json::Deserializer::from_str(text).deserialize_seq(Items(item));
}

/// A documented object, or what arrived in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Object<T> {
    /// The object.
    Read(T),
    /// Something that is no object.
    Other(Json),
}

impl<T> Object<T> {
    /// The object, when it is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Object::Read(object) => Some(object),
            Object::Other(_) => None,
        }
    }
}

impl<T: Record + Serialize + JsonSchema> Attribute for Object<T> {
    const TYPE: &'static str = "object";

    fn read(raw: &RawValue) -> Object<T> {
        match Pairs::parse(raw.get()) {
            Some(pairs) => Object::Read(T::from_pairs(pairs)),
            None => Object::Other(Json(raw.to_owned())),
        }
    }

    fn describe(generator: &mut SchemaGenerator, schema: &mut Schema) {
        schema.insert("x-lxca-object".into(), generator.subschema_for::<T>().into());
    }
}

impl<T: JsonSchema> JsonSchema for Object<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A JSON object as the pairs it holds, values untouched. Of a key that stands twice the last value counts, as in
/// every JSON reader that clients of the appliance are written with.
#[derive(Debug, Default)]
pub struct Pairs<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Pairs<'a> {
    /// The pairs of a text that is a JSON object; none when it is another value.
    pub fn parse(text: &'a str) -> Option<Pairs<'a>> {
        if !text.starts_with('{') {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs<'a>, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<'de>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, &'de RawValue>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Attributes that the documentation does not know, kept as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unknown(Vec<(String, Json)>);

impl Unknown {
    /// Keeps an attribute.
    pub fn keep(&mut self, name: String, raw: &RawValue) {
        self.0.push((name, Json(raw.to_owned())));
    }

    /// Of attributes with one name only the last counts.
    pub fn settle(&mut self) {
        let mut seen = HashSet::new();
        self.0.reverse();
        self.0.retain(|(name, _)| seen.insert(name.clone()));
        self.0.reverse();
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those of other attributes whose names are new.
    pub fn keep_new(&mut self, others: Unknown) {
        let known: HashSet<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        self.0.extend(others.0.into_iter().filter(|(name, _)| !known.contains(name)));
    }

    /// Writes the attributes into a map, except those whose name is taken there.
    pub fn write<M: SerializeMap>(&self, map: &mut M, taken: &[&str]) -> Result<(), M::Error> {
        let free = self.0.iter().filter(|(name, _)| !taken.contains(&name.as_str()));
        free.into_iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.write(&mut map, &[])?;
        map.end()
    }
}

/// An object of the API with documented attributes, as [`record!`] declares them.
pub trait Record: Sized {
    /// Reads the attributes from the pairs of an object.
    fn from_pairs(pairs: Pairs<'_>) -> Self;

    /// Whether nothing was there to be read.
    fn is_empty(&self) -> bool;

    /// Writes the attributes into a map: documented ones under names that stay whatever the secrets are, then the
    /// unknown ones whose name is not `taken` by a key of ours.
    fn write<M: SerializeMap>(&self, map: &mut M, taken: &[&str]) -> Result<(), M::Error>;
}

/// Writes one documented attribute when it is there.
pub fn write_attribute<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: Option<&impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(&Word(name), value))
}

/// What the schema says of one wire attribute: a description and the documented type as an annotation.
pub fn attribute_schema<T: Attribute>(generator: &mut SchemaGenerator, description: &str) -> Schema {
    let mut schema = json_schema!({"description": description.trim(), "x-lxca-type": T::TYPE});
    T::describe(generator, &mut schema);
    schema
}

/// Declares an object of the API once, for reading, writing and the schema:
/// `name: Type = "nameOnTheWire"`, each with its documentation.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        pub struct $record:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $name:literal,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $record {
            $($(#[doc = $doc])+ pub $field: Option<$type>,)+
            /// Attributes that are not documented.
            pub unknown: $crate::client::wire::Unknown,
        }

        impl $crate::client::wire::Record for $record {
            fn from_pairs(pairs: $crate::client::wire::Pairs<'_>) -> $record {
                use $crate::client::wire::Attribute;
                let mut record = $record::default();
                for (name, raw) in pairs.0 {
                    match name.as_str() {
                        $($name => record.$field = Some(<$type>::read(raw)),)+
                        _ => record.unknown.keep(name, raw),
                    }
                }
                record.unknown.settle();
                record
            }

            fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&+ && self.unknown.is_empty()
            }

            fn write<M: serde::ser::SerializeMap>(&self, map: &mut M, taken: &[&str]) -> Result<(), M::Error> {
                $($crate::client::wire::write_attribute(map, $name, self.$field.as_ref())?;)+
                self.unknown.write(map, taken)
            }
        }

        impl serde::Serialize for $record {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serde::Serializer::serialize_map(serializer, None)?;
                $crate::client::wire::Record::write(self, &mut map, &[])?;
                serde::ser::SerializeMap::end(map)
            }
        }

        impl schemars::JsonSchema for $record {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($record).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $(
                    let about = concat!($($doc),+);
                    let schema = $crate::client::wire::attribute_schema::<$type>(generator, about);
                    properties.insert($name.to_owned(), schema.into());
                )+
                schemars::json_schema!({
                    "type": "object",
                    "description": concat!($($about),+).trim(),
                    "properties": properties,
                })
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests;
