//! `GET /updateRepositories/firmware/status` (docs/lxca-api.md, Status of a task).

use super::{Json, List, Number, Text, record};

record! {
    /// The status of one task of the firmware-updates repository, as the appliance describes it.
    pub struct Status {
        /// Name of the ZIP file. Empty in one of the two documented examples of a finished export.
        current: Text = "current",
        /// Number of firmware updates and UXSPs exported so far. 0 in the documented example of a finished export.
        downloadednum: Number = "downloadednum",
        /// Size of what is exported so far, in bytes.
        downloadedsize: Number = "downloadedsize",
        /// 0 created, 50 in progress, 100 complete. Tells nothing about success: a failed task can be at 100.
        progress: Number = "progress",
        /// `canceled`, `complete` or `error`; what a running task says is not documented.
        state: Text = "state",
        /// ID of the task that collected the files. A string in spite of its name, and empty in the examples.
        task_ids: Text = "taskIds",
        /// Number of firmware updates and UXSPs in the ZIP file.
        total: Number = "total",
        /// Size of the ZIP file, in bytes.
        totalsize: Number = "totalsize",
        /// Not described in the documentation, and empty in the examples.
        updates: List<Json> = "updates",
    }
}

impl Status {
    /// Whether it describes a task at all: an answer without both tells nothing of any.
    pub fn says_something(&self) -> bool {
        self.state.is_some() || self.progress.is_some()
    }
}
