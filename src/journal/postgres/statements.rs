//! The statements of the PostgreSQL writer, built once from the entities; rows come as one array for each column.

use std::fmt::Write;

use entity::{
    execution_event, execution_payload, idempotency_key, outage, payload, setting, step, step_execution, workflow,
    workflow_execution, workflow_version,
};
use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityName, EntityTrait, IdenStatic, Iterable};

use crate::journal::statements::{ENDED, MOVED, TURNED};

/// SQL with `$1`, `$2` … for the values; of inserts: the columns of the entity in its order.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) insert_events: String,
    /// One that is there already is left as it is; gives the ids of the others.
    pub(super) insert_executions: String,
    /// `ids, afters, last_seqs, current_step_ids, updated_ats`; gives the ids of those that it found.
    pub(super) move_executions: String,
    /// The same with `statuses, contexts, wake_ats, finished_ats, additional_data, custom_statuses` behind.
    pub(super) turn_executions: String,
    /// One that is there already is ended.
    pub(super) put_step_executions: String,
    pub(super) insert_payloads: String,
    pub(super) insert_execution_payloads: String,
    /// `execution_ids, seqs`; gives `execution_id, seq, body, private`.
    pub(super) event_bodies: String,
    /// `ids`; gives `id, version, deleted`, and keeps them as they are until the end of the transaction.
    pub(super) workflow_states: String,
    /// `id`; gives `version, deleted`, and nobody else changes it until the end of the transaction.
    pub(super) workflow_state: String,
    /// `workflow_id, status, status`
    pub(super) live_execution: String,
    pub(super) put_workflow: String,
    /// `deleted_at, id`
    pub(super) hide_workflow: String,
    /// `workflow_id`
    pub(super) delete_steps: String,
    pub(super) insert_steps: String,
    pub(super) insert_version: String,
    /// `workflow_ids, keys`; gives `workflow_id, key, execution_id`.
    pub(super) started_with: String,
    pub(super) insert_keys: String,
    /// `name`; gives `value`.
    pub(super) setting: String,
    /// One that is there already is left as it is.
    pub(super) insert_setting: String,
    /// One that is there already is replaced.
    pub(super) put_setting: String,
    /// Gives `began_at, ended_at`.
    pub(super) outages: String,
    pub(super) delete_outages: String,
    pub(super) insert_outages: String,
}

fn name(column: &impl IdenStatic) -> String {
    format!("\"{}\"", column.as_str())
}

fn table<E: EntityName>(entity: &E) -> String {
    format!("\"{}\"", entity.table_name())
}

/// The type that values are bound as, and the cast that a column needs then. JSON travels as text, because the
/// driver would bind it as `jsonb`, which refuses `\u0000`.
fn types<C: ColumnTrait>(column: &C) -> (&'static str, &'static str) {
    let def = column.def();
    let column_type = def.get_column_type();
    if matches!(column_type, ColumnType::Uuid) {
        ("uuid", "")
    } else if matches!(column_type, ColumnType::BigInteger) {
        ("bigint", "")
    } else if matches!(column_type, ColumnType::Integer) {
        ("integer", "")
    } else if matches!(column_type, ColumnType::Boolean) {
        ("boolean", "")
    } else if matches!(column_type, ColumnType::Double) {
        ("double precision", "")
    } else if matches!(column_type, ColumnType::TimestampWithTimeZone) {
        ("timestamptz", "")
    } else if matches!(column_type, ColumnType::Json) {
        ("text", "::json")
    } else if matches!(column_type, ColumnType::Blob | ColumnType::VarBinary(_) | ColumnType::Binary(_)) {
        ("bytea", "")
    } else {
        ("text", "")
    }
}

/// `UNNEST($1::type[], …) AS u(column, …)` for these columns, from `$first` on.
fn unnest<C: ColumnTrait>(columns: &[C], aliases: &[&str], first: usize) -> String {
    let mut arrays = String::new();
    for (place, column) in columns.iter().enumerate() {
        let separator = if place == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(arrays, "{separator}${}::{}[]", first + place, types(column).0);
    }
    format!("UNNEST({arrays}) AS u({})", aliases.join(", "))
}

/// Inserts rows that come as one array for each column of the entity.
fn insert_all<E: EntityTrait>(entity: E, tail: &str) -> String {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names: Vec<String> = columns.iter().map(name).collect();
    let aliases: Vec<&str> = names.iter().map(String::as_str).collect();
    let values: Vec<String> = columns.iter().map(|column| format!("u.{}{}", name(column), types(column).1)).collect();
    let (table, names_list) = (table(&entity), names.join(", "));
    let arrays = unnest(&columns, &aliases, 1);
    format!("INSERT INTO {table} ({names_list}) SELECT {} FROM {arrays} {tail}", values.join(", "))
}

/// Inserts one row.
fn insert_one<E: EntityTrait>(entity: E, tail: &str) -> String {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names: Vec<String> = columns.iter().map(name).collect();
    let values: Vec<String> = (1..).zip(&columns).map(|(n, column)| format!("${n}{}", types(column).1)).collect();
    format!("INSERT INTO {} ({}) VALUES ({}) {tail}", table(&entity), names.join(", "), values.join(", "))
}

/// Updates executions whose log ends where the commit goes on.
fn update_executions(columns: &[workflow_execution::Column]) -> String {
    use workflow_execution::Column;
    let keys = [Column::Id, Column::LastSeq];
    let names: Vec<String> = columns.iter().map(name).collect();
    let mut aliases = vec!["id", "after"];
    aliases.extend(names.iter().map(String::as_str));
    let all: Vec<Column> = keys.into_iter().chain(columns.iter().copied()).collect();
    let set: Vec<String> =
        columns.iter().map(|column| format!("{0} = u.{0}{1}", name(column), types(column).1)).collect();
    let table = table(&workflow_execution::Entity);
    format!(
        "UPDATE {table} AS e SET {} FROM {} WHERE e.{} = u.id AND e.{} = u.after RETURNING e.{}",
        set.join(", "),
        unnest(&all, &aliases, 1),
        name(&Column::Id),
        name(&Column::LastSeq),
        name(&Column::Id)
    )
}

/// `ON CONFLICT … DO UPDATE` that takes these columns from the new row.
fn replacing<C: IdenStatic>(key: &C, columns: impl Iterator<Item = C>) -> String {
    let set: Vec<String> = columns.map(|column| format!("{0} = EXCLUDED.{0}", name(&column))).collect();
    format!("ON CONFLICT ({}) DO UPDATE SET {}", name(key), set.join(", "))
}

impl Statements {
    pub(super) fn new() -> Self {
        let workflow_columns = workflow::Column::iter().filter(|column| !matches!(column, workflow::Column::Id));
        Self {
            insert_events: insert_all(execution_event::Entity, ""),
            insert_executions: insert_all(workflow_execution::Entity, "ON CONFLICT DO NOTHING RETURNING id"),
            move_executions: update_executions(&MOVED),
            turn_executions: update_executions(&[&MOVED[..], &TURNED[..]].concat()),
            put_step_executions: insert_all(
                step_execution::Entity,
                &replacing(&step_execution::Column::Id, ENDED.into_iter()),
            ),
            insert_payloads: insert_all(payload::Entity, "ON CONFLICT DO NOTHING"),
            insert_execution_payloads: insert_all(execution_payload::Entity, "ON CONFLICT DO NOTHING"),
            event_bodies: event_bodies(),
            workflow_states: workflow_state("= ANY($1)", "FOR SHARE"),
            workflow_state: workflow_state("= $1", "FOR UPDATE"),
            live_execution: live_execution(),
            put_workflow: insert_one(workflow::Entity, &replacing(&workflow::Column::Id, workflow_columns)),
            hide_workflow: format!(
                "UPDATE {} SET {} = $1 WHERE {} = $2",
                table(&workflow::Entity),
                name(&workflow::Column::DeletedAt),
                name(&workflow::Column::Id)
            ),
            delete_steps: format!(
                "DELETE FROM {} WHERE {} = $1",
                table(&step::Entity),
                name(&step::Column::WorkflowId)
            ),
            insert_steps: insert_all(step::Entity, ""),
            insert_version: insert_one(workflow_version::Entity, ""),
            started_with: started_with(),
            insert_keys: insert_all(idempotency_key::Entity, ""),
            setting: format!(
                "SELECT {} FROM {} WHERE {} = $1",
                name(&setting::Column::Value),
                table(&setting::Entity),
                name(&setting::Column::Name)
            ),
            insert_setting: insert_one(setting::Entity, "ON CONFLICT DO NOTHING"),
            put_setting: insert_one(
                setting::Entity,
                &replacing(&setting::Column::Name, [setting::Column::Value].into_iter()),
            ),
            outages: format!(
                "SELECT {}, {} FROM {}",
                name(&outage::Column::BeganAt),
                name(&outage::Column::EndedAt),
                table(&outage::Entity)
            ),
            delete_outages: format!("DELETE FROM {}", table(&outage::Entity)),
            insert_outages: insert_all(outage::Entity, ""),
        }
    }
}

fn event_bodies() -> String {
    use execution_event::Column;
    let (execution, seq) = (name(&Column::ExecutionId), name(&Column::Seq));
    let (body, private) = (name(&Column::Body), name(&Column::Private));
    let wanted = unnest(&[Column::ExecutionId, Column::Seq], &["id", "seq"], 1);
    let table = table(&execution_event::Entity);
    format!(
        "SELECT e.{execution}, e.{seq}, e.{body}, e.{private} FROM {table} AS e \
         JOIN {wanted} ON e.{execution} = u.id AND e.{seq} = u.seq"
    )
}

/// In the order of the ids, so that two who lock several lock them alike.
fn workflow_state(which: &str, lock: &str) -> String {
    use workflow::Column;
    let (id, version, deleted_at) = (name(&Column::Id), name(&Column::Version), name(&Column::DeletedAt));
    let table = table(&workflow::Entity);
    format!("SELECT {id}, {version}, {deleted_at} IS NOT NULL FROM {table} WHERE {id} {which} ORDER BY {id} {lock}")
}

fn started_with() -> String {
    use idempotency_key::Column;
    let (workflow, key, execution) = (name(&Column::WorkflowId), name(&Column::Key), name(&Column::ExecutionId));
    let wanted = unnest(&[Column::WorkflowId, Column::Key], &["w", "k"], 1);
    let table = table(&idempotency_key::Entity);
    format!(
        "SELECT e.{workflow}, e.{key}, e.{execution} FROM {table} AS e JOIN {wanted} ON e.{workflow} = u.w AND e.{key} = u.k"
    )
}

fn live_execution() -> String {
    use workflow_execution::Column;
    let (workflow, status) = (name(&Column::WorkflowId), name(&Column::Status));
    let table = table(&workflow_execution::Entity);
    format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {workflow} = $1 AND {status} IN ($2, $3))")
}
