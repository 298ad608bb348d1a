//! The words that fields are restricted to.

use utoipa::ToSchema;

/// Who moves an execution from step to step.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "snake_case")]
pub(in crate::http) enum ModeWord {
    Automatic,
    Manual,
}

/// Where an execution is in its life.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
pub(in crate::http) enum StatusWord {
    Running,
    Paused,
    Completed,
    Failed,
    Cancelled,
}

/// How an attempt at a step stands.
#[derive(ToSchema)]
#[schema(as = StepStatus, rename_all = "snake_case")]
pub(in crate::http) enum StepStatusWord {
    Running,
    Success,
    Failed,
    Cancelled,
    Skipped,
}

/// What becomes of an execution whose step has no attempts left.
#[derive(ToSchema)]
#[schema(as = OnExhausted, rename_all = "snake_case")]
pub(in crate::http) enum OnExhaustedWord {
    Fail,
    Pause,
}

/// What a running execution waits for.
#[derive(ToSchema)]
#[schema(as = WaitingFor, rename_all = "snake_case")]
pub(in crate::http) enum WaitingForWord {
    Next,
    Callback,
    Retry,
}

/// What happened.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum EventName {
    WorkflowStarted,
    StepStarted,
    StepProgress,
    StepCompleted,
    StepWaiting,
    StepError,
    StepFinished,
    WorkflowPausing,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowCancelled,
    ExecutionPropertiesUpdated,
    MaxVisitsExceeded,
    WorkflowCompleted,
    WorkflowFailed,
}

/// Whether the execution goes on after the step: `pausing` once a pause was asked for.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum ReportedWord {
    Running,
    Pausing,
}

/// Whether requests can be served.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum ReadyWord {
    Ready,
    Unavailable,
}

/// Whether the database answers.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum AvailableWord {
    Available,
    Unavailable,
}

/// Whether a worker answers.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum ReachableWord {
    Reachable,
    Unreachable,
}
