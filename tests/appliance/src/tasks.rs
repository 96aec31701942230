//! Jobs and their subtasks. Both are numbered from one sequence, and each job has exactly one subtask
//! (docs/lxca-api.md, Acquiring, refreshing, deleting: the status call takes the subtask's number, `/tasks` the job's).

use std::time::{Duration, Instant, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::package::Package;
use crate::plays::{Fate, Plays};
use crate::zip::ZipFile;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Export of firmware updates or UXSPs to a ZIP file.
    ExportRepository,
    /// Refresh of the firmware catalog.
    AcquireCatalog,
    /// Download of firmware updates or UXSPs.
    AcquirePayload,
    /// Import of uploaded firmware updates.
    ImportFirmware,
    /// Refresh of the management-server catalog.
    ManagementRefresh,
    /// Download of management-server updates.
    ManagementAcquire,
    /// Import of uploaded management-server updates.
    ManagementImport,
    /// Applying an update to the management server.
    ManagementApply,
    /// A job that a client created, and drives by reporting its progress.
    External,
}

impl TaskKind {
    /// The task type of the status call; `None`: the status call does not know such tasks. Only EXPORTREPOSITORY is
    /// documented, the others are used by the vendor's Chef recipe (docs/lxca-api.md, Status of a task).
    pub fn task_type(self) -> Option<&'static str> {
        match self {
            Self::ExportRepository => Some("EXPORTREPOSITORY"),
            Self::AcquireCatalog => Some("ACQUIRECATALOG"),
            Self::AcquirePayload => Some("ACQUIREPAYLOAD"),
            _ => None,
        }
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Successfully.
    Complete,
    /// With an error.
    Failed,
    /// Cancelled.
    Cancelled,
}

/// A file announced for an import (docs/lxca-api.md, Importing files).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// File name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
}

/// A job with its subtask.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it does.
    pub kind: TaskKind,
    /// Number of the job.
    pub job: u64,
    /// Number of the subtask.
    pub subtask: u64,
    /// User who started it.
    pub owner: String,
    /// Updates it is about.
    pub fixids: Vec<String>,
    /// Machine types that a refresh is about; empty: all.
    pub machine_types: Vec<String>,
    /// When it was created.
    pub created: SystemTime,
    /// When it began to run; `None`: it waits for an upload.
    pub started: Option<Instant>,
    /// How long it runs, in real time.
    pub duration: Duration,
    /// How it ended; `None`: not yet.
    pub end: Option<End>,
    /// Status answers given since it was complete.
    pub polls_after_end: u32,
    /// The file an export makes.
    pub file: Option<ZipFile>,
    /// Files announced for an import.
    pub announced: Vec<Announced>,
    /// What an import takes in when it ends.
    pub imports: Vec<Package>,
    /// How it ends, if not well.
    pub fate: Option<Fate>,
    /// There is not enough space for it.
    pub lacks_space: bool,
    /// It is in the way of every change of a repository.
    pub blocks: bool,
    /// Percentage that a client reported; of external jobs only.
    pub reported: Option<u8>,
}

impl Task {
    /// The part that it gets done: half, when it is ended by hand.
    pub(crate) fn part(&self) -> f64 {
        self.fate.as_ref().map_or(0.5, Fate::part)
    }

    /// How it ends by itself.
    pub(crate) fn planned(&self) -> End {
        match self.fate {
            Some(Fate::Fail { .. } | Fate::Complain) => End::Failed,
            Some(Fate::Cancel { .. }) => End::Cancelled,
            _ => End::Complete,
        }
    }

    /// Whether the appliance tells nobody of it.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.fate == Some(Fate::Forget)
    }

    /// Makes it fail for lack of space.
    pub(crate) fn run_out_of_space(&mut self) {
        (self.fate, self.lacks_space) = (Some(Fate::Fail { at: 0.5, status: None }), true);
    }

    /// Part done, 0 to 1.
    pub fn fraction(&self, now: Instant) -> f64 {
        match (self.end, self.started) {
            (Some(End::Complete), _) => 1.0,
            (Some(End::Failed | End::Cancelled), _) => self.part(),
            (None, None) => 0.0,
            (None, Some(started)) => {
                let whole = self.fate.as_ref().map_or(1.0, Fate::part);
                let ran = now.saturating_duration_since(started);
                if self.duration.is_zero() {
                    whole
                } else {
                    (ran.as_secs_f64() / self.duration.as_secs_f64()).min(1.0) * whole
                }
            }
        }
    }

    /// Percentage in the documented steps: 0 created, 50 in progress, 100 over. A failed job has 100 too
    /// (docs/lxca-api.md, Tasks: 100 is not success); a cancelled one stays below.
    pub fn percentage(&self, now: Instant) -> u8 {
        match self.end {
            Some(End::Complete | End::Failed) => 100,
            Some(End::Cancelled) => 50,
            None if self.reported.is_some() => self.reported.unwrap_or_default(),
            None if self.fraction(now) < 0.1 => 0,
            None => 50,
        }
    }

    /// The moment it is to end; `None`: it is over, or waits.
    pub fn due(&self) -> Option<Instant> {
        match (self.end, self.started) {
            (None, Some(started)) if !matches!(self.fate, Some(Fate::Stick { .. })) => {
                started.checked_add(self.duration)
            }
            _ => None,
        }
    }

    /// Whether it has not ended, and has not been waiting for an upload.
    pub fn runs(&self) -> bool {
        self.end.is_none() && self.started.is_some()
    }

    /// The job as `GET /tasks` shows it (docs/lxca-api.md, Tasks). The full list of fields is not readable. `Running`
    /// and `Pending` are our choice, only `Complete` and `CompleteWithErrors` are known; `Cancelled` is spelled as in
    /// the older job list.
    pub(crate) fn to_json(&self, number: u64, children: bool, now: Instant, plays: &Plays) -> Value {
        let status = match (self.end, &self.fate) {
            (Some(End::Failed), Some(Fate::Fail { status: Some(word), .. })) => word.as_str(),
            (Some(End::Complete), _) => "Complete",
            (Some(End::Failed), _) => "CompleteWithErrors",
            (Some(End::Cancelled), _) => "Cancelled",
            (None, _) if self.started.is_none() => "Pending",
            (None, _) => plays.running_status.as_str(),
        };
        let mut task = json!({
            "jobUID": number.to_string(),
            "createdBy": self.owner,
            "description": self.description(plays.formatted_texts),
            "status": status,
            "percentage": f64::from(self.percentage(now)),
            "complete": self.end.is_some(),
        });
        if let (true, Some(task)) = (children, task.as_object_mut()) {
            let below =
                if number == self.job { vec![self.to_json(self.subtask, true, now, plays)] } else { Vec::new() };
            task.insert("children".into(), Value::Array(below));
        }
        task
    }

    /// What it is about; as text, or as the formatted pieces that texts of jobs may consist of.
    fn description(&self, formatted: bool) -> Value {
        let what = format!("{:?}", self.kind);
        let why = if self.lacks_space { "There is not enough space in the repository." } else { "" };
        if !formatted {
            return [what.as_str(), why].join(" ").trim_end().into();
        }
        let list: Vec<Value> =
            self.fixids.iter().map(|fixid| json!({ "text": fixid, "format": ["listElement"] })).collect();
        json!([
            { "text": what, "format": ["bold"] },
            { "text": why, "format": ["newline", "paragraph"] },
            { "text": list, "format": ["bulletList"] },
            { "text": "Help", "format": ["link"], "link": "/ui/help" },
        ])
    }
}
