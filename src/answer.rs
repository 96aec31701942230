//! The answer: the one JSON object that goes to stdout (contract, section 3).
//!
//! Here is the document and its one way out. Nothing here knows HTTP.

use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::message::Message;
use crate::report::Report;
use crate::scrub::{Clean, Secrets, Word};

/// How much of the answer is written at once, in bytes.
const PIECE: usize = 64 << 10;

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

impl Answer {
    /// The answer to a call that ended in one way or the other, with all that was learned.
    pub fn new(outcome: Result<Success, Failure>, report: &Report) -> Answer {
        let learned = report.summary();
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

    /// Prints an answer as one line, without secrets. Gives the exit status: 0, or 1 for a failure and for a stdout that
    /// cannot be written.
    pub fn print(self, answer: &Answer, secrets: &Secrets) -> ExitCode {
        // Piece by piece: as one line in memory the answer would take as much again. No type in it fails to be written,
        // so that the only error is that of stdout.
        let mut stdout = BufWriter::with_capacity(PIECE, std::io::stdout().lock());
        let written = secrets.write(answer, &mut stdout).map_err(std::io::Error::from);
        let written = written.and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
        match (answer.failed, written) {
            (false, Ok(())) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}
