//! Definitions, written one by one: they are rare.

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error};
use uuid::Uuid;

use super::statements::Statements;
use crate::domain::{Status, Timestamp, Workflow, WorkflowId};
use crate::journal::DefinitionRefusal;
use crate::journal::sqlite::{json, mode, signed};
use crate::journal::store::Outcome;
use crate::journal::writer::{DefinitionWrite, Written};

pub(super) async fn write(
    connection: &mut PgConnection,
    statements: &Statements,
    write: &DefinitionWrite,
) -> Result<Outcome, Error> {
    match write {
        DefinitionWrite::Put { workflow, after } => put(connection, statements, workflow, *after).await,
        DefinitionWrite::Delete { id, version, at } => delete(connection, statements, *id, *version, *at).await,
    }
}

async fn state(
    connection: &mut PgConnection,
    statements: &Statements,
    id: WorkflowId,
) -> Result<Option<(i64, bool)>, Error> {
    let find = sqlx::query_as(sqlx::AssertSqlSafe(&*statements.workflow_state));
    let row: Option<(Uuid, i64, bool)> = find.bind(id.0).fetch_optional(connection).await?;
    Ok(row.map(|(_, version, deleted)| (version, deleted)))
}

async fn put(
    connection: &mut PgConnection,
    statements: &Statements,
    workflow: &Workflow,
    after: u64,
) -> Result<Outcome, Error> {
    let present = state(connection, statements, workflow.id).await?.map_or(0, |(version, _)| version);
    if present != signed(after) {
        return Ok(Ok(Written::Refused(DefinitionRefusal::Changed)));
    }
    let put = sqlx::query(sqlx::AssertSqlSafe(&*statements.put_workflow));
    let put = put.bind(workflow.id.0).bind(workflow.name.as_str()).bind(&workflow.description);
    let put = put.bind(mode(workflow.mode)).bind(workflow.timeout_seconds.map(|seconds| seconds.as_f64()));
    let put = put.bind(signed(workflow.version)).bind(workflow.created_at.as_datetime());
    let put = put.bind(workflow.updated_at.as_datetime()).bind(None::<chrono::DateTime<chrono::Utc>>);
    put.execute(&mut *connection).await?;
    let delete = sqlx::query(sqlx::AssertSqlSafe(&*statements.delete_steps));
    delete.bind(workflow.id.0).execute(&mut *connection).await?;
    insert_steps(connection, statements, workflow).await?;
    let version = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_version));
    let version = version.bind(workflow.id.0).bind(signed(workflow.version)).bind(json(workflow));
    version.bind(workflow.updated_at.as_datetime()).execute(connection).await?;
    Ok(Ok(Written::Done))
}

async fn insert_steps(
    connection: &mut PgConnection,
    statements: &Statements,
    workflow: &Workflow,
) -> Result<(), Error> {
    macro_rules! column {
        (|$step:ident| $value:expr) => {
            workflow.steps.iter().map(|$step| $value).collect::<Vec<_>>()
        };
    }
    // Orders and visits are bounded far below 2^31.
    let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let insert = sqlx::query(sqlx::AssertSqlSafe(&*statements.insert_steps));
    let insert = insert.bind(column!(|step| step.id.0)).bind(column!(|step| step.workflow_id.0));
    let insert = insert.bind(column!(|step| step.name.as_str())).bind(column!(|step| step.handler.as_str()));
    let insert = insert.bind(column!(|step| small(step.order))).bind(column!(|step| small(step.max_visits)));
    let insert = insert.bind(column!(|step| json(&step.config))).bind(column!(|step| step.timeout_seconds.as_f64()));
    let insert = insert.bind(column!(|step| step.heartbeat_timeout_seconds.map(|seconds| seconds.as_f64())));
    let insert = insert.bind(column!(|step| json(&step.retry))).bind(column!(|step| step.end));
    let insert = insert.bind(column!(|step| step.created_at.as_datetime()));
    insert.bind(column!(|step| step.updated_at.as_datetime())).execute(connection).await.map(drop)
}

async fn delete(
    connection: &mut PgConnection,
    statements: &Statements,
    id: WorkflowId,
    version: u64,
    at: Timestamp,
) -> Result<Outcome, Error> {
    if state(connection, statements, id).await? != Some((signed(version), false)) {
        return Ok(Ok(Written::Refused(DefinitionRefusal::Changed)));
    }
    let find = sqlx::query_scalar(sqlx::AssertSqlSafe(&*statements.live_execution));
    let find = find.bind(id.0).bind(Status::Running.as_str()).bind(Status::Paused.as_str());
    if find.fetch_one(&mut *connection).await? {
        return Ok(Ok(Written::Refused(DefinitionRefusal::LiveExecutions)));
    }
    let hide = sqlx::query(sqlx::AssertSqlSafe(&*statements.hide_workflow));
    hide.bind(at.as_datetime()).bind(id.0).execute(connection).await?;
    Ok(Ok(Written::Done))
}
