//! What an answer means: its JSON, why it has none, or the refusal in words.

use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;

use super::auth;
use super::envelope::{Envelope, Verdict};
use super::request::Request;
use super::retry;
use super::transport::Reply;
use super::wire;
use super::{Answer, Client, Interpreted, SendError};
use crate::failure::{Failure, Kind};

/// How much of the appliance's text a sentence quotes; the whole text is in `messages`.
const LONGEST_QUOTE: usize = 1000;
/// How much of a path a sentence shows: one with many ids is 4 KiB long.
const LONGEST_PATH: usize = 150;

/// Ids of messages that say that the credentials are wrong, with any status.
const LOGIN_REFUSED: [&str; 1] = ["FQXHMSE0291J"];
/// Ids of messages that say that the password has to be changed first. The documents give none; this one is the
/// simulated appliance's (docs/lxca-api.md, Choices of lxca where the documents are silent).
const PASSWORD_EXPIRED: [&str; 1] = ["FQXHMSE9412J"];

impl Client {
    /// Reads an answer. Its version goes to the outcome, and its secrets become known.
    pub(super) fn interpret(&self, request: &Request<'_>, mut reply: Reply) -> Interpreted {
        auth::learn_from_header(&reply.headers, &self.outcome.secrets);
        let media_type = reply.header("Content-Type").unwrap_or_default().to_ascii_lowercase();
        let version = api_version(&media_type).map(|version| self.outcome.secrets.mask(version));
        version.iter().for_each(|version| self.outcome.api_version(version));
        let status = reply.status;
        let good = (200..300).contains(&status);
        let what = || {
            let (host, method) = (&self.host, &request.method);
            format!("{host} answered {method} {} with HTTP {status}", self.shortened_target(request))
        };
        // Of a good answer nothing is said, as a rule: neither masked nor cut with care.
        let origin = || format!("{} answered {} {:.LONGEST_PATH$}", self.host, request.method, request.target);
        let silent = |answer| Interpreted { answer, messages: Vec::new(), left_out: 0 };
        let invalid = |text: String| {
            let failure = Failure { http_status: Some(status), ..Failure::new(Kind::InvalidResponse, text) };
            SendError { endurable: true, ..SendError::settled(failure) }
        };

        let body = std::mem::take(&mut reply.body);
        let length = body.len();
        if good && !request.expects_json() && body.iter().all(u8::is_ascii_whitespace) {
            return silent(Ok(Answer { what: origin(), text: String::new(), status, failure: None }));
        }
        let mut mended = match wire::text::mend(body) {
            Ok(mended) => mended,
            Err(why) if good => return silent(Err(invalid(format!("{} and JSON that is refused: {why}.", what())))),
            Err(_) => return silent(Err(self.refused(&reply, format!("{} and JSON that is refused", what()), None))),
        };
        if let Some(error) = serde_json::from_str::<IgnoredAny>(&mended.text).err() {
            let described = described(&media_type, &mended.text, length);
            return silent(Err(match (good, mended.text.starts_with(['{', '['])) {
                (false, _) => self.refused(&reply, format!("{} and {described}", what()), None),
                (true, true) => {
                    let broken = invalid(format!("{} and broken JSON", what()));
                    SendError { failure: broken.failure.caused_by(error), ..broken }
                }
                (true, false) => invalid(format!("{} and {described} where JSON was expected.", what())),
            }));
        }
        wire::text::compact(&mut mended.text);
        auth::learn_from_body(&mended.text, &self.outcome.secrets);
        // The token in the answer to a login is needed as it came; that text is not shown.
        let unmasked = request.opens_session().then(|| mended.text.clone());
        let (text, masked) = self.outcome.secrets.mask_answer(mended.text);
        mended.text = text;
        if masked && unmasked.is_none() {
            self.outcome.warn_masked();
        }
        let envelope = match Envelope::read(&mended.text) {
            Ok(envelope) => envelope,
            Err(limit) if good => {
                return silent(Err(invalid(format!("{} and JSON that is refused: {limit}.", what()))));
            }
            Err(_) => return silent(Err(self.refused(&reply, format!("{} and JSON that is refused", what()), None))),
        };
        let quote = envelope.quote(&self.outcome.secrets);
        let quoted = quote.map(|quote| format!(": {}", self.shortened(&quote, LONGEST_QUOTE))).unwrap_or_default();
        let answer = if good {
            if mended.replaced {
                let what = what();
                self.outcome.warn(format!(
                    "{what} and text that is not valid Unicode; bad characters were replaced by U+FFFD."
                ));
            }
            if envelope.verdict == Verdict::Warning {
                self.outcome.warn(format!("{} and a warning{quoted}.", what()));
            }
            let failure = (envelope.verdict == Verdict::Bad).then(|| {
                let text = format!("{}, but says that it failed{quoted}.", what());
                Failure { http_status: Some(status), ..Failure::new(Kind::OperationFailed, text) }
            });
            Ok(Answer { what: origin(), text: unmasked.unwrap_or(mended.text), status, failure })
        } else {
            Err(self.refused(&reply, format!("{}{quoted}", what()), Some((&envelope, &mended.text))))
        };
        Interpreted { answer, messages: envelope.messages, left_out: envelope.left_out }
    }

    /// The failure of an answer whose HTTP status is not one of success. What its messages say goes before what its
    /// status says.
    fn refused(&self, reply: &Reply, what: String, body: Option<(&Envelope, &str)>) -> SendError {
        let status = reply.status;
        let retry_after = retry::retry_after(reply).filter(|_| retry::is_busy(status));
        let says = |ids: &[&str]| {
            let messages = body.iter().flat_map(|(envelope, _)| &envelope.messages);
            messages.filter_map(|message| message.id.as_deref()).any(|id| ids.contains(&id))
        };
        let expired = says(&PASSWORD_EXPIRED) || body.is_some_and(|(_, text)| auth::password_change_required(text));
        let (kind, help) = match status {
            400..=403 | 412 if expired => (Kind::PasswordChangeRequired, self.change_the_password()),
            400 | 403 if says(&LOGIN_REFUSED) => (Kind::AuthenticationFailed, self.check_credentials()),
            304 => (Kind::Redirected, "The appliance sent 304 to an unconditional request.".into()),
            300..400 => {
                let location = reply.header("Location").map(|location| self.shortened(&location, LONGEST_PATH));
                let location = location.map(|location| format!("It points to `{location}`. ")).unwrap_or_default();
                let help = "lxca never follows redirects. Check `host` and `port`, and `username` and `password`: the \
                            appliance may send users who are not logged in to its login page.";
                (Kind::Redirected, format!("{location}{help}"))
            }
            401 => (Kind::AuthenticationFailed, self.check_credentials()),
            403 => (Kind::PermissionDenied, self.check_privileges()),
            404 => (Kind::NotFound, String::new()),
            409 | 412 => (Kind::Conflict, "Something else is using it; try again later.".into()),
            400..500 if status != 429 => (Kind::BadRequest, String::new()),
            429 | 502 | 503 | 504 => {
                let when = retry_after.map(|pause| format!(" It asks to come back {}.", from_now(pause)));
                (Kind::Unavailable, format!("It is busy or restarting; try again later.{}", when.unwrap_or_default()))
            }
            500..600 => (Kind::ServerError, "See the appliance's event log.".into()),
            _ => (Kind::InvalidResponse, "That is not a final HTTP status.".into()),
        };
        let text = format!("{what}. {help}");
        SendError {
            failure: Failure { http_status: Some(status), ..Failure::new(kind, text.trim_end()) },
            // A gateway does not say what became of a request that it passed on.
            lost: matches!(status, 502 | 504),
            endurable: matches!(kind, Kind::Unavailable | Kind::InvalidResponse) || status == 500,
            retry_after,
        }
    }

    /// The failure of a login that was refused, with what to do about it.
    pub(super) fn login_refused(&self, failure: Failure) -> Failure {
        let advice = self.check_credentials();
        let given = [&advice, &self.check_privileges()].map(|given| failure.sentence.strip_suffix(given.as_str()));
        let what = given.into_iter().flatten().next().unwrap_or(&failure.sentence).trim_end();
        let sentence = format!("{what} {advice}");
        Failure { kind: Kind::AuthenticationFailed, retryable: false, sentence, ..failure }
    }

    /// What a 403 may mean.
    fn check_privileges(&self) -> String {
        let doubt = self.password_doubt.map(|doubt| format!(" {doubt}")).unwrap_or_default();
        format!(
            "User {} lacks the privilege, the appliance lacks a license, or the password is wrong: some pages answer \
             that with 403.{doubt}",
            self.username
        )
    }

    /// What to do about refused credentials.
    fn check_credentials(&self) -> String {
        let doubt = self.password_doubt.map(|doubt| format!(" {doubt}")).unwrap_or_default();
        format!(
            "Check `username` ({}) and `password`.{doubt} lxca did not try again, since repeated failures lock the \
             account.",
            self.username
        )
    }

    /// What to do about a password that has to be changed first.
    pub(super) fn change_the_password(&self) -> String {
        format!(
            "{} accepts the password of user {} only to change it: log in to its web interface once and set a new one.",
            self.host, self.username
        )
    }

    /// The target of a request, short enough for a sentence.
    pub(super) fn shortened_target(&self, request: &Request<'_>) -> String {
        self.shortened(&request.target, LONGEST_PATH)
    }

    /// A text of the appliance, on one line and short enough for a sentence; masked before, or half a secret would stay.
    pub fn shortened(&self, text: &str, longest: usize) -> String {
        let masked = self.outcome.secrets.mask(text);
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

/// A body that is not JSON, in words.
fn described(media_type: &str, text: &str, length: usize) -> String {
    let start: String = text.trim_start().chars().take(100).collect::<String>().to_ascii_lowercase();
    let html = ["<!doctype", "<html", "<head"].iter().any(|tag| start.starts_with(tag));
    match length {
        0 => "an empty body".into(),
        _ if html || media_type.starts_with("text/html") => {
            format!("an HTML page of {length} bytes (a login or an error page?)")
        }
        _ => format!("{length} bytes that are not JSON"),
    }
}

/// When a pause ends, in seconds and by the clock.
fn from_now(pause: Duration) -> String {
    // Dates end with the year 9999, as httpdate has it.
    let at = SystemTime::now().checked_add(pause).filter(|_| pause.as_secs() < 200_000_000_000);
    match at {
        Some(at) => format!("in {} s, on {}", pause.as_secs_f64().ceil() as u64, httpdate::fmt_http_date(at)),
        None => "in more than 6,000 years".into(),
    }
}
