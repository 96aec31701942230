//! The operations: one file each, and here the table of them.
//!
//! An operation asks the client and records what it learns in its [`Context`]; it knows no transport and does not print.

use std::sync::{Arc, Mutex};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer::Success;
use crate::client::Client;
use crate::failure::Failure;
use crate::input::{self, Declaration, Rule, Signature};
use crate::lock::lock;
use crate::outcome::Outcome;

mod appliance_info;
mod change;
mod firmware_export_info;
mod fix_ids;
mod management_server_catalog;
mod management_server_update_info;
mod wait;

/// Every operation, in the order they are listed.
pub static TABLE: &[Entry] = &[
    Entry::of::<firmware_export_info::FirmwareExportInfo>(),
    Entry::of::<management_server_update_info::ManagementServerUpdateInfo>(),
    Entry::of::<appliance_info::ApplianceInfo>(),
    Entry::of::<management_server_catalog::ManagementServerCatalog>(),
];

/// An operation: the struct of its options, as [`options!`](input::options!) declares it, and what it does with them.
pub trait Operation: DeserializeOwned {
    /// Its name, as the option `operation` takes it.
    const NAME: &'static str;
    /// A line for `lxca operations`.
    const SUMMARY: &'static str;
    /// Whether it changes something.
    const CHANGES: bool = false;
    /// Its options.
    const OPTIONS: &'static [Declaration];
    /// The rules between its options.
    const RULES: &'static [Rule] = &[];
    /// Examples of `data` for the published schema, a JSON list with one of each shape in their order; every attribute
    /// stands in one of them.
    const EXAMPLES: &'static str;
    /// What stands under `data` of its answers.
    type Data: Serialize + JsonSchema + Send + 'static;

    /// Asks the appliance. What is learned on the way goes to the context.
    ///
    /// # Errors
    /// The client's, and those that the operation's own module names.
    fn run(&self, context: &Context<'_, Self::Data>) -> Result<Success, Failure>;
}

/// What an operation works with. What it records here is what success, failure, a signal and a panic show.
pub struct Context<'c, D> {
    /// The appliance.
    pub client: &'c Client,
    outcome: &'c Outcome,
    data: Arc<Mutex<Option<D>>>,
}

impl<'c, D: Serialize + Send + 'static> Context<'c, D> {
    fn new(client: &'c Client, outcome: &'c Outcome) -> Context<'c, D> {
        let data = Arc::new(Mutex::new(None));
        outcome.show_data(data.clone());
        Context { client, outcome, data }
    }

    /// The name of the appliance, for sentences.
    pub fn host(&self) -> &str {
        self.client.host()
    }

    /// Shows these data from now on.
    pub fn set_data(&self, data: D) {
        *lock(&self.data) = Some(data);
    }

    /// Works on the data that are shown.
    pub fn with_data<T>(&self, work: impl FnOnce(&mut Option<D>) -> T) -> T {
        work(&mut lock(&self.data))
    }

    /// Whether the caller wants to know what would change, and nothing changed.
    pub fn check_mode(&self) -> bool {
        self.outcome.caller().check_mode
    }

    /// Says whether something changed, or would in check mode, when that is known better than from the requests sent.
    pub fn set_changed(&self, changed: bool) {
        self.outcome.set_changed(changed);
    }

    /// Shows what changed, or would in check mode: the same shape on both sides, keyed by id.
    pub fn show_diff<T: Serialize + Send + 'static>(&self, before: T, after: T) {
        self.outcome.show_diff(before, after);
    }

    /// Says in the log where a wait is.
    pub fn progress(&self, what: &str, place: &str) {
        self.client.log_progress(what, place);
    }

    /// Adds a warning.
    pub fn warn(&self, warning: impl Into<String>) {
        self.outcome.warn(warning);
    }
}

/// Runs an operation with its normalised options.
type Run = fn(Map<String, Value>, &Client, &Outcome) -> Result<Success, Failure>;

/// A line of the table.
pub struct Entry {
    /// What the reader of the input has to know of it.
    pub signature: Signature,
    /// What it answers, in a line.
    pub summary: &'static str,
    /// Whether it changes something.
    pub changes: bool,
    /// Runs it with its normalised options.
    pub run: Run,
    /// The schema of its data.
    pub data_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Examples of its data, a JSON list.
    pub examples: &'static str,
}

impl Entry {
    const fn of<O: Operation>() -> Entry {
        Entry {
            signature: Signature { name: O::NAME, options: O::OPTIONS, rules: O::RULES },
            summary: O::SUMMARY,
            changes: O::CHANGES,
            run: |options, client, outcome| input::typed::<O>(options)?.run(&Context::new(client, outcome)),
            data_schema: |generator| generator.subschema_for::<O::Data>(),
            examples: O::EXAMPLES,
        }
    }
}

/// What the reader of the input has to know of all operations.
pub fn signatures() -> Vec<Signature> {
    TABLE.iter().map(|entry| entry.signature).collect()
}

/// The entry of a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.signature.name == name)
}

/// A line for each operation.
pub fn list() -> String {
    let width = TABLE.iter().map(|entry| entry.signature.name.len()).max().unwrap_or_default();
    TABLE.iter().map(|entry| format!("{:width$}  {}\n", entry.signature.name, entry.summary)).collect()
}
