//! The way of reports to Discovery.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::rt::time::sleep;
use awc::Client;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::limits::{
    ACCEPTED_COMPLETION_TRIES_MAX, REPORT_ANSWER_BYTES_MAX, REPORT_RETRY_MS_FIRST, REPORT_RETRY_MS_MAX,
    REPORT_TRIES_MAX,
};
use super::reporter::{Queue, Report};

const TOKEN_HEADER: &str = "Discovery-Step-Token";

/// What a path segment may hold as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the reports of one call go.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// `/progress` and `/complete` follow it.
    url: String,
    token: Option<String>,
}

impl Target {
    /// Finds where reports go: to the URL that the call names, or else to the configured Discovery; nowhere where
    /// neither is known.
    pub(super) fn of(
        headers: &HeaderMap,
        execution_id: Option<&str>,
        step: &str,
        discovery_url: Option<&str>,
    ) -> Option<Self> {
        let token = header(headers, TOKEN_HEADER);
        if let Some(url) = header(headers, "Discovery-Callback-Url") {
            let url = url.trim_end_matches('/').to_owned();
            return Some(Self { url, token });
        }
        let base = discovery_url?.trim_end_matches('/');
        let execution = utf8_percent_encode(execution_id?, SEGMENT);
        let step = utf8_percent_encode(step, SEGMENT);
        let url = format!("{base}/executions/{execution}/steps/{step}");
        Some(Self { url, token })
    }

    /// Sends what is reported until the queue is closed and empty. Errors are logged and end here.
    pub(super) async fn deliver(self, client: Client, queue: Arc<Queue>) {
        while let Some(report) = queue.take().await {
            match &report {
                Report::Progress(progress) => {
                    let url = format!("{}/progress", self.url);
                    let superseded = || queue.has_progress();
                    self.send(&client, &url, progress, REPORT_TRIES_MAX, superseded).await;
                }
                Report::Completion(completion) => {
                    let url = format!("{}/complete", self.url);
                    let tries_max = match queue.is_accepted() {
                        true => ACCEPTED_COMPLETION_TRIES_MAX,
                        false => REPORT_TRIES_MAX,
                    };
                    self.send(&client, &url, completion, tries_max, || false).await;
                }
            }
        }
    }

    /// Sends one report, again after errors that may pass, unless it is superseded meanwhile.
    async fn send(
        &self,
        client: &Client,
        url: &str,
        report: &impl serde::Serialize,
        tries_max: u32,
        superseded: impl Fn() -> bool,
    ) {
        let mut wait_ms = REPORT_RETRY_MS_FIRST;
        for attempt in 1..=tries_max {
            match self.post(client, url, report).await {
                Sent::Taken => return,
                Sent::Refused(reason) => {
                    tracing::warn!(url, %reason, "report refused");
                    return;
                }
                Sent::Lost(reason) if attempt == tries_max => {
                    tracing::warn!(url, %reason, attempt, "report given up");
                }
                Sent::Lost(reason) => {
                    tracing::debug!(url, %reason, attempt, "report to be sent again");
                    sleep(Duration::from_millis(wait_ms)).await;
                    if superseded() {
                        return;
                    }
                    wait_ms = (wait_ms * 2).min(REPORT_RETRY_MS_MAX);
                }
            }
        }
    }

    async fn post(&self, client: &Client, url: &str, report: &impl serde::Serialize) -> Sent {
        let mut request = client.post(url);
        if let Some(token) = &self.token {
            request = request.insert_header((TOKEN_HEADER, token.as_str()));
        }
        let mut response = match request.send_json(report).await {
            Ok(response) => response,
            Err(error @ awc::error::SendRequestError::Url(_)) => {
                return Sent::Refused(error.to_string());
            }
            Err(error) => return Sent::Lost(error.to_string()),
        };
        let status = response.status();
        // A connection whose answer was left unread could not be used again; what it says does not matter.
        let _ = response.body().limit(REPORT_ANSWER_BYTES_MAX).await;
        match status.as_u16() {
            200..=299 => Sent::Taken,
            408 | 425 | 429 | 500..=599 => Sent::Lost(status.to_string()),
            _ => Sent::Refused(status.to_string()),
        }
    }
}

/// What became of one try.
enum Sent {
    Taken,
    /// Sending it again would not help.
    Refused(String),
    /// It may go through next time.
    Lost(String),
}

/// Reads a header as text; one that is no UTF-8 counts as absent.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    std::str::from_utf8(value).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn reports_go_to_the_url_that_the_call_names() {
        let headers = headers(&[
            ("Discovery-Callback-Url", "http://d/discovery/executions/1/steps/ocr/"),
            ("Discovery-Step-Token", "secret"),
        ]);
        let target = Target::of(&headers, Some("e 1"), "ocr", Some("http://other")).unwrap();
        assert_eq!(target.url, "http://d/discovery/executions/1/steps/ocr");
        assert_eq!(target.token.as_deref(), Some("secret"));
    }

    #[test]
    fn without_it_they_go_to_the_configured_discovery() {
        let target = Target::of(&HeaderMap::new(), Some("e 1"), "año/ñ", Some("http://d/base/")).unwrap();
        assert_eq!(target.url, "http://d/base/executions/e%201/steps/a%C3%B1o%2F%C3%B1");
    }

    #[test]
    fn where_neither_is_known_they_go_nowhere() {
        assert_eq!(Target::of(&HeaderMap::new(), Some("e 1"), "ocr", None), None);
        assert_eq!(Target::of(&HeaderMap::new(), None, "ocr", Some("http://d")), None);
    }
}
