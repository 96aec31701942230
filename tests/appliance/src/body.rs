//! Bodies of answers, made piece by piece.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};

use crate::request_log::Answering;

/// Size of the pieces.
const PIECE: usize = 16_384;

/// A body that may be longer than memory.
pub(crate) struct Body {
    /// `None`: it is not announced, and the body is chunked.
    pub length: Option<u64>,
    /// What is still to come.
    pub pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    /// Goes when hyper has taken the last piece, or the connection has ended.
    pub answering: Option<Answering>,
}

impl Body {
    /// Pieces, and their length together.
    pub fn new(length: u64, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self { length: Some(length), pieces: Box::new(pieces), answering: None }
    }

    /// Bytes that are there already.
    pub fn of(bytes: Vec<u8>) -> Self {
        let mut rest = Bytes::from(bytes);
        let length = rest.len() as u64;
        let next = move || (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE)));
        Self::new(length, std::iter::from_fn(next))
    }

    /// A JSON string of the letter `x`, `length` bytes with its quotes.
    pub fn letters(length: u64) -> Self {
        let mut left = length.saturating_sub(2);
        let middle = std::iter::from_fn(move || {
            let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            left -= size as u64;
            (size > 0).then(|| Bytes::from(vec![b'x'; size]))
        });
        let quote = || std::iter::once(Bytes::from_static(b"\""));
        Self::new(length.max(2), quote().chain(middle).chain(quote()))
    }
}

/// A body of `before`, then `unit` until `bytes` are reached, then `after`. `{n}` in the unit counts.
pub(crate) fn generated(before: String, unit: String, after: String, bytes: u64) -> Body {
    let (mut made, mut count) = (0, 0_u64);
    let numbered = unit.contains("{n}");
    let middle = std::iter::from_fn(move || {
        let mut piece = String::new();
        while !unit.is_empty() && made + (piece.len() as u64) < bytes && piece.len() < PIECE {
            if numbered {
                piece.push_str(&unit.replace("{n}", &count.to_string()));
            } else {
                piece.push_str(&unit);
            }
            count += 1;
        }
        made += piece.len() as u64;
        (!piece.is_empty()).then(|| Bytes::from(piece))
    });
    let pieces = std::iter::once(Bytes::from(before)).chain(middle).chain(std::iter::once(Bytes::from(after)));
    Body { length: None, pieces: Box::new(pieces.filter(|piece| !piece.is_empty())), answering: None }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}
