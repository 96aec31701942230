//! Requests, as the rest of the appliance looks at them.

use std::error::Error;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use percent_encoding::percent_decode_str;

/// A request that arrived completely, or as far as it was wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body is longer than is accepted, and was left out.
    pub too_long: bool,
}

impl Request {
    /// Reads a request to its end, or until its body is longer than `limit`.
    ///
    /// # Errors
    /// The connection breaks, or what comes is not HTTP.
    pub async fn read(request: hyper::Request<Incoming>, limit: usize) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (parts, body) = request.into_parts();
        let body = if body.size_hint().lower() > limit as u64 {
            // Announced as too long: it is not even asked for by `100 Continue`.
            None
        } else {
            match Limited::new(body, limit).collect().await {
                Ok(body) => Some(body.to_bytes().into()),
                Err(error) if error.is::<LengthLimitError>() => None,
                Err(error) => return Err(error),
            }
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Ok(Self {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            too_long: body.is_none(),
            body: body.unwrap_or_default(),
        })
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
