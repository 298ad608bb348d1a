//! The query parameters that several calls take, for the OpenAPI document alone.
#![allow(dead_code, reason = "only their descriptions are used")]

use chrono::{DateTime, Utc};
use utoipa::IntoParams;
use uuid::Uuid;

use super::schema::StatusWord;

/// Whether long strings stand in their places.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Payloads {
    /// `inline` puts strings longer than 16 KiB back in their places, where otherwise `{"$payload": …}` refers to them.
    #[param(pattern = "^inline$", example = "inline")]
    payloads: Option<String>,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many to list: at most 100, and a larger number counts as 100.
    #[param(minimum = 1, default = 20)]
    limit: Option<u64>,
    /// How many to leave out.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// Which executions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those with this status.
    #[param(inline)]
    status: Option<StatusWord>,
    /// Only those created after this time; one without an offset is UTC.
    #[param(example = "2025-08-22T10:30:00Z")]
    created_after: Option<DateTime<Utc>>,
    /// Only those created before this time; one without an offset is UTC.
    #[param(example = "2025-08-22T10:30:00Z")]
    created_before: Option<DateTime<Utc>>,
    /// Where to go on: a `next` link holds it. It takes the place of `offset`.
    cursor: Option<String>,
}

/// Which workflow's executions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfWorkflow {
    /// Only those of this workflow.
    workflow_id: Option<Uuid>,
}

/// What a WebSocket begins with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Socket {
    /// The `seq` behind which the events begin.
    #[param(minimum = 0, default = 0)]
    after: Option<u64>,
    /// Whether the first message is `{"event": "snapshot", "seq", "status"}`, with the events behind that `seq`.
    #[param(default = false)]
    snapshot: Option<bool>,
}

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Events {
    /// The `seq` behind which the list begins.
    #[param(minimum = 0, default = 0)]
    after: Option<u64>,
    /// How many to list: at most 10,000, and a larger number counts as 10,000.
    #[param(minimum = 1, default = 1_000)]
    limit: Option<u64>,
}

/// Which actors, and in which order.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Actors {
    /// Only those of this kind: `execution`, `registry` or `session`.
    kind: Option<String>,
    /// Only those that stand like this, such as `waiting_for_callback`.
    state: Option<String>,
    /// Only those that should have moved before now.
    #[param(default = false)]
    stuck: Option<bool>,
    /// The column to sort by, with `-` before it the other way round; without it, the stuck ones come first.
    #[param(example = "-messages_handled")]
    sort: Option<String>,
    /// How many to list: at most 10,000, and a larger number counts as 10,000.
    #[param(minimum = 1, default = 100)]
    limit: Option<u64>,
}
