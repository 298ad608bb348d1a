//! Executions, read: the execution, its status, its attempts, its events, its long strings.

use actix_web::http::header::{self, CacheControl, CacheDirective, EntityTag, IfNoneMatch};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::answer::{Answer, inlined, ok, read as answer_read};
use super::extract::{Id, PayloadName, Query, event_limit};
use super::problem::Problem;
use super::schema::EventBody;
use super::stream::{answer_events, last_event_id, wants_events};
use super::view::{ExecutionView, StatusView, StepExecutionView, WhyView};
use super::{Edge, now, params};
use crate::domain::ExecutionId;

/// How long, in seconds, a client may keep what never changes.
const FOREVER_SECONDS: u32 = 31_536_000;

/// Reads an execution.
#[utoipa::path(
    get, path = "/executions/{id}", tag = "executions",
    params(("id" = Uuid, Path), params::Payloads),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = 400, description = "The id is not a UUID, or a bad query parameter"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn read(edge: Data<Edge>, id: Id<ExecutionId>, query: Query) -> Answer {
    let execution = edge.runtime.view(id.0).await?;
    answer_read(&edge, &query, ExecutionView::from(&*execution)).await
}

/// Reads the status of an execution, with its progress and the history of its steps.
#[utoipa::path(
    get, path = "/executions/{id}/status", tag = "executions",
    params(("id" = Uuid, Path), params::Payloads),
    responses(
        (status = 200, description = "The status", body = StatusView),
        (status = 400, description = "The id is not a UUID, or a bad query parameter"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn status(edge: Data<Edge>, id: Id<ExecutionId>, query: Query) -> Answer {
    let execution = edge.runtime.view(id.0).await?;
    answer_read(&edge, &query, StatusView::new(&execution, now())).await
}

/// Explains why an execution is not moving.
#[utoipa::path(
    get, path = "/executions/{id}/why", tag = "executions", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The reason, as a sentence and as facts", body = WhyView),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn why(edge: Data<Edge>, id: Id<ExecutionId>) -> Answer {
    let (execution, why) = edge.runtime.why(id.0).await?;
    ok(WhyView::new(&execution, why))
}

/// Lists the attempts at steps, oldest first.
#[utoipa::path(
    get, path = "/executions/{id}/steps", tag = "executions",
    params(("id" = Uuid, Path), params::Payloads),
    responses(
        (status = 200, description = "The attempts", body = Vec<StepExecutionView>),
        (status = 400, description = "The id is not a UUID, or a bad query parameter"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn steps(edge: Data<Edge>, id: Id<ExecutionId>, query: Query) -> Answer {
    let execution = edge.runtime.view(id.0).await?;
    let now = now();
    let attempts = execution.attempts().iter().map(|attempt| StepExecutionView::new(&execution, attempt, now));
    answer_read(&edge, &query, attempts.collect::<Vec<_>>()).await
}

/// Lists the events after `after`, oldest first; or, where the client accepts `text/event-stream`, sends them as they come.
#[utoipa::path(
    get, path = "/executions/{id}/events", tag = "executions",
    params(
        ("id" = Uuid, Path), params::Events, params::Payloads,
        ("Last-Event-ID" = Option<u64>, Header, minimum = 0,
            description = "Where an event stream goes on; it takes the place of `after`"),
    ),
    responses(
        (status = 200, description = "The events, or with `Accept: text/event-stream` a stream of them: `id` is the \
            `seq`, `data` the event; it ends with the execution",
            content((Vec<EventBody> = "application/json"), (String = "text/event-stream"))),
        (status = 204, description = "To a stream that goes on: there is nothing more, the execution has ended"),
        (status = 400, description = "The id is not a UUID, a bad query parameter or `Last-Event-ID`"),
        (status = 404, description = "No such execution"),
    )
)]
pub(super) async fn events(edge: Data<Edge>, id: Id<ExecutionId>, query: Query, request: HttpRequest) -> Answer {
    let (after, limit) = (query.number("after")?.unwrap_or(0), event_limit(&query)?);
    let inline = query.wants_inline_payloads()?;
    if wants_events(&request) {
        return stream_events(&edge, &request, id.0, after, inline).await;
    }
    let texts = edge.journal.events(id.0, after, limit).await?;
    let array = joined(&texts.ok_or_else(unknown_execution)?);
    if inline {
        let events: Value = serde_json::from_str(&array)?;
        return inlined(&edge, &events).await;
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(array))
}

async fn stream_events(edge: &Edge, request: &HttpRequest, id: ExecutionId, after: u64, inline: bool) -> Answer {
    if inline {
        return Err(Problem::malformed("An event stream has no long strings in their places; leave `payloads` out."));
    }
    let Some(last) = last_event_id(request)? else { return answer_events(edge, request, id, after, None).await };
    let end = edge.journal.log_end(id).await?.ok_or_else(unknown_execution)?;
    if end.status.is_ended() && last >= end.seq {
        // A browser would come back again and again.
        return Ok(HttpResponse::NoContent().finish());
    }
    answer_events(edge, request, id, last, None).await
}

/// A JSON array of texts that are JSON, byte for byte.
fn joined(texts: &[String]) -> String {
    format!("[{}]", texts.join(","))
}

/// Reads a long string that the execution refers to.
#[utoipa::path(
    get, path = "/executions/{id}/payloads/{sha256}", tag = "executions",
    params(
        ("id" = Uuid, Path),
        ("sha256" = String, Path, description = "The SHA-256 of the string, in hexadecimal digits",
            pattern = "^[0-9a-f]{64}$"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has"),
    ),
    responses(
        (status = 200, description = "The string", body = String, content_type = "text/plain",
            headers(("ETag" = String, description = "The SHA-256"),
                ("Cache-Control" = String, description = "The string never changes"))),
        (status = 304, description = "The client has it already",
            headers(("ETag" = String, description = "The SHA-256"))),
        (status = 400, description = "The id is not a UUID"),
        (status = 404, description = "The execution has no such string"),
    )
)]
pub(super) async fn payload(
    edge: Data<Edge>,
    name: PayloadName,
    if_none_match: Option<actix_web::web::Header<IfNoneMatch>>,
) -> Answer {
    let unknown = || Problem::unknown("The execution has no payload of this name.");
    let hash = name.hash.ok_or_else(unknown)?;
    let text = edge.journal.payload(name.execution, hash).await?.ok_or_else(unknown)?;
    let tag = EntityTag::new_strong(hash.to_string());
    let immutable = CacheDirective::Extension("immutable".to_owned(), None);
    let keep = CacheControl(vec![CacheDirective::Private, CacheDirective::MaxAge(FOREVER_SECONDS), immutable]);
    let known = if_none_match.is_some_and(|header| match header.into_inner() {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(&tag)),
    });
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(header::ETag(tag)).insert_header(keep);
    if known {
        return Ok(response.finish());
    }
    // The text is a stranger's: no browser may take it for a page.
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(response.content_type("text/plain; charset=utf-8").body(String::from(&*text)))
}

fn unknown_execution() -> Problem {
    Problem::unknown("There is no execution with this id.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_joined_byte_for_byte() {
        assert_eq!(joined(&[]), "[]");
        assert_eq!(joined(&["{\"b\": 1,\"a\":2}".to_owned(), "{}".to_owned()]), "[{\"b\": 1,\"a\":2},{}]");
    }
}
