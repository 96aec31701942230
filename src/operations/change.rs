//! Changing something on the appliance (docs/contract.md, Rules for all of them): sent once, waited for when something is
//! in the way, settled by asking when the answer is lost, and the job that it starts waited for.

use std::collections::HashSet;

use serde::Serialize;

use super::Context;
use super::fix_ids::FIX_ID;
use super::wait::{Poll, Wait};
use crate::client::request::Request;
use crate::client::retry::Limits;
use crate::client::wire::Json;
use crate::client::wire::tasks::{self, Job, Progress};
use crate::client::{Answer, LONGEST_WORDS, SendError};
use crate::failure::{Failure, Kind};

const TASKS: &str = "/tasks?compact=true";

/// What became of a request that changes something.
pub enum Sent {
    /// The appliance accepted it; the id of the job it started, when it started one.
    Accepted(Option<Json>),
    /// Its answer was lost, but a job that was not there before shows that it arrived.
    Arrived(String),
    /// Its answer was lost, and nothing shows whether it arrived.
    Lost(Failure),
}

/// Sends a request that changes something, once. Only when it was refused for certain because something is in the way
/// does it start over, at every interval until the deadline of `wait`: `still_wanted` asks first whether the change is
/// still wanted.
///
/// # Errors
/// `conflict` when something is in the way until the deadline; the client's; those of `still_wanted`.
pub fn send<D: Serialize + Send + 'static>(
    context: &Context<'_, D>,
    wait: &Wait,
    request: &Request<'_>,
    mut still_wanted: impl FnMut() -> Result<bool, Failure>,
) -> Result<Option<Sent>, Failure> {
    loop {
        // Without this list, a foreign job cannot be told from the one that the request starts.
        let before = match running(context) {
            Ok(ids) => Some(ids),
            // Asking once more with refused credentials would bring the account closer to its lock.
            Err(error) if matches!(error.failure.kind, Kind::AuthenticationFailed | Kind::PasswordChangeRequired) => {
                return Err(error.into());
            }
            Err(_) => None,
        };
        let in_the_way = match context.client.send(request, &context.client.limits()) {
            Ok(Answer { failure: None, text, .. }) => return Ok(Some(Sent::Accepted(tasks::started(&text)))),
            // The appliance may say so inside HTTP 200, too; then a foreign job is listed.
            Ok(Answer { failure: Some(failure), .. }) => match before.is_none_or(|ids| ids.is_empty()) {
                true => return Err(failure),
                false => failure,
            },
            Err(error) if error.failure.kind == Kind::Conflict => error.failure,
            Err(error) if error.lost => {
                let new = before.zip(running(context).ok());
                let new = new.and_then(|(before, now)| now.into_iter().find(|id| !before.contains(id)));
                return Ok(Some(new.map_or(Sent::Lost(error.failure), Sent::Arrived)));
            }
            Err(error) => return Err(error.into()),
        };
        if !wait.pause(&format!("another job on {}", context.host()))? {
            return Err(Failure { kind: Kind::Conflict, retryable: true, ..in_the_way });
        }
        if !still_wanted()? {
            return Ok(None);
        }
    }
}

/// The failure of a request whose answer was lost and cannot be settled by asking.
pub fn unknown(what: &str, lost: &Failure) -> Failure {
    let text = format!(
        "The answer to {what} was lost, and nothing shows whether it was carried out. Run the task again: it checks first. \
         {}",
        lost.msg()
    );
    Failure { retryable: true, http_status: lost.http_status, ..Failure::new(Kind::OutcomeUnknown, text) }
}

/// Waits until a job has ended. A job that the appliance does not know is not an end: `done` then asks whether what the
/// job was to bring about is there.
///
/// # Errors
/// `task_canceled`, those of [`Wait::until`] and of `done`.
pub fn wait_for_job<D: Serialize + Send + 'static>(
    context: &Context<'_, D>,
    wait: &Wait,
    id: &str,
    mut done: impl FnMut(&Limits) -> Result<bool, SendError>,
) -> Result<Progress, Failure> {
    let what = format!("Job {} on {}", context.client.shortened(id, LONGEST_WORDS), context.host());
    wait.until(context, &what, |limits| {
        let ask = || context.client.send(&Request::get(format!("/tasks/{id}?compact=true")), limits);
        let found = match fits_in_path(id).then(ask).transpose() {
            Ok(Some(Answer { failure: None, text, .. })) => job_of(tasks::jobs(&text), id),
            Ok(_) => None,
            Err(error) if matches!(error.failure.kind, Kind::NotFound | Kind::BadRequest) => None,
            Err(error) => return Err(error),
        };
        match found.map(|job| job.progress()) {
            Some(Progress::Running(word)) => Ok(Poll::Running(context.client.shortened(&word, 100))),
            Some(Progress::Canceled) => Err(Failure::new(Kind::TaskCanceled, format!("{what} was canceled.")).into()),
            Some(ended) => Ok(Poll::Ended(ended)),
            None if done(limits)? => Ok(Poll::Ended(Progress::Complete)),
            None => Ok(Poll::Running("unknown to the appliance".into())),
        }
    })
}

/// Whether a job can be asked for by this id, which came from the appliance.
fn fits_in_path(id: &str) -> bool {
    id.len() <= FIX_ID.longest && (FIX_ID.fits)(id)
}

fn job_of(jobs: Vec<Job>, id: &str) -> Option<Job> {
    let only = jobs.len() == 1;
    jobs.into_iter().find(|job| only || job.id().as_deref() == Some(id))
}

/// The ids of the jobs that have not ended.
fn running<D: Serialize + Send + 'static>(context: &Context<'_, D>) -> Result<HashSet<String>, SendError> {
    let answer = context.client.get(TASKS)?;
    let jobs = tasks::jobs(&answer.text).into_iter();
    Ok(jobs.filter(|job| matches!(job.progress(), Progress::Running(_))).filter_map(|job| job.id()).collect())
}
