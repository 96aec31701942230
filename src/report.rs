//! What a call has learned so far: kept in one place, so that success, failure, a signal and a panic tell the same.
//!
//! The client adds what every answer brings, an operation what it read. Nothing here prints.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::ser::Error as _;

use crate::call::Caller;
use crate::lock::lock;
use crate::message::{MOST_MESSAGES, Message};
use crate::scrub::{Clean, Secrets};

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
    messages: Vec<Message>,
    seen: HashSet<Message>,
    /// Messages that are not among them because there were too many.
    left_out: usize,
    api_version: Option<String>,
    warnings: Vec<String>,
    data: Option<Arc<dyn Data>>,
}

/// What is learned of an operation's data, whatever its type.
trait Data: Send + Sync {
    fn json(&self, secrets: &Secrets, deadline: Option<Instant>) -> serde_json::Result<(Clean, bool)>;
}

impl<T: Serialize + Send> Data for Mutex<T> {
    fn json(&self, secrets: &Secrets, deadline: Option<Instant>) -> serde_json::Result<(Clean, bool)> {
        let Some(deadline) = deadline else { return secrets.json(&*lock(self)) };
        loop {
            match self.try_lock() {
                Ok(data) => return secrets.json_before(&*data, deadline),
                Err(TryLockError::Poisoned(data)) => return secrets.json_before(&*data.into_inner(), deadline),
                // Another thread is masking them.
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(serde_json::Error::custom("another thread was still masking secrets in it"));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/// The warning when something was masked in what the appliance sent.
pub const MASKED: &str = "A secret of this call stood in the data and was replaced by ********.";

/// What the answer shows of a report.
#[derive(Default)]
pub struct Summary {
    /// Who called.
    pub caller: Caller,
    /// What was asked for, once it is known.
    pub operation: Option<&'static str>,
    /// Messages of the appliance, identical ones once.
    pub messages: Vec<Message>,
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
        for message in messages {
            match learned.messages.len() < MOST_MESSAGES || learned.seen.contains(&message) {
                true if learned.seen.insert(message.clone()) => learned.messages.push(message),
                true => {}
                false => learned.left_out += 1,
            }
        }
    }

    /// Notes the version that the media type of an answer names.
    pub fn api_version(&self, version: &str) {
        lock(&self.learned).api_version = Some(version.to_owned());
    }

    /// Adds a warning.
    pub fn warn(&self, warning: impl Into<String>) {
        let (warning, mut learned) = (warning.into(), lock(&self.learned));
        if !learned.warnings.contains(&warning) {
            learned.warnings.push(warning);
        }
    }

    /// Shows the operation's data from now on, also while it is still growing.
    pub fn data<T: Serialize + Send + 'static>(&self, data: Arc<Mutex<T>>) {
        lock(&self.learned).data = Some(data);
    }

    /// Everything that was learned, without secrets where it is data. Data that take longer than the deadline, if there
    /// is one, are left out with a warning.
    pub fn summary(&self, deadline: Option<Instant>) -> Summary {
        let (mut summary, data) = {
            let learned = lock(&self.learned);
            let mut warnings = learned.warnings.clone();
            if learned.left_out > 0 {
                warnings.push(format!("{} more messages of the appliance were left out.", learned.left_out));
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
        match data.map(|data| data.json(&self.secrets, deadline)) {
            Some(Ok((data, masked))) => {
                if masked && !summary.warnings.iter().any(|warning| warning == MASKED) {
                    summary.warnings.push(MASKED.into());
                }
                summary.data = Some(data);
            }
            Some(Err(error)) => summary.warnings.push(format!("The data were left out of this answer: {error}.")),
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
