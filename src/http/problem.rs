//! The one shape of every error: `application/problem+json` (RFC 9457).

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::actors::AskError;
use crate::domain::{EditError, ExecutionId, Invalid, Rejection};
use crate::journal::JournalError;
use crate::pioneer::{Forged, STEP_TOKEN};

/// The media type of every error.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// When to come back where nothing better is known.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Why a request was not done, as the client reads it.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    extras: Map<String, Value>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    challenge: Option<&'static str>,
}

/// What is sent; `schema::ProblemBody` describes it.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    extras: &'a Map<String, Value>,
}

impl Problem {
    /// An error with this status; `detail` is a sentence.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), extras: Map::new(), retry_after: None, allow: None, challenge: None }
    }

    /// Something in the request is not what it must look like.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What came as a proof proves nothing; `challenge` says what would.
    pub(super) fn unauthenticated(detail: impl Into<String>, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// What the request names is not there.
    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The state of things forbids it.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Not now; the same may be asked again.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(RETRY_AFTER_DEFAULT)
    }

    /// Discovery's own fault; the cause is for the operator alone.
    pub(super) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Discovery failed to do this; its log says why.")
    }

    /// The path takes other methods than this one.
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("This path does not take this method; it takes {allow}.");
        Self { allow: Some(allow.to_owned()), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    /// The status alone.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, as a sentence.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// With one more field.
    pub(super) fn with(mut self, key: &str, value: impl Serialize) -> Self {
        // What does not serialise does not help.
        self.extras.insert(key.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// With the time after which to come back.
    pub(super) fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if let Some(challenge) = self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.content_type(PROBLEM_JSON).json(Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            extras: &self.extras,
        })
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The body is not valid: {invalid}"))
            .with("errors", invalid.errors)
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Invalid(invalid) => invalid.into(),
            EditError::Conflict(detail) => Self::conflict(detail),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            Rejection::Ended(_)
            | Rejection::Paused
            | Rejection::StepNotRunning(_)
            | Rejection::AlreadyCompleted(_)
            | Rejection::StepStillRunning(_)
            | Rejection::NothingToRetry(_)
            | Rejection::StaleAttempt => Self::conflict(detail),
            Rejection::UnknownStep { known, .. } => Self::unknown(detail).with("known_steps", known),
            Rejection::NotManual => Self::malformed(detail),
            Rejection::NoSteps => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unknown => Self::unknown("There is no execution with this id."),
            AskError::Rejected(rejection) => rejection.into(),
            AskError::Overloaded { retry_after, detail } => Self::unavailable(detail).retry_after(retry_after),
            AskError::WorkflowChanged => Self::workflow_keeps_changing(),
            AskError::AlreadyStarted(first) => Self::already_started(first),
            AskError::Unavailable(cause) => Self::journal_unavailable(&cause),
            AskError::Unreadable(cause) => Self::internal(&cause),
        }
    }
}

impl From<Forged> for Problem {
    fn from(_: Forged) -> Self {
        let detail = format!("The `{STEP_TOKEN}` was not signed by this server for this execution.");
        Self::unauthenticated(detail, STEP_TOKEN)
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::WorkflowChanged => Self::workflow_keeps_changing(),
            JournalError::AlreadyStarted(first) => Self::already_started(first),
            JournalError::Conflict | JournalError::Unavailable(_) => Self::journal_unavailable(&error),
            JournalError::Database(_) | JournalError::Damaged(_) => Self::internal(&error),
        }
    }
}

impl Problem {
    /// The workflow was changed again each time that it was read.
    pub(super) fn workflow_keeps_changing() -> Self {
        Self::unavailable("The workflow is being changed by others at the same time; try again.")
    }

    /// The key was used in the very moment in which nothing was found of it.
    fn already_started(first: ExecutionId) -> Self {
        Self::conflict(format!("This `Idempotency-Key` has started execution {first}."))
    }

    fn journal_unavailable(cause: &dyn fmt::Display) -> Self {
        tracing::warn!(%cause, "a request could not reach the journal");
        Self::unavailable("The database does not answer in time; try again.")
    }
}

impl From<serde_json::Error> for Problem {
    /// What Discovery itself made always serialises.
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

/// The body of an error, for tests.
#[cfg(test)]
pub(super) async fn body_of(problem: &Problem) -> Value {
    let body = actix_web::body::to_bytes(problem.error_response().into_body()).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[actix_web::test]
    async fn a_validation_names_the_fields_and_keeps_a_plain_sentence() {
        let mut invalid = Invalid::one("/name", "is required");
        invalid.errors.push(crate::domain::FieldError::new("", "must be an object"));
        let problem = Problem::from(invalid);
        assert_eq!(problem.error_response().headers().get("content-type").unwrap(), PROBLEM_JSON);
        let expected = json!({
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
            "detail": "The body is not valid: /name is required; the body must be an object.",
            "errors": [{"pointer": "/name", "detail": "is required"}, {"pointer": "", "detail": "must be an object"}],
        });
        assert_eq!(body_of(&problem).await, expected);
    }

    #[test]
    fn overload_says_when_to_come_back_in_whole_seconds() {
        for (after, header) in [(Duration::from_millis(1), "1"), (Duration::from_millis(1_500), "2")] {
            let error = AskError::Overloaded { retry_after: after, detail: "Too much.".to_owned() };
            let response = Problem::from(error).error_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers().get("retry-after").unwrap(), header);
        }
    }

    #[actix_web::test]
    async fn a_failure_of_the_server_hides_its_cause() {
        let problem = Problem::from(JournalError::Database("secret".to_owned()));
        let body = body_of(&problem).await;
        assert_eq!(body["status"], 500);
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn each_rejection_has_its_status() {
        let unknown = Rejection::UnknownStep { step: "x".to_owned(), known: vec!["a".to_owned()] };
        let rejections =
            [(Rejection::Paused, 409), (Rejection::NotManual, 400), (Rejection::NoSteps, 422), (unknown, 404)];
        for (rejection, status) in rejections {
            assert_eq!(Problem::from(rejection).status_code().as_u16(), status);
        }
    }
}
