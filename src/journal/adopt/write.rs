//! The rows that an adopted database begins with, written as the entities define them.

use std::collections::HashMap;

use entity::{
    execution_event, execution_payload, payload, step, step_execution, workflow, workflow_execution, workflow_version,
};
use sea_orm::sea_query::{ColumnType, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait, Value,
};
use serde_json::json;
use uuid::Uuid;

use super::history::History;
use super::reading::Reader;
use super::source::OldExecution;
use crate::domain::{Execution, Timestamp, Workflow};
use crate::journal::JournalError;
use crate::journal::commit::stored;
use crate::journal::sqlite::{mode, signed};
use crate::payload::Payload;

/// Rows that one statement writes at most; far below PostgreSQL's 65,535 variables.
const STATEMENT_ROWS_MAX: usize = 500;

/// What the documents that one statement writes have, in bytes, unless the last of them is larger.
const STATEMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows that are written together.
#[derive(Debug, Default)]
pub(super) struct Rows {
    workflows: Vec<workflow::Model>,
    steps: Vec<step::Model>,
    versions: Vec<workflow_version::Model>,
    executions: Vec<workflow_execution::Model>,
    step_executions: Vec<step_execution::Model>,
    events: Vec<execution_event::Model>,
    payloads: HashMap<[u8; 32], Payload>,
    links: Vec<execution_payload::Model>,
}

impl Rows {
    /// Adds a workflow's first version.
    pub(super) fn push_workflow(&mut self, of: &Workflow) -> Result<(), JournalError> {
        self.workflows.push(workflow::Model {
            id: of.id.0,
            name: of.name.as_str().to_owned(),
            description: of.description.clone(),
            mode: mode(of.mode).to_owned(),
            timeout_seconds: of.timeout_seconds.map(|seconds| seconds.as_f64()),
            version: signed(of.version),
            created_at: of.created_at.as_datetime(),
            updated_at: of.updated_at.as_datetime(),
            deleted_at: None,
        });
        for step in &of.steps {
            self.steps.push(step::Model {
                id: step.id.0,
                workflow_id: of.id.0,
                name: step.name.as_str().to_owned(),
                handler: step.handler.as_str().to_owned(),
                order: small(step.order),
                max_visits: small(step.max_visits),
                config: json!(step.config),
                timeout_seconds: step.timeout_seconds.as_f64(),
                heartbeat_timeout_seconds: step.heartbeat_timeout_seconds.map(|seconds| seconds.as_f64()),
                retry: json!(step.retry),
                end: step.end,
                created_at: step.created_at.as_datetime(),
                updated_at: step.updated_at.as_datetime(),
            });
        }
        self.versions.push(workflow_version::Model {
            workflow_id: of.id.0,
            version: signed(of.version),
            definition: serde_json::to_string(of)?,
            created_at: of.updated_at.as_datetime(),
        });
        Ok(())
    }

    /// Adds an execution with all that belongs to it; gives what was not taken over as it was.
    pub(super) fn push_execution(
        &mut self,
        old: &OldExecution,
        history: History,
        mut reader: Reader,
    ) -> Result<Vec<String>, JournalError> {
        let state = &history.state;
        for event in &history.events {
            let event = stored(state.id(), event)?;
            self.events.push(execution_event::Model {
                execution_id: state.id().0,
                seq: signed(event.seq),
                kind: event.kind.to_owned(),
                body: event.text.to_string(),
                private: event.private,
            });
        }
        self.push_execution_row(old, state);
        self.push_attempts(&history, &mut reader);
        let execution_id = state.id().0;
        for payload in reader.payloads {
            let hash = payload.hash.0;
            self.links.push(execution_payload::Model { execution_id, sha256: hash.to_vec() });
            self.payloads.entry(hash).or_insert(payload);
        }
        Ok(reader.notes)
    }

    fn push_execution_row(&mut self, old: &OldExecution, state: &Execution) {
        let properties = state.properties();
        // What changed an ended execution later changed no step of it: the row tells it, the log does not.
        let later =
            old.updated_at.map(Timestamp::new).filter(|at| state.status().is_ended() && *at > state.updated_at());
        self.executions.push(workflow_execution::Model {
            id: state.id().0,
            workflow_id: state.workflow().id.0,
            workflow_version: signed(state.workflow().version),
            status: state.status().as_str().to_owned(),
            mode: mode(state.mode()).to_owned(),
            current_step_id: state.current_step().map(|step| step.id.0),
            context: json!(state.context()),
            additional_data: (!properties.additional_data.is_empty()).then(|| json!(properties.additional_data)),
            custom_status: properties.custom_status.as_deref().map(str::to_owned),
            last_seq: signed(state.last_seq()),
            wake_at: None,
            created_at: state.created_at().as_datetime(),
            updated_at: later.unwrap_or(state.updated_at()).as_datetime(),
            finished_at: state.finished_at().map(Timestamp::as_datetime),
        });
    }

    fn push_attempts(&mut self, history: &History, reader: &mut Reader) {
        let state = &history.state;
        for (attempt, entered) in state.attempts().iter().zip(&history.entered) {
            let step = state.step_of(attempt);
            self.step_executions.push(step_execution::Model {
                id: attempt.id.0,
                step_id: step.id.0,
                workflow_id: step.workflow_id.0,
                execution_id: state.id().0,
                step_name: step.name.as_str().to_owned(),
                handler: step.handler.as_str().to_owned(),
                status: attempt.status.as_str().to_owned(),
                attempt: small(attempt.attempt),
                visit: small(attempt.visit),
                input_payload: entered.input.clone(),
                output_payload: attempt.output.as_deref().filter(|output| !output.is_null()).cloned(),
                error: attempt.error.as_deref().map(|error| json!(error)),
                started_at: Some(attempt.started_at.as_datetime()),
                finished_at: attempt.finished_at.map(Timestamp::as_datetime),
            });
        }
        for (old, step) in &history.skipped {
            self.step_executions.push(step_execution::Model {
                id: old.id,
                step_id: step.id.0,
                workflow_id: step.workflow_id.0,
                execution_id: state.id().0,
                step_name: step.name.as_str().to_owned(),
                handler: step.handler.as_str().to_owned(),
                status: "skipped".to_owned(),
                attempt: 0,
                visit: 0,
                input_payload: old.input_payload.as_deref().map(|text| reader.value(text)),
                output_payload: old.output_payload.as_deref().map(|text| reader.value(text)),
                error: None,
                started_at: old.started_at.map(|at| Timestamp::new(at).as_datetime()),
                finished_at: old.finished_at.map(|at| Timestamp::new(at).as_datetime()),
            });
        }
    }

    /// Writes them all.
    pub(super) async fn write(self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        insert(db, workflow::Entity, self.workflows).await?;
        insert(db, step::Entity, self.steps).await?;
        insert(db, workflow_version::Entity, self.versions).await?;
        insert(db, workflow_execution::Entity, self.executions).await?;
        insert(db, step_execution::Entity, self.step_executions).await?;
        insert(db, execution_event::Entity, self.events).await?;
        let created_at = chrono::Utc::now();
        let (mut rows, mut size) = (Vec::new(), 0);
        for payload in self.payloads.into_values() {
            size += payload.text.len();
            let (sha256, body) = (payload.hash.0.to_vec(), payload.text.as_bytes().to_vec());
            rows.push(payload::Model { sha256, bytes: signed(body.len() as u64), body, created_at });
            if size > STATEMENT_BYTES_MAX {
                insert(db, payload::Entity, std::mem::take(&mut rows)).await?;
                size = 0;
            }
        }
        insert(db, payload::Entity, rows).await?;
        insert(db, execution_payload::Entity, self.links).await
    }
}

/// Bounded far below 2^31 by the definition.
fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Inserts `models`; one that is there already is left as it is.
async fn insert<E>(db: &DatabaseTransaction, entity: E, models: Vec<E::Model>) -> Result<(), DbErr>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    for chunk in models.chunks(STATEMENT_ROWS_MAX) {
        let mut insert = Query::insert();
        insert.into_table(entity).columns(E::Column::iter());
        for model in chunk {
            let row = E::Column::iter().map(|column| value(&column, model.get(column)));
            insert.values(row).map_err(|error| DbErr::Custom(error.to_string()))?;
        }
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        db.execute(&insert).await?;
    }
    Ok(())
}

/// A column's value. JSON travels as text, because the driver would bind it as `jsonb`, which refuses `\u0000`.
fn value(column: &impl ColumnTrait, value: Value) -> Expr {
    if !matches!(column.def().get_column_type(), ColumnType::Json) {
        return Expr::val(value);
    }
    let text = if let Value::Json(Some(json)) = value { Some(json.to_string()) } else { None };
    Expr::val(text).cast_as("json")
}

/// The tables whose columns are those that the old ones become, with each column's name and type.
pub(super) fn new_columns() -> [(&'static str, Vec<(String, String)>); 4] {
    fn columns<E: EntityTrait>(_: E) -> Vec<(String, String)> {
        E::Column::iter().map(|column| (column.as_str().to_owned(), sql_type(&column))).collect()
    }
    [
        ("discovery_workflows", columns(workflow::Entity)),
        ("discovery_steps", columns(step::Entity)),
        ("discovery_workflow_executions", columns(workflow_execution::Entity)),
        ("discovery_step_executions", columns(step_execution::Entity)),
    ]
}

fn sql_type(column: &impl ColumnTrait) -> String {
    let def = column.def();
    let kind = def.get_column_type();
    let name = if matches!(kind, ColumnType::Uuid) {
        "uuid"
    } else if matches!(kind, ColumnType::BigInteger) {
        "bigint"
    } else if matches!(kind, ColumnType::Integer) {
        "integer"
    } else if matches!(kind, ColumnType::Boolean) {
        "boolean"
    } else if matches!(kind, ColumnType::Double) {
        "double precision"
    } else if matches!(kind, ColumnType::TimestampWithTimeZone) {
        "timestamp with time zone"
    } else if matches!(kind, ColumnType::Json) {
        "json"
    } else {
        "text"
    };
    name.to_owned()
}

/// The workflow that an old execution is of, by its id.
pub(super) type Workflows = HashMap<Uuid, std::sync::Arc<Workflow>>;
