//! The status envelopes around every answer: which messages came, and whether the body says failure.
//!
//! There are four families of them, none told apart by the HTTP status [LXCA API, section 3.3]:
//! A: `result`, `messages` at the top; B: `status: {result, messages}`; C: `errorMsg: {result, messages}`, documented
//! as an array; D: `status`, `errorMessage`, `errorDetail`, `message` at the top. All are read from every answer.

use serde_json::value::RawValue;

use super::wire::{Attribute, Json, Pairs, for_each_item};
use crate::message::{MOST_MESSAGES, Message, Recovery, Severity};
use crate::scrub::Secrets;

/// What `result` says. The vocabulary differs from page to page, and `informational` is the usual word for success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that is known: the HTTP status decides.
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
        match word.trim().to_ascii_lowercase().as_str() {
            "success" | "informational" => Verdict::Good,
            "warning" => Verdict::Warning,
            "failure" | "failed" | "error" => Verdict::Bad,
            _ => Verdict::Unknown,
        }
    }
}

/// The envelope of one answer.
#[derive(Debug)]
pub struct Envelope {
    /// The gravest word that was found.
    pub verdict: Verdict,
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// How many more there were.
    pub left_out: usize,
}

impl Envelope {
    /// Reads the envelope of a JSON text; one without envelope has no messages and no verdict. Of a list every object
    /// is looked at, for each may have an envelope of its own.
    pub fn read(text: &str) -> Envelope {
        let mut envelope = Envelope { verdict: Verdict::Unknown, messages: Vec::new(), left_out: 0 };
        if text.starts_with('[') {
            // An item's bare `status: "error"` is a state of what it describes, not a verdict on the question.
            for_each_item(text, |item| envelope.take_all(item.get(), false));
        } else {
            envelope.take_all(text, true);
        }
        envelope
    }

    /// Whether an attribute at the top of an answer belongs to its envelope and is no data.
    pub fn holds(name: &str, value: &RawValue) -> bool {
        let says_something = |text: &str| {
            let inner = Envelope::read(text);
            inner.verdict != Verdict::Unknown || !inner.messages.is_empty()
        };
        match name {
            "result" => string(value).is_some_and(|word| Verdict::of(&word) != Verdict::Unknown),
            "messages" | "message" | "errorMessage" | "errorDetail" => value.get().starts_with(['[', '{', '"']),
            // Attributes of these names may be something else that nobody documented.
            "status" | "errorMsg" => match string(value) {
                Some(word) => Verdict::of(&word) != Verdict::Unknown,
                None => matches!(value.get(), "{}" | "[]" | "null") || says_something(value.get()),
            },
            _ => false,
        }
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
        let pieces = [&gravest.text, &gravest.explanation].into_iter().flatten().map(|piece| secrets.mask(piece));
        let pieces: Vec<String> = pieces.map(|piece| piece.trim().trim_end_matches('.').to_owned()).collect();
        let words = pieces.iter().filter(|piece| !piece.is_empty()).map(String::as_str).collect::<Vec<_>>().join(". ");
        match (words.as_str(), &gravest.id) {
            ("", id) => id.as_ref().map(|id| secrets.mask(id).into_owned()),
            (words, Some(id)) => Some(format!("{words} ({})", secrets.mask(id))),
            (words, None) => Some(words.to_owned()),
        }
    }

    /// The envelope of one object, in all its forms.
    fn take_all(&mut self, text: &str, with_words: bool) {
        let Some(pairs) = Pairs::parse(text) else { return };
        self.take(&pairs);
        for raw in ["status", "errorMsg"].iter().filter_map(|name| pairs.get(name)) {
            each(raw, |inner| match Pairs::parse(inner.get()) {
                Some(inner) => self.take(&inner),
                None if with_words => self.judge(&string(inner).unwrap_or_default()),
                None => {}
            });
        }
    }

    /// The `result` and the messages that stand in one object.
    fn take(&mut self, pairs: &Pairs<'_>) {
        if let Some(word) = pairs.get("result").and_then(string) {
            self.judge(&word);
        }
        for name in ["messages", "message", "errorDetail", "errorMessage"] {
            if let Some(raw) = pairs.get(name) {
                each(raw, |raw| match Message::read(raw) {
                    Some(message) if self.messages.len() < MOST_MESSAGES => self.messages.push(message),
                    Some(_) => self.left_out += 1,
                    None => {}
                });
            }
        }
    }

    fn judge(&mut self, word: &str) {
        self.verdict = self.verdict.max(Verdict::of(word));
    }
}

impl Message {
    /// One message: an object, or a bare text.
    fn read(raw: &RawValue) -> Option<Message> {
        let message = match Pairs::parse(raw.get()) {
            Some(pairs) => {
                let text = |name: &str| pairs.get(name).and_then(string).filter(|text| !text.is_empty());
                let id = text("id");
                Message {
                    severity: id.as_deref().and_then(Severity::of),
                    id,
                    text: text("text"),
                    explanation: text("explanation"),
                    recovery: pairs.get("recovery").and_then(Recovery::read),
                }
            }
            None => Message { text: string(raw).filter(|text| !text.trim().is_empty()), ..Message::default() },
        };
        (message != Message::default()).then_some(message)
    }
}

impl Recovery {
    /// An object `{text, URL}` in every sample, an array in the documentation, perhaps a bare text.
    fn read(raw: &RawValue) -> Option<Recovery> {
        let mut recovery = Recovery::default();
        each(raw, |raw| {
            let pairs = Pairs::parse(raw.get()).unwrap_or_default();
            let text = |name: &str| pairs.get(name).and_then(string).filter(|text| !text.is_empty());
            let bare = string(raw).filter(|text| !text.is_empty());
            recovery.text = recovery.text.take().or_else(|| text("text")).or(bare);
            recovery.url = recovery.url.take().or_else(|| text("URL")).or_else(|| text("url"));
        });
        (recovery != Recovery::default()).then_some(recovery)
    }
}

/// The attributes of an answer, without its envelope. A list of one object is read as that object.
pub fn document(text: &str) -> Option<Pairs<'_>> {
    let only = text.strip_prefix('[').and_then(|_| serde_json::from_str::<[&RawValue; 1]>(text).ok());
    let pairs = Pairs::parse(only.map_or(text, |[only]| only.get()))?;
    Some(without_envelope(pairs))
}

/// The pairs that are data.
pub fn without_envelope(mut pairs: Pairs<'_>) -> Pairs<'_> {
    pairs.0.retain(|(name, value)| !Envelope::holds(name, value));
    pairs
}

/// Each item of a list, or the one value that stands in its place.
fn each(raw: &RawValue, mut item: impl FnMut(&RawValue)) {
    match raw.get().starts_with('[') {
        true => for_each_item(raw.get(), item),
        // An absent list in one of its spellings.
        false if matches!(raw.get(), "\"[]\"" | "{}" | "null") => {}
        false => item(raw),
    }
}

fn string(raw: &RawValue) -> Option<String> {
    Json::read(raw).string()
}

#[cfg(test)]
mod tests;
