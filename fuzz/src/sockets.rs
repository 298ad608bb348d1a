//! What clients of WebSockets send: bytes that are frames, or are not.

use std::pin::pin;

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use actix_web::test::TestRequest;
use bytes::Bytes;
use futures_util::stream::iter;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::Stage;
use super::{Signs, Target};

/// What inputs name the execution that runs by, and the one that has ended.
const NAMES: [&[u8; 36]; 2] = [b"00000000-0000-0000-0000-000000000001", b"00000000-0000-0000-0000-000000000002"];
const WORKFLOW: Uuid = Uuid::from_u128(7);
/// Why sockets are closed (RFC 6455, 7.4.1): by the client's wish, with words of the client's, or for one of these.
const CLOSE_CODES: [u16; 5] = [1000, 1002, 1007, 1009, 1013];

/// Takes sockets: a letter for which one, a digit for how what is sent comes in pieces, and what is sent.
pub struct WsFrames {
    stage: Stage,
    /// One that runs, and one that has ended.
    executions: [Uuid; 2],
}

impl Target for WsFrames {
    fn build() -> Self {
        let stage = Stage::build();
        stage.put_workflow(WORKFLOW);
        let executions = [stage.start(WORKFLOW), stage.start(WORKFLOW)];
        stage.good(Method::POST, &format!("/executions/{}/cancel", executions[1]), &json!({}));
        Self { stage, executions }
    }

    fn take(&mut self, input: &[u8]) -> Signs {
        let [which, pieces, sent @ ..] = input else { return Signs::default() };
        let [running, ended] = self.executions;
        let path = match which {
            b'm' => "/ws".to_owned(),
            b'r' => format!("/ws/{running}"),
            b's' => format!("/ws/{running}?snapshot=true"),
            b'e' => format!("/ws/{ended}?after=1"),
            _ => return Signs::default(),
        };
        let sent = self.with_real_ids(sent);
        let has_closed = sent.windows(1).any(|byte| byte[0] & 0x0f == 8);
        let size = if *pieces == 0 { sent.len() } else { usize::from(*pieces) };
        let frames = self.stage.run(self.talk(&path, &sent, size.max(1)));
        check_frames(&frames, has_closed)
    }
}

impl WsFrames {
    fn with_real_ids(&self, sent: &[u8]) -> Vec<u8> {
        let mut sent = sent.to_vec();
        for (name, id) in NAMES.into_iter().zip(self.executions) {
            while let Some(place) = sent.windows(name.len()).position(|window| window == name) {
                sent[place..place + name.len()].copy_from_slice(id.to_string().as_bytes());
            }
        }
        sent
    }

    /// All that is answered until the socket ends, where the client sends this and then goes away.
    async fn talk(&self, path: &str, sent: &[u8], size: usize) -> Vec<u8> {
        let pieces: Vec<_> = sent.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let response = self.stage.send(upgrade(path, Box::pin(iter(pieces)))).await;
        assert_eq!(response.status(), 101, "{path}");
        let mut body = pin!(response.into_body());
        let mut frames = Vec::new();
        while let Some(piece) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            // The body of a socket fails where the client breaks the rules in a way that cannot be answered.
            let Ok(piece) = piece else { break };
            frames.extend_from_slice(&piece);
        }
        frames
    }
}

fn upgrade(path: &str, sent: BoxedPayloadStream) -> Request {
    let request = TestRequest::with_uri(path)
        .insert_header((CONNECTION, "upgrade"))
        .insert_header((UPGRADE, "websocket"))
        .insert_header((SEC_WEBSOCKET_VERSION, "13"))
        .insert_header((SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="));
    let payload: Payload<BoxedPayloadStream> = Payload::from(sent);
    request.to_request().replace_payload(payload).0
}

/// What the server sends must be whole frames without masks, and every message JSON that names its event.
fn check_frames(mut frames: &[u8], client_may_have_closed: bool) -> Signs {
    let mut signs = Signs::default();
    while let Some((opcode, content, rest)) = next_frame(frames) {
        match opcode {
            1 => {
                let message: Value = serde_json::from_slice(content).expect("a message is JSON");
                assert!(message["event"].is_string(), "{message}");
                signs.see_answer("message", 0, &message);
            }
            8 => {
                let code = content.first_chunk().map(|code| u16::from_be_bytes(*code));
                let known = code.is_some_and(|code| CLOSE_CODES.contains(&code));
                assert!(known || client_may_have_closed, "closed with {code:?}");
                signs.see((code.filter(|_| known), content.len().min(3)));
                signs.see_sentence(&String::from_utf8_lossy(content.get(2..).unwrap_or_default()));
            }
            9 | 10 => assert!(content.len() <= 4_096, "no control frame is longer than what was asked"),
            _ => panic!("the server sent opcode {opcode}"),
        }
        signs.see(opcode);
        frames = rest;
    }
    assert!(frames.is_empty(), "a frame is not whole");
    signs
}

fn next_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [first, second, rest @ ..] = bytes else { return None };
    assert!(first & 0x80 != 0 && first & 0x70 == 0 && second & 0x80 == 0, "the head {first:#x} {second:#x}");
    let (length, rest) = match second {
        126 => rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(*short), rest),
    };
    let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((first & 0x0f, content, rest))
}
