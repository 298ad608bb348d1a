//! Rows as one array for each column, in the order of the entities' columns.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::Timestamp;
use crate::journal::commit::{Commit, property_columns, wake_at};
use crate::journal::sqlite::{mode, signed};

use super::batch::Chain;

type At = DateTime<Utc>;

fn at(timestamp: Timestamp) -> At {
    timestamp.as_datetime()
}

/// Rows of executions: new ones, or what changes of those that are there.
#[derive(Default)]
pub(super) struct Executions {
    pub(super) id: Vec<Uuid>,
    pub(super) after: Vec<i64>,
    pub(super) workflow_id: Vec<Uuid>,
    pub(super) workflow_version: Vec<i64>,
    pub(super) status: Vec<&'static str>,
    pub(super) mode: Vec<&'static str>,
    pub(super) current_step_id: Vec<Option<Uuid>>,
    pub(super) context: Vec<String>,
    pub(super) additional_data: Vec<Option<String>>,
    pub(super) custom_status: Vec<Option<String>>,
    pub(super) last_seq: Vec<i64>,
    pub(super) wake_at: Vec<Option<At>>,
    pub(super) created_at: Vec<At>,
    pub(super) updated_at: Vec<At>,
    pub(super) finished_at: Vec<Option<At>>,
}

impl Executions {
    /// Adds the row that the chain's last state gives.
    pub(super) fn push(&mut self, chain: &Chain<'_>) {
        let state = chain.state();
        self.id.push(state.id().0);
        self.after.push(signed(chain.after()));
        self.workflow_id.push(state.workflow().id.0);
        self.workflow_version.push(signed(state.workflow().version));
        self.status.push(state.status().as_str());
        self.mode.push(mode(state.mode()));
        self.current_step_id.push(state.current_step().map(|step| step.id.0));
        self.context.push(chain.context().unwrap_or("{}").to_owned());
        let (data, custom_status) = property_columns(state);
        self.additional_data.push(data);
        self.custom_status.push(custom_status.map(str::to_owned));
        self.last_seq.push(signed(state.last_seq()));
        self.wake_at.push(wake_at(state).map(at));
        self.created_at.push(at(state.created_at()));
        self.updated_at.push(at(state.updated_at()));
        self.finished_at.push(state.finished_at().map(at));
    }
}

/// Rows of events.
#[derive(Default)]
pub(super) struct Events<'a> {
    pub(super) execution_id: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) kind: Vec<&'static str>,
    pub(super) body: Vec<&'a str>,
    pub(super) private: Vec<Option<&'a str>>,
}

impl<'a> Events<'a> {
    pub(super) fn push(&mut self, commit: &'a Commit) {
        for event in &commit.events {
            self.execution_id.push(commit.state.id().0);
            self.seq.push(signed(event.seq));
            self.kind.push(event.kind);
            self.body.push(&event.text);
            self.private.push(event.private.as_deref());
        }
    }
}

/// Rows of attempts.
#[derive(Default)]
pub(super) struct Steps<'a> {
    pub(super) id: Vec<Uuid>,
    pub(super) step_id: Vec<Uuid>,
    pub(super) workflow_id: Vec<Uuid>,
    pub(super) execution_id: Vec<Uuid>,
    pub(super) step_name: Vec<&'a str>,
    pub(super) handler: Vec<&'a str>,
    pub(super) status: Vec<&'static str>,
    pub(super) attempt: Vec<i32>,
    pub(super) visit: Vec<i32>,
    pub(super) output: Vec<Option<&'a str>>,
    pub(super) error: Vec<Option<&'a str>>,
    pub(super) started_at: Vec<At>,
    pub(super) finished_at: Vec<Option<At>>,
}

impl<'a> Steps<'a> {
    /// Adds each attempt that the chain touched, as its last commit leaves it.
    pub(super) fn push(&mut self, chain: &Chain<'a>) {
        let state = chain.state();
        for row in chain.step_rows() {
            let attempt = &state.attempts()[row.place];
            let step = state.step_of(attempt);
            self.id.push(attempt.id.0);
            self.step_id.push(step.id.0);
            self.workflow_id.push(step.workflow_id.0);
            self.execution_id.push(state.id().0);
            self.step_name.push(step.name.as_str());
            self.handler.push(step.handler.as_str());
            self.status.push(attempt.status.as_str());
            // Bounded far below 2^31 by the definition.
            self.attempt.push(i32::try_from(attempt.attempt).unwrap_or(i32::MAX));
            self.visit.push(i32::try_from(attempt.visit).unwrap_or(i32::MAX));
            self.output.push(row.output.as_deref());
            self.error.push(row.error.as_deref());
            self.started_at.push(at(attempt.started_at));
            self.finished_at.push(attempt.finished_at.map(at));
        }
    }
}
