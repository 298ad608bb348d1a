//! How answers are written: plain, or with long strings back in their places.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use serde::Serialize;
use serde_json::Value;

use super::Edge;
use super::extract::Query;
use super::problem::Problem;
use crate::payload::{Inlined, collect_references};

/// What an answer of a handler is.
pub(super) type Answer = Result<HttpResponse, Problem>;

/// 200 with `body`.
pub(super) fn ok(body: impl Serialize) -> Answer {
    Ok(HttpResponse::Ok().json(body))
}

/// `body` with the place where it can be found; `path` is without the base path, which the header holds.
pub(super) fn located(edge: &Edge, status: StatusCode, path: &str, body: impl Serialize) -> Answer {
    let location = format!("{}{path}", edge.config.base_path);
    Ok(HttpResponse::build(status).insert_header((LOCATION, location)).json(body))
}

/// 200 with `body`, long strings in their places where the query asks for them.
pub(super) async fn read(edge: &Edge, query: &Query, body: impl Serialize) -> Answer {
    if !query.wants_inline_payloads()? {
        return ok(body);
    }
    let body = serde_json::to_value(body)?;
    inlined(edge, &body).await
}

/// 200 with `body`, long strings in their places.
pub(super) async fn inlined(edge: &Edge, body: &Value) -> Answer {
    let mut hashes = Vec::new();
    collect_references(body, &mut hashes);
    let payloads = edge.journal.payloads(&hashes).await?;
    ok(Inlined { value: body, payloads: &payloads })
}
