//! `firmware_export_info`: how far the export of the firmware repository is, or how it ended (contract, section 4;
//! LXCA API, section 4.3).

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Described, Operation};
use crate::answer::Success;
use crate::client::Client;
use crate::client::retry::Limits;
use crate::client::wire::Record;
use crate::client::wire::firmware_status::{self, Status};
use crate::failure::{Failure, Kind};
use crate::input::{Options, accepted};
use crate::scrub::Word;

/// The table of the documentation says `taskType`; its examples and every client that works say `tasktype`.
const PATH: &str = "/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=";

/// The largest `task_id`: what the appliance's language holds in a `long`.
const LARGEST_TASK_ID: u64 = i64::MAX as u64;
/// `wait_timeout` when it is not given, and at most: a week. Seconds.
const WAIT_TIMEOUT: u64 = 3600;
const LONGEST_WAIT_TIMEOUT: u64 = 604_800;
/// `poll_interval` when it is not given, and at most: a day. Seconds.
const POLL_INTERVAL: u64 = 10;
const LONGEST_POLL_INTERVAL: u64 = 86_400;
/// How often a finished task without the name of its file is asked again, and while waiting only.
const POLLS_FOR_NAME: u32 = 2;
/// The shortest pause between two polls, whatever `Retry-After` says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The last poll begins this long before the deadline: a task that ends in the last interval is noticed.
const LAST_POLL: Duration = Duration::from_secs(1);

/// The options of `firmware_export_info`.
#[derive(JsonSchema)]
pub struct FirmwareExportInfo {
    /// ID of the task, as starting the export answered it; 0 asks for all running tasks.
    #[schemars(range(min = 0, max = LARGEST_TASK_ID), extend("examples" = [12]))]
    task_id: u64,
    /// Whether to poll until the task has ended. Not with `task_id: 0`.
    #[schemars(with = "Option<bool>", extend("default" = false))]
    wait: bool,
    /// Seconds until waiting is given up.
    #[schemars(with = "Option<u64>", range(min = 0, max = LONGEST_WAIT_TIMEOUT), extend("default" = WAIT_TIMEOUT))]
    wait_timeout: Duration,
    /// Seconds between two polls.
    #[schemars(with = "Option<u64>", range(min = 1, max = LONGEST_POLL_INTERVAL), extend("default" = POLL_INTERVAL))]
    poll_interval: Duration,
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

impl Described for FirmwareExportInfo {
    const NAME: &'static str = "firmware_export_info";
    const SUMMARY: &'static str = "how far the export of the firmware repository is, or how it ended";
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

    fn read(options: &mut Options) -> Option<FirmwareExportInfo> {
        let task_id = options.required("task_id", accepted::integer(0..=LARGEST_TASK_ID));
        let wait = options.optional("wait", accepted::boolean).unwrap_or(false);
        let wait_timeout = options.optional("wait_timeout", accepted::integer(0..=LONGEST_WAIT_TIMEOUT));
        let poll_interval = options.optional("poll_interval", accepted::integer(1..=LONGEST_POLL_INTERVAL));
        if wait && task_id == Some(0) {
            options.refuse("wait", "must not be true with task_id 0: all running tasks have no common end");
        }
        Some(FirmwareExportInfo {
            task_id: task_id?,
            wait,
            wait_timeout: Duration::from_secs(wait_timeout.unwrap_or(WAIT_TIMEOUT)),
            poll_interval: Duration::from_secs(poll_interval.unwrap_or(POLL_INTERVAL)),
        })
    }

    fn rules() -> Vec<serde_json::Value> {
        vec![serde_json::json!({
            "if": {"properties": {"task_id": {"const": 0}}, "required": ["task_id"]},
            "then": {"properties": {"wait": {"enum": [false, null]}}}
        })]
    }
}

impl Operation for FirmwareExportInfo {
    fn run(&self, client: &Client) -> Result<Success, Failure> {
        match (self.task_id, self.wait) {
            (0, _) => self.all_running(client),
            (_, false) => {
                let task = self.ask(client, &client.limits())?;
                if task.phase == Phase::Complete && task.file().is_none() {
                    self.warn_of_no_name(client);
                }
                Ok(self.success(client, &task))
            }
            (_, true) => self.wait(client),
        }
    }
}

impl FirmwareExportInfo {
    /// `taskid=0`. What the appliance answers is not documented: a list, one object or nothing is read, and what is none of
    /// them is not taken for "no task".
    fn all_running(&self, client: &Client) -> Result<Success, Failure> {
        let body = client.get(&format!("{PATH}0"))?;
        let statuses = firmware_status::read(&body.text).unwrap_or_else(|| vec![Status::default()]);
        let nothing = matches!(statuses.as_slice(), [status] if status.is_empty() && body.text.starts_with('{'));
        let statuses = if nothing { Vec::new() } else { statuses };
        if !statuses.iter().all(Status::says_something) {
            return Err(body.failure.unwrap_or_else(|| self.wrong_shape(client, body.status)));
        }
        let tasks: Vec<Task> = statuses.into_iter().map(Task::of).collect();
        let each: Vec<String> = tasks.iter().map(|task| format!("One is {}.", task.words())).collect();
        let msg = match tasks.len() {
            1 => format!("{} lists 1 export task.", client.host()),
            count => format!("{} lists {count} export tasks.", client.host()),
        };
        client.report().data(Arc::new(Mutex::new(Data::Tasks { tasks })));
        match body.failure {
            Some(failure) => Err(failure),
            None => Ok(Success { changed: false, msg, detail: each.join(" ") }),
        }
    }

    /// One question for the one task; what it says is shown even when the answer calls itself a failure.
    fn ask(&self, client: &Client, limits: &Limits) -> Result<Task, Failure> {
        let body = client.get_within(&format!("{PATH}{}", self.task_id), limits)?;
        let mut statuses = firmware_status::read(&body.text).unwrap_or_default();
        let status = statuses.pop().filter(|status| statuses.is_empty() && status.says_something());
        let task = status.map(Task::of);
        if let Some(task) = &task {
            client.report().data(Arc::new(Mutex::new(Data::Task(Box::new(task.clone())))));
        }
        match (body.failure, task) {
            (Some(failure), _) => Err(failure),
            (None, Some(task)) => Ok(task),
            (None, None) => Err(self.wrong_shape(client, body.status)),
        }
    }

    /// Polls until the task has ended or the time is over.
    fn wait(&self, client: &Client) -> Result<Success, Failure> {
        let deadline = Instant::now() + self.wait_timeout;
        // The first exchange follows the ordinary rules, so that a wrong host fails at once.
        let mut limits = Limits { deadline: (!self.wait_timeout.is_zero()).then_some(deadline), ..client.limits() };
        let mut seen: Option<Task> = None;
        let mut polls_for_name = 0;
        loop {
            let mut pause = self.poll_interval;
            let mut error = None;
            match self.ask(client, &limits) {
                Ok(task) => {
                    match task.phase {
                        Phase::Complete if task.file().is_some() => return Ok(self.success(client, &task)),
                        Phase::Complete if polls_for_name < POLLS_FOR_NAME => polls_for_name += 1,
                        Phase::Complete => return Ok(self.success_without_name(client, &task)),
                        Phase::Canceled => return Err(self.ended(client, Kind::TaskCanceled, &task)),
                        Phase::Error => return Err(self.ended(client, Kind::TaskFailed, &task)),
                        Phase::Created | Phase::Running => {}
                    }
                    seen = Some(task);
                }
                Err(failure) => {
                    let in_time = self.wait_timeout.is_zero() || Instant::now() < deadline;
                    if !endured(&failure) || (seen.is_none() && in_time) {
                        return Err(failure);
                    }
                    if let Some(asked) = failure.retry_after {
                        if asked > deadline.saturating_duration_since(Instant::now()) {
                            return Err(failure);
                        }
                        // An appliance that says "at once" is not asked without a pause.
                        pause = asked.max(SHORTEST_PAUSE);
                    }
                    error = Some(failure);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            thread::sleep(pause.min(left.checked_sub(LAST_POLL).filter(|left| !left.is_zero()).unwrap_or(left)));
            if Instant::now() >= deadline {
                return match seen {
                    Some(task) if task.phase == Phase::Complete => Ok(self.success_without_name(client, &task)),
                    seen => Err(self.wait_timeout(client, seen.as_ref(), error)),
                };
            }
            // Only the last answer is kept. Polling is repeating: within one poll nothing is.
            client.renew_allowance();
            limits = Limits { deadline: Some(deadline), retries: 0, ..client.limits() };
        }
    }

    fn success(&self, client: &Client, task: &Task) -> Success {
        let msg = format!("Export task {} on {} is {}.", self.task_id, client.host(), task.words());
        Success { changed: false, msg, detail: task.detail() }
    }

    fn success_without_name(&self, client: &Client, task: &Task) -> Success {
        self.warn_of_no_name(client);
        self.success(client, task)
    }

    fn warn_of_no_name(&self, client: &Client) {
        client.report().warn(format!(
            "Export task {} is complete, but the appliance names no file (`current` is empty): there is nothing to \
             download by name.",
            self.task_id
        ));
    }

    fn ended(&self, client: &Client, kind: Kind, task: &Task) -> Failure {
        let hint = if kind == Kind::TaskFailed { " See `messages` and the appliance's job log." } else { "" };
        Failure::new(kind, format!("Export task {} on {} is {}.{hint}", self.task_id, client.host(), task.words()))
    }

    fn wait_timeout(&self, client: &Client, seen: Option<&Task>, error: Option<Failure>) -> Failure {
        let seen = seen.map(|task| format!(" It was {} when last seen.", task.words())).unwrap_or_default();
        let error = error.map(|error| format!(" The last error was: {}", error.msg())).unwrap_or_default();
        let text = format!(
            "Export task {} on {} had not ended after {} s (option `wait_timeout`).{seen}{error}",
            self.task_id,
            client.host(),
            self.wait_timeout.as_secs()
        );
        Failure::new(Kind::WaitTimeout, text)
    }

    fn wrong_shape(&self, client: &Client, status: u16) -> Failure {
        let text = format!(
            "{} answered GET {PATH}{} with JSON that describes no task: neither `state` nor `progress` is there.",
            client.host(),
            self.task_id
        );
        Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) }
    }
}

/// What a restarting appliance does, and what is therefore no reason to stop waiting.
fn endured(failure: &Failure) -> bool {
    match failure.kind {
        _ if failure.settled => false,
        Kind::ConnectionFailed | Kind::Timeout | Kind::InvalidResponse | Kind::Unavailable => true,
        Kind::ServerError => failure.http_status == Some(500),
        _ => false,
    }
}
