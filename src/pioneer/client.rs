//! The HTTP client of one arbiter.

use std::cell::OnceCell;
use std::pin::Pin;
use std::time::{Duration, Instant};

use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header::HeaderMap;
use awc::http::{StatusCode, header};
use awc::{Client, Connector};
use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;

use super::protocol::{Reading, StepCall, read_answer, too_large};
use super::token::TokenKey;
use crate::domain::{Failure, Outcome, error_type};
use crate::limits::Limits;
use crate::payload::Payload;

/// A connection from the pool that breaks within this time of the sending was closed by the worker before the request
/// came: the same delivery is sent once more, on a new connection.
const STALE_CONNECTION: Duration = Duration::from_millis(100);

thread_local! {
    /// `awc` clients stay on their thread; each arbiter has one with connections of its own.
    static CLIENT: OnceCell<Client> = const { OnceCell::new() };
}

/// What is the same for all calls.
#[derive(Clone, Debug)]
pub struct PioneerClient {
    /// Where steps run; may hold a path.
    pub base_url: String,
    /// Where Discovery is reached by workers.
    pub public_url: String,
    /// What signs the tokens of attempts.
    pub tokens: TokenKey,
    /// Bounds and intervals.
    pub limits: Limits,
}

/// What a delivery came to, and the long strings in its answer.
pub type Delivery = (Outcome, Vec<Payload>);

impl PioneerClient {
    /// Delivers `call` with `body` and waits for the answer. Redirects are not followed.
    pub async fn deliver(&self, call: &StepCall, body: Bytes) -> Delivery {
        let exchange = self.exchange(call, body);
        match tokio::time::timeout(call.timeout, exchange).await {
            Ok(Ok((status, body))) => {
                let reading = Reading { execution: call.execution, payload_bytes: self.limits.payload_bytes };
                read_answer(status, &body, reading)
            }
            Ok(Err(failure)) => (Outcome::Failed(failure), Vec::new()),
            Err(_) => {
                let message = format!("Pioneer did not answer within {} s.", call.timeout.as_secs_f64());
                (Outcome::Failed(Failure::retryable(error_type::TIMEOUT, message)), Vec::new())
            }
        }
    }

    async fn exchange(&self, call: &StepCall, body: Bytes) -> Result<(StatusCode, Bytes), Failure> {
        let client = self.client();
        let sent_at = Instant::now();
        let mut sent = self.send(&client, call, body.clone()).await;
        if is_stale(&sent, sent_at) {
            sent = self.send(&client, call, body).await;
        }
        let mut response = sent.map_err(|error| connection_failed(&error))?;
        let bytes_max = self.limits.max_body_bytes;
        match response.body().limit(bytes_max).await {
            Ok(body) if is_cut_off(response.headers(), &body) => Err(connection_failed(&"its answer was cut off")),
            Ok(body) => Ok((response.status(), body)),
            Err(PayloadError::Overflow) => Err(too_large(bytes_max)),
            Err(error) => Err(connection_failed(&error)),
        }
    }

    async fn send(&self, client: &Client, call: &StepCall, body: Bytes) -> Result<Answered, SendRequestError> {
        let mut request =
            client.post(call.url(&self.base_url)).insert_header((header::CONTENT_TYPE, "application/json"));
        for header in call.headers(&self.public_url, &self.tokens) {
            request = request.insert_header(header);
        }
        request.send_body(body).await
    }

    fn client(&self) -> Client {
        CLIENT.with(|client| client.get_or_init(|| build(&self.limits)).clone())
    }
}

type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;
type Answered = awc::ClientResponse<BodyStream>;

fn build(limits: &Limits) -> Client {
    // How many calls are open is bounded before they come here: waiting for a connection would count against the
    // call's own time.
    let connector = Connector::new()
        .limit(limits.calls_max)
        .timeout(limits.connect_timeout)
        .conn_keep_alive(limits.worker_keep_alive)
        .max_http_version(awc::http::Version::HTTP_11);
    Client::builder().connector(connector).disable_redirects().disable_timeout().finish()
}

fn is_stale<T>(sent: &Result<T, SendRequestError>, sent_at: Instant) -> bool {
    matches!(sent, Err(SendRequestError::Connect(ConnectError::Disconnected))) && sent_at.elapsed() < STALE_CONNECTION
}

/// Whether less came than was announced: the client takes the end of a connection for the end of a body.
fn is_cut_off(headers: &HeaderMap, body: &[u8]) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    announced.is_some_and(|announced| body.len() < announced)
}

fn connection_failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::retryable(error_type::CONNECTION_FAILED, format!("The call to Pioneer broke: {error}."))
}

/// What Pioneer's list of steps came to.
#[derive(Debug)]
pub enum AvailableSteps {
    /// What it answered.
    Answered(Value),
    /// Why there is none, as a sentence.
    Unreachable(String),
}

/// Asks the Pioneer at `base_url` (which may hold a path) for its steps.
pub async fn available_steps(base_url: &str, timeout: Duration, body_bytes_max: usize) -> AvailableSteps {
    let url = format!("{}/steps", base_url.trim_end_matches('/'));
    let client = Client::builder().disable_redirects().timeout(timeout).finish();
    let asked = async {
        let mut response = client.get(&url).send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("it answered HTTP {}", response.status()));
        }
        let body = response.body().limit(body_bytes_max).await.map_err(|error| error.to_string())?;
        serde_json::from_slice(&body).map_err(|error| format!("its answer is no JSON: {error}"))
    };
    match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(steps)) => AvailableSteps::Answered(steps),
        Ok(Err(why)) => AvailableSteps::Unreachable(format!("Pioneer at {url} gave no list of steps: {why}.")),
        Err(_) => AvailableSteps::Unreachable(format!("Pioneer at {url} did not answer within {timeout:?}.")),
    }
}
