//! What is done with updates of the management server (docs/lxca-api.md, Management server updates).
//!
//! The pages document the codes 200, 401, 403 and 500 only. A request that is not valid gets 400 here, one that is in
//! the way of a job 409, as on the pages of the firmware repository.

use serde_json::{Map, Value};

use crate::endpoints::uploads::announced;
use crate::envelope::{CONFLICT, NO_SPACE, NOT_FOUND, NOT_VALID, done, not_done};
use crate::http::decoded;
use crate::plays::NoSpace;
use crate::reply::Reply;
use crate::routes::Call;
use crate::state::Started;
use crate::tasks::TaskKind;

/// `POST /managementServer/updates?action=acquire|refresh|import`
pub(crate) fn post(call: Call<'_>) -> Reply {
    match call.request.query("action").as_deref() {
        Some("acquire") => acquire(call),
        Some("refresh") => refresh(call),
        Some("import") => import(call),
        _ => not_done(400, NOT_VALID),
    }
}

fn acquire(call: Call<'_>) -> Reply {
    // The table calls the attribute `fixid`, and the example joins two IDs in one text.
    let given = call.texts("fixids").or_else(|| call.texts("fixid")).unwrap_or_default();
    let fixids: Vec<String> = given.iter().flat_map(|ids| ids.split(',')).map(|id| id.trim().to_owned()).collect();
    if fixids.is_empty() {
        return not_done(400, NOT_VALID);
    }
    if let Some(refusal) = refuse(&call, &fixids) {
        return refusal;
    }
    let mut wanted = call.state.management.iter().filter(|package| fixids.contains(&package.fixid));
    if !wanted.all(|package| call.state.is_downloadable(package)) {
        return not_done(400, NOT_VALID);
    }
    let lacks_space = call.state.download_lacks_space(TaskKind::ManagementAcquire, &fixids);
    if lacks_space && call.state.settings.plays.no_space == NoSpace::Refused {
        return not_done(200, NO_SPACE);
    }
    let seconds = call.state.settings.durations.acquire;
    started(call.state.start(TaskKind::ManagementAcquire, &call.caller.user, fixids, seconds, |_| {}))
}

/// The body's key is `mts` here, not `mt`.
fn refresh(call: Call<'_>) -> Reply {
    if call.texts("mts").is_none_or(|types| types.is_empty()) {
        return not_done(400, NOT_VALID);
    }
    if call.state.has_open(TaskKind::ManagementRefresh) {
        return not_done(409, CONFLICT);
    }
    let seconds = call.state.settings.durations.refresh;
    let user = &call.caller.user;
    started(call.state.start(TaskKind::ManagementRefresh, user, Vec::new(), seconds, |_| {}))
}

fn import(call: Call<'_>) -> Reply {
    let body = call.body().unwrap_or_default();
    // One example announces nothing but a size.
    let size_alone = body.get("files").is_none() && body.get("size").is_some_and(Value::is_u64);
    let files = announced(&body).or_else(|| size_alone.then(Vec::new));
    let bytes = files.iter().flatten().fold(0_u64, |sum, file| sum.saturating_add(file.size));
    if bytes > call.state.management_free() && call.state.settings.plays.no_space == NoSpace::Refused {
        return not_done(200, NO_SPACE);
    }
    match files {
        Some(files) => started(call.state.announce(TaskKind::ManagementImport, &call.caller.user, files)),
        None => not_done(400, NOT_VALID),
    }
}

/// `PUT /managementServer/updates?action=apply`: exactly one update, which must be applyable.
pub(crate) fn put(call: Call<'_>) -> Reply {
    let action = call.request.query("action");
    let fixids = call.texts("fixids").unwrap_or_default();
    let (Some("apply"), [fixid]) = (action.as_deref(), fixids.as_slice()) else {
        return not_done(400, NOT_VALID);
    };
    if let Some(refusal) = refuse(&call, &fixids) {
        return refusal;
    }
    if call.state.has_open(TaskKind::ManagementApply) {
        return not_done(409, CONFLICT);
    }
    let update = call.state.management.iter().find(|package| package.fixid == *fixid);
    if !update.is_some_and(|package| call.state.is_applyable(package)) {
        return not_done(400, NOT_VALID);
    }
    let seconds = call.state.settings.durations.apply;
    started(call.state.start(TaskKind::ManagementApply, &call.caller.user, fixids, seconds, |_| {}))
}

/// `DELETE /managementServer/updates/{fix_id_list}`. Without `key=removeMetadata` the metadata stays.
pub(crate) fn delete(call: Call<'_>, ids: &str) -> Reply {
    let metadata_too = match call.request.query("key").as_deref() {
        None => false,
        Some("removeMetadata") => true,
        Some(_) => return not_done(400, NOT_VALID),
    };
    let fixids: Vec<String> = ids.split(',').map(decoded).collect();
    if let Some(refusal) = refuse(&call, &fixids) {
        return refusal;
    }
    for package in call.state.management.iter_mut().filter(|package| fixids.contains(&package.fixid)) {
        package.downloaded = false;
        package.listed &= !metadata_too;
    }
    done(Map::new())
}

/// The refusal, when an update is unknown or a job is about it.
fn refuse(call: &Call<'_>, fixids: &[String]) -> Option<Reply> {
    let is_known = |id: &String| call.state.management.iter().any(|package| package.listed && package.fixid == *id);
    if !fixids.iter().all(is_known) {
        // 404 is not documented, and neither is 400; 200 with `failure` would be the third choice.
        return Some(not_done(400, NOT_FOUND));
    }
    let busy = fixids.iter().any(|id| call.state.is_busy(id));
    busy.then(|| not_done(409, CONFLICT))
}

/// The answer names the job, and no subtask.
fn started(started: Started) -> Reply {
    done(Map::from_iter([("jobid".to_owned(), Value::from(started.job))]))
}
