//! `management_server_update_info`: updates of the management server itself, by id or all that are in its repository
//! (docs/contract.md, management_server_update_info; docs/lxca-api.md, Management server updates).

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::fix_ids::{FIX_ID, Named, batches, counted, named, of_ids};
use super::{Context, Operation};
use crate::answer::Success;
use crate::client::wire::management_server_updates::{Repository, Update, UpdateFile, UpdateInfo, Words};
use crate::client::wire::{Json, List, Object, Text, TooMany, Unknown, member, string, write_attribute};
use crate::client::{Client, LONGEST_WORDS, SendError};
use crate::failure::{Failure, Kind};
use crate::input::{Declaration, Kind as Accepts, Rule, Test, options};

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
    const EXAMPLES: &'static str = include_str!("../../schemas/examples/management_server_update_info.json");
    type Data = Data;

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
    let host = context.host();
    let path = key.map_or(PATH.to_owned(), |key| format!("{PATH}?key={key}"));
    let answer = context.client.get(&path)?;
    let repository: Repository = answer.read()?.ok_or_else(|| no_object(context, &path, answer.status))?;
    let mut updates = Named::default();
    if let Some(list) = &repository.updates {
        list.for_each(|update| updates.add(|| described(context.client, &update)));
    }
    let version = repository.current_version.as_ref().and_then(Json::string);
    let version = version.map(|version| context.client.shortened(&version, LONGEST_WORDS));
    let version = version.map(|version| format!(" It runs version {version}.")).unwrap_or_default();
    let msg = match (&repository.updates, key) {
        (Some(_), _) => format!("{host} has {} in its repository.", counted(updates.count)),
        (None, Some(key)) => format!("{host} answered for {key} of its update repository."),
        (None, None) => format!("{host} answered for its update repository."),
    };
    context.set_data(Data::Repository(repository));
    match answer.failure {
        Some(failure) => Err(failure),
        None => Ok(Success { msg: msg + &version, detail: updates.sentence() }),
    }
}

/// Updates by id, without their files.
fn updates(context: &Context<'_, Data>, ids: &[String], key: Option<&str>) -> Result<Success, Failure> {
    if ids.is_empty() {
        context.set_data(Data::Updates(Updates::asked_for(key)));
        return Ok(asked_nothing(context));
    }
    let query = key.map(|key| format!("?key={key}")).unwrap_or_default();
    for batch in batches(ids, PATH.len() + "/".len() + query.len()) {
        let path = format!("{PATH}/{}{query}", batch.join(","));
        let asked = |error: SendError| of_ids(error.failure, batch);
        let mut answer = context.client.get(&path).map_err(asked)?;
        let info: UpdateInfo =
            answer.read().map_err(asked)?.ok_or_else(|| asked(no_object(context, PATH, answer.status).into()))?;
        answer.text = String::new(); // its data are held twice from here on
        // From the first answer on: before it nothing was learned.
        let added =
            context.with_data(|data| match data.get_or_insert_with(|| Data::Updates(Updates::asked_for(key))) {
                Data::Updates(updates) => updates.add(batch, info),
                _ => Ok(()),
            });
        added.map_err(|limit| asked(answer.refused(limit)))?;
        if let Some(failure) = answer.failure {
            return Err(asked(failure.into()));
        }
    }
    context.with_data(|data| match data {
        Some(Data::Updates(updates)) => Ok(updates.summary(context, ids, key)),
        _ => Ok(asked_nothing(context)),
    })
}

impl Updates {
    /// Nothing yet: the lists that a key asks for.
    fn asked_for(key: Option<&str>) -> Updates {
        let wanted = |name| matches!(key, None | Some("all")) || key == Some(name);
        let words = |name| wanted(name).then(Words::default);
        Updates {
            updates: wanted("update").then(List::default),
            actions: words("actions"),
            filetypes: words("filetypes"),
            supported_keys: words("keys"),
            missing_fix_ids: wanted("update").then(Vec::new),
            unknown: Unknown::default(),
        }
    }

    /// What was asked for, in words.
    fn summary(&self, context: &Context<'_, Data>, ids: &[String], key: Option<&str>) -> Success {
        let (host, count) = (context.host(), counted(ids.len()));
        let missing = self.missing_fix_ids.as_deref().unwrap_or_default();
        if !missing.is_empty() {
            context.warn(format!("{host} does not know {}.", named(missing)));
        }
        let mut things = Named::default();
        let msg = match &self.updates {
            Some(updates) => {
                updates.for_each(|update| things.add(|| described(context.client, &update)));
                format!("{host} answered for {} of {count}.", ids.len() - missing.len())
            }
            None => {
                for words in [&self.actions, &self.filetypes, &self.supported_keys].into_iter().flatten() {
                    words.for_each(|word| things.add(|| context.client.shortened(word, LONGEST_WORDS)));
                }
                format!("{host} answered for {} of {count}.", key.unwrap_or("all"))
            }
        };
        Success { msg, detail: things.sentence() }
    }

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

/// A file of each update: one request for each id. One update without the file is no reason to do without the others'
/// files, as long as there are others.
fn files(context: &Context<'_, Data>, ids: &[String], filetype: &str) -> Result<Success, Failure> {
    let host = context.host();
    if ids.is_empty() {
        context.set_data(Data::Files(Files::default()));
        return Ok(asked_nothing(context));
    }
    let (mut sent, mut missing) = (Named::default(), Vec::new());
    for id in ids {
        let of_id = |failure| of_ids(failure, std::slice::from_ref(id));
        let path = format!("{PATH}/{id}?filetype={filetype}");
        let file = match file(context, &path, id, filetype) {
            Err(failure) if !matches!(failure.kind, Kind::NotFound | Kind::OperationFailed) => {
                return Err(of_id(failure));
            }
            file => file,
        };
        let add = |file, missing| {
            context.with_data(|data| {
                let Data::Files(files) = data.get_or_insert_with(|| Data::Files(Files::default())) else { return };
                files.files.extend(file);
                files.missing_fix_ids.extend(missing);
            });
        };
        match file {
            Ok(file) => {
                sent.add(|| id.clone());
                add(Some(file), None);
            }
            Err(failure) => {
                missing.push(id.clone());
                add(None, Some(id.clone()));
                if missing.len() == ids.len() {
                    return Err(of_id(failure));
                }
            }
        }
    }
    if !missing.is_empty() {
        context.warn(format!("{host} does not have the {filetype} of {}.", named(&missing)));
    }
    let some = if missing.is_empty() { String::new() } else { format!("{} of ", sent.count) };
    let msg = format!("{host} sent the {filetype} of {some}{}.", counted(ids.len()));
    Ok(Success { msg, detail: sent.sentence() })
}

/// The file of one update.
fn file(context: &Context<'_, Data>, path: &str, id: &str, filetype: &str) -> Result<UpdateFile, Failure> {
    let host = context.host();
    let answer = context.client.get(path)?;
    let mut file: UpdateFile = answer.read()?.ok_or_else(|| no_object(context, path, answer.status))?;
    if let Some(failure) = answer.failure {
        return Err(failure);
    }
    if file.value.as_ref().is_none_or(|text| text.0.as_text() == "null") {
        context.warn(format!("{host} sent no text of the {filetype} of {id}."));
    }
    let answered = file.fixid.get_or_insert_with(|| Text::of(id)).words();
    if answered != id {
        let answered = context.client.shortened(&answered, LONGEST_WORDS);
        context.warn(format!("{host} answered for {answered} when it was asked for {id}."));
    }
    let field = file.field.get_or_insert_with(|| Text::of(filetype)).words();
    // The appliance calls the change history `change` as well.
    if !filetype.starts_with(field.as_ref()) || field.is_empty() {
        let field = context.client.shortened(&field, LONGEST_WORDS);
        context.warn(format!("{host} sent the {field} of {id} when it was asked for the {filetype}."));
    }
    Ok(file)
}

/// An empty list, as a playbook's filter leaves it.
fn asked_nothing(context: &Context<'_, Data>) -> Success {
    let msg = format!("`fix_ids` is empty, so {} was not asked for anything.", context.host());
    Success { msg, detail: String::new() }
}

fn no_object(context: &Context<'_, Data>, path: &str, status: u16) -> Failure {
    let text = format!("{} answered GET {path} with JSON that is not an object.", context.host());
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
