//! What goes wrong: rules that pick requests, and the damage done to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random;

/// One rule: which requests, and what happens to them. Faults act before authentication.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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
    /// Which part of the other requests is hit, from 0 to 1, by chance; absent: all. Which ones follows from
    /// [`crate::Settings::seed`] and from how many matched before.
    #[serde(default)]
    pub probability: Option<f64>,
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
        Self { method: None, path: None, skip: 0, times: None, probability: None, fault, seen: 0, hits: 0 }
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

    /// Hit this part of the requests only, by chance.
    #[must_use]
    pub fn probability(mut self, part: f64) -> Self {
        self.probability = Some(part);
        self
    }

    /// Counts one matching request; whether it is hit.
    fn hit(&mut self, seed: u64) -> bool {
        self.seen += 1;
        let chosen = self.probability.is_none_or(|part| random::unit(seed, self.seen) < part);
        let hit = chosen && self.seen > self.skip && self.times.is_none_or(|times| self.hits < times);
        self.hits += u32::from(hit);
        hit
    }
}

/// Rules for an appliance on which something goes wrong now and then, about once in four requests: what a bad network
/// and a busy server do. No answer is late for longer than a second, except those that never come.
pub fn chaos() -> Vec<FaultRule> {
    let status = |code, body| Fault::Status { code, retry_after: None, body };
    let rules = [
        (0.01, Fault::Refuse),
        (0.02, Fault::StallInBody { after: 20 }),
        (0.02, Fault::Garbage),
        (0.03, Fault::Reset),
        (0.03, Fault::CloseBeforeAnswer),
        (0.03, Fault::Cut { after: 300, end: CutEnd::Fin }),
        (0.03, Fault::WrongLength { by: 10 }),
        (0.03, Fault::Delay { milliseconds: 1000 }),
        (0.03, status(500, StatusBody::Html)),
        (0.05, status(503, StatusBody::Envelope)),
    ];
    rules.into_iter().map(|(part, fault)| FaultRule::new(fault).probability(part)).collect()
}

/// The fault for a new connection, if a rule has one.
pub(crate) fn for_connection(rules: &mut [FaultRule], seed: u64) -> Option<Fault> {
    seeded(rules, seed)
        .find_map(|(rule, seed)| (rule.fault.is_of_connection() && rule.hit(seed)).then(|| rule.fault.clone()))
}

/// The rules, each with its own seed, so that two rules do not hit the same requests.
fn seeded(rules: &mut [FaultRule], seed: u64) -> impl Iterator<Item = (&mut FaultRule, u64)> {
    rules.iter_mut().zip(0_u64..).map(move |(rule, index)| (rule, seed ^ (index << 40)))
}

/// The fault for a request, if a rule has one.
pub(crate) fn for_request(rules: &mut [FaultRule], seed: u64, method: &str, target: &str) -> Option<Fault> {
    seeded(rules, seed).find_map(|(rule, seed)| {
        let matches = !rule.fault.is_of_connection()
            && rule.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && rule.path.as_deref().is_none_or(|start| target.starts_with(start));
        (matches && rule.hit(seed)).then(|| rule.fault.clone())
    })
}

/// What happens to a request or a connection. In JSON: `"reset"`, `{"cut": {"after": 100}}` and so on.
///
/// Faults that speak of the right answer, and those from `reset` to `garbage`, carry the request out and damage its
/// answer; the others answer in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The answer ends after this many bytes of its body; its headers arrive.
    CutInBody {
        /// Bytes of the body that are sent.
        after: u64,
        /// How the connection ends.
        #[serde(default)]
        end: CutEnd,
    },
    /// The right answer with neither a length nor chunks: only the end of the connection ends it.
    NoLength {
        /// How the connection ends.
        #[serde(default)]
        end: CutEnd,
    },
    /// The right answer, said to be chunked though it is not. A chunked answer stays as it is.
    BadChunks,
    /// The right answer, compressed though the client did not offer it.
    Compressed,
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
    /// A body given in the rule.
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
    /// A refusal by its message.
    Refusal {
        /// HTTP status.
        status: u16,
        /// The message.
        reason: Reason,
    },
    /// A refusal before the request has arrived: it is answered after this many bytes of its body, and the rest is not
    /// read.
    EarlyRefusal {
        /// HTTP status.
        status: u16,
        /// Bytes of the body that are read first.
        #[serde(default)]
        after: u64,
        /// Reset the connection after the answer, instead of reading the rest for five seconds.
        #[serde(default)]
        abrupt: bool,
    },
    /// A body of any size, made while it is sent: `before`, then `unit` until `bytes` are reached, then `after`.
    /// `{n}` in the unit counts from 0.
    Generated {
        /// HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// Additional headers, each as name and value.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// Start of the body.
        #[serde(default)]
        before: String,
        /// What is repeated.
        unit: String,
        /// End of the body.
        #[serde(default)]
        after: String,
        /// Size of the repeated part in bytes, at least.
        bytes: u64,
    },
    /// The right answer sets additional cookies `JSESSIONID`, new ones each time; no session is behind them.
    SessionCookies {
        /// How many.
        count: usize,
        /// Length of each value in bytes.
        length: usize,
    },
    /// The right answer, but a new cookie takes the place of the session's own from now on.
    NewSessionCookie,
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

/// What a [`Fault::Refusal`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// `FQXHMSE0291J`: the login failed.
    LoginFailed,
    /// The password must be changed first.
    PasswordChange,
    /// The user cannot be authenticated.
    NotAuthenticated,
    /// The user lacks a privilege.
    Forbidden,
    /// A job is in the way.
    Conflict,
    /// There is not enough space.
    NoSpace,
}

/// How a cut connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EchoShape {
    /// In the message texts of an envelope.
    #[default]
    Envelope,
    /// In a JSON object, one key for each part of the request.
    Json,
    /// In an HTML page.
    Html,
    /// As plain text.
    Text,
    /// In the header `Location`, always percent-encoded (a header cannot hold a line break).
    Location,
}

/// How a [`Fault::Echo`] writes the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
