//! `GET /updateRepositories/firmware/status` (docs/lxca-api.md, Status of a task).

use std::time::Instant;

use serde_json::{Value, json};

use crate::envelope::{
    CANCELLED, Message, NO_SPACE, NOT_FOUND, NOT_VALID, OPERATION_FAILED, REPOSITORY_DONE, envelope,
};
use crate::plays::JobIds;
use crate::quirks::{EmptyCurrent, Quirks, TaskidZero, UnknownTask};
use crate::reply::Reply;
use crate::routes::Call;
use crate::tasks::{End, Task};

/// Task types that known clients send; only the first is documented.
const TYPES: [&str; 3] = ["EXPORTREPOSITORY", "ACQUIRECATALOG", "ACQUIREPAYLOAD"];

/// Answers the status call. Both `tasktype` and `taskType` are accepted, unless the quirk says otherwise.
pub(crate) fn get(call: Call<'_>) -> Reply {
    let quirks = call.state.settings.quirks.clone();
    let table_spelling = call.request.query("taskType").filter(|_| !quirks.strict_tasktype);
    let kind = call.request.query("tasktype").or(table_spelling);
    let kind = kind.and_then(|kind| TYPES.into_iter().find(|known| *known == kind));
    let number = call.request.query("taskid").and_then(|number| number.parse::<u64>().ok());
    let (Some(kind), Some(number)) = (kind, number) else {
        return refuse(400, NOT_VALID);
    };
    if number == 0 {
        return all_running(&call, kind);
    }
    // Only the subtask's number counts, and only with the right type.
    let by_job = call.state.settings.plays.job_ids == JobIds::JobOnly;
    let is_it = |task: &&mut Task| {
        (task.subtask == number || by_job && task.job == number)
            && task.kind.task_type() == Some(kind)
            && !task.is_forgotten()
    };
    let Some(task) = call.state.tasks.iter_mut().find(is_it) else {
        return match quirks.unknown_task {
            UnknownTask::BadRequest => refuse(400, NOT_FOUND),
            UnknownTask::NotFound => refuse(404, NOT_FOUND),
            UnknownTask::Failure => refuse(200, NOT_FOUND),
        };
    };
    task.polls_after_end += u32::from(task.end == Some(End::Complete));
    let off_by = call.state.settings.plays.download.totalsize_off_by;
    Reply::json(200, status(task, &quirks, off_by, call.now))
}

fn refuse(status: u16, message: Message) -> Reply {
    Reply::json(status, json!({ "errorMsg": envelope("failure", message) }))
}

fn all_running(call: &Call<'_>, kind: &str) -> Reply {
    let quirks = &call.state.settings.quirks;
    let running = call.state.tasks.iter().filter(|task| task.runs() && task.kind.task_type() == Some(kind));
    let mut running = running.map(|task| status(task, quirks, 0, call.now));
    let body = match quirks.taskid0 {
        TaskidZero::List => running.collect(),
        TaskidZero::EmptyList => Value::Array(Vec::new()),
        TaskidZero::Object => running.next().unwrap_or_else(|| {
            let mut idle = counters(0, 0, 0.0);
            add(&mut idle, "", 0, "", envelope("informational", REPOSITORY_DONE));
            idle
        }),
    };
    Reply::json(200, body)
}

/// One task as the status call shows it. Field by field as in the examples, `taskIds` empty included.
fn status(task: &Task, quirks: &Quirks, off_by: i64, now: Instant) -> Value {
    let size = task.file.as_ref().map_or(0, |file| file.size()).saturating_add_signed(off_by);
    let (state, message) = match task.end {
        None => (quirks.running_state.as_str(), envelope("informational", REPOSITORY_DONE)),
        Some(End::Complete) => ("complete", envelope("informational", REPOSITORY_DONE)),
        // What the message says then is not documented. The call itself succeeded in both cases; the failed job says
        // failure, because the documents tie that word to a descriptive error.
        Some(End::Cancelled) => ("canceled", envelope("informational", CANCELLED)),
        Some(End::Failed) if task.lacks_space => ("error", envelope("failure", NO_SPACE)),
        Some(End::Failed) => ("error", envelope("failure", OPERATION_FAILED)),
    };
    let withheld = match quirks.empty_current {
        EmptyCurrent::Never => false,
        EmptyCurrent::Always => true,
        EmptyCurrent::Polls(polls) => task.polls_after_end <= polls,
    };
    let current = match &task.file {
        Some(file) if task.end == Some(End::Complete) && !withheld => file.name.as_str(),
        _ => "",
    };
    let mut body = counters(task.fixids.len() as u64, size, task.fraction(now));
    add(&mut body, current, task.percentage(now), state, message);
    body
}

/// The progress fields that firmware status, import and `updatesByMt` have in common.
pub(crate) fn counters(total: u64, size: u64, done: f64) -> Value {
    // Whole numbers below what is being counted.
    let part = |of: u64| (of as f64 * done) as u64;
    json!({
        "downloadednum": part(total),
        "downloadedsize": part(size),
        "total": total,
        "totalsize": size,
        "updates": [],
    })
}

fn add(body: &mut Value, current: &str, progress: u8, state: &str, message: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert("current".into(), current.into());
        body.insert("progress".into(), progress.into());
        body.insert("state".into(), state.into());
        body.insert("taskIds".into(), "".into());
        body.insert("errorMsg".into(), message);
    }
}
