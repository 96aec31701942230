//! One connection: TLS, requests, faults, answers.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::body::Body;
use crate::echo;
use crate::envelope;
use crate::faults::{self, Fault, StatusBody};
use crate::http::Request;
use crate::listener::Shared;
use crate::reply::{Content, Reply};
use crate::request_log::{Answering, LoggedRequest};
use crate::routes;
use crate::tls::Greeting;
use crate::wire::{Damage, Slot, Wire, silence};

/// Serves a connection to its end.
///
/// # Errors
/// The connection breaks.
pub(crate) async fn talk(shared: Arc<Shared>, mut tcp: TcpStream, peer: IpAddr, number: u64) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let fault = {
        let settings = &mut shared.state().settings;
        faults::for_connection(&mut settings.faults, settings.seed.unwrap_or_default())
    };
    match fault {
        Some(Fault::Refuse) => return Ok(()),
        Some(Fault::StallBeforeTls) => return silence(&mut tcp).await,
        Some(Fault::PlainHttp) => return speak_plainly(&mut tcp).await,
        _ => {}
    }
    let greeting = shared.front().greeting.clone();
    let stream = match greeting {
        Greeting::Handshake(acceptor) => acceptor.accept(tcp).await?,
        Greeting::Refusal(bytes) => return refuse(&mut tcp, bytes).await,
    };
    let tls = stream.get_ref().1;
    let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or_default();
    let client = Client {
        peer,
        number,
        server_name: tls.server_name().map(str::to_owned),
        tls_version: version.to_owned(),
        slot: Slot::default(),
        shared,
    };
    let wire = Wire::new(stream, client.slot.clone());
    let service = service_fn(|request| client.answer(request));
    let mut http = http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(wire), service);
    // Faults end the connection by an error too; the wire knows what is to be done then.
    let _ = (&mut http).await;
    http.into_parts().io.into_inner().end().await
}

/// Who is at the other end of a connection.
struct Client {
    shared: Arc<Shared>,
    peer: IpAddr,
    number: u64,
    server_name: Option<String>,
    tls_version: String,
    /// Where its [`Wire`] looks for damage.
    slot: Slot,
}

impl Client {
    /// Answers a request, and puts into the slot what happens to the answer on its way.
    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
        let limit = {
            let settings = &self.shared.state().settings;
            let uploads = request.uri().path().starts_with("/files/");
            if uploads { settings.upload_limit_bytes } else { settings.body_limit_bytes }
        };
        let request = Request::read(request, limit).await?;
        // A `100 Continue` goes out meanwhile, before there is damage for the answer.
        tokio::task::yield_now().await;
        let arrived = Instant::now();
        let number = self.shared.state().log.arrived(LoggedRequest {
            number: 0,
            connection: self.number,
            at: SystemTime::now(),
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            body_length: request.body.len(),
            server_name: self.server_name.clone(),
            tls_version: self.tls_version.clone(),
            status: None,
            took: None,
        });
        let (fault, mut response) = self.decide(&request, arrived);
        let damage = fault.as_ref().map(Damage::of).unwrap_or_default();
        let status = (!damage.hides_the_answer()).then_some(response.status().as_u16());
        let answering = Answering { shared: Arc::clone(&self.shared), number, status, arrived };
        response.body_mut().answering = Some(answering);
        self.slot.fill(damage);
        if let Some(Fault::Delay { milliseconds }) = fault {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        Ok(response)
    }

    /// Carries a request out, and picks its fault; what that does on the wire is still to be done.
    fn decide(&self, request: &Request, now: Instant) -> (Option<Fault>, Response<Body>) {
        let mut guard = self.shared.state();
        let state = &mut *guard;
        state.advance(now);
        let seed = state.settings.seed.unwrap_or_default();
        let fault = if request.too_long || state.unavailable_until.is_some() {
            None
        } else {
            faults::for_request(&mut state.settings.faults, seed, &request.method, &request.target)
        };
        let replaced = if request.too_long {
            Some(envelope::refuse(413, envelope::NOT_VALID))
        } else {
            fault.as_ref().and_then(|fault| replacement(fault, request))
        };
        let mut reply = replaced.unwrap_or_else(|| routes::answer(state, request, self.peer, now));
        match &fault {
            Some(Fault::HugeHeaders { bytes }) => fill_headers(&mut reply, *bytes),
            Some(Fault::WrongLength { .. }) => reply.headers.push(("Connection", "close".into())),
            _ => {}
        }
        let response = reply.finish(request, &state.settings.quirks, &state.settings.version);
        drop(guard);
        // A job may have been started.
        self.shared.changed.notify_one();
        (fault, response)
    }
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

/// Refuses a handshake, and waits until the client has gone.
async fn refuse(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut ignored = [0; 4096];
    let _ = tcp.read(&mut ignored).await?;
    tcp.write_all(bytes).await?;
    tcp.shutdown().await?;
    silence(tcp).await
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
