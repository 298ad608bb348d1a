//! The edge: REST in, problem+json or JSON out. Handlers extract, ask and answer; the rules are elsewhere.
//!
//! | module | holds |
//! | --- | --- |
//! | `routes`, `openapi`, `schema`, `params` | the one table of routes, and the document that describes it |
//! | `docs` | the page that shows that document |
//! | `monitor` | the page on which executions are started and watched |
//! | `workflows`, `steps`, `definitions` | definitions, and how they are changed while others change them too |
//! | `start`, `idempotency`, `executions`, `listing`, `steering`, `reports` | executions: started, read, listed, moved by hand, reported on |
//! | `service`, `metrics` | what operators ask: health, readiness, workers' steps, and what Prometheus reads |
//! | `admin`, `actor_filter` | what operators see of the live actors, and have them do |
//! | `extract`, `view`, `answer`, `cursor`, `documents` | what handlers are given and what they answer with |
//! | `problem` | the one shape of every error |
//! | `stream` | live events, by server-sent events and WebSocket |
//! | `base_path`, `cors` | what happens to every request before it is routed |
//! | `connection` | the server, and connections that can be cut |

mod actor_filter;
mod admin;
mod answer;
mod base_path;
mod connection;
mod cors;
mod cursor;
mod definitions;
mod docs;
mod documents;
mod executions;
mod extract;
mod idempotency;
mod listing;
mod metrics;
mod monitor;
mod openapi;
mod params;
mod problem;
mod properties;
mod reports;
mod routes;
mod schema;
mod service;
mod start;
mod steering;
mod steps;
mod stream;
mod view;
mod workflows;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error, web};
use chrono::Utc;

use crate::actors::Runtime;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::journal::Journal;

pub use connection::serve;

/// What the handlers ask; clones share it.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Reads, and the writing of definitions.
    pub journal: Journal,
    /// The executions.
    pub runtime: Runtime,
    /// What the operator set.
    pub config: Arc<Config>,
}

/// The application that answers every request: routes, errors, CORS and the base path.
pub fn app(
    edge: &Edge,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let body_limit = extract::BodyLimit { bytes_max: edge.config.limits.max_body_bytes };
    App::new()
        .app_data(body_limit)
        .app_data(web::Data::new(edge.clone()))
        .configure(routes::configure)
        .wrap(base_path::BasePath::new(&edge.config.base_path))
        .wrap(cors::cors(&edge.config.cors_origins))
}

/// The time, as far as the edge needs it.
fn now() -> Timestamp {
    Timestamp::new(Utc::now())
}
