//! Reading the input: normalise (alias, null, environment, coercion), then check the rules; every problem is collected
//! and reported in one failure (docs/contract.md, Input).
//!
//! Nothing here knows HTTP or an operation: the table of operations comes as an argument. Values are never repeated in a
//! message, since any of them may be the password in a wrong place.

pub mod accepted;
pub mod connection;
mod declaration;
pub mod object;
mod reader;
mod rule;

pub use connection::Connection;
pub(crate) use declaration::options;
pub use declaration::{Declaration, Form, Kind, Literal, Presence, definitions};
pub use object::Object;
pub use rule::{Rule, Test};

use std::ffi::OsString;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::{self, Failure};
use crate::scrub::Secrets;
use reader::{Problem, Reader};

/// The longest input: 16 MiB.
pub const LONGEST: u64 = 16 << 20;

/// What the reader has to know of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Its name.
    pub name: &'static str,
    /// Its options without those of the connection.
    pub options: &'static [Declaration],
    /// The rules between them.
    pub rules: &'static [Rule],
}

impl Signature {
    /// All options, those of the connection last.
    pub fn declarations(&self) -> Vec<&'static Declaration> {
        self.options.iter().chain(Connection::OPTIONS).collect()
    }

    /// All rules.
    pub fn all_rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.rules.iter().chain(connection::RULES)
    }
}

/// What the caller asks for, checked and complete.
pub struct Input {
    /// The name of the operation.
    pub operation: &'static str,
    /// Where and how to ask.
    pub connection: Connection,
    /// The operation's own options, normalised, defaults included.
    pub options: Map<String, Value>,
    /// Whether the password arrived as a number, which may have lost digits on its way.
    pub password_was_a_number: bool,
}

impl Input {
    /// Reads one input object; `environment` answers for the variables that stand in for absent options. The password
    /// becomes a known secret before anything is said of any option, and `called` is told the operation as soon as it
    /// is known.
    ///
    /// # Errors
    /// `invalid_input` with every problem: unknown operation, missing, unknown, doubled or unacceptable options.
    pub fn read(
        object: Object,
        signatures: &[Signature],
        environment: &dyn Fn(&str) -> Option<OsString>,
        secrets: &Secrets,
        called: impl FnOnce(&'static str),
    ) -> Result<Input, Failure> {
        let called_name = object.called_name();
        let mut reader = Reader::new(object, environment);
        let password = Connection::OPTIONS.iter().find(|declared| declared.name == "password");
        let password = password.and_then(|password| reader.peek(password));
        if let Some(password) = password.as_ref().and_then(|value| accepted::string(value).ok()) {
            secrets.add(&password);
        }
        let signature = operation(&mut reader, signatures, called_name.as_deref());
        if let Some(signature) = signature {
            called(signature.name);
        }
        let (mut connection, mut options) = (Map::new(), Map::new());
        match signature {
            Some(signature) => reader.take(signature.options, &mut options),
            // An unknown operation: accept the options of any operation.
            None => signatures.iter().for_each(|any| reader.pass(any.options)),
        }
        reader.take(Connection::OPTIONS, &mut connection);
        reader.check(connection::RULES, &connection);
        reader.check(signature.map(|signature| signature.rules).unwrap_or_default(), &options);
        let problems = reader.problems();
        let Some(signature) = signature.filter(|_| problems.is_empty()) else { return Err(refused(&problems)) };
        complete(&mut connection, Connection::OPTIONS);
        complete(&mut options, signature.options);
        let password_was_a_number = password.is_some_and(|value| value.is_number());
        Ok(Input { operation: signature.name, connection: typed(connection)?, options, password_was_a_number })
    }
}

/// Puts the defaults in place of what was not given.
fn complete(values: &mut Map<String, Value>, declarations: &[Declaration]) {
    for declared in declarations {
        if let Presence::Default(value) = declared.presence {
            values.entry(declared.name).or_insert_with(|| value.into());
        }
    }
}

/// Normalised, complete values as the struct that their declarations stand in.
///
/// # Errors
/// `internal` when the struct and its declarations disagree.
pub fn typed<T: DeserializeOwned>(values: Map<String, Value>) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(values)).map_err(|_| {
        Failure::new(
            failure::Kind::Internal,
            "The options do not fit their declarations; please report this defect of lxca.",
        )
    })
}

/// The operation asked for: the option, or the name the caller knows this program by.
fn operation(reader: &mut Reader, signatures: &[Signature], called_name: Option<&str>) -> Option<Signature> {
    let names: Vec<&'static str> = signatures.iter().map(|signature| signature.name).collect();
    let name = match reader.take_key("operation", accepted::choice(&names)) {
        Some(name) => name.ok(),
        None => {
            let found = names.iter().find(|name| called_name == Some(**name)).copied();
            if found.is_none() {
                reader.refuse("operation", format!("required: one of {}", names.join(", ")));
            }
            found
        }
    };
    signatures.iter().find(|signature| Some(signature.name) == name).copied()
}

/// The failure that names all problems.
fn refused(problems: &[Problem]) -> Failure {
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    Failure::new(failure::Kind::InvalidInput, format!("Invalid input, nothing was sent: {}.", problems.join("; ")))
}

#[cfg(test)]
mod tests;
