//! Whether and when a failed attempt is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{self, Fields};
use super::invalid::Invalid;
use super::outcome::Failure;
use super::time::Seconds;

/// The most attempts that a policy may allow.
const ATTEMPTS_MAX: u32 = 1_000_000;
/// The most entries of `non_retryable_errors`.
const NON_RETRYABLE_ERRORS_MAX: usize = 100;
/// The largest backoff coefficient.
const BACKOFF_COEFFICIENT_MAX: f64 = 1_000.0;

/// What becomes of an execution whose step has no attempts left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// The execution fails.
    #[default]
    Fail,
    /// The execution is left paused, to be resumed with fresh attempts.
    Pause,
}

/// How often a step is tried, and how long Discovery waits in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The wait after the first failure.
    pub initial_interval_seconds: Seconds,
    /// What each further wait is multiplied by, at least 1.
    pub backoff_coefficient: f64,
    /// No wait is longer than this.
    pub max_interval_seconds: Seconds,
    /// Whether each wait is drawn from 50 to 100 % of it.
    pub jitter: bool,
    /// Error types, or status codes as strings, after which there is no further attempt.
    pub non_retryable_errors: Vec<String>,
    /// What follows the last attempt.
    pub on_exhausted: OnExhausted,
}

/// What a policy says about a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RetryVerdict {
    /// Try again once this time has passed.
    Again(Duration),
    /// The failure is retryable, but no attempt is left.
    Exhausted,
    /// No attempt could change it.
    Final,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            initial_interval_seconds: Self::seconds(1.0),
            backoff_coefficient: 2.0,
            max_interval_seconds: Self::seconds(60.0),
            jitter: true,
            non_retryable_errors: Vec::new(),
            on_exhausted: OnExhausted::Fail,
        }
    }
}

impl RetryPolicy {
    #[allow(clippy::expect_used, reason = "called with constants that are in range")]
    fn seconds(seconds: f64) -> Seconds {
        Seconds::new(seconds).expect("a constant in range")
    }

    /// What follows when attempt number `attempts` of the present budget failed.
    ///
    /// `draw` is a random number from 0 to 1 that the jitter uses. A `Retry-After` of the worker is the least wait.
    pub fn verdict(&self, attempts: u32, failure: &Failure, draw: f64) -> RetryVerdict {
        if !failure.retryable || self.names(failure) {
            return RetryVerdict::Final;
        }
        if attempts >= self.max_attempts {
            return RetryVerdict::Exhausted;
        }
        let wait = self.delay(attempts, draw);
        RetryVerdict::Again(failure.retry_after.map_or(wait, |least| wait.max(least)))
    }

    /// The wait after failure number `failures` (from 1), jitter by `draw` (0 to 1) included.
    pub fn delay(&self, failures: u32, draw: f64) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.initial_interval_seconds.as_f64() * self.backoff_coefficient.powi(exponent);
        // `min` also takes the infinity that a large exponent gives.
        let wait = grown.min(self.max_interval_seconds.as_f64());
        let share = if self.jitter { 0.5 + draw.clamp(0.0, 1.0) / 2.0 } else { 1.0 };
        Duration::from_secs_f64(wait * share)
    }

    fn names(&self, failure: &Failure) -> bool {
        let status = failure.error.status.map(|status| status.to_string());
        self.non_retryable_errors.iter().any(|named| *named == failure.error.kind || status.as_ref() == Some(named))
    }

    /// Reads the `retry` field of a step.
    pub(super) fn parse(pointer: &str, value: &Value) -> Result<Self, Invalid> {
        let default = Self::default();
        let mut fields = Fields::open(pointer, value)?;
        let max_attempts = fields.optional("max_attempts", |v| fields::integer(v, 1, ATTEMPTS_MAX));
        let initial = fields.optional("initial_interval_seconds", |v| Seconds::new(fields::number(v)?));
        let coefficient = fields.optional("backoff_coefficient", parse_coefficient);
        let max = fields.optional("max_interval_seconds", |v| Seconds::new(fields::number(v)?));
        let jitter = fields.optional("jitter", fields::boolean);
        let non_retryable_errors = fields.optional("non_retryable_errors", parse_error_names);
        let on_exhausted = fields.optional("on_exhausted", parse_on_exhausted);
        fields.refuse_unknown();
        let initial = initial.unwrap_or(default.initial_interval_seconds);
        if max.is_some_and(|max| max < initial) {
            fields.wrong("max_interval_seconds", "must not be less than initial_interval_seconds");
        }
        fields.finish()?;
        let at_least_initial = |max: Seconds| if max < initial { initial } else { max };
        Ok(Self {
            max_attempts: max_attempts.unwrap_or(default.max_attempts),
            initial_interval_seconds: initial,
            backoff_coefficient: coefficient.unwrap_or(default.backoff_coefficient),
            max_interval_seconds: max.unwrap_or(at_least_initial(default.max_interval_seconds)),
            jitter: jitter.unwrap_or(default.jitter),
            non_retryable_errors: non_retryable_errors.unwrap_or_default(),
            on_exhausted: on_exhausted.unwrap_or_default(),
        })
    }
}

fn parse_coefficient(value: &Value) -> Result<f64, String> {
    let coefficient = fields::number(value)?;
    if (1.0..=BACKOFF_COEFFICIENT_MAX).contains(&coefficient) {
        Ok(coefficient)
    } else {
        Err(format!("must be a number from 1 to {BACKOFF_COEFFICIENT_MAX}"))
    }
}

fn parse_error_names(value: &Value) -> Result<Vec<String>, String> {
    let names = value.as_array().ok_or("must be a list of strings")?;
    if names.len() > NON_RETRYABLE_ERRORS_MAX {
        return Err(format!("must have at most {NON_RETRYABLE_ERRORS_MAX} entries"));
    }
    names
        .iter()
        .map(|name| fields::string(name).map(str::to_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| "must be a list of strings".to_owned())
}

fn parse_on_exhausted(value: &Value) -> Result<OnExhausted, String> {
    match value.as_str() {
        Some("fail") => Ok(OnExhausted::Fail),
        Some("pause") => Ok(OnExhausted::Pause),
        _ => Err("must be `fail` or `pause`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::error_type;
    use super::*;

    fn policy(max_attempts: u32) -> RetryPolicy {
        RetryPolicy { max_attempts, ..RetryPolicy::default() }
    }

    fn failure(status: u16) -> Failure {
        Failure::retryable(error_type::HTTP_STATUS, "busy").with_status(status)
    }

    #[test]
    fn waits_double_up_to_the_longest_one() {
        let policy = RetryPolicy { jitter: false, ..policy(20) };
        let waits: Vec<u64> = (1..=8).map(|n| policy.delay(n, 0.3).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(policy.delay(u32::MAX, 0.3).as_secs(), 60);
    }

    #[test]
    fn jitter_draws_from_half_of_the_wait_to_all_of_it() {
        let policy = policy(20);
        assert_eq!(policy.delay(3, 0.0), Duration::from_secs(2));
        assert_eq!(policy.delay(3, 0.5), Duration::from_secs(3));
        assert_eq!(policy.delay(3, 1.0), Duration::from_secs(4));
    }

    #[test]
    fn the_last_attempt_exhausts_the_policy() {
        assert!(matches!(policy(3).verdict(2, &failure(503), 0.0), RetryVerdict::Again(_)));
        assert_eq!(policy(3).verdict(3, &failure(503), 0.0), RetryVerdict::Exhausted);
        assert_eq!(policy(1).verdict(1, &failure(503), 0.0), RetryVerdict::Exhausted);
    }

    #[test]
    fn a_named_error_is_final_by_type_or_by_status() {
        for named in ["HttpStatus", "503"] {
            let policy = RetryPolicy { non_retryable_errors: vec![named.to_owned()], ..policy(3) };
            assert_eq!(policy.verdict(1, &failure(503), 0.0), RetryVerdict::Final);
        }
        assert_eq!(policy(3).verdict(1, &Failure::fatal("StepFailed", "no"), 0.0), RetryVerdict::Final);
    }

    #[test]
    fn a_worker_that_says_when_is_not_asked_earlier() {
        let failure = Failure { retry_after: Some(Duration::from_secs(90)), ..failure(429) };
        assert_eq!(policy(3).verdict(1, &failure, 1.0), RetryVerdict::Again(Duration::from_secs(90)));
    }
}
