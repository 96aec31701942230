//! The REST client: a [`Request`] in, JSON text out; authentication, repeats and envelopes lie between.
//!
//! It knows [`Settings`], but no options and no operations. What it learns on the way (messages, version, warnings) goes
//! to the [`Outcome`] of the call.

use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method};

use crate::failure::{Failure, Kind};
use crate::log::Log;
use crate::outcome::Outcome;
use crate::scrub::Secret;

mod answer;
mod auth;
pub mod envelope;
mod interpret;
pub mod request;
pub mod retry;
mod session;
pub mod settings;
mod transport;
pub mod wire;

pub use answer::{Answer, SendError};

use answer::Interpreted;
use auth::Auth;
use request::{Body, Repeat, Request};
use retry::Limits;
use session::{Credentials, Session, SessionSlot};
use settings::Settings;
use transport::{NoReply, Reply, Transport};

/// How much of a value of the appliance, such as a name or a version, a sentence shows, in characters.
pub const LONGEST_WORDS: usize = 255;
/// Where sessions are opened and closed (docs/lxca-api.md, Authentication and sessions).
const SESSIONS: &str = "/sessions";

/// One appliance, one user.
pub struct Client {
    transport: Transport,
    auth: Auth,
    limits: Limits,
    outcome: Outcome,
    log: Log,
    host: String,
    username: String,
    /// What may be wrong with the password, when it is refused.
    password_doubt: Option<&'static str>,
    /// The body of a login.
    login: Secret,
}

impl Client {
    /// A client for one call; nothing is sent.
    ///
    /// # Errors
    /// `local_file` when `ca_path` cannot be used, `invalid_input` for a proxy that cannot be used.
    pub fn new(settings: &Settings, outcome: &Outcome) -> Result<Client, Failure> {
        let log = Log::from_environment(outcome.secrets.clone());
        let login = serde_json::json!({"UserId": settings.username, "password": settings.password.expose()});
        let transport = Transport::new(settings, &outcome.secrets, log.clone())?;
        transport.warnings().iter().for_each(|warning| outcome.warn(warning));
        Ok(Client {
            transport,
            auth: Auth::of(settings, &outcome.secrets),
            limits: Limits::of(settings),
            outcome: outcome.clone(),
            log,
            host: settings.host.as_str().to_owned(),
            username: settings.username.clone(),
            password_doubt: settings.password_doubt,
            login: Secret::new(login.to_string()),
        })
    }

    /// The name of the appliance, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The ordinary rules for an exchange.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Asks a question under the ordinary rules.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn get(&self, target: &str) -> Result<Answer, SendError> {
        self.send(&Request::get(target), &self.limits)
    }

    /// Sends a request and reads its answer. What changes something is recorded in the outcome: from the moment on at
    /// which it may have reached the appliance it counts as a change, until the appliance refuses it.
    ///
    /// # Errors
    /// Every kind that says no answer, no success by HTTP status, or no JSON; `timeout` when no time is left.
    pub fn send(&self, request: &Request<'_>, limits: &Limits) -> Result<Answer, SendError> {
        if request.changes && self.outcome.caller().check_mode {
            let text = "A request that changes something was about to be sent in check mode, a defect of lxca.";
            return Err(Failure::new(Kind::Internal, text).into());
        }
        let answer = self.exchange(request, limits).and_then(|reply| {
            let read = self.interpret(request, reply);
            self.outcome.messages(read.messages, read.left_out);
            read.answer
        });
        if request.changes {
            self.outcome.change_ends(match &answer {
                Ok(answer) => answer.failure.is_none(),
                Err(error) => error.may_have_acted(),
            });
        }
        answer
    }

    /// Writes to the log where something is that is waited for.
    pub fn log_progress(&self, what: &str, place: &str) {
        self.log.info(|| format!("{what} is {place}"));
    }

    /// Leaves the sessions of the call: no repeats, a few seconds, and a failure is a warning.
    pub fn leave(&self) {
        let Auth::Session(slot) = &self.auth else { return };
        let Some(sessions) = slot.begin_leaving() else {
            self.outcome.warn(self.may_remain("a login or a logout was still under way"));
            return;
        };
        let deadline = Instant::now() + session::LEAVING;
        for session in sessions {
            self.log_out(&session, deadline.saturating_duration_since(Instant::now()));
        }
        if slot.has_forgotten() {
            self.outcome.warn(self.may_remain("it was replaced too often to close all of its predecessors"));
        }
        slot.left();
    }

    /// Keeps every thread from logging in and asking from now on, then leaves: the process is about to end.
    pub fn stop(&self) {
        if let Auth::Session(slot) = &self.auth {
            slot.stop();
        }
        self.leave();
    }

    /// Lets the answers to come be as large together as if there had been none: what earlier ones took is not kept.
    pub fn renew_allowance(&self) {
        self.outcome.forget_long_messages();
        self.transport.renew_allowance();
    }

    /// The reply to a request with credentials.
    fn exchange(&self, request: &Request<'_>, limits: &Limits) -> Result<Reply, SendError> {
        match &self.auth {
            Auth::Basic(token) => {
                let credentials = vec![("Authorization", format!("Basic {}", token.expose()))];
                self.repeated(request, &credentials, limits).map_err(SendError::of)
            }
            Auth::Session(slot) => self.in_session(slot, request, limits),
        }
    }

    /// An exchange in the session, which is opened for it, and anew once when the appliance has forgotten it. A request
    /// that changes something is not sent again: the session is opened anew for what is asked afterwards.
    fn in_session(&self, slot: &SessionSlot, request: &Request<'_>, limits: &Limits) -> Result<Reply, SendError> {
        loop {
            let Some(session) = slot.session() else {
                self.log_in(slot, limits)?;
                continue;
            };
            let reply = self.repeated(request, &session.credentials(), limits).map_err(SendError::of)?;
            // An unknown session is answered with 401, with 403 on pages that know no 401, or with the way to the login
            // page (docs/lxca-api.md, Failure shapes).
            let refused = matches!(reply.status, 401 | 403 | 301..=303 | 307 | 308);
            if refused && slot.drop_refused() {
                self.log.debug(|| "the session was refused; logging in anew".into());
                if !request.changes {
                    continue;
                }
            } else if (200..300).contains(&reply.status) {
                slot.worked();
            }
            return Ok(reply);
        }
    }

    /// Logs in. A refused login is never repeated: 20 of them lock the account. Neither is one whose answer was lost: it
    /// may have opened one of the user's three sessions.
    fn log_in(&self, slot: &SessionSlot, limits: &Limits) -> Result<(), SendError> {
        let request = Request {
            method: Method::POST,
            target: SESSIONS.into(),
            body: Body::Json(self.login.expose()),
            repeat: Repeat::OnlyIfUnsent,
            changes: false,
        };
        slot.entering();
        let reply = self.repeated(&request, &Credentials::new(), limits).map_err(|no_reply| {
            let session = no_reply.headers.as_deref().and_then(Session::of);
            if no_reply.sent && session.is_none() {
                self.outcome.warn(self.may_remain("the answer to its login was lost"));
            }
            slot.entered(session);
            let endurable = !no_reply.sent;
            SendError { endurable, ..SendError::of(no_reply) }
        })?;
        let status = reply.status;
        // A session that the answer opens is closed again at the end, also when the rest of the answer is bad.
        let mut session = Session::of(&reply.headers);
        let read = self.interpret(&request, reply);
        if let (Some(session), Ok(answer)) = (&mut session, &read.answer) {
            session.complete(&answer.text);
        }
        let opened = session.is_some();
        slot.entered(session);
        // A gateway does not say whether the appliance accepted the login.
        if !opened
            && matches!(status, 200..=299 | 502 | 504)
            && !matches!(&read.answer, Ok(Answer { failure: Some(_), .. }))
        {
            self.outcome.warn(self.may_remain("the answer to its login set no session cookie"));
        }
        let answer = match read.answer {
            // The messages of a successful login tell the caller nothing new.
            Ok(answer @ Answer { failure: None, .. }) => answer,
            Ok(Answer { failure: Some(failure), .. }) => {
                self.outcome.messages(read.messages, read.left_out);
                return Err(SendError::settled(self.login_refused(failure)));
            }
            Err(error) => {
                self.outcome.messages(read.messages, read.left_out);
                // A login is documented to be refused with 400, and observed to be with 403.
                let refused = matches!(status, 400 | 403) && error.failure.kind != Kind::PasswordChangeRequired;
                let failure = if refused { self.login_refused(error.failure) } else { error.failure };
                return Err(SendError { failure, endurable: retry::is_busy(status), ..error });
            }
        };
        let host = &self.host;
        let failure = if auth::password_change_required(&answer.text) {
            Failure::new(Kind::PasswordChangeRequired, self.change_the_password())
        } else if !opened {
            let text = format!("{host} accepted the login and set no session cookie; use `auth_method: basic`.");
            Failure::new(Kind::InvalidResponse, text)
        } else {
            return Ok(());
        };
        Err(SendError::settled(Failure { http_status: Some(status), ..failure }))
    }

    /// DELETE /sessions.
    fn log_out(&self, session: &Session, timeout: Duration) {
        let request = Request {
            method: Method::DELETE,
            target: SESSIONS.into(),
            body: Body::Empty,
            repeat: Repeat::OnlyIfUnsent,
            changes: false,
        };
        self.transport.renew_allowance();
        let why = match self.transport.exchange(&request, &session.credentials(), timeout) {
            Ok(reply) if (200..300).contains(&reply.status) => return,
            // It was refused or replaced before, and now nobody knows it: it has ended.
            Ok(reply) if session.superseded && matches!(reply.status, 300..=499) => return,
            Ok(reply) => format!("HTTP {}", reply.status),
            Err(no_reply) => no_reply.failure.msg(),
        };
        self.outcome.warn(self.may_remain(&format!("it could not be closed: {why}")));
    }

    /// Makes the secrets of a header known, and takes its cookies into the open session.
    fn take_cookies(&self, headers: &HeaderMap) {
        auth::learn_from_header(headers, &self.outcome.secrets);
        if let Auth::Session(slot) = &self.auth {
            slot.replaced(headers);
        }
    }

    /// The warning that a session may remain.
    fn may_remain(&self, why: &str) -> String {
        let why = why.trim_end_matches('.');
        format!("A session on {} may remain open and count among the user's until it idles out: {why}.", self.host)
    }

    /// One exchange, repeated when the rules allow it; an answer that asks for patience is given back in the end.
    fn repeated(&self, request: &Request<'_>, credentials: &Credentials, limits: &Limits) -> Result<Reply, NoReply> {
        let mut repeats = 0;
        loop {
            let Some(time) = limits.exchange() else {
                let text = format!("No time was left to ask {} for {}.", self.host, self.shortened_target(request));
                return Err(NoReply::unsent(Failure::new(Kind::Timeout, text)));
            };
            if request.changes {
                self.outcome.change_begins();
            }
            let outcome = self.transport.exchange(request, credentials, time);
            // Of every answer, also of one that is lost or asked for again.
            let headers = outcome.as_ref().map_or_else(|lost| lost.headers.as_deref(), |reply| Some(&reply.headers));
            headers.iter().for_each(|headers| self.take_cookies(headers));
            let (worth_it, retry_after) = match &outcome {
                Ok(reply) => {
                    (request.repeat == Repeat::Safe && retry::is_busy(reply.status), retry::retry_after(reply))
                }
                Err(no_reply) => (no_reply.may_be_repeated(request.repeat), None),
            };
            let pause = limits.pause(repeats, retry_after).filter(|_| worth_it);
            let Some(pause) = pause else { return outcome };
            self.log.debug(|| format!("{} again in {} ms", request.target, pause.as_millis()));
            thread::sleep(pause);
            repeats += 1;
        }
    }
}
