//! What a call has learned and done so far: recorded in one place as it happens, so that success, failure, a signal and
//! a panic tell the same. Nothing here prints.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::ser::Error as _;

use crate::lock::lock;
use crate::message::{LONGEST_PAST, MOST_MESSAGES, Message};
use crate::scrub::{Clean, Secrets};

/// How many warnings are kept.
const MOST_WARNINGS: usize = 1000;

/// What the answer needs to know about the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// Ansible shows the whole answer, so that `comment` is left out.
    pub ansible: bool,
    /// Bolt wants `_error`.
    pub bolt: bool,
    /// The caller wants to know what would change, and nothing changed.
    pub check_mode: bool,
    /// The caller wants to see what changes.
    pub diff_mode: bool,
}

/// The outcome of one call; clones share it.
#[derive(Clone, Default)]
pub struct Outcome {
    learned: Arc<Mutex<Learned>>,
    /// The secrets of this call.
    pub secrets: Secrets,
}

#[derive(Default)]
struct Learned {
    caller: Caller,
    operation: Option<&'static str>,
    changed: bool,
    /// A request that changes something is under way: it may have reached the appliance.
    changing: bool,
    messages: Vec<Arc<Message>>,
    /// The same, so that identical ones are shown once.
    seen: HashSet<Arc<Message>>,
    /// Messages that are not among them because there were too many.
    left_out: usize,
    api_version: Option<String>,
    warnings: Vec<String>,
    /// Warnings that are not among them because there were too many.
    warnings_left_out: usize,
    data: Option<Arc<dyn Recorded>>,
    diff: Option<Arc<dyn Recorded>>,
}

/// A value of any type that the answer shows once it is there.
trait Recorded: Send + Sync {
    fn json(&self, secrets: &Secrets, deadline: Option<Instant>) -> Option<serde_json::Result<(Clean, bool)>>;
}

impl<T: Serialize + Send> Recorded for Mutex<Option<T>> {
    fn json(&self, secrets: &Secrets, deadline: Option<Instant>) -> Option<serde_json::Result<(Clean, bool)>> {
        let shown = |value: &Option<T>| value.as_ref().map(|value| secrets.json(value, deadline));
        let Some(end) = deadline else { return shown(&lock(self)) };
        loop {
            match self.try_lock() {
                Ok(value) => return shown(&value),
                Err(TryLockError::Poisoned(value)) => return shown(&value.into_inner()),
                // Another thread is writing or masking it.
                Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                    return Some(Err(serde_json::Error::custom("another thread was still masking it")));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/// The warning that something was masked.
fn masked_in(name: &str) -> String {
    format!("A secret of this call stood in the {name} and was replaced by ********.")
}

/// What was changed, or would be.
#[derive(Serialize)]
struct Diff<T> {
    before: T,
    after: T,
}

/// What the answer shows of an outcome.
#[derive(Default)]
pub struct Summary {
    /// Who called.
    pub caller: Caller,
    /// The operation, once it is known.
    pub operation: Option<&'static str>,
    /// Whether anything was changed, or may have been.
    pub changed: bool,
    /// Messages of the appliance, identical ones once.
    pub messages: Vec<Arc<Message>>,
    /// Version from the media type.
    pub api_version: Option<String>,
    /// Warnings, identical ones once.
    pub warnings: Vec<String>,
    /// The operation's data without secrets.
    pub data: Option<Clean>,
    /// What changed, without secrets, when the caller wants to see it.
    pub diff: Option<Clean>,
}

impl Outcome {
    /// Records who calls.
    pub fn set_caller(&self, caller: Caller) {
        lock(&self.learned).caller = caller;
    }

    /// Who calls.
    pub fn caller(&self) -> Caller {
        lock(&self.learned).caller
    }

    /// Records the operation.
    pub fn set_operation(&self, name: &'static str) {
        lock(&self.learned).operation = Some(name);
    }

    /// Records whether something was changed, when that is known better than from the requests that were sent.
    pub fn set_changed(&self, changed: bool) {
        lock(&self.learned).changed = changed;
    }

    /// A request that changes something is about to be sent: from now on it may have arrived.
    pub fn change_begins(&self) {
        lock(&self.learned).changing = true;
    }

    /// That request is over, if it was sent at all; `changed` tells whether it changed something, or may have.
    pub fn change_ends(&self, changed: bool) {
        let mut learned = lock(&self.learned);
        learned.changed |= learned.changing && changed;
        learned.changing = false;
    }

    /// Adds messages from the appliance, up to [`MOST_MESSAGES`].
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

    /// Records the version that the media type of an answer names.
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

    /// Warns that a secret was masked in what the appliance sent.
    pub fn warn_masked(&self) {
        self.warn(masked_in("data"));
    }

    /// Shows the operation's data from now on, whenever there are any.
    pub fn show_data<T: Serialize + Send + 'static>(&self, data: Arc<Mutex<Option<T>>>) {
        lock(&self.learned).data = Some(data);
    }

    /// Shows what changed.
    pub fn show_diff<T: Serialize + Send + 'static>(&self, before: T, after: T) {
        let diff = Diff { before, after };
        lock(&self.learned).diff = Some(Arc::new(Mutex::new(Some(diff))));
    }

    /// Everything that was learned, without secrets where it is data. At the deadline, data that are not masked yet are
    /// left out, and a warning says so.
    pub fn summary(&self, deadline: Option<Instant>) -> Summary {
        let (mut summary, data, diff) = {
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
                changed: learned.changed || learned.changing,
                messages: learned.messages.clone(),
                api_version: learned.api_version.clone(),
                warnings,
                data: None,
                diff: None,
            };
            // Not written under this lock: an operation warns while it holds its data.
            let diff = learned.diff.clone().filter(|_| learned.caller.diff_mode);
            (summary, learned.data.clone(), diff)
        };
        let mut show = |name: &str, value: Option<Arc<dyn Recorded>>| match value
            .and_then(|value| value.json(&self.secrets, deadline))?
        {
            Ok((value, masked)) => {
                if masked {
                    let text = masked_in(name);
                    if !summary.warnings.contains(&text) {
                        summary.warnings.push(text);
                    }
                }
                Some(value)
            }
            Err(_) => {
                let text = format!("Masking secrets took too long: the {name} was left out of this answer.");
                summary.warnings.push(text);
                None
            }
        };
        let (data, diff) = (show("data", data), show("diff", diff));
        Summary { data, diff, ..summary }
    }

    /// The caller, the operation and what was changed, for the answer of a panic, which may have happened under any lock.
    pub fn without_data(&self) -> Outcome {
        let bare = Outcome { secrets: self.secrets.clone(), ..Outcome::default() };
        if let (Ok(learned), Ok(mut shown)) = (self.learned.try_lock(), bare.learned.try_lock()) {
            shown.caller = learned.caller;
            shown.operation = learned.operation;
            shown.changed = learned.changed || learned.changing;
        }
        bare
    }
}
