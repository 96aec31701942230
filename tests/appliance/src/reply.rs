//! Answers: what they hold, and how they look on the wire (docs/lxca-api.md, Headers).

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Range;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::body::{Body, generated};
use crate::dressing::dress;
use crate::http::Request;
use crate::plays::Download;
use crate::quirks::{ContentEncoding, MediaType, Quirks};
use crate::zip::ZipFile;

/// An answer, before quirks.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    /// Headers of this answer only.
    pub headers: Vec<(Cow<'static, str>, String)>,
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
    /// These bytes of a file.
    Zip(ZipFile, Range<u64>, Download),
    /// A JSON string of this many bytes.
    Letters(u64),
    /// A body that is made while it is sent.
    Generated {
        before: String,
        unit: String,
        after: String,
        bytes: u64,
    },
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
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The answer as it is sent. `version` is that of the appliance.
    pub fn finish(self, request: &Request, quirks: &Quirks, version: &str) -> Response<Body> {
        let is_json = matches!(self.content, Content::Json(_));
        let (media_type, mut body) = self.content.into_body(quirks, version);
        let mut headers = self.headers;
        if let Some(media_type) = media_type {
            headers.push(("Content-Type".into(), media_type));
        }
        if is_json {
            headers.push(("Content-Language".into(), "en-US".into()));
            let wanted = match quirks.content_encoding {
                ContentEncoding::WhenAsked => request.accepts_gzip(),
                ContentEncoding::Always | ContentEncoding::HeaderOnly => true,
                ContentEncoding::Never => false,
            };
            if wanted && quirks.content_encoding != ContentEncoding::HeaderOnly {
                body = Body::of(gzipped(body.pieces));
            }
            if wanted {
                headers.push(("Content-Encoding".into(), "gzip".into()));
            }
            headers.push(("Vary".into(), "Accept-Encoding, User-Agent".into()));
            body.length = body.length.filter(|_| !quirks.chunked);
        }
        if quirks.connection_close || request.too_long {
            headers.push(("Connection".into(), "close".into()));
        }
        let mut response = Response::new(body);
        // A fault may ask for an invalid status, or for one that does not end an exchange.
        let status = StatusCode::from_u16(self.status).ok().filter(|status| !status.is_informational());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let common = common_headers(self.status).into_iter().map(|(name, value)| (name.into(), value));
        for (name, value) in common.chain(headers) {
            // A value that came from outside must not end its line.
            let value = HeaderValue::try_from(value.replace(char::is_control, ""));
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_ref()), value) {
                // Past 32,768 headers there is no room; so many are huge enough.
                let _ = response.headers_mut().try_append(name, value);
            }
        }
        response
    }
}

impl Content {
    fn into_body(self, quirks: &Quirks, version: &str) -> (Option<String>, Body) {
        match self {
            Self::Empty => (None, Body::of(Vec::new())),
            Self::Html(page) => (Some("text/html; charset=UTF-8".into()), Body::of(page.into_bytes())),
            Self::Raw(media_type, bytes) => (media_type, Body::of(bytes)),
            Self::Zip(file, range, play) => {
                let length = range.end.saturating_sub(range.start);
                let body = if play.broken_end {
                    Body::new(length, file.broken_bytes_in(range))
                } else {
                    Body::new(length, file.bytes_in(range))
                };
                (Some("application/zip".into()), body)
            }
            Self::Generated { before, unit, after, bytes } => {
                (json_type(quirks, version), generated(before, unit, after, bytes))
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

fn gzipped(pieces: impl Iterator<Item = Bytes>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in pieces {
        // Writing to memory does not fail.
        let _ = encoder.write_all(&piece);
    }
    encoder.finish().unwrap_or_default()
}

fn json_type(quirks: &Quirks, version: &str) -> Option<String> {
    match quirks.media_type {
        MediaType::Vendor => Some(format!("application/com.lenovo.lxca-v{version}+json; charset=UTF-8")),
        MediaType::Json => Some("application/json".into()),
        MediaType::Text => Some("text/plain".into()),
        MediaType::None => None,
    }
}

/// The headers that every recorded answer has; `Expires` comes twice.
fn common_headers(status: u16) -> Vec<(&'static str, String)> {
    let mut headers = vec![
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
        headers.insert(0, ("Set-Cookie", "userAuthenticationMethod=local;Path=/;Secure".into()));
    }
    headers
}
