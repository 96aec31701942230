//! `/sessions` (docs/lxca-api.md, Authentication and sessions).

use std::net::IpAddr;
use std::time::Instant;

use serde_json::{Value, json};

use crate::accounts;
use crate::clock;
use crate::envelope::{COMPLETED, LOGIN_FAILED, NOT_FOUND, NOT_VALID, family_a, refuse};
use crate::http::Request;
use crate::quirks::CsrfLocation;
use crate::reply::Reply;
use crate::routes::Call;
use crate::sessions::Session;
use crate::state::State;

/// `POST /sessions`: logs in.
pub(crate) fn log_in(state: &mut State, request: &Request, peer: IpAddr, now: Instant) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let (Some(username), Some(password)) = (text("UserId"), text("password")) else {
        return refuse(400, NOT_VALID);
    };
    let Some(account) = accounts::log_in(&mut state.accounts, &state.settings, username, password, now) else {
        return refuse(state.settings.quirks.login_failure_status, LOGIN_FAILED);
    };
    let change_required = account.must_change_password(&state.settings);
    let open = state.sessions.iter().filter(|session| session.user == username).count();
    let limit = state.settings.max_sessions_per_user;
    if limit > 0 && open >= limit {
        return refuse(state.settings.quirks.session_limit_status, LOGIN_FAILED);
    }
    let mut session = Session::new(username, peer, now);
    if let Some(fixed) = &state.settings.quirks.session_id {
        (session.id, session.cookie) = (fixed.clone(), fixed.clone());
    }
    let reply = opened(&session, change_required, state);
    state.sessions.push(session);
    reply
}

fn opened(session: &Session, change_required: bool, state: &State) -> Reply {
    let minutes = state.settings.inactivity_timeout_minutes;
    let place = state.settings.quirks.csrf_location;
    let mut shown = json!({
        "Address": session.address.to_string(),
        "authenticationServer": "",
        "created": clock::iso(session.created),
        "id": session.id,
        "inactivityTimeout": minutes,
        "UserId": session.user,
    });
    if let (CsrfLocation::CookieAndBody | CsrfLocation::Body, Some(shown)) = (place, shown.as_object_mut()) {
        shown.insert("csrf".into(), session.csrf.as_str().into());
    }
    let mut body = family_a("success", COMPLETED);
    if let Some(body) = body.as_object_mut() {
        let response = json!({ "pwChangeRequired": change_required, "session": shown });
        body.insert("response".into(), response);
    }
    let cookie = |name: &str, value: &str| format!("{name}={value};Path=/;Secure");
    let mut reply = Reply::json(200, body)
        .with("Set-Cookie", format!("{};HttpOnly", cookie("JSESSIONID", &session.cookie)))
        .with("Set-Cookie", cookie("inactivityTimeout", &minutes.to_string()))
        .with("Set-Cookie", cookie("user", &session.user));
    if place != CsrfLocation::Body {
        reply = reply.with("Set-Cookie", cookie("csrf", &session.csrf));
    }
    reply
}

/// `GET /sessions`: all sessions, of all users.
pub(crate) fn list(call: &Call<'_>) -> Reply {
    let shown = |session: &Session| {
        json!({
            "Address": session.address.to_string(),
            "authenticationServer": "",
            "created": clock::iso(session.created),
            "id": session.id,
            "idleFor": call.now.saturating_duration_since(session.last_input).as_secs().to_string(),
            "isOwnSession": call.caller.session.as_ref() == Some(&session.id),
            "lastAccessed": clock::iso(session.last_accessed),
            "UserId": session.user,
        })
    };
    let mut body = family_a("success", COMPLETED);
    if let Some(body) = body.as_object_mut() {
        body.insert("response".into(), call.state.sessions.iter().map(shown).collect());
    }
    Reply::json(200, body)
}

/// `DELETE /sessions`: ends the caller's own session. With basic authentication there is none, which is not
/// documented; nothing is to be done then, so it succeeds.
pub(crate) fn log_out(call: Call<'_>) -> Reply {
    call.state.sessions.retain(|session| call.caller.session.as_ref() != Some(&session.id));
    Reply::json(200, family_a("success", COMPLETED))
}

/// `DELETE /sessions/{uuid}`: ends another session.
pub(crate) fn end(call: Call<'_>, id: &str) -> Reply {
    let before = call.state.sessions.len();
    call.state.sessions.retain(|session| !session.id.eq_ignore_ascii_case(id));
    if call.state.sessions.len() == before {
        return refuse(404, NOT_FOUND);
    }
    Reply::json(200, family_a("success", COMPLETED))
}
