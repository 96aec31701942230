//! Who asks: credentials with every request, or a session that is left on every way out (contract, section 2.1).
//!
//! The state of the session is shared with the thread that answers a signal. What is sent is in `client`.

use std::borrow::Cow;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

use super::transport::Reply;
use super::wire::{member, string};
use crate::client::settings::{AuthMethod, Settings};
use crate::lock::lock;
use crate::scrub::{Secret, Secrets};

/// How long leaving may take, and how long a signal waits for a login or a logout under way.
pub const LEAVING: Duration = Duration::from_secs(5);

/// The cookie that is the session.
const SESSION_COOKIE: &str = "JSESSIONID";
/// The cookie whose value has to come back as a header: the cookie alone is refused on writing calls.
const CSRF_COOKIE: &str = "csrf";
/// That header.
const CSRF_HEADER: &str = "X-Csrf-Token";

/// Headers that prove who asks.
pub type Credentials = Vec<(&'static str, String)>;

/// The way a call authenticates.
pub enum Auth {
    /// `Authorization: Basic` with every request.
    Basic(Secret),
    /// A session.
    Session(SessionSlot),
}

impl Auth {
    /// What the options ask for; the basic token becomes a known secret.
    pub fn of(settings: &Settings, secrets: &Secrets) -> Auth {
        // Known in both methods: a server can make the token of what it was sent.
        let token = BASE64_STANDARD.encode(format!("{}:{}", settings.username, settings.password.expose()));
        secrets.add(&token);
        // As it stands in the body of a login: a server that quotes the body may escape it once more.
        let quoted = serde_json::Value::from(settings.password.expose()).to_string();
        secrets.add(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        match settings.auth_method {
            AuthMethod::Basic => Auth::Basic(Secret::new(token)),
            AuthMethod::Session => Auth::Session(SessionSlot::default()),
        }
    }
}

/// An open session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    cookies: Vec<(String, Secret)>,
    csrf: Option<Secret>,
    /// Whether a request has been answered in it: only such a session is opened anew when it is refused.
    pub worked: bool,
}

impl Session {
    /// The session that the answer to a login opens; none when it sets no session cookie.
    pub fn of(reply: &Reply) -> Option<Session> {
        let mut session = Session::default();
        for (name, value) in cookies(reply) {
            // The last of one name counts, and an empty one takes it away.
            session.cookies.retain(|(known, _)| *known != name);
            if !value.expose().is_empty() {
                session.cookies.push((name, value));
            }
        }
        session.cookie(SESSION_COOKIE)?;
        session.csrf = session.cookie(CSRF_COOKIE);
        Some(session)
    }

    /// Takes the CSRF token from the body of the answer when no cookie had it.
    pub fn complete(&mut self, body: &str) {
        // What cannot stand in a header cannot be sent back; the appliance then refuses what needs it.
        let sendable = |token: &String| HeaderValue::from_str(token).is_ok();
        self.csrf = self.csrf.take().or_else(|| {
            let token = session(body, CSRF_COOKIE);
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

/// Makes known what the header of an answer holds of secrets: session and CSRF cookies, the token.
pub fn learn_from_header(reply: &Reply, secrets: &Secrets) {
    for (name, value) in cookies(reply) {
        if name == SESSION_COOKIE || name == CSRF_COOKIE {
            secrets.learn(value.expose());
        }
    }
    reply.header(CSRF_HEADER).iter().for_each(|token| secrets.learn(token));
}

/// Makes known what the body of an answer holds of secrets: session id and token, as a login answers them.
pub fn learn_from_body(body: &str, secrets: &Secrets) {
    [CSRF_COOKIE, "id"].iter().filter_map(|name| session(body, name)).for_each(|it| secrets.learn(&it));
}

/// Whether an accepted login says that the password has to be changed first.
pub fn password_change_required(body: &str) -> bool {
    let flag = member(body, "response").and_then(|response| member(response.get(), "pwChangeRequired"));
    flag.is_some_and(|raw| raw.get().trim_matches('"').eq_ignore_ascii_case("true"))
}

/// The cookies an answer sets: name and value, without what stands behind the first semicolon.
fn cookies(reply: &Reply) -> Vec<(String, Secret)> {
    let set = reply.headers.get_all("Set-Cookie").iter();
    set.filter_map(|value| {
        let text = value.to_str().ok()?;
        let (name, value) = text.split(';').next()?.split_once('=')?;
        Some((name.trim().to_owned(), Secret::new(value.trim())))
    })
    .collect()
}

/// A text of `response.session` in the answer to a login.
fn session(body: &str, name: &str) -> Option<String> {
    let session = member(member(body, "response")?.get(), "session")?;
    string(member(session.get(), name)?).map(Cow::into_owned)
}

/// Keeps the session of a call, so that exactly one thread opens it and exactly one closes it.
#[derive(Default)]
pub struct SessionSlot {
    state: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    state: State,
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
        let mut kept = lock(&self.state);
        kept.logins += u32::from(session.is_some());
        kept.state = session.map_or(State::Closed, State::Open);
        self.changed.notify_all();
    }

    /// The state, unless a signal is being answered: then nothing new is sent, and this does not return.
    fn going_on(&self) -> MutexGuard<'_, Kept> {
        let kept = lock(&self.state);
        if kept.stopping {
            drop(kept);
            loop {
                std::thread::park();
            }
        }
        kept
    }

    /// Notes that a request was answered in the session.
    pub fn worked(&self) {
        if let State::Open(session) = &mut lock(&self.state).state {
            session.worked = true;
        }
    }

    /// Drops a session that worked and is refused now, when it may be opened anew: once in a call.
    pub fn drop_refused(&self) -> bool {
        let mut kept = lock(&self.state);
        let anew = kept.logins < 2 && matches!(&kept.state, State::Open(session) if session.worked);
        if anew {
            kept.state = State::Closed;
        }
        anew
    }

    /// From now on nobody logs in.
    pub fn stop(&self) {
        lock(&self.state).stopping = true;
    }

    /// Takes the session out in order to close it, after a login or a logout under way has ended.
    pub fn leaving(&self) -> Option<Session> {
        let busy = |kept: &mut Kept| matches!(kept.state, State::Entering | State::Leaving);
        let waited = self.changed.wait_timeout_while(lock(&self.state), LEAVING, busy);
        let mut kept = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(kept, _)| kept);
        if !matches!(kept.state, State::Open(_)) {
            return None;
        }
        match std::mem::replace(&mut kept.state, State::Leaving) {
            State::Open(session) => Some(session),
            _ => None,
        }
    }

    /// Ends a logout.
    pub fn left(&self) {
        lock(&self.state).state = State::Closed;
        self.changed.notify_all();
    }
}
