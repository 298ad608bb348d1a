//! The journal's statements, built once from the entities: the tables are defined there and nowhere else.

use entity::step_execution::Column as StepExecution;
use entity::workflow_execution::Column as Execution;
use entity::{
    execution_event, execution_payload, idempotency_key, outage, payload, setting, step, step_execution, workflow,
    workflow_execution, workflow_version,
};
use sea_orm::sea_query::{
    Alias, Condition, Expr, ExprTrait, IntoIden, OnConflict, Query, QueryStatementWriter, SqliteQueryBuilder,
};
use sea_orm::{ColumnTrait, EntityTrait, Iterable};

/// What changes in an execution's row while it moves; the values are bound in this order.
pub(super) const MOVED: [Execution; 3] = [Execution::LastSeq, Execution::CurrentStepId, Execution::UpdatedAt];
/// What changes beyond that when it parks, wakes or ends.
pub(super) const TURNED: [Execution; 6] = [
    Execution::Status,
    Execution::Context,
    Execution::WakeAt,
    Execution::FinishedAt,
    Execution::AdditionalData,
    Execution::CustomStatus,
];
/// What changes in an attempt's row when it ends.
pub(super) const ENDED: [StepExecution; 4] =
    [StepExecution::Status, StepExecution::OutputPayload, StepExecution::Error, StepExecution::FinishedAt];

/// SQL with `?` for each value, in the order that the fields' comments give.
#[derive(Debug)]
pub(super) struct Statements {
    /// `execution_id, seq, kind, body, private`
    pub(super) insert_event: String,
    /// `execution_id, seq`; gives `body, private`
    pub(super) event_body: String,
    /// All columns, in the order of the entity; one that is there already is left as it is.
    pub(super) insert_execution: String,
    /// `last_seq, current_step_id, updated_at; id, last_seq`
    pub(super) move_execution: String,
    /// `last_seq, current_step_id, updated_at, status, context, wake_at, finished_at, additional_data,
    /// custom_status; id, last_seq`
    pub(super) turn_execution: String,
    /// All columns, in the order of the entity.
    pub(super) insert_step_execution: String,
    /// `status, output_payload, error, finished_at; id`
    pub(super) end_step_execution: String,
    /// The same three, with the row id behind the other values: a row that lies elsewhere by now is left as it is.
    pub(super) move_execution_at: String,
    pub(super) turn_execution_at: String,
    pub(super) end_step_execution_at: String,
    /// `sha256, bytes, body, created_at`
    pub(super) insert_payload: String,
    /// `execution_id, sha256`
    pub(super) insert_execution_payload: String,
    /// `id`; gives `version, deleted_at IS NOT NULL`
    pub(super) workflow_state: String,
    /// `workflow_id, status, status`
    pub(super) live_execution: String,
    /// All columns, in the order of the entity; one that is there already is replaced.
    pub(super) put_workflow: String,
    /// `deleted_at; id`
    pub(super) hide_workflow: String,
    /// `workflow_id`
    pub(super) delete_steps: String,
    /// All columns, in the order of the entity.
    pub(super) insert_step: String,
    /// `workflow_id, version, definition, created_at`
    pub(super) insert_version: String,
    /// `workflow_id, key`; gives `execution_id`
    pub(super) started_with: String,
    /// All columns, in the order of the entity.
    pub(super) insert_key: String,
    /// `name`; gives `value`
    pub(super) setting: String,
    /// `name, value`; one that is there already is left as it is.
    pub(super) insert_setting: String,
    /// `name, value`; one that is there already is replaced.
    pub(super) put_setting: String,
    /// Gives `began_at, ended_at`.
    pub(super) outages: String,
    pub(super) delete_outages: String,
    /// `began_at, ended_at`
    pub(super) insert_outage: String,
}

fn sql(statement: &impl QueryStatementWriter) -> String {
    statement.build_any(&SqliteQueryBuilder).0
}

/// Any value: only its `?` is wanted.
fn bind() -> Expr {
    Expr::value(0)
}

fn insert<E: EntityTrait>(entity: E, on_conflict: Option<OnConflict>) -> String {
    let mut query = Query::insert();
    query.into_table(entity).columns(E::Column::iter()).values_panic(E::Column::iter().map(|_| bind()));
    if let Some(on_conflict) = on_conflict {
        query.on_conflict(on_conflict);
    }
    sql(&query)
}

fn update<E: EntityTrait>(entity: E, columns: &[E::Column], keys: &[E::Column]) -> String {
    let mut query = Query::update();
    query.table(entity);
    for column in columns {
        query.value(*column, bind());
    }
    for key in keys {
        query.and_where(Expr::col(*key).eq(bind()));
    }
    sql(&query)
}

/// The update of a row whose row id is known, which SQLite finds without an index
/// (<https://www.sqlite.org/rowidtable.html>).
fn at_row_id(update: &str) -> String {
    format!("{update} AND \"rowid\" = ?")
}

impl Statements {
    pub(super) fn new() -> Self {
        let key = [Execution::Id, Execution::LastSeq];
        let nothing = || Some(OnConflict::new().do_nothing().to_owned());
        let move_execution = update(workflow_execution::Entity, &MOVED, &key);
        let turn_execution = update(workflow_execution::Entity, &[&MOVED[..], &TURNED[..]].concat(), &key);
        let end_step_execution = update(step_execution::Entity, &ENDED, &[StepExecution::Id]);
        Self {
            insert_event: insert(execution_event::Entity, None),
            event_body: event_body(),
            insert_execution: insert(workflow_execution::Entity, nothing()),
            move_execution_at: at_row_id(&move_execution),
            move_execution,
            turn_execution_at: at_row_id(&turn_execution),
            turn_execution,
            insert_step_execution: insert(step_execution::Entity, None),
            end_step_execution_at: at_row_id(&end_step_execution),
            end_step_execution,
            insert_payload: insert(payload::Entity, nothing()),
            insert_execution_payload: insert(execution_payload::Entity, nothing()),
            workflow_state: workflow_state(),
            live_execution: live_execution(),
            put_workflow: insert(workflow::Entity, Some(replacing(workflow::Column::Id))),
            hide_workflow: update(workflow::Entity, &[workflow::Column::DeletedAt], &[workflow::Column::Id]),
            delete_steps: sql(Query::delete()
                .from_table(step::Entity)
                .and_where(step::Column::WorkflowId.into_expr().eq(bind()))),
            insert_step: insert(step::Entity, None),
            insert_version: insert(workflow_version::Entity, None),
            started_with: started_with(),
            insert_key: insert(idempotency_key::Entity, None),
            setting: setting(),
            insert_setting: insert(setting::Entity, nothing()),
            put_setting: insert(setting::Entity, Some(replacing(setting::Column::Name))),
            outages: sql(Query::select().columns(outage::Column::iter()).from(outage::Entity)),
            delete_outages: sql(Query::delete().from_table(outage::Entity)),
            insert_outage: insert(outage::Entity, None),
        }
    }
}

fn workflow_state() -> String {
    sql(Query::select()
        .column(workflow::Column::Version)
        .expr_as(workflow::Column::DeletedAt.is_not_null(), Alias::new("deleted"))
        .from(workflow::Entity)
        .and_where(workflow::Column::Id.into_expr().eq(bind())))
}

fn event_body() -> String {
    sql(Query::select()
        .columns([execution_event::Column::Body, execution_event::Column::Private])
        .from(execution_event::Entity)
        .and_where(execution_event::Column::ExecutionId.into_expr().eq(bind()))
        .and_where(execution_event::Column::Seq.into_expr().eq(bind())))
}

fn live_execution() -> String {
    let status = || workflow_execution::Column::Status.into_expr().eq(bind());
    sql(Query::select()
        .column(workflow_execution::Column::Id)
        .from(workflow_execution::Entity)
        .and_where(workflow_execution::Column::WorkflowId.into_expr().eq(bind()))
        .cond_where(Condition::any().add(status()).add(status())))
}

fn started_with() -> String {
    use idempotency_key::Column;
    sql(Query::select()
        .column(Column::ExecutionId)
        .from(idempotency_key::Entity)
        .and_where(Column::WorkflowId.into_expr().eq(bind()))
        .and_where(Column::Key.into_expr().eq(bind())))
}

fn setting() -> String {
    sql(Query::select()
        .column(setting::Column::Value)
        .from(setting::Entity)
        .and_where(setting::Column::Name.into_expr().eq(bind())))
}

/// Takes all columns but `key` from the new row.
fn replacing<C: ColumnTrait>(key: C) -> OnConflict {
    let columns = C::iter().filter(|column| column.as_str() != key.as_str());
    OnConflict::column(key).update_columns(columns.map(IntoIden::into_iden)).to_owned()
}
