//! What goes wrong: rules that pick requests, and the damage done to them.

use serde::{Deserialize, Serialize};

/// One rule: which requests, and what happens to them. Faults act before authentication.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Method of the requests; absent: any. Not looked at by faults of a whole connection.
    #[serde(default)]
    pub method: Option<String>,
    /// How the target (path and query) of the requests starts; absent: any. Not looked at by faults of a whole
    /// connection.
    #[serde(default)]
    pub path: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many requests are hit after that; absent: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
    /// Matching requests so far.
    #[serde(skip)]
    pub seen: u32,
    /// Requests hit so far.
    #[serde(skip)]
    pub hits: u32,
}

impl FaultRule {
    /// A rule for every request, for ever.
    pub fn new(fault: Fault) -> Self {
        Self { method: None, path: None, skip: 0, times: None, fault, seen: 0, hits: 0 }
    }

    /// Only requests with this method whose target starts so.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.into());
        self.path = Some(path.into());
        self
    }

    /// Let this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// Hit this many requests only.
    #[must_use]
    pub fn times(mut self, requests: u32) -> Self {
        self.times = Some(requests);
        self
    }

    /// Counts one matching request; whether it is hit.
    fn hit(&mut self) -> bool {
        self.seen += 1;
        let hit = self.seen > self.skip && self.times.is_none_or(|times| self.hits < times);
        self.hits += u32::from(hit);
        hit
    }
}

/// The fault for a new connection, if a rule has one.
pub(crate) fn for_connection(rules: &mut [FaultRule]) -> Option<Fault> {
    rules.iter_mut().find_map(|rule| (rule.fault.is_of_connection() && rule.hit()).then(|| rule.fault.clone()))
}

/// The fault for a request, if a rule has one.
pub(crate) fn for_request(rules: &mut [FaultRule], method: &str, target: &str) -> Option<Fault> {
    rules.iter_mut().find_map(|rule| {
        let matches = !rule.fault.is_of_connection()
            && rule.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && rule.path.as_deref().is_none_or(|start| target.starts_with(start));
        (matches && rule.hit()).then(|| rule.fault.clone())
    })
}

/// What happens to a request or a connection. In JSON: `"reset"`, `{"cut": {"after": 100}}` and so on.
///
/// Faults of the wire (`reset` to `garbage`, and `delay`) carry the request out and damage its answer; the others
/// answer in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is closed before TLS begins. Of a whole connection.
    Refuse,
    /// The connection is accepted, and nothing is ever sent on it. Of a whole connection.
    StallBeforeTls,
    /// The server speaks HTTP without TLS. Of a whole connection.
    PlainHttp,
    /// A TCP reset in place of the answer.
    Reset,
    /// The connection is closed in place of the answer.
    CloseBeforeAnswer,
    /// No answer ever comes; the connection stays open.
    Stall,
    /// The answer stops after this many bytes of its body; the connection stays open.
    StallInBody {
        /// Bytes of the body that are sent.
        after: u64,
    },
    /// The answer comes one byte at a time.
    Trickle {
        /// Pause after each byte.
        milliseconds: u64,
    },
    /// The answer ends early.
    Cut {
        /// Bytes of the answer, head included, that are sent.
        after: u64,
        /// How the connection ends.
        #[serde(default)]
        end: CutEnd,
    },
    /// `Content-Length` differs from the length of the body; then the connection is closed. A chunked answer stays
    /// as it is.
    WrongLength {
        /// What is added to the right length, in bytes; negative values announce less than is sent.
        by: i64,
    },
    /// Bytes that are not HTTP, then the end.
    Garbage,
    /// Another status in place of the right answer.
    Status {
        /// HTTP status.
        code: u16,
        /// Value of `Retry-After`, if one is sent.
        #[serde(default)]
        retry_after: Option<String>,
        /// What the body is.
        #[serde(default)]
        body: StatusBody,
    },
    /// A redirection.
    Redirect {
        /// Value of `Location`.
        location: String,
        /// HTTP status.
        #[serde(default = "found")]
        status: u16,
    },
    /// A body of one's own.
    Body {
        /// HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// Value of `Content-Type`; absent: none is sent.
        #[serde(default)]
        content_type: Option<String>,
        /// The body.
        raw: String,
    },
    /// The right answer with additional headers.
    HugeHeaders {
        /// Their size in bytes, about.
        bytes: usize,
    },
    /// A status 200 with a body of this size: a JSON string of letters.
    HugeBody {
        /// Size in bytes.
        bytes: u64,
    },
    /// The answer repeats the whole request, secrets included: a hostile or careless server.
    Echo {
        /// HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// Where the request is repeated.
        #[serde(default)]
        shape: EchoShape,
        /// How the request is written.
        #[serde(default)]
        encoding: EchoEncoding,
    },
    /// The right answer comes late.
    Delay {
        /// How late.
        milliseconds: u64,
    },
}

impl Fault {
    /// Whether the fault is one of a whole connection, decided before any request is read.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Self::Refuse | Self::StallBeforeTls | Self::PlainHttp)
    }
}

/// How a cut connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutEnd {
    /// The TCP connection is closed, without TLS's own end.
    #[default]
    Fin,
    /// TLS is ended in an orderly way.
    CloseNotify,
    /// A TCP reset.
    Reset,
}

/// Body of a [`Fault::Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusBody {
    /// JSON with `result: "failure"` and `messages`.
    #[default]
    Envelope,
    /// An HTML page.
    Html,
    /// Nothing.
    Empty,
}

/// Where a [`Fault::Echo`] repeats the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoShape {
    /// In the message texts of an envelope.
    #[default]
    Envelope,
    /// In a JSON object, under keys of its own.
    Json,
    /// In an HTML page.
    Html,
    /// As plain text.
    Text,
    /// In the header `Location`, percent-encoded whatever the encoding (a line break cannot stand in a header).
    Location,
}

/// How a [`Fault::Echo`] writes the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EchoEncoding {
    /// As it came.
    #[default]
    Plain,
    /// As the text of a JSON string, which is then put into a JSON string again.
    JsonEscapedTwice,
    /// With everything but letters and digits as `%XX`.
    PercentEncoded,
    /// With `&`, `<`, `>` and quotes as entities.
    HtmlEscaped,
}

fn ok() -> u16 {
    200
}

fn found() -> u16 {
    302
}
