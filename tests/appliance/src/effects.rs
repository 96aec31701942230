//! What jobs bring about, and when it shows.

use std::time::{Instant, SystemTime};

use crate::package::Package;
use crate::plays::{Fate, Phase};
use crate::state::{Installed, State};
use crate::tasks::{End, Task, TaskKind};

/// What a job brought about that reads do not show yet.
#[derive(Debug)]
pub(crate) struct Lagging {
    /// How many more reads show the old state.
    reads: u32,
    done: Done,
}

/// What a job did.
#[derive(Debug)]
struct Done {
    kind: TaskKind,
    fixids: Vec<String>,
    machine_types: Vec<String>,
    imports: Vec<Package>,
}

impl State {
    /// Ends the job with this number (job or subtask). Whether there was such a running job.
    pub(crate) fn end(&mut self, number: u64, end: End) -> bool {
        let is_it = |task: &&mut Task| task.end.is_none() && (task.job == number || task.subtask == number);
        let Some(task) = self.tasks.iter_mut().find(is_it) else {
            return false;
        };
        task.end = Some(end);
        let (kind, part, fate, lacks_space) = (task.kind, task.part(), task.fate.clone(), task.lacks_space);
        let (fixids, machine_types) = (task.fixids.clone(), task.machine_types.clone());
        let done = Done { kind, fixids, machine_types, imports: std::mem::take(&mut task.imports) };
        match (end, fate) {
            (End::Complete, Some(Fate::NoEffect)) | (End::Cancelled, _) => {}
            (End::Complete, _) | (End::Failed, Some(Fate::Complain)) => match self.settings.plays.lag_reads {
                0 => self.take_effect(done),
                reads => self.lagging.push(Lagging { reads, done }),
            },
            (End::Failed, _) => self.fail_half_way(&done, part, lacks_space),
        }
        true
    }

    /// Counts a read of a repository or of `/aicc`: the last one before what lags behind shows.
    pub(crate) fn count_read(&mut self) {
        let (shown, lagging) = std::mem::take(&mut self.lagging).into_iter().partition(|lagging| lagging.reads == 0);
        self.lagging = lagging;
        let shown: Vec<Lagging> = shown;
        shown.into_iter().for_each(|lagging| self.take_effect(lagging.done));
        self.lagging.iter_mut().for_each(|lagging| lagging.reads -= 1);
    }

    /// What a job that ends well brings about.
    fn take_effect(&mut self, done: Done) {
        let now = SystemTime::now();
        let Done { kind, mut fixids, machine_types, imports } = done;
        match kind {
            TaskKind::ExportRepository | TaskKind::External => {}
            TaskKind::AcquireCatalog => {
                self.last_refreshed = now;
                self.find(kind);
                let fits = |package: &Package| {
                    machine_types.is_empty() || machine_types.iter().any(|machine| package.is_for(machine))
                };
                // A refreshThenAcquire goes on with its download, of what was found too.
                let acquires = !fixids.is_empty();
                let all = self.firmware.iter_mut().chain(&mut self.uxsps).filter(|package| fits(package));
                for package in all {
                    let found = !std::mem::replace(&mut package.listed, true);
                    fixids.extend((found && acquires && package.latest).then(|| package.fixid.clone()));
                }
                self.set_downloaded(&fixids);
            }
            TaskKind::ManagementRefresh => {
                self.management_refreshed = now;
                self.management.iter_mut().for_each(|package| package.listed = true);
                self.find(kind);
            }
            TaskKind::AcquirePayload | TaskKind::ManagementAcquire => self.set_downloaded(&fixids),
            TaskKind::ImportFirmware | TaskKind::ManagementImport => {
                let repository =
                    if kind == TaskKind::ImportFirmware { &mut self.firmware } else { &mut self.management };
                for package in imports {
                    repository.retain(|known| known.fixid != package.fixid);
                    repository.push(package);
                }
                self.set_downloaded(&fixids);
            }
            TaskKind::ManagementApply => self.apply(&fixids, now),
        }
    }

    /// Lists updates that nobody knew before.
    fn find(&mut self, kind: TaskKind) {
        for _ in 0..self.settings.plays.refresh_finds {
            let number = self.next_found();
            let version = format!("9.{number}");
            if kind == TaskKind::ManagementRefresh {
                let fixid = format!("lnvgy_sw_lxca_found{number}-{version}_anyos_noarch");
                self.management.push(Package::new(&fixid, &format!("Found pack {number}"), &version, 1_000_000));
            } else {
                let fixid = format!("lnvgy_fw_found_{number}-{version}_anyos_noarch");
                let machine_types = vec!["7X06".into()];
                let package = Package::new(&fixid, &format!("Found firmware {number}"), &version, 1_000_000);
                self.firmware.push(Package { machine_types, listed: false, ..package });
            }
        }
    }

    fn packages(&mut self) -> impl Iterator<Item = &mut Package> {
        self.firmware.iter_mut().chain(&mut self.uxsps).chain(&mut self.management)
    }

    fn set_downloaded(&mut self, fixids: &[String]) {
        for package in self.packages().filter(|package| fixids.contains(&package.fixid)) {
            (package.downloaded, package.listed, package.stuck) = (true, true, 0);
            package.error.clear();
        }
    }

    /// What a job that fails brings about: a download keeps the packages it has, a failed installation is history.
    fn fail_half_way(&mut self, done: &Done, part: f64, lacks_space: bool) {
        match done.kind {
            TaskKind::AcquirePayload | TaskKind::ManagementAcquire => {
                let last = done.fixids.len().saturating_sub(1);
                let whole = ((done.fixids.len() as f64 * part) as usize).min(last);
                let (whole, rest) = done.fixids.split_at_checked(whole).unwrap_or_default();
                self.set_downloaded(whole);
                let Some(broken) = rest.first() else { return };
                for package in self.packages().filter(|package| package.fixid == *broken) {
                    let why = if lacks_space { "There is not enough space." } else { "The connection was lost." };
                    package.error = format!("The download of {broken} failed. {why}");
                    package.stuck = (part * 100.0) as u8;
                }
            }
            TaskKind::ManagementApply => {
                let update = self.management.iter().find(|package| done.fixids.contains(&package.fixid));
                self.history.extend(update.map(|package| installed(package, SystemTime::now(), true)));
            }
            _ => {}
        }
    }

    fn apply(&mut self, fixids: &[String], now: SystemTime) {
        let Some(update) = self.management.iter().find(|package| fixids.contains(&package.fixid)) else {
            return;
        };
        let entry = installed(update, now, false);
        // That a pack takes no restart is our choice.
        if !update.is_server {
            self.history.push(entry);
            return;
        }
        self.before = (self.settings.version.clone(), self.settings.build.clone());
        (self.settings.version, self.settings.build) = (entry.version.clone(), entry.build.clone());
        self.history.push(entry);
        let durations = &self.settings.durations;
        self.restart =
            Some((self.settings.scaled(durations.restart_down), self.settings.scaled(durations.restart_503)));
    }

    /// Connections are accepted again: what the appliance shows from now on.
    pub(crate) fn come_up(&mut self, unavailable: std::time::Duration) {
        let mut end = Instant::now().checked_add(unavailable);
        self.unavailable_until = end;
        let mut phases = Vec::new();
        for part in &self.settings.plays.restart_phases {
            end = end.and_then(|end| end.checked_add(self.settings.scaled(part.seconds)));
            phases.extend(end.map(|end| (end, part.phase)));
        }
        self.phases = phases;
    }

    /// What a restarted appliance shows now; `None`: it works, or sends 503 pages still.
    pub(crate) fn phase(&self) -> Option<Phase> {
        let (_, phase) = self.phases.first().filter(|_| self.unavailable_until.is_none())?;
        Some(*phase)
    }

    /// The version and build it shows.
    pub(crate) fn shown_version(&self) -> (&str, &str) {
        match self.phase() {
            Some(Phase::OldVersion) => (&self.before.0, &self.before.1),
            _ => (&self.settings.version, &self.settings.build),
        }
    }
}

fn installed(package: &Package, at: SystemTime, failed: bool) -> Installed {
    let (version, build) = (package.version.clone(), package.build_number.clone());
    Installed { version, build, at, fixid: Some(package.fixid.clone()), failed }
}
