//! The actor of a WebSocket. Nothing else uses `actix-web-actors`.
//!
//! It is polled by the connection: when the client does not read, all of it stands still. So nothing that must happen then
//! is done here; see [`crate::actors::Session`].

use std::cell::Cell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{self, CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use futures_util::stream::AbortHandle;
use tokio::time::timeout;

use super::feeds::{Feeds, Told};
use super::frames::{FrameGuard, Parts, TooLong};
use super::line_of;
use super::operator::{Looked, Watching, looks};
use super::words::{self, Request};
use crate::actors::{AskError, Feed, FeedItem, Session, SessionKind};
use crate::domain::ExecutionId;
use crate::http::Edge;
use crate::http::problem::Problem;
use crate::limits::Limits;

/// What a WebSocket is for.
pub(super) enum Purpose {
    /// It follows one execution, and closes behind its end.
    One {
        /// The execution.
        id: ExecutionId,
        /// Its events.
        feed: Box<Feed>,
        /// Sent before them.
        first: Option<String>,
    },
    /// Its client subscribes to whatever it likes.
    Many,
    /// Its client watches the live actors.
    Operator(Watching),
}

/// What a WebSocket takes from its client.
enum Role {
    Follower,
    Subscriber,
    Operator(Watching),
}

/// One WebSocket.
struct SocketActor {
    edge: Data<Edge>,
    session: Rc<Session>,
    purpose: Option<Purpose>,
    role: Role,
    feeds: Feeds,
    subscriptions: HashMap<ExecutionId, AbortHandle>,
    all: Option<AbortHandle>,
    parts: Parts,
    /// Whether the client announced a frame that is too long.
    frame_too_long: Rc<Cell<bool>>,
}

type Socket = WebsocketContext<SocketActor>;

/// Fails where the request does not ask for a WebSocket as it should.
pub(super) fn check_handshake(request: &HttpRequest) -> Result<(), Problem> {
    let refused = |error| Problem::malformed(format!("This path takes WebSockets only: {error}."));
    ws::handshake(request).map(drop).map_err(refused)
}

/// Upgrades the request, which was checked.
pub(super) fn open(
    edge: Data<Edge>,
    request: &HttpRequest,
    payload: Payload,
    purpose: Purpose,
) -> Result<HttpResponse, Problem> {
    let bytes_max = edge.config.limits.session_message_bytes_max;
    let session = edge.runtime.open_session(SessionKind::WebSocket, line_of(request))?;
    let frame_too_long = Rc::new(Cell::new(false));
    let incoming = FrameGuard::new(payload, bytes_max, Rc::clone(&frame_too_long));
    let actor = SocketActor {
        edge,
        session: Rc::new(session),
        role: Role::of(&purpose),
        purpose: Some(purpose),
        feeds: Feeds::default(),
        subscriptions: HashMap::new(),
        all: None,
        parts: Parts::new(bytes_max),
        frame_too_long,
    };
    let response = WsResponseBuilder::new(actor, request, incoming).frame_size(bytes_max).start();
    response.map_err(|error| Problem::internal(&error))
}

impl Role {
    fn of(purpose: &Purpose) -> Self {
        match purpose {
            Purpose::One { .. } => Self::Follower,
            Purpose::Many => Self::Subscriber,
            Purpose::Operator(watching) => Self::Operator(watching.clone()),
        }
    }
}

impl Actor for SocketActor {
    type Context = Socket;

    fn started(&mut self, ctx: &mut Socket) {
        match self.purpose.take() {
            Some(Purpose::One { id, feed, first }) => {
                first.into_iter().for_each(|first| ctx.text(first));
                self.subscriptions.insert(id, self.feeds.add(id, *feed));
            }
            Some(Purpose::Operator(watching)) => {
                ctx.add_stream(looks(self.edge.clone(), watching));
            }
            Some(Purpose::Many) | None => {}
        }
        ctx.add_stream(self.feeds.clone());
        ctx.run_interval(self.limits().session_ping_interval, |_, ctx| ctx.ping(b""));
        let session = Rc::clone(&self.session);
        let dismissed = async move { poll_fn(|context| session.poll_dismissed(context)).await };
        ctx.spawn(dismissed.into_actor(self).map(|(), _, ctx| {
            end(ctx, CloseCode::Restart, "The server stops; come back with `after`.");
        }));
    }
}

/// Says goodbye, and ends.
fn end(ctx: &mut Socket, code: CloseCode, why: &str) {
    ctx.close(Some(CloseReason { code, description: Some(why.to_owned()) }));
    ctx.stop();
}

impl StreamHandler<Looked> for SocketActor {
    fn handle(&mut self, looked: Looked, ctx: &mut Socket) {
        for text in [looked.stats, looked.actors] {
            self.session.note_sent();
            ctx.text(text);
        }
    }
}

impl StreamHandler<Told> for SocketActor {
    fn handle(&mut self, Told { of, item }: Told, ctx: &mut Socket) {
        match item {
            FeedItem::Event { text, .. } => {
                self.session.note_sent();
                ctx.text(&*text);
            }
            FeedItem::TooSlow => {
                self.session.note_dropped();
                end(ctx, CloseCode::Again, "Too many events were waiting; come back with `after`.");
            }
            FeedItem::Unreadable => end(ctx, CloseCode::Error, "The log cannot be read."),
            FeedItem::Ended(status) => match self.role {
                Role::Follower => end(ctx, CloseCode::Normal, status.as_str()),
                Role::Subscriber | Role::Operator(_) => {
                    if let Some(id) = of {
                        self.subscriptions.remove(&id);
                        ctx.text(words::unsubscribed(id, Some(status)));
                    }
                }
            },
        }
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for SocketActor {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Socket) {
        self.session.note_heard();
        let put_together = match message {
            Ok(Message::Ping(bytes)) => return ctx.pong(&bytes),
            Ok(Message::Pong(_) | Message::Binary(_) | Message::Nop) => return,
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                return ctx.stop();
            }
            Ok(Message::Text(text)) => return self.take(&text, ctx),
            Ok(Message::Continuation(part)) => self.put_together(&part),
            Err(error) => return self.refuse(&error, ctx),
        };
        match put_together {
            Ok(Some(text)) => self.take(&text, ctx),
            Ok(None) => {}
            Err(TooLong) => refuse_too_long(ctx),
        }
    }
}

fn refuse_too_long(ctx: &mut Socket) {
    end(ctx, CloseCode::Size, "The message is too long.");
}

impl SocketActor {
    fn limits(&self) -> &Limits {
        &self.edge.config.limits
    }

    fn put_together(&mut self, part: &actix_http::ws::Item) -> Result<Option<String>, TooLong> {
        use actix_http::ws::Item;
        match part {
            Item::FirstText(bytes) => self.parts.begin(bytes, true).map(|()| None),
            Item::FirstBinary(bytes) => self.parts.begin(bytes, false).map(|()| None),
            Item::Continue(bytes) => self.parts.add(bytes).map(|()| None),
            Item::Last(bytes) => self.parts.end(bytes),
        }
    }

    fn refuse(&self, error: &ProtocolError, ctx: &mut Socket) {
        match error {
            ProtocolError::Overflow => refuse_too_long(ctx),
            ProtocolError::Io(_) if self.frame_too_long.get() => refuse_too_long(ctx),
            // Bytes that are no UTF-8 come here too; where the client is gone, nobody hears it.
            ProtocolError::Io(_) => end(ctx, CloseCode::Invalid, "The message could not be read."),
            ProtocolError::UnmaskedFrame
            | ProtocolError::MaskedFrame
            | ProtocolError::InvalidOpcode(_)
            | ProtocolError::InvalidLength(_)
            | ProtocolError::BadOpCode
            | ProtocolError::ContinuationNotStarted
            | ProtocolError::ContinuationStarted
            | ProtocolError::ContinuationFragment(_) => end(ctx, CloseCode::Protocol, &error.to_string()),
        }
    }

    /// Does what the client asks for.
    fn take(&mut self, text: &str, ctx: &mut Socket) {
        match (&self.role, Request::read(text)) {
            (Role::Operator(watching), _) => watching.take(text).into_iter().for_each(|answer| ctx.text(answer)),
            (Role::Follower, Ok(Request::Ping)) => ctx.text(words::pong()),
            // One that follows an execution takes nothing else.
            (Role::Follower, _) => {}
            (Role::Subscriber, request) => self.subscribe_or_not(request, ctx),
        }
    }

    fn subscribe_or_not(&mut self, request: Result<Request, String>, ctx: &mut Socket) {
        match request {
            Ok(Request::Ping) => ctx.text(words::pong()),
            Ok(Request::Subscribe(id, after)) => self.subscribe(id, after, ctx),
            Ok(Request::SubscribeToAll) => {
                // From now on: a second wish is no reason to repeat or to miss anything.
                if self.all.is_none() {
                    self.all = Some(self.feeds.add_all(self.edge.runtime.subscribe_to_all()));
                }
                ctx.text(words::subscribed_to_all());
            }
            Ok(Request::Unsubscribe(id)) => match self.subscriptions.remove(&id) {
                Some(feed) => {
                    feed.abort();
                    ctx.text(words::unsubscribed(id, None));
                }
                None => ctx.text(words::error_about(id, &Problem::conflict("There is no such subscription."))),
            },
            Ok(Request::UnsubscribeFromAll) => match self.all.take() {
                Some(feed) => {
                    feed.abort();
                    ctx.text(words::unsubscribed_from_all());
                }
                None => ctx.text(words::error("There is no such subscription.")),
            },
            Err(detail) => ctx.text(words::error(&detail)),
        }
    }

    fn subscribe(&mut self, id: ExecutionId, after: u64, ctx: &mut Socket) {
        if self.subscriptions.contains_key(&id) {
            let problem = Problem::conflict("This execution is subscribed to already.");
            return ctx.text(words::error_about(id, &problem));
        }
        if self.subscriptions.len() >= self.limits().session_subscriptions_max {
            let problem = Problem::unavailable("This socket has as many subscriptions as it may.");
            return ctx.text(words::error_about(id, &problem));
        }
        let (runtime, patience) = (self.edge.runtime.clone(), self.limits().request_timeout);
        let turns = self.feeds.turns();
        let following =
            async move { followed(runtime.follow(id, after), patience).await.map(|feed| feed.in_turn(turns)) };
        // What the client asks for next waits, so that answers come in the order of the questions.
        ctx.wait(following.into_actor(self).map(move |feed, actor, ctx| match feed {
            Ok(feed) => {
                ctx.text(words::subscribed(id, after));
                actor.subscriptions.insert(id, actor.feeds.add(id, feed));
            }
            Err(error) => ctx.text(words::error_about(id, &error.into())),
        }));
    }
}

async fn followed(
    following: impl Future<Output = Result<Feed, AskError>>,
    patience: Duration,
) -> Result<Feed, AskError> {
    let late = |_| AskError::Unavailable("the log was not found in time".to_owned());
    timeout(patience, following).await.map_err(late)?
}
