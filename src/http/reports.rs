//! Reports from steps: how far they are, and that they are done.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Edge;
use super::answer::{Answer, ok};
use super::documents::without_long_strings;
use super::extract::{Json, StepOf, StepToken};
use super::problem::Problem;
use super::schema::{
    CompletionReportBody, ProgressReportBody, RecordedCompletionBody, RecordedProgressBody, ReportedWord,
};
use crate::domain::{AttemptId, Command, Completion, ExecutionId, ProgressReport};

/// Fields of reports that name something: what is too long for that is refused, not kept.
const NAMING_FIELDS: [&str; 2] = ["error_type", "next"];

/// What was recorded of a step's progress.
#[derive(Serialize, ToSchema)]
pub(super) struct ProgressRecorded {
    /// Always `success`.
    #[schema(pattern = "^success$")]
    status: &'static str,
    execution_id: Uuid,
    /// As the report named the step.
    step_name: String,
    /// The report.
    #[schema(value_type = RecordedProgressBody)]
    progress_recorded: Value,
    #[schema(value_type = ReportedWord, inline)]
    execution_status: &'static str,
    /// How many subscribers watch the execution.
    watchers: usize,
}

/// What was recorded of a step's end.
#[derive(Serialize, ToSchema)]
pub(super) struct CompletionRecorded {
    /// Always `success`.
    #[schema(pattern = "^success$")]
    status: &'static str,
    execution_id: Uuid,
    /// As the report named the step.
    step_name: String,
    /// The report.
    #[schema(value_type = RecordedCompletionBody)]
    completion_recorded: Value,
}

/// Tells how far a running step is.
#[utoipa::path(
    post, path = "/executions/{id}/steps/{step}/progress", tag = "reports", request_body = ProgressReportBody,
    params(
        ("id" = Uuid, Path),
        ("step" = String, Path, description = "The step's name or handler"),
        ("Discovery-Step-Token" = Option<String>, Header,
            description = "What came with the call: the report then counts only while that attempt is current"),
    ),
    responses(
        (status = 200, description = "It is recorded", body = ProgressRecorded),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 401, description = "The token is not this server's, or another execution's",
            headers(("WWW-Authenticate" = String, description = "What proves a report"))),
        (status = 404, description = "No such execution, or its workflow has no such step"),
        (status = 409, description = "The step is not running, or no longer this attempt"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid report"),
    )
)]
pub(super) async fn progress(edge: Data<Edge>, path: StepOf, token: StepToken, body: Json) -> Answer {
    let attempt = proved(&edge, path.execution, &token)?;
    let (body, payloads) = without_long_strings(&edge, path.execution, body.0, |_| false)?;
    let report = ProgressReport::parse(&body)?;
    let command = Command::ReportProgress { step: path.step.clone(), report, attempt };
    let execution = edge.runtime.ask(path.execution, command, payloads).await?;
    ok(ProgressRecorded {
        status: "success",
        execution_id: path.execution.0,
        step_name: path.step,
        progress_recorded: body,
        execution_status: if execution.pause_requested() { "pausing" } else { "running" },
        watchers: edge.runtime.watchers(path.execution),
    })
}

/// Tells that a running step is done.
#[utoipa::path(
    post, path = "/executions/{id}/steps/{step}/complete", tag = "reports", request_body = CompletionReportBody,
    params(
        ("id" = Uuid, Path),
        ("step" = String, Path, description = "The step's name or handler"),
        ("Discovery-Step-Token" = Option<String>, Header,
            description = "What came with the call: the report then counts only while that attempt is current"),
    ),
    responses(
        (status = 200, description = "It is recorded", body = CompletionRecorded),
        (status = 400, description = "Malformed JSON or UUID"),
        (status = 401, description = "The token is not this server's, or another execution's",
            headers(("WWW-Authenticate" = String, description = "What proves a report"))),
        (status = 404, description = "No such execution, or its workflow has no such step"),
        (status = 409, description = "The step is not running, or no longer this attempt, or has reported another end"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Not a valid report"),
    )
)]
pub(super) async fn complete(edge: Data<Edge>, path: StepOf, token: StepToken, body: Json) -> Answer {
    let attempt = proved(&edge, path.execution, &token)?;
    let stays = stays_in_completion(&body.0);
    let (mut body, payloads) = without_long_strings(&edge, path.execution, body.0, stays)?;
    let completion = Completion::parse(&body)?;
    if let Some(message) = completion.message.as_ref().filter(|_| !completion.success) {
        body["message"] = serde_json::to_value(message)?;
    }
    let command = Command::ReportCompletion { step: path.step.clone(), completion, attempt };
    edge.runtime.ask(path.execution, command, payloads).await?;
    ok(CompletionRecorded {
        status: "success",
        execution_id: path.execution.0,
        step_name: path.step,
        completion_recorded: body,
    })
}

/// The attempt that the token proves; none where there is no token.
fn proved(edge: &Edge, execution: ExecutionId, token: &StepToken) -> Result<Option<AttemptId>, Problem> {
    let proved = token.0.as_deref().map(|token| edge.runtime.prove(execution, token));
    Ok(proved.transpose()?)
}

/// Which fields of a completion are never kept apart: names are refused if they are long, and errors are cut.
fn stays_in_completion(body: &Value) -> impl Fn(&str) -> bool + use<> {
    let is_failure = body.get("success") == Some(&Value::Bool(false));
    move |key| NAMING_FIELDS.contains(&key) || (is_failure && key == "message")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_the_message_of_a_failure_stay_text() {
        let stays = |body: Value, key: &str| stays_in_completion(&body)(key);
        assert!(stays(json!({}), "next") && stays(json!({}), "error_type"));
        assert!(stays(json!({"success": false}), "message"));
        assert!(!stays(json!({"success": true}), "message") && !stays(json!({"success": false}), "data"));
    }
}
