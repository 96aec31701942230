//! Sends answers, whole or damaged.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::faults::{CutEnd, Fault};
use crate::reply::Outgoing;

/// What is done to the bytes of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage {
    /// Where the answer stops.
    stop: Option<Stop>,
    /// What happens there.
    end: End,
    /// Pause after each byte.
    pause: Option<Duration>,
    /// Bytes that are not HTTP, in place of the answer.
    garbage: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stop {
    /// After this many bytes of the whole answer.
    Whole(u64),
    /// After this many bytes of the body.
    Body(u64),
}

#[derive(Clone, Copy, Debug, Default)]
enum End {
    #[default]
    Fin,
    CloseNotify,
    Reset,
    Stall,
}

impl Damage {
    /// The damage that belongs to a fault; none for faults that are not of the wire.
    pub fn of(fault: &Fault) -> Self {
        let stopped = |stop, end| Self { stop: Some(stop), end, ..Self::default() };
        match fault {
            Fault::Reset => stopped(Stop::Whole(0), End::Reset),
            Fault::CloseBeforeAnswer => stopped(Stop::Whole(0), End::Fin),
            Fault::Stall => stopped(Stop::Whole(0), End::Stall),
            Fault::StallInBody { after } => stopped(Stop::Body(*after), End::Stall),
            Fault::Cut { after, end } => {
                let end = match end {
                    CutEnd::Fin => End::Fin,
                    CutEnd::CloseNotify => End::CloseNotify,
                    CutEnd::Reset => End::Reset,
                };
                stopped(Stop::Whole(*after), end)
            }
            Fault::Trickle { milliseconds } => {
                Self { pause: Some(Duration::from_millis(*milliseconds)), ..Self::default() }
            }
            Fault::Garbage => Self { garbage: true, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Whether no byte of an HTTP answer gets through.
    pub fn hides_the_answer(&self) -> bool {
        self.garbage || matches!(self.stop, Some(Stop::Whole(0)))
    }

    /// Sends an answer. Whether the connection may go on.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn send(&self, stream: &mut TlsStream<TcpStream>, answer: Outgoing) -> io::Result<bool> {
        if self.garbage {
            stream.write_all(b"\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n\r\n").await?;
            stream.shutdown().await?;
            return Ok(false);
        }
        let mut left = match self.stop {
            None => u64::MAX,
            Some(Stop::Whole(bytes)) => bytes,
            Some(Stop::Body(bytes)) => bytes.saturating_add(answer.head.len() as u64),
        };
        for piece in std::iter::once(answer.head).chain(answer.body.pieces) {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            self.write(stream, piece.get(..length).unwrap_or_default()).await?;
            left -= length as u64;
            if length < piece.len() {
                stream.flush().await?;
                self.stop_here(stream).await?;
                return Ok(false);
            }
        }
        stream.flush().await?;
        Ok(true)
    }

    async fn write(&self, stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> io::Result<()> {
        let Some(pause) = self.pause else {
            return stream.write_all(bytes).await;
        };
        for byte in bytes {
            stream.write_all(&[*byte]).await?;
            stream.flush().await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn stop_here(&self, stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
        match self.end {
            // Dropping the stream closes TCP and says nothing in TLS.
            End::Fin => Ok(()),
            End::CloseNotify => stream.shutdown().await,
            End::Reset => stream.get_ref().0.set_zero_linger(),
            End::Stall => silence(stream).await,
        }
    }
}

/// Says nothing until the client goes.
///
/// # Errors
/// The connection breaks.
pub(crate) async fn silence<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
