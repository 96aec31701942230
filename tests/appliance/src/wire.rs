//! What hyper writes on, and what damages it on its way.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_rustls::server::TlsStream;

use crate::faults::{CutEnd, Fault};

/// How long the rest of a request is read that was answered before its end.
const LINGER: Duration = Duration::from_secs(5);

/// What is done to the bytes of an answer.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    /// How many more bytes get through; `None`: all.
    left: Option<u64>,
    /// They are counted from the start of the body.
    of_body: bool,
    /// What happens when no more get through.
    end: End,
    /// Lets single bytes through.
    pace: Option<Interval>,
    /// What is done to the length that the head announces.
    edit: Edit,
    /// The head has been seen.
    begun: bool,
    /// The connection ends that way after a complete answer too.
    at_end: bool,
    /// The end has come.
    struck: bool,
}

/// What is done to the length that a head announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Edit {
    #[default]
    Keep,
    Add(i64),
    /// It is left out; the end of the connection, which is one of damage, ends the body.
    Remove,
    /// Chunks are announced instead.
    Chunked,
}

/// How a connection ends when an answer is stopped.
#[derive(Clone, Copy, Debug, Default)]
enum End {
    #[default]
    Fin,
    CloseNotify,
    Reset,
    Stall,
    Garbage,
}

impl From<CutEnd> for End {
    fn from(end: CutEnd) -> Self {
        match end {
            CutEnd::Fin => Self::Fin,
            CutEnd::CloseNotify => Self::CloseNotify,
            CutEnd::Reset => Self::Reset,
        }
    }
}

impl Damage {
    /// The damage that belongs to a fault; none for faults that are not of the wire.
    pub fn of(fault: &Fault) -> Self {
        let stopped = |after, end| Self { left: Some(after), end, ..Self::default() };
        match fault {
            Fault::Reset => stopped(0, End::Reset),
            Fault::CloseBeforeAnswer => stopped(0, End::Fin),
            Fault::Stall => stopped(0, End::Stall),
            Fault::Garbage => stopped(0, End::Garbage),
            Fault::StallInBody { after } => Self { of_body: true, ..stopped(*after, End::Stall) },
            Fault::Cut { after, end } => stopped(*after, (*end).into()),
            Fault::CutInBody { after, end } => Self { of_body: true, ..stopped(*after, (*end).into()) },
            Fault::NoLength { end } => Self { edit: Edit::Remove, end: (*end).into(), ..Self::default() },
            Fault::BadChunks => Self { edit: Edit::Chunked, ..Self::default() },
            Fault::EarlyRefusal { abrupt: true, .. } => Self { end: End::Reset, at_end: true, ..Self::default() },
            Fault::Trickle { milliseconds } => {
                // A period of zero is not allowed; the timer rounds up to milliseconds.
                let mut pace = interval(Duration::from_millis(*milliseconds).max(Duration::from_nanos(1)));
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                Self { pace: Some(pace), ..Self::default() }
            }
            Fault::WrongLength { by } => Self { edit: Edit::Add(*by), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Looks at the start of an answer: without vectored writes hyper hands a head over in one piece. The result is
    /// what takes the place of so many bytes, if anything does.
    fn begin(&mut self, answer: &[u8]) -> Option<(Vec<u8>, usize)> {
        if self.of_body {
            let head = position(answer, b"\r\n\r\n")? as u64;
            self.left = self.left.map(|left| left.saturating_add(head));
        }
        let (head, replaced) = edited(answer, self.edit)?;
        self.at_end |= self.edit == Edit::Remove;
        Some((head, replaced))
    }

    /// Whether no byte of an HTTP answer gets through.
    pub fn hides_the_answer(&self) -> bool {
        self.left == Some(0) && !self.of_body
    }
}

/// What is done to the next answer of a connection: filled where requests are answered, read where bytes are sent. The
/// answer before has been sent by then, unless the client pipelines and reads slowly.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Damage>>);

impl Slot {
    /// Takes the damage for the next answer.
    pub fn fill(&self, damage: Damage) {
        *self.lock() = damage;
    }

    fn lock(&self) -> MutexGuard<'_, Damage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TLS connection whose written bytes can be damaged.
pub(crate) struct Wire {
    stream: TlsStream<TcpStream>,
    slot: Slot,
    /// What goes out before anything else: the start of a head that was changed.
    changed: Vec<u8>,
}

impl Wire {
    /// A connection without damage, until the slot names some.
    pub fn new(stream: TlsStream<TcpStream>, slot: Slot) -> Self {
        Self { stream, slot, changed: Vec::new() }
    }

    /// Ends the connection, once hyper has no more to do with it: as a fault wants it, or in an orderly way.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn end(mut self) -> io::Result<()> {
        let Damage { struck, end, at_end, .. } = *self.slot.lock();
        if !(struck || at_end) {
            // After an error hyper leaves this to us; it does no harm twice.
            let _ = self.stream.shutdown().await;
            // Closing with bytes unread would be a reset, which may overtake the answer.
            let _ = tokio::time::timeout(LINGER, silence(&mut self.stream)).await;
            return Ok(());
        }
        self.stream.flush().await?;
        match end {
            // Dropping the stream closes TCP and says nothing in TLS.
            End::Fin => Ok(()),
            End::CloseNotify => self.stream.shutdown().await,
            End::Reset => self.stream.get_ref().0.set_zero_linger(),
            End::Stall => silence(&mut self.stream).await,
            End::Garbage => {
                self.stream.write_all(b"\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n\r\n").await?;
                self.stream.shutdown().await
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, slot, changed } = self.get_mut();
        let damage = &mut *slot.lock();
        if !std::mem::replace(&mut damage.begun, true)
            && let Some((head, length)) = damage.begin(bytes)
        {
            *changed = head;
            return Poll::Ready(Ok(length));
        }
        let mut stream = Pin::new(stream);
        while !changed.is_empty() {
            let sent = ready!(stream.as_mut().poll_write(context, changed))?;
            changed.drain(..sent);
        }
        let left = damage.left.unwrap_or(u64::MAX);
        if left == 0 {
            damage.struck = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let mut length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(pace) = &mut damage.pace {
            ready!(pace.poll_tick(context));
            length = length.min(1);
        }
        let sent = ready!(stream.poll_write(context, bytes.get(..length).unwrap_or_default()))?;
        damage.left = damage.left.map(|left| left - sent as u64);
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, slot, .. } = self.get_mut();
        // An end that is one of damage comes in `Wire::end`.
        if slot.lock().at_end { Poll::Ready(Ok(())) } else { Pin::new(stream).poll_shutdown(context) }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

/// The start of an answer up to its length, with that changed, and how many bytes it replaces. `None`: there is nothing
/// to change.
fn edited(answer: &[u8], edit: Edit) -> Option<(Vec<u8>, usize)> {
    let name = b"\r\nContent-Length: ";
    let start = position(answer, name)?;
    let (before, after) = answer.split_at_checked(start)?;
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: u64 = std::str::from_utf8(after.get(..digits)?).ok()?.parse().ok()?;
    let lines = before.get(..start - name.len())?;
    let head = match edit {
        Edit::Keep => return None,
        Edit::Add(by) => [before, length.saturating_add_signed(by).to_string().as_bytes()].concat(),
        Edit::Remove => lines.to_vec(),
        Edit::Chunked => [lines, b"\r\nTransfer-Encoding: chunked"].concat(),
    };
    Some((head, start + digits))
}

/// Where bytes end in others.
fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    Some(bytes.windows(wanted.len()).position(|part| part == wanted)? + wanted.len())
}

/// Says nothing until the client goes.
///
/// # Errors
/// The connection breaks.
pub(crate) async fn silence<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
