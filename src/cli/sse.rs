//! A stream of server-sent events, as far as Discovery uses them: each is the JSON of one event.

use std::pin::Pin;
use std::time::Duration;

use awc::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// The largest event that is taken.
const EVENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A stream that brings nothing for this long, not even a sign of life, is given up and opened again.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// An open stream.
pub(super) struct EventStream {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>,
    parser: Parser,
}

impl EventStream {
    /// Reads the events of `body`.
    pub(super) fn new(body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static) -> Self {
        Self { body: Box::pin(body), parser: Parser::default() }
    }

    /// The next events, as many as came together; none once the stream is closed or broken.
    pub(super) async fn next(&mut self) -> Vec<String> {
        loop {
            let Ok(Some(Ok(bytes))) = tokio::time::timeout(SILENCE_MAX, self.body.next()).await else {
                return Vec::new();
            };
            let events = self.parser.feed(&bytes);
            if !events.is_empty() || self.parser.is_overfull() {
                return events;
            }
        }
    }
}

/// Takes the stream's bytes as they come, cut anywhere, and gives the data of each event that is whole.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    /// The data of the event that is being read; none while there was no line of data.
    data: Option<String>,
    after_cr: bool,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_crlf = std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if ends_crlf => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        events
    }

    /// Takes the line in; an empty one ends the event.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        // Comments, which begin with a colon, and the other fields say nothing that the data does not.
        let data = line.strip_prefix(b"data:").or_else(|| (line == b"data").then_some(&[]))?;
        let data = String::from_utf8_lossy(data.strip_prefix(b" ").unwrap_or(data));
        match &mut self.data {
            Some(before) => {
                before.push('\n');
                before.push_str(&data);
            }
            None => self.data = Some(data.into_owned()),
        }
        None
    }

    fn is_overfull(&self) -> bool {
        self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 1\nevent: step_started\ndata: {\"seq\": 1}\n\nid: 2\r\ndata:{\"seq\":\r\n\
        data: 2}\r\n\r\n: ping\n\ndata: ñ\n\ndata: cut";

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        let expected = ["{\"seq\": 1}", "{\"seq\":\n2}", "ñ"];
        for size in [1, 2, 3, 7, STREAM.len()] {
            let mut parser = Parser::default();
            let events: Vec<String> = STREAM.as_bytes().chunks(size).flat_map(|bytes| parser.feed(bytes)).collect();
            assert_eq!(events, expected, "in pieces of {size} bytes");
        }
    }

    #[actix_web::test]
    async fn a_stream_that_breaks_is_closed() {
        let pieces =
            [Ok(Bytes::from("data: 1\n\ndata")), Ok(Bytes::from(": 2\n\n")), Err(PayloadError::EncodingCorrupted)];
        let mut stream = EventStream::new(futures_util::stream::iter(pieces));
        assert_eq!(stream.next().await, ["1"]);
        assert_eq!(stream.next().await, ["2"]);
        assert!(stream.next().await.is_empty());
    }
}
