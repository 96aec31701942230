//! Imports: announcing files and uploading them (LXCA API, POST /files/updateRepositories/firmware/import).

use serde_json::{Map, Value, json};

use crate::endpoints::firmware_status::counters;
use crate::envelope::{CONFLICT, FORBIDDEN, NOT_VALID, REPOSITORY_DONE, done, envelope, not_done};
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

/// `POST /files/updateRepositories/firmware/import/validate`. `state` is `success` or `failure` here.
pub(crate) fn validate(call: Call<'_>) -> Reply {
    let Some(files) = call.body().as_ref().and_then(announced) else {
        return not_done(400, NOT_VALID);
    };
    let total: u64 = files.iter().map(|file| file.size).sum();
    let mut body = counters(files.len() as u64, total, 0.0);
    let job = call.state.announce(TaskKind::ImportFirmware, &call.caller.user, files).job;
    if let Some(body) = body.as_object_mut() {
        body.insert("current".into(), "".into());
        body.insert("progress".into(), 100.into());
        body.insert("state".into(), "success".into());
        body.insert("jobid".into(), job.into());
        body.insert("errorMsg".into(), envelope("informational", REPOSITORY_DONE));
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
