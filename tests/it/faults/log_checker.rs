//! The checker of logs must find what is wrong, or its silence says nothing.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::support::log_check::{check_logs, sound_logs};
use crate::support::{Act, Options};

/// What is done to a database, and what the checker must say.
const DAMAGES: [(&str, &str); 15] = [
    ("DELETE FROM discovery_execution_events WHERE seq = 3", "the event at place 3"),
    ("DELETE FROM discovery_execution_events WHERE kind = 'workflow_completed'", "status: the row"),
    ("DELETE FROM discovery_execution_events", "does not begin with"),
    ("UPDATE discovery_execution_events SET body = replace(body, '}', ' }') WHERE seq = 2", "an event's text"),
    ("UPDATE discovery_execution_events SET kind = 'step_error' WHERE kind = 'step_finished'", "an event's name"),
    ("UPDATE discovery_execution_events SET private = NULL WHERE kind = 'step_started'", "cannot be read"),
    ("UPDATE discovery_workflow_executions SET status = 'failed'", "status: the row"),
    ("UPDATE discovery_workflow_executions SET last_seq = last_seq + 1", "last_seq: the row"),
    ("UPDATE discovery_workflow_executions SET context = '{}'", "context: the row"),
    ("UPDATE discovery_workflow_executions SET wake_at = created_at", "wake_at: the row"),
    ("UPDATE discovery_step_executions SET output_payload = '{}' WHERE handler = 'a'", "a step's output"),
    ("UPDATE discovery_step_executions SET finished_at = NULL", "a step's end"),
    ("DELETE FROM discovery_step_executions WHERE handler = 'b'", "number of attempts"),
    ("DELETE FROM discovery_payloads", "is missing"),
    ("DELETE FROM discovery_execution_payloads", "is not said to be its own"),
];

#[actix_web::test]
async fn the_checker_of_logs_finds_every_damage() {
    let mut discovery = Options::new().on_sqlite().start().await;
    discovery.worker().does("a", |call| async move {
        call.progress(json!({"percentage": 50})).await.expect(200);
        Act::answer(json!({"context": {"a": "x".repeat(20_000)}}))
    });
    assert_eq!(discovery.run(["a", "b"], json!({"x": 1})).await["status"], "completed");
    // An orderly stop leaves everything in the one file that is copied below.
    discovery.stop().await;
    assert_eq!(sound_logs(&discovery.database_url()).await.len(), 1);
    for (damage, expected) in DAMAGES {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("damaged.db");
        std::fs::copy(discovery.database(), &copy).unwrap();
        let changed = run(&copy, damage);
        assert!(changed > 0, "{damage} changes nothing");
        let findings = check_logs(&format!("sqlite://{}", copy.display())).await.expect_err(damage);
        assert!(findings.iter().any(|finding| finding.contains(expected)), "{damage}: {findings:#?}");
    }
}

fn run(database: &Path, sql: &str) -> usize {
    let connection = Connection::open(database).unwrap();
    connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
    let changed = connection.execute(sql, []).unwrap();
    // Back into the one file.
    connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
    changed
}
