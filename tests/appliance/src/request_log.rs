//! The log of requests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use crate::listener::Shared;

/// Entries kept; older ones are forgotten.
const KEPT: usize = 5_000;

/// Longest part of a body that is kept, in bytes.
const BODY_KEPT: usize = 65_536;

/// A request as it arrived, and what became of it. Holds secrets: passwords, cookies, tokens.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// Counts the requests, from 1.
    pub number: u64,
    /// Counts the connections, from 1: requests with the same value shared one.
    pub connection: u64,
    /// When the request had arrived completely.
    pub at: SystemTime,
    /// HTTP method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// All headers; names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body.
    pub body: Vec<u8>,
    /// Length of the whole body, in bytes; of a refused request the part that was read.
    pub body_length: u64,
    /// The name the client asked for in TLS (SNI), if any.
    pub server_name: Option<String>,
    /// `TLSv1_2` or `TLSv1_3`.
    pub tls_version: String,
    /// HTTP status of the answer; `None`: not answered yet, or a fault put no HTTP answer on the wire.
    pub status: Option<u16>,
    /// From arrival until the last byte of the answer was handed to the connection, or until that was lost.
    pub took: Option<Duration>,
}

impl LoggedRequest {
    /// First header with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path, without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, without `?`; empty: there was none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether it asked for a change: neither GET nor HEAD, and not about sessions.
    pub fn is_change(&self) -> bool {
        let about_sessions = self.path().split('/').nth(1) == Some("sessions");
        !matches!(self.method.as_str(), "GET" | "HEAD") && !about_sessions
    }
}

/// The log: a ring of entries, and those who follow it.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<LoggedRequest>,
    followers: Vec<Sender<LoggedRequest>>,
    count: u64,
}

impl RequestLog {
    /// Notes an arrival; the result is its number.
    pub fn arrived(&mut self, mut request: LoggedRequest) -> u64 {
        self.count += 1;
        request.number = self.count;
        request.body.truncate(BODY_KEPT);
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(request);
        self.count
    }

    /// Notes what became of a request, and tells the followers.
    pub fn answered(&mut self, number: u64, status: Option<u16>, took: Duration) {
        // The newest first: what was answered arrived a moment ago.
        let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) else {
            return;
        };
        (entry.status, entry.took) = (status, Some(took));
        self.followers.retain(|follower| follower.send(entry.clone()).is_ok());
    }

    /// All entries, in order of arrival.
    pub fn entries(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }

    /// Forgets all entries; numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Every request from now on, as soon as it is answered.
    pub fn follow(&mut self) -> Receiver<LoggedRequest> {
        let (sender, receiver) = channel();
        self.followers.push(sender);
        receiver
    }
}

/// Notes what became of a request when it is dropped, however that comes about.
pub(crate) struct Answering {
    pub shared: Arc<Shared>,
    /// Number of the request.
    pub number: u64,
    pub status: Option<u16>,
    pub arrived: Instant,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.shared.state().log.answered(self.number, self.status, self.arrived.elapsed());
    }
}
