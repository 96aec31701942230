//! A message of the appliance, as every answer shows it.

use schemars::JsonSchema;
use serde::Serialize;

/// How many messages of one answer are kept: more are not readable, and each takes many times its size in memory.
pub const MOST_MESSAGES: usize = 1000;
/// How long the messages of earlier polls may be together while an operation waits, in bytes.
pub const LONGEST_PAST: usize = 64 << 10;

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
    /// What led to it, in the appliance's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
}

impl Message {
    /// How long its texts are together, in bytes.
    pub fn length(&self) -> usize {
        let recovery = self.recovery.as_ref();
        let recovery = recovery.map(|recovery| [&recovery.text, &recovery.url]).into_iter().flatten();
        [&self.id, &self.text, &self.explanation].into_iter().chain(recovery).flatten().map(String::len).sum()
    }
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
    pub fn of(id: &str) -> Option<Severity> {
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
