//! The description of the API, OpenAPI 3.1: what the handlers say, completed.

mod complete;
mod examples;

use std::sync::LazyLock;

use actix_web::web::Data;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::Edge;
use super::answer::{Answer, ok};
use super::problem::Problem;
use super::schema::ProblemBody;
use super::{
    admin, executions, listing, metrics, properties, reports, service, start, steering, steps, stream, workflows,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Discovery", description = "A workflow orchestrator that people can watch."),
    paths(
        service::root, service::health, service::ready, service::available_steps, metrics::metrics, document,
        workflows::list, workflows::create, workflows::read, workflows::put, workflows::patch, workflows::delete,
        steps::list, steps::create, steps::read, steps::patch, steps::delete,
        start::run, start::begin, start::run_of_workflow, start::begin_of_workflow,
        listing::all, listing::of_workflow,
        executions::read, executions::status, executions::why, executions::steps, executions::events, executions::payload,
        steering::next, steering::go_on, steering::pause, steering::resume, steering::cancel,
        steering::retry, steering::complete,
        stream::handlers::follow, stream::handlers::follow_many, stream::handlers::watch_actors,
        admin::actors, admin::actor, admin::restart, admin::passivate, admin::stats,
        properties::read, properties::change,
        reports::progress, reports::complete,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "workflows", description = "Definitions"),
        (name = "steps", description = "Steps of definitions"),
        (name = "start", description = "Starting executions"),
        (name = "executions", description = "Watching and moving executions"),
        (name = "reports", description = "What running steps report"),
        (name = "properties", description = "What clients attach to executions"),
        (name = "admin", description = "Live actors, for operators; closed to pages of other sites"),
        (name = "service", description = "The service itself"),
    )
)]
struct Api;

/// The description, but for the place of the server.
static DOCUMENT: LazyLock<Result<Value, String>> = LazyLock::new(|| {
    let mut document = serde_json::to_value(Api::openapi()).map_err(|error| error.to_string())?;
    complete::complete(&mut document);
    examples::add(&mut document)?;
    Ok(document)
});

/// The description of a server whose routes are below `base_path` too.
pub(super) fn openapi(base_path: &str) -> Result<Value, Problem> {
    let mut document = DOCUMENT.clone().map_err(|error| Problem::internal(&error))?;
    document["servers"] = json!([{"url": if base_path.is_empty() { "/" } else { base_path }}]);
    Ok(document)
}

/// Describes the API, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "The description", body = Object))
)]
pub(super) async fn document(edge: Data<Edge>) -> Answer {
    ok(openapi(&edge.config.base_path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::PROBLEM_JSON;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = openapi("/discovery").unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_error_is_a_problem() {
        let document = openapi("/discovery").unwrap();
        let responses = &document["paths"]["/workflows/{id}"]["get"]["responses"];
        for status in ["400", "404", "503"] {
            let schema = &responses[status]["content"][PROBLEM_JSON]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = openapi("/discovery").unwrap();
        let items = document["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let mut names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    /// Every request body and answer of the document with a place to find it by.
    fn bodies(document: &Value) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        let operations = complete::operations_mut(&mut document.clone())
            .map(|(path, method, operation)| (format!("{method} {path}"), Value::Object(operation.clone())))
            .collect::<Vec<_>>();
        for (place, operation) in operations {
            let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
            found.extend(content.map(|(media, body)| (format!("{place} {media}"), body.clone())));
            for (status, response) in operation["responses"].as_object().unwrap() {
                let content = response["content"].as_object().into_iter().flatten();
                found.extend(content.map(|(media, body)| (format!("{place} {status} {media}"), body.clone())));
            }
        }
        found
    }

    #[test]
    fn every_body_has_an_example_that_is_valid() {
        let document = openapi("").unwrap();
        for (place, body) in bodies(&document) {
            if place.starts_with("get /openapi.json") {
                continue;
            }
            let example = body.get("example").unwrap_or_else(|| panic!("{place}: no example"));
            let mut schema = body["schema"].clone();
            schema["components"] = document["components"].clone();
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new(), "{place}");
        }
    }

    #[test]
    fn what_may_be_malformed_too_long_or_busy_says_so() {
        let mut document = openapi("").unwrap();
        for (path, method, operation) in complete::operations_mut(&mut document) {
            let mut expected = Vec::new();
            if operation.contains_key("parameters") {
                expected.push("400");
            }
            if operation.contains_key("requestBody") {
                expected.extend(["400", "413", "415", "422"]);
            }
            if operation["tags"][0] != "service" {
                expected.extend(["500", "503"]);
                let header = &operation["responses"]["503"]["headers"]["Retry-After"];
                assert!(header.is_object(), "{method} {path}");
            }
            for status in expected {
                assert!(operation["responses"].get(status).is_some(), "{method} {path}: {status}");
            }
        }
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| collect(value, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
