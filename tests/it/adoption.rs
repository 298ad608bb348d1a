//! The database of the replaced service, from `discovery migrate` to its executions going on here. Needs the PostgreSQL
//! server that `DISCOVERY_TEST_POSTGRES_URL` names.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::json;

use crate::support::Options;

const SCHEMA: &str = include_str!("../../src/journal/tests/adoption/schema.sql");
const SEED: &str = include_str!("../../src/journal/tests/adoption/seed.sql");
const DEMO: &str = "00000000-0000-0000-0000-000000000001";
const RUNNING: &str = "00000000-0000-000c-0000-000000000001";

/// What the service was doing when it was replaced.
const ROWS: &str = "
INSERT INTO discovery_workflows (id, name) VALUES ('00000000-0000-000a-0000-000000000001', 'Altas');
INSERT INTO discovery_steps (id, workflow_id, name, \"order\") VALUES
    ('00000000-0000-000b-0000-000000000001', '00000000-0000-000a-0000-000000000001', 'Carga Usuario', 1),
    ('00000000-0000-000b-0000-000000000002', '00000000-0000-000a-0000-000000000001', 'Validación Usuario', 2),
    ('00000000-0000-000b-0000-000000000003', '00000000-0000-000a-0000-000000000001', 'Decisión', 3);
INSERT INTO discovery_workflow_executions (id, workflow_id, mode, current_step_id, context, custom_status) VALUES
    ('00000000-0000-000c-0000-000000000001', '00000000-0000-000a-0000-000000000001', 'automatic',
     '00000000-0000-000b-0000-000000000002', jsonb_build_object('documento', repeat('JVBERi0x', 13000), 'n', 1), 'URGENTE');
INSERT INTO discovery_step_executions
    (id, step_id, workflow_id, execution_id, status, attempt, input_payload, output_payload, started_at, finished_at)
VALUES
    ('00000000-0000-000d-0000-000000000001', '00000000-0000-000b-0000-000000000001',
     '00000000-0000-000a-0000-000000000001', '00000000-0000-000c-0000-000000000001', 'success', 1,
     '{}', '{\"context\": {\"n\": 1}}', now(), now()),
    ('00000000-0000-000d-0000-000000000002', '00000000-0000-000b-0000-000000000002',
     '00000000-0000-000a-0000-000000000001', '00000000-0000-000c-0000-000000000001', 'running', 1,
     '{\"n\": 1}', '{\"progress\": {\"percentage\": 40}, \"last_update\": \"2025-08-22T10:30:00\"}', now(), NULL);
";

/// A database that goes away with the test.
struct OldDatabase {
    server: DatabaseConnection,
    name: String,
    url: String,
}

impl OldDatabase {
    async fn make() -> Option<Self> {
        let url = std::env::var("DISCOVERY_TEST_POSTGRES_URL").ok()?;
        let server = Database::connect(&url).await.unwrap();
        let name = format!("discovery_adoption_{}", std::process::id());
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
        let old = Database::connect(&url).await.unwrap();
        let newest = "additional_data json, custom_status varchar, id_consecutivo varchar,";
        let schema = SCHEMA.replace("{json}", "jsonb").replace("{newest}", newest);
        for sql in [schema.as_str(), SEED, ROWS] {
            old.execute_unprepared(sql).await.unwrap();
        }
        old.close().await.unwrap();
        Some(Self { server, name, url })
    }

    async fn drop(self) {
        self.server.execute_unprepared(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }
}

#[actix_web::test]
async fn a_replaced_service_s_executions_go_on_here() {
    let Some(old) = OldDatabase::make().await else { return };
    let options = || Options::new().variable("DATABASE_URL", &old.url);
    let refused = options().run("serve").await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("run `discovery migrate` to take it over"), "{}", refused.stderr);
    let rehearsed = options().flag("--dry-run").run("migrate").await;
    assert!(rehearsed.stdout.contains("executions: 1 (1 running)"), "{rehearsed:?}");
    assert!(rehearsed.stdout.contains("Nothing was changed."), "{rehearsed:?}");
    let migrated = options().run("migrate").await;
    assert!(migrated.stdout.contains("The database was taken over."), "{migrated:?}");

    let mut discovery = options().start().await;
    discovery.worker().answers("step_1_add_valor", json!({"context": {"valor": 1}}));
    let listed = discovery.get("/executions").await.expect(200);
    assert_eq!((&listed["executions"][0]["id"], &listed["pagination"]["total"]), (&json!(RUNNING), &json!(1)));
    let status = discovery.status(RUNNING).await;
    assert_eq!((&status["status"], &status["custom_status"]), (&json!("paused"), &json!("URGENTE")));
    assert_eq!(status["current_step"]["handler"], "validate_user");
    assert_eq!(status["steps_history"][1]["progress"]["percentage"], 40);

    discovery.post(&format!("/executions/{RUNNING}/resume"), json!({})).await.expect(200);
    let status = discovery.until_ended(RUNNING).await;
    assert_eq!((&status["status"], &status["custom_status"]), (&json!("completed"), &json!("URGENTE")));
    assert_eq!(status["steps_history"].as_array().unwrap().len(), 4);
    assert!(discovery.worker().deliveries_of("fetch_user").is_empty(), "what was done is not done again");
    let delivery = discovery.worker().deliveries_of("validate_user").remove(0);
    let context = &delivery.body["context"];
    assert_eq!((&context["execution_id"], &context["n"]), (&json!(RUNNING), &json!(1)));
    assert_eq!(context["documento"].as_str().map(str::len), Some(104_000));

    let started = discovery.post(&format!("/workflows/{DEMO}/execute-async"), json!({})).await.expect(200);
    let demo = started["execution_id"].as_str().unwrap().to_owned();
    let after = discovery.post(&format!("/executions/{demo}/next"), json!({})).await.expect(200);
    assert_eq!(after["context"]["valor"], 1);
    discovery.stop().await;
    old.drop().await;
}
