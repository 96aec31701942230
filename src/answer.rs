//! The answer: the one JSON object that goes to stdout (docs/contract.md, Output). Nothing here knows HTTP.

use std::sync::Arc;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::message::Message;
use crate::outcome::Outcome;
use crate::scrub::{Clean, Secrets, Word};

/// The longest sentence of an answer, in characters.
const LONGEST_SENTENCE: usize = 2000;

/// How an operation ended well.
#[derive(Debug)]
pub struct Success {
    /// One sentence a person can act on.
    pub msg: String,
    /// The essential result in words, behind `msg`, for callers that drop the data.
    pub detail: String,
}

/// The answer to one call.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "The answer of lxca")]
pub struct Answer {
    /// Whether anything was changed on the appliance or on this host, or may have been; in check mode, whether anything
    /// would be.
    changed: bool,
    /// Whether the call failed; the exit status is 1 then.
    failed: bool,
    /// One sentence a person can act on; of a failure: what failed, on which host, why, and what to do next.
    #[schemars(extend("examples" = ["lxca.example.com answers as XClarity Administrator 4.0.0, build 264."]))]
    msg: String,
    /// The operation that was asked for, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Word>,
    /// What was asked for; of a failure: what was learned before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: Option<Clean>,
    /// What was changed, or would be: the same shape on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Diff", extend("examples" = [{"before": {}, "after": {}}]))]
    diff: Option<Clean>,
    /// Messages of the appliance, when it sent any; identical ones once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[{
        "id": "FQXHMSE0291J",
        "severity": "warning",
        "text": "The user could not be authenticated.",
        "explanation": "The user name or the password is not correct.",
        "recovery": {"text": "Log in with another user name or password.", "url": "https://lxca.example.com/help"},
    }]]))]
    messages: Vec<Arc<Message>>,
    /// Version of the appliance's API, from the media type of its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["4.0.0"]))]
    api_version: Option<String>,
    /// What is worth knowing although nothing failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Of a failure: what a playbook can branch on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"kind": "unavailable", "http_status": 503, "retryable": true}]))]
    error: Option<ErrorInfo>,
    /// `msg` with the essential result in words, unless the caller is Ansible: Salt's `stateful` commands show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Of a failure, when the caller is Bolt.
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    bolt_error: Option<BoltError>,
}

/// What a playbook can branch on.
#[derive(Clone, Serialize, JsonSchema)]
struct ErrorInfo {
    /// The kind of failure.
    kind: Kind,
    /// The HTTP status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// Whether the same call may succeed later without anybody changing anything.
    retryable: bool,
}

/// The failure as Puppet Bolt wants it.
#[derive(Serialize, JsonSchema)]
struct BoltError {
    /// The same as the answer's `msg`.
    msg: String,
    /// `lxca/` and the kind.
    kind: Word,
    /// The rest.
    details: BoltDetails,
}

/// The rest of the failure as Puppet Bolt wants it.
#[derive(Serialize, JsonSchema)]
struct BoltDetails {
    /// The same as the answer's `error`.
    error: ErrorInfo,
    /// The same as the answer's `messages`.
    messages: Vec<Arc<Message>>,
}

/// What was changed, or would be.
#[derive(Serialize, JsonSchema)]
struct Diff {
    /// What was there before, by id.
    before: serde_json::Map<String, serde_json::Value>,
    /// What is there now, or would be, by id.
    after: serde_json::Map<String, serde_json::Value>,
}

impl Answer {
    /// The answer to a call that ended in one way or the other, with all that was learned. Data that cannot be masked
    /// before the deadline are left out.
    pub fn new(result: Result<Success, Failure>, outcome: &Outcome, deadline: Option<Instant>) -> Answer {
        let learned = outcome.summary(deadline);
        let sentence = |text: &str| bounded(&outcome.secrets, text);
        let (msg, comment, error) = match result {
            Ok(Success { msg, detail }) => {
                let comment = if detail.is_empty() { msg.clone() } else { format!("{msg} {detail}") };
                (sentence(&msg), sentence(&comment), None)
            }
            Err(failure) => {
                let msg = sentence(&failure.msg());
                let Failure { kind, http_status, retryable, .. } = failure;
                (msg.clone(), msg, Some(ErrorInfo { kind, http_status, retryable }))
            }
        };
        let bolt_error = error.clone().filter(|_| learned.caller.bolt).map(|error| BoltError {
            msg: msg.clone(),
            kind: Word(error.kind.bolt()),
            details: BoltDetails { error, messages: learned.messages.clone() },
        });
        Answer {
            changed: learned.changed,
            failed: error.is_some(),
            msg,
            operation: learned.operation.map(Word),
            data: learned.data,
            diff: learned.diff,
            messages: learned.messages,
            api_version: learned.api_version,
            warnings: learned.warnings.iter().map(|warning| sentence(warning)).collect(),
            error,
            comment: (!learned.caller.ansible).then_some(comment),
            bolt_error,
        }
    }

    /// The answer as one line of JSON, without secrets. At the deadline, all that the appliance sent is left out, and a
    /// warning says so.
    pub fn line(mut self, secrets: &Secrets, deadline: Option<Instant>) -> String {
        let mut line = secrets.json(&self, deadline);
        if line.is_err() && deadline.is_some() {
            self.data = None;
            self.diff = None;
            self.messages = Vec::new();
            self.api_version = None;
            self.warnings = vec![OUT_OF_TIME.into()];
            self.bolt_error = None;
            line = secrets.json(&self, None);
        }
        line.map_or_else(|_| FALLBACK_ANSWER.into(), |(line, _)| line.into_text())
    }
}

/// The warning of an answer that had to leave before it was ready.
const OUT_OF_TIME: &str =
    "Masking secrets took too long: data, messages and warnings of the appliance were left out of this answer.";

/// A sentence of at most [`LONGEST_SENTENCE`] characters, masked before it is cut, since half a secret would stay.
fn bounded(secrets: &Secrets, text: &str) -> String {
    if text.len() <= LONGEST_SENTENCE {
        return text.to_owned(); // masked with the rest of the answer
    }
    let masked = secrets.mask_given(text);
    match masked.char_indices().nth(LONGEST_SENTENCE) {
        Some((end, _)) => format!("{}…", masked.get(..end).unwrap_or_default()),
        None => masked.into_owned(),
    }
}

/// What is printed when an answer cannot be written as JSON, which no type in it allows.
const FALLBACK_ANSWER: &str = r#"{"changed":false,"failed":true,"msg":"The answer cannot be written as JSON, a defect of lxca.","error":{"kind":"internal","retryable":false}}"#;
