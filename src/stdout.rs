//! Standard output: exactly one answer leaves the process there, and a caller that has gone shows there first.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::scrub::one_line;

/// How much is written at once, in bytes.
const PIECE: usize = 64 << 10;

/// The right to print the answer; whichever thread has it ends the process.
#[derive(Debug)]
pub struct Stdout(());

impl Stdout {
    /// Claims the right. `None` when another thread was first.
    pub fn claim() -> Option<Stdout> {
        static CLAIMED: AtomicBool = AtomicBool::new(false);
        (!CLAIMED.swap(true, Ordering::SeqCst)).then_some(Stdout(()))
    }

    /// Prints JSON as one line for every reader. The exit status is 1 when stdout cannot be written.
    pub fn print(self, json: &str, status: ExitCode) -> ExitCode {
        printed(status, |stdout| one_line::write(stdout, json))
    }
}

/// Prints a text that is not an answer. The exit status is 1 when stdout cannot be written.
pub fn print_text(text: &str, status: ExitCode) -> ExitCode {
    printed(status, |stdout| stdout.write_all(text.trim_end().as_bytes()))
}

/// Writes to stdout, whole also when the other end was set to non-blocking.
fn printed(status: ExitCode, write: impl FnOnce(&mut BufWriter<Patient<'_>>) -> io::Result<()>) -> ExitCode {
    let mut stdout = BufWriter::with_capacity(PIECE, Patient(io::stdout().lock()));
    match write(&mut stdout).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush()) {
        Ok(()) => status,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Waits for the reader where the other end of stdout was set to non-blocking.
struct Patient<'s>(io::StdoutLock<'s>);

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_reader(),
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.0.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_reader(),
                other => return other,
            }
        }
    }
}

fn wait_for_reader() {
    let _ = poll(&mut [PollFd::new(&rustix::stdio::stdout(), PollFlags::OUT)], None);
}

/// Sleeps, but not longer than the reader of stdout is there: `false` when it has gone. Only a pipe or a socket tells.
pub fn sleep_while_read(pause: Duration) -> bool {
    let end = Instant::now() + pause;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        // No events are asked for: POLLERR and POLLHUP come unasked.
        match poll(&mut [PollFd::new(&rustix::stdio::stdout(), PollFlags::empty())], timeout.as_ref()) {
            Ok(0) => return true,
            Ok(_) => return false,
            Err(Errno::INTR) => {}
            Err(_) => {
                std::thread::sleep(left);
                return true;
            }
        }
    }
}
