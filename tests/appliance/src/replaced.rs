//! What faults do to an answer before it goes on the wire.

use crate::echo;
use crate::envelope::{self, Message};
use crate::faults::{Fault, Reason, StatusBody};
use crate::http::Request;
use crate::random;
use crate::reply::{Content, Reply};
use crate::sessions::Session;

/// The answer of a fault that answers in place of the appliance.
pub(crate) fn replacement(fault: &Fault, request: &Request) -> Option<Reply> {
    let reply = match fault {
        Fault::Status { code, retry_after, body } => {
            let reply = match body {
                StatusBody::Envelope => envelope::refuse(*code, envelope::SERVER_ERROR),
                StatusBody::Html => Reply::html(*code, &format!("Error {code}")),
                StatusBody::Empty => Reply::empty(*code),
            };
            match retry_after {
                Some(value) => reply.with("Retry-After", value),
                None => reply,
            }
        }
        Fault::Refusal { status, reason } => envelope::refuse(*status, message(*reason)),
        Fault::EarlyRefusal { status, .. } => envelope::refuse(*status, envelope::SERVER_ERROR),
        Fault::Redirect { location, status } => Reply::html(*status, "Moved").with("Location", location),
        Fault::Body { status, content_type, raw } => {
            Reply::new(*status, Content::Raw(content_type.clone(), raw.clone().into_bytes()))
        }
        Fault::HugeBody { bytes } => Reply::new(200, Content::Letters(*bytes)),
        Fault::Generated { status, headers, before, unit, after, bytes } => {
            let (before, unit, after) = (before.clone(), unit.clone(), after.clone());
            let reply = Reply::new(*status, Content::Generated { before, unit, after, bytes: *bytes });
            headers.iter().fold(reply, |reply, (name, value)| reply.with(name.clone(), value))
        }
        Fault::Echo { status, shape, encoding } => echo::reply(request, *status, *shape, *encoding),
        _ => return None,
    };
    Some(reply)
}

fn message(reason: Reason) -> Message {
    match reason {
        Reason::LoginFailed => envelope::LOGIN_FAILED,
        Reason::PasswordChange => envelope::PASSWORD_CHANGE,
        Reason::NotAuthenticated => envelope::NOT_AUTHENTICATED,
        Reason::Forbidden => envelope::FORBIDDEN,
        Reason::Conflict => envelope::CONFLICT,
        Reason::NoSpace => envelope::NO_SPACE,
    }
}

/// What a fault changes about an answer that stays the right one.
pub(crate) fn change(reply: &mut Reply, fault: Option<&Fault>, request: &Request, sessions: &mut [Session]) {
    let mut add = |name: &'static str, value: String| reply.headers.push((name.into(), value));
    match fault {
        Some(Fault::HugeHeaders { bytes }) => {
            let mut left = *bytes;
            while left > 0 {
                let size = left.min(4096);
                add("X-Filler", "x".repeat(size));
                left -= size;
            }
        }
        Some(Fault::WrongLength { .. } | Fault::NoLength { .. } | Fault::BadChunks | Fault::EarlyRefusal { .. }) => {
            add("Connection", "close".into());
        }
        Some(Fault::SessionCookies { count, length }) => {
            for _ in 0..*count {
                let value: String = random::token().chars().cycle().take(*length).collect();
                add("Set-Cookie", format!("JSESSIONID={value};Path=/;Secure;HttpOnly"));
            }
        }
        Some(Fault::NewSessionCookie) => {
            let cookie = request.cookie("JSESSIONID");
            if let Some(session) = sessions.iter_mut().find(|session| Some(session.cookie.as_str()) == cookie) {
                session.cookie = random::token();
                add("Set-Cookie", format!("JSESSIONID={};Path=/;Secure;HttpOnly", session.cookie));
            }
        }
        _ => {}
    }
}
