//! Sessions (docs/lxca-api.md, Authentication and sessions).

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use crate::random;

/// An open session.
#[derive(Clone, Debug)]
pub struct Session {
    /// ID shown by `GET /sessions`; a UUID.
    pub id: String,
    /// Value of the cookie `JSESSIONID`. The documents do not say whether it is the ID; here it is not, because the
    /// ID is shown to other users.
    pub cookie: String,
    /// The CSRF token.
    pub csrf: String,
    /// User name.
    pub user: String,
    /// Where the login came from.
    pub address: IpAddr,
    /// When the login was.
    pub created: SystemTime,
    /// When the last request that counts as user input came, for reading.
    pub last_accessed: SystemTime,
    /// The same, for measuring idle time.
    pub last_input: Instant,
}

impl Session {
    /// A new session.
    pub(crate) fn new(user: &str, address: IpAddr, now: Instant) -> Self {
        let wall = SystemTime::now();
        Self {
            id: random::uuid().to_uppercase(),
            cookie: random::token(),
            csrf: random::token(),
            user: user.into(),
            address,
            created: wall,
            last_accessed: wall,
            last_input: now,
        }
    }

    /// Notes a request of the user. Requests with `X-NOT-USER-INPUT` are not noted by the caller.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_input = now;
        self.last_accessed = SystemTime::now();
    }
}

/// Ends the sessions that were idle for `minutes`; 0 ends none.
pub(crate) fn end_idle(sessions: &mut Vec<Session>, minutes: u64, now: Instant) {
    if minutes > 0 {
        let limit = Duration::from_secs(minutes.saturating_mul(60));
        sessions.retain(|session| now.saturating_duration_since(session.last_input) < limit);
    }
}
