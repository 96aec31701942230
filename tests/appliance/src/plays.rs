//! How jobs, repositories and downloads go wrong on purpose. Nothing does by default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::TaskKind;

/// What goes wrong in the appliance itself, rather than on the way to its client.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plays {
    /// Jobs of another user that run when the appliance starts.
    pub foreign_jobs: Vec<ForeignJob>,
    /// How jobs end. The first rule that applies to a new job wins.
    pub jobs: Vec<JobRule>,
    /// How a request is refused that a job is in the way of.
    pub conflict: Refused,
    /// Space of the firmware repository, in bytes.
    pub firmware_allotment_bytes: u64,
    /// Space of the repository of management-server updates, in bytes.
    pub management_allotment_bytes: u64,
    /// What happens to an acquire, an import or an export for which there is no space.
    pub no_space: NoSpace,
    /// Leave `freeSpace` out of `size`.
    pub hide_free_space: bool,
    /// How many updates nobody knew before each refresh of a catalog finds.
    pub refresh_finds: u32,
    /// Fix IDs with `supportDownload` false: they can be imported only.
    pub not_downloadable: Vec<String>,
    /// Fix IDs with `applyable` false, downloaded or not.
    pub not_applyable: Vec<String>,
    /// Leave `payload` out of the rows of the firmware repository.
    pub hide_row_payload: bool,
    /// How many reads of a repository, or of `/aicc`, still show the old state after a job has ended.
    pub lag_reads: u32,
    /// How `jobid` and `taskid` of a new job are written.
    pub job_ids: JobIds,
    /// Answer of `GET /tasks/{id}` for jobs the appliance does not know (docs/lxca-api.md, Tasks: not documented).
    pub unknown_job: UnknownJob,
    /// The word for a job that runs (docs/lxca-api.md, Tasks: only two words for ended ones are known).
    pub running_status: String,
    /// Texts of jobs as lists of formatted pieces (docs/lxca-api.md, Tasks).
    pub formatted_texts: bool,
    /// Which path validates an import; the other one gets 404 (docs/lxca-api.md, Importing files).
    pub validation_path: ValidationPath,
    /// The validation of an import fails.
    pub validation_fails: bool,
    /// Name of every export's file. A hostile server may send any.
    pub export_file_name: Option<String>,
    /// How the file of an export is sent.
    pub download: Download,
    /// What a restarted appliance shows, one after the other, once it accepts connections again and before it works.
    pub restart_phases: Vec<RestartPhase>,
}

impl Default for Plays {
    fn default() -> Self {
        Self {
            foreign_jobs: Vec::new(),
            jobs: Vec::new(),
            conflict: Refused::Status,
            firmware_allotment_bytes: 21_474_836_480,
            management_allotment_bytes: 53_687_091_200,
            no_space: NoSpace::JobFails,
            hide_free_space: false,
            refresh_finds: 0,
            not_downloadable: Vec::new(),
            not_applyable: Vec::new(),
            hide_row_payload: false,
            lag_reads: 0,
            job_ids: JobIds::Numbers,
            unknown_job: UnknownJob::NotFound,
            running_status: "Running".into(),
            formatted_texts: false,
            validation_path: ValidationPath::Both,
            validation_fails: false,
            export_file_name: None,
            download: Download::default(),
            restart_phases: Vec::new(),
        }
    }
}

/// A job of another user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeignJob {
    /// What it does.
    pub kind: TaskKind,
    /// Fix IDs it is about.
    #[serde(default)]
    pub fixids: Vec<String>,
    /// How long it takes, in seconds at speed 1; absent: for ever.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// It is in the way of every request that changes a repository, not only of those about its updates.
    #[serde(default)]
    pub blocks: bool,
}

/// One rule: which new jobs, and how they end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRule {
    /// What the jobs do; absent: anything.
    #[serde(default)]
    pub kind: Option<TaskKind>,
    /// How many matching jobs pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many jobs are hit after that; absent: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// How they end.
    pub fate: Fate,
    /// Matching jobs so far.
    #[serde(skip)]
    pub seen: u32,
}

impl JobRule {
    /// A rule for every job of this kind.
    pub fn new(kind: TaskKind, fate: Fate) -> Self {
        Self { kind: Some(kind), skip: 0, times: None, fate, seen: 0 }
    }

    /// Hit this many jobs only.
    #[must_use]
    pub fn times(mut self, jobs: u32) -> Self {
        self.times = Some(jobs);
        self
    }

    /// Counts a job of this kind; whether it is hit.
    fn hit(&mut self, kind: TaskKind) -> bool {
        if self.kind.is_some_and(|own| own != kind) {
            return false;
        }
        self.seen += 1;
        self.seen > self.skip && self.times.is_none_or(|times| self.seen - self.skip <= times)
    }
}

/// The fate of a new job.
pub(crate) fn fate(rules: &mut [JobRule], kind: TaskKind) -> Option<Fate> {
    rules.iter_mut().find_map(|rule| rule.hit(kind).then(|| rule.fate.clone()))
}

/// How a job ends. `at` is the part that it gets done, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fate {
    /// With errors. A download keeps the packages it has by then; the first of the others says why in `errorMsg`.
    Fail {
        /// The part that it gets done.
        #[serde(default = "half")]
        at: f64,
        /// Its status in `/tasks`; absent: `CompleteWithErrors`.
        #[serde(default)]
        status: Option<String>,
    },
    /// With errors, though everything was done.
    Complain,
    /// Another user cancels it.
    Cancel {
        /// The part that it gets done.
        #[serde(default = "half")]
        at: f64,
    },
    /// It never ends.
    Stick {
        /// The part that it gets done.
        #[serde(default = "half")]
        at: f64,
    },
    /// It ends well, but the appliance knows nothing of it as soon as it has started.
    Forget,
    /// It says that it ended well, and nothing came of it.
    NoEffect,
}

impl Fate {
    /// The part that gets done.
    pub(crate) fn part(&self) -> f64 {
        match self {
            Self::Fail { at, .. } | Self::Cancel { at } | Self::Stick { at } => at.clamp(0.0, 1.0),
            Self::Complain | Self::Forget | Self::NoEffect => 1.0,
        }
    }
}

fn half() -> f64 {
    0.5
}

/// How a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// By its status, 409.
    Status,
    /// By 200 with `result: "failure"`.
    Inside,
}

/// What happens when there is no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoSpace {
    /// The job starts, and fails.
    JobFails,
    /// 200 with `result: "failure"`, and no job.
    Refused,
}

/// How `jobid` and `taskid` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobIds {
    /// `14`
    Numbers,
    /// `"14"`
    Texts,
    /// `-1`, which means none.
    MinusOne,
    /// `0`
    Zero,
    /// `""`
    Empty,
    /// There is no such key.
    Absent,
    /// `jobid` only, and the status call takes it.
    JobOnly,
}

/// Answer for a job that the appliance does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownJob {
    /// 404 with an envelope.
    NotFound,
    /// 400 with an envelope.
    BadRequest,
    /// 200 with an empty list.
    EmptyList,
    /// 200 with `result: "failure"`.
    Failure,
}

/// Which path validates an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationPath {
    /// `…/import/validate` and `…/import/validation`.
    Both,
    /// `…/import/validate`
    Validate,
    /// `…/import/validation`, whose answers have no `jobid`.
    Validation,
}

/// How the file of an export is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Download {
    /// What tells one content from another.
    pub validator: Validator,
    /// What becomes of a request for a part.
    pub ranges: Ranges,
    /// What `totalsize` of the status call adds to the real size, in bytes.
    pub totalsize_off_by: i64,
    /// 200 with a JSON failure takes the place of the file.
    pub failure_inside: bool,
    /// Bytes that are no ZIP file take the place of its end, the central directory.
    pub broken_end: bool,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            validator: Validator::Strong,
            ranges: Ranges::Right,
            totalsize_off_by: 0,
            failure_inside: false,
            broken_end: false,
        }
    }
}

/// What tells one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// A strong `ETag`.
    Strong,
    /// A weak `ETag`.
    Weak,
    /// `Last-Modified`
    LastModified,
    /// Another strong `ETag` in every answer.
    Changing,
    /// Nothing.
    None,
}

/// What becomes of a request for a part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ranges {
    /// The part is sent.
    Right,
    /// The whole file is sent, with 200.
    Ignored,
    /// 206 with a part that begins one byte too late.
    WrongStart,
    /// 206 with another total.
    WrongTotal,
    /// 206 with the part, and no `Content-Range`.
    Unsaid,
    /// 416
    Refused,
}

/// A part of a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartPhase {
    /// What the appliance shows.
    pub phase: Phase,
    /// How long, in seconds at speed 1.
    pub seconds: f64,
}

/// What a restarted appliance shows before it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Connections end by a reset before TLS.
    Reset,
    /// The server speaks HTTP without TLS.
    PlainHttp,
    /// 404 with an HTML page.
    NotFound,
    /// 500 with an HTML page.
    ServerError,
    /// 503 with an HTML page.
    Unavailable,
    /// 200 with an HTML page.
    Page,
    /// 401: authentication has not started.
    Unauthorized,
    /// 403: authentication has not started.
    Forbidden,
    /// 302 to the login page.
    LoginPage,
    /// It answers as ever, but with the version from before the restart.
    OldVersion,
    /// It answers as ever, but `/aicc` says that it restarts (runlevel 6).
    Restarting,
}

impl RestartPhase {
    /// A restart with everything that may come, in the order of [`Phase`].
    pub fn all(seconds: f64) -> Vec<Self> {
        [
            Phase::Reset,
            Phase::PlainHttp,
            Phase::NotFound,
            Phase::ServerError,
            Phase::Unavailable,
            Phase::Page,
            Phase::Unauthorized,
            Phase::Forbidden,
            Phase::LoginPage,
            Phase::OldVersion,
            Phase::Restarting,
        ]
        .map(|phase| Self { phase, seconds })
        .into()
    }
}
