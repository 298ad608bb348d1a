//! One row for every table, with every column set to something that a careless column type would spoil.

use std::fmt::Debug;

use entity::{
    execution_event, execution_payload, idempotency_key, outage, payload, setting, step, step_execution, workflow,
    workflow_execution, workflow_version,
};
use sea_orm::prelude::{DateTimeUtc, Json, Uuid};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, IntoActiveModel, Statement};

const WORKFLOW: Uuid = Uuid::from_u128(1);
const STEP: Uuid = Uuid::from_u128(2);
const EXECUTION: Uuid = Uuid::from_u128(3);
const ATTEMPT: Uuid = Uuid::from_u128(4);

/// Inserts a row into every table and compares what is read back.
pub(crate) async fn every_table_keeps_a_row(db: &DatabaseConnection) -> Result<(), DbErr> {
    keeps::<workflow::Entity>(db, workflow()).await?;
    keeps::<step::Entity>(db, step()).await?;
    keeps::<workflow_version::Entity>(db, workflow_version()).await?;
    keeps::<workflow_execution::Entity>(db, workflow_execution()).await?;
    keeps::<step_execution::Entity>(db, step_execution()).await?;
    keeps::<execution_event::Entity>(db, execution_event()).await?;
    keeps::<payload::Entity>(db, payload()).await?;
    keeps::<execution_payload::Entity>(db, execution_payload()).await?;
    keeps::<idempotency_key::Entity>(db, idempotency_key()).await?;
    keeps::<setting::Entity>(db, setting::Model { name: "a".repeat(1_000), value: "ñ".repeat(1_000) }).await?;
    keeps::<outage::Entity>(db, outage::Model { began_at: at(1), ended_at: at(2) }).await
}

/// Writes JSON with U+0000 as the journal does, as text, and reads it back through the entity.
pub(crate) async fn json_keeps_nul(db: &DatabaseConnection) -> Result<(), DbErr> {
    let context = Json::from("a\0b");
    let backend = db.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        "UPDATE discovery_workflow_executions SET context = $1::json"
    } else {
        "UPDATE discovery_workflow_executions SET context = $1"
    };
    let values = [context.to_string().into()];
    db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let row = workflow_execution::Entity::find().one(db).await?;
    assert_eq!(row.map(|row| row.context), Some(context));
    Ok(())
}

async fn keeps<E: EntityTrait>(db: &DatabaseConnection, row: E::Model) -> Result<(), DbErr>
where
    E::Model: Clone + Debug + PartialEq + IntoActiveModel<E::ActiveModel>,
{
    E::insert(row.clone().into_active_model()).exec(db).await?;
    assert_eq!(E::find().one(db).await?, Some(row));
    Ok(())
}

fn at(micros: i64) -> DateTimeUtc {
    DateTimeUtc::from_timestamp_micros(1_767_225_600_000_000 + micros).unwrap_or_default()
}

/// Longer than any limit that a `varchar` might have.
fn json() -> Json {
    Json::from_iter([("text", "añ\u{1}".repeat(1_000)), ("quote", "\"".to_owned())])
}

fn workflow() -> workflow::Model {
    workflow::Model {
        id: WORKFLOW,
        name: "Carga Usuario".repeat(100),
        description: Some("what it is for".to_owned()),
        mode: "auto".to_owned(),
        timeout_seconds: Some(0.1),
        version: i64::MAX,
        created_at: at(1),
        updated_at: at(0),
        deleted_at: Some(at(120_000)),
    }
}

fn step() -> step::Model {
    step::Model {
        id: STEP,
        workflow_id: WORKFLOW,
        name: "ocr".to_owned(),
        handler: "read_page".to_owned(),
        order: i32::MAX,
        max_visits: 1,
        config: json(),
        timeout_seconds: 30.0,
        heartbeat_timeout_seconds: Some(2.5),
        retry: json(),
        end: true,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn workflow_version() -> workflow_version::Model {
    workflow_version::Model { workflow_id: WORKFLOW, version: 1, definition: json().to_string(), created_at: at(0) }
}

fn workflow_execution() -> workflow_execution::Model {
    workflow_execution::Model {
        id: EXECUTION,
        workflow_id: WORKFLOW,
        workflow_version: 1,
        status: "running".to_owned(),
        mode: "auto".to_owned(),
        current_step_id: Some(STEP),
        context: json(),
        additional_data: Some(json()),
        custom_status: Some("halfway".to_owned()),
        last_seq: i64::MAX,
        wake_at: Some(at(5)),
        created_at: at(0),
        updated_at: at(0),
        finished_at: Some(at(9)),
    }
}

fn step_execution() -> step_execution::Model {
    step_execution::Model {
        id: ATTEMPT,
        step_id: STEP,
        workflow_id: WORKFLOW,
        execution_id: EXECUTION,
        step_name: "ocr".to_owned(),
        handler: "read_page".to_owned(),
        status: "success".to_owned(),
        attempt: 1,
        visit: 1,
        input_payload: Some(json()),
        output_payload: None,
        error: Some(json()),
        started_at: Some(at(0)),
        finished_at: None,
    }
}

fn execution_event() -> execution_event::Model {
    execution_event::Model {
        execution_id: EXECUTION,
        seq: 1,
        kind: "step_started".to_owned(),
        body: json().to_string(),
        private: Some("{}".to_owned()),
    }
}

fn payload() -> payload::Model {
    let body = "a\0é".repeat(10_000).into_bytes();
    payload::Model { sha256: vec![0xff; 32], bytes: 40_000, body, created_at: at(0) }
}

fn idempotency_key() -> idempotency_key::Model {
    let key = "añ/".repeat(85);
    idempotency_key::Model { workflow_id: WORKFLOW, key, request_hash: vec![0xff; 32], execution_id: EXECUTION }
}

fn execution_payload() -> execution_payload::Model {
    execution_payload::Model { execution_id: EXECUTION, sha256: vec![0xff; 32] }
}
