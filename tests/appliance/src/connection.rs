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
use crate::envelope;
use crate::faults::{self, Fault};
use crate::http::Request;
use crate::listener::Shared;
use crate::plays::Phase;
use crate::quirks::ContentEncoding::Always;
use crate::quirks::Quirks;
use crate::replaced;
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
    let phase = {
        let state = &mut *shared.state();
        state.advance(Instant::now());
        state.phase()
    };
    match phase {
        Some(Phase::Reset) => return tcp.set_zero_linger(),
        Some(Phase::PlainHttp) => return speak_plainly(&mut tcp).await,
        _ => {}
    }
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
        let (fault, limit) = self.expect(request.method().as_str(), &request.uri().to_string());
        let request = match fault {
            Some(Fault::EarlyRefusal { after, .. }) => Request::begin(request, after).await?,
            _ => Request::read(request, limit).await?,
        };
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
            body_length: request.body_length,
            server_name: self.server_name.clone(),
            tls_version: self.tls_version.clone(),
            status: None,
            took: None,
        });
        let mut response = self.decide(&request, fault.as_ref(), arrived);
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

    /// The fault of a request whose head is there, and how much of its body is accepted.
    fn expect(&self, method: &str, target: &str) -> (Option<Fault>, usize) {
        let state = &mut *self.shared.state();
        state.advance(Instant::now());
        let settings = &mut state.settings;
        let limit = if target.starts_with("/files/") { settings.upload_limit_bytes } else { settings.body_limit_bytes };
        let seed = settings.seed.unwrap_or_default();
        let calm = state.unavailable_until.is_some();
        let fault = (!calm).then(|| faults::for_request(&mut settings.faults, seed, method, target)).flatten();
        (fault, limit)
    }

    /// Carries a request out, unless its fault answers in place of that; what happens on the wire is still to be done.
    fn decide(&self, request: &Request, fault: Option<&Fault>, now: Instant) -> Response<Body> {
        let mut guard = self.shared.state();
        let state = &mut *guard;
        state.advance(now);
        let replaced = if request.too_long {
            Some(envelope::refuse(413, envelope::NOT_VALID))
        } else {
            fault.and_then(|fault| replaced::replacement(fault, request))
        };
        let mut reply = replaced.unwrap_or_else(|| routes::answer(state, request, self.peer, now));
        replaced::change(&mut reply, fault, request, &mut state.sessions);
        let forced = matches!(fault, Some(Fault::Compressed));
        let quirks = forced.then(|| Quirks { content_encoding: Always, ..state.settings.quirks.clone() });
        let quirks = quirks.as_ref().unwrap_or(&state.settings.quirks);
        let response = reply.finish(request, quirks, state.shown_version().0);
        drop(guard);
        // A job may have been started.
        self.shared.changed.notify_one();
        response
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
