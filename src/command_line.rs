//! What the command line asks for, and where the input's bytes come from (docs/contract.md, Calling lxca).
//!
//! Nothing here knows options.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{self, Cursor, IsTerminal, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind};
use crate::input;

/// The help of `lxca --help`.
pub const HELP: &str = include_str!("help.txt");

/// How long FILE may be a FIFO without a writer.
const FIFO_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a FIFO is looked at for one; nothing tells when a writer comes.
const FIFO_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// What reading and checking an input takes at most, in inputs: a list of tiny objects takes 97 times its length.
const WORKING_FACTOR: usize = 100;
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
    /// `local_file` when FILE cannot be read, `invalid_input` when the input is too long, `internal` when there is too
    /// little memory to read and check it.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (name, read) = match self {
            Source::File(path) => (shown(path), open(path).and_then(bounded)),
            Source::Stdin => ("standard input".to_owned(), bounded(std::io::stdin().lock())),
        };
        let no_memory = || {
            let text = format!(
                "Nothing was sent: not enough memory for the input from {name}; raise the memory limit of the process."
            );
            Failure::new(Kind::Internal, text)
        };
        let bytes = read.map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => no_memory(),
            _ => {
                let text = format!("Nothing was sent: lxca cannot read the input from {name}");
                Failure::new(Kind::LocalFile, text).caused_by(error)
            }
        })?;
        if bytes.len() as u64 > input::LONGEST {
            let text = format!("Nothing was sent: the input from {name} is longer than {} MiB.", input::LONGEST >> 20);
            return Err(Failure::new(Kind::InvalidInput, text));
        }
        // An allocation that fails later would end the process without an answer. The optimizer must not see that this
        // one is not used.
        let mut room = Vec::<u8>::new();
        room.try_reserve_exact(WORKING_FACTOR * bytes.len()).map_err(|_| no_memory())?;
        black_box(room.as_mut_ptr());
        Ok(bytes)
    }
}

/// Opens FILE. A FIFO that nobody opens to write would block for ever; one with a writer is read like any pipe.
fn open(path: &OsString) -> io::Result<impl Read> {
    let mut file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    let mut start = Vec::new();
    if file.metadata()?.file_type().is_fifo() {
        let end = Instant::now() + FIFO_TIMEOUT;
        while poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&FIFO_INTERVAL))? == 0 {
            // Without a writer, this is the end of the file.
            let mut byte = [0];
            match file.read(&mut byte) {
                Ok(0) if Instant::now() < end => {}
                Ok(0) => {
                    let text = format!("nobody opened this FIFO to write within {} s", FIFO_TIMEOUT.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
                Ok(_) => {
                    start.extend(byte);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(Cursor::new(start).chain(file))
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
