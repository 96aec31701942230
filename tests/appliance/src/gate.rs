//! Who may come in: sessions, basic authentication, CSRF tokens, permissions (docs/lxca-api.md, Authentication and
//! sessions).

use std::time::Instant;

use crate::accounts;
use crate::echo::basic;
use crate::envelope::{self, FORBIDDEN, LOGIN_FAILED, NOT_AUTHENTICATED, PASSWORD_CHANGE};
use crate::http::Request;
use crate::quirks::Unauthenticated;
use crate::reply::Reply;
use crate::state::State;

/// The login page, the only page there is without credentials.
pub(crate) const LOGIN_PAGE: &str = "/ui/login.html";

/// Where users change their own passwords, which everybody may and some must.
const PASSWORD_CHANGE_PATH: &str = "/userAccounts/passwordChange";

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub user: String,
    /// ID of the session; `None`: basic authentication.
    pub session: Option<String>,
}

/// Lets a request in, or gives the answer that refuses it.
pub(crate) fn admit(state: &mut State, request: &Request, now: Instant) -> Result<Caller, Reply> {
    let writes = !matches!(request.method.as_str(), "GET" | "HEAD");
    let caller = match by_session(state, request, now) {
        Some(caller) => caller?,
        None => by_basic(state, request, now).unwrap_or_else(|| Err(unauthenticated(state, request)))?,
    };
    let account = state.accounts.iter().find(|account| account.username == caller.user);
    // An account that was removed takes its sessions with it.
    let account = account.ok_or_else(|| envelope::refuse(401, NOT_AUTHENTICATED))?;
    let logs_out = request.method == "DELETE" && request.path() == "/sessions";
    let changes_password = request.method == "PUT" && request.path() == PASSWORD_CHANGE_PATH;
    // Both refusals are not documented; 403 is what the pages give for missing privileges.
    if account.must_change_password(&state.settings) && !logs_out && !changes_password {
        return Err(envelope::refuse(403, PASSWORD_CHANGE));
    }
    if account.read_only && writes && !changes_password && !request.path().starts_with("/sessions") {
        return Err(envelope::refuse(403, FORBIDDEN));
    }
    Ok(caller)
}

fn by_session(state: &mut State, request: &Request, now: Instant) -> Option<Result<Caller, Reply>> {
    let cookie = request.cookie("JSESSIONID")?;
    let session = state.sessions.iter_mut().find(|session| session.cookie == cookie)?;
    // The cookie alone is not enough for calls that write (docs/lxca-api.md, POST /sessions). Whether DELETE /sessions
    // needs the header is not documented; here it does, like every other writing call.
    let needs_token = !matches!(request.method.as_str(), "GET" | "HEAD");
    if needs_token && request.header("x-csrf-token") != Some(session.csrf.as_str()) {
        return Some(Err(envelope::refuse(403, FORBIDDEN)));
    }
    if request.header("x-not-user-input").is_none() {
        session.touch(now);
    }
    Some(Ok(Caller { user: session.user.clone(), session: Some(session.id.clone()) }))
}

fn by_basic(state: &mut State, request: &Request, now: Instant) -> Option<Result<Caller, Reply>> {
    request.header("authorization")?;
    let (username, password) = basic(request).unwrap_or_default();
    // Whether such a request counts against the session limit is not documented; here it does not.
    let found = accounts::log_in(&mut state.accounts, &state.settings, &username, &password, now);
    let caller = found.map(|account| Caller { user: account.username.clone(), session: None });
    Some(caller.ok_or_else(|| {
        let documents_403_only = request.path().contains("/updateRepositories/");
        let documented = if documents_403_only { 403 } else { 401 };
        let status = state.settings.quirks.basic_failure_status.unwrap_or(documented);
        envelope::refuse(status, LOGIN_FAILED)
    }))
}

/// A request without credentials, or with a session that has ended.
fn unauthenticated(state: &State, request: &Request) -> Reply {
    let quirks = &state.settings.quirks;
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let status = match quirks.unauthenticated {
        _ if request.cookie("JSESSIONID").is_some() => quirks.forgotten_session_status,
        Unauthenticated::Redirect if reads => 302,
        _ => 401,
    };
    match status {
        302 => Reply::html(302, "Found").with("Location", LOGIN_PAGE),
        status => envelope::refuse(status, NOT_AUTHENTICATED),
    }
}
