//! The live state of an appliance.

use std::time::{Duration, Instant, SystemTime};

use crate::accounts::LiveAccount;
use crate::clock;
use crate::effects::Lagging;
use crate::package::Package;
use crate::plays::{Fate, ForeignJob, Phase};
use crate::request_log::RequestLog;
use crate::sessions::{self, Session};
use crate::settings::Settings;
use crate::tasks::{Announced, End, Task, TaskKind};
use crate::zip::ZipFile;
use crate::{catalog, plays, random};

/// Owner of the jobs that run when the appliance starts.
const SYSTEM: &str = "SYSTEM";

/// Owner of other users' jobs.
const FOREIGNER: &str = "OTHER";

/// Everything an appliance knows. [`crate::Appliance::change`] gives access to it.
#[derive(Debug)]
pub struct State {
    /// Settings, quirks and faults; live.
    pub settings: Settings,
    /// Accounts.
    pub accounts: Vec<LiveAccount>,
    /// Open sessions.
    pub sessions: Vec<Session>,
    /// Jobs, oldest first.
    pub tasks: Vec<Task>,
    /// Firmware updates.
    pub firmware: Vec<Package>,
    /// UpdateXpress System Packs.
    pub uxsps: Vec<Package>,
    /// Updates of the management server.
    pub management: Vec<Package>,
    /// Versions installed so far, oldest first.
    pub history: Vec<Installed>,
    /// When the firmware catalog was last refreshed.
    pub last_refreshed: SystemTime,
    /// When the management-server catalog was last refreshed.
    pub management_refreshed: SystemTime,
    /// How often the appliance was restarted.
    pub restarts: u32,
    pub(crate) name: String,
    pub(crate) uuid: String,
    /// Until when every request gets a 503 page.
    pub(crate) unavailable_until: Option<Instant>,
    /// A restart that is due: time without listener, time with 503.
    pub(crate) restart: Option<(Duration, Duration)>,
    /// What a restarted appliance shows, each until its moment.
    pub(crate) phases: Vec<(Instant, Phase)>,
    /// Version and build before the last update.
    pub(crate) before: (String, String),
    /// What jobs brought about that is not shown yet.
    pub(crate) lagging: Vec<Lagging>,
    pub(crate) log: RequestLog,
    next_number: u64,
    found: u32,
}

/// A version that was installed (docs/lxca-api.md, Listing: `history`).
#[derive(Clone, Debug)]
pub struct Installed {
    /// Version.
    pub version: String,
    /// Build.
    pub build: String,
    /// When.
    pub at: SystemTime,
    /// Fix ID of the update; `None`: the base install.
    pub fixid: Option<String>,
    /// The installation failed at that moment.
    pub failed: bool,
}

/// The two numbers of a job that was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub job: u64,
    pub subtask: u64,
}

impl State {
    /// The state of a fresh appliance: the catalogs, export 12 finished and another one running.
    pub(crate) fn new(mut settings: Settings) -> Self {
        let now = SystemTime::now();
        settings.seed.get_or_insert_with(random::seed);
        let accounts = settings.accounts.iter().map(LiveAccount::new).collect();
        let mut state = Self {
            accounts,
            sessions: Vec::new(),
            tasks: Vec::new(),
            firmware: catalog::firmware(),
            uxsps: catalog::uxsps(),
            management: catalog::management(&settings.version),
            history: vec![Installed {
                version: settings.version.clone(),
                build: settings.build.clone(),
                at: now,
                fixid: None,
                failed: false,
            }],
            last_refreshed: now,
            management_refreshed: now,
            restarts: 0,
            name: settings.name.clone().unwrap_or_else(|| format!("LXCA - {}", settings.listen)),
            uuid: settings.uuid.clone().unwrap_or_else(random::uuid),
            unavailable_until: None,
            restart: None,
            phases: Vec::new(),
            before: (settings.version.clone(), settings.build.clone()),
            lagging: Vec::new(),
            log: RequestLog::default(),
            next_number: 11,
            found: 0,
            settings,
        };
        let bytes = state.settings.export_bytes;
        let finished = state.add_export_task(0.0, bytes);
        state.end(finished, End::Complete);
        let running = state.settings.durations.running_export;
        state.add_export_task(running, bytes);
        for job in state.settings.plays.foreign_jobs.clone() {
            state.add_foreign_job(&job);
        }
        state
    }

    /// Starts an export of the downloaded firmware that takes `seconds` (at speed 1) and makes a ZIP file of about
    /// `bytes` bytes. The result is the number for the status call.
    pub fn add_export_task(&mut self, seconds: f64, bytes: u64) -> u64 {
        let downloaded = self.firmware.iter().filter(|package| package.downloaded);
        let fixids: Vec<String> = downloaded.map(|package| package.fixid.clone()).collect();
        self.start_export(SYSTEM, fixids, seconds, bytes).subtask
    }

    /// Starts applying this update of the management server, which takes `seconds` (at speed 1) up to the restart. The
    /// result is the number of the job.
    pub fn add_apply_task(&mut self, fixid: &str, seconds: f64) -> u64 {
        self.start(TaskKind::ManagementApply, SYSTEM, vec![fixid.to_owned()], seconds, |_| {}).job
    }

    /// Starts a job of another user. The result is the number of the job.
    pub fn add_foreign_job(&mut self, job: &ForeignJob) -> u64 {
        let (fixids, seconds) = (job.fixids.clone(), job.seconds);
        let started = self.start(job.kind, FOREIGNER, fixids, seconds.unwrap_or(1.0), |task| {
            task.fate = seconds.is_none().then_some(Fate::Stick { at: 0.5 });
            task.blocks = job.blocks;
        });
        started.job
    }

    /// Ends the job with this number (job or subtask) successfully, now. Whether there was such a running job.
    pub fn finish(&mut self, number: u64) -> bool {
        self.end(number, End::Complete)
    }

    /// Ends the job with this number (job or subtask) with an error. Whether there was such a running job.
    pub fn fail(&mut self, number: u64) -> bool {
        self.end(number, End::Failed)
    }

    /// Cancels the job with this number (job or subtask). Whether there was such a running job.
    pub fn cancel(&mut self, number: u64) -> bool {
        self.end(number, End::Cancelled)
    }

    /// Cancels a job the way a client does: that takes as long as the settings say.
    pub(crate) fn cancel_soon(&mut self, number: u64) {
        let wait = self.settings.scaled(self.settings.durations.cancel);
        if wait.is_zero() {
            self.cancel(number);
            return;
        }
        let is_it = |task: &&mut Task| task.job == number || task.subtask == number;
        if let Some(task) = self.tasks.iter_mut().find(is_it) {
            let ran = task.started.get_or_insert_with(Instant::now).elapsed();
            task.duration = ran.saturating_add(wait);
            task.fate = Some(Fate::Cancel { at: 0.5 });
        }
    }

    /// The job with this number (job or subtask).
    pub fn task(&self, number: u64) -> Option<&Task> {
        self.tasks.iter().find(|task| task.job == number || task.subtask == number)
    }

    pub(crate) fn start_export(&mut self, owner: &str, fixids: Vec<String>, seconds: f64, bytes: u64) -> Started {
        let names: Vec<String> =
            fixids.iter().flat_map(|fixid| [format!("{fixid}.zip"), format!("{fixid}.xml")]).collect();
        let fixed = self.settings.plays.export_file_name.clone();
        let lacks_space = bytes > self.firmware_free();
        self.start(TaskKind::ExportRepository, owner, fixids, seconds, |task| {
            // The number keeps the names of two exports within one second apart; the form stays the documented one.
            let made = task.created + Duration::from_secs(task.subtask);
            let name = fixed.unwrap_or_else(|| format!("repository{}.zip", clock::digits(made)));
            if lacks_space {
                task.run_out_of_space();
            }
            task.file = Some(ZipFile::of(name, names.into_iter(), bytes));
        })
    }

    /// Starts a job that takes `seconds` at speed 1, after the last adjustments to it.
    pub(crate) fn start(
        &mut self,
        kind: TaskKind,
        owner: &str,
        fixids: Vec<String>,
        seconds: f64,
        adjust: impl FnOnce(&mut Task),
    ) -> Started {
        let (job, subtask) = (self.next_number, self.next_number + 1);
        self.next_number += 2;
        let mut task = Task {
            kind,
            job,
            subtask,
            owner: owner.into(),
            fixids,
            machine_types: Vec::new(),
            created: SystemTime::now(),
            started: Some(Instant::now()),
            duration: self.settings.scaled(seconds),
            end: None,
            polls_after_end: 0,
            file: None,
            announced: Vec::new(),
            imports: Vec::new(),
            fate: None,
            lacks_space: false,
            blocks: false,
            reported: None,
        };
        if ![SYSTEM, FOREIGNER].contains(&owner) {
            task.fate = plays::fate(&mut self.settings.plays.jobs, kind);
        }
        if self.download_lacks_space(kind, &task.fixids) {
            task.run_out_of_space();
        }
        adjust(&mut task);
        if let Some(fate) = &task.fate {
            task.duration = task.duration.mul_f64(fate.part());
        }
        self.tasks.push(task);
        Started { job, subtask }
    }

    /// Creates an import job, which waits for its upload.
    pub(crate) fn announce(&mut self, kind: TaskKind, owner: &str, files: Vec<Announced>) -> Started {
        let seconds = self.settings.durations.import;
        self.start(kind, owner, Vec::new(), seconds, |task| {
            (task.started, task.announced) = (None, files);
        })
    }

    /// Creates a job that a client drives.
    pub(crate) fn create_external(&mut self, owner: &str) -> Started {
        self.start(TaskKind::External, owner, Vec::new(), 0.0, |task| {
            // It never ends by itself.
            (task.started, task.duration, task.fate) = (None, Duration::MAX, None);
        })
    }

    /// Takes the progress that a client reports of its job. Whether it is such a job, and not over.
    pub(crate) fn report(&mut self, number: u64, percentage: u8, now: Instant) -> bool {
        let is_it = |task: &&mut Task| task.kind == TaskKind::External && task.end.is_none() && task.job == number;
        let Some(task) = self.tasks.iter_mut().find(is_it) else {
            return false;
        };
        (task.started, task.reported) = (Some(now), Some(percentage));
        percentage < 100 || self.end(number, End::Complete)
    }

    /// Brings everything up to date: jobs that are due end, idle sessions too. The result is the moment something is
    /// due next.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Instant> {
        sessions::end_idle(&mut self.sessions, self.settings.inactivity_timeout_minutes, now);
        if self.unavailable_until.is_some_and(|until| until <= now) {
            self.unavailable_until = None;
        }
        let due = |task: &&Task| task.due().is_some_and(|due| due <= now);
        self.phases.retain(|(until, _)| *until > now);
        while let Some((number, end)) = self.tasks.iter().find(due).map(|task| (task.job, task.planned())) {
            self.end(number, end);
        }
        self.tasks.iter().filter_map(Task::due).min()
    }

    /// The appliance was switched off and on: sessions are gone, jobs and repositories are not.
    pub(crate) fn power_cycle(&mut self) {
        self.sessions.clear();
        self.restarts += 1;
        self.restart = None;
    }

    /// Percentage of the download of this update, if one is under way.
    pub(crate) fn downloading(&self, fixid: &str, now: Instant) -> Option<u8> {
        let is_download = |task: &&Task| {
            task.runs()
                && matches!(task.kind, TaskKind::AcquirePayload | TaskKind::ManagementAcquire)
                && task.fixids.iter().any(|id| id == fixid)
        };
        let task = self.tasks.iter().find(is_download)?;
        // A whole number from 0 to 100.
        Some((task.fraction(now) * 100.0) as u8)
    }

    /// Whether a job that has not ended is about this update.
    pub(crate) fn is_busy(&self, fixid: &str) -> bool {
        let is_about = |task: &Task| task.end.is_none() && task.fixids.iter().any(|id| id == fixid);
        self.tasks.iter().any(is_about)
    }

    /// Whether a job of this kind has not ended.
    pub(crate) fn has_open(&self, kind: TaskKind) -> bool {
        self.tasks.iter().any(|task| task.end.is_none() && task.kind == kind)
    }

    /// Whether this update can be applied: it is downloaded, and a newer version of the server, or a pack that has not
    /// been applied.
    pub(crate) fn is_applyable(&self, package: &Package) -> bool {
        let ruled_out = self.settings.plays.not_applyable.contains(&package.fixid);
        let is_news = if package.is_server {
            numbers(&package.version) > numbers(&self.settings.version)
        } else {
            !self.is_applied(&package.fixid)
        };
        package.downloaded && is_news && !ruled_out
    }

    /// Whether this update was applied.
    pub(crate) fn is_applied(&self, fixid: &str) -> bool {
        self.history.iter().any(|entry| !entry.failed && entry.fixid.as_deref() == Some(fixid))
    }

    /// Whether the appliance can download this update.
    pub(crate) fn is_downloadable(&self, package: &Package) -> bool {
        package.support_download && !self.settings.plays.not_downloadable.contains(&package.fixid)
    }

    /// A number for a package that a refresh finds.
    pub(crate) fn next_found(&mut self) -> u32 {
        self.found += 1;
        self.found
    }
}

/// The numbers of a version, for comparing it with another one.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}
