//! What answers look like: borrowed from the core's types, time passed in.

mod admin;
mod attempt;
mod execution;
mod list;
mod status;
mod why;
mod workflow;

pub(super) use admin::{ActorDetailView, ActorView, ActorsView, StatsView, kind_word};
pub(super) use attempt::StepExecutionView;
pub(super) use execution::{ExecutionView, StartedView};
pub(super) use list::{ExecutionListView, Links, Pagination};
pub(super) use status::StatusView;
pub(super) use why::WhyView;
pub(super) use workflow::{StepView, WorkflowView};

use crate::domain::Mode;

/// The wire's word for a mode.
fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Automatic => "automatic",
        Mode::Manual => "manual",
    }
}
