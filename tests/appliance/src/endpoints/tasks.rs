//! `/tasks` (docs/lxca-api.md, Tasks).

use serde_json::{Value, json};

use crate::envelope::{CONFLICT, NOT_FOUND, NOT_VALID, refuse};
use crate::plays::UnknownJob;
use crate::reply::Reply;
use crate::routes::Call;
use crate::state::State;
use crate::tasks::Task;

/// `GET /tasks`: all jobs.
pub(crate) fn list(call: &Call<'_>) -> Reply {
    let children = with_children(call);
    let shown = |task: &Task| task.to_json(task.job, children, call.now, &call.state.settings.plays);
    let known = call.state.tasks.iter().filter(|task| !task.is_forgotten());
    Reply::json(200, known.map(shown).collect())
}

/// `GET /tasks/{a,b,c}`: always a list. A subtask has its own `jobUID`, so clients can ask for it as well. IDs
/// nobody knows are left out; when none is known, the answer is 404. Neither is documented.
pub(crate) fn get(call: &Call<'_>, ids: &str) -> Reply {
    let children = with_children(call);
    let found: Vec<Value> = ids
        .split(',')
        .filter_map(|id| id.parse().ok())
        .filter_map(|number| {
            let task = known(call.state, number)?;
            Some(task.to_json(number, children, call.now, &call.state.settings.plays))
        })
        .collect();
    if found.is_empty() {
        return match call.state.settings.plays.unknown_job {
            UnknownJob::NotFound => refuse(404, NOT_FOUND),
            UnknownJob::BadRequest => refuse(400, NOT_FOUND),
            UnknownJob::EmptyList => Reply::json(200, json!([])),
            UnknownJob::Failure => refuse(200, NOT_FOUND),
        };
    }
    Reply::json(200, found.into())
}

/// The job with this number, unless the appliance forgot it.
fn known(state: &State, number: u64) -> Option<&Task> {
    state.task(number).filter(|task| !task.is_forgotten())
}

/// Both ways to leave the children out, today's and the older one.
fn with_children(call: &Call<'_>) -> bool {
    let compact = call.request.query("compact").is_some_and(|value| value == "true");
    let without = call.request.query("includeChildren").is_some_and(|value| value == "false");
    !(compact || without)
}

/// `PUT /tasks`: cancels jobs; 200 without a body. IDs are texts. A job that is over gets 412, which the page
/// documents without a reason.
pub(crate) fn cancel(call: Call<'_>) -> Reply {
    let body = call.body().unwrap_or_default();
    let numbers = call.texts("list").and_then(|ids| numbers(ids.iter().map(String::as_str)));
    let numbers = match numbers {
        Some(numbers) if !numbers.is_empty() && body.get("action") == Some(&json!("cancel")) => numbers,
        _ => return refuse(400, NOT_VALID),
    };
    let tasks: Option<Vec<&Task>> = numbers.iter().map(|number| known(call.state, *number)).collect();
    match tasks {
        None => refuse(400, NOT_FOUND),
        Some(tasks) if tasks.iter().any(|task| task.end.is_some()) => refuse(412, CONFLICT),
        Some(_) => {
            for number in numbers {
                call.state.cancel_soon(number);
            }
            Reply::empty(200)
        }
    }
}

/// `POST /tasks`: creates a job that the client drives. What a template must hold, and what the answer looks like, is
/// not readable: any object is taken, alone or in a list, and the answer is an object with the new `jobUID`.
pub(crate) fn create(call: Call<'_>) -> Reply {
    let template = match call.body() {
        Some(Value::Array(mut templates)) if templates.len() == 1 => templates.pop(),
        template => template,
    };
    if !template.is_some_and(|template| template.is_object()) {
        return refuse(400, NOT_VALID);
    }
    let job = call.state.create_external(&call.caller.user).job;
    Reply::json(200, json!({ "jobUID": job.to_string() }))
}

/// `PUT /tasks/{id}`: a cancel callback or a progress report. A report counts for jobs that a client created; of the
/// appliance's own jobs it is checked and then ignored, like every callback.
pub(crate) fn update(call: Call<'_>, id: &str) -> Reply {
    let known = id.parse().ok().and_then(|number| call.state.task(number)).map(|task| task.job);
    let body = call.body().unwrap_or_default();
    let has = |keys: [&str; 2]| keys.iter().all(|key| body.get(key).is_some());
    let Some(job) = known else {
        return refuse(404, NOT_FOUND);
    };
    if let Some(percentage) = body.get("percentage").and_then(Value::as_f64) {
        // Between 0 and 100, so it fits.
        call.state.report(job, percentage.clamp(0.0, 100.0) as u8, call.now);
    }
    if has(["cancelURL", "cancelRESTMethod"]) || has(["jobUID", "percentage"]) {
        return Reply::empty(200);
    }
    refuse(400, NOT_VALID)
}

/// `DELETE /tasks/{a,b}`: deletes the records, and cancels nothing: a job that runs gets 412. The file of an export
/// goes with its record. Not documented, all of it but the deletion.
pub(crate) fn delete(call: Call<'_>, ids: &str) -> Reply {
    let Some(numbers) = numbers(ids.split(',')) else {
        return refuse(400, NOT_VALID);
    };
    let tasks: Option<Vec<&Task>> = numbers.iter().map(|number| known(call.state, *number)).collect();
    match tasks {
        None => refuse(404, NOT_FOUND),
        Some(tasks) if tasks.iter().any(|task| task.end.is_none()) => refuse(412, CONFLICT),
        Some(_) => {
            call.state.tasks.retain(|task| !numbers.contains(&task.job) && !numbers.contains(&task.subtask));
            Reply::empty(200)
        }
    }
}

fn numbers<'a>(ids: impl Iterator<Item = &'a str>) -> Option<Vec<u64>> {
    ids.map(|id| id.parse().ok()).collect()
}
