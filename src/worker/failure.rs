//! How a step fails.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::json;

/// The bad end of a step, answered as a problem (RFC 9457) that Discovery reads.
///
/// Any error turns into one by `?`: a 500 of the type `InternalError`, which Discovery retries as the step's `retry`
/// allows. For that it is no `std::error::Error` itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StepFailure {
    status: StatusCode,
    error_type: String,
    detail: String,
    retry_after: Option<Duration>,
}

impl StepFailure {
    /// Fails for good (422): the same call would fail again. `error_type` is a short name without spaces, such as
    /// `MissingField`; `detail` is a plain sentence for people.
    pub fn permanent(error_type: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::with(StatusCode::UNPROCESSABLE_ENTITY, error_type, detail)
    }

    /// Fails for now (503): Discovery tries again as the step's `retry` allows.
    pub fn temporary(error_type: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, error_type, detail)
    }

    /// Fails with this status: 4xx is final (save 408, 425 and 429), 5xx is retried. What is no error status
    /// becomes a 500.
    pub fn new(status: u16, error_type: impl Into<String>, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::with(status, error_type, detail)
    }

    /// Asks Discovery not to try again before `wait` is over (rounded up to whole seconds).
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The HTTP status that it is answered with.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The short name of the error.
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/problem+json");
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.json(json!({
            "type": self.error_type,
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        }))
    }

    fn with(status: StatusCode, error_type: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, error_type: error_type.into(), detail: detail.into(), retry_after: None }
    }
}

impl<E: std::error::Error> From<E> for StepFailure {
    fn from(error: E) -> Self {
        Self::new(500, "InternalError", with_causes(&error))
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_no_error_becomes_a_500() {
        assert_eq!(StepFailure::new(200, "Odd", "odd").status(), 500);
        assert_eq!(StepFailure::new(9999, "Odd", "odd").status(), 500);
        assert_eq!(StepFailure::new(429, "Busy", "busy").status(), 429);
    }

    #[test]
    fn any_error_turns_into_a_retryable_failure() {
        let failure = StepFailure::from(std::io::Error::other("disk gone"));
        assert_eq!((failure.status(), failure.detail()), (500, "disk gone"));
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let failure = StepFailure::temporary("Busy", "busy").retry_after(Duration::from_millis(1_200));
        let response = failure.into_response();
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
    }
}
