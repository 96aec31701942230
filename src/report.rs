//! What a call has learned so far: kept in one place, so that success, failure, a signal and a panic tell the same.
//!
//! The client adds what every answer brings, an operation what it read. Nothing here prints.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::call::Caller;
use crate::lock::lock;
use crate::message::{LONGEST_PAST, MOST_MESSAGES, Message};
use crate::scrub::{Clean, Secrets};

/// How many warnings are kept.
const MOST_WARNINGS: usize = 1000;

/// The report of one call; clones share it.
#[derive(Clone, Default)]
pub struct Report {
    learned: Arc<Mutex<Learned>>,
    /// The secrets of this call.
    pub secrets: Secrets,
}

#[derive(Default)]
struct Learned {
    caller: Caller,
    operation: Option<&'static str>,
    messages: Vec<Arc<Message>>,
    seen: HashSet<Arc<Message>>,
    /// Messages that are not among them because there were too many.
    left_out: usize,
    api_version: Option<String>,
    warnings: Vec<String>,
    /// Warnings that are not among them because there were too many.
    warnings_left_out: usize,
    data: Option<Arc<dyn Data>>,
}

/// What is learned of an operation's data, whatever its type.
trait Data: Send + Sync {
    fn json(&self, secrets: &Secrets) -> serde_json::Result<(Clean, bool)>;
}

impl<T: Serialize + Send> Data for Mutex<T> {
    fn json(&self, secrets: &Secrets) -> serde_json::Result<(Clean, bool)> {
        secrets.json(&*lock(self))
    }
}

/// What the answer shows of a report.
#[derive(Default)]
pub struct Summary {
    /// Who called.
    pub caller: Caller,
    /// What was asked for, once it is known.
    pub operation: Option<&'static str>,
    /// Messages of the appliance, identical ones once.
    pub messages: Vec<Arc<Message>>,
    /// Version from the media type.
    pub api_version: Option<String>,
    /// Warnings, identical ones once.
    pub warnings: Vec<String>,
    /// The operation's data without secrets.
    pub data: Option<Clean>,
}

impl Report {
    /// Notes who calls.
    pub fn caller(&self, caller: Caller) {
        lock(&self.learned).caller = caller;
    }

    /// Notes what is asked for.
    pub fn operation(&self, name: Option<&'static str>) {
        lock(&self.learned).operation = name;
    }

    /// Adds messages of the appliance, as many as anybody can read.
    pub fn messages(&self, messages: Vec<Message>, left_out: usize) {
        let mut learned = lock(&self.learned);
        learned.left_out += left_out;
        for message in messages.into_iter().map(Arc::new) {
            match learned.messages.len() < MOST_MESSAGES || learned.seen.contains(&message) {
                true if learned.seen.insert(message.clone()) => learned.messages.push(message),
                true => {}
                false => learned.left_out += 1,
            }
        }
    }

    /// Forgets long messages of the answers so far, and counts them as left out: an operation that waits would take more
    /// memory with every answer.
    pub fn forget_long_messages(&self) {
        let Learned { messages, seen, left_out, .. } = &mut *lock(&self.learned);
        let mut length = 0;
        messages.retain(|message| {
            let fits = length + message.length() <= LONGEST_PAST;
            if fits {
                length += message.length();
            } else {
                seen.remove(message);
                *left_out += 1;
            }
            fits
        });
    }

    /// Notes the version that the media type of an answer names.
    pub fn api_version(&self, version: &str) {
        lock(&self.learned).api_version = Some(version.to_owned());
    }

    /// Adds a warning.
    pub fn warn(&self, warning: impl Into<String>) {
        let (warning, mut learned) = (warning.into(), lock(&self.learned));
        if learned.warnings.contains(&warning) {
            return;
        }
        match learned.warnings.len() < MOST_WARNINGS {
            true => learned.warnings.push(warning),
            false => learned.warnings_left_out += 1,
        }
    }

    /// Shows the operation's data from now on, also while it is still growing.
    pub fn data<T: Serialize + Send + 'static>(&self, data: Arc<Mutex<T>>) {
        lock(&self.learned).data = Some(data);
    }

    /// Everything that was learned, without secrets where it is data.
    pub fn summary(&self) -> Summary {
        let (mut summary, data) = {
            let learned = lock(&self.learned);
            let mut warnings = learned.warnings.clone();
            if learned.left_out > 0 {
                warnings.push(format!("{} more messages of the appliance were left out.", learned.left_out));
            }
            if learned.warnings_left_out > 0 {
                warnings.push(format!("{} more warnings were left out.", learned.warnings_left_out));
            }
            let summary = Summary {
                caller: learned.caller,
                operation: learned.operation,
                messages: learned.messages.clone(),
                api_version: learned.api_version.clone(),
                warnings,
                data: None,
            };
            // Not written under this lock: an operation warns while it holds its data.
            (summary, learned.data.clone())
        };
        match data.map(|data| data.json(&self.secrets)) {
            Some(Ok((data, masked))) => {
                if masked {
                    let text = "A secret of this call stood in the data and was replaced by ********.";
                    summary.warnings.push(text.into());
                }
                summary.data = Some(data);
            }
            Some(Err(error)) => summary.warnings.push(format!("The data could not be written as JSON: {error}.")),
            None => {}
        }
        summary
    }

    /// The caller and the operation alone, for the answer of a panic, which may have happened under any lock.
    pub fn bare(&self) -> Report {
        let bare = Report { secrets: self.secrets.clone(), ..Report::default() };
        if let Ok(learned) = self.learned.try_lock() {
            bare.caller(learned.caller);
            bare.operation(learned.operation);
        }
        bare
    }
}
