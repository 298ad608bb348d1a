//! What operators and front ends ask of the service itself.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{Accept, HeaderValue, LOCATION, Quality, QualityItem, VARY};
use actix_web::mime::{self, Mime};
use actix_web::web::{Data, Header};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::Edge;
use super::answer::{Answer, ok};
use super::problem::Problem;
use super::schema::{AvailableStepsBody, AvailableWord, ReachableWord, ReadyWord};
use crate::pioneer::{AvailableSteps, available_steps as ask_pioneer};

/// That the service runs.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `healthy`.
    #[schema(pattern = "^healthy$")]
    status: &'static str,
    /// Always `discovery-api`.
    #[schema(pattern = "^discovery-api$")]
    service: &'static str,
}

/// Whether requests can be served, and how the workers are.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    #[schema(value_type = ReadyWord, inline)]
    status: &'static str,
    #[schema(value_type = AvailableWord, inline)]
    database: &'static str,
    /// The workers; their state does not decide.
    workers: Vec<WorkerState>,
}

/// A worker, and whether it answers.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkerState {
    name: &'static str,
    url: String,
    #[schema(value_type = ReachableWord, inline)]
    state: &'static str,
    /// Why it is unreachable.
    detail: Option<String>,
}

const HEALTHY: Health = Health { status: "healthy", service: "discovery-api" };

/// Says that the service runs; a browser is sent to the page for people.
#[utoipa::path(
    get, path = "/", tag = "service",
    responses(
        (status = 200, description = "It runs", body = Health),
        (status = 302, description = "To the monitor, for clients that prefer HTML",
            headers(("Location" = String, description = "Where the monitor is"))),
    )
)]
pub(super) async fn root(edge: Data<Edge>, accept: Option<Header<Accept>>) -> Answer {
    let accepted = accept.map(|header| header.into_inner().0).unwrap_or_default();
    let mut response = if prefers_html(&accepted) {
        HttpResponse::Found().insert_header((LOCATION, format!("{}/monitor", edge.config.base_path))).finish()
    } else {
        HttpResponse::Ok().json(HEALTHY)
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Whether a client would rather have HTML than JSON; one that takes either gets JSON, as it always did.
fn prefers_html(accepted: &[QualityItem<Mime>]) -> bool {
    quality(accepted, &mime::TEXT_HTML) > quality(accepted, &mime::APPLICATION_JSON)
}

/// How gladly `media` is taken: what the range says that names it most closely.
fn quality(accepted: &[QualityItem<Mime>], media: &Mime) -> Quality {
    let closeness = |range: &Mime| match (range.type_(), range.subtype()) {
        (kind, subtype) if kind == media.type_() && subtype == media.subtype() => Some(2),
        (kind, mime::STAR) if kind == media.type_() => Some(1),
        (mime::STAR, mime::STAR) => Some(0),
        _ => None,
    };
    let fitting = accepted.iter().filter_map(|range| Some((closeness(&range.item)?, range.quality)));
    fitting.max().map_or(Quality::ZERO, |(_, quality)| quality)
}

/// Says that the process is alive.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, description = "It is", body = Health)))]
pub(super) async fn health() -> Answer {
    ok(HEALTHY)
}

/// Says whether requests can be served: whether the database answers.
#[utoipa::path(
    get, path = "/ready", tag = "service",
    responses(
        (status = 200, description = "The database answers", body = Readiness),
        (status = 503, description = "It does not", body = Readiness),
    )
)]
pub(super) async fn ready(edge: Data<Edge>) -> Answer {
    let bound = edge.config.limits.ready_timeout;
    let ping = async { matches!(actix_rt::time::timeout(bound, edge.journal.ping()).await, Ok(Ok(()))) };
    let (is_ready, worker) = futures_util::future::join(ping, worker_state(&edge)).await;
    let (code, status, database) = if is_ready {
        (StatusCode::OK, "ready", "available")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "unavailable")
    };
    let mut response = HttpResponse::build(code);
    if !is_ready {
        response.insert_header(("Retry-After", "1"));
    }
    Ok(response.json(Readiness { status, database, workers: vec![worker] }))
}

async fn worker_state(edge: &Edge) -> WorkerState {
    let (config, limits) = (&edge.config, &edge.config.limits);
    let asking = ask_pioneer(&config.pioneer_url, limits.ready_timeout, limits.max_body_bytes);
    let (state, detail) = match actix_rt::time::timeout(limits.ready_timeout, asking).await {
        Ok(AvailableSteps::Answered(_)) => ("reachable", None),
        Ok(AvailableSteps::Unreachable(why)) => ("unreachable", Some(format!("Pioneer {why}."))),
        Err(_) => ("unreachable", Some("Pioneer did not answer in time.".to_owned())),
    };
    WorkerState { name: "pioneer", url: without_secrets(&config.pioneer_url), state, detail }
}

/// The URL without a user and a password.
pub(super) fn without_secrets(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::new() };
    let hidden = url.set_password(None).is_ok() && url.set_username("").is_ok();
    if hidden { url.as_str().trim_end_matches('/').to_owned() } else { String::new() }
}

/// Lists the steps that Pioneer offers.
#[utoipa::path(
    get, path = "/available-steps", tag = "service",
    responses(
        (status = 200, description = "What Pioneer answered", body = AvailableStepsBody),
        (status = 502, description = "Pioneer cannot be reached"),
    )
)]
pub(super) async fn available_steps(edge: Data<Edge>) -> Answer {
    let limits = &edge.config.limits;
    match ask_pioneer(&edge.config.pioneer_url, limits.available_steps_timeout, limits.max_body_bytes).await {
        AvailableSteps::Answered(answer) => ok(answer),
        AvailableSteps::Unreachable(why) => {
            let url = without_secrets(&edge.config.pioneer_url);
            Err(Problem::new(StatusCode::BAD_GATEWAY, format!("Pioneer at {url} {why}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_prefers_html_gets_the_page() {
        let prefers = |header: &str| {
            let ranges: Vec<QualityItem<Mime>> = header.split(',').map(|range| range.trim().parse().unwrap()).collect();
            prefers_html(&ranges)
        };
        assert!(prefers("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(prefers("text/*, application/json;q=0.2"));
        assert!(prefers("text/html;q=0.1"));
        for json in ["*/*", "application/json", "text/html, application/json", "text/html;q=0.5, */*", "text/html;q=0"]
        {
            assert!(!prefers(json), "{json}");
        }
        assert!(!prefers_html(&[]));
    }

    #[test]
    fn the_url_of_a_worker_is_shown_without_secrets() {
        assert_eq!(without_secrets("http://u:p@host:8000/pioneer"), "http://host:8000/pioneer");
        assert_eq!(without_secrets("http://host:8000"), "http://host:8000");
    }
}
