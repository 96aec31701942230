//! A request: everything that decides how an exchange is made.

use std::borrow::Cow;

use ureq::http::Method;

/// A request to the appliance, without the credentials, which the client adds.
#[derive(Clone, Debug)]
pub struct Request<'r> {
    /// GET, POST, PUT, DELETE.
    pub method: Method,
    /// Path and query, with the leading slash.
    pub target: Cow<'r, str>,
    /// What is sent along.
    pub body: Body<'r>,
    /// Whether it may be sent again. LXCA's PUT starts jobs, so that the method says nothing.
    pub repeat: Repeat,
    /// Whether it starts or changes something on the appliance.
    pub changes: bool,
}

/// What is sent along with a request.
#[derive(Clone, Copy, Debug)]
pub enum Body<'r> {
    /// Nothing.
    Empty,
    /// JSON text.
    Json(&'r str),
}

/// Whether a request may be sent again after a failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Asking twice does no harm.
    Safe,
    /// Only if nothing of it was sent.
    OnlyIfUnsent,
}

impl<'r> Request<'r> {
    /// A question.
    pub fn get(target: impl Into<Cow<'r, str>>) -> Request<'r> {
        let target = target.into();
        Request { method: Method::GET, target, body: Body::Empty, repeat: Repeat::Safe, changes: false }
    }

    /// A request that starts or changes something, with JSON text.
    pub fn post(target: &'r str, json: &'r str) -> Request<'r> {
        let (method, target) = (Method::POST, target.into());
        Request { method, target, body: Body::Json(json), repeat: Repeat::OnlyIfUnsent, changes: true }
    }

    /// Whether a successful status needs a JSON body: an answer to a question cannot be empty.
    pub fn expects_json(&self) -> bool {
        self.repeat == Repeat::Safe
    }

    /// Whether the answer brings a session, whose token is needed as it came.
    pub fn opens_session(&self) -> bool {
        self.method == Method::POST && !self.changes
    }
}
