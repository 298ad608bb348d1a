//! What operators see of the live actors, and may have them do.

use actix_web::web::Data;

use super::actor_filter::ActorFilter;
use super::answer::{Answer, ok};
use super::extract::{Id, Query, SameSite};
use super::problem::Problem;
use super::service::without_secrets;
use super::view::{ActorDetailView, ActorsView, StatsView};
use super::{Edge, now, params};
use crate::actors::AskError;
use crate::domain::ExecutionId;

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
    ok(ActorFilter::read(&query)?.list(&edge))
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
    let (look, inspection) = edge.runtime.actor(id).await.map_err(not_done)?;
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
    edge.runtime.restart(id.0).await.map_err(not_done)?;
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

/// Where there is no actor it says so; anything else, such as a database that does not answer, may pass.
fn not_done(error: AskError) -> Problem {
    if matches!(error, AskError::Unknown) { no_actor() } else { error.into() }
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
    Ok(StatsView::new(edge.runtime.stats(), executions, without_secrets(&edge.config.pioneer_url)))
}
