//! The calls of the API, one file per group.

pub(crate) mod aicc;
pub(crate) mod download;
pub(crate) mod firmware;
pub(crate) mod firmware_actions;
pub(crate) mod firmware_status;
pub(crate) mod management;
pub(crate) mod management_actions;
pub(crate) mod sessions;
pub(crate) mod tasks;
pub(crate) mod uploads;
pub(crate) mod user_accounts;
