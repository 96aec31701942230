//! The REST client: a path in, JSON text out, whatever authentication, repeats and envelopes lie between.
//!
//! Of the options it knows the checked [`Connection`], of operations nothing. What it learns on the way (messages, version,
//! warnings) goes to the report.

use std::thread;

use serde::de::IgnoredAny;
use ureq::http::Method;

use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::log::Log;
use crate::report::Report;
use crate::scrub::Secret;

mod auth;
pub mod envelope;
pub mod retry;
pub mod settings;
mod transport;
pub mod wire;

use auth::{Auth, Credentials, Session, SessionSlot};
use envelope::{Envelope, Verdict, document};
use retry::Limits;
use transport::{ExchangeError, Repeat, Reply, Request, Transport};
use wire::{Record, TooMany};

/// Where sessions are opened and closed.
const SESSIONS: &str = "/sessions";

/// How much of the appliance's text a sentence quotes; the whole text is in `messages`.
const LONGEST_QUOTE: usize = 1000;
/// How much of a value of the appliance, such as a name or a version, a sentence shows.
pub const LONGEST_WORDS: usize = 255;
/// How much of a path a sentence shows: one with many ids is 4 KiB long.
const LONGEST_PATH: usize = 150;

/// One appliance, one user.
pub struct Client {
    transport: Transport,
    auth: Auth,
    limits: Limits,
    report: Report,
    log: Log,
    host: String,
    username: String,
    /// The body of a login.
    login: Secret,
}

/// The JSON of an answer with an HTTP status of success.
#[derive(Debug)]
pub struct Body {
    /// Who answered what, and how: the beginning of a sentence.
    what: String,
    /// JSON text without blanks, valid for certain.
    pub text: String,
    /// The HTTP status, one of success.
    pub status: u16,
    /// What the envelope says, when that is failure: read the data first, then this.
    pub failure: Option<Failure>,
}

impl Body {
    /// The data as a record; none when the answer is not an object, nor a list of one.
    ///
    /// # Errors
    /// As [`Body::refused`].
    pub fn read<T: Record>(&self) -> Result<Option<T>, Failure> {
        let data = document(&self.text).and_then(|pairs| pairs.map(T::from_pairs).transpose());
        data.map_err(|limit| self.refused(limit))
    }

    /// The failure of an answer that holds more than is read: `invalid_response`.
    pub fn refused(&self, limit: TooMany) -> Failure {
        let text = format!("{} and JSON that is refused: {limit}.", self.what);
        Failure { http_status: Some(self.status), ..Failure::new(Kind::InvalidResponse, text) }
    }
}

impl Client {
    /// A client for one call; nothing is sent.
    ///
    /// # Errors
    /// `local_file` when `ca_path` cannot be used, `invalid_input` for a proxy that cannot be used.
    pub fn new(settings: &Settings, report: &Report) -> Result<Client, Failure> {
        let log = Log::from_environment(report.secrets.clone());
        let login = serde_json::json!({"UserId": settings.username, "password": settings.password.expose()});
        Ok(Client {
            transport: Transport::new(settings, &report.secrets, log.clone())?,
            auth: Auth::of(settings, &report.secrets),
            limits: Limits::of(settings),
            report: report.clone(),
            log,
            host: settings.host.as_str().to_owned(),
            username: settings.username.clone(),
            login: Secret::new(login.to_string()),
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
                self.repeated(Method::GET, path, credentials, None, limits).map_err(|trouble| trouble.failure)?
            }
            Auth::Session(keeper) => self.in_session(keeper, path, limits)?,
        };
        self.interpret(&Method::GET, path, reply)
    }

    /// Leaves the session, if there is one: no repeats, a few seconds, and a failure is a warning.
    pub fn leave(&self) {
        let Auth::Session(keeper) = &self.auth else { return };
        if let Some(session) = keeper.leaving() {
            self.log_out(&session);
            keeper.left();
        }
    }

    /// Keeps every thread from logging in and asking from now on, then leaves: the process is about to end.
    pub fn stop(&self) {
        if let Auth::Session(keeper) = &self.auth {
            keeper.stop();
        }
        self.leave();
    }

    /// Lets the answers to come be as large together as if there had been none: what earlier ones took is not kept.
    pub fn renew_allowance(&self) {
        self.report.forget_long_messages();
        self.transport.renew_allowance();
    }

    /// An exchange in the session, which is opened for it, and anew once when the appliance has forgotten it.
    fn in_session(&self, keeper: &SessionSlot, path: &str, limits: &Limits) -> Result<Reply, Failure> {
        loop {
            let Some(session) = keeper.session() else {
                self.log_in(keeper, limits)?;
                continue;
            };
            let reply = self.repeated(Method::GET, path, session.credentials(), None, limits);
            let reply = reply.map_err(|trouble| trouble.failure)?;
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

    /// POST /sessions [LXCA API, section 2.2]. A refused login is never repeated: 20 of them lock the account. Neither
    /// is one whose answer was lost: it may have opened one of the user's three sessions.
    fn log_in(&self, keeper: &SessionSlot, limits: &Limits) -> Result<(), Failure> {
        keeper.entering();
        let login = self.login.expose();
        let reply =
            self.repeated(Method::POST, SESSIONS, Credentials::new(), Some(login), limits).map_err(|trouble| {
                keeper.entered(None);
                Failure { settled: trouble.repeat != Repeat::Safe, ..trouble.failure }
            })?;
        let status = reply.status;
        // Whatever the answer says: a session that it opened is closed again at the end.
        let mut session = Session::of(&reply);
        let interpret = self.interpret(&Method::POST, SESSIONS, reply);
        if let (Some(session), Ok(body)) = (&mut session, &interpret) {
            session.complete(&body.text);
        }
        let opened = session.is_some();
        keeper.entered(session);
        let (kind, text) = match interpret {
            Err(failure) | Ok(Body { failure: Some(failure), .. }) => {
                return Err(Failure { settled: !retry::is_busy(status), ..failure });
            }
            Ok(body) if auth::password_change_required(&body.text) => {
                let user = &self.username;
                let what = "only to change it: log in to its web interface once and set a new one.";
                (Kind::PasswordChangeRequired, format!("{} accepts the password of user {user} {what}", self.host))
            }
            Ok(_) if opened => return Ok(()),
            Ok(_) => {
                let what = "accepted the login and set no session cookie; use `auth_method: basic`.";
                (Kind::InvalidResponse, format!("{} {what}", self.host))
            }
        };
        Err(Failure { http_status: Some(status), settled: true, ..Failure::new(kind, text) })
    }

    /// DELETE /sessions [LXCA API, section 2.3].
    fn log_out(&self, session: &Session) {
        let request = Request { method: Method::DELETE, path: SESSIONS, headers: session.credentials(), body: None };
        self.transport.renew_allowance();
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
    ) -> Result<Reply, ExchangeError> {
        let idempotent = method != Method::POST;
        let mut repeats = 0;
        loop {
            let Some(time) = limits.exchange() else {
                let text = format!("No time was left to ask {} for {path}.", self.host);
                return Err(ExchangeError { failure: Failure::new(Kind::Timeout, text), repeat: Repeat::Safe });
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
            let Some(pause) = pause else { return outcome };
            self.log.debug(|| format!("{path} again in {} ms", pause.as_millis()));
            thread::sleep(pause);
            repeats += 1;
        }
    }

    /// What an answer says: its JSON, or why it is none or no success. Messages and version go to the report.
    fn interpret(&self, method: &Method, path: &str, mut reply: Reply) -> Result<Body, Failure> {
        let media_type = reply.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
        api_version(&media_type).iter().for_each(|version| self.report.api_version(version));
        let status = reply.status;
        let good = (200..300).contains(&status);
        let what =
            || format!("{} answered {method} {} with HTTP {status}", self.host, self.shortened(path, LONGEST_PATH));
        let invalid = |text: String| Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) };

        auth::learn_from_header(&reply, &self.report.secrets);
        let body = std::mem::take(&mut reply.body);
        let length = body.len();
        let mut mended = match wire::text::mend(body) {
            Ok(mended) => mended,
            Err(why) if good => return Err(invalid(format!("{} and JSON that is refused: {why}.", what()))),
            Err(_) => return Err(self.refused(path, &reply, format!("{} and JSON that is refused", what()))),
        };
        let broken = serde_json::from_str::<IgnoredAny>(&mended.text).err();
        let envelope = match broken {
            None => {
                wire::text::compact(&mut mended.text);
                match Envelope::read(&mended.text) {
                    Ok(envelope) => envelope,
                    Err(limit) if good => {
                        return Err(invalid(format!("{} and JSON that is refused: {limit}.", what())));
                    }
                    Err(_) => return Err(self.refused(path, &reply, format!("{} and JSON that is refused", what()))),
                }
            }
            Some(_) => Envelope::default(),
        };
        auth::learn_from_body(if broken.is_none() { &mended.text } else { "" }, &self.report.secrets);
        let quote = envelope.quote(&self.report.secrets);
        let quoted = quote.map(|quote| format!(": {}", self.shortened(&quote, LONGEST_QUOTE))).unwrap_or_default();
        // What a good login says of itself is no news to anybody.
        if !(good && path == SESSIONS && envelope.verdict < Verdict::Bad) {
            self.report.messages(envelope.messages, envelope.left_out);
        }
        if let Some(error) = broken {
            let described = described(&media_type, &mended.text, length);
            return Err(match (good, mended.text.starts_with(['{', '['])) {
                (false, _) => self.refused(path, &reply, format!("{} and {described}", what())),
                (true, true) => invalid(format!("{} and broken JSON", what())).caused_by(error),
                (true, false) => invalid(format!("{} and {described} where JSON was expected.", what())),
            });
        }
        if !good {
            return Err(self.refused(path, &reply, format!("{}{quoted}", what())));
        }
        if mended.replaced {
            self.report.warn(format!(
                "{} and text that is not valid Unicode; bad characters were replaced by U+FFFD.",
                what()
            ));
        }
        if envelope.verdict == Verdict::Warning {
            self.report.warn(format!("{} and a warning{quoted}.", what()));
        }
        let failure = (envelope.verdict == Verdict::Bad).then(|| {
            let text = format!("{}, but says that it failed{quoted}.", what());
            let failure = match path {
                SESSIONS => Failure::new(Kind::AuthenticationFailed, format!("{text} {}", self.check_credentials())),
                _ => Failure::new(Kind::OperationFailed, text),
            };
            Failure { http_status: Some(status), ..failure }
        });
        Ok(Body { what: what(), text: mended.text, status, failure })
    }

    /// The failure of an answer whose HTTP status is none of success.
    fn refused(&self, path: &str, reply: &Reply, what: String) -> Failure {
        let status = reply.status;
        let retry_after = retry::retry_after(reply).filter(|_| retry::is_busy(status));
        let (kind, help) = match status {
            304 => (Kind::Redirected, "Nothing was asked for on condition, so that is no answer.".into()),
            300..400 => {
                let location = reply.header("Location").map(|location| self.shortened(&location, LONGEST_PATH));
                let location = location.map(|location| format!("It points to {location:?}. ")).unwrap_or_default();
                let help = "Redirects are never followed. Check `host` and `port`, and `username` and `password`: who is \
                            not logged in may be sent to the login page.";
                (Kind::Redirected, format!("{location}{help}"))
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

    /// A text of the appliance, on one line and short enough for a sentence; masked before, or half a secret would stay.
    pub fn shortened(&self, text: &str, longest: usize) -> String {
        let masked = self.report.secrets.mask(text);
        let mut line = String::new();
        let mut left = longest;
        for word in masked.split_whitespace() {
            let blank = if line.is_empty() { "" } else { " " };
            for character in blank.chars().chain(word.chars()) {
                if left == 0 {
                    line.push('…');
                    return line;
                }
                line.push(character);
                left -= 1;
            }
        }
        line
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
fn described(media_type: &str, text: &str, length: usize) -> String {
    let start: String = text.trim_start().chars().take(100).collect::<String>().to_ascii_lowercase();
    let html = ["<!doctype", "<html", "<head"].iter().any(|tag| start.starts_with(tag));
    match length {
        0 => "an empty body".into(),
        _ if html || media_type.starts_with("text/html") => {
            format!("an HTML page of {length} bytes (a login or an error page?)")
        }
        _ => format!("{length} bytes that are no JSON"),
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
