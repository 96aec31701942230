//! A client of a few lines: one connection, one request, everything that comes back.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lxca_appliance::{Appliance, Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// The management-server update with the documents' ID.
pub const PACK: &str = "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch";
/// The appliance's own next version.
pub const NEXT: &str = "lnvgy_sw_lxca_291-4.0.1_anyos_noarch";
/// The firmware that is downloaded from the start.
pub const UEFI: &str = "lnvgy_fw_uefi_ive180g-3.41_anyos_32-64";
/// A firmware that is not.
pub const XCC: &str = "lnvgy_fw_xcc_cdi3a8n-9.40_anyos_noarch";

/// Longest silence of a server that is not meant to be silent; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// In an orderly way.
    Closed,
    /// TCP was closed without TLS's own end.
    Torn,
    Reset,
    /// Nothing came for a while.
    Silent,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).into_iter().next()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        let found = self.all("set-cookie").into_iter().find_map(|cookie| cookie.strip_prefix(&start));
        found.map(|rest| rest.split(';').next().unwrap_or_default().to_owned())
    }
}

pub fn start() -> Appliance {
    Appliance::start(Settings::default()).unwrap()
}

pub fn basic(appliance: &Appliance) -> String {
    token(appliance.username(), appliance.password())
}

pub fn token(username: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// A request with basic authentication.
pub fn ask(appliance: &Appliance, method: &str, target: &str) -> Answer {
    send(appliance, method, target, &[&basic(appliance)], b"")
}

pub fn get(appliance: &Appliance, target: &str) -> Value {
    ask(appliance, "GET", target).json()
}

/// A request with a JSON body and basic authentication.
pub fn put(appliance: &Appliance, method: &str, target: &str, body: &Value) -> Answer {
    send(appliance, method, target, &[&basic(appliance)], body.to_string().as_bytes())
}

/// A request with these headers. Panics when there is no complete answer.
pub fn send(appliance: &Appliance, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Answer {
    let (bytes, end) = raw(appliance, &request(method, target, headers, body)).unwrap();
    assert_eq!(end, End::Closed, "{}", String::from_utf8_lossy(&bytes));
    parse(&bytes)
}

pub fn request(method: &str, target: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: lxca.test\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    let mut request = format!("{request}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(body);
    request
}

/// Sends bytes, and collects what comes back until the end.
pub fn raw(appliance: &Appliance, request: &[u8]) -> io::Result<(Vec<u8>, End)> {
    raw_within(appliance, request, PATIENCE)
}

/// The same, but takes a silence of this length for the end.
pub fn raw_within(appliance: &Appliance, request: &[u8], patience: Duration) -> io::Result<(Vec<u8>, End)> {
    let mut stream = connect_within(appliance, appliance.ca_path(), "127.0.0.1", patience)?;
    stream.write_all(request)?;
    Ok(collect(&mut stream))
}

pub fn collect(stream: &mut impl Read) -> (Vec<u8>, End) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 16_384]);
    let end = loop {
        match stream.read(&mut piece) {
            Ok(0) => break End::Closed,
            Ok(length) => bytes.extend(&piece[..length]),
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof => break End::Torn,
                // A broken pipe: TLS had something to send on a connection that a restart tore.
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => break End::Reset,
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => break End::Silent,
                _ => panic!("{error}"),
            },
        }
    };
    (bytes, end)
}

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Connects, and completes the handshake.
pub fn connect(appliance: &Appliance, ca: &Path, name: &str) -> io::Result<Tls> {
    connect_within(appliance, ca, name, PATIENCE)
}

/// The same, with a limit to every silence.
pub fn connect_within(appliance: &Appliance, ca: &Path, name: &str, patience: Duration) -> io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut tcp = TcpStream::connect((appliance.host(), appliance.port()))?;
    tcp.set_read_timeout(Some(patience))?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(tls, tcp))
}

/// Takes an answer apart; chunks are joined.
pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("no head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = joined(&answer.body);
    }
    answer
}

fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}
