//! The REST client: a [`Request`] in, JSON text out; authentication, repeats and envelopes lie between.
//!
//! It knows [`Settings`], but no options and no operations. What it learns on the way (messages, version, warnings) goes
//! to the [`Outcome`] of the call.

use std::thread;
use std::time::{Duration, Instant};

use ureq::http::Method;

use crate::failure::{Failure, Kind};
use crate::log::Log;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::scrub::Secret;

mod auth;
pub mod envelope;
mod interpret;
pub mod request;
pub mod retry;
mod session;
pub mod settings;
mod transport;
pub mod wire;

use auth::Auth;
use envelope::document;
use request::{Body, Repeat, Request};
use retry::Limits;
use session::{Credentials, Session, SessionSlot};
use settings::Settings;
use transport::{NoReply, Reply, Transport};
use wire::{Record, TooMany};

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

/// The JSON of an answer with an HTTP status of success; empty when the appliance sent none.
#[derive(Debug)]
pub struct Answer {
    /// Who answered what, and how: the beginning of a sentence.
    what: String,
    /// JSON text without blanks, valid for certain, or nothing at all.
    pub text: String,
    /// The HTTP status, one of success.
    pub status: u16,
    /// What the envelope says, when that is failure: read the data first, then this.
    pub failure: Option<Failure>,
}

impl Answer {
    /// The data as a record; `None` when the answer is neither an object nor a list of one.
    ///
    /// # Errors
    /// As [`Answer::refused`].
    pub fn read<T: Record>(&self) -> Result<Option<T>, SendError> {
        let data = document(&self.text).and_then(|pairs| pairs.map(T::from_pairs).transpose());
        data.map_err(|limit| self.refused(limit))
    }

    /// The failure of an answer that holds more than is read: `invalid_response`.
    pub fn refused(&self, limit: TooMany) -> SendError {
        let text = format!("{} and JSON that is refused: {limit}.", self.what);
        let failure = Failure { http_status: Some(self.status), ..Failure::new(Kind::InvalidResponse, text) };
        SendError { endurable: true, ..SendError::settled(failure) }
    }
}

/// A request without a good answer.
#[derive(Debug)]
pub struct SendError {
    /// What it means.
    pub failure: Failure,
    /// Whether the request may have been carried out although no answer came.
    pub lost: bool,
    /// Whether a poll may go on in spite of it: what a restarting appliance does.
    pub endurable: bool,
    /// When the appliance asked to come back (`Retry-After`), from the moment of its answer.
    pub retry_after: Option<Duration>,
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> SendError {
        SendError::settled(failure)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Failure {
        error.failure
    }
}

impl SendError {
    /// An error that is final: asking again would do harm or not help.
    fn settled(failure: Failure) -> SendError {
        SendError { failure, lost: false, endurable: false, retry_after: None }
    }

    /// Whether the appliance may have carried the request out. A 4xx, 503 and a redirect refuse it for certain; any other
    /// status, and a lost answer, do not (docs/contract.md, Rules for all of them).
    fn may_have_acted(&self) -> bool {
        self.lost || self.failure.http_status.is_some_and(|status| !matches!(status, 300..=499 | 503))
    }

    fn of(no_reply: NoReply) -> SendError {
        let kind = no_reply.failure.kind;
        let passes = matches!(kind, Kind::ConnectionFailed | Kind::Timeout | Kind::InvalidResponse);
        SendError {
            lost: no_reply.sent,
            endurable: passes && !no_reply.may_be_refusal,
            retry_after: None,
            failure: no_reply.failure,
        }
    }
}

/// What an answer says, and its messages, which are not always news.
struct Interpreted {
    answer: Result<Answer, SendError>,
    messages: Vec<Message>,
    left_out: usize,
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
        if request.changes {
            if self.outcome.caller().check_mode {
                let text = "A request that changes something was about to be sent in check mode, a defect of lxca.";
                return Err(Failure::new(Kind::Internal, text).into());
            }
            self.outcome.change_begins();
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
            self.outcome.warn(self.may_remain("the login was still under way"));
            return;
        };
        if slot.forgotten() > 0 {
            self.outcome.warn(self.may_remain("the appliance replaced the session too often to close all of them"));
        }
        let deadline = Instant::now() + session::LEAVING;
        for session in sessions {
            self.log_out(&session, deadline.saturating_duration_since(Instant::now()));
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
            let reply = match self.repeated(request, &session.credentials(), limits) {
                Ok(reply) => reply,
                Err(no_reply) => {
                    no_reply.headers.iter().for_each(|headers| slot.replaced(headers));
                    return Err(SendError::of(no_reply));
                }
            };
            slot.replaced(&reply.headers);
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
            let session = no_reply.headers.as_ref().and_then(Session::of);
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
            // Refused before and unknown now: the session has ended.
            Ok(reply) if session.refused && matches!(reply.status, 300..=499) => return,
            Ok(reply) => format!("HTTP {}", reply.status),
            Err(no_reply) => no_reply.failure.msg(),
        };
        self.outcome.warn(self.may_remain(&format!("it could not be closed: {why}")));
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
            let outcome = self.transport.exchange(request, credentials, time);
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
