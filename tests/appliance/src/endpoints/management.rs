//! `GET /managementServer/updates` and `…/{fix_id_list}` (docs/lxca-api.md, Listing).

use serde_json::{Map, Value, json};

use crate::clock;
use crate::envelope::{Message, NOT_FOUND, NOT_VALID, envelope, found, not_found};
use crate::http::decoded;
use crate::package::Package;
use crate::plays::Plays;
use crate::quirks::UnknownFixId;
use crate::reply::Reply;
use crate::routes::Call;
use crate::state::Installed;

/// Where imported files lie.
const IMPORT_DIRECTORY: &str = "/opt/lenovo/lxca/data/updates/import";

/// `GET /managementServer/updates`. A key that is not documented gets 400; the page documents no code for it.
pub(crate) fn list(call: &Call<'_>) -> Reply {
    let key = call.request.query("key").unwrap_or_else(|| "all".into());
    let known = ["currentVersion", "history", "importDir", "size", "updates", "updatedDate"];
    let wanted: Vec<&str> = match key.as_str() {
        "all" => known.to_vec(),
        key => known.into_iter().filter(|known| *known == key).collect(),
    };
    if wanted.is_empty() {
        return not_found(400, NOT_VALID);
    }
    let parts = wanted.into_iter().map(|key| (key.to_owned(), part(call, key)));
    found(parts.collect())
}

fn part(call: &Call<'_>, key: &str) -> Value {
    let state = &*call.state;
    match key {
        // Text, by its name; the shape is not documented.
        "currentVersion" => state.shown_version().0.into(),
        "history" => state.history.iter().map(installed).collect(),
        "importDir" => IMPORT_DIRECTORY.into(),
        "size" => {
            space(&state.settings.plays, state.settings.plays.management_allotment_bytes, state.management_used())
        }
        "updatedDate" => clock::refreshed(state.management_refreshed).into(),
        _ => {
            let listed = state.management.iter().filter(|package| package.listed);
            listed.map(|package| update(call, package)).collect()
        }
    }
}

fn installed(entry: &Installed) -> Value {
    let (flavor, file) = match &entry.fixid {
        // The only readable value of `flavor`; the one for updates is our choice.
        None => ("base install", String::new()),
        Some(fixid) => ("update", format!("{fixid}.tgz")),
    };
    json!({
        "buildNumber": entry.build,
        "dateApplied": if entry.failed { String::new() } else { clock::day(entry.at) },
        "description": format!("Lenovo XClarity Administrator {}", entry.version),
        "detailInfo": "",
        "fileName": file,
        "flavor": flavor,
        "installationFailedDate": if entry.failed { clock::day(entry.at) } else { String::new() },
        "version": entry.version,
    })
}

/// Space of a repository (docs/lxca-api.md, Reading it: `size`).
pub(crate) fn space(plays: &Plays, allotment: u64, used: u64) -> Value {
    let mut space = json!({
        "allotment": allotment,
        "freeSpace": allotment.saturating_sub(used),
        "highusage": if used > allotment / 10 * 9 { "high" } else { "low" },
        "usedSpace": used,
    });
    if let (true, Some(space)) = (plays.hide_free_space, space.as_object_mut()) {
        space.remove("freeSpace");
    }
    space
}

/// One update, with the two fields only the collection has according to the vendor's client (docs/lxca-api.md,
/// Listing).
fn update(call: &Call<'_>, package: &Package) -> Value {
    let mut shown = shown(call, package);
    if let Some(shown) = shown.as_object_mut() {
        let applied = call.state.is_applied(&package.fixid);
        shown.insert("applied".into(), if applied { "true" } else { "false" }.into());
        let state = shown.get("state").cloned().unwrap_or_default();
        shown.insert("status".into(), state);
    }
    shown
}

fn shown(call: &Call<'_>, package: &Package) -> Value {
    let downloading = call.state.downloading(&package.fixid, call.now);
    let mut shown = package.to_json(call.state.is_applyable(package), downloading);
    if let (false, Some(shown)) = (call.state.is_downloadable(package), shown.as_object_mut()) {
        shown.insert("supportDownload".into(), "false".into());
    }
    shown
}

/// `GET /managementServer/updates/{fix_id_list}`. `ids` as it came: commas separate IDs only when they are not
/// encoded.
pub(crate) fn get(call: &Call<'_>, ids: &str) -> Reply {
    let request = call.request;
    let (key, filetype) = (request.query("key"), request.query("filetype"));
    let ids: Vec<String> = ids.split(',').map(decoded).collect();
    // Both parameters together are ruled out; 400 is not among the documented codes, but no other says it.
    if key.is_some() && filetype.is_some() {
        return not_found(400, NOT_VALID);
    }
    let listed = || call.state.management.iter().filter(|package| package.listed);
    let asked: Vec<&Package> = ids.iter().filter_map(|id| listed().find(|package| package.fixid == *id)).collect();
    let left_out = call.state.settings.quirks.unknown_fix_id == UnknownFixId::LeftOut;
    if asked.len() < ids.len() && !left_out {
        return not_found(404, NOT_FOUND);
    }
    match (filetype, request.query("action")) {
        (Some(filetype), _) => file(&filetype, &ids, &asked),
        // One example asks for `action=status`, which no table has: the part about the package, here.
        (None, Some(action)) if action == "status" => about(call, "update", &asked),
        (None, _) => about(call, key.as_deref().unwrap_or("all"), &asked),
    }
}

/// Table 1 of the page.
fn about(call: &Call<'_>, key: &str, packages: &[&Package]) -> Reply {
    let mut data = Map::new();
    let mut add = |name: &str, value: Value| {
        let wanted = key == name || key == "all";
        wanted.then(|| data.insert(name.into(), value)).is_some()
    };
    let actions = ["acquire", "apply", "delete"].map(|action| json!({ "action": action }));
    let keys = ["actions", "update", "filetypes", "keys"].map(|key| json!({ "key": key }));
    let has_change = packages.iter().any(|package| package.change_history.is_some());
    let has_readme = packages.iter().any(|package| package.readme.is_some());
    let filetypes: Vec<&str> = [("change", has_change), ("readme", has_readme)]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect();
    let known = [
        add("actions", actions.to_vec().into()),
        add("filetypes", filetypes.into()),
        add("keys", keys.to_vec().into()),
        add("update", packages.iter().map(|package| shown(call, package)).collect()),
    ];
    if known.contains(&true) { found(data) } else { not_found(400, NOT_VALID) }
}

/// Table 2 of the page. What several IDs get is not documented; here they are refused.
fn file(filetype: &str, ids: &[String], packages: &[&Package]) -> Reply {
    let ([id], "readme" | "changeHistory") = (ids, filetype) else {
        return not_found(400, NOT_VALID);
    };
    let text = packages.first().and_then(|package| match filetype {
        "readme" => package.readme.as_deref(),
        _ => package.change_history.as_deref(),
    });
    match text {
        Some(text) => {
            let data = [("field", filetype), ("fixid", id.as_str()), ("value", text)];
            found(data.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
        }
        None => no_file(filetype, id, NOT_FOUND),
    }
}

/// There is no such file. Not documented; with 404 undocumented, here it is 200 with `failure`.
fn no_file(filetype: &str, id: &str, message: Message) -> Reply {
    let body = json!({
        "field": filetype,
        "fixid": id,
        "status": envelope("failure", message),
        "value": "",
    });
    Reply::json(200, body)
}
