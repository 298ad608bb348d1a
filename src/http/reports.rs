//! Reports from steps: how far they are, and that they are done.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{Answer, ok};
use super::extract::{Json, StepOf};
use super::problem::Problem;
use super::schema::{CompletionReportBody, ProgressReportBody};
use super::{Edge, documents};
use crate::domain::{Command, Completion, ExecutionId, ProgressReport};
use crate::payload::{Payload, refuse_references};

/// Fields of reports that are plain text, and stand in events as they are.
const TEXT_FIELDS: [&str; 4] = ["message", "current_task", "error_type", "next"];

/// What was recorded of a step's progress.
#[derive(Serialize, ToSchema)]
pub(super) struct ProgressRecorded {
    /// Always `success`.
    status: &'static str,
    execution_id: Uuid,
    /// As the report named the step.
    step_name: String,
    /// The report.
    #[schema(value_type = ProgressReportBody)]
    progress_recorded: Value,
    /// `running`, or `pausing` once a pause was asked for.
    execution_status: &'static str,
    /// How many subscribers watch the execution.
    watchers: usize,
}

/// What was recorded of a step's end.
#[derive(Serialize, ToSchema)]
pub(super) struct CompletionRecorded {
    /// Always `success`.
    status: &'static str,
    execution_id: Uuid,
    /// As the report named the step.
    step_name: String,
    /// The report.
    #[schema(value_type = CompletionReportBody)]
    completion_recorded: Value,
}

/// Tells how far a running step is.
#[utoipa::path(
    post, path = "/executions/{id}/steps/{step}/progress", tag = "reports", request_body = ProgressReportBody,
    params(
        ("id" = Uuid, Path),
        ("step" = String, Path, description = "The step's name or handler"),
    ),
    responses(
        (status = 200, description = "It is recorded", body = ProgressRecorded),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution, or its workflow has no such step"),
        (status = 409, description = "The step is not running"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid report"),
    )
)]
pub(super) async fn progress(edge: Data<Edge>, path: StepOf, body: Json) -> Answer {
    let (body, payloads) = without_long_strings(&edge, path.execution, body.0)?;
    let report = ProgressReport::parse(&body)?;
    let command = Command::ReportProgress { step: path.step.clone(), report };
    edge.runtime.ask(path.execution, command, payloads).await?;
    ok(ProgressRecorded {
        status: "success",
        execution_id: path.execution.0,
        step_name: path.step,
        progress_recorded: body,
        execution_status: "running",
        watchers: edge.runtime.watchers(path.execution),
    })
}

/// Tells that a running step is done.
#[utoipa::path(
    post, path = "/executions/{id}/steps/{step}/complete", tag = "reports", request_body = CompletionReportBody,
    params(
        ("id" = Uuid, Path),
        ("step" = String, Path, description = "The step's name or handler"),
    ),
    responses(
        (status = 200, description = "It is recorded", body = CompletionRecorded),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 404, description = "No such execution, or its workflow has no such step"),
        (status = 409, description = "The step is not running, or has reported another completion"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid report"),
    )
)]
pub(super) async fn complete(edge: Data<Edge>, path: StepOf, body: Json) -> Answer {
    let (body, payloads) = without_long_strings(&edge, path.execution, body.0)?;
    let completion = Completion::parse(&body)?;
    let command = Command::ReportCompletion { step: path.step.clone(), completion };
    edge.runtime.ask(path.execution, command, payloads).await?;
    ok(CompletionRecorded {
        status: "success",
        execution_id: path.execution.0,
        step_name: path.step,
        completion_recorded: body,
    })
}

fn without_long_strings(
    edge: &Edge,
    execution: ExecutionId,
    mut body: Value,
) -> Result<(Value, Vec<Payload>), Problem> {
    refuse_references(&body)?;
    let payloads = take_out(execution, &mut body, edge.config.limits.payload_bytes);
    Ok((body, payloads))
}

/// Takes long strings out of the fields that may hold any JSON.
fn take_out(execution: ExecutionId, body: &mut Value, longest: usize) -> Vec<Payload> {
    let Value::Object(fields) = body else { return Vec::new() };
    let any_json = fields.iter_mut().filter(|(key, _)| !TEXT_FIELDS.contains(&key.as_str()));
    documents::take_out(execution, any_json.map(|(_, value)| value), longest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_message_stays_text_while_documents_are_taken_out() {
        let long = "x".repeat(20);
        let mut body = json!({"message": long, "data": {"a": long, "b": [long]}, "other": long});
        let payloads = take_out(ExecutionId(Uuid::nil()), &mut body, 10);
        assert_eq!(payloads.len(), 1, "the same string is kept once");
        assert_eq!(body["message"], json!(long));
        assert!(body["other"]["$payload"].is_object() && body["data"]["b"][0]["$payload"].is_object());
        assert!(Completion::parse(&body).is_ok());
    }
}
