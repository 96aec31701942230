//! Requests, as the rest of the appliance looks at them.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::multipart::{self, Form};

/// A request, complete or read up to a limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; of a form the first 64 KiB.
    pub body: Vec<u8>,
    /// Bytes of the body that were read.
    pub body_length: u64,
    /// The files of an upload.
    pub form: Form,
    /// The body is longer than is accepted, and was left out.
    pub too_long: bool,
}

/// What was seen of a body.
#[derive(Default)]
struct Seen {
    kept: Vec<u8>,
    length: u64,
}

impl Seen {
    fn note(&mut self, piece: &[u8], limit: usize) {
        self.length += piece.len() as u64;
        self.kept.extend(piece.iter().take(limit.saturating_sub(self.kept.len())));
    }
}

/// How much is kept of a form, in bytes.
const FORM_KEPT: usize = 65_536;

impl Request {
    /// Reads a request to its end, or until its body is longer than `limit`; a form is read without being kept.
    ///
    /// # Errors
    /// The connection breaks, or what comes is not HTTP.
    pub async fn read(request: hyper::Request<Incoming>, limit: usize) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (parts, body) = request.into_parts();
        let mut request = Self::head(&parts);
        if body.size_hint().lower() > limit as u64 {
            // Announced as too long: it is not even asked for by `100 Continue`.
            request.too_long = true;
            return Ok(request);
        }
        let boundary = request.header("content-type").and_then(multipart::boundary);
        let kept = if boundary.is_some() { FORM_KEPT } else { limit };
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watched = Arc::clone(&seen);
        let body = body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                watched.lock().unwrap_or_else(PoisonError::into_inner).note(data, kept);
            }
            frame
        });
        match boundary {
            Some(boundary) => request.form = multipart::read(boundary, body, limit as u64).await?,
            None => match Limited::new(body, limit).collect().await {
                Ok(_) => {}
                Err(error) if error.is::<LengthLimitError>() => request.too_long = true,
                Err(error) => return Err(error),
            },
        }
        request.too_long |= request.form == Form::TooLong;
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        (request.body, request.body_length) = (seen.kept, seen.length);
        Ok(request)
    }

    /// Reads a request until so many bytes of its body are there; the rest stays unread.
    ///
    /// # Errors
    /// The connection breaks, or what comes is not HTTP.
    pub async fn begin(request: hyper::Request<Incoming>, after: u64) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (parts, mut body) = request.into_parts();
        let mut request = Self::head(&parts);
        while request.body_length < after
            && let Some(frame) = body.frame().await
        {
            request.body_length += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(request)
    }

    /// A request without its body.
    pub fn head(parts: &Parts) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            ..Self::default()
        }
    }

    /// First header with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path as it came: not decoded.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Value of the first query parameter with this name, decoded. A bare parameter has an empty value. Names are
    /// compared as written.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key) == name).then(|| decoded(value))
        })
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case("cookie"));
        cookies
            .flat_map(|(_, value)| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Whether the client accepts this content coding.
    pub fn accepts_gzip(&self) -> bool {
        let offered = self.header("accept-encoding").unwrap_or_default();
        offered.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"))
    }
}

/// A percent-encoded text, decoded.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
