//! Calls to workers.

use std::time::Duration;

use serde_json::Value;

/// What Pioneer's list of steps came to.
#[derive(Debug)]
pub enum AvailableSteps {
    /// What it answered.
    Answered(Value),
    /// Why there is none, as a sentence.
    Unreachable(String),
}

/// Asks the Pioneer at `base_url` (which may hold a path) for its steps.
pub async fn available_steps(_base_url: &str, _timeout: Duration, _body_bytes_max: usize) -> AvailableSteps {
    unimplemented!()
}
