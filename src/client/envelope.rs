//! The status envelopes around every answer: which messages came, and whether the body says failure.
//!
//! There are four families of them, none told apart by the HTTP status [LXCA API, section 3.3]:
//! A: `result`, `messages` at the top; B: `status: {result, messages}`; C: `errorMsg: {result, messages}`, documented
//! as an array; D: `status`, `errorMessage`, `errorDetail`, `message` at the top. All are read from every answer.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::wire::{Attribute, Json, List, Pairs};

/// A message of the appliance. Texts are localized: match on ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Message {
    /// Message identifier, such as `FQXHMUP2500I`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Severity, from the last letter of the id; left out when the letter is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

/// What to do about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Recovery {
    /// In words; may hold HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Letter I.
    Informational,
    /// Letters F, G, H, J.
    Warning,
    /// Letters K, L, M, N.
    Error,
}

impl Severity {
    /// The severity of a message id: a letter behind digits.
    fn of(id: &str) -> Option<Severity> {
        let mut letters = id.chars().rev();
        let letter = letters.next()?;
        letters.next().filter(char::is_ascii_digit)?;
        match letter {
            'I' => Some(Severity::Informational),
            'F' | 'G' | 'H' | 'J' => Some(Severity::Warning),
            'K' | 'L' | 'M' | 'N' => Some(Severity::Error),
            _ => None,
        }
    }
}

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
    /// All messages, in order.
    pub messages: Vec<Message>,
}

impl Envelope {
    /// Reads the envelope of a JSON text; one without envelope has no messages and no verdict.
    pub fn read(text: &str) -> Envelope {
        let mut envelope = Envelope { verdict: Verdict::Unknown, messages: Vec::new() };
        let Some(pairs) = Pairs::parse(text) else { return envelope };
        envelope.take(&pairs);
        for name in ["status", "errorMsg"] {
            let Some(raw) = pairs.get(name) else { continue };
            each(raw, |inner| match Pairs::parse(inner.get()) {
                Some(inner) => envelope.take(&inner),
                None => envelope.judge(&string(inner).unwrap_or_default()),
            });
        }
        envelope
    }

    /// Whether an attribute at the top of an answer belongs to its envelope and is no data.
    pub fn holds(name: &str, value: &RawValue) -> bool {
        match name {
            "result" | "messages" | "message" | "errorMessage" | "errorDetail" => true,
            // A bare word may be an attribute of that name which nobody documented.
            "status" | "errorMsg" => string(value).is_none_or(|word| Verdict::of(&word) != Verdict::Unknown),
            _ => false,
        }
    }

    /// The first message in words, as a failure quotes it: the gravest there is, with its id.
    pub fn quote(&self) -> Option<String> {
        let rank = |message: &&Message| match message.severity {
            Some(Severity::Error) => 3,
            Some(Severity::Warning) => 2,
            None => 1,
            Some(Severity::Informational) => 0,
        };
        // `max_by_key` would take the last of equals.
        let gravest = self.messages.iter().rev().max_by_key(rank)?;
        let words = [gravest.text.as_deref(), gravest.explanation.as_deref()].into_iter().flatten();
        let words: Vec<&str> =
            words.map(|words| words.trim().trim_end_matches('.')).filter(|words| !words.is_empty()).collect();
        let words = (!words.is_empty()).then(|| words.join(". "));
        match (words, &gravest.id) {
            (Some(words), Some(id)) => Some(format!("{words} ({id})")),
            (Some(words), None) => Some(words),
            (None, Some(id)) => Some(id.clone()),
            (None, None) => None,
        }
    }

    /// The `result` and the messages that stand in one object.
    fn take(&mut self, pairs: &Pairs<'_>) {
        if let Some(word) = pairs.get("result").and_then(string) {
            self.judge(&word);
        }
        for name in ["messages", "message", "errorDetail", "errorMessage"] {
            if let Some(raw) = pairs.get(name) {
                each(raw, |raw| self.messages.extend(Message::read(raw)));
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

/// Each item of a list, or the one value that stands in its place.
fn each(raw: &RawValue, mut item: impl FnMut(&RawValue)) {
    match <List<Json> as Attribute>::read(raw) {
        List::Of(items) => items.iter().for_each(|json| item(json.raw())),
        List::Other(_) => item(raw),
    }
}

fn string(raw: &RawValue) -> Option<String> {
    Json::read(raw).string()
}

#[cfg(test)]
mod tests;
