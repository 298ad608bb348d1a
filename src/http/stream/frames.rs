//! What a WebSocket client sends: in frames, of which none is too long, and which may be parts of a message.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::Stream;

/// The first two bytes of a frame, the longest form of its length, and its mask.
const HEAD_BYTES_MAX: usize = 14;
const MASKED: u8 = 0x80;

/// Lets frames through whose heads announce no more than a bound.
///
/// The decoder behind it looks at the bound only once the whole frame is in memory.
pub(super) struct FrameGuard<S> {
    incoming: S,
    bytes_max: u64,
    head: Head,
    /// What is still to come of the frame whose head was read.
    rest_bytes: u64,
    too_long: Rc<Cell<bool>>,
}

/// The head of a frame, as far as it came.
#[derive(Default)]
struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    filled: usize,
}

impl Head {
    /// Takes one byte; gives the length of what follows once the head is complete.
    fn take(&mut self, byte: u8) -> Option<u64> {
        self.bytes[self.filled] = byte;
        self.filled += 1;
        let [_, second, rest @ ..] = &self.bytes;
        let length_bytes = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask_bytes = if second & MASKED == 0 { 0 } else { 4 };
        if self.filled < 2 || self.filled < 2 + length_bytes + mask_bytes {
            return None;
        }
        let length = match length_bytes {
            0 => u64::from(second & !MASKED),
            _ => rest[..length_bytes].iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)),
        };
        self.filled = 0;
        Some(length)
    }
}

impl<S> FrameGuard<S> {
    /// Guards `incoming`; `too_long` tells afterwards why it ended.
    pub(super) fn new(incoming: S, bytes_max: usize, too_long: Rc<Cell<bool>>) -> Self {
        Self { incoming, bytes_max: bytes_max as u64, head: Head::default(), rest_bytes: 0, too_long }
    }

    /// Whether no frame that `bytes` belong to is too long.
    fn admits(&mut self, mut bytes: &[u8]) -> bool {
        while let Some(first) = bytes.first() {
            if self.rest_bytes == 0 {
                self.rest_bytes = self.head.take(*first).unwrap_or(0);
                if self.rest_bytes > self.bytes_max {
                    return false;
                }
                bytes = &bytes[1..];
            } else {
                let skipped = bytes.len().min(usize::try_from(self.rest_bytes).unwrap_or(usize::MAX));
                self.rest_bytes -= skipped as u64;
                bytes = &bytes[skipped..];
            }
        }
        true
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for FrameGuard<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.too_long.get() {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.incoming).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled
            && !self.admits(bytes)
        {
            self.too_long.set(true);
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        polled
    }
}

/// Puts a message together that comes in parts.
pub(super) struct Parts {
    bytes_max: usize,
    bytes: BytesMut,
    is_text: bool,
}

/// The parts are more than a message may have.
#[derive(Debug, PartialEq)]
pub(super) struct TooLong;

impl Parts {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: BytesMut::new(), is_text: false }
    }

    /// Begins a message.
    pub(super) fn begin(&mut self, part: &[u8], is_text: bool) -> Result<(), TooLong> {
        self.bytes.clear();
        self.is_text = is_text;
        self.add(part)
    }

    /// Adds a part of it.
    pub(super) fn add(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if self.bytes.len() + part.len() > self.bytes_max {
            self.bytes = BytesMut::new();
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// The message with its last part, if it is text; bytes that are no UTF-8 are replaced, which no request survives.
    pub(super) fn end(&mut self, part: &[u8]) -> Result<Option<String>, TooLong> {
        self.add(part)?;
        let bytes = std::mem::take(&mut self.bytes);
        Ok(self.is_text.then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> FrameGuard<futures_util::stream::Empty<Result<Bytes, PayloadError>>> {
        FrameGuard::new(futures_util::stream::empty(), 300, Rc::default())
    }

    fn frame(length: &[u8], payload: usize) -> Vec<u8> {
        [&[0x81][..], length, &[1, 2, 3, 4], &vec![7; payload]].concat()
    }

    #[test]
    fn frames_are_let_through_up_to_the_bound_however_they_are_cut() {
        let frames = [
            frame(&[MASKED | 5], 5),
            frame(&[MASKED], 0),
            frame(&[MASKED | 126, 1, 44], 300),
            frame(&[MASKED | 127, 0, 0, 0, 0, 0, 0, 0, 9], 9),
        ];
        let bytes = frames.concat();
        for size in 1..20 {
            let mut guard = guard();
            assert!(bytes.chunks(size).all(|chunk| guard.admits(chunk)), "in pieces of {size}");
            let long = frame(&[MASKED | 126, 1, 45], 0);
            assert!(!long.chunks(size).all(|chunk| guard.admits(chunk)), "refused before any of it came");
        }
        assert!(!guard().admits(&frame(&[MASKED | 127, 255, 255, 255, 255, 255, 255, 255, 255], 0)));
        assert!(!guard().admits(&[0x81, 126, 1, 45]), "without a mask, too");
    }

    #[test]
    fn a_message_in_parts_is_put_together_up_to_the_bound() {
        let mut parts = Parts::new(6);
        parts.begin(b"ab", true).unwrap();
        parts.add(b"cd").unwrap();
        assert_eq!(parts.end(b"ef"), Ok(Some("abcdef".to_owned())));
        parts.begin(b"abcdef", false).unwrap();
        assert_eq!(parts.end(b""), Ok(None));
        parts.begin(b"abcd", true).unwrap();
        assert_eq!(parts.add(b"efg"), Err(TooLong));
    }
}
