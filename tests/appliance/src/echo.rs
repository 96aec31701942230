//! A hostile or careless server: answers that repeat what the client sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::envelope::{SERVER_ERROR, family_a};
use crate::faults::{EchoEncoding, EchoShape};
use crate::http::Request;
use crate::reply::{Content, Reply};

/// An answer that repeats the request: its line, all headers, the decoded basic credentials, and the body.
pub(crate) fn reply(request: &Request, status: u16, shape: EchoShape, encoding: EchoEncoding) -> Reply {
    let parts = parts(request);
    let whole: String = parts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let told = encode(&whole, encoding);
    match shape {
        EchoShape::Envelope => Reply::json(status, enveloped(&told)),
        EchoShape::Json => {
            let mut fields: serde_json::Map<String, Value> =
                parts.iter().map(|(name, value)| (name.clone(), encode(value, encoding).into())).collect();
            // A key can give something away as well as a value.
            fields.insert(told, true.into());
            Reply::json(status, Value::Object(fields))
        }
        EchoShape::Html => Reply::new(status, Content::Html(format!("<html><body><pre>{told}</pre></body></html>\n"))),
        EchoShape::Text => Reply::new(status, Content::Raw(Some("text/plain".into()), told.into_bytes())),
        EchoShape::Location => {
            let told = encode(&whole, EchoEncoding::PercentEncoded);
            Reply::html(status, "Moved").with("Location", format!("/ui/login.html?{told}"))
        }
    }
}

fn parts(request: &Request) -> Vec<(String, String)> {
    let mut parts = vec![("request".to_owned(), format!("{} {}", request.method, request.target))];
    parts.extend(request.headers.iter().cloned());
    if let Some((username, password)) = basic(request) {
        parts.push(("username".into(), username));
        parts.push(("password".into(), password));
    }
    parts.push(("body".into(), String::from_utf8_lossy(&request.body).into_owned()));
    parts
}

/// User name and password of a basic Authorization header.
pub(crate) fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    let decoded = STANDARD.decode(token.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// All three envelopes with the same text.
fn enveloped(told: &str) -> Value {
    let mut body = family_a("failure", SERVER_ERROR);
    let message = json!({ "id": SERVER_ERROR.id, "text": told });
    if let Some(body) = body.as_object_mut() {
        body.insert("messages".into(), json!([message]));
        for envelope in ["status", "errorMsg"] {
            body.insert(envelope.into(), json!({ "result": "failure", "messages": [message] }));
        }
    }
    body
}

fn encode(text: &str, encoding: EchoEncoding) -> String {
    match encoding {
        EchoEncoding::Plain => text.to_owned(),
        EchoEncoding::JsonEscapedTwice => Value::from(text).to_string(),
        EchoEncoding::PercentEncoded => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        EchoEncoding::HtmlEscaped => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
    }
}
