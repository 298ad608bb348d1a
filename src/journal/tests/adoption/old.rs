//! Databases as the replaced service left them behind.

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::journal::tests::scratch::Scratch;

/// One of the installations that there are.
#[derive(Clone, Copy)]
pub(super) struct Installation {
    pub(super) json: &'static str,
    pub(super) newest: bool,
}

pub(super) const OLDEST: Installation = Installation { json: "json", newest: false };
pub(super) const NEWEST: Installation = Installation { json: "jsonb", newest: true };

/// Executions that fill pages.
pub(super) const FILLERS: usize = 600;
pub(super) const DEMO: Uuid = Uuid::from_u128(1);

pub(super) struct Old {
    pub(super) database: Scratch,
    pub(super) connection: PgConnection,
    pub(super) installation: Installation,
}

pub(super) fn id(group: u128, number: u128) -> Uuid {
    Uuid::from_u128(group << 64 | number)
}

/// Workflows by their numbers: 1 is of display names, 2 of odd ones, 3 has no steps.
pub(super) fn workflow(number: u128) -> Uuid {
    id(0xa, number)
}

pub(super) fn step(number: u128) -> Uuid {
    id(0xb, number)
}

pub(super) fn execution(number: u128) -> Uuid {
    id(0xc, number)
}

pub(super) fn document() -> String {
    "JVBERi0xLjcK".repeat(9_000)
}

impl Old {
    /// Tables without a row; `None` where there is no server.
    pub(super) async fn empty(installation: Installation) -> Option<Self> {
        let database = Scratch::postgres().await?;
        let connection = PgConnection::connect(database.url()).await.unwrap();
        let mut old = Self { database, connection, installation };
        old.run(&schema(installation)).await;
        Some(old)
    }

    /// Tables as an installation of some age has them.
    pub(super) async fn filled(installation: Installation) -> Option<Self> {
        let mut old = Self::empty(installation).await?;
        old.run(SEED).await;
        old.run(DEFINITIONS).await;
        old.run(&FILLED.replace("{fillers}", &FILLERS.to_string())).await;
        old.add_ended().await;
        old.add_live().await;
        old.add_odd().await;
        old.run(TIMES).await;
        if installation.newest {
            old.run(NEWEST_VALUES).await;
        }
        Some(old)
    }

    pub(super) async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut self.connection).await.unwrap();
    }

    async fn add(&mut self, number: u128, of: Uuid, status: &str, current: Option<Uuid>, context: &str) {
        let sql = "INSERT INTO discovery_workflow_executions (id, workflow_id, status, mode, current_step_id, context) \
                   VALUES ($1, $2, $3::discovery_exec_status, 'automatic', $4, $5::json)";
        let insert = sqlx::query(sql).bind(execution(number)).bind(of).bind(status).bind(current).bind(context);
        insert.execute(&mut self.connection).await.unwrap();
    }

    /// A step execution; its seconds count from the beginning of time.
    async fn attempt(&mut self, key: (u128, u128), at: Uuid, status: &str, output: Value, seconds: [Option<f64>; 2]) {
        let sql = "INSERT INTO discovery_step_executions \
                   (id, step_id, workflow_id, execution_id, status, attempt, input_payload, output_payload, \
                    started_at, finished_at) \
                   SELECT $1, $2, e.workflow_id, e.id, $4::discovery_step_status, $5, \
                          json_build_object('n', $5, 'documento', '<108000 chars>'), NULLIF($6, 'null')::json, \
                          to_timestamp($7), to_timestamp($8) \
                   FROM discovery_workflow_executions AS e WHERE e.id = $3";
        let (number, attempt) = key;
        let same = id(0xd, number << 16 | attempt << 8 | at.as_u128() & 0xff);
        let insert = sqlx::query(sql).bind(same).bind(at).bind(execution(number)).bind(status);
        let insert = insert.bind(i32::try_from(attempt).unwrap()).bind(output.to_string());
        insert.bind(seconds[0]).bind(seconds[1]).execute(&mut self.connection).await.unwrap();
    }

    async fn add_ended(&mut self) {
        let context = json!({"execution_id": execution(1), "documento": document(), "deep": [{"again": document()}],
            "auto_completed": true, "completion_reason": "last_step", "n": 1.5, "dynamic_properties": {}});
        self.add(1, workflow(1), "completed", Some(step(3)), &context.to_string()).await;
        let answer = json!({"context": {"n": 2}, "next": "decide"});
        self.attempt((1, 1), step(1), "success", answer, [Some(100.000_123), Some(101.5)]).await;
        self.attempt((1, 1), step(4), "success", json!({"m": 1}), [Some(101.6), Some(102.0)]).await;
        self.attempt((1, 2), step(1), "success", Value::Null, [Some(102.1), Some(103.0)]).await;
        self.attempt((1, 0), step(5), "skipped", Value::Null, [None, None]).await;
        let context = json!({"execution_id": execution(2), "documento": document()});
        self.add(2, workflow(1), "failed", Some(step(2)), &context.to_string()).await;
        self.attempt((2, 1), step(1), "success", json!({}), [Some(200.0), Some(201.0)]).await;
        let error = json!({"error": "no DNI", "traceback": "Traceback…\n".repeat(3_000)});
        self.attempt((2, 1), step(2), "failed", error, [Some(202.0), Some(203.0)]).await;
        self.attempt((2, 0), step(3), "pending", Value::Null, [None, None]).await;
        self.add(3, workflow(3), "failed", None, "{}").await;
    }

    async fn add_live(&mut self) {
        let context = json!({"execution_id": execution(10), "documento": document()});
        self.add(10, workflow(1), "running", Some(step(2)), &context.to_string()).await;
        self.attempt((10, 1), step(1), "success", json!({"context": {}}), [Some(300.0), Some(301.0)]).await;
        let progress = json!({"progress": {"percentage": 40, "message": "va"}, "last_update": "2025-01-01T00:00:00"});
        self.attempt((10, 1), step(2), "running", progress, [Some(302.0), None]).await;
        // Its last step named the next one; another is current.
        let context = json!({"n": 1, "next_step_name": "reject_user"});
        self.add(11, workflow(1), "running", Some(step(1)), &context.to_string()).await;
        self.attempt((11, 1), step(1), "success", json!({"next": "reject_user"}), [Some(310.0), Some(311.0)]).await;
        // The current step has done its work, or has not begun, or is not known.
        self.add(12, workflow(1), "running", Some(step(1)), "{}").await;
        self.attempt((12, 1), step(1), "success", json!({}), [Some(320.0), Some(321.0)]).await;
        self.add(13, workflow(1), "running", Some(step(3)), "{}").await;
        self.add(14, workflow(1), "running", None, "{}").await;
        self.attempt((14, 1), step(1), "success", json!({}), [Some(330.0), Some(331.0)]).await;
        self.add(15, DEMO, "running", None, "{}").await;
        self.add(16, workflow(1), "paused", Some(step(2)), "{\"a\": [1, {\"b\": null}]}").await;
        self.attempt((16, 1), step(1), "success", json!({}), [Some(340.0), Some(341.0)]).await;
        self.attempt((16, 1), step(2), "failed", json!({"error": {"code": 3}}), [Some(342.0), Some(343.0)]).await;
        self.add(17, workflow(3), "running", None, "{}").await;
    }

    async fn add_odd(&mut self) {
        self.add(20, workflow(2), "completed", None, "[1, 2]").await;
        // A step of another workflow, and one that never ended.
        self.attempt((20, 1), step(1), "success", json!({}), [Some(400.0), Some(401.0)]).await;
        self.attempt((20, 0), step(11), "running", Value::Null, [Some(402.0), None]).await;
        self.attempt((20, 1), step(12), "success", json!([1]), [None, None]).await;
        self.add(21, workflow(2), "completed", None, r#"{"x": {"$payload": {"sha256": "0"}}}"#).await;
        if self.installation.json == "json" {
            self.add(22, workflow(2), "completed", None, r#"{"nul": "a\u0000b", "twice": 1, "twice": 2}"#).await;
        }
        self.run("UPDATE discovery_workflow_executions SET context = NULL WHERE id::text LIKE '%3'").await;
    }
}

fn schema(installation: Installation) -> String {
    let newest = "additional_data json, custom_status varchar, id_consecutivo varchar,";
    SCHEMA.replace("{json}", installation.json).replace("{newest}", if installation.newest { newest } else { "" })
}

const SCHEMA: &str = include_str!("schema.sql");

/// What the service puts into a new database.
const SEED: &str = include_str!("seed.sql");

const DEFINITIONS: &str = "
INSERT INTO discovery_workflows (id, name, created_at, updated_at) VALUES
    ('00000000-0000-000a-0000-000000000001', 'Procesamiento de Documentos', to_timestamp(10.1234567), to_timestamp(20)),
    ('00000000-0000-000a-0000-000000000002', E'odd\\nname', NULL, NULL),
    ('00000000-0000-000a-0000-000000000003', 'no steps', to_timestamp(10), NULL);
INSERT INTO discovery_steps (id, workflow_id, name, \"order\", max_visits, created_at) VALUES
    ('00000000-0000-000b-0000-000000000001', '00000000-0000-000a-0000-000000000001', 'Carga Usuario', 1, 2, now()),
    ('00000000-0000-000b-0000-000000000002', '00000000-0000-000a-0000-000000000001', 'Validación Usuario', 2, 1, now()),
    ('00000000-0000-000b-0000-000000000003', '00000000-0000-000a-0000-000000000001', 'Transformación', 3, 1, now()),
    ('00000000-0000-000b-0000-000000000004', '00000000-0000-000a-0000-000000000001', 'Decisión', 4, 1, now()),
    ('00000000-0000-000b-0000-000000000005', '00000000-0000-000a-0000-000000000001', 'Aprobar Usuario', 5, 1, now()),
    ('00000000-0000-000b-0000-000000000006', '00000000-0000-000a-0000-000000000001', 'Rechazar Usuario', 6, 1, now()),
    ('00000000-0000-000b-0000-00000000000b', '00000000-0000-000a-0000-000000000002', 'same', 10, 1, to_timestamp(1)),
    ('00000000-0000-000b-0000-00000000000c', '00000000-0000-000a-0000-000000000002', 'same', 10, 0, to_timestamp(2)),
    ('00000000-0000-000b-0000-00000000000d', '00000000-0000-000a-0000-000000000002', 'a/b', 40, 1, NULL);
";

/// Executions of the demo that ended, with a step each.
const FILLED: &str = "
INSERT INTO discovery_workflow_executions (id, workflow_id, status, mode, context, created_at, updated_at)
SELECT ('00000000-0000-000e-0000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000001',
       'completed', 'manual', '{\"valor\": 3}', to_timestamp(1000 + n), to_timestamp(2000 + n)
FROM generate_series(1, {fillers}) AS n;
INSERT INTO discovery_step_executions
    (id, step_id, workflow_id, execution_id, status, attempt, input_payload, output_payload, started_at, finished_at)
SELECT ('00000000-0000-000f-0000-' || lpad(n::text, 12, '0'))::uuid, '10000000-0000-0000-0000-000000000001',
       '00000000-0000-0000-0000-000000000001', ('00000000-0000-000e-0000-' || lpad(n::text, 12, '0'))::uuid,
       'success', 1, '{}', '{\"context\": {\"valor\": 3}}', to_timestamp(1000 + n), to_timestamp(1001 + n)
FROM generate_series(1, {fillers}) AS n;
";

/// Moments with microseconds, and some that are missing.
const TIMES: &str = "
UPDATE discovery_workflow_executions SET created_at = to_timestamp(50.123456), updated_at = to_timestamp(500.654321)
    WHERE id::text LIKE '00000000-0000-000c-%';
UPDATE discovery_workflow_executions SET created_at = NULL, updated_at = NULL WHERE id::text LIKE '%14';
";

const NEWEST_VALUES: &str = "
UPDATE discovery_workflow_executions
SET additional_data = '{\"cliente\": [1, 2.5]}', custom_status = 'EN REVISIÓN', id_consecutivo = 'C-' || right(id::text, 4)
WHERE id::text LIKE '%1';
";
