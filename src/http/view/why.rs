//! Why an execution is not moving, as clients read it.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::{Execution, Status, Timestamp, WaitingFor, Why};
use crate::http::schema::{StatusWord, WaitingForWord};

/// Why an execution is not moving.
#[derive(Serialize, ToSchema)]
#[schema(as = Why)]
pub(in crate::http) struct WhyView {
    #[schema(value_type = StatusWord)]
    status: Status,
    #[schema(value_type = Option<WaitingForWord>)]
    waiting_for: Option<WaitingFor>,
    /// Since when it stands as it does.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When time alone will change it.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_action_at: Option<Timestamp>,
    /// One plain sentence.
    explanation: String,
    /// What the sentence rests on.
    #[schema(value_type = Object)]
    facts: Map<String, Value>,
}

impl WhyView {
    pub(in crate::http) fn new(execution: &Execution, why: Why) -> Self {
        Self {
            status: execution.status(),
            waiting_for: execution.waiting_for(),
            since: why.since,
            next_action_at: why.next_action_at,
            explanation: why.explanation,
            facts: why.facts,
        }
    }
}
