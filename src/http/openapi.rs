//! The description of the API, OpenAPI 3.1.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, Ref, RefOr, Response};
use utoipa::{Modify, OpenApi};

use super::answer::Answer;
use super::problem::{PROBLEM_JSON, ProblemBody};
use super::{executions, listing, properties, reports, service, start, steering, steps, workflows};

#[derive(OpenApi)]
#[openapi(
    info(title = "Discovery", description = "A workflow orchestrator that people can watch."),
    paths(
        service::root, service::health, service::ready, service::available_steps, document,
        workflows::list, workflows::create, workflows::read, workflows::put, workflows::patch, workflows::delete,
        steps::list, steps::create, steps::read, steps::patch, steps::delete,
        start::run, start::begin, start::run_of_workflow, start::begin_of_workflow,
        listing::all, listing::of_workflow,
        executions::read, executions::status, executions::steps, executions::events, executions::payload,
        steering::next, steering::go_on, steering::pause, steering::resume,
        properties::read, properties::change,
        reports::progress, reports::complete,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Problems),
    tags(
        (name = "workflows", description = "Definitions"),
        (name = "steps", description = "Steps of definitions"),
        (name = "start", description = "Starting executions"),
        (name = "executions", description = "Watching and moving executions"),
        (name = "reports", description = "What running steps report"),
        (name = "properties", description = "What clients attach to executions"),
        (name = "service", description = "The service itself"),
    )
)]
struct Api;

/// Gives every operation its name, every error its body, and whatever asks the database the error of a busy one.
struct Problems;

impl Modify for Problems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for item in openapi.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                name_after_its_tag(operation);
                describe_errors(operation);
            }
        }
    }
}

/// Handlers of different nouns share names; what clients generate from the document must not.
fn name_after_its_tag(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(name)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{name}"));
    }
}

fn describe_errors(operation: &mut Operation) {
    let is_of_service = operation.tags.iter().flatten().any(|tag| tag == "service");
    if !is_of_service {
        let busy = Response::new("Overloaded, or the database does not answer; `Retry-After` says when to come back");
        operation.responses.responses.entry("503".to_owned()).or_insert(RefOr::T(busy));
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if (status.starts_with('4') || status.starts_with('5')) && response.content.is_empty() {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(content));
        }
    }
}

/// The document.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// The document's text: the same for every request.
static TEXT: LazyLock<Result<String, String>> =
    LazyLock::new(|| openapi().to_json().map_err(|error| error.to_string()));

/// Describes the API, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "The description", body = Object))
)]
pub(super) async fn document() -> Answer {
    match &*TEXT {
        Ok(text) => Ok(HttpResponse::Ok().content_type("application/json").body(text.as_str())),
        Err(error) => Err(super::problem::Problem::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
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
        let document = serde_json::to_value(openapi()).unwrap();
        let responses = &document["paths"]["/workflows/{id}"]["get"]["responses"];
        for status in ["400", "404", "503"] {
            let schema = &responses[status]["content"][PROBLEM_JSON]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = serde_json::to_value(openapi()).unwrap();
        let items = document["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let mut names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
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
