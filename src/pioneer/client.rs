//! The HTTP client of one arbiter.

use std::cell::{Cell, OnceCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header::{self, HeaderMap, HttpDate};
use awc::{Client, Connector};
use bytes::Bytes;
use chrono::Utc;
use futures_util::Stream;
use serde_json::Value;

use super::protocol::{Reading, StepCall, WorkerAnswer, read_answer, too_large};
use super::restart::Refusals;
use super::token::TokenKey;
use crate::domain::{Failure, Outcome, Seconds, Timestamp, error_type};
use crate::limits::Limits;
use crate::payload::Payload;

/// A connection from the pool that breaks within this time of the sending was closed by the worker before the request
/// came: the same delivery is sent once more, on a new connection.
const STALE_CONNECTION: Duration = Duration::from_millis(100);

/// No worker is left alone for longer than this, whatever it asks for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

thread_local! {
    /// `awc` clients stay on their thread; each arbiter has one with connections of its own.
    static CLIENT: OnceCell<Client> = const { OnceCell::new() };
}

/// What is the same for all calls.
#[derive(Debug)]
pub struct PioneerClient {
    /// Where steps run; may hold a path.
    base_url: String,
    /// Where Discovery is reached by workers.
    public_url: String,
    tokens: TokenKey,
    limits: Limits,
    refusals: Refusals,
}

/// What a delivery came to.
#[derive(Debug)]
pub enum Delivery {
    /// An outcome, and the long strings in its answer.
    Done(Outcome, Vec<Payload>),
    /// The worker takes no connections, as one that is being restarted: the same is to be delivered again.
    Refused,
}

impl From<Failure> for Delivery {
    fn from(failure: Failure) -> Self {
        Self::Done(Outcome::Failed(failure), Vec::new())
    }
}

/// When the attempt of an open call was heard of last; shared with whoever takes its reports.
#[derive(Clone, Debug)]
pub struct Heartbeat(Rc<Cell<Instant>>);

impl Default for Heartbeat {
    fn default() -> Self {
        Self(Rc::new(Cell::new(Instant::now())))
    }
}

impl Heartbeat {
    /// Notes that it was heard of just now.
    pub fn beat(&self) {
        self.0.set(Instant::now());
    }

    /// When it was heard of last.
    pub fn heard_at(&self) -> Instant {
        self.0.get()
    }

    /// How long it was not heard of.
    pub fn silent_for(&self) -> Duration {
        self.heard_at().elapsed()
    }

    /// Waits until it was not heard of for as long as `timeout`; for ever without one.
    async fn missed(&self, timeout: Option<Seconds>) -> Failure {
        let Some(timeout) = timeout else { return std::future::pending().await };
        loop {
            let rest = timeout.as_duration().saturating_sub(self.0.get().elapsed());
            if rest.is_zero() {
                return Failure::fell_silent(timeout);
            }
            tokio::time::sleep(rest).await;
        }
    }
}

impl PioneerClient {
    /// Calls the Pioneer at `base_url`, which reaches Discovery at `public_url`, with tokens that `tokens` signs.
    pub fn new(base_url: String, public_url: String, tokens: TokenKey, limits: Limits) -> Self {
        Self { base_url, public_url, tokens, limits, refusals: Refusals::default() }
    }

    /// What signs the tokens of attempts.
    pub fn tokens(&self) -> &TokenKey {
        &self.tokens
    }

    /// How it refuses connections.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Delivers `call` with `body` and waits for the answer. Redirects are not followed.
    ///
    /// The step's timeouts run from now on. Dropping the future breaks the call off. Its end counts as a sign of life.
    pub async fn deliver(&self, call: &StepCall, body: Bytes, heartbeat: &Heartbeat) -> Delivery {
        let sent_at = Timestamp::new(Utc::now());
        heartbeat.beat();
        let exchange = tokio::time::timeout(call.timeout.as_duration(), self.exchange(call, body));
        let answered = tokio::select! {
            answered = exchange => Ok(answered),
            failure = heartbeat.missed(call.heartbeat_timeout) => Err(failure),
        };
        heartbeat.beat();
        let answered = match answered {
            Ok(answered) => answered,
            Err(failure) => return failure.into(),
        };
        match answered {
            Ok(Exchanged::Answered(answered)) => {
                let reading = Reading { execution: call.execution, payload_bytes: self.limits.payload_bytes, sent_at };
                let (outcome, payloads) = read_answer(&answered, reading);
                Delivery::Done(outcome, payloads)
            }
            Ok(Exchanged::Refused) if self.refusals.note(Instant::now(), self.limits.worker_restart_grace) => {
                Delivery::Refused
            }
            Ok(Exchanged::Refused) => connection_failed(&"it refuses connections").into(),
            Ok(Exchanged::Broken(failure)) => failure.into(),
            Err(_) => Failure::timed_out(call.timeout).into(),
        }
    }

    async fn exchange(&self, call: &StepCall, body: Bytes) -> Exchanged {
        let client = self.client();
        let sent_at = Instant::now();
        let mut sent = self.send(&client, call, body.clone()).await;
        if is_stale(&sent, sent_at) {
            sent = self.send(&client, call, body).await;
        }
        let mut response = match sent {
            Ok(response) => response,
            Err(error) if is_refused(&error) => return Exchanged::Refused,
            Err(error) => return Exchanged::Broken(connection_failed(&error)),
        };
        self.refusals.forget();
        let bytes_max = self.limits.max_body_bytes;
        match response.body().limit(bytes_max).await {
            Ok(body) if is_cut_off(response.headers(), &body) => {
                Exchanged::Broken(connection_failed(&"its answer was cut off"))
            }
            Ok(body) => {
                let retry_after = retry_after(response.headers(), SystemTime::now());
                Exchanged::Answered(WorkerAnswer { status: response.status(), body, retry_after })
            }
            Err(PayloadError::Overflow) => Exchanged::Broken(too_large(bytes_max)),
            Err(error) => Exchanged::Broken(connection_failed(&error)),
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

/// What came of sending a request.
enum Exchanged {
    Answered(WorkerAnswer),
    Refused,
    Broken(Failure),
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

fn is_refused(error: &SendRequestError) -> bool {
    matches!(error, SendRequestError::Connect(ConnectError::Io(io)) if io.kind() == io::ErrorKind::ConnectionRefused)
}

/// How long the worker asks to be left alone (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let date = SystemTime::from(value.parse::<HttpDate>().ok()?);
    Some(date.duration_since(now).unwrap_or_default().min(RETRY_AFTER_MAX))
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
    /// What it did instead, as the rest of a sentence that begins with its name.
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
        Ok(Err(why)) => AvailableSteps::Unreachable(format!("gave no list of steps: {why}")),
        Err(_) => AvailableSteps::Unreachable(format!("did not answer within {timeout:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_may_ask_to_be_left_alone_in_seconds_or_until_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(value));
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "a date that has passed");
        assert_eq!(asked("99999999999"), Some(24 * 60 * 60), "not for ever");
        assert_eq!(asked("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
