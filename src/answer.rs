//! The answer: the one JSON object that goes to stdout (contract, section 3).
//!
//! Here is the document and its one way out. Nothing here knows HTTP.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::message::Message;
use crate::report::Report;
use crate::scrub::{Clean, Secrets, Word};

/// How an operation ended well.
#[derive(Debug)]
pub struct Success {
    /// Whether anything on the appliance was changed.
    pub changed: bool,
    /// One sentence a person can act on.
    pub msg: String,
    /// The essential result in words, behind `msg`, for callers that drop the data.
    pub detail: String,
}

/// The answer to one call.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "The answer of lxca")]
pub struct Answer {
    /// Whether anything on the appliance was changed.
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
    /// Messages of the appliance, when it sent any; identical ones once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[{
        "id": "FQXHMSE0291J",
        "severity": "warning",
        "text": "The user could not be authenticated.",
        "explanation": "The user name or the password is not correct.",
        "recovery": {"text": "Log in with another user name or password.", "url": "https://lxca.example.com/help"},
    }]]))]
    messages: Vec<Message>,
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
    messages: Vec<Message>,
}

impl Answer {
    /// The answer to a call that ended in one way or the other, with all that was learned. Data that cannot be shown
    /// before the deadline, if there is one, are left out with a warning.
    pub fn new(outcome: Result<Success, Failure>, report: &Report, deadline: Option<Instant>) -> Answer {
        let learned = report.summary(deadline);
        let (changed, msg, comment, error) = match outcome {
            Ok(Success { changed, msg, detail }) => {
                let comment = if detail.is_empty() { msg.clone() } else { format!("{msg} {detail}") };
                (changed, msg, comment, None)
            }
            Err(failure) => {
                let Failure { kind, http_status, .. } = failure;
                let error = ErrorInfo { kind, http_status, retryable: kind.retryable() };
                (false, failure.msg(), failure.msg(), Some(error))
            }
        };
        let bolt_error = error.clone().filter(|_| learned.caller.bolt).map(|error| BoltError {
            msg: msg.clone(),
            kind: Word(error.kind.bolt()),
            details: BoltDetails { error, messages: learned.messages.clone() },
        });
        Answer {
            changed,
            failed: error.is_some(),
            msg,
            operation: learned.operation.map(Word),
            data: learned.data,
            messages: learned.messages,
            api_version: learned.api_version,
            warnings: learned.warnings,
            error,
            comment: (!learned.caller.ansible).then_some(comment),
            bolt_error,
        }
    }

    /// The answer as one line, without secrets. This may take a while: build it before you claim stdout, or a signal that
    /// comes meanwhile cannot be answered.
    pub fn line(&self, secrets: &Secrets) -> Line {
        self.line_of(secrets.json(self))
    }

    /// The same, if it is ready before the deadline. Otherwise without all that the appliance sent, which a warning says.
    pub fn line_before(mut self, secrets: &Secrets, deadline: Instant) -> Line {
        if let Ok(line) = secrets.json_before(&self, deadline) {
            return self.line_of(Ok(line));
        }
        self.data = None;
        self.messages = Vec::new();
        self.api_version = None;
        self.warnings = vec![NO_TIME.into()];
        if let Some(error) = &mut self.bolt_error {
            error.details.messages = Vec::new();
        }
        self.line(secrets)
    }

    fn line_of(&self, json: serde_json::Result<(Clean, bool)>) -> Line {
        Line { json: json.ok().map(|(clean, _)| clean), failed: self.failed }
    }
}

/// An answer, ready to be printed.
pub struct Line {
    /// Nothing when it cannot be written as JSON.
    json: Option<Clean>,
    failed: bool,
}

/// The right to print: exactly one answer leaves the process, whichever thread has it.
#[derive(Debug)]
pub struct Stdout(());

impl Stdout {
    /// Claims the right; nothing when another thread was first.
    pub fn claim() -> Option<Stdout> {
        static CLAIMED: AtomicBool = AtomicBool::new(false);
        (!CLAIMED.swap(true, Ordering::SeqCst)).then_some(Stdout(()))
    }

    /// Prints an answer. Gives the exit status: 0, or 1 for a failure and for a stdout that cannot be written.
    pub fn print(self, line: &Line) -> ExitCode {
        let text = line.json.as_ref().map_or(FALLBACK_ANSWER, Clean::text);
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n"));
        match (line.failed, written.and_then(|()| stdout.flush())) {
            (false, Ok(())) if line.json.is_some() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

/// What an answer says that had to leave before it was ready.
const NO_TIME: &str =
    "Masking secrets took too long: data, messages and warnings of the appliance were left out of this answer.";

/// What is printed when an answer cannot be written as JSON, which no type in it allows.
const FALLBACK_ANSWER: &str = r#"{"changed":false,"failed":true,"msg":"The answer cannot be written as JSON, a defect of lxca.","error":{"kind":"internal","retryable":false}}"#;
