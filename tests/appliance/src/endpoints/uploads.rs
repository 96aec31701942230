//! Imports: announcing files and uploading them (docs/lxca-api.md, Importing files).

use serde_json::{Map, Value, json};

use crate::endpoints::firmware_status::counters;
use crate::envelope::{CONFLICT, FORBIDDEN, NO_SPACE, NOT_FOUND, NOT_VALID, REPOSITORY_DONE, done, envelope, not_done};
use crate::multipart::{Form, Part};
use crate::package::Package;
use crate::plays::ValidationPath;
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

/// `POST /files/updateRepositories/firmware/import/validate` and its older form `…/validation`, whose answer has no
/// `jobid`. Which of them an appliance has is a setting.
pub(crate) fn validate_firmware(call: Call<'_>, path: &str) -> Reply {
    let (free, has) = (call.state.firmware_free(), call.state.settings.plays.validation_path);
    match (has, path) {
        (ValidationPath::Validate, "validation") | (ValidationPath::Validation, "validate") => not_done(404, NOT_FOUND),
        (has, _) => validate(call, TaskKind::ImportFirmware, free, has != ValidationPath::Validation),
    }
}

/// `POST /files/stgupdates/repository/import/validate/SELF`, whose answer is taken to look the same.
pub(crate) fn validate_management(call: Call<'_>) -> Reply {
    let free = call.state.management_free();
    validate(call, TaskKind::ManagementImport, free, true)
}

/// Whether there is space for some files; `state` is `success` or `failure` here. Without space there is no job, which
/// is not documented; nor is what `jobid` says then, here the -1 that means none elsewhere.
fn validate(call: Call<'_>, kind: TaskKind, free: u64, with_job: bool) -> Reply {
    let Some(files) = call.body().as_ref().and_then(announced) else {
        return not_done(400, NOT_VALID);
    };
    let total = files.iter().fold(0_u64, |total, file| total.saturating_add(file.size));
    let mut body = counters(files.len() as u64, total, 0.0);
    let (state, job, message) = if call.state.settings.plays.validation_fails {
        ("failure", json!(-1), envelope("failure", NOT_VALID))
    } else if total <= free {
        let job = call.state.announce(kind, &call.caller.user, files).job;
        ("success", json!(job), envelope("informational", REPOSITORY_DONE))
    } else {
        ("failure", json!(-1), envelope("failure", NO_SPACE))
    };
    if let Some(body) = body.as_object_mut() {
        body.insert("current".into(), "".into());
        body.insert("progress".into(), 100.into());
        body.insert("state".into(), state.into());
        if with_job {
            body.insert("jobid".into(), job);
        }
        body.insert("errorMsg".into(), message);
    }
    Reply::json(200, body)
}

/// `POST /files/updateRepositories/firmware/import?jobid=…`
pub(crate) fn import_firmware(call: Call<'_>) -> Reply {
    upload(call, TaskKind::ImportFirmware, |state| &state.firmware)
}

/// `POST /files/managementServer/updates?action=import&jobid=…`
pub(crate) fn import_management(call: Call<'_>) -> Reply {
    if call.request.query("action").as_deref() != Some("import") {
        return not_done(400, NOT_VALID);
    }
    upload(call, TaskKind::ManagementImport, |state| &state.management)
}

/// `POST /files/stgupdates/repository/import/SELF?jobid=…`, which belongs to the validation above.
pub(crate) fn import_validated(call: Call<'_>) -> Reply {
    upload(call, TaskKind::ManagementImport, |state| &state.management)
}

/// `POST /stgupdates/repository/import/SELF?jobid=…`: the retired path answers 307.
pub(crate) fn moved(call: &Call<'_>) -> Reply {
    let job = call.request.query("jobid").unwrap_or_default();
    let target = format!("/files/managementServer/updates?action=import&jobid={}", job.escape_default());
    Reply::json(307, json!({})).with("Location", target)
}

/// Takes the announced files in. Only the user who announced them may send them; one upload per job.
fn upload(call: Call<'_>, kind: TaskKind, repository: fn(&State) -> &Vec<Package>) -> Reply {
    let job = call.request.query("jobid").map(|number| number.parse::<u64>().ok());
    let is_it = |task: &&Task| match job {
        Some(job) => task.kind == kind && Some(task.job) == job,
        // A client of the vendor names no job: its last announcement is meant.
        None => task.kind == kind && task.owner == call.caller.user && task.started.is_none() && task.end.is_none(),
    };
    let (Some(task), Form::Files(files)) = (call.state.tasks.iter().rev().find(is_it), &call.request.form) else {
        return not_done(400, NOT_VALID);
    };
    if task.owner != call.caller.user {
        return not_done(403, FORBIDDEN);
    }
    if task.started.is_some() || task.end.is_some() {
        return not_done(409, CONFLICT);
    }
    let is_announced =
        |part: &Part| task.announced.iter().any(|file| file.name == part.filename && file.size == part.size);
    // A job that was announced by a size alone takes any files.
    let free_choice = task.announced.is_empty();
    if !free_choice && (files.len() != task.announced.len() || !files.iter().all(is_announced)) {
        return not_done(400, NOT_VALID);
    }
    let free = if kind == TaskKind::ImportFirmware { call.state.firmware_free() } else { call.state.management_free() };
    let lacks_space = files.iter().map(|file| file.size).sum::<u64>() > free;
    let (number, known) = (task.job, repository(call.state));
    let imports: Vec<Package> = fixids(files).into_iter().map(|fixid| imported(fixid, files, known)).collect();
    if let Some(task) = call.state.tasks.iter_mut().find(|task| task.job == number) {
        task.fixids = imports.iter().map(|package| package.fixid.clone()).collect();
        (task.imports, task.started) = (imports, Some(call.now));
        if lacks_space {
            task.run_out_of_space();
        }
    }
    done(Map::from_iter([("jobid".to_owned(), number.into())]))
}

/// The fix IDs of uploaded files. One update is four files with one name, and the description is the XML file; an
/// export's ZIP file holds the descriptions of its updates.
fn fixids(files: &[Part]) -> Vec<String> {
    let names = files.iter().flat_map(|file| {
        let entries = if file.filename.ends_with(".zip") { file.entries() } else { Vec::new() };
        entries.into_iter().chain([file.filename.clone()])
    });
    let mut fixids: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".xml")?.to_owned())).collect();
    fixids.sort();
    fixids.dedup();
    fixids
}

/// An update as these files have it: what is known of it already, with their readme and change history.
fn imported(fixid: String, files: &[Part], known: &[Package]) -> Package {
    let own = |end: &str| files.iter().find(|file| file.filename.strip_suffix(end) == Some(&fixid));
    let package = known.iter().find(|package| package.fixid == fixid).cloned().unwrap_or_else(|| {
        let version = fixid.split('-').next_back().and_then(|end| end.split('_').next()).unwrap_or_default();
        let size = files.iter().map(|file| file.size).sum();
        let package = Package::new(&fixid, &fixid, version, size);
        Package { readme: None, change_history: None, ..package }
    });
    Package {
        readme: own(".txt").map(Part::text).or(package.readme),
        change_history: own(".chg").map(Part::text).or(package.change_history),
        ..package
    }
}
