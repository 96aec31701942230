//! What comes of a request: an answer, or an error that says whether the request may have been carried out.

use std::time::Duration;

use super::envelope::document;
use super::transport::NoReply;
use super::wire::{Record, TooMany};
use crate::failure::{Failure, Kind};
use crate::message::Message;

/// The JSON of an answer with an HTTP status of success; empty when the appliance sent none.
#[derive(Debug)]
pub struct Answer {
    /// Who answered what, and how: the beginning of a sentence.
    pub(super) what: String,
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
    pub(super) fn settled(failure: Failure) -> SendError {
        SendError { failure, lost: false, endurable: false, retry_after: None }
    }

    /// Whether the appliance may have carried the request out. A 4xx, 503 and a redirect refuse it for certain; any other
    /// status, and a lost answer, do not (docs/contract.md, Rules for all of them).
    pub(super) fn may_have_acted(&self) -> bool {
        self.lost || self.failure.http_status.is_some_and(|status| !matches!(status, 300..=499 | 503))
    }

    pub(super) fn of(no_reply: NoReply) -> SendError {
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
pub(super) struct Interpreted {
    pub(super) answer: Result<Answer, SendError>,
    pub(super) messages: Vec<Message>,
    pub(super) left_out: usize,
}
