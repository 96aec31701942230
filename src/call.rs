//! Who calls, what is wanted, and where the input's bytes come from (contract, section 1).
//!
//! Nothing here knows options.

use std::ffi::OsString;
use std::io::{IsTerminal, Read};

use crate::failure::{Failure, Kind};
use crate::input::{LONGEST, Object};

/// The help of `lxca --help`.
pub const HELP: &str = include_str!("help.txt");

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    /// Read an input object and answer it.
    Ask(Source),
    /// `lxca schema [input|output] [OPERATION]`.
    Schema {
        /// Whether the schema of the answers is wanted, not the one of the input.
        output: bool,
        /// The operation, when only one's is wanted.
        operation: Option<String>,
    },
    /// `lxca operations`.
    Operations,
    /// `lxca --version`.
    Version,
    /// `lxca --help`.
    Help,
    /// `lxca` on a terminal, which has nothing to say: the help, and exit status 2.
    HelpInstead,
}

/// Where the input comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, as Ansible gives it to a binary module.
    File(OsString),
    /// Standard input.
    Stdin,
}

/// What the answer must know of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller {
    /// Ansible: shows the whole answer, so that `comment` is left out.
    pub ansible: bool,
    /// Bolt: wants `_error`.
    pub bolt: bool,
}

impl Caller {
    /// What the input object says of who made it.
    pub fn of(object: &Object) -> Caller {
        Caller { ansible: object.ansible, bolt: object.bolt }
    }
}

impl Call {
    /// Reads the command line, without the program's own name.
    ///
    /// # Errors
    /// `invalid_input` for an unknown flag, an unknown word behind `schema`, or an argument too many.
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Call, Failure> {
        let arguments: Vec<OsString> = arguments.collect();
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        match words.as_slice() {
            [] if std::io::stdin().is_terminal() => Ok(Call::HelpInstead),
            [] | ["-"] => Ok(Call::Ask(Source::Stdin)),
            ["--help" | "-h"] => Ok(Call::Help),
            ["--version" | "-V"] => Ok(Call::Version),
            ["operations"] => Ok(Call::Operations),
            ["schema", rest @ ..] => schema(rest),
            [flag, ..] if flag.starts_with('-') => Err(usage("unknown option on the command line")),
            [_] => {
                arguments.into_iter().next().map(|file| Call::Ask(Source::File(file))).ok_or_else(|| usage("no FILE"))
            }
            _ => Err(usage("more than one argument")),
        }
    }
}

fn schema(words: &[&str]) -> Result<Call, Failure> {
    let call = |output, operation: Option<&str>| Ok(Call::Schema { output, operation: operation.map(str::to_owned) });
    match words {
        [] | ["input"] => call(false, None),
        ["output"] => call(true, None),
        ["input", operation] => call(false, Some(operation)),
        ["output", operation] => call(true, Some(operation)),
        [operation] if !operation.starts_with('-') => call(false, Some(operation)),
        _ => Err(usage("`schema` takes `input` or `output`, and an operation")),
    }
}

fn usage(what: &str) -> Failure {
    Failure::new(Kind::InvalidInput, format!("{what}; accepted is `lxca FILE`, `lxca -` or what `lxca --help` lists."))
}

impl Source {
    /// Reads the input's bytes, at most 16 MiB of them.
    ///
    /// # Errors
    /// `local_file` when FILE cannot be read, `invalid_input` when the input is too long.
    pub fn read(&self) -> Result<Vec<u8>, Failure> {
        let (name, read) = match self {
            Source::File(path) => (path.display().to_string(), std::fs::File::open(path).and_then(bounded)),
            Source::Stdin => ("standard input".to_owned(), bounded(std::io::stdin().lock())),
        };
        let bytes = read.map_err(|error| {
            Failure::new(Kind::LocalFile, format!("Nothing was sent: the input cannot be read from {name}"))
                .caused_by(error)
        })?;
        if bytes.len() as u64 > LONGEST {
            let text = format!("The input from {name} is longer than {} MiB; nothing was sent.", LONGEST >> 20);
            return Err(Failure::new(Kind::InvalidInput, text));
        }
        Ok(bytes)
    }
}

/// Reads one byte more than is accepted, so that too long an input shows.
fn bounded(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
