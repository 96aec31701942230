//! Unplanned exits: a signal or a panic. Either one closes the session and prints the answer.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::answer::Answer;
use crate::client::Client;
use crate::failure::{Failure, Kind};
use crate::outcome::Outcome;
use crate::stdout::Stdout;

/// How long a panicking process waits for its session to be closed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a signal lets an answer be printed that was begun before it.
const PRINT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a signal lets data be masked.
const MASK_TIMEOUT: Duration = Duration::from_secs(1);

/// What has to be known to end at any moment.
#[derive(Clone, Default)]
pub struct Shutdown {
    /// What the call has learned so far.
    pub outcome: Outcome,
    /// The client whose session has to be left, once there is one.
    pub client: Arc<OnceLock<Client>>,
}

impl Shutdown {
    /// Answers signals and panics from now on. Where a thread cannot be had, signals end the process as they end any
    /// other.
    pub fn watch(&self) {
        let shutdown = self.clone();
        std::panic::set_hook(Box::new(move |panic| shutdown.panicked(panic)));
        let ignored = ignored();
        let signals = [SIGTERM, SIGINT, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let signals: Vec<i32> = signals.collect();
        // While this is set a signal ends the process at once: until everything is ready, and from the first signal on.
        let at_once = Arc::new(AtomicBool::new(true));
        for signal in &signals {
            // Before the handler below: of one signal this has to look at the flag before that thread can set it.
            let _ = match is_process_1() {
                true => signal_hook::flag::register_conditional_shutdown(*signal, 128 + signal, at_once.clone()),
                false => signal_hook::flag::register_conditional_default(*signal, at_once.clone()),
            };
        }
        let Ok(mut watched) = Signals::new(signals) else { return };
        let (shutdown, ends) = (self.clone(), at_once.clone());
        at_once.store(false, Ordering::SeqCst);
        let watching = thread::Builder::new().spawn(move || {
            if let Some(signal) = watched.forever().next() {
                ends.store(true, Ordering::SeqCst);
                shutdown.interrupted(signal);
            }
        });
        if watching.is_err() {
            at_once.store(true, Ordering::SeqCst);
        }
    }

    /// Leaves, answers, and ends the process by the signal that came. From the claim on no other thread prints: what
    /// leaving does to a request under way must not become the answer.
    fn interrupted(&self, signal: i32) {
        match Stdout::claim() {
            Some(stdout) => {
                if let Some(client) = self.client.get() {
                    client.stop();
                }
                let host = self.client.get().map(|client| format!(" of {}", client.host())).unwrap_or_default();
                let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
                let text = format!(
                    "{name} arrived before the answer{host} was complete; `data` holds what came before, if anything did."
                );
                self.print(
                    stdout,
                    Failure::new(Kind::Interrupted, text),
                    &self.outcome,
                    Some(Instant::now() + MASK_TIMEOUT),
                );
            }
            // The answer is being printed; a reader that does not read must not keep the process alive.
            None => thread::sleep(PRINT_TIMEOUT),
        }
        if !is_process_1() {
            let _ = emulate_default_handler(signal);
        }
        std::process::exit(128 + signal);
    }

    fn print(&self, stdout: Stdout, failure: Failure, outcome: &Outcome, deadline: Option<Instant>) {
        let line = Answer::new(Err(failure), outcome, deadline).line(&self.outcome.secrets, deadline);
        stdout.print(&line, ExitCode::FAILURE);
    }

    /// Answers first, since anything else may panic again, then leaves.
    fn panicked(&self, panic: &std::panic::PanicHookInfo<'_>) {
        // The message of a panic may hold anything; the place is what a report of the defect needs.
        let place = panic.location().map(|place| format!(" at {}:{}", tail(place.file()), place.line()));
        let text = format!(
            "A defect of lxca{}; please report it with the input, without the password.",
            place.unwrap_or_default()
        );
        if let Some(stdout) = Stdout::claim() {
            self.print(stdout, Failure::new(Kind::Internal, text), &self.outcome.without_data(), None);
        }
        let (done, left) = mpsc::channel();
        let client = self.client.clone();
        // In another thread, since this one may hold a lock that leaving needs.
        let leaving = thread::Builder::new().spawn(move || {
            if let Some(client) = client.get() {
                client.stop();
            }
            let _ = done.send(());
        });
        if leaving.is_ok() {
            let _ = left.recv_timeout(EXIT_TIMEOUT);
        }
        std::process::exit(1);
    }
}

/// Panics when `LXCA_PANIC_FOR_TESTS` is set, with its value as the message, so that a test sees what a panic prints. Not
/// part of a release build.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "this is what it is for")]
pub fn panic_for_tests() {
    if let Ok(message) = std::env::var("LXCA_PANIC_FOR_TESTS") {
        panic!("{message}");
    }
}

/// Process 1 has no default actions: a signal that would end any other does nothing to it.
fn is_process_1() -> bool {
    std::process::id() == 1
}

/// The last parts of a source file's path: the rest is the machine it was built on.
fn tail(path: &str) -> String {
    let parts: Vec<&str> = path.rsplit('/').take(3).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// The signals the process was started with as ignored, as `nohup` does: they stay ignored. A bit each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
