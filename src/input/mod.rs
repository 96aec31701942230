//! Reading the input: normalise (alias, null, environment, coercion), then check; every problem is collected and
//! reported in one failure (contract, section 2).
//!
//! Nothing here knows HTTP. Values are never repeated in a message: any of them may be the password in a wrong place.

pub mod accepted;
pub mod connection;
pub mod object;
pub mod options;

pub use connection::Connection;
pub use object::Object;
pub use options::{Options, Problem};

use std::ffi::OsString;

use crate::failure::{Failure, Kind};
use crate::operations::{Entry, Operation, TABLE};
use crate::report::Report;

/// No input is longer: 16 MiB.
pub const LONGEST: u64 = 16 << 20;

/// What the caller asks for, checked and complete.
pub struct Input {
    /// Where and how to ask.
    pub connection: Connection,
    /// What to ask.
    pub operation: Box<dyn Operation>,
}

impl Input {
    /// Reads one input object; `environment` answers for the variables that stand in for absent options.
    ///
    /// # Errors
    /// `invalid_input` with every problem: unknown operation, missing, unknown, doubled or unacceptable options.
    pub fn read(
        object: Object,
        environment: &dyn Fn(&str) -> Option<OsString>,
        report: &Report,
    ) -> Result<Input, Failure> {
        let mut options = Options::new(object, environment);
        if let Some(password) = options.text("password") {
            report.secrets.add(&password); // before anything is said of any option
        }
        let entry = operation(&mut options);
        report.operation(entry.map(|entry| entry.name));
        let connection = Connection::read(&mut options);
        let operation = entry.and_then(|entry| (entry.read)(&mut options));
        if entry.is_none() {
            // Which options belong to an operation nobody knows? Any operation's are let pass.
            TABLE.iter().for_each(|entry| options.allow(entry));
        }
        let problems = options.problems();
        match (connection, operation) {
            (Some(connection), Some(operation)) if problems.is_empty() => Ok(Input { connection, operation }),
            _ => Err(refused(&problems)),
        }
    }
}

/// The operation asked for: the option, or the name the caller knows this program by.
fn operation(options: &mut Options) -> Option<&'static Entry> {
    let names: Vec<&'static str> = TABLE.iter().map(|entry| entry.name).collect();
    let name = match options.optional("operation", accepted::choice(&names)) {
        Some(name) => Some(name),
        None if options.refused("operation") => None,
        None => {
            let called = options.called_name();
            let found = names.iter().find(|name| called.as_deref() == Some(**name)).copied();
            if found.is_none() {
                options.refuse("operation", format!("required: one of {}", names.join(", ")));
            }
            found
        }
    };
    TABLE.iter().find(|entry| Some(entry.name) == name)
}

/// The failure that names all problems.
fn refused(problems: &[Problem]) -> Failure {
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let text = format!("The input was refused and nothing was sent: {}.", problems.join("; "));
    Failure::new(Kind::InvalidInput, text)
}

#[cfg(test)]
mod tests;
