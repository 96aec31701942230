//! `firmware_export_info`: how far the export of the firmware repository is, or how it ended (docs/contract.md,
//! firmware_export_info; docs/lxca-api.md, Status of a task).

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::wait::{self, Poll, Wait};
use super::{Context, Operation};
use crate::answer::Success;
use crate::client::SendError;
use crate::client::request::Request;
use crate::client::retry::Limits;
use crate::client::wire::Record;
use crate::client::wire::firmware_status::{self, Status};
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
#[derive(Clone, Debug, JsonSchema)]
pub struct Task {
    #[schemars(flatten)]
    status: Status,
    /// Where the task is.
    phase: Phase,
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Data {
    /// All running tasks, for `task_id: 0`.
    Tasks {
        /// The tasks.
        tasks: Vec<Task>,
    },
    /// The one task.
    Task(Box<Task>),
}

impl Task {
    fn of(status: Status) -> Task {
        let state = status.state.as_ref().and_then(|state| state.0.string()).unwrap_or_default();
        let progress = status.progress.as_ref().and_then(|progress| progress.0.number());
        let phase = match (state.trim().to_ascii_lowercase().as_str(), progress) {
            // The documentation writes one l; jobs write two.
            ("canceled" | "cancelled", _) => Phase::Canceled,
            ("error", _) => Phase::Error,
            ("complete", progress) if progress.is_none_or(|progress| progress >= 100.0) => Phase::Complete,
            (_, Some(0.0)) => Phase::Created,
            _ => Phase::Running,
        };
        Task { status, phase }
    }

    /// Name of the ZIP file, unless it is empty.
    fn file(&self) -> Option<String> {
        self.status.current.as_ref().map(|current| current.words()).filter(|name| !name.trim().is_empty())
    }

    /// Where the task is, in words.
    fn words(&self) -> String {
        let progress = self.status.progress.as_ref().and_then(|progress| progress.0.number());
        match (self.phase, progress) {
            (Phase::Created, _) => "created but not started".into(),
            (Phase::Running, Some(progress)) => format!("running, {progress} % done"),
            (Phase::Running, None) => "running".into(),
            (Phase::Complete, _) => "complete".into(),
            (Phase::Canceled, _) => "canceled".into(),
            (Phase::Error, _) => "in error".into(),
        }
    }

    /// The file and its size, for callers that drop the data.
    fn detail(&self) -> String {
        let size = self.status.totalsize.as_ref().and_then(|size| size.0.number()).unwrap_or_default();
        self.file().map(|file| format!("File: {file}, {size} bytes.")).unwrap_or_default()
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(&Word("phase"), &self.phase)?;
        self.status.write(&mut map, &["phase"])?;
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
    type Data = Data;

    fn examples() -> Vec<Value> {
        let running = json!({
            "phase": "running",
            "current": "",
            "downloadednum": 2,
            "downloadedsize": 131_072,
            "progress": 50,
            "state": "",
            "taskIds": "",
            "total": 5,
            "totalsize": 262_518,
            "updates": []
        });
        let complete = json!({
            "phase": "complete",
            "current": "repository20261121222001.zip",
            "downloadednum": 5,
            "downloadedsize": 262_518,
            "progress": 100,
            "state": "complete",
            "taskIds": "",
            "total": 5,
            "totalsize": 262_518,
            "updates": []
        });
        vec![json!({"tasks": [running]}), complete]
    }

    fn run(&self, context: &Context<'_, Data>) -> Result<Success, Failure> {
        let task = match (self.task_id, self.wait) {
            (0, _) => return Ok(self.all_running(context)?),
            (_, false) => self.ask(context, &context.client.limits())?,
            (_, true) => self.wait_for_end(context)?,
        };
        if task.phase == Phase::Complete && task.file().is_none() {
            context.warn(format!(
                "Export task {} is complete, but the appliance names no file (`current` is empty): there is nothing to \
                 download by name.",
                self.task_id
            ));
        }
        Ok(Success { msg: format!("{} is {}.", self.name(context), task.words()), detail: task.detail() })
    }
}

impl FirmwareExportInfo {
    /// `taskid=0`. What the appliance answers is not documented: a list, one object or nothing is read; anything else is
    /// not taken for "no task".
    fn all_running(&self, context: &Context<'_, Data>) -> Result<Success, SendError> {
        let answer = context.client.get(&format!("{PATH}0"))?;
        let statuses = firmware_status::read(&answer.text).unwrap_or_else(|| vec![Status::default()]);
        let nothing = matches!(statuses.as_slice(), [status] if status.is_empty() && answer.text.starts_with('{'));
        let statuses = if nothing { Vec::new() } else { statuses };
        if !statuses.iter().all(Status::says_something) {
            return Err(answer.failure.unwrap_or_else(|| self.wrong_shape(context, answer.status)).into());
        }
        let tasks: Vec<Task> = statuses.into_iter().map(Task::of).collect();
        let each: Vec<String> = tasks.iter().take(MOST_NAMED).map(|task| format!("One is {}.", task.words())).collect();
        let msg = match tasks.len() {
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
    fn ask(&self, context: &Context<'_, Data>, limits: &Limits) -> Result<Task, SendError> {
        let answer = context.client.send(&Request::get(format!("{PATH}{}", self.task_id)), limits)?;
        let mut statuses = firmware_status::read(&answer.text).unwrap_or_default();
        let status = statuses.pop().filter(|status| statuses.is_empty() && status.says_something());
        let task = status.map(Task::of);
        if let Some(task) = &task {
            context.set_data(Data::Task(Box::new(task.clone())));
        }
        match (answer.failure, task) {
            (Some(failure), _) => Err(failure.into()),
            (None, Some(task)) => Ok(task),
            (None, None) => {
                let failure = self.wrong_shape(context, answer.status);
                Err(SendError { endurable: true, ..failure.into() })
            }
        }
    }

    /// Polls until the task has ended or the time is over.
    fn wait_for_end(&self, context: &Context<'_, Data>) -> Result<Task, Failure> {
        Wait::new(self.wait_timeout, self.poll_interval).until(context, &self.name(context), |limits| {
            let task = self.ask(context, limits)?;
            let ended =
                |kind, hint| Failure::new(kind, format!("{} is {}.{hint}", self.name(context), task.words())).into();
            match task.phase {
                Phase::Complete if task.file().is_some() => Ok(Poll::Ended(task)),
                Phase::Complete => Ok(Poll::Lagging(task)),
                Phase::Canceled => Err(ended(Kind::TaskCanceled, "")),
                Phase::Error => Err(ended(Kind::TaskFailed, " See `messages` and the appliance's job log.")),
                Phase::Created | Phase::Running => Ok(Poll::Running(task.words())),
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
