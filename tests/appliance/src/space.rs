//! The space of the repositories.

use crate::package::Package;
use crate::state::State;
use crate::tasks::TaskKind;

impl State {
    /// What lies in the firmware repository, in bytes: UXSPs are part of it.
    pub(crate) fn firmware_used(&self) -> u64 {
        self.firmware.iter().chain(&self.uxsps).map(Package::stored).sum()
    }

    /// What lies in the repository of management-server updates, in bytes.
    pub(crate) fn management_used(&self) -> u64 {
        self.management.iter().map(Package::stored).sum()
    }

    /// Free space of the firmware repository, in bytes.
    pub(crate) fn firmware_free(&self) -> u64 {
        self.settings.plays.firmware_allotment_bytes.saturating_sub(self.firmware_used())
    }

    /// Free space of the repository of management-server updates, in bytes.
    pub(crate) fn management_free(&self) -> u64 {
        self.settings.plays.management_allotment_bytes.saturating_sub(self.management_used())
    }

    /// Whether a job of this kind would download more than there is space for.
    pub(crate) fn download_lacks_space(&self, kind: TaskKind, fixids: &[String]) -> bool {
        let needed = |packages: &[Package]| -> u64 {
            let missing = packages.iter().filter(|package| !package.downloaded && fixids.contains(&package.fixid));
            missing.map(|package| package.size).sum()
        };
        match kind {
            TaskKind::AcquirePayload => needed(&self.firmware) + needed(&self.uxsps) > self.firmware_free(),
            TaskKind::ManagementAcquire => needed(&self.management) > self.management_free(),
            _ => false,
        }
    }
}
