//! What the appliance's JSON holds: one file per resource of the API, and here the tolerant reading they share.
//!
//! The documentation and the appliance disagree about types, so nothing that arrives is a failure because of its type:
//! an attribute that fits its documented meaning is mended, every other one is passed on as it came (docs/contract.md,
//! Output). Nothing here knows operations or options.
//!
//! Memory follows the size of the answer, not the number of values in it: lists and unknown attributes stay text, and
//! their items are read one at a time. What is read into pairs is capped; the readers say [`TooMany`] beyond that.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::scrub::Word;

pub mod aicc;
pub mod firmware_status;
mod list;
pub mod management_server_updates;
mod pairs;
pub mod tasks;
pub mod text;

pub use list::{List, for_each_item};
pub use pairs::{Pairs, Unknown, member};

/// Items of a list that is read item by item, at most.
const MOST_ITEMS: usize = 100_000;
/// Attributes of an object that is read, at most.
const MOST_ATTRIBUTES: usize = 10_000;

/// What an answer holds more of than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Items in one list.
    Items,
    /// Attributes in one object.
    Attributes,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TooMany::Items => "a list holds more than 100,000 items",
            TooMany::Attributes => "an object holds more than 10,000 attributes",
        })
    }
}

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
    pub fn string(&self) -> Option<Cow<'_, str>> {
        string(&self.0)
    }

    /// The number, when the value is one.
    pub fn number(&self) -> Option<f64> {
        number(self.as_text())
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

/// The decoded text of a JSON string: borrowed unless something in it is escaped.
pub fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    // Only what is a string: of another type serde_json would put the whole value into its error.
    let decoded = raw.get().starts_with('"').then(|| serde_json::from_str(raw.get()).ok()).flatten();
    decoded.map(|Borrowed(text)| text)
}

/// The number that a text spells as JSON does: no `0x10`, no `+5`, no `1e999`.
fn number<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let is_one =
        text.len() <= 2 * text::MOST_DIGITS && text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_one.then(|| serde_json::from_str(text).ok()).flatten()
}

/// How an attribute of a documented type is read, and what the schema says of it.
pub trait Attribute: Sized + Serialize {
    /// The documented type, an annotation in the schema.
    const TYPE: &'static str;

    /// Reads any JSON value.
    ///
    /// # Errors
    /// More items or attributes than are read.
    fn read(raw: &RawValue) -> Result<Self, TooMany>;

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

    /// The text for a sentence, from a value of any type.
    pub fn words(&self) -> Cow<'_, str> {
        self.0.string().unwrap_or_else(|| self.0.as_text().into())
    }
}

impl Attribute for Text {
    const TYPE: &'static str = "string";

    fn read(raw: &RawValue) -> Result<Text, TooMany> {
        Json::read(raw).map(Text)
    }
}

/// An attribute documented as a number: a number in a string becomes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number(pub Json);

impl Number {
    /// The number for a sentence, in some twenty characters at most; none when it is another value.
    pub fn words(&self) -> Option<String> {
        let number = self.0.number()?;
        let plain = number.to_string();
        Some(if plain.len() <= LONGEST_PLAIN_NUMBER { plain } else { format!("{number:e}") })
    }
}

/// A number of more characters is written with an exponent: 1e308 has 309 digits.
const LONGEST_PLAIN_NUMBER: usize = 20;

impl Attribute for Number {
    const TYPE: &'static str = "number";

    fn read(raw: &RawValue) -> Result<Number, TooMany> {
        let mended = string(raw).and_then(|text| {
            // As JSON spells numbers, so that the text itself can be passed on.
            let text = text.trim();
            let number: serde_json::Number = number(text)?;
            // A whole number beyond 64 bits would lose digits in every reader.
            let fits = !number.is_f64() || text.contains(['.', 'e', 'E']);
            let short = text.bytes().filter(u8::is_ascii_digit).count() <= text::MOST_DIGITS;
            (fits && short).then(|| Json::of(text.to_owned())).flatten()
        });
        mended.map_or_else(|| Json::read(raw), Ok).map(Number)
    }
}

/// An attribute that means yes or no: `"true"` and `"false"` become booleans (docs/lxca-api.md, Value types).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag(pub Json);

impl Attribute for Flag {
    const TYPE: &'static str = "boolean";

    fn read(raw: &RawValue) -> Result<Flag, TooMany> {
        let word = string(raw);
        let is = |wanted: &str| word.as_ref().is_some_and(|word| word.trim().eq_ignore_ascii_case(wanted));
        let mended = ["true", "false"].into_iter().find(|wanted| is(wanted));
        mended.and_then(|word| Json::of(word.to_owned())).map_or_else(|| Json::read(raw), Ok).map(Flag)
    }
}

impl Attribute for Json {
    const TYPE: &'static str = "any";

    fn read(raw: &RawValue) -> Result<Json, TooMany> {
        Ok(Json(raw.to_owned()))
    }
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

    fn read(raw: &RawValue) -> Result<Object<T>, TooMany> {
        match Pairs::parse(raw.get())? {
            Some(pairs) => T::from_pairs(pairs).map(Object::Read),
            None => Json::read(raw).map(Object::Other),
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

/// An object of the API with documented attributes, as [`record!`] declares them.
pub trait Record: Sized {
    /// Reads the attributes from the pairs of an object.
    ///
    /// # Errors
    /// More items or attributes than are read.
    fn from_pairs(pairs: Pairs<'_>) -> Result<Self, TooMany>;

    /// Whether nothing was there to be read.
    fn is_empty(&self) -> bool;

    /// Writes the attributes into a map: documented ones under names that are never masked, then the
    /// unknown ones whose name is not `taken` by one of our keys.
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
            fn from_pairs(pairs: $crate::client::wire::Pairs<'_>) -> Result<$record, $crate::client::wire::TooMany> {
                use $crate::client::wire::Attribute;
                let mut record = $record::default();
                for (name, raw) in pairs.0 {
                    match name.as_ref() {
                        $($name => record.$field = Some(<$type>::read(raw)?),)+
                        _ => record.unknown.keep(&name, raw),
                    }
                }
                Ok(record)
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
