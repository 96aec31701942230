//! `management_server_update_info`: updates of the management server itself, by id or all that are in its repository
//! (contract, section 4; LXCA API, sections 5.1 and 5.2).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Described, Operation};
use crate::answer::Success;
use crate::client::wire::management_server_updates::{Repository, Update, UpdateFile, UpdateInfo, Words};
use crate::client::wire::{Json, List, Object, Text, TooMany, Unknown, member, string, write_attribute};
use crate::client::{Client, LONGEST_WORDS};
use crate::failure::{Failure, Kind};
use crate::input::Options;
use crate::input::accepted::{self, Accepted};
use crate::lock::lock;

const PATH: &str = "/managementServer/updates";

/// What can be asked for of updates by id. The collection says `updates`, one update says `update`.
const KEYS_OF_UPDATES: [&str; 5] = ["all", "actions", "keys", "filetypes", "update"];
/// What can be asked for of the repository.
const KEYS_OF_REPOSITORY: [&str; 7] =
    ["all", "currentVersion", "history", "importDir", "size", "updates", "updatedDate"];
/// The files of an update. An answer calls the change history `change`; it has to be asked for as `changeHistory`.
const FILETYPES: [&str; 2] = ["readme", "changeHistory"];

/// Web servers refuse request lines over 8 KB; half of it leaves room for what stands between us and them.
const LONGEST_REQUEST_LINE: usize = 4 << 10;
/// No fix id is longer.
const LONGEST_FIX_ID: usize = 255;
/// How many ids a sentence names.
const MOST_NAMED: usize = 10;

/// The options of `management_server_update_info`.
#[derive(JsonSchema)]
pub struct ManagementServerUpdateInfo {
    /// IDs of updates; without them the repository itself is asked. Any number: they are split over as many requests as
    /// it takes, and an id that stands twice is asked for once. An empty list asks for nothing, and nothing is sent.
    #[schemars(
        inner(length(min = 1, max = LONGEST_FIX_ID), regex(pattern = r"^(?!\.\.?$)[A-Za-z0-9._-]+$")),
        extend("examples" = [["lnvgy_sw_lxca_update-4.1.0_anyos_noarch"]])
    )]
    fix_ids: Option<Vec<String>>,
    /// What is asked for; everything when neither this nor `filetype` is given. With `fix_ids`: `all`, `actions`, `keys`,
    /// `filetypes`, `update`; without: `all`, `currentVersion`, `history`, `importDir`, `size`, `updates`, `updatedDate`.
    key: Option<&'static str>,
    /// The file that is asked for of each of `fix_ids`; not together with `key`.
    #[schemars(extend("enum" = ["readme", "changeHistory", null]))]
    filetype: Option<&'static str>,
}

/// What is asked for.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the three shapes for the schema; each is reported as the type inside")]
pub enum Data {
    /// With `filetype`.
    Files(Files),
    /// With `fix_ids`.
    Updates(Updates),
    /// Without `fix_ids`.
    Repository(Repository),
}

/// What is known of updates that were asked for by id; each list only where it was asked for.
#[derive(Default, JsonSchema)]
pub struct Updates {
    /// The updates, in the order asked for.
    #[schemars(with = "Vec<Object<Update>>", skip_serializing_if = "Option::is_none")]
    updates: Option<List<Object<Update>>>,
    /// What can be done with them, such as `acquire`, `apply` and `delete`.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    actions: Option<Words>,
    /// Files that the appliance says can be asked for; it calls the change history `change`.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    filetypes: Option<Words>,
    /// Keys that can be asked for.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    supported_keys: Option<Words>,
    /// IDs that were asked for and are not in the answers.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    missing_fix_ids: Option<Vec<String>>,
    #[schemars(skip)]
    unknown: Unknown,
}

/// The files that were asked for.
#[derive(Default, serde::Serialize, JsonSchema)]
pub struct Files {
    /// One file for each id that has one, in the order asked for.
    files: Vec<UpdateFile>,
    /// IDs whose file the appliance does not have.
    missing_fix_ids: Vec<String>,
}

impl Serialize for Updates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAMES: [&str; 5] = ["updates", "actions", "filetypes", "supported_keys", "missing_fix_ids"];
        let [updates, actions, filetypes, supported_keys, missing_fix_ids] = NAMES;
        let mut map = serializer.serialize_map(None)?;
        write_attribute(&mut map, updates, self.updates.as_ref())?;
        write_attribute(&mut map, actions, self.actions.as_ref())?;
        write_attribute(&mut map, filetypes, self.filetypes.as_ref())?;
        write_attribute(&mut map, supported_keys, self.supported_keys.as_ref())?;
        write_attribute(&mut map, missing_fix_ids, self.missing_fix_ids.as_ref())?;
        self.unknown.write(&mut map, &NAMES)?;
        map.end()
    }
}

impl Described for ManagementServerUpdateInfo {
    const NAME: &'static str = "management_server_update_info";
    const SUMMARY: &'static str = "information, readme or change history of updates of the management server";
    type Data = Data;

    fn examples() -> Vec<Value> {
        let update = json!({
            "applyable": true,
            "applied": false,
            "buildNumber": "SWITCH-01",
            "buildType": "production",
            "change": true,
            "comp": "Utility",
            "downloadedsize": 3_846_012_416_u64,
            "errorMsg": "",
            "fixid": "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch",
            "latest": true,
            "name": "",
            "origin": "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch.xml",
            "payload": true,
            "payloadFilename": "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch.zip",
            "percentage": 100,
            "readableName": "Repository pack for chassis and switches",
            "readme": true,
            "releasedate": "2026-03-02",
            "severity": 3,
            "state": "",
            "supportDownload": true,
            "totalsize": 3_846_012_416_u64,
            "version": "1.1.0"
        });
        let applied = json!({
            "buildNumber": "264",
            "dateApplied": "2026-03-09",
            "description": "XClarity Administrator 4.0.0",
            "detailInfo": "",
            "fileName": "",
            "flavor": "base install",
            "installationFailedDate": "",
            "version": "4.0.0"
        });
        let files = json!({
            "files": [{
                "fixid": "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch",
                "field": "readme",
                "value": "Repository pack for chassis and switches, version 1.1.0"
            }],
            "missing_fix_ids": []
        });
        let updates = json!({
            "updates": [&update],
            "actions": ["acquire", "apply", "delete"],
            "filetypes": ["change", "readme"],
            "supported_keys": ["actions", "filetypes", "keys", "update"],
            "missing_fix_ids": []
        });
        let repository = json!({
            "currentVersion": "4.0.0",
            "history": [applied],
            "importDir": "/opt/lenovo/lxca/data/updates/import",
            "size": {"allotment": 53_687_091_200_u64, "freeSpace": 49_841_078_784_u64, "usedSpace": 3_846_012_416_u64},
            "updates": [update],
            "updatedDate": "11-21-2026-22:05"
        });
        vec![files, updates, repository]
    }

    fn read(options: &mut Options) -> Option<ManagementServerUpdateInfo> {
        let fix_ids = options.optional("fix_ids", fix_ids);
        let by_id = fix_ids.is_some() || options.refused("fix_ids");
        let keys: &[&str] = if by_id { &KEYS_OF_UPDATES } else { &KEYS_OF_REPOSITORY };
        let key = options.optional("key", |value| {
            let with = if by_id { "with" } else { "without" };
            accepted::choice(keys)(value).map_err(|text| format!("{text} ({with} `fix_ids`)"))
        });
        let filetype = options.optional("filetype", accepted::choice(&FILETYPES));
        if filetype.is_some() && key.is_some() {
            options.refuse("filetype", "excludes `key`: give one of the two");
        }
        if filetype.is_some() && !by_id {
            options.refuse("filetype", "needs `fix_ids`");
        }
        Some(ManagementServerUpdateInfo { fix_ids, key, filetype })
    }

    fn rules() -> Vec<Value> {
        let or_null = |keys: &[&str]| keys.iter().map(|key| json!(key)).chain([Value::Null]).collect::<Vec<_>>();
        vec![
            json!({
                "if": {"properties": {"fix_ids": {"type": "array"}}, "required": ["fix_ids"]},
                "then": {"properties": {"key": {"enum": or_null(&KEYS_OF_UPDATES)}}},
                "else": {"properties": {"key": {"enum": or_null(&KEYS_OF_REPOSITORY)}, "filetype": {"type": "null"}}}
            }),
            json!({
                "if": {"properties": {"filetype": {"type": "string"}}, "required": ["filetype"]},
                "then": {"properties": {"key": {"type": "null"}}}
            }),
        ]
    }
}

/// Fix ids that can stand in a path as they are, each once.
fn fix_ids(value: &Value) -> Accepted<Vec<String>> {
    let mut seen = HashSet::new();
    let ids: Vec<String> = accepted::strings(value)?.into_iter().filter(|id| seen.insert(id.clone())).collect();
    let literal = |id: &String| {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        plain && id.len() <= LONGEST_FIX_ID && id != "." && id != ".."
    };
    if ids.iter().all(literal) {
        return Ok(ids);
    }
    Err(format!("accepted are ids of up to {LONGEST_FIX_ID} ASCII letters, digits, dots, hyphens and underscores"))
}

impl Operation for ManagementServerUpdateInfo {
    fn run(&self, client: &Client) -> Result<Success, Failure> {
        match (&self.fix_ids, self.filetype) {
            (None, _) => repository(client, self.key),
            (Some(ids), None) => updates(client, ids, self.key),
            (Some(ids), Some(filetype)) => files(client, ids, filetype),
        }
    }
}

/// The repository itself.
fn repository(client: &Client, key: Option<&'static str>) -> Result<Success, Failure> {
    let path = key.map_or(PATH.to_owned(), |key| format!("{PATH}?key={key}"));
    let body = client.get(&path)?;
    let repository: Repository = body.read()?.ok_or_else(|| no_object(client, &path, body.status))?;
    let mut updates = Named::default();
    repository.updates.iter().for_each(|list| updates.extend(client, list));
    let version = repository.current_version.as_ref().and_then(Json::string);
    let version = version.map(|version| client.shortened(&version, LONGEST_WORDS));
    let version = version.map(|version| format!(" It runs version {version}.")).unwrap_or_default();
    let msg = match (&repository.updates, key) {
        (Some(_), _) => format!("{} has {} in its repository.", client.host(), counted(updates.count)),
        (None, Some(key)) => format!("{} answered for {key} of its update repository.", client.host()),
        (None, None) => format!("{} answered for its update repository.", client.host()),
    };
    client.report().data(Arc::new(Mutex::new(repository)));
    match body.failure {
        Some(failure) => Err(failure),
        None => answered(msg + &version, updates.sentence()),
    }
}

/// Updates by id, without their files.
fn updates(client: &Client, ids: &[String], key: Option<&'static str>) -> Result<Success, Failure> {
    let wanted = |name| matches!(key, None | Some("all")) || key == Some(name);
    let words = |name| wanted(name).then(Words::default);
    let data = Arc::new(Mutex::new(Updates {
        updates: wanted("update").then(List::default),
        actions: words("actions"),
        filetypes: words("filetypes"),
        supported_keys: words("keys"),
        missing_fix_ids: wanted("update").then(Vec::new),
        unknown: Unknown::default(),
    }));
    let query = key.map(|key| format!("?key={key}")).unwrap_or_default();
    for batch in batches(ids, query.len()) {
        let path = format!("{PATH}/{}{query}", batch.join(","));
        let asked = |failure: Failure| of_ids(failure, batch);
        let mut body = client.get(&path).map_err(asked)?;
        let info: UpdateInfo =
            body.read().map_err(asked)?.ok_or_else(|| asked(no_object(client, PATH, body.status)))?;
        body.text = String::new(); // its data are held twice from here on
        client.report().data(data.clone()); // from the first answer on: before it nothing was learned
        lock(&data).add(batch, info).map_err(|limit| asked(body.refused(limit)))?;
        if let Some(failure) = body.failure {
            return Err(asked(failure));
        }
    }
    client.report().data(data.clone());
    if ids.is_empty() {
        return asked_nothing(client);
    }
    let data = lock(&data);
    let missing = data.missing_fix_ids.as_deref().unwrap_or_default();
    if !missing.is_empty() {
        client.report().warn(format!("{} does not know {}.", client.host(), named(missing)));
    }
    let mut things = Named::default();
    let msg = match &data.updates {
        Some(updates) => {
            things.extend(client, updates);
            format!("{} answered for {} of {}.", client.host(), ids.len() - missing.len(), counted(ids.len()))
        }
        None => {
            for words in [&data.actions, &data.filetypes, &data.supported_keys].into_iter().flatten() {
                words.for_each(|word| things.add(|| client.shortened(word, LONGEST_WORDS)));
            }
            format!("{} answered for {} of {}.", client.host(), key.unwrap_or("all"), counted(ids.len()))
        }
    };
    answered(msg, things.sentence())
}

impl Updates {
    /// Adds the answer for a batch: updates in the order asked for, other lists united in first-seen order.
    fn add(&mut self, asked: &[String], info: UpdateInfo) -> Result<(), TooMany> {
        if let (Some(updates), Some(missing)) = (&mut self.updates, &mut self.missing_fix_ids) {
            let places: HashMap<&str, usize> =
                asked.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
            let mut there = vec![false; asked.len()];
            // The text of each, not its value: a hundred thousand of them may have come.
            let mut came: Vec<(usize, &RawValue)> = Vec::new();
            let list = info.update.unwrap_or_default();
            list.for_each_raw(|raw| {
                let id = member(raw.get(), "fixid").and_then(string);
                let place = id.and_then(|id| places.get(id.as_ref()).copied());
                if let Some(there) = place.and_then(|place| there.get_mut(place)) {
                    *there = true;
                }
                came.push((place.unwrap_or(usize::MAX), raw));
                Ok(())
            })?;
            came.sort_by_key(|(place, _)| *place);
            came.into_iter().for_each(|(_, raw)| updates.push(raw));
            missing.extend(asked.iter().zip(there).filter(|(_, there)| !there).map(|(id, _)| id.clone()));
        }
        unite(&mut self.actions, info.actions.as_ref(), "action")?;
        unite(&mut self.filetypes, info.filetypes.as_ref(), "filetype")?;
        unite(&mut self.supported_keys, info.keys.as_ref(), "key")?;
        self.unknown.keep_new(&info.unknown)
    }
}

/// Adds the words that came to a list that is wanted.
fn unite(words: &mut Option<Words>, came: Option<&Json>, name: &str) -> Result<(), TooMany> {
    match (words, came) {
        (Some(words), Some(came)) => words.add(came, name),
        _ => Ok(()),
    }
}

/// A file of each update: one request for each id.
fn files(client: &Client, ids: &[String], filetype: &'static str) -> Result<Success, Failure> {
    let data = Arc::new(Mutex::new(Files::default()));
    let mut sent = Named::default();
    for id in ids {
        let path = format!("{PATH}/{id}?filetype={filetype}");
        match file(client, &path, id, filetype) {
            Ok(file) => {
                lock(&data).files.push(file);
                sent.add(|| id.clone());
            }
            // One update without the file is no reason to do without the others' files, as long as there are others.
            Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::OperationFailed) => {
                lock(&data).missing_fix_ids.push(id.clone());
                client.report().data(data.clone());
                if lock(&data).missing_fix_ids.len() == ids.len() {
                    return Err(of_ids(failure, std::slice::from_ref(id)));
                }
            }
            Err(failure) => return Err(of_ids(failure, std::slice::from_ref(id))),
        }
        client.report().data(data.clone());
    }
    client.report().data(data.clone());
    if ids.is_empty() {
        return asked_nothing(client);
    }
    let missing = &lock(&data).missing_fix_ids;
    if missing.is_empty() {
        return answered(format!("{} sent the {filetype} of {}.", client.host(), counted(ids.len())), sent.sentence());
    }
    client.report().warn(format!("{} does not have the {filetype} of {}.", client.host(), named(missing)));
    let msg = format!("{} sent the {filetype} of {} of {}.", client.host(), sent.count, counted(ids.len()));
    answered(msg, sent.sentence())
}

/// The file of one update.
fn file(client: &Client, path: &str, id: &str, filetype: &'static str) -> Result<UpdateFile, Failure> {
    let body = client.get(path)?;
    let mut file: UpdateFile = body.read()?.ok_or_else(|| no_object(client, path, body.status))?;
    if let Some(failure) = body.failure {
        return Err(failure);
    }
    if file.value.as_ref().is_none_or(|text| text.0.as_text() == "null") {
        client.report().warn(format!("{} sent no text of the {filetype} of {id}.", client.host()));
    }
    let answered = file.fixid.get_or_insert_with(|| Text::of(id)).words();
    if answered != id {
        let answered = client.shortened(&answered, LONGEST_WORDS);
        client.report().warn(format!("{} answered for {answered} when it was asked for {id}.", client.host()));
    }
    let field = file.field.get_or_insert_with(|| Text::of(filetype)).words();
    // The appliance calls the change history `change` as well.
    if !filetype.starts_with(field.as_ref()) || field.is_empty() {
        let field = client.shortened(&field, LONGEST_WORDS);
        client
            .report()
            .warn(format!("{} sent the {field} of {id} when it was asked for the {filetype}.", client.host()));
    }
    Ok(file)
}

/// Splits ids over requests whose request line stays under the limit.
fn batches(ids: &[String], query: usize) -> Vec<&[String]> {
    let fixed = "GET  HTTP/1.1\r\n".len() + PATH.len() + "/".len() + query;
    let mut batches = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let mut line = fixed;
        let fitting = rest.iter().take_while(|id| {
            line += id.len() + ",".len();
            line < LONGEST_REQUEST_LINE
        });
        // A single id always fits.
        let (batch, after) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = after;
    }
    batches
}

/// A question that was answered; nothing is ever changed by asking.
fn answered(msg: String, detail: String) -> Result<Success, Failure> {
    Ok(Success { changed: false, msg, detail })
}

/// An empty list, as a playbook's filter leaves it.
fn asked_nothing(client: &Client) -> Result<Success, Failure> {
    answered(format!("`fix_ids` is empty, so {} was not asked for anything.", client.host()), String::new())
}

/// A failure that names the ids it was about.
fn of_ids(failure: Failure, ids: &[String]) -> Failure {
    let end = if failure.cause.is_some() { "" } else { "." };
    let sentence = failure.sentence.trim_end_matches('.');
    Failure { sentence: format!("{sentence}. It was asked for {}{end}", ids.join(", ")), ..failure }
}

fn no_object(client: &Client, path: &str, status: u16) -> Failure {
    let text = format!("{} answered GET {path} with JSON that is no object.", client.host());
    Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) }
}

/// An update in words: its id, and its state when it says one.
fn described(client: &Client, update: &Object<Update>) -> String {
    let words =
        |text: Option<&Text>| text.map(|text| client.shortened(&text.words(), LONGEST_WORDS)).unwrap_or_default();
    let Some(update) = update.get() else { return "an update without id".into() };
    let (id, state) = (words(update.fixid.as_ref()), words(update.state.as_ref()));
    if state.is_empty() { id } else { format!("{id} ({state})") }
}

/// Things for a sentence: the first ones by name, the others counted.
#[derive(Default)]
struct Named {
    names: Vec<String>,
    count: usize,
}

impl Named {
    fn of(ids: impl Iterator<Item = impl ToString>) -> Named {
        let mut named = Named::default();
        ids.for_each(|id| named.add(|| id.to_string()));
        named
    }

    fn add(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        self.names.extend((self.count <= MOST_NAMED).then(name));
    }

    fn extend(&mut self, client: &Client, updates: &List<Object<Update>>) {
        updates.for_each(|update| self.add(|| described(client, &update)));
    }

    /// The things in words.
    fn words(&self) -> String {
        let names = self.names.join(", ");
        match self.count - self.names.len() {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }

    /// The same as a sentence, when there are any.
    fn sentence(&self) -> String {
        if self.count == 0 { String::new() } else { self.words() + "." }
    }
}

/// A number of updates in words.
fn counted(count: usize) -> String {
    if count == 1 { "1 update".into() } else { format!("{count} updates") }
}

/// Ids in words.
fn named(ids: &[String]) -> String {
    Named::of(ids.iter()).words()
}
