//! `firmware_export_info`: how far the export of the firmware repository is, or how it ended (docs/contract.md,
//! firmware_export_info; docs/lxca-api.md, Status of a task).

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::wait::{self, Poll, Wait};
use super::{Context, Operation};
use crate::answer::Success;
use crate::client::SendError;
use crate::client::envelope::without_envelope;
use crate::client::request::Request;
use crate::client::retry::Limits;
use crate::client::wire::firmware_status::Status;
use crate::client::wire::{Attribute, List, Number, Object, Pairs, Record, TooMany};
use crate::client::{Client, LONGEST_WORDS};
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Kind as Accepts, Literal, Rule, Test, options};
use crate::scrub::Word;

/// The table of the documentation says `taskType`; its examples and every client that works say `tasktype`.
const PATH: &str = "/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=";

/// How many tasks a sentence describes.
const MOST_NAMED: usize = 10;
/// The largest `task_id`: what the appliance's language holds in a `long`.
const LARGEST_TASK_ID: u64 = i64::MAX as u64;

options! {
    /// The options of `firmware_export_info`.
    pub struct FirmwareExportInfo {
        /// ID of the task, as starting the export answered it; 0 asks for all running tasks.
        task_id: u64 = Accepts::Integer(0, LARGEST_TASK_ID).required().example("12"),
        /// Whether to poll until the task has ended. Not with `task_id: 0`.
        wait: bool = Accepts::Boolean.default(Literal::Boolean(false)),
        /// Seconds until waiting is given up.
        wait_timeout: u64 = wait::WAIT_TIMEOUT,
        /// Seconds between two polls.
        poll_interval: u64 = wait::POLL_INTERVAL,
    }
}

/// Where a task is, decided from `state` and `progress`, for the values of a running task are not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not begun: no known state, progress 0.
    Created,
    /// On its way.
    Running,
    /// Ended well.
    Complete,
    /// Ended by somebody.
    Canceled,
    /// Ended badly.
    Error,
}

/// One task.
#[derive(Debug, JsonSchema)]
pub struct Task {
    #[schemars(flatten)]
    status: Status,
    /// Where the task is.
    phase: Phase,
}

/// What is asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Data {
    /// All running tasks, for `task_id: 0`.
    Tasks {
        /// The tasks.
        #[schemars(with = "Vec<Task>")]
        tasks: List<Object<Task>>,
    },
    /// The one task.
    Task(Box<Task>),
}

impl Task {
    fn of(status: Status) -> Task {
        let state = status.state.as_ref().and_then(|state| state.0.string()).unwrap_or_default();
        let is = |word: &str| state.trim().eq_ignore_ascii_case(word);
        let phase = match status.progress.as_ref().and_then(|progress| progress.0.number()) {
            // The documentation writes one l; jobs write two.
            _ if is("canceled") || is("cancelled") => Phase::Canceled,
            _ if is("error") => Phase::Error,
            progress if is("complete") && progress.is_none_or(|progress| progress >= 100.0) => Phase::Complete,
            Some(0.0) => Phase::Created,
            _ => Phase::Running,
        };
        drop(state);
        Task { status, phase }
    }

    /// Where the task is, in words.
    fn words(&self) -> String {
        let progress = self.status.progress.as_ref().and_then(Number::words);
        match (self.phase, progress) {
            (Phase::Created, _) => "created but not started".into(),
            (Phase::Running, Some(progress)) => format!("running, {progress} % done"),
            (Phase::Running, None) => "running".into(),
            (Phase::Complete, _) => "complete".into(),
            (Phase::Canceled, _) => "canceled".into(),
            (Phase::Error, _) => "in error".into(),
        }
    }

    /// What the sentences say of it; the task itself may be as large as the answer.
    fn seen(&self, client: &Client) -> Seen {
        let file = self.status.current.as_ref().map(|current| client.shortened(&current.words(), LONGEST_WORDS));
        let size = self.status.totalsize.as_ref().and_then(Number::words);
        Seen {
            phase: self.phase,
            words: self.words(),
            file: file.filter(|name| !name.is_empty()),
            size: size.unwrap_or_else(|| "0".into()),
        }
    }
}

/// What is remembered of a task while its data are in the report.
struct Seen {
    phase: Phase,
    /// Where the task is.
    words: String,
    /// Name of the ZIP file, unless it is empty.
    file: Option<String>,
    /// Its size in bytes.
    size: String,
}

impl Seen {
    /// The file and its size, for callers that drop the data.
    fn detail(&self) -> String {
        self.file.as_ref().map(|file| format!("File: {file}, {} bytes.", self.size)).unwrap_or_default()
    }
}

impl Record for Task {
    fn from_pairs(pairs: Pairs<'_>) -> Result<Task, TooMany> {
        // Each of several tasks may have its own envelope.
        Status::from_pairs(without_envelope(pairs)?).map(Task::of)
    }

    fn is_empty(&self) -> bool {
        self.status.is_empty()
    }

    fn write<M: SerializeMap>(&self, map: &mut M, taken: &[&str]) -> Result<(), M::Error> {
        map.serialize_entry(&Word("phase"), &self.phase)?;
        self.status.write(map, &[taken, &["phase"]].concat())
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map, &[])?;
        map.end()
    }
}

impl Operation for FirmwareExportInfo {
    const NAME: &'static str = "firmware_export_info";
    const SUMMARY: &'static str = "how far the export of the firmware repository is, or how it ended";
    const OPTIONS: &'static [Declaration] = FirmwareExportInfo::OPTIONS;
    const RULES: &'static [Rule] = &[Rule::When {
        option: "task_id",
        is: Test::Is(Literal::Integer(0)),
        then: "wait",
        must: Test::Is(Literal::Boolean(false)),
        problem: "must not be true with `task_id: 0`: running tasks do not end together",
    }];
    const EXAMPLES: &'static str = include_str!("../../schemas/examples/firmware_export_info.json");
    type Data = Data;

    fn run(&self, context: &Context<'_, Data>) -> Result<Success, Failure> {
        let task = match (self.task_id, self.wait) {
            (0, _) => return Ok(self.all_running(context)?),
            (_, false) => self.ask(context, &context.client.limits())?,
            (_, true) => self.wait_for_end(context)?,
        };
        if task.phase == Phase::Complete && task.file.is_none() {
            context.warn(format!(
                "Export task {} is complete, but the appliance names no file (`current` is empty): there is nothing to \
                 download by name.",
                self.task_id
            ));
        }
        Ok(Success { msg: format!("{} is {}.", self.name(context), task.words), detail: task.detail() })
    }
}

impl FirmwareExportInfo {
    /// `taskid=0`. What the appliance answers is not documented: a list, one object or nothing is read; anything else is
    /// not taken for "no task".
    fn all_running(&self, context: &Context<'_, Data>) -> Result<Success, SendError> {
        let answer = context.client.get(&format!("{PATH}0"))?;
        let Some(mut tasks) = tasks(&answer.text).map_err(|limit| answer.refused(limit))? else {
            return Err(answer.failure.unwrap_or_else(|| self.wrong_shape(context, answer.status)).into());
        };
        let (mut count, mut fit, mut empty) = (0, true, 0);
        let mut each: Vec<String> = Vec::new();
        tasks.for_each(|task| {
            count += 1;
            let task = task.get();
            empty += usize::from(task.is_some_and(Record::is_empty));
            fit &= task.is_some_and(|task| task.status.says_something());
            each.extend(task.filter(|_| count <= MOST_NAMED).map(|task| format!("One is {}.", task.words())));
        });
        if answer.text.starts_with('{') && empty == count {
            (count, fit, tasks, each) = (0, true, List::default(), Vec::new());
        }
        if !fit {
            return Err(answer.failure.unwrap_or_else(|| self.wrong_shape(context, answer.status)).into());
        }
        if count > MOST_NAMED {
            each.push(format!("{} more are in the data.", count - MOST_NAMED));
        }
        let msg = match count {
            1 => format!("{} lists 1 export task.", context.host()),
            count => format!("{} lists {count} export tasks.", context.host()),
        };
        context.set_data(Data::Tasks { tasks });
        match answer.failure {
            Some(failure) => Err(failure.into()),
            None => Ok(Success { msg, detail: each.join(" ") }),
        }
    }

    /// One question for the one task; what it says is shown even when the answer calls itself a failure.
    fn ask(&self, context: &Context<'_, Data>, limits: &Limits) -> Result<Seen, SendError> {
        let answer = context.client.send(&Request::get(format!("{PATH}{}", self.task_id)), limits)?;
        let task = answer.read::<Task>()?.filter(|task| task.status.says_something());
        let seen = task.as_ref().map(|task| task.seen(context.client));
        if let Some(task) = task {
            context.set_data(Data::Task(Box::new(task)));
        }
        match (answer.failure, seen) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(seen)) => Ok(seen),
            (None, None) => {
                let failure = self.wrong_shape(context, answer.status);
                Err(SendError { endurable: true, ..failure.into() })
            }
        }
    }

    /// Polls until the task has ended or the time is over.
    fn wait_for_end(&self, context: &Context<'_, Data>) -> Result<Seen, Failure> {
        Wait::new(self.wait_timeout, self.poll_interval).until(context, &self.name(context), |limits| {
            let task = self.ask(context, limits)?;
            let ended =
                |kind, hint| Failure::new(kind, format!("{} is {}.{hint}", self.name(context), task.words)).into();
            match task.phase {
                Phase::Complete if task.file.is_some() => Ok(Poll::Ended(task)),
                Phase::Complete => Ok(Poll::Lagging(task)),
                Phase::Canceled => Err(ended(Kind::TaskCanceled, "")),
                Phase::Error => Err(ended(Kind::TaskFailed, " See `messages` and the appliance's job log.")),
                Phase::Created | Phase::Running => Ok(Poll::Running(task.words)),
            }
        })
    }

    fn name(&self, context: &Context<'_, Data>) -> String {
        format!("Export task {} on {}", self.task_id, context.host())
    }

    fn wrong_shape(&self, context: &Context<'_, Data>, status: u16) -> Failure {
        let text = format!(
            "{} answered GET {PATH}{} with JSON that describes no task: it has neither `state` nor `progress`.",
            context.host(),
            self.task_id
        );
        Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) }
    }
}

/// The tasks of an answer: a list, or one object; none when it is another value.
fn tasks(text: &str) -> Result<Option<List<Object<Task>>>, TooMany> {
    let list_or_object = Some(text).filter(|text| text.starts_with(['[', '{']));
    let raw = list_or_object.and_then(|text| serde_json::from_str(text).ok());
    raw.map(List::read).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_of_one_object_and_of_a_list() {
        let count = |text: &str| {
            let mut tasks_of_text = Vec::new();
            tasks(text).unwrap()?.for_each(|task| tasks_of_text.push(task.get().is_some()));
            Some(tasks_of_text).filter(|tasks| tasks.iter().all(|is_one| *is_one)).map(|tasks| tasks.len())
        };
        let one = r#"{"state":"complete","errorMsg":{"result":"success","messages":[]}}"#;
        assert_eq!(count(one), Some(1));
        assert_eq!(count(&format!("[{one},{one}]")), Some(2));
        assert_eq!(count("[]"), Some(0));
        for nothing in ["17", "null", "\"x\"", "[1]", "[null]", "[[]]"] {
            assert_eq!(count(nothing), None, "{nothing}");
        }
        let written = serde_json::to_value(tasks(one).unwrap()).unwrap();
        assert_eq!(written, json!([{"phase": "complete", "state": "complete"}]), "the envelope is no data");
    }
}
