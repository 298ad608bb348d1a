//! The paths of WebSockets.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::ORIGIN;
use actix_web::web::{Data, Payload};
use serde::Serialize;

use super::operator::Watching;
use super::socket::{Purpose, check_handshake, open};
use crate::config::CorsOrigins;
use crate::domain::ExecutionId;
use crate::http::actor_filter::ActorFilter;
use crate::http::answer::Answer;
use crate::http::extract::{Id, Query, SameSite, is_of_own_site};
use crate::http::problem::Problem;
use crate::http::view::StatusView;
use crate::http::{Edge, now, params};

/// Follows an execution by WebSocket: every event behind `after`, then the live ones.
///
/// It closes with 1000 and the final status once the execution has ended, with 1012 where the server stops, and with
/// 1013 where the client is too slow. `{"action": "ping"}` is answered by `{"event": "pong"}`.
#[utoipa::path(
    get, path = "/ws/{id}", tag = "executions",
    params(("id" = Uuid, Path), params::Socket),
    responses(
        (status = 101, description = "A WebSocket; its messages are events, as `/executions/{id}/events` lists them"),
        (status = 400, description = "The id is not a UUID, a bad query parameter, or no WebSocket is asked for"),
        (status = 403, description = "Pages of this origin may not use the API"),
        (status = 404, description = "No such execution"),
    )
)]
pub(in crate::http) async fn follow(
    edge: Data<Edge>,
    id: Id<ExecutionId>,
    query: Query,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let (after, snapshot) = (query.number("after")?.unwrap_or(0), query.flag("snapshot")?);
    refuse_foreign_origins(&edge, &request)?;
    let id = id.0;
    let (feed, first) = if snapshot {
        let (execution, feed) = edge.runtime.follow_from_now(id).await?;
        let status = StatusView::new(&execution, now());
        let snapshot = Snapshot { event: "snapshot", seq: execution.last_seq(), status };
        (feed, Some(serde_json::to_string(&snapshot)?))
    } else {
        (edge.runtime.follow(id, after).await?, None)
    };
    check_handshake(&request)?;
    open(edge, &request, payload, Purpose::One { id, feed: Box::new(feed), first })
}

/// Opens a WebSocket for events of many executions.
///
/// The client sends `{"action": "subscribe", "execution_id", "after"?}`, `{"action": "subscribe", "executions": "all"}` or
/// the same with `unsubscribe`, and is answered `subscribed`, `unsubscribed` or `error`. Of all executions it gets every
/// event from then on but `step_progress`, without contexts.
#[utoipa::path(
    get, path = "/ws", tag = "executions",
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 400, description = "No WebSocket is asked for"),
        (status = 403, description = "Pages of this origin may not use the API"),
    )
)]
pub(in crate::http) async fn follow_many(edge: Data<Edge>, request: HttpRequest, payload: Payload) -> Answer {
    refuse_foreign_origins(&edge, &request)?;
    check_handshake(&request)?;
    open(edge, &request, payload, Purpose::Many)
}

/// Watches the live actors by WebSocket, for operators.
///
/// At once and then every second (`DISCOVERY_ADMIN_INTERVAL_SECONDS`) it tells `{"event": "stats", …}` with the body of
/// `/admin/stats`, and `{"event": "actors", …}` with that of `/admin/actors` for the parameters.
/// `{"action": "watch", "kind"?, "state"?, "stuck"?, "sort"?, "limit"?}` puts others in their place and is answered by the
/// next `actors`, `{"action": "ping"}` is answered by `{"event": "pong"}`, and anything else by `{"event": "error", "detail"}`.
/// It closes with 1012 where the server stops.
#[utoipa::path(
    get, path = "/admin/ws", tag = "admin", params(params::Actors),
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 400, description = "A bad query parameter, or no WebSocket is asked for"),
        (status = 403, description = "The request comes from a page of another site"),
    )
)]
pub(in crate::http) async fn watch_actors(
    edge: Data<Edge>,
    query: Query,
    _: SameSite,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let filter = ActorFilter::read(&query)?;
    check_handshake(&request)?;
    open(edge, &request, payload, Purpose::Operator(Watching::new(filter)))
}

/// The first message, where it is asked for.
#[derive(Serialize)]
struct Snapshot<'a> {
    event: &'static str,
    seq: u64,
    status: StatusView<'a>,
}

/// A browser lets any page open a WebSocket; only the server can refuse those of other origins. Its own pages are none.
fn refuse_foreign_origins(edge: &Edge, request: &HttpRequest) -> Result<(), Problem> {
    let CorsOrigins::Listed(listed) = &edge.config.cors_origins else { return Ok(()) };
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    if listed.iter().any(|one| one.as_bytes() == origin.as_bytes()) || is_of_own_site(request) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "Pages of this origin may not use the API."))
}
