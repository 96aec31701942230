//! The session of a call, left on every way out (docs/contract.md, Authentication). Its state is shared with the thread
//! that answers a signal. What is sent is in `client`.

use std::borrow::Cow;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderValue};

use super::wire::{member, string};
use crate::lock::lock;
use crate::scrub::Secret;

/// The cookie that is the session.
pub const SESSION_COOKIE: &str = "JSESSIONID";
/// The cookie whose value has to come back as a header: the cookie alone is refused on writing calls.
pub const CSRF_COOKIE: &str = "csrf";
/// That header.
pub const CSRF_HEADER: &str = "X-Csrf-Token";

/// Headers that prove who asks.
pub type Credentials = Vec<(&'static str, String)>;

/// How long leaving may take, and how long a signal waits for a login or a logout under way.
pub const LEAVING: Duration = Duration::from_secs(5);
/// How many replaced sessions are left at the end; a server that replaces more of them plays games.
const MOST_SUPERSEDED: usize = 8;

/// An open session.
#[derive(Clone, Default)]
pub struct Session {
    cookies: Vec<(String, Secret)>,
    csrf: Option<Secret>,
    /// Whether a request has been answered in it: only such a session is opened anew when it is refused.
    pub worked: bool,
    /// Whether the appliance has refused it since, or replaced it.
    pub superseded: bool,
}

impl Session {
    /// The session that the answer to a login opens; none when it sets no session cookie.
    pub fn of(headers: &HeaderMap) -> Option<Session> {
        let mut session = Session::default();
        session.take_cookies(headers);
        session.cookie(SESSION_COOKIE)?;
        session.csrf = session.cookie(CSRF_COOKIE);
        Some(session)
    }

    fn take_cookies(&mut self, headers: &HeaderMap) {
        for (name, value) in cookies(headers) {
            // The last of one name counts, and an empty one takes it away.
            self.cookies.retain(|(known, _)| *known != name);
            if !value.expose().is_empty() {
                self.cookies.push((name, value));
            }
        }
    }

    /// Takes the CSRF token from the body of the answer when no cookie had it.
    pub fn complete(&mut self, body: &str) {
        // What cannot stand in a header cannot be sent back; the appliance then refuses what needs it.
        let sendable = |token: &String| HeaderValue::from_str(token).is_ok();
        self.csrf = self.csrf.take().or_else(|| {
            let token = attribute(body, CSRF_COOKIE);
            token.filter(sendable).map(Secret::new)
        });
    }

    fn cookie(&self, wanted: &str) -> Option<Secret> {
        self.cookies.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    }

    /// The headers of a request in this session.
    pub fn credentials(&self) -> Credentials {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
        let mut headers = vec![("Cookie", cookies.join("; "))];
        headers.extend(self.csrf.iter().map(|csrf| (CSRF_HEADER, csrf.expose().to_owned())));
        headers
    }
}

/// Holds the session of a call, so that exactly one thread opens it and exactly one closes it.
#[derive(Default)]
pub struct SessionSlot {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    state: State,
    /// Sessions that the appliance replaced or refused, to be left at the end.
    superseded: Vec<Session>,
    /// Whether there were more of them than are left.
    forgotten: bool,
    /// Successful logins so far.
    logins: u32,
    /// Nobody may log in any more: a signal is being answered.
    stopping: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Entering,
    Open(Session),
    Leaving,
}

impl SessionSlot {
    /// The open session.
    pub fn session(&self) -> Option<Session> {
        match &self.going_on().state {
            State::Open(session) => Some(session.clone()),
            _ => None,
        }
    }

    /// Announces a login.
    pub fn entering(&self) {
        self.going_on().state = State::Entering;
    }

    /// Ends a login with the session it opened, if it did.
    pub fn entered(&self, session: Option<Session>) {
        let mut held = lock(&self.held);
        held.logins += u32::from(session.is_some());
        held.state = session.map_or(State::Closed, State::Open);
        self.changed.notify_all();
    }

    /// The state, unless a signal is being answered: then nothing new is sent, and this does not return.
    fn going_on(&self) -> MutexGuard<'_, Held> {
        let held = lock(&self.held);
        if held.stopping {
            drop(held);
            loop {
                std::thread::park();
            }
        }
        held
    }

    /// Notes that a request was answered in the session.
    pub fn worked(&self) {
        if let State::Open(session) = &mut lock(&self.held).state {
            session.worked = true;
        }
    }

    /// Takes the cookies of an answer into the session. When that replaces the session, the old one is to be left too.
    pub fn replaced(&self, headers: &HeaderMap) {
        let mut held = lock(&self.held);
        let State::Open(session) = &mut held.state else { return };
        let before = session.clone();
        session.take_cookies(headers);
        let (old, new) = (before.cookie(SESSION_COOKIE), session.cookie(SESSION_COOKIE));
        match new {
            // What takes the cookie away ends nothing for certain: the old one is used on.
            None => *session = before,
            Some(_) if old == new => {}
            Some(_) => {
                // Without a new token, the one of the login counts: it may have come in the body.
                session.csrf = session.cookie(CSRF_COOKIE).or(session.csrf.take());
                held.supersede(before);
            }
        }
    }

    /// Drops a session that worked and is refused now, when it may be opened anew: once in a call.
    pub fn drop_refused(&self) -> bool {
        let mut held = lock(&self.held);
        let anew = held.logins < 2 && matches!(&held.state, State::Open(session) if session.worked);
        if anew && let State::Open(session) = std::mem::take(&mut held.state) {
            held.supersede(session);
        }
        anew
    }

    /// Prevents any further login.
    pub fn stop(&self) {
        lock(&self.held).stopping = true;
    }

    /// Takes all sessions out in order to close them, after a login or a logout under way has ended. `None` when that
    /// takes too long.
    pub fn begin_leaving(&self) -> Option<Vec<Session>> {
        let busy = |held: &mut Held| matches!(held.state, State::Entering | State::Leaving);
        let waited = self.changed.wait_timeout_while(lock(&self.held), LEAVING, busy);
        let mut held = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(held, _)| held);
        if busy(&mut held) {
            return None;
        }
        let mut sessions = std::mem::take(&mut held.superseded);
        if let State::Open(session) = std::mem::replace(&mut held.state, State::Leaving) {
            sessions.insert(0, session);
        }
        Some(sessions)
    }

    /// Whether sessions were replaced that are not left, since there were too many.
    pub fn has_forgotten(&self) -> bool {
        lock(&self.held).forgotten
    }

    /// Ends a logout.
    pub fn left(&self) {
        lock(&self.held).state = State::Closed;
        self.changed.notify_all();
    }
}

impl Held {
    /// Keeps a session to be left at the end; of many, the newest.
    fn supersede(&mut self, session: Session) {
        if self.superseded.len() == MOST_SUPERSEDED {
            self.superseded.remove(0);
            self.forgotten = true;
        }
        self.superseded.push(Session { superseded: true, ..session });
    }
}

/// The cookies an answer sets: name and value, without what stands behind the first semicolon.
pub fn cookies(headers: &HeaderMap) -> Vec<(String, Secret)> {
    let set = headers.get_all("Set-Cookie").iter();
    set.filter_map(|value| {
        // An attribute in another language must not hide the cookie.
        let cookie = value.as_bytes().split(|byte| *byte == b';').next()?;
        let text = HeaderValue::from_bytes(cookie).ok()?;
        let (name, value) = text.to_str().ok()?.split_once('=')?;
        Some((name.trim().to_owned(), Secret::new(value.trim())))
    })
    .collect()
}

/// A text of `response.session` in the answer to a login.
pub fn attribute(body: &str, name: &str) -> Option<String> {
    let session = member(member(body, "response")?.get(), "session")?;
    string(member(session.get(), name)?).map(Cow::into_owned)
}
