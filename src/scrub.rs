//! Known secrets out of every outgoing string: the last step before the answer is printed.
//!
//! serde's data model draws the line the contract asks for: field names and enum variants are our own words and stay
//! as they are, every other string and every key of a map is text that may repeat a secret. So the answer is
//! serialised through [`Scrubbing`], and no field can be forgotten.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use serde::ser::{self, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::scrub::matcher::Matcher;
use crate::scrub::serializer::Scrubbing;

mod matcher;
mod serializer;

/// What stands where a secret stood.
pub const MASK: &str = "********";

/// How many secrets learned from answers are kept: each costs a search of every text.
const MOST_LEARNED: usize = 64;

/// The name of the newtype [`Clean`].
const CLEAN: &str = "lxca::Clean";

/// A value that is never shown: its `Debug` form is the mask, and it has no `Display` and no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    /// The value itself, for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(MASK)
    }
}

/// Every secret known to this call: password, basic token, JSESSIONID, CSRF token, session id, a proxy's credentials
/// (contract, section 3). Shared, because a login adds to it while the call runs.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

/// Secrets, each prepared for searching.
#[derive(Default)]
struct Known {
    /// From the options and the environment.
    given: Vec<Arc<Matcher>>,
    /// From answers, the oldest first.
    learned: VecDeque<Arc<Matcher>>,
}

impl Known {
    fn all(&self) -> impl Iterator<Item = &Arc<Matcher>> {
        self.given.iter().chain(&self.learned)
    }

    /// A secret to add, unless it is empty or known.
    fn prepared(&self, secret: &str) -> Option<Arc<Matcher>> {
        let known = self.all().any(|known| known.secret() == secret);
        (!secret.is_empty() && !known).then(|| Arc::new(Matcher::new(secret)))
    }
}

impl Secrets {
    /// Remembers a secret of the caller's; an empty one is none.
    pub fn add(&self, secret: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = known.prepared(secret);
        known.given.extend(new);
    }

    /// Remembers a secret that an answer brought. Of very many only the last are kept: a server that makes a new session
    /// for every request repeats the newest, if any.
    pub fn learn(&self, secret: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = known.prepared(secret);
        known.learned.extend(new);
        if known.learned.len() > MOST_LEARNED {
            known.learned.pop_front();
        }
    }

    /// The text with every known secret masked. Mask before you shorten, or half a secret stays.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.scrubber().mask(text)
    }

    /// The value as JSON without secrets, and whether one had to be masked.
    ///
    /// # Errors
    /// Only when the value's own `Serialize` fails.
    pub fn json(&self, value: &impl Serialize) -> serde_json::Result<(Clean, bool)> {
        let mut text = Vec::new();
        let masked = self.write_json(value, &mut text)?;
        let text = String::from_utf8(text).map_err(ser::Error::custom)?;
        Ok((Clean(RawValue::from_string(text)?), masked))
    }

    /// Writes the value as JSON without secrets.
    ///
    /// # Errors
    /// Those of the value's own `Serialize` and of the writer.
    pub fn write(&self, value: &impl Serialize, writer: impl Write) -> serde_json::Result<()> {
        self.write_json(value, writer).map(drop)
    }

    fn write_json(&self, value: &impl Serialize, writer: impl Write) -> serde_json::Result<bool> {
        let scrubber = self.scrubber();
        let inner = &mut serde_json::Serializer::new(writer);
        value.serialize(Scrubbing { inner, scrubber: &scrubber, raw: false })?;
        Ok(scrubber.masked.get())
    }

    /// The secrets known at this moment. The longest first: a token that contains the password is masked as a whole.
    fn scrubber(&self) -> Scrubber {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut matchers: Vec<Arc<Matcher>> = known.all().cloned().collect();
        matchers.sort_by_key(|matcher| Reverse(matcher.secret().len()));
        Scrubber { matchers, masked: Cell::new(false) }
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
}

impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(CLEAN, &self.0)
    }
}

/// A word of ours that is serialised as a string (or a key) and must stay whatever the secrets are.
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

/// The search for all secrets at once, remembering whether it found one.
struct Scrubber {
    matchers: Vec<Arc<Matcher>>,
    masked: Cell<bool>,
}

impl Scrubber {
    fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for matcher in &self.matchers {
            if let Some(masked) = matcher.mask(&text) {
                self.masked.set(true);
                text = Cow::Owned(masked);
            }
        }
        text
    }

    /// Masks inside each string of a JSON text (keys too) and leaves every other byte as it came.
    fn mask_json<'t>(&self, json: &'t str) -> Cow<'t, str> {
        let mut out: Option<String> = None;
        let mut copied = 0; // bytes of `json` that are in `out`
        let mut at = 0;
        while let Some((start, end)) = next_string(json, at) {
            at = end;
            let Some(token) = json.get(start..end) else { break };
            // The token is a JSON string by the grammar, for `json` was validated when it was read.
            let Ok(decoded) = serde_json::from_str::<Cow<'_, str>>(token) else { continue };
            if let Cow::Owned(masked) = self.mask(&decoded) {
                let out = out.get_or_insert_default();
                out.push_str(json.get(copied..start).unwrap_or_default());
                out.push_str(&serde_json::Value::String(masked).to_string());
                copied = end;
            }
        }
        match out {
            Some(mut out) => {
                out.push_str(json.get(copied..).unwrap_or_default());
                Cow::Owned(out)
            }
            None => Cow::Borrowed(json),
        }
    }
}

/// Where the next string token of a valid JSON text starts and ends, quotes included.
fn next_string(json: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + json.get(from..)?.find('"')?;
    let mut escaped = false;
    for (offset, byte) in json.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((start, offset + 1)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn scrubbed(secrets: &[&str], value: &impl Serialize) -> (Value, bool) {
        let known = Secrets::default();
        secrets.iter().for_each(|secret| known.add(secret));
        let (clean, masked) = known.json(value).unwrap();
        (serde_json::from_str(clean.text()).unwrap(), masked)
    }

    #[derive(serde::Serialize)]
    struct Everything {
        password: Option<String>,
        list: Vec<String>,
        map: BTreeMap<String, String>,
        raw: Box<RawValue>,
        word: Word,
    }

    #[test]
    fn masks_every_string_and_foreign_key_but_not_our_words() {
        let value = Everything {
            password: Some("a password".into()),
            list: vec!["password".into(), "other".into()],
            map: BTreeMap::from([("my password".into(), "x".into())]),
            raw: RawValue::from_string(r#"{"n":1.10,"password":["\u0070assword", "b\/password"]}"#.into()).unwrap(),
            word: Word("password"),
        };
        let (value, masked) = scrubbed(&["password"], &value);
        assert!(masked);
        assert_eq!(
            value,
            json!({
                "password": "a ********",
                "list": ["********", "other"],
                "map": {"my ********": "x"},
                "raw": {"n": 1.10, "********": ["********", "b/********"]},
                "word": "password",
            })
        );
    }

    #[test]
    fn json_text_without_a_secret_stays_as_it_came() {
        let known = Secrets::default();
        known.add("s3cret");
        let text = r#"{ "a":1.10 , "b":123456789012345678901234567890,"c":"x\/y\u00e9" }"#;
        let (clean, masked) = known.json(&RawValue::from_string(text.into()).unwrap()).unwrap();
        assert_eq!(clean.text(), text);
        assert!(!masked);
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_split_it() {
        assert_eq!(scrubbed(&["abcd", "xxabcdyy"], &"xxabcdyy abcd").0, json!("******** ********"));
    }

    #[test]
    fn a_secret_never_shows_itself() {
        assert_eq!(format!("{:?}", Secret::new("hidden")), MASK);
    }
}
