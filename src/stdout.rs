//! Standard output: exactly one answer leaves the process there, and a caller that has gone shows there first.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The right to print the answer; whichever thread has it ends the process.
#[derive(Debug)]
pub struct Stdout(());

impl Stdout {
    /// Claims the right. `None` when another thread was first.
    pub fn claim() -> Option<Stdout> {
        static CLAIMED: AtomicBool = AtomicBool::new(false);
        (!CLAIMED.swap(true, Ordering::SeqCst)).then_some(Stdout(()))
    }

    /// Prints a line, whole also when the other end was set to non-blocking. Fails with status 1 when it cannot.
    pub fn print(self, line: &str, status: ExitCode) -> ExitCode {
        let mut stdout = io::stdout().lock();
        let printed = write_whole(&mut stdout, line.as_bytes()).and_then(|()| write_whole(&mut stdout, b"\n"));
        match printed.and_then(|()| stdout.flush()) {
            Ok(()) => status,
            Err(_) => ExitCode::FAILURE,
        }
    }
}

fn write_whole(stdout: &mut io::StdoutLock<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stdout.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let _ = poll(&mut [PollFd::new(&rustix::stdio::stdout(), PollFlags::OUT)], None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
