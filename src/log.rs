//! `LXCA_LOG`: a line per exchange on stderr, without secrets. Without the variable stderr stays empty.

use std::io::Write;

use crate::scrub::Secrets;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Off,
    Info,
    Debug,
}

/// Where log lines go; clones write the same.
#[derive(Clone)]
pub struct Log {
    level: Level,
    secrets: Secrets,
}

impl Log {
    /// The log that `LXCA_LOG` asks for: `info` or `debug`; any other value turns it off.
    pub fn from_environment(secrets: Secrets) -> Log {
        let level = match std::env::var("LXCA_LOG").as_deref() {
            Ok("info") => Level::Info,
            Ok("debug") => Level::Debug,
            _ => Level::Off,
        };
        Log { level, secrets }
    }

    /// An exchange: method, path, status, milliseconds, address, TLS version and certificate.
    pub fn info(&self, line: impl FnOnce() -> String) {
        self.write(Level::Info, "info", line);
    }

    /// What happened on the way to it: addresses that did not answer, pauses.
    pub fn debug(&self, line: impl FnOnce() -> String) {
        self.write(Level::Debug, "debug", line);
    }

    fn write(&self, level: Level, name: &str, line: impl FnOnce() -> String) {
        if level <= self.level {
            let line = line();
            // A server's text must not forge a second line.
            let line: String = self.secrets.mask(&line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Do not fail because stderr is closed; `eprintln!` would panic.
            let _ = writeln!(std::io::stderr(), "lxca {name}: {line}");
        }
    }
}
