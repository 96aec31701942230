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
use crate::client::envelope::without_envelope;
use crate::client::retry::Limits;
use crate::client::wire::firmware_status::Status;
use crate::client::wire::{Attribute, List, Number, Object, Pairs, Record, TooMany};
use crate::client::{Client, LONGEST_WORDS};
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
/// How many tasks a sentence tells of.
const MOST_NAMED: usize = 10;
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
        // Of several tasks each may have an envelope of its own.
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
                if task.phase == Phase::Complete && task.file.is_none() {
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
        let Some(mut tasks) = tasks(&body.text).map_err(|limit| body.refused(limit))? else {
            return Err(body.failure.unwrap_or_else(|| self.wrong_shape(client, body.status)));
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
        if body.text.starts_with('{') && empty == count {
            (count, fit, tasks, each) = (0, true, List::default(), Vec::new());
        }
        if !fit {
            return Err(body.failure.unwrap_or_else(|| self.wrong_shape(client, body.status)));
        }
        if count > MOST_NAMED {
            each.push(format!("{} more are in the data.", count - MOST_NAMED));
        }
        let msg = match count {
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
    fn ask(&self, client: &Client, limits: &Limits) -> Result<Seen, Failure> {
        let body = client.get_within(&format!("{PATH}{}", self.task_id), limits)?;
        let task = body.read::<Task>()?.filter(|task| task.status.says_something());
        let seen = task.as_ref().map(|task| task.seen(client));
        if let Some(task) = task {
            client.report().data(Arc::new(Mutex::new(Data::Task(Box::new(task)))));
        }
        match (body.failure, seen) {
            (Some(failure), _) => Err(failure),
            (None, Some(seen)) => Ok(seen),
            (None, None) => Err(self.wrong_shape(client, body.status)),
        }
    }

    /// Polls until the task has ended or the time is over.
    fn wait(&self, client: &Client) -> Result<Success, Failure> {
        let deadline = Instant::now() + self.wait_timeout;
        // The first exchange follows the ordinary rules, so that a wrong host fails at once.
        let mut limits = Limits { deadline: (!self.wait_timeout.is_zero()).then_some(deadline), ..client.limits() };
        let mut seen: Option<Seen> = None;
        let mut polls_for_name = 0;
        loop {
            let mut pause = self.poll_interval;
            let mut error = None;
            match self.ask(client, &limits) {
                Ok(task) => {
                    match task.phase {
                        Phase::Complete if task.file.is_some() => return Ok(self.success(client, &task)),
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

    fn success(&self, client: &Client, task: &Seen) -> Success {
        let msg = format!("Export task {} on {} is {}.", self.task_id, client.host(), task.words);
        Success { changed: false, msg, detail: task.detail() }
    }

    fn success_without_name(&self, client: &Client, task: &Seen) -> Success {
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

    fn ended(&self, client: &Client, kind: Kind, task: &Seen) -> Failure {
        let hint = if kind == Kind::TaskFailed { " See `messages` and the appliance's job log." } else { "" };
        Failure::new(kind, format!("Export task {} on {} is {}.{hint}", self.task_id, client.host(), task.words))
    }

    fn wait_timeout(&self, client: &Client, seen: Option<&Seen>, error: Option<Failure>) -> Failure {
        let seen = seen.map(|task| format!(" It was {} when last seen.", task.words)).unwrap_or_default();
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

/// The tasks of an answer: a list, or one object; none when it is another value.
fn tasks(text: &str) -> Result<Option<List<Object<Task>>>, TooMany> {
    let list_or_object = Some(text).filter(|text| text.starts_with(['[', '{']));
    let raw = list_or_object.and_then(|text| serde_json::from_str(text).ok());
    raw.map(List::read).transpose()
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

#[cfg(test)]
mod tests {
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
