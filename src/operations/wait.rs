//! Waiting: asking again at intervals until something has ended or the time is over (docs/contract.md,
//! firmware_export_info). One loop for every operation that waits.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Context;
use crate::client::SendError;
use crate::client::retry::Limits;
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Kind as Accepts, Literal};
use crate::stdout;

/// The longest `wait_timeout`: a week, in seconds.
const LONGEST_WAIT_TIMEOUT: u64 = 604_800;
/// The longest `poll_interval`: a day, in seconds.
const LONGEST_POLL_INTERVAL: u64 = 86_400;
/// How often something that has ended is asked again for what it does not show yet.
const EXTRA_POLLS: u32 = 2;
/// The shortest pause between two polls; a shorter `Retry-After` does not count.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The last poll begins this long before the deadline: what ends in the last interval is noticed.
const LAST_POLL: Duration = Duration::from_secs(1);

/// The option `wait_timeout` with a default of an hour.
pub const WAIT_TIMEOUT: Declaration = Accepts::Integer(0, LONGEST_WAIT_TIMEOUT).default(Literal::Integer(3600));
/// The option `poll_interval`.
pub const POLL_INTERVAL: Declaration = Accepts::Integer(1, LONGEST_POLL_INTERVAL).default(Literal::Integer(10));

/// What one poll found.
pub enum Poll<T> {
    /// It has ended.
    Ended(T),
    /// It has ended, but does not show everything yet: worth two more polls.
    Lagging(T),
    /// It has not ended; where it is, in words.
    Running(String),
}

/// How long and how often to ask.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    timeout: Duration,
    interval: Duration,
    deadline: Instant,
}

impl Wait {
    /// Waiting that begins now; both in seconds.
    pub fn new(timeout: u64, interval: u64) -> Wait {
        let timeout = Duration::from_secs(timeout);
        Wait { timeout, interval: Duration::from_secs(interval), deadline: Instant::now() + timeout }
    }

    /// Polls until `poll` finds the end of `what`, a noun with its host. The first poll follows the ordinary rules, so
    /// that a wrong host fails at once; later ones endure what a restarting appliance does.
    ///
    /// # Errors
    /// `wait_timeout` with what was seen last; `interrupted` when the caller has gone; what `poll` fails with, unless it
    /// is endured.
    pub fn until<T, D: Serialize + Send + 'static>(
        &self,
        context: &Context<'_, D>,
        what: &str,
        mut poll: impl FnMut(&Limits) -> Result<Poll<T>, SendError>,
    ) -> Result<T, Failure> {
        let deadline = (!self.timeout.is_zero()).then_some(self.deadline);
        let mut limits = Limits { deadline, ..context.client.limits() };
        let (mut lagging, mut seen, mut extra_polls) = (None, None, 0);
        loop {
            let mut pause = self.interval;
            let mut last_error = None;
            match poll(&limits) {
                Ok(Poll::Ended(found)) => return Ok(found),
                Ok(Poll::Lagging(found)) if extra_polls == EXTRA_POLLS => return Ok(found),
                Ok(Poll::Lagging(found)) => {
                    extra_polls += 1;
                    lagging = Some(found);
                }
                Ok(Poll::Running(words)) => {
                    context.progress(what, &words);
                    lagging = None;
                    seen = Some(words);
                }
                Err(error) => {
                    let first = seen.is_none() && lagging.is_none();
                    let in_time = self.timeout.is_zero() || Instant::now() < self.deadline;
                    if !error.endurable || (first && in_time) {
                        return Err(error.into());
                    }
                    if let Some(asked) = error.retry_after {
                        if asked > self.left() {
                            return Err(error.into());
                        }
                        // An appliance that says "at once" is not asked without a pause.
                        pause = asked.max(SHORTEST_PAUSE);
                    }
                    last_error = Some(error.failure);
                }
            }
            let left = self.left();
            let until_last_poll = left.checked_sub(LAST_POLL).filter(|left| !left.is_zero()).unwrap_or(left);
            if !stdout::sleep_while_read(pause.min(until_last_poll)) {
                return Err(caller_has_gone(what));
            }
            if Instant::now() >= self.deadline {
                return lagging.ok_or_else(|| self.timed_out(what, seen, last_error));
            }
            // Only the last answer is kept. Polling is repeating: within one poll nothing is repeated.
            context.client.renew_allowance();
            limits = Limits { deadline: Some(self.deadline), retries: 0, ..context.client.limits() };
        }
    }

    /// Sleeps for an interval; `false` when the time is over.
    ///
    /// # Errors
    /// `interrupted` when the caller has gone.
    pub fn pause(&self, what: &str) -> Result<bool, Failure> {
        if self.left() <= self.interval {
            return Ok(false);
        }
        if stdout::sleep_while_read(self.interval) { Ok(true) } else { Err(caller_has_gone(what)) }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn timed_out(&self, what: &str, seen: Option<String>, last_error: Option<Failure>) -> Failure {
        let seen = seen.map(|seen| format!(" It was {seen} when last seen.")).unwrap_or_default();
        let error = last_error.map(|error| format!(" The last error was: {}", error.msg())).unwrap_or_default();
        let text =
            format!("{what} had not ended after {} s (option `wait_timeout`).{seen}{error}", self.timeout.as_secs());
        Failure::new(Kind::WaitTimeout, text)
    }
}

fn caller_has_gone(what: &str) -> Failure {
    Failure::new(Kind::Interrupted, format!("The caller has gone; lxca stopped waiting for {what}."))
}
