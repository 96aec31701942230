//! Requests: HTTP/1.1 as far as a client of an appliance needs it.
//!
//! Not hyper, because a list of 3,000 fix IDs makes a longer target than its URI type holds.

use std::io;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest head of a request, in bytes: room for thousands of fix IDs. The limit of a real appliance is not known.
const HEAD_LIMIT: usize = 1 << 20;

/// How long a request may take to arrive once it has begun.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request that arrived completely.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The client wants the connection to end after the answer.
    pub last: bool,
}

impl Request {
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

/// What arrived.
pub(crate) enum Arrival {
    Request(Request),
    /// Something to be refused with this status; the connection must end.
    Refused(Request, u16),
    /// The client closed the connection between two requests.
    Closed,
}

/// Reads one request. `buffer` keeps what belongs to the next one. `limit` gives the longest body for a path.
///
/// # Errors
/// The connection breaks, or the client takes too long.
pub(crate) async fn read_request<S>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    limit: impl Fn(&str) -> usize,
) -> io::Result<Arrival>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if buffer.is_empty() && fill(stream, buffer).await? == 0 {
        return Ok(Arrival::Closed);
    }
    tokio::time::timeout(PATIENCE, read_begun(stream, buffer, limit))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn read_begun<S>(stream: &mut S, buffer: &mut Vec<u8>, limit: impl Fn(&str) -> usize) -> io::Result<Arrival>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = loop {
        match parse_head(buffer) {
            Ok(Some((request, length))) => {
                buffer.drain(..length);
                break request;
            }
            Ok(None) if buffer.len() < HEAD_LIMIT => more(stream, buffer).await?,
            Ok(None) => return Ok(Arrival::Refused(Request::default(), 431)),
            Err(_) => return Ok(Arrival::Refused(Request::default(), 400)),
        }
    };
    let limit = limit(request.path());
    let chunked = request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = match request.header("content-length").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(length)) if length > limit && !chunked => return Ok(Arrival::Refused(request, 413)),
        Some(Ok(length)) => length,
        Some(Err(_)) => return Ok(Arrival::Refused(request, 400)),
    };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await?;
    }
    if !chunked {
        while buffer.len() < length {
            more(stream, buffer).await?;
        }
        request.body = buffer.drain(..length).collect();
        return Ok(Arrival::Request(request));
    }
    loop {
        match take_chunk(buffer) {
            Ok(Some(chunk)) if chunk.is_empty() => return Ok(Arrival::Request(request)),
            Ok(Some(chunk)) if request.body.len() + chunk.len() <= limit => request.body.extend(chunk),
            Ok(Some(_)) => return Ok(Arrival::Refused(request, 413)),
            Ok(None) if buffer.len() > limit + 1024 => return Ok(Arrival::Refused(request, 413)),
            Ok(None) => more(stream, buffer).await?,
            Err(()) => return Ok(Arrival::Refused(request, 400)),
        }
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // A client that leaves without TLS's own end is no error between two requests.
    match stream.read_buf(buffer).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        other => other,
    }
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<()> {
    match fill(stream, buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// The head at the start of the buffer and its length; `None`: it is not complete.
fn parse_head(buffer: &[u8]) -> Result<Option<(Request, usize)>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(buffer)? else {
        return Ok(None);
    };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|header| (header.name.into(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let mut request = Request {
        method: parsed.method.unwrap_or_default().into(),
        target: parsed.path.unwrap_or_default().into(),
        headers,
        ..Request::default()
    };
    let connection = request.header("connection").unwrap_or_default();
    request.last = connection.eq_ignore_ascii_case("close")
        || (parsed.version == Some(0) && !connection.eq_ignore_ascii_case("keep-alive"));
    Ok(Some((request, length)))
}

/// Takes one complete chunk off the buffer; an empty one is the last. Trailers are not accepted.
fn take_chunk(buffer: &mut Vec<u8>) -> Result<Option<Vec<u8>>, ()> {
    let (start, size) = match httparse::parse_chunk_size(buffer) {
        Ok(httparse::Status::Complete(found)) => found,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(()),
    };
    let size = usize::try_from(size).map_err(drop)?;
    let end = start.checked_add(size).ok_or(())?;
    match buffer.get(end..end.saturating_add(2)) {
        None => Ok(None),
        Some(b"\r\n") => {
            let chunk = buffer.get(start..end).unwrap_or_default().to_vec();
            buffer.drain(..end + 2);
            Ok(Some(chunk))
        }
        Some(_) => Err(()),
    }
}
