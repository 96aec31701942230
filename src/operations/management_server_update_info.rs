//! `management_server_update_info`: updates of the management server itself, by id or all that are in its repository
//! (docs/contract.md, management_server_update_info; docs/lxca-api.md, Management server updates).

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Context, Operation};
use crate::answer::Success;
use crate::client::envelope::document;
use crate::client::wire::management_server_updates::{Repository, Update, UpdateFile, UpdateInfo, words};
use crate::client::wire::{Json, Object, Record, Text, Unknown};
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Form, Kind as Accepts, Rule, Test, options};
use crate::scrub::Word;

const PATH: &str = "/managementServer/updates";

/// What can be asked for of updates by id. The collection says `updates`, one update says `update`.
const KEYS_OF_UPDATES: [&str; 5] = ["all", "actions", "keys", "filetypes", "update"];
/// What can be asked for of the repository.
const KEYS_OF_REPOSITORY: [&str; 7] =
    ["all", "currentVersion", "history", "importDir", "size", "updates", "updatedDate"];
/// Both.
const KEYS: [&str; 11] = [
    "all",
    "actions",
    "keys",
    "filetypes",
    "update",
    "currentVersion",
    "history",
    "importDir",
    "size",
    "updates",
    "updatedDate",
];
/// The files of an update. An answer calls the change history `change`; it has to be asked for as `changeHistory`.
const FILETYPES: [&str; 2] = ["readme", "changeHistory"];

/// Web servers refuse request lines over 8 KB; half of it leaves room for what stands between us and them.
const LONGEST_REQUEST_LINE: usize = 4 << 10;
/// How many ids a sentence names.
const MOST_NAMED: usize = 10;

/// How a fix id is written: as it stands in a path.
pub const FIX_ID: Form = Form {
    about: "an id of up to 255 ASCII letters, digits, dots, hyphens and underscores, neither `.` nor `..`",
    pattern: r"^(?!\.\.?$)[A-Za-z0-9._-]+$",
    longest: 255,
    fits: |id| {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        plain && !matches!(id, "" | "." | "..")
    },
};

options! {
    /// The options of `management_server_update_info`.
    pub struct ManagementServerUpdateInfo {
        /// IDs of updates; without them lxca asks for the repository itself. Any number: they are split over as many
        /// requests as it takes, and an id that stands twice is asked for once. An empty list asks for nothing.
        fix_ids: Option<Vec<String>> =
            Accepts::List(&FIX_ID).optional().example(r#"["lnvgy_sw_lxca_update-4.1.0_anyos_noarch"]"#),
        /// What to ask for; everything when neither this nor `filetype` is given. With `fix_ids`: `all`, `actions`,
        /// `keys`, `filetypes`, `update`; without: `all`, `currentVersion`, `history`, `importDir`, `size`, `updates`,
        /// `updatedDate`.
        key: Option<String> = Accepts::Choice(&KEYS).optional(),
        /// The file to ask for of each of `fix_ids`; not together with `key`.
        filetype: Option<String> = Accepts::Choice(&FILETYPES).optional(),
    }
}

/// What is asked for.
#[derive(serde::Serialize, JsonSchema)]
#[serde(untagged)]
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
    updates: Option<Vec<Object<Update>>>,
    /// What can be done with them, such as `acquire`, `apply` and `delete`.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<String>>,
    /// Files that the appliance says can be asked for; it calls the change history `change`.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    filetypes: Option<Vec<String>>,
    /// Keys that can be asked for.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    supported_keys: Option<Vec<String>>,
    /// IDs that were asked for and are not in the answers.
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    missing_fix_ids: Option<Vec<String>>,
    #[schemars(skip)]
    unknown: Unknown,
}

/// The files that were asked for.
#[derive(Default, serde::Serialize, JsonSchema)]
pub struct Files {
    /// One file for each id, in the order asked for.
    files: Vec<UpdateFile>,
}

impl Serialize for Updates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const NAMES: [&str; 4] = ["actions", "filetypes", "supported_keys", "missing_fix_ids"];
        let mut map = serializer.serialize_map(None)?;
        if let Some(updates) = &self.updates {
            map.serialize_entry(&Word("updates"), updates)?;
        }
        let lists = [&self.actions, &self.filetypes, &self.supported_keys, &self.missing_fix_ids];
        for (name, list) in NAMES.into_iter().zip(lists) {
            if let Some(list) = list {
                map.serialize_entry(&Word(name), list)?;
            }
        }
        self.unknown.write(&mut map, &["updates", NAMES[0], NAMES[1], NAMES[2], NAMES[3]])?;
        map.end()
    }
}

impl Operation for ManagementServerUpdateInfo {
    const NAME: &'static str = "management_server_update_info";
    const SUMMARY: &'static str = "information, readme or change history of updates of the management server";
    const OPTIONS: &'static [Declaration] = ManagementServerUpdateInfo::OPTIONS;
    const RULES: &'static [Rule] = &[
        Rule::Exclusive("filetype", "key"),
        Rule::Needs("filetype", "fix_ids"),
        Rule::When {
            option: "fix_ids",
            is: Test::Given,
            then: "key",
            must: Test::OneOf(&KEYS_OF_UPDATES),
            problem: "must be one of all, actions, keys, filetypes, update (with `fix_ids`)",
        },
        Rule::When {
            option: "fix_ids",
            is: Test::Absent,
            then: "key",
            must: Test::OneOf(&KEYS_OF_REPOSITORY),
            problem: "must be one of all, currentVersion, history, importDir, size, updates, updatedDate (without \
                      `fix_ids`)",
        },
    ];
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
            }]
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

    fn run(&self, context: &Context<'_, Data>) -> Result<Success, Failure> {
        match (&self.fix_ids, self.filetype.as_deref()) {
            (None, _) => repository(context, self.key.as_deref()),
            (Some(ids), None) => updates(context, ids, self.key.as_deref()),
            (Some(ids), Some(filetype)) => files(context, ids, filetype),
        }
    }
}

/// The repository itself.
fn repository(context: &Context<'_, Data>, key: Option<&str>) -> Result<Success, Failure> {
    let path = key.map_or(PATH.to_owned(), |key| format!("{PATH}?key={key}"));
    let body = context.client.get(&path)?;
    let repository =
        document(&body.text).map(Repository::from_pairs).ok_or_else(|| no_object(context, &path, body.status))?;
    let names: Vec<String> = repository.updates.iter().flat_map(|list| list.items()).map(described).collect();
    let version = repository.current_version.as_ref().and_then(Json::string);
    let version = version.map(|version| format!(" It runs version {version}.")).unwrap_or_default();
    let msg = match (&repository.updates, key) {
        (Some(_), _) => format!("{} has {} in its repository.", context.host(), counted(names.len())),
        (None, Some(key)) => format!("{} answered for {key} of its update repository.", context.host()),
        (None, None) => format!("{} answered for its update repository.", context.host()),
    };
    context.set_data(Data::Repository(repository));
    match body.failure {
        Some(failure) => Err(failure),
        None => answered(msg + &version, listed(&names)),
    }
}

/// Updates by id, without their files.
fn updates(context: &Context<'_, Data>, ids: &[String], key: Option<&str>) -> Result<Success, Failure> {
    let query = key.map(|key| format!("?key={key}")).unwrap_or_default();
    if ids.is_empty() {
        context.set_data(Data::Updates(Updates::asked_for(key)));
        return answered("No ids were given, so nothing was asked for.".into(), String::new());
    }
    for batch in batches(ids, query.len()) {
        let path = format!("{PATH}/{}{query}", batch.join(","));
        let asked = |failure: Failure| of_ids(failure, batch);
        let body = context.client.get(&path).map_err(|error| asked(error.into()))?;
        let pairs = document(&body.text).ok_or_else(|| asked(no_object(context, PATH, body.status)))?;
        // From the first answer on: before it nothing was learned.
        context.with_data(|data| {
            let data = data.get_or_insert_with(|| Data::Updates(Updates::asked_for(key)));
            if let Data::Updates(updates) = data {
                updates.add(batch, UpdateInfo::from_pairs(pairs));
            }
        });
        if let Some(failure) = body.failure {
            return Err(asked(failure));
        }
    }
    context.with_data(|data| match data {
        Some(Data::Updates(data)) => summary(context, ids, key, data),
        _ => answered("No ids were given, so nothing was asked for.".into(), String::new()),
    })
}

/// The updates that were asked for, in words.
fn summary(context: &Context<'_, Data>, ids: &[String], key: Option<&str>, data: &Updates) -> Result<Success, Failure> {
    let names: Vec<String> = data.updates.iter().flatten().map(described).collect();
    let missing = data.missing_fix_ids.as_deref().unwrap_or_default();
    if !missing.is_empty() {
        context.warn(format!("{} does not know {}.", context.host(), named(missing)));
    }
    match (&data.updates, key) {
        (Some(_), _) => {
            let msg =
                format!("{} answered for {} of {}.", context.host(), ids.len() - missing.len(), counted(ids.len()));
            answered(msg, listed(&names))
        }
        (None, key) => {
            let lists = [&data.actions, &data.filetypes, &data.supported_keys];
            let words: Vec<String> = lists.into_iter().flatten().flatten().cloned().collect();
            let msg = format!("{} answered for {} of {}.", context.host(), key.unwrap_or("all"), counted(ids.len()));
            answered(msg, listed(&words))
        }
    }
}

impl Updates {
    /// Nothing yet; the lists that a key asks for.
    fn asked_for(key: Option<&str>) -> Updates {
        let wanted = |name| matches!(key, None | Some("all")) || key == Some(name);
        let list = |name| wanted(name).then(Vec::new);
        Updates {
            updates: wanted("update").then(Vec::new),
            actions: list("actions"),
            filetypes: list("filetypes"),
            supported_keys: list("keys"),
            missing_fix_ids: list("update"),
            unknown: Unknown::default(),
        }
    }

    /// Adds the answer for a batch: updates in the order asked for, other lists united in first-seen order.
    fn add(&mut self, asked: &[String], info: UpdateInfo) {
        let mut came: Vec<Object<Update>> = match info.update {
            Some(crate::client::wire::List::Of(updates)) => updates,
            Some(crate::client::wire::List::Other(other)) => vec![Object::Other(other)],
            None => Vec::new(),
        };
        if let (Some(updates), Some(missing)) = (&mut self.updates, &mut self.missing_fix_ids) {
            let places: HashMap<&str, usize> =
                asked.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
            let place = |update: &Object<Update>| fixid(update).and_then(|id| places.get(id.as_str()).copied());
            let there: HashSet<usize> = came.iter().filter_map(place).collect();
            came.sort_by_cached_key(|update| place(update).unwrap_or(usize::MAX));
            updates.append(&mut came);
            missing
                .extend(asked.iter().enumerate().filter(|(place, _)| !there.contains(place)).map(|(_, id)| id.clone()));
        }
        unite(&mut self.actions, info.actions.as_ref(), "action");
        unite(&mut self.filetypes, info.filetypes.as_ref(), "filetype");
        unite(&mut self.supported_keys, info.keys.as_ref(), "key");
        self.unknown.keep_new(info.unknown);
    }
}

/// Adds the words that are new to a list that is wanted.
fn unite(list: &mut Option<Vec<String>>, came: Option<&Json>, name: &str) {
    let Some(list) = list else { return };
    let mut known: HashSet<String> = list.iter().cloned().collect();
    let came = came.map(|came| words(came, name)).unwrap_or_default();
    list.extend(came.into_iter().filter(|word| known.insert(word.clone())));
}

/// A file of each update: one request for each id.
fn files(context: &Context<'_, Data>, ids: &[String], filetype: &str) -> Result<Success, Failure> {
    if ids.is_empty() {
        context.set_data(Data::Files(Files::default()));
        return answered("No ids were given, so nothing was asked for.".into(), String::new());
    }
    for id in ids {
        let path = format!("{PATH}/{id}?filetype={filetype}");
        let asked = |failure: Failure| of_ids(failure, std::slice::from_ref(id));
        let body = context.client.get(&path).map_err(|error| asked(error.into()))?;
        let file = document(&body.text).map(UpdateFile::from_pairs);
        let mut file = file.ok_or_else(|| asked(no_object(context, &path, body.status)))?;
        if let Some(failure) = body.failure {
            return Err(asked(failure));
        }
        if file.value.as_ref().is_none_or(|text| text.0.as_text() == "null") {
            context.warn(format!("{} sent no text of the {filetype} of {id}.", context.host()));
        }
        let answered = file.fixid.get_or_insert_with(|| Text::of(id)).words();
        if answered != *id {
            context.warn(format!("{} answered for {answered} when it was asked for {id}.", context.host()));
        }
        let field = file.field.get_or_insert_with(|| Text::of(filetype)).words();
        // The appliance calls the change history `change` as well.
        if !filetype.starts_with(field.as_str()) || field.is_empty() {
            context.warn(format!("{} sent the {field} of {id} when it was asked for the {filetype}.", context.host()));
        }
        context.with_data(|data| {
            if let Data::Files(data) = data.get_or_insert_with(|| Data::Files(Files::default())) {
                data.files.push(file);
            }
        });
    }
    let msg = format!("{} sent the {filetype} of {}.", context.host(), counted(ids.len()));
    answered(msg, named(ids) + ".")
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
    Ok(Success { msg, detail })
}

/// A failure that names the ids it was about.
fn of_ids(failure: Failure, ids: &[String]) -> Failure {
    let end = if failure.cause.is_some() { "" } else { "." };
    let sentence = failure.sentence.trim_end_matches('.');
    let asked = match ids {
        [first, .., last] if ids.len() > MOST_NAMED => format!("{} ids from {first} to {last}", ids.len()),
        _ => ids.join(", "),
    };
    Failure { sentence: format!("{sentence}. It was asked for {asked}{end}"), ..failure }
}

fn no_object(context: &Context<'_, Data>, path: &str, status: u16) -> Failure {
    let text = format!("{} answered GET {path} with JSON that is no object.", context.host());
    Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) }
}

fn fixid(update: &Object<Update>) -> Option<String> {
    update.get()?.fixid.as_ref()?.0.string()
}

/// An update in words: its id, and its state when it says one.
fn described(update: &Object<Update>) -> String {
    let words = |text: Option<&Text>| text.map(Text::words).unwrap_or_default();
    let Some(update) = update.get() else { return "an update without id".into() };
    let (id, state) = (words(update.fixid.as_ref()), words(update.state.as_ref()));
    if state.is_empty() { id } else { format!("{id} ({state})") }
}

/// A number of updates in words.
fn counted(count: usize) -> String {
    if count == 1 { "1 update".into() } else { format!("{count} updates") }
}

/// Ids in words.
fn named(ids: &[String]) -> String {
    let some = ids.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match ids.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{some} and {more} more"),
        None => some,
    }
}

/// A sentence that lists things, when there are any.
fn listed(things: &[String]) -> String {
    if things.is_empty() { String::new() } else { named(things) + "." }
}
