//! `GET /updateRepositories/firmware` and `…/uxsps` (docs/lxca-api.md, Reading it).

use serde_json::{Map, Value, json};

use crate::catalog::MACHINE_TYPES;
use crate::clock;
use crate::endpoints::download;
use crate::endpoints::firmware_status::counters;
use crate::endpoints::management::space;
use crate::envelope::{NOT_FOUND, NOT_VALID, found, not_found};
use crate::package::Package;
use crate::quirks::ExportParameter;
use crate::reply::Reply;
use crate::routes::Call;
use crate::tasks::{End, Task, TaskKind};

const IMPORT_DIRECTORY: &str = "/opt/lenovo/lxca/data/updates/firmware";

/// `GET /updateRepositories/firmware`. A key is needed; the bare parameter `updates` of one table counts as
/// `key=updates`.
pub(crate) fn get(call: &Call<'_>) -> Reply {
    let bare = call.request.query("updates").map(|_| "updates".to_owned());
    let key = call.request.query("key").or_else(|| call.request.query("action")).or(bare);
    let state = &*call.state;
    let value = match key.as_deref() {
        Some("export") => return download(call),
        Some("supportedMts") => machine_types(),
        Some("size") => {
            space(&state.settings.plays, state.settings.plays.firmware_allotment_bytes, state.firmware_used())
        }
        Some("lastRefreshed") => clock::refreshed(state.last_refreshed).into(),
        Some("importDir") => IMPORT_DIRECTORY.into(),
        Some("publicKeys") => Value::Array(Vec::new()),
        Some("updates") => selected(call, &state.firmware).map(|package| shown(call, package)).collect(),
        Some("updatesByMt") => by_machine_type(call, &state.firmware),
        Some("updatesByMtByComp") => json!({ "parameter": "MTS", "value": machine_types() }),
        _ => return not_found(400, NOT_VALID),
    };
    found(Map::from_iter(key.map(|key| (key, value))))
}

/// `GET /updateRepositories/firmware/uxsps`.
pub(crate) fn get_uxsps(call: &Call<'_>) -> Reply {
    let key = call.request.query("key").or_else(|| call.request.query("action"));
    let value = match key.as_deref() {
        Some("export") => return download(call),
        Some("uxsps") => selected(call, &call.state.uxsps).map(|package| shown(call, package)).collect(),
        Some("uxspsByMt") => by_machine_type(call, &call.state.uxsps),
        _ => return not_found(400, NOT_VALID),
    };
    found(Map::from_iter(key.map(|key| (key, value))))
}

/// Download of an export; `key=export` and `action=export` do the same, unless a quirk says otherwise. Whether an
/// appliance sends parts is not documented (only that 206 exists); this one does.
fn download(call: &Call<'_>) -> Reply {
    let by_key = call.request.query("key").is_some();
    let wanted = call.state.settings.quirks.export_parameter;
    if wanted != ExportParameter::Both && by_key != (wanted == ExportParameter::Key) {
        return not_found(400, NOT_VALID);
    }
    let name = call.request.query("exportRepoFilename").unwrap_or_default();
    let finished = call.state.tasks.iter().filter(|task| task.end == Some(End::Complete));
    let file = finished.filter_map(|task| task.file.as_ref()).find(|file| file.name == name);
    match file {
        Some(_) if call.state.settings.plays.download.failure_inside => not_found(200, NOT_FOUND),
        Some(file) => download::sent(call.request, file, &call.state.settings.plays.download),
        None => not_found(call.state.settings.quirks.unknown_file_status, NOT_FOUND),
    }
}

/// `comp` is the documented text `"[]"`; `type` is a list in one text.
fn machine_types() -> Value {
    let shown = |(types, display, category, name, in_inventory): &(&str, &str, &str, &str, bool)| {
        json!({
            "category": category,
            "comp": "[]",
            "displayType": display,
            "inventoryMT": if *in_inventory { "true" } else { "false" },
            "name": name,
            "supportDownload": "true",
            "type": types,
        })
    };
    MACHINE_TYPES.iter().map(shown).collect()
}

/// The listed packages that the parameters `mt`, `with` and `payload` choose.
fn selected<'a>(call: &Call<'_>, packages: &'a [Package]) -> impl Iterator<Item = &'a Package> {
    let types = call.request.query("mt").filter(|types| !types.is_empty());
    let latest_only = call.request.query("with").is_some_and(|with| with == "latest");
    let downloaded_only = call.request.query("payload").is_some();
    packages.iter().filter(move |package| {
        let fits = |types: &String| types.split(',').any(|machine| package.is_for(machine));
        package.listed
            && (package.latest || !latest_only)
            && (package.downloaded || !downloaded_only)
            && types.as_ref().is_none_or(fits)
    })
}

/// Progress of the download that is running, or of the last one, beside the updates for each machine type.
fn by_machine_type(call: &Call<'_>, packages: &[Package]) -> Value {
    let chosen: Vec<&Package> = selected(call, packages).collect();
    let asked = call.request.query("mt").filter(|types| !types.is_empty());
    let is_asked = |machine: &&String| asked.as_ref().is_none_or(|types| types.split(',').any(|own| own == *machine));
    let mut types: Vec<&String> = chosen.iter().flat_map(|package| &package.machine_types).filter(is_asked).collect();
    types.sort();
    types.dedup();
    let lists: Vec<Value> = types
        .into_iter()
        .map(|machine| {
            let fitting = chosen.iter().filter(|package| package.is_for(machine));
            let updates: Vec<Value> = fitting.map(|package| shown(call, package)).collect();
            json!({ "mt": machine, "updates": updates })
        })
        .collect();
    let is_download = |task: &&Task| task.runs() && task.kind == TaskKind::AcquirePayload;
    let running = call.state.tasks.iter().find(is_download);
    let about = |task: &Task| {
        packages.iter().filter(|package| task.fixids.contains(&package.fixid)).map(|package| package.size).sum()
    };
    let mut shown = match running {
        Some(task) => counters(task.fixids.len() as u64, about(task), task.fraction(call.now)),
        None => counters(0, 0, 1.0),
    };
    if let Some(shown) = shown.as_object_mut() {
        let state = running.map_or("complete", |_| call.state.settings.quirks.running_state.as_str());
        shown.insert("current".into(), "".into());
        shown.insert("progress".into(), running.map_or(100, |task| task.percentage(call.now)).into());
        shown.insert("state".into(), state.into());
        // -1 is the documented number for no job.
        shown.insert("jobid".into(), running.map_or(json!(-1), |task| json!(task.job)));
        shown.insert("updates".into(), lists.into());
    }
    shown
}

fn shown(call: &Call<'_>, package: &Package) -> Value {
    let mut shown = package.to_json(false, call.state.downloading(&package.fixid, call.now));
    if let Some(shown) = shown.as_object_mut() {
        if !call.state.is_downloadable(package) {
            shown.insert("supportDownload".into(), "false".into());
        }
        if call.state.settings.plays.hide_row_payload {
            shown.remove("payload");
        }
    }
    shown
}
