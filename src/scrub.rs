//! Keeps known secrets out of every outgoing string.
//!
//! Secrets the caller gave are masked at the exit, in everything. serde's data model draws the line: field names and
//! enum variants are our own words and stay, every other string and every key of a map is text that may repeat a
//! secret. So the answer is serialized through [`Scrubbing`], and no field can be forgotten.
//!
//! Secrets the server chose are masked in the server's text only, when it arrives or is quoted: a session id such as
//! `XClarity` must not turn our own sentences into asterisks.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::scrub::search::{Clock, Found, Late, Search, Spellings};
use crate::scrub::serializer::Scrubbing;

mod automaton;
mod entities;
mod escapes;
pub mod one_line;
mod search;
mod serializer;

/// What stands where a secret stood.
pub const MASK: &str = "********";

/// How many secrets learned from answers are kept, the newest ones.
const MOST_LEARNED: usize = 64;

/// A longer text is not learned, in bytes: no session id or token is that long.
const LONGEST_LEARNED: usize = 4 << 10;

/// Of a longer secret the beginning is looked for, in bytes: nothing longer fits into the header of a request.
const LONGEST_GIVEN: usize = 32 << 10;

/// The name of the newtype [`Clean`].
const CLEAN: &str = "lxca::Clean";

/// A value that is never shown: its `Debug` form is the mask, and it has no `Display` and no `Serialize`. It is zeroed
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a secret.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(secret.into()))
    }

    /// The value itself, for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// Every secret known to this call (docs/contract.md, Secrets). Clones share them: a login adds to them while the call
/// runs.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// From the options and the environment.
    given: Group,
    /// From answers.
    learned: Group,
}

/// Secrets that are looked for together, the oldest first.
#[derive(Default)]
struct Group {
    secrets: VecDeque<Arc<Spellings>>,
    search: OnceLock<Arc<Search>>,
}

impl Group {
    /// Adds a secret, and drops the oldest ones beyond so many.
    fn add(&mut self, spellings: Spellings, most: usize) {
        if spellings.secret().is_empty() {
            return;
        }
        match self.secrets.iter().position(|known| known.secret() == spellings.secret()) {
            // The newest again.
            Some(place) => {
                let known = self.secrets.remove(place);
                self.secrets.extend(known);
            }
            None => {
                self.secrets.push_back(Arc::new(spellings));
                while self.secrets.len() > most {
                    self.secrets.pop_front();
                }
                self.search = OnceLock::new();
            }
        }
    }

    fn search(&self) -> Arc<Search> {
        self.search.get_or_init(|| Arc::new(Search::new(self.secrets.iter().cloned()))).clone()
    }
}

impl Secrets {
    /// Remembers a secret the caller gave, unless it is empty.
    pub fn add(&self, secret: &str) {
        let (secret, _) = secret.split_at(secret.floor_char_boundary(LONGEST_GIVEN));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.given.add(Spellings::in_every_charset(secret), usize::MAX);
    }

    /// Remembers a secret the server chose, unless it is empty or longer than 4 KiB. The newest 64 are kept: a server
    /// that makes a new session for every request repeats the latest, if any.
    pub fn learn(&self, secret: &str) {
        if secret.len() <= LONGEST_LEARNED {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.learned.add(Spellings::of(secret), MOST_LEARNED);
        }
    }

    /// The server's text with every known secret masked. Mask before you shorten, or half a secret stays.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let scrubber = self.scrubber(|known| vec![known.given.search(), known.learned.search()], None);
        // Without a deadline it is never late.
        scrubber.mask(text).unwrap_or(Cow::Borrowed(MASK))
    }

    /// Our own text with every secret masked that the caller gave.
    pub fn mask_given<'t>(&self, text: &'t str) -> Cow<'t, str> {
        // Without a deadline it is never late.
        self.scrubber(|known| vec![known.given.search()], None).mask(text).unwrap_or(Cow::Borrowed(MASK))
    }

    /// The JSON text of an answer with every secret masked that the server chose, in each string and each key, and
    /// whether there was one. Every other byte stays as it came.
    pub fn mask_answer(&self, json: String) -> (String, bool) {
        let scrubber = self.scrubber(|known| vec![known.learned.search()], None);
        match scrubber.mask_json(&json) {
            Ok(Cow::Borrowed(_)) => (json, false),
            Ok(Cow::Owned(masked)) => (masked, true),
            // Without a deadline it is never late.
            Err(Late) => (String::from("null"), true),
        }
    }

    /// The value as JSON without the secrets the caller gave, and whether one had to be masked.
    ///
    /// # Errors
    /// When the deadline, if there is one, passes before it is ready, or the value's own `Serialize` fails.
    pub fn json(&self, value: &impl Serialize, deadline: Option<Instant>) -> serde_json::Result<(Clean, bool)> {
        let scrubber = self.scrubber(|known| vec![known.given.search()], deadline);
        let mut text = Vec::new();
        value.serialize(Scrubbing {
            inner: &mut serde_json::Serializer::new(&mut text),
            scrubber: &scrubber,
            raw: false,
        })?;
        let text = String::from_utf8(text).map_err(ser::Error::custom)?;
        Ok((Clean(RawValue::from_string(text)?), scrubber.masked.get()))
    }

    fn scrubber(&self, searches: impl FnOnce(&Known) -> Vec<Arc<Search>>, deadline: Option<Instant>) -> Scrubber {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Scrubber { searches: searches(&known), clock: Clock::new(deadline), masked: Cell::new(false) }
    }
}

/// JSON text that has been scrubbed already.
#[derive(Debug)]
pub struct Clean(Box<RawValue>);

impl Clean {
    /// The JSON text.
    #[cfg(test)]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The JSON text itself.
    pub fn into_text(self) -> String {
        Box::<str>::from(self.0).into_string()
    }
}

impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(CLEAN, &self.0)
    }
}

/// A word of ours that is serialised as a string (or a key) and is never masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub &'static str);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("Word", 0, self.0)
    }
}

impl schemars::JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Masks the secrets known at one moment, until a deadline, remembering whether it found one.
struct Scrubber {
    searches: Vec<Arc<Search>>,
    clock: Clock,
    masked: Cell<bool>,
}

impl Scrubber {
    /// Masks in a text.
    ///
    /// # Errors
    /// When the deadline has passed.
    fn mask<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Late> {
        let mut found = Found::default();
        for search in &self.searches {
            search.find(text, &self.clock, &mut found)?;
        }
        Ok(match found.masked(text) {
            Some(masked) => {
                self.masked.set(true);
                Cow::Owned(masked)
            }
            None => Cow::Borrowed(text),
        })
    }

    /// Masks in each string of a JSON text (keys too) and leaves every other byte as it came.
    ///
    /// # Errors
    /// When the deadline has passed.
    fn mask_json<'t>(&self, json: &'t str) -> Result<Cow<'t, str>, Late> {
        let mut out: Vec<u8> = Vec::new();
        let mut copied = 0; // bytes of `json` that are in `out`
        let mut at = 0;
        if self.searches.iter().all(|search| search.is_empty()) {
            return Ok(Cow::Borrowed(json));
        }
        while let Some(token) = next_string(json, at) {
            at = token.range.end;
            let Some(inner) = json.get(token.range.start + 1..at - 1) else { break };
            let decoded = match token.escaped {
                false => Cow::Borrowed(inner),
                // The token is a JSON string by the grammar: `json` was validated when it was read.
                true => match serde_json::from_str(json.get(token.range.clone()).unwrap_or_default()) {
                    Ok(decoded) => Cow::Owned(decoded),
                    Err(_) => continue,
                },
            };
            if let Cow::Owned(masked) = self.mask(&decoded)? {
                out.extend_from_slice(json.get(copied..token.range.start).unwrap_or_default().as_bytes());
                // Nothing can fail here: neither a string nor a Vec does.
                let _ = serde_json::to_writer(&mut out, &masked);
                copied = at;
            }
        }
        if copied == 0 {
            return Ok(Cow::Borrowed(json));
        }
        out.extend_from_slice(json.get(copied..).unwrap_or_default().as_bytes());
        Ok(String::from_utf8(out).map_or(Cow::Borrowed("null"), Cow::Owned))
    }
}

/// A string token of a JSON text.
struct Token {
    /// Where it stands, quotes included.
    range: Range<usize>,
    /// Whether there is a backslash in it.
    escaped: bool,
}

/// The next string token of a valid JSON text.
fn next_string(json: &str, from: usize) -> Option<Token> {
    let start = from + json.get(from..)?.find('"')?;
    let mut end = start + 1;
    let mut escaped = false;
    loop {
        let rest = json.as_bytes().get(end..)?;
        let place = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if rest.get(place) == Some(&b'"') {
            return Some(Token { range: start..end + place + 1, escaped });
        }
        escaped = true;
        end += place + 2;
    }
}

#[cfg(test)]
mod tests;
