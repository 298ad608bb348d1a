//! The one table of routes.

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::Compress;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpResponse, Resource, Responder};

use super::problem::Problem;
use super::{
    admin, docs, executions, listing, monitor, openapi, properties, reports, service, start, steering, steps, stream,
    workflows,
};

/// A path and what it takes.
struct At {
    #[cfg_attr(not(test), allow(dead_code, reason = "the test compares it with the OpenAPI document"))]
    path: &'static str,
    /// Whether it is a page for people, which the OpenAPI document leaves out.
    is_page: bool,
    methods: Vec<Method>,
    resource: Resource,
}

fn at(path: &'static str) -> At {
    At { path, is_page: false, methods: Vec::new(), resource: web::resource(path) }
}

/// A page for people, or a part of one: compressed, because it may be large, and not in the OpenAPI document.
fn page<F, Args>(path: &'static str, handler: F) -> At
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    At { is_page: true, ..at(path) }.get(handler)
}

impl At {
    fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
        self.methods.push(method);
        self
    }

    /// GET, and HEAD with it: the server leaves out the body.
    fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, handler.clone()).on(Method::HEAD, handler)
    }

    fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, handler)
    }

    fn register(self, config: &mut ServiceConfig) {
        let words: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        let allow = words.join(", ");
        let other = move |method: Method| {
            let allow = allow.clone();
            async move {
                if method == Method::OPTIONS {
                    return Ok(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish());
                }
                Err(Problem::method_not_allowed(&allow))
            }
        };
        let resource = self.resource.default_service(web::to(other));
        if self.is_page {
            config.service(resource.wrap(Compress::default()));
        } else {
            config.service(resource);
        }
    }
}

fn table() -> Vec<At> {
    vec![
        // First what is asked for most: the routes are tried one after the other.
        at("/workflows/{id}/execute").post(start::run_of_workflow),
        at("/workflows/{id}/execute-async").post(start::begin_of_workflow),
        at("/executions/{id}/steps/{step}/progress").post(reports::progress),
        at("/executions/{id}/steps/{step}/complete").post(reports::complete),
        at("/execute").post(start::run),
        at("/execute-async").post(start::begin),
        at("/executions/{id}/status").get(executions::status),
        at("/").get(service::root),
        at("/health").get(service::health),
        at("/ready").get(service::ready),
        at("/openapi.json").get(openapi::document),
        page("/docs", docs::page),
        page("/docs/{file}", docs::file),
        page("/monitor", monitor::page),
        page("/monitor/{file}", monitor::file),
        // What the page names relative to itself, where it was opened as `/monitor/`.
        page("/monitor/monitor/{file}", monitor::file),
        at("/available-steps").get(service::available_steps),
        at("/admin/actors").get(admin::actors),
        at("/admin/actors/{id}").get(admin::actor),
        at("/admin/actors/{id}/restart").post(admin::restart),
        at("/admin/actors/{id}/passivate").post(admin::passivate),
        at("/admin/stats").get(admin::stats),
        at("/admin/ws").get(stream::handlers::watch_actors),
        at("/workflows").get(workflows::list).post(workflows::create),
        at("/workflows/{id}")
            .get(workflows::read)
            .on(Method::PUT, workflows::put)
            .on(Method::PATCH, workflows::patch)
            .on(Method::DELETE, workflows::delete),
        at("/workflows/{id}/steps").get(steps::list).post(steps::create),
        at("/workflows/{id}/executions").get(listing::of_workflow),
        at("/steps/{id}").get(steps::read).on(Method::PATCH, steps::patch).on(Method::DELETE, steps::delete),
        at("/executions").get(listing::all),
        at("/executions/{id}").get(executions::read),
        at("/executions/{id}/steps").get(executions::steps),
        at("/executions/{id}/events").get(executions::events),
        at("/executions/{id}/payloads/{sha256}").get(executions::payload),
        at("/ws").get(stream::handlers::follow_many),
        at("/ws/{id}").get(stream::handlers::follow),
        at("/executions/{id}/next").post(steering::next),
        at("/executions/{id}/continue").post(steering::go_on),
        at("/executions/{id}/properties").get(properties::read).on(Method::PATCH, properties::change),
        at("/executions/{id}/pause").post(steering::pause),
        at("/executions/{id}/resume").post(steering::resume),
        at("/executions/{id}/why").get(executions::why),
        at("/executions/{id}/cancel").post(steering::cancel),
        at("/executions/{id}/retry").post(steering::retry),
        at("/executions/{id}/complete").post(steering::complete),
    ]
}

/// Registers every route, and what answers where none is.
pub(super) fn configure(config: &mut ServiceConfig) {
    for entry in table() {
        entry.register(config);
    }
    let unknown = || async { Err::<HttpResponse, _>(Problem::unknown("There is nothing at this path.")) };
    config.default_service(web::to(unknown));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use serde_json::Value;

    use super::*;
    use crate::http::base_path::BasePath;

    #[test]
    fn the_table_and_the_document_name_the_same_routes() {
        let document = openapi::openapi("").unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys();
            described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let mut routed = BTreeSet::new();
        for entry in table().iter().filter(|entry| !entry.is_page) {
            let methods = entry.methods.iter().filter(|method| **method != Method::HEAD);
            routed.extend(methods.map(|method| format!("{method} {}", entry.path)));
        }
        assert_eq!(described, routed);
    }

    async fn answer(method: Method, path: &str) -> (u16, Option<String>, Value) {
        let app = init_service(App::new().configure(configure).wrap(BasePath::new("/discovery"))).await;
        let response = call_service(&app, TestRequest::with_uri(path).method(method).to_request()).await;
        let status = response.status().as_u16();
        let allow = response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
        (status, allow, read_body_json(response).await)
    }

    #[actix_web::test]
    async fn a_wrong_path_is_404_and_a_wrong_method_405_with_the_right_ones() {
        let (status, _, problem) = answer(Method::GET, "/nothing").await;
        assert_eq!((status, &problem["status"]), (404, &Value::from(404)));
        let (status, allow, problem) = answer(Method::DELETE, "/discovery/workflows/").await;
        assert_eq!((status, allow.as_deref()), (405, Some("GET, HEAD, POST")));
        assert_eq!(problem["title"], "Method Not Allowed");
    }

    #[actix_web::test]
    async fn the_service_says_that_it_runs_with_and_without_the_base_path() {
        for path in ["/health", "/health/", "/discovery/health", "/discovery/health/"] {
            let (status, _, body) = answer(Method::GET, path).await;
            assert_eq!((status, &body["status"]), (200, &Value::from("healthy")), "{path}");
            assert_eq!(body["service"], "discovery-api");
        }
    }
}
