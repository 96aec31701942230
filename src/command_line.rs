//! What the command line asks for, and where the input's bytes come from (docs/contract.md, Calling lxca).
//!
//! Nothing here knows options.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};
use crate::input;

/// The help of `lxca --help`.
pub const HELP: &str = include_str!("help.txt");

/// How long FILE may be a FIFO without a writer.
const FIFO_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of FILE's name a sentence shows, in characters.
const LONGEST_PATH: usize = 200;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Read an input object and answer it.
    Call(Source),
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
    /// `lxca` on a terminal, the help, and exit status 2.
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

impl Command {
    /// Reads the command line, without the program's own name.
    ///
    /// # Errors
    /// `invalid_input` for an unknown flag, an unknown word behind `schema`, or an argument too many.
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
        let arguments: Vec<OsString> = arguments.collect();
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        match words.as_slice() {
            [] if std::io::stdin().is_terminal() => Ok(Command::HelpInstead),
            [] | ["-"] => Ok(Command::Call(Source::Stdin)),
            ["--help" | "-h"] => Ok(Command::Help),
            ["--version" | "-V"] => Ok(Command::Version),
            ["operations"] => Ok(Command::Operations),
            ["schema", rest @ ..] => schema(rest),
            [flag, ..] if flag.starts_with('-') => Err(usage("unknown option on the command line")),
            [json] if json.trim_start().starts_with(['{', '[', '"']) => Err(usage(
                "the argument is JSON, where the name of a file belongs; other users can read arguments, so pass JSON on \
                 standard input",
            )),
            [_] => arguments
                .into_iter()
                .next()
                .map(|file| Command::Call(Source::File(file)))
                .ok_or_else(|| usage("no FILE")),
            _ => Err(usage("more than one argument")),
        }
    }
}

fn schema(words: &[&str]) -> Result<Command, Failure> {
    let call =
        |output, operation: Option<&str>| Ok(Command::Schema { output, operation: operation.map(str::to_owned) });
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
    Failure::new(
        Kind::InvalidInput,
        format!("Nothing was sent: {what}. Use `lxca FILE`, `lxca - <FILE`, or see `lxca --help`."),
    )
}

impl Source {
    /// Reads the bytes of the input, at most 16 MiB of them.
    ///
    /// # Errors
    /// `local_file` when FILE cannot be read, `invalid_input` when the input is too long.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (name, read) = match self {
            Source::File(path) => (shown(path), open(path).and_then(bounded)),
            Source::Stdin => ("standard input".to_owned(), bounded(std::io::stdin().lock())),
        };
        let bytes = read.map_err(|error| {
            let text = format!("Nothing was sent: lxca cannot read the input from {name}");
            Failure::new(Kind::LocalFile, text).caused_by(error)
        })?;
        if bytes.len() as u64 > input::LONGEST {
            let text = format!("Nothing was sent: the input from {name} is longer than {} MiB.", input::LONGEST >> 20);
            return Err(Failure::new(Kind::InvalidInput, text));
        }
        Ok(bytes)
    }
}

/// Opens FILE without waiting for a writer: a FIFO that nobody writes to would block for ever.
fn open(path: &OsString) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        let timeout = Timespec::try_from(FIFO_TIMEOUT).ok();
        let ready = poll(&mut [PollFd::new(&file, PollFlags::IN)], timeout.as_ref())?;
        if ready == 0 {
            let text = format!("nobody wrote to this FIFO for {} s", FIFO_TIMEOUT.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        // From here on it is read like any pipe.
        fcntl_setfl(&file, OFlags::empty())?;
    }
    Ok(file)
}

/// A path for a sentence: short, since it may be anything that was typed.
fn shown(path: &OsString) -> String {
    let path = path.display().to_string();
    match path.char_indices().nth(LONGEST_PATH) {
        Some((end, _)) => format!("{}…", path.get(..end).unwrap_or_default()),
        None => path,
    }
}

/// Reads one byte more than is accepted, so that too long an input shows.
fn bounded(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(input::LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
