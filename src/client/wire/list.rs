//! Lists of the API, kept as text.

use std::marker::PhantomData;

use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::{Attribute, MOST_ITEMS, Pairs, TooMany, string};

/// An attribute documented as a list, or what arrived in its place.
///
/// It is kept as JSON text, and its items are read one at a time whenever they are wanted: a value of two bytes would
/// take a hundred times its size otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T> {
    /// Valid JSON; `[...]` unless something arrived that is not a list in any spelling.
    text: String,
    of: PhantomData<fn() -> T>,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List { text: "[]".into(), of: PhantomData }
    }
}

impl<T: Attribute> List<T> {
    /// Reads the items one after the other; of a value that is not a list, the value as the only item.
    pub fn for_each(&self, mut look: impl FnMut(T)) {
        // Nothing exceeds a limit here: every item was read once before it was kept.
        let _ = self.for_each_raw(|raw| T::read(raw).map(&mut look));
    }

    /// As [`List::for_each`], with the text of each item.
    ///
    /// # Errors
    /// That of `look`, which ends the reading.
    pub fn for_each_raw<'a>(&'a self, look: impl FnMut(&'a RawValue) -> Result<(), TooMany>) -> Result<(), TooMany> {
        match self.text.starts_with('[') {
            true => for_each_item(&self.text, look),
            false => serde_json::from_str(&self.text).map_or(Ok(()), look),
        }
    }

    /// Adds an item as it came to what is a list; the item has been read once, within the limits.
    pub fn push(&mut self, item: &RawValue) {
        self.text.pop();
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(item.get());
        self.text.push(']');
    }
}

impl<T: Attribute + schemars::JsonSchema> Attribute for List<T> {
    const TYPE: &'static str = "array";

    fn read(raw: &RawValue) -> Result<List<T>, TooMany> {
        let text = raw.get();
        let absent = match text.bytes().next() {
            // An absent list has as many spellings as there are pages: {}, "[]", "" and null.
            Some(b'{') => Pairs::parse(text)?.is_some_and(|pairs| pairs.0.is_empty()),
            Some(b'n') => true,
            _ => string(raw).is_some_and(|text| matches!(text.trim(), "" | "[]")),
        };
        if absent {
            return Ok(List::default());
        }
        if text.starts_with('{') {
            T::read(raw)?;
            let mut list = List::default();
            list.push(raw);
            return Ok(list);
        }
        let mut count = 0;
        for_each_item(text, |item| {
            count += 1;
            if count > MOST_ITEMS { Err(TooMany::Items) } else { T::read(item).map(drop) }
        })?;
        Ok(List { text: text.to_owned(), of: PhantomData })
    }

    fn describe(generator: &mut SchemaGenerator, schema: &mut Schema) {
        schema.insert("x-lxca-items".into(), generator.subschema_for::<T>().into());
    }
}

impl<T: Attribute> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.text.starts_with('[') {
            return serde_json::from_str::<&RawValue>(&self.text).map_err(S::Error::custom)?.serialize(serializer);
        }
        let mut items = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        let read = for_each_item(&self.text, |raw| {
            let item = T::read(raw)?;
            if written.is_ok() {
                written = items.serialize_element(&item);
            }
            Ok(())
        });
        read.map_err(S::Error::custom)?;
        written?;
        items.end()
    }
}

/// Looks at each item of a JSON list, however many there are, in the memory of one. What is not a list has no items.
///
/// # Errors
/// The first error of `look`, which ends the reading.
pub fn for_each_item<'a>(
    text: &'a str,
    mut look: impl FnMut(&'a RawValue) -> Result<(), TooMany>,
) -> Result<(), TooMany> {
    struct Items<F>(F);

    impl<'de, F: FnMut(&'de RawValue) -> Result<(), TooMany>> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<S: SeqAccess<'de>>(mut self, mut items: S) -> Result<(), S::Error> {
            while let Some(item) = items.next_element()? {
                (self.0)(item).map_err(S::Error::custom)?;
            }
            Ok(())
        }
    }

    let mut outcome = Ok(());
    let items = Items(|item| {
        outcome = look(item);
        outcome
    });
    if text.starts_with('[') {
        // The text was validated when it arrived: the only error is the one in `outcome`.
        let _ = serde_json::Deserializer::from_str(text).deserialize_seq(items);
    }
    outcome
}
