//! The rows of the replaced service, read in bounded batches.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

/// Rows whose sizes are asked for at once; also workflows that are read at once.
const PAGE_ROWS: u64 = 500;
/// What the documents of one batch may take, as the database stores them, in bytes; one execution may take more.
const BATCH_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// A row of the old workflows.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct OldWorkflow {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
}

/// A row of the old steps.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct OldStep {
    pub(super) id: Uuid,
    pub(super) workflow_id: Uuid,
    pub(super) name: String,
    pub(super) order: i32,
    pub(super) max_visits: i32,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
}

/// A row of the old executions; JSON as its text.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct OldExecution {
    pub(super) id: Uuid,
    pub(super) workflow_id: Uuid,
    pub(super) status: String,
    pub(super) mode: String,
    pub(super) current_step_id: Option<Uuid>,
    pub(super) context: Option<String>,
    pub(super) additional_data: Option<String>,
    pub(super) custom_status: Option<String>,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
}

/// A row of the old step executions; JSON as its text.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct OldAttempt {
    pub(super) id: Uuid,
    pub(super) step_id: Option<Uuid>,
    pub(super) execution_id: Uuid,
    pub(super) status: String,
    pub(super) attempt: i32,
    pub(super) input_payload: Option<String>,
    pub(super) output_payload: Option<String>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

/// The old tables, under whatever names they stand now.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) db: &'a DatabaseTransaction,
    /// What stands before `workflows`, `steps` and so on.
    pub(super) prefix: &'static str,
    /// Whether executions have `additional_data` and `custom_status`.
    pub(super) has_additional_data: bool,
    pub(super) has_custom_status: bool,
}

#[derive(FromQueryResult)]
struct Sized {
    id: Uuid,
    bytes: i64,
}

/// Ids that lie next to each other: the first and the last.
pub(super) type Range = (Uuid, Uuid);

impl Source<'_> {
    async fn all<T: FromQueryResult>(&self, sql: String, values: Vec<Value>) -> Result<Vec<T>, DbErr> {
        T::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).all(self.db).await
    }

    /// The next workflows behind `after`, by their ids.
    pub(super) async fn workflows(&self, after: Option<Uuid>) -> Result<Vec<OldWorkflow>, DbErr> {
        let (place, values) = behind(after);
        let sql = format!(
            "SELECT id, name::text AS name, mode::text AS mode, created_at, updated_at \
             FROM {}workflows {place} ORDER BY id LIMIT {PAGE_ROWS}",
            self.prefix
        );
        self.all(sql, values).await
    }

    /// The steps of the workflows of `range`.
    pub(super) async fn steps(&self, range: Range) -> Result<Vec<OldStep>, DbErr> {
        let sql = format!(
            "SELECT id, workflow_id, name::text AS name, \"order\", max_visits, created_at, updated_at \
             FROM {}steps WHERE workflow_id BETWEEN $1 AND $2",
            self.prefix
        );
        self.all(sql, vec![range.0.into(), range.1.into()]).await
    }

    /// The next executions behind `after`, cut into ranges that fit into memory.
    pub(super) async fn ranges(&self, after: Option<Uuid>) -> Result<Vec<Range>, DbErr> {
        let (place, values) = behind(after);
        let size = |column: &str| format!("COALESCE(pg_column_size({column}), 0)");
        let (context, input, output) = (size("e.context"), size("s.input_payload"), size("s.output_payload"));
        let prefix = self.prefix;
        let sql = format!(
            "SELECT e.id, ({context} + COALESCE((SELECT sum({input} + {output}) FROM {prefix}step_executions AS s \
             WHERE s.execution_id = e.id), 0))::bigint AS bytes \
             FROM {prefix}workflow_executions AS e {place} ORDER BY e.id LIMIT {PAGE_ROWS}"
        );
        Ok(cut(&self.all::<Sized>(sql, values).await?))
    }

    /// The executions of `range` that have a workflow.
    pub(super) async fn executions(&self, range: Range) -> Result<Vec<OldExecution>, DbErr> {
        let optional = |there: bool, column: &'static str| if there { column } else { "NULL" };
        let additional_data = optional(self.has_additional_data, "additional_data");
        let custom_status = optional(self.has_custom_status, "custom_status");
        let sql = format!(
            "SELECT id, workflow_id, status::text AS status, mode::text AS mode, current_step_id, \
             context::text AS context, {additional_data}::text AS additional_data, \
             {custom_status}::text AS custom_status, created_at, updated_at \
             FROM {}workflow_executions WHERE id BETWEEN $1 AND $2 AND workflow_id IS NOT NULL ORDER BY id",
            self.prefix
        );
        self.all(sql, vec![range.0.into(), range.1.into()]).await
    }

    /// The step executions of the executions of `range`.
    pub(super) async fn attempts(&self, range: Range) -> Result<Vec<OldAttempt>, DbErr> {
        let sql = format!(
            "SELECT id, step_id, execution_id, status::text AS status, attempt, \
             input_payload::text AS input_payload, output_payload::text AS output_payload, started_at, finished_at \
             FROM {}step_executions WHERE execution_id BETWEEN $1 AND $2",
            self.prefix
        );
        self.all(sql, vec![range.0.into(), range.1.into()]).await
    }

    /// What a `SELECT` of one number gives; `{p}` in it stands for the prefix.
    pub(super) async fn count(&self, sql: &str) -> Result<u64, DbErr> {
        let sql = sql.replace("{p}", self.prefix);
        let row = self.db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(count.unsigned_abs())
    }
}

fn behind(after: Option<Uuid>) -> (&'static str, Vec<Value>) {
    after.map_or(("", Vec::new()), |id| ("WHERE id > $1", vec![id.into()]))
}

fn cut(rows: &[Sized]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut bytes = BATCH_BYTES_MAX;
    for row in rows {
        match ranges.last_mut() {
            Some(range) if bytes + row.bytes <= BATCH_BYTES_MAX => range.1 = row.id,
            _ => {
                ranges.push((row.id, row.id));
                bytes = 0;
            }
        }
        bytes += row.bytes;
    }
    ranges
}
