//! Imports: announcing files and uploading them (LXCA API, POST /files/updateRepositories/firmware/import).

use serde_json::{Map, Value, json};

use crate::endpoints::firmware_status::counters;
use crate::endpoints::{firmware, management};
use crate::envelope::{CONFLICT, FORBIDDEN, NO_SPACE, NOT_VALID, REPOSITORY_DONE, done, envelope, not_done};
use crate::multipart;
use crate::package::Package;
use crate::reply::Reply;
use crate::routes::Call;
use crate::state::State;
use crate::tasks::{Announced, Task, TaskKind};

/// The files a body announces: under `files` (the example), under `file` (the table), or as one bare object (a client
/// of the vendor).
pub(crate) fn announced(body: &Value) -> Option<Vec<Announced>> {
    let one = |file: &Value| {
        Some(Announced { name: file.get("name")?.as_str()?.to_owned(), size: file.get("size")?.as_u64()? })
    };
    let files: Option<Vec<Announced>> = match body.get("files").or_else(|| body.get("file")) {
        Some(files) => files.as_array()?.iter().map(one).collect(),
        None => one(body).map(|file| vec![file]),
    };
    files.filter(|files| !files.is_empty())
}

/// `POST /files/updateRepositories/firmware/import/validate`
pub(crate) fn validate_firmware(call: Call<'_>) -> Reply {
    let free = firmware::ALLOTMENT.saturating_sub(firmware::used(call.state));
    validate(call, TaskKind::ImportFirmware, free)
}

/// `POST /files/stgupdates/repository/import/validate/SELF`, whose answer is taken to look the same.
pub(crate) fn validate_management(call: Call<'_>) -> Reply {
    let free = management::ALLOTMENT.saturating_sub(management::used(call.state));
    validate(call, TaskKind::ManagementImport, free)
}

/// Whether there is space for some files; `state` is `success` or `failure` here. Without space there is no job, which
/// is not documented; nor is what `jobid` says then, here the -1 that means none elsewhere.
fn validate(call: Call<'_>, kind: TaskKind, free: u64) -> Reply {
    let Some(files) = call.body().as_ref().and_then(announced) else {
        return not_done(400, NOT_VALID);
    };
    let total = files.iter().fold(0_u64, |total, file| total.saturating_add(file.size));
    let mut body = counters(files.len() as u64, total, 0.0);
    let (state, job, message) = if total <= free {
        let job = call.state.announce(kind, &call.caller.user, files).job;
        ("success", json!(job), envelope("informational", REPOSITORY_DONE))
    } else {
        ("failure", json!(-1), envelope("failure", NO_SPACE))
    };
    if let Some(body) = body.as_object_mut() {
        body.insert("current".into(), "".into());
        body.insert("progress".into(), 100.into());
        body.insert("state".into(), state.into());
        body.insert("jobid".into(), job);
        body.insert("errorMsg".into(), message);
    }
    Reply::json(200, body)
}

/// `POST /files/updateRepositories/firmware/import?jobid=…`
pub(crate) fn import_firmware(call: Call<'_>) -> Reply {
    upload(call, TaskKind::ImportFirmware, |state| &mut state.firmware)
}

/// `POST /files/managementServer/updates?action=import&jobid=…`
pub(crate) fn import_management(call: Call<'_>) -> Reply {
    if call.request.query("action").as_deref() != Some("import") {
        return not_done(400, NOT_VALID);
    }
    upload(call, TaskKind::ManagementImport, |state| &mut state.management)
}

/// `POST /files/stgupdates/repository/import/SELF?jobid=…`, which belongs to the validation above.
pub(crate) fn import_validated(call: Call<'_>) -> Reply {
    upload(call, TaskKind::ManagementImport, |state| &mut state.management)
}

/// `POST /stgupdates/repository/import/SELF?jobid=…`: the retired path answers 307.
pub(crate) fn moved(call: &Call<'_>) -> Reply {
    let job = call.request.query("jobid").unwrap_or_default();
    let target = format!("/files/managementServer/updates?action=import&jobid={}", job.escape_default());
    Reply::json(307, json!({})).with("Location", target)
}

/// Takes the announced files in. Only the user who announced them may send them; one upload per job.
fn upload(call: Call<'_>, kind: TaskKind, repository: fn(&mut State) -> &mut Vec<Package>) -> Reply {
    let job = call.request.query("jobid").and_then(|number| number.parse::<u64>().ok());
    let content_type = call.request.header("content-type").unwrap_or_default();
    let files = multipart::files(content_type, &call.request.body);
    let is_it = |task: &&mut Task| task.kind == kind && Some(task.job) == job;
    let (Some(task), Some(files)) = (call.state.tasks.iter_mut().find(is_it), files) else {
        return not_done(400, NOT_VALID);
    };
    if task.owner != call.caller.user {
        return not_done(403, FORBIDDEN);
    }
    if task.started.is_some() || task.end.is_some() {
        return not_done(409, CONFLICT);
    }
    let is_announced = |part: &multipart::Part| {
        let same = |file: &Announced| file.name == part.filename && file.size == part.size;
        task.announced.iter().any(same)
    };
    if files.len() != task.announced.len() || !files.iter().all(is_announced) {
        return not_done(400, NOT_VALID);
    }
    // One update is four files with one name; the description is the XML file.
    let names = task.announced.iter().filter_map(|file| file.name.strip_suffix(".xml"));
    task.fixids = names.map(str::to_owned).collect();
    task.started = Some(call.now);
    let (number, fixids) = (task.job, task.fixids.clone());
    let packages = repository(call.state);
    for fixid in fixids {
        if packages.iter().all(|package| package.fixid != fixid) {
            let version = fixid.split('-').next_back().and_then(|end| end.split('_').next()).unwrap_or_default();
            let size = files.iter().map(|part| part.size).sum();
            packages.push(Package { listed: false, ..Package::new(&fixid, &fixid, version, size) });
        }
    }
    done(Map::from_iter([("jobid".to_owned(), number.into())]))
}
