//! The operations: one file each, and here the table of them.
//!
//! An operation asks the client and says what it learned; it knows no transport and does not print.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::answer::Success;
use crate::client::Client;
use crate::failure::Failure;
use crate::input::Options;

mod appliance_info;
mod firmware_export_info;
mod management_server_update_info;

/// Every operation, in the order they are listed.
pub static TABLE: &[Entry] = &[
    Entry::of::<firmware_export_info::FirmwareExportInfo>(),
    Entry::of::<management_server_update_info::ManagementServerUpdateInfo>(),
    Entry::of::<appliance_info::ApplianceInfo>(),
];

/// An operation whose options have been read.
pub trait Operation {
    /// Asks the appliance. What is learned on the way goes to the client's report, the end is given back.
    ///
    /// # Errors
    /// The client's, and those that the operation's own module names.
    fn run(&self, client: &Client) -> Result<Success, Failure>;
}

/// What the table has to know of an operation.
pub trait Described: Operation + JsonSchema + Sized + 'static {
    /// Its name, as the option `operation` takes it.
    const NAME: &'static str;
    /// A line for `lxca operations`.
    const SUMMARY: &'static str;
    /// What stands under `data` of its answers.
    type Data: JsonSchema;

    /// Examples of `data` for the published schema, one of each shape in their order; every attribute stands in one of them.
    fn examples() -> Vec<Value>;

    /// Takes its options; nothing when one of them was refused.
    fn read(options: &mut Options) -> Option<Self>;

    /// The rules between its options, for the published schema.
    fn rules() -> Vec<Value> {
        Vec::new()
    }
}

/// A line of the table.
pub struct Entry {
    /// The operation's name.
    pub name: &'static str,
    /// What it answers, in a line.
    pub summary: &'static str,
    /// Takes its options.
    pub read: fn(&mut Options) -> Option<Box<dyn Operation>>,
    /// The schema of its options.
    pub options_schema: fn(&mut SchemaGenerator) -> Schema,
    /// The rules between its options.
    pub rules: fn() -> Vec<Value>,
    /// The schema of its data.
    pub data_schema: fn(&mut SchemaGenerator) -> Schema,
    /// Examples of its data.
    pub examples: fn() -> Vec<Value>,
}

impl Entry {
    const fn of<O: Described>() -> Entry {
        Entry {
            name: O::NAME,
            summary: O::SUMMARY,
            read: |options| O::read(options).map(|operation| Box::new(operation) as Box<dyn Operation>),
            options_schema: |generator| O::json_schema(generator),
            rules: O::rules,
            data_schema: |generator| generator.subschema_for::<O::Data>(),
            examples: O::examples,
        }
    }
}

/// The entry of a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// A line for each operation.
pub fn list() -> String {
    let width = TABLE.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
    TABLE.iter().map(|entry| format!("{:width$}  {}\n", entry.name, entry.summary)).collect()
}
