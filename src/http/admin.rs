//! What operators see of the live actors, and may have them do.

use std::cmp::Ordering;

use actix_web::web::Data;

use super::answer::{Answer, ok};
use super::extract::{Id, Query, SameSite, actor_limit};
use super::problem::Problem;
use super::view::{ActorDetailView, ActorView, ActorsView, StatsView, kind_word};
use super::{Edge, now, params};
use crate::actors::ActorLook;
use crate::domain::ExecutionId;

/// How two actors compare by one column.
type Compare = fn(&ActorLook, &ActorLook) -> Ordering;
/// The order of a list.
type Order = Box<dyn Fn(&ActorLook, &ActorLook) -> Ordering>;

/// The columns that a list can be sorted by.
const COLUMNS: [(&str, Compare); 14] = [
    ("kind", |a, b| a.kind.cmp(&b.kind)),
    ("id", |a, b| a.id.cmp(&b.id)),
    ("arbiter", |a, b| a.arbiter.cmp(&b.arbiter)),
    ("state", |a, b| a.state.cmp(b.state)),
    ("messages_waiting", |a, b| a.messages_waiting.cmp(&b.messages_waiting)),
    ("messages_handled", |a, b| a.messages_handled.cmp(&b.messages_handled)),
    ("restarts", |a, b| a.restarts.cmp(&b.restarts)),
    ("started_at", |a, b| a.started_at.cmp(&b.started_at)),
    ("age_seconds", |a, b| b.started_at.cmp(&a.started_at)),
    ("last_message_at", |a, b| a.last_message.map(|last| last.at).cmp(&b.last_message.map(|last| last.at))),
    ("last_event_at", |a, b| a.last_event_at.cmp(&b.last_event_at)),
    ("subscribers", |a, b| a.subscribers.cmp(&b.subscribers)),
    ("open_call_since", |a, b| a.open_call_since.cmp(&b.open_call_since)),
    ("next_timer_at", |a, b| a.next_timer_at.cmp(&b.next_timer_at)),
];

/// Lists the live actors; those that are stuck first, unless it says otherwise.
#[utoipa::path(
    get, path = "/admin/actors", tag = "admin", params(params::Actors),
    responses(
        (status = 200, description = "The actors", body = ActorsView),
        (status = 400, description = "A bad query parameter"),
        (status = 403, description = "The request comes from a page of another site"),
    )
)]
pub(super) async fn actors(edge: Data<Edge>, query: Query, _: SameSite) -> Answer {
    ok(list(&edge, &query)?)
}

/// The live actors that `query` asks for.
pub(super) fn list(edge: &Edge, query: &Query) -> Result<ActorsView, Problem> {
    let (kind, state, only_stuck) = (query.text("kind")?, query.text("state")?, query.flag("stuck")?);
    let (limit, order) = (actor_limit(query)?, order(query.text("sort")?)?);
    let mut actors = edge.runtime.actors();
    actors.retain(|actor| {
        kind.is_none_or(|kind| kind_word(actor.kind) == kind)
            && state.is_none_or(|state| actor.state == state)
            && (actor.is_stuck || !only_stuck)
    });
    actors.sort_by(|a, b| order(a, b).then_with(|| a.id.cmp(&b.id)));
    let (total, now) = (actors.len(), now());
    actors.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(ActorsView { actors: actors.iter().map(|actor| ActorView::new(actor, now)).collect(), total })
}

/// The order that `sort` names; `-` before a column turns it around.
fn order(sort: Option<&str>) -> Result<Order, Problem> {
    let Some(sort) = sort else {
        return Ok(Box::new(|a, b| b.is_stuck.cmp(&a.is_stuck).then(a.last_event_at.cmp(&b.last_event_at))));
    };
    let (column, is_reversed) = sort.strip_prefix('-').map_or((sort, false), |column| (column, true));
    let Some((_, compare)) = COLUMNS.iter().find(|(name, _)| *name == column) else {
        let columns = COLUMNS.map(|(name, _)| name).join(", ");
        return Err(Problem::malformed(format!("The query parameter `sort` must be one of {columns}.")));
    };
    Ok(Box::new(move |a, b| if is_reversed { compare(b, a) } else { compare(a, b) }))
}

/// Looks into an execution's actor.
#[utoipa::path(
    get, path = "/admin/actors/{id}", tag = "admin", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The actor, with the messages that it handled last", body = ActorDetailView),
        (status = 400, description = "The id is not a UUID"),
        (status = 403, description = "The request comes from a page of another site"),
        (status = 404, description = "The execution has no live actor"),
    )
)]
pub(super) async fn actor(edge: Data<Edge>, id: Id<ExecutionId>, _: SameSite) -> Answer {
    look(&edge, id.0).await
}

async fn look(edge: &Edge, id: ExecutionId) -> Answer {
    let (look, inspection) = edge.runtime.actor(id).await.map_err(|_| no_actor())?;
    ok(ActorDetailView::new(&look, inspection.as_ref(), now()))
}

/// Ends an execution's actor and starts a new one from the log; an open call is delivered again.
#[utoipa::path(
    post, path = "/admin/actors/{id}/restart", tag = "admin", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The new actor", body = ActorDetailView),
        (status = 400, description = "The id is not a UUID"),
        (status = 403, description = "The request comes from a page of another site"),
        (status = 404, description = "The execution has no live actor"),
    )
)]
pub(super) async fn restart(edge: Data<Edge>, id: Id<ExecutionId>, _: SameSite) -> Answer {
    edge.runtime.restart(id.0).await.map_err(|_| no_actor())?;
    look(&edge, id.0).await
}

/// Has an execution's actor leave the memory; any message or timer brings it back.
#[utoipa::path(
    post, path = "/admin/actors/{id}/passivate", tag = "admin", params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It has left"),
        (status = 400, description = "The id is not a UUID"),
        (status = 403, description = "The request comes from a page of another site"),
        (status = 404, description = "The execution has no live actor"),
        (status = 409, description = "It has something to do"),
    )
)]
pub(super) async fn passivate(edge: Data<Edge>, id: Id<ExecutionId>, _: SameSite) -> Answer {
    match edge.runtime.passivate(id.0).await {
        Some(true) => Ok(actix_web::HttpResponse::NoContent().finish()),
        Some(false) => Err(Problem::conflict("The actor has something to do: a call, a change, or a message.")),
        None => Err(no_actor()),
    }
}

fn no_actor() -> Problem {
    Problem::unknown("The execution has no live actor.")
}

/// Tells what goes on in all.
#[utoipa::path(
    get, path = "/admin/stats", tag = "admin",
    responses(
        (status = 200, description = "What goes on", body = StatsView),
        (status = 403, description = "The request comes from a page of another site"),
    )
)]
pub(super) async fn stats(edge: Data<Edge>, _: SameSite) -> Answer {
    ok(overview(&edge).await?)
}

/// What goes on in all.
pub(super) async fn overview(edge: &Edge) -> Result<StatsView, Problem> {
    let executions = edge.runtime.executions_by_status().await?;
    Ok(StatsView::new(edge.runtime.stats(), executions, &edge.config.pioneer_url))
}
