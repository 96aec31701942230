//! One connection: TLS, requests, faults, answers.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::echo;
use crate::envelope;
use crate::faults::{self, Fault, StatusBody};
use crate::http::{Arrival, Request, read_request};
use crate::listener::Shared;
use crate::reply::{Content, Outgoing, Reply};
use crate::request_log::LoggedRequest;
use crate::routes;
use crate::wire::{Damage, silence};

/// How long the rest of a refused request is read.
const LINGER: Duration = Duration::from_secs(5);

/// Serves a connection to its end.
///
/// # Errors
/// The connection breaks.
pub(crate) async fn talk(shared: &Shared, mut tcp: TcpStream, peer: IpAddr, number: u64) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let fault = faults::for_connection(&mut shared.state().settings.faults);
    match fault {
        Some(Fault::Refuse) => return Ok(()),
        Some(Fault::StallBeforeTls) => return silence(&mut tcp).await,
        Some(Fault::PlainHttp) => return speak_plainly(&mut tcp).await,
        _ => {}
    }
    let mut stream = shared.tls.accept(tcp).await?;
    let server_name = stream.get_ref().1.server_name().map(str::to_owned);
    let version = stream.get_ref().1.protocol_version();
    let tls_version = version.and_then(|version| version.as_str()).unwrap_or_default().to_owned();

    let mut buffer = Vec::new();
    loop {
        let limit = |path: &str| {
            let settings = &shared.state().settings;
            if path.starts_with("/files/") { settings.upload_limit_bytes } else { settings.body_limit_bytes }
        };
        let (request, refused) = match read_request(&mut stream, &mut buffer, limit).await? {
            Arrival::Request(request) => (request, None),
            Arrival::Refused(request, status) => (request, Some(status)),
            Arrival::Closed => return stream.shutdown().await,
        };
        let arrived = Instant::now();
        let entry = shared.state().log.arrived(LoggedRequest {
            number: 0,
            connection: number,
            at: SystemTime::now(),
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            body_length: request.body.len(),
            server_name: server_name.clone(),
            tls_version: tls_version.clone(),
            status: None,
            took: None,
        });
        let action = decide(shared, &request, refused, peer, arrived);
        tokio::time::sleep(action.delay).await;
        let status = (!action.damage.hides_the_answer()).then_some(action.answer.status);
        let sent = action.damage.send(&mut stream, action.answer).await;
        shared.state().log.answered(entry, status, arrived.elapsed());
        if !sent? {
            return Ok(());
        }
        if action.last {
            stream.shutdown().await?;
            if refused.is_some() {
                // Closing with bytes unread would be a reset, which may overtake the answer.
                let _ = tokio::time::timeout(LINGER, silence(&mut stream)).await;
            }
            return Ok(());
        }
    }
}

/// What is done about a request.
struct Action {
    delay: Duration,
    damage: Damage,
    answer: Outgoing,
    last: bool,
}

fn decide(shared: &Shared, request: &Request, refused: Option<u16>, peer: IpAddr, now: Instant) -> Action {
    let mut guard = shared.state();
    let state = &mut *guard;
    state.advance(now);
    let fault = if refused.is_some() || state.unavailable_until.is_some() {
        None
    } else {
        faults::for_request(&mut state.settings.faults, &request.method, &request.target)
    };
    let replaced = match refused {
        Some(status) => Some(envelope::refuse(status, envelope::NOT_VALID)),
        None => fault.as_ref().and_then(|fault| replacement(fault, request)),
    };
    let mut reply = replaced.unwrap_or_else(|| routes::answer(state, request, peer, now));
    let (mut delay, mut off_by) = (Duration::ZERO, 0);
    match &fault {
        Some(Fault::Delay { milliseconds }) => delay = Duration::from_millis(*milliseconds),
        Some(Fault::WrongLength { by }) => off_by = *by,
        Some(Fault::HugeHeaders { bytes }) => fill_headers(&mut reply, *bytes),
        _ => {}
    }
    let close = request.last || refused.is_some() || state.settings.quirks.connection_close;
    let answer = reply.finish(request, &state.settings.quirks, &state.settings.version, close, off_by);
    drop(guard);
    // A job may have been started.
    shared.changed.notify_one();
    Action { delay, damage: fault.as_ref().map(Damage::of).unwrap_or_default(), answer, last: close || off_by != 0 }
}

/// The answer of a fault that answers in place of the appliance.
fn replacement(fault: &Fault, request: &Request) -> Option<Reply> {
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
        Fault::Redirect { location, status } => Reply::html(*status, "Moved").with("Location", location),
        Fault::Body { status, content_type, raw } => {
            Reply::new(*status, Content::Raw(content_type.clone(), raw.clone().into_bytes()))
        }
        Fault::HugeBody { bytes } => Reply::new(200, Content::Letters(*bytes)),
        Fault::Echo { status, shape, encoding } => echo::reply(request, *status, *shape, *encoding),
        _ => return None,
    };
    Some(reply)
}

/// Adds headers of 4 KiB each until there are about this many bytes of them.
fn fill_headers(reply: &mut Reply, bytes: usize) {
    let mut left = bytes;
    while left > 0 {
        let size = left.min(4096);
        reply.headers.push(("X-Filler", "x".repeat(size)));
        left -= size;
    }
}

/// What a server says that expects no TLS on this port.
async fn speak_plainly(tcp: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 4096];
    let _ = tcp.read(&mut ignored).await?;
    tcp.write_all(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 28\r\nConnection: close\r\n\r\n\
          <html>Bad Request</html>\r\n\r\n",
    )
    .await?;
    tcp.shutdown().await
}
