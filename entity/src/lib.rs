//! The tables of Discovery, each defined once: the migrations create them from here, definitions and reads use them
//! as they are, and the journal's statements are built from the same columns.
//!
//! | module | table | one row is |
//! | --- | --- | --- |
//! | [`workflow`] | `discovery_workflows` | a workflow, in its newest version |
//! | [`step`] | `discovery_steps` | a step of a workflow's newest version |
//! | [`workflow_version`] | `discovery_workflow_versions` | a definition as it was when its version was made; never changed |
//! | [`workflow_execution`] | `discovery_workflow_executions` | one run of a workflow; a projection of its events |
//! | [`step_execution`] | `discovery_step_executions` | one attempt at a step; a projection of the same events |
//! | [`execution_event`] | `discovery_execution_events` | an event of an execution: the truth that the two above follow |
//! | [`payload`] | `discovery_payloads` | a large string, stored once |
//! | [`execution_payload`] | `discovery_execution_payloads` | the fact that an execution refers to such a string |
//! | [`idempotency_key`] | `discovery_idempotency_keys` | the fact that a client's key started an execution |
//! | [`setting`] | `discovery_settings` | something that Discovery keeps about itself |
//! | [`outage`] | `discovery_outages` | a time at which no process was there |
//!
//! Ids are 16 raw bytes in SQLite and `uuid` in PostgreSQL. Times are UTC; SQLite keeps them as RFC 3339 text ending in
//! `+00:00`, which sorts as the times do, PostgreSQL as `timestamptz`, which keeps microseconds.
//! JSON is text in SQLite and `json` in PostgreSQL, never `jsonb`, which refuses `\u0000`.
//! **sqlx sends a [`Json`](sea_orm::prelude::Json) value to PostgreSQL as `jsonb` whatever the column is, so what may hold
//! `\u0000` must be written as text with a cast (`$1::json`); reading it through the entity works.**

pub mod execution_event;
pub mod execution_payload;
pub mod idempotency_key;
pub mod outage;
pub mod payload;
pub mod setting;
pub mod step;
pub mod step_execution;
pub mod workflow;
pub mod workflow_execution;
pub mod workflow_version;
