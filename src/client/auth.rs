//! Who asks: credentials with every request, or a session (docs/contract.md, Authentication), and which secrets an answer
//! brings.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use ureq::http::HeaderMap;

use super::session::{CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE, SessionSlot, attribute, cookies};
use super::wire::member;
use crate::client::settings::{AuthMethod, Settings};
use crate::scrub::{Secret, Secrets};

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

/// Makes known what the header of an answer holds of secrets: session and CSRF cookies, the token.
pub fn learn_from_header(headers: &HeaderMap, secrets: &Secrets) {
    for (name, value) in cookies(headers) {
        if name == SESSION_COOKIE || name == CSRF_COOKIE {
            secrets.learn(value.expose());
        }
    }
    let tokens = headers.get_all(CSRF_HEADER).iter();
    tokens.for_each(|token| secrets.learn(&String::from_utf8_lossy(token.as_bytes())));
}

/// Makes known what the body of an answer holds of secrets: session id and token, as a login answers them.
pub fn learn_from_body(body: &str, secrets: &Secrets) {
    [CSRF_COOKIE, "id"].iter().filter_map(|name| attribute(body, name)).for_each(|it| secrets.learn(&it));
}

/// Whether an answer says that the password has to be changed first.
pub fn password_change_required(body: &str) -> bool {
    let says = |object: &str| {
        let flags = ["pwChangeRequired", "pwExpired"].iter().filter_map(|name| member(object, name));
        flags.map(RawValue::get).any(|flag| flag.trim_matches('"').eq_ignore_ascii_case("true"))
    };
    says(body) || member(body, "response").is_some_and(|response| says(response.get()))
}
