//! Answers: what they hold, and how they look on the wire (LXCA API, as recorded from appliances).

use std::time::SystemTime;

use serde_json::Value;

use crate::clock;
use crate::dressing::dress;
use crate::gzip;
use crate::http::Request;
use crate::quirks::{ContentEncoding, MediaType, Quirks};
use crate::zip::ZipFile;

/// Size of the pieces a body is chunked into.
const CHUNK: usize = 16_384;

/// An answer, before quirks.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    /// Headers of this answer only.
    pub headers: Vec<(&'static str, String)>,
    pub content: Content,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    Html(String),
    /// Bytes as they are, with this media type.
    Raw(Option<String>, Vec<u8>),
    Zip(ZipFile),
    /// A JSON string of this many bytes.
    Letters(u64),
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    pub fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1></body></html>\n"
        );
        Self::new(status, Content::Html(page))
    }

    pub fn empty(status: u16) -> Self {
        Self::new(status, Content::Empty)
    }

    pub fn new(status: u16, content: Content) -> Self {
        Self { status, headers: Vec::new(), content }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes to send. `version` is that of the appliance; `last`: the connection ends after this; `off_by`: what
    /// is added to the length that is announced.
    pub fn finish(self, request: &Request, quirks: &Quirks, version: &str, last: bool, off_by: i64) -> Outgoing {
        let is_json = matches!(self.content, Content::Json(_));
        let (media_type, mut body) = self.content.into_body(quirks, version);
        let mut headers = common_headers(self.status);
        headers.extend(self.headers);
        if let Some(media_type) = media_type {
            headers.push(("Content-Type", media_type));
        }
        if is_json {
            headers.push(("Content-Language", "en-US".into()));
            let wanted = match quirks.content_encoding {
                ContentEncoding::WhenAsked => request.accepts_gzip(),
                ContentEncoding::Always | ContentEncoding::HeaderOnly => true,
                ContentEncoding::Never => false,
            };
            if wanted && quirks.content_encoding != ContentEncoding::HeaderOnly {
                body = Body::of(gzip::stored(&body.pieces.flatten().collect::<Vec<u8>>()));
            }
            if wanted {
                headers.push(("Content-Encoding", "gzip".into()));
            }
            headers.push(("Vary", "Accept-Encoding, User-Agent".into()));
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if bodiless {
            body = Body::of(Vec::new());
        } else if quirks.chunked && is_json && off_by == 0 {
            headers.push(("Transfer-Encoding", "chunked".into()));
            body = body.chunked();
        } else {
            let length = body.length.saturating_add_signed(off_by);
            headers.push(("Content-Length", length.to_string()));
        }
        if last {
            headers.push(("Connection", "close".into()));
        }
        if request.method == "HEAD" {
            body = Body::of(Vec::new());
        }
        Outgoing { status: self.status, head: head(self.status, &headers), body }
    }
}

impl Content {
    fn into_body(self, quirks: &Quirks, version: &str) -> (Option<String>, Body) {
        match self {
            Self::Empty => (None, Body::of(Vec::new())),
            Self::Html(page) => (Some("text/html; charset=UTF-8".into()), Body::of(page.into_bytes())),
            Self::Raw(media_type, bytes) => (media_type, Body::of(bytes)),
            Self::Zip(file) => {
                let body = Body { length: file.size(), pieces: Box::new(file.bytes()) };
                (Some("application/zip".into()), body)
            }
            Self::Letters(length) => (json_type(quirks, version), Body::letters(length)),
            Self::Json(value) => {
                let mark = if quirks.byte_order_mark { "\u{feff}" } else { "" };
                let text = format!("{mark}{}", dress(value, quirks));
                (json_type(quirks, version), Body::of(text.into_bytes()))
            }
        }
    }
}

fn json_type(quirks: &Quirks, version: &str) -> Option<String> {
    match quirks.media_type {
        MediaType::Vendor => Some(format!("application/com.lenovo.lxca-v{version}+json; charset=UTF-8")),
        MediaType::Json => Some("application/json".into()),
        MediaType::Text => Some("text/plain".into()),
        MediaType::None => None,
    }
}

/// An answer as bytes.
pub(crate) struct Outgoing {
    pub status: u16,
    pub head: Vec<u8>,
    pub body: Body,
}

/// A body that may be longer than memory.
pub(crate) struct Body {
    pub length: u64,
    pub pieces: Box<dyn Iterator<Item = Vec<u8>> + Send>,
}

impl Body {
    fn of(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, pieces: Box::new((!bytes.is_empty()).then_some(bytes).into_iter()) }
    }

    /// A JSON string of the letter `x`, `length` bytes with its quotes.
    fn letters(length: u64) -> Self {
        let mut left = length.saturating_sub(2);
        let middle = std::iter::from_fn(move || {
            let size = left.min(CHUNK as u64);
            left -= size;
            (size > 0).then(|| vec![b'x'; usize::try_from(size).unwrap_or(CHUNK)])
        });
        let quote = || std::iter::once(b"\"".to_vec());
        Self { length: length.max(2), pieces: Box::new(quote().chain(middle).chain(quote())) }
    }

    /// The same in chunked coding. The length is then no longer of use.
    fn chunked(self) -> Self {
        let chunks = self.pieces.flat_map(|piece| {
            let chunks = piece.chunks(CHUNK).map(|chunk| {
                let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
                framed.extend(chunk);
                framed.extend(b"\r\n");
                framed
            });
            chunks.collect::<Vec<_>>()
        });
        Self { length: self.length, pieces: Box::new(chunks.chain(std::iter::once(b"0\r\n\r\n".to_vec()))) }
    }
}

/// The headers that every recorded answer has; `Expires` comes twice.
fn common_headers(status: u16) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Date", clock::http(SystemTime::now())),
        ("Expires", "-1".into()),
        ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT".into()),
        ("Strict-Transport-Security", "max-age=86400; includeSubDomains;".into()),
        ("X-Frame-Options", "SAMEORIGIN".into()),
        ("Cache-Control", "no-store, no-cache, must-revalidate".into()),
        ("Pragma", "no-cache".into()),
        (
            "Content-Security-Policy",
            "default-src https:; script-src https: 'unsafe-inline' 'unsafe-eval'; style-src https: 'unsafe-inline'"
                .into(),
        ),
        ("X-Content-Type-Options", "nosniff".into()),
        ("X-Xss-Protection", "1; mode=block".into()),
    ];
    if status < 400 {
        headers.insert(1, ("Set-Cookie", "userAuthenticationMethod=local;Path=/;Secure".into()));
    }
    headers
}

/// Status line and headers.
pub(crate) fn head(status: u16, headers: &[(&'static str, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        // A value that came from outside must not end its line.
        head.extend(value.chars().filter(|letter| !matches!(letter, '\r' | '\n' | '\0')));
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
