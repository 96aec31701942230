//! The REST client: a path in, JSON text out, whatever authentication, repeats and envelopes lie between.
//!
//! It knows no options and no operations. What it learns on the way (messages, version, warnings) goes to the report.

use std::thread;

use serde::de::IgnoredAny;
use ureq::http::Method;

use crate::failure::{Failure, Kind};
use crate::input::Connection;
use crate::log::Log;
use crate::report::Report;

mod auth;
pub mod envelope;
pub mod retry;
mod transport;
pub mod wire;

use auth::{Auth, Credentials, Keeper, Session};
use envelope::{Envelope, Verdict};
use retry::Limits;
use transport::{Repeat, Reply, Request, Transport};

/// Where sessions are opened and closed.
const SESSIONS: &str = "/sessions";

/// How much of the appliance's text a sentence quotes; the whole text is in `messages`.
const LONGEST_QUOTE: usize = 1000;

/// One appliance, one user.
pub struct Client {
    transport: Transport,
    auth: Auth,
    limits: Limits,
    report: Report,
    log: Log,
    host: String,
    username: String,
    login: String,
}

/// The JSON of an answer with an HTTP status of success.
#[derive(Debug)]
pub struct Body {
    /// JSON text without blanks, valid for certain.
    pub text: String,
    /// What the envelope says, when that is failure: read the data first, then this.
    pub failure: Option<Failure>,
}

impl Client {
    /// A client for one call; nothing is sent.
    ///
    /// # Errors
    /// `local_file` when `ca_path` cannot be used, `invalid_input` for a proxy that cannot be used.
    pub fn new(connection: &Connection, report: &Report) -> Result<Client, Failure> {
        let log = Log::from_environment(report.secrets.clone());
        let login = serde_json::json!({"UserId": connection.username, "password": connection.password.expose()});
        Ok(Client {
            transport: Transport::new(connection, &report.secrets, log.clone())?,
            auth: Auth::of(connection, &report.secrets),
            limits: Limits::of(connection),
            report: report.clone(),
            log,
            host: connection.host.as_str().to_owned(),
            username: connection.username.clone(),
            login: login.to_string(),
        })
    }

    /// The name of the appliance, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the operation shows what it learns.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The ordinary rules for an exchange.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Asks for a path under the ordinary rules.
    ///
    /// # Errors
    /// Every kind that says no answer, no success by HTTP status, or no JSON.
    pub fn get(&self, path: &str) -> Result<Body, Failure> {
        self.get_within(path, &self.limits)
    }

    /// Asks for a path under rules of its own.
    ///
    /// # Errors
    /// As [`Client::get`]; `timeout` when no time is left.
    pub fn get_within(&self, path: &str, limits: &Limits) -> Result<Body, Failure> {
        let reply = match &self.auth {
            Auth::Basic(token) => {
                let credentials = vec![("Authorization", format!("Basic {}", token.expose()))];
                self.repeated(Method::GET, path, credentials, None, limits)?
            }
            Auth::Session(keeper) => self.in_session(keeper, path, limits)?,
        };
        self.judged(&Method::GET, path, reply)
    }

    /// Leaves the session, if there is one: no repeats, a few seconds, and a failure is a warning.
    pub fn leave(&self) {
        let Auth::Session(keeper) = &self.auth else { return };
        if let Some(session) = keeper.leaving() {
            self.log_out(&session);
            keeper.left();
        }
    }

    /// Keeps every thread from logging in from now on, then leaves: the process is about to end.
    pub fn stop(&self) {
        if let Auth::Session(keeper) = &self.auth {
            keeper.stop();
        }
        self.leave();
    }

    /// An exchange in the session, which is opened for it, and anew once when the appliance has forgotten it.
    fn in_session(&self, keeper: &Keeper, path: &str, limits: &Limits) -> Result<Reply, Failure> {
        loop {
            let session = match keeper.session() {
                Some(session) => session,
                None => self.log_in(keeper, limits)?,
            };
            let reply = self.repeated(Method::GET, path, session.credentials(), None, limits)?;
            // An unknown session is answered with 401, or with the way to the login page [LXCA API, section 2.6].
            let refused = matches!(reply.status, 401 | 301..=303 | 307 | 308);
            if !(refused && keeper.drop_refused()) {
                if (200..300).contains(&reply.status) {
                    keeper.worked();
                }
                return Ok(reply);
            }
            self.log.debug(|| "the session was refused; logging in anew".into());
        }
    }

    /// POST /sessions [LXCA API, section 2.2]. A refused login is never repeated: 20 of them lock the account.
    fn log_in(&self, keeper: &Keeper, limits: &Limits) -> Result<Session, Failure> {
        keeper.entering();
        let reply = self.repeated(Method::POST, SESSIONS, Credentials::new(), Some(&self.login), limits);
        let (reply, text) = match reply {
            Ok(mut reply) => {
                let text =
                    wire::text::mend(std::mem::take(&mut reply.body)).map(|mended| mended.text).unwrap_or_default();
                auth::learn_secrets(&reply, &text, &self.report.secrets);
                (reply, text)
            }
            Err(failure) => {
                keeper.entered(None);
                return Err(failure);
            }
        };
        // Whatever the answer says: a session that it opened is closed again at the end.
        let session = Session::of(&reply, &text);
        keeper.entered(session.clone());
        let status = reply.status;
        let reply = Reply { body: text.clone().into_bytes(), ..reply };
        match (self.judged(&Method::POST, SESSIONS, reply), session) {
            (Err(failure), _) | (Ok(Body { failure: Some(failure), .. }), _) => Err(failure),
            (Ok(_), _) if auth::password_change_required(&text) => {
                let text = format!(
                    "{} accepts the password of user {} only to change it: log in to its web interface once and set a new one.",
                    self.host, self.username
                );
                Err(Failure { http_status: Some(status), ..Failure::new(Kind::PasswordChangeRequired, text) })
            }
            (Ok(_), Some(session)) => Ok(session),
            (Ok(_), None) => {
                let text =
                    format!("{} accepted the login and set no session cookie; use `auth_method: basic`.", self.host);
                Err(Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) })
            }
        }
    }

    /// DELETE /sessions [LXCA API, section 2.3].
    fn log_out(&self, session: &Session) {
        let request = Request { method: Method::DELETE, path: SESSIONS, headers: session.credentials(), body: None };
        let trouble = match self.transport.exchange(request, auth::LEAVING) {
            Ok(reply) if (200..300).contains(&reply.status) => return,
            Ok(reply) => format!("HTTP {}", reply.status),
            Err(trouble) => trouble.failure.msg(),
        };
        self.report.warn(format!(
            "The session on {} could not be closed and counts among the user's until it idles out: {trouble}",
            self.host
        ));
    }

    /// One exchange, repeated as far as the rules allow; an answer that asks for patience is given back in the end.
    fn repeated(
        &self,
        method: Method,
        path: &str,
        credentials: Credentials,
        body: Option<&str>,
        limits: &Limits,
    ) -> Result<Reply, Failure> {
        let idempotent = method != Method::POST;
        let mut repeats = 0;
        loop {
            let Some(time) = limits.exchange() else {
                let text = format!("No time was left to ask {} for {path}.", self.host);
                return Err(Failure::new(Kind::Timeout, text));
            };
            let (method, body) = (method.clone(), body.map(str::to_owned));
            let outcome = self.transport.exchange(Request { method, path, headers: credentials.clone(), body }, time);
            let (worth_it, retry_after) = match &outcome {
                Ok(reply) => (idempotent && retry::is_busy(reply.status), retry::retry_after(reply)),
                Err(trouble) => {
                    (trouble.repeat == Repeat::Safe || idempotent && trouble.repeat == Repeat::IfIdempotent, None)
                }
            };
            let pause = limits.pause(repeats, retry_after).filter(|_| worth_it);
            let Some(pause) = pause else { return outcome.map_err(|trouble| trouble.failure) };
            self.log.debug(|| format!("{path} again in {} ms", pause.as_millis()));
            thread::sleep(pause);
            repeats += 1;
        }
    }

    /// What an answer says: its JSON, or why it is none or no success. Messages and version go to the report.
    fn judged(&self, method: &Method, path: &str, mut reply: Reply) -> Result<Body, Failure> {
        if let Some(version) = reply.header("Content-Type").as_deref().and_then(api_version) {
            self.report.api_version(version);
        }
        let bytes = std::mem::take(&mut reply.body);
        let length = bytes.len();
        let what = format!("{} answered {method} {path} with HTTP {}", self.host, reply.status);
        let invalid = |why: String| Failure {
            http_status: Some(reply.status),
            ..Failure::new(Kind::InvalidResponse, format!("{what}, but {why}"))
        };
        let mended = wire::text::mend(bytes);
        let text = mended.as_ref().map_or("", |mended| mended.text.as_str());
        auth::learn_secrets(&reply, text, &self.report.secrets);
        let broken = serde_json::from_str::<IgnoredAny>(text).err();
        let envelope = Envelope::read(if broken.is_none() { text } else { "" });
        // What a good login or logout says of itself is no news to anybody.
        let is_session = path == SESSIONS && (200..300).contains(&reply.status) && envelope.verdict < Verdict::Bad;
        let quote = envelope.quote().map(|quote| self.shortened(&quote));
        let quoted = quote.as_ref().map(|quote| format!(": {quote}")).unwrap_or_default();
        if !is_session {
            self.report.messages(envelope.messages);
        }
        if !(200..300).contains(&reply.status) {
            let described = if broken.is_some() { described(&reply, text, length) } else { quoted };
            return Err(self.refused(path, &reply, format!("{what}{described}")));
        }
        let mended = mended.map_err(|why| invalid(format!("{why}.")))?;
        if let Some(error) = broken {
            let looks_like_json = mended.text.starts_with(['{', '[']);
            let why = match looks_like_json {
                true => return Err(invalid("its JSON is broken".into()).caused_by(error)),
                false => format!("not with JSON{}.", described(&reply, &mended.text, length)),
            };
            return Err(invalid(why));
        }
        if mended.replaced {
            self.report
                .warn(format!("{what} and text that is not valid Unicode; each bad character was replaced by U+FFFD."));
        }
        if envelope.verdict == Verdict::Warning {
            self.report.warn(format!("{} answered {method} {path} with a warning{quoted}", self.host));
        }
        let failure = (envelope.verdict == Verdict::Bad).then(|| {
            let text = format!("{what}, but says that it failed{quoted}.");
            let failure = match path {
                SESSIONS => Failure::new(Kind::AuthenticationFailed, format!("{text} {}", self.check_credentials())),
                _ => Failure::new(Kind::OperationFailed, text),
            };
            Failure { http_status: Some(reply.status), ..failure }
        });
        Ok(Body { text: mended.text, failure })
    }

    /// The failure of an answer whose HTTP status is none of success.
    fn refused(&self, path: &str, reply: &Reply, what: String) -> Failure {
        let status = reply.status;
        let retry_after = retry::retry_after(reply).filter(|_| retry::is_busy(status));
        let (kind, help) = match status {
            300..400 => {
                let location = reply.header("Location").unwrap_or_default();
                let location = self.shortened(&location);
                (
                    Kind::Redirected,
                    format!("It points to {location:?}; redirects are never followed. Check `host` and `port`."),
                )
            }
            // A login is documented to be refused with 400, and observed to be with 403 [LXCA API, section 2.2].
            401 => (Kind::AuthenticationFailed, self.check_credentials()),
            400 | 403 if path == SESSIONS => (Kind::AuthenticationFailed, self.check_credentials()),
            403 => {
                let user = &self.username;
                let help = format!(
                    "User {user} lacks the privilege, the appliance lacks a licence, or the password is wrong: some \
                     pages answer that so."
                );
                (Kind::PermissionDenied, help)
            }
            404 => (Kind::NotFound, String::new()),
            409 | 412 => (Kind::Conflict, "Something else is using it; try again later.".into()),
            400..500 if status != 429 => (Kind::BadRequest, String::new()),
            429 | 502 | 503 | 504 => {
                let when = retry_after.map(|pause| format!(" It asks to come back {}.", from_now(pause)));
                (Kind::Unavailable, format!("It is busy or restarting; try again later.{}", when.unwrap_or_default()))
            }
            500..600 => (Kind::ServerError, "Look into the appliance's event log.".into()),
            _ => (Kind::InvalidResponse, "That is no status of a final answer.".into()),
        };
        let text = format!("{what}. {help}");
        Failure { http_status: Some(status), retry_after, ..Failure::new(kind, text.trim_end()) }
    }

    /// What to do about refused credentials.
    fn check_credentials(&self) -> String {
        format!(
            "Check `username` ({}) and `password`; it was not tried again, for repeated failures lock the account.",
            self.username
        )
    }

    /// A text of the appliance, short enough for a sentence; masked before, or half a secret would stay.
    fn shortened(&self, text: &str) -> String {
        let masked = self.report.secrets.mask(text);
        let line: String = masked.trim().trim_end_matches('.').split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST_QUOTE) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

/// The version in `application/com.lenovo.lxca-v4.0.0+json; charset=UTF-8`.
fn api_version(media_type: &str) -> Option<&str> {
    let (_, rest) = media_type.split_once("lxca-v")?;
    let version = rest.split(['+', ';', ' ']).next()?;
    let dotted = version.starts_with(|c: char| c.is_ascii_digit()) && version.len() <= 32;
    (dotted && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')).then_some(version)
}

/// What an answer is that is no JSON, without dumping it.
fn described(reply: &Reply, text: &str, length: usize) -> String {
    if length == 0 {
        return " and an empty body".into();
    }
    let start: String = text.trim_start().chars().take(100).collect::<String>().to_ascii_lowercase();
    let html = start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<head");
    let media_type = reply.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
    match (html || media_type.starts_with("text/html"), media_type.contains("json")) {
        (true, _) => format!(" and an HTML page of {length} bytes, such as a login or an error page"),
        (false, true) => format!(" and {length} bytes that are called JSON and are not"),
        (false, false) => format!(" and {length} bytes that are no JSON"),
    }
}

/// When a pause ends, in seconds and by the clock.
fn from_now(pause: std::time::Duration) -> String {
    // Dates end with the year 9999, as httpdate has it.
    let at = std::time::SystemTime::now().checked_add(pause).filter(|_| pause.as_secs() < 200_000_000_000);
    match at {
        Some(at) => format!("in {} s, on {}", pause.as_secs_f64().ceil() as u64, httpdate::fmt_http_date(at)),
        None => "in more than 6,000 years".into(),
    }
}
