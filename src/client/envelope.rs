//! The status envelopes around every answer: which messages came, and whether the body says failure.
//!
//! There are four families of them, none told apart by the HTTP status (docs/lxca-api.md, Status envelopes):
//! A: `result`, `messages` at the top; B: `status: {result, messages}`; C: `errorMsg: {result, messages}`, documented
//! as an array; D: `status`, `errorMessage`, `errorDetail`, `message` at the top. All are read from every answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::wire::{Pairs, TooMany, for_each_item, string};
use crate::message::{MOST_MESSAGES, Message, Recovery, Severity};
use crate::scrub::Secrets;

/// What `result` says. The vocabulary differs from page to page, and `informational` is the usual word for success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that is known: the HTTP status decides.
    #[default]
    Unknown,
    /// `success`, `informational`.
    Good,
    /// `warning`.
    Warning,
    /// `failure`, `failed`, `error`.
    Bad,
}

impl Verdict {
    fn of(word: &str) -> Verdict {
        const WORDS: [(&str, Verdict); 6] = [
            ("success", Verdict::Good),
            ("informational", Verdict::Good),
            ("warning", Verdict::Warning),
            ("failure", Verdict::Bad),
            ("failed", Verdict::Bad),
            ("error", Verdict::Bad),
        ];
        let known = WORDS.into_iter().find(|(known, _)| word.trim().eq_ignore_ascii_case(known));
        known.map_or(Verdict::Unknown, |(_, verdict)| verdict)
    }
}

/// The envelope of one answer.
#[derive(Debug, Default)]
pub struct Envelope {
    /// The gravest word that was found.
    pub verdict: Verdict,
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// How many more there were.
    pub left_out: usize,
    /// How many messages are kept.
    most: usize,
}

impl Envelope {
    /// Reads the envelope of a JSON text; one without envelope has no messages and no verdict. Of a list every object
    /// is looked at, because each may have its own envelope.
    ///
    /// # Errors
    /// More items or attributes than are read.
    pub fn read(text: &str) -> Result<Envelope, TooMany> {
        Envelope::with_most(MOST_MESSAGES, text)
    }

    fn with_most(most: usize, text: &str) -> Result<Envelope, TooMany> {
        let mut envelope = Envelope { most, ..Envelope::default() };
        if text.starts_with('[') {
            // An item's bare `status: "error"` is a state of what it describes, not a verdict on the question.
            for_each_item(text, |item| envelope.take_all(item.get(), false))?;
        } else {
            envelope.take_all(text, true)?;
        }
        Ok(envelope)
    }

    /// Whether an attribute at the top of an answer belongs to its envelope and not to the data.
    fn holds(name: &str, value: &RawValue) -> Result<bool, TooMany> {
        // Keeps no message to find out: they may be as long as the answer.
        let says_something = |text: &str| {
            let inner = Envelope::with_most(0, text)?;
            Ok(inner.verdict != Verdict::Unknown || inner.left_out > 0)
        };
        Ok(match name {
            "result" => string(value).is_some_and(|word| Verdict::of(&word) != Verdict::Unknown),
            "messages" | "message" | "errorMessage" | "errorDetail" => value.get().starts_with(['[', '{', '"']),
            // Attributes of these names may be something undocumented.
            "status" | "errorMsg" => match string(value) {
                Some(word) => Verdict::of(&word) != Verdict::Unknown,
                None => matches!(value.get(), "{}" | "[]" | "null") || says_something(value.get())?,
            },
            _ => false,
        })
    }

    /// The gravest message in words, with its id, as a failure quotes it. Masked piece by piece before anything is cut
    /// off, or the rest of a secret would not be known for one.
    pub fn quote(&self, secrets: &Secrets) -> Option<String> {
        let rank = |message: &&Message| match message.severity {
            Some(Severity::Error) => 3,
            Some(Severity::Warning) => 2,
            None => 1,
            Some(Severity::Informational) => 0,
        };
        // `max_by_key` would take the last of equals.
        let gravest = self.messages.iter().rev().max_by_key(rank)?;
        let piece = |text: &String| {
            let masked = secrets.mask(text);
            let piece = masked.trim().trim_end_matches('.');
            piece.chars().take(LONGEST_PIECE).collect::<String>()
        };
        let pieces: Vec<String> = [&gravest.text, &gravest.explanation].into_iter().flatten().map(piece).collect();
        let words = pieces.iter().filter(|piece| !piece.is_empty()).map(String::as_str).collect::<Vec<_>>().join(". ");
        match (words.as_str(), &gravest.id) {
            ("", id) => id.as_ref().map(piece),
            (words, Some(id)) => Some(format!("{words} ({})", piece(id))),
            (words, None) => Some(words.to_owned()),
        }
    }

    /// The envelope of one object, in all its forms.
    fn take_all(&mut self, text: &str, with_words: bool) -> Result<(), TooMany> {
        let Some(pairs) = Pairs::parse(text)? else { return Ok(()) };
        self.take(&pairs)?;
        for raw in ["status", "errorMsg"].iter().filter_map(|name| pairs.get(name)) {
            each(raw, |inner| {
                match Pairs::parse(inner.get())? {
                    Some(inner) => self.take(&inner)?,
                    None if with_words => self.judge(&string(inner).unwrap_or_default()),
                    None => {}
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The `result` and the messages that stand in one object.
    fn take(&mut self, pairs: &Pairs<'_>) -> Result<(), TooMany> {
        if let Some(word) = pairs.get("result").and_then(string) {
            self.judge(&word);
        }
        for raw in MESSAGES.iter().filter_map(|name| pairs.get(name)) {
            each(raw, |raw| {
                if self.messages.len() >= self.most {
                    self.left_out += usize::from(Message::is_one(raw)?);
                } else {
                    self.messages.extend(Message::read(raw)?);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn judge(&mut self, word: &str) {
        self.verdict = self.verdict.max(Verdict::of(word));
    }
}

/// How much of each part of a message is quoted, in characters.
const LONGEST_PIECE: usize = 1000;

/// Where messages stand in an object.
const MESSAGES: [&str; 4] = ["messages", "message", "errorDetail", "errorMessage"];

impl Message {
    /// One message: an object, or a bare text.
    fn read(raw: &RawValue) -> Result<Option<Message>, TooMany> {
        let message = match Pairs::parse(raw.get())? {
            Some(pairs) => {
                let id = text_of(&pairs, "id");
                Message {
                    severity: id.as_deref().and_then(Severity::of),
                    id,
                    text: text_of(&pairs, "text"),
                    explanation: text_of(&pairs, "explanation"),
                    recovery: pairs.get("recovery").map_or(Ok(None), Recovery::read)?,
                }
            }
            None => Message { text: bare_text(raw).map(Cow::into_owned), ..Message::default() },
        };
        Ok((message != Message::default()).then_some(message))
    }

    /// Whether something can be read as a message, without reading it.
    fn is_one(raw: &RawValue) -> Result<bool, TooMany> {
        let Some(pairs) = Pairs::parse(raw.get())? else { return Ok(bare_text(raw).is_some()) };
        let is_text =
            |name: &&str| pairs.get(name).is_some_and(|raw| raw.get().starts_with('"') && raw.get() != "\"\"");
        let recovery = || pairs.get("recovery").map_or(Ok(None), Recovery::read);
        Ok(["id", "text", "explanation"].iter().any(is_text) || recovery()?.is_some())
    }
}

impl Recovery {
    /// An object `{text, URL}` in every sample, an array in the documentation, perhaps a bare text.
    fn read(raw: &RawValue) -> Result<Option<Recovery>, TooMany> {
        let mut recovery = Recovery::default();
        each(raw, |raw| {
            let pairs = Pairs::parse(raw.get())?.unwrap_or_default();
            let bare = || string(raw).filter(|text| !text.is_empty()).map(Cow::into_owned);
            recovery.text = recovery.text.take().or_else(|| text_of(&pairs, "text")).or_else(bare);
            recovery.url = recovery.url.take().or_else(|| text_of(&pairs, "URL")).or_else(|| text_of(&pairs, "url"));
            Ok(())
        })?;
        Ok((recovery != Recovery::default()).then_some(recovery))
    }
}

/// The attributes of an answer, without its envelope; none when it is not an object. A list of one object is read as
/// that object.
///
/// # Errors
/// More items or attributes than are read.
pub fn document(text: &str) -> Result<Option<Pairs<'_>>, TooMany> {
    let only = text.strip_prefix('[').and_then(|_| serde_json::from_str::<[&RawValue; 1]>(text).ok());
    let pairs = Pairs::parse(only.map_or(text, |[only]| only.get()))?;
    pairs.map(without_envelope).transpose()
}

/// The pairs that are data.
///
/// # Errors
/// More items or attributes than are read.
pub fn without_envelope(pairs: Pairs<'_>) -> Result<Pairs<'_>, TooMany> {
    let mut data = Pairs::default();
    for (name, value) in pairs.0 {
        if !Envelope::holds(&name, value)? {
            data.0.push((name, value));
        }
    }
    Ok(data)
}

/// Each item of a list, or the one value that stands in its place.
fn each(raw: &RawValue, mut item: impl FnMut(&RawValue) -> Result<(), TooMany>) -> Result<(), TooMany> {
    match raw.get().starts_with('[') {
        true => for_each_item(raw.get(), item),
        // An absent list in one of its spellings.
        false if matches!(raw.get(), "\"[]\"" | "{}" | "null") => Ok(()),
        false => item(raw),
    }
}

/// A text among the pairs, unless it is empty.
fn text_of(pairs: &Pairs<'_>, name: &str) -> Option<String> {
    pairs.get(name).and_then(string).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// A text that stands where an object is expected, unless it is blank.
fn bare_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    string(raw).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
