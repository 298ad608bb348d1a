//! The life of the process: start, stop, kill, refuse.

use sea_orm::{ConnectionTrait, Database};
use serde_json::json;

use crate::support::{Act, Discovery, Options};

#[actix_web::test]
async fn a_workflow_runs_to_its_end() {
    let discovery = Discovery::start().await;
    discovery.worker().answers("b", json!({"context": {"b": 2}}));
    let status = discovery.run(["a", "b"], json!({"x": 1})).await;
    assert_eq!(status["status"], "completed");
    assert_eq!((&status["context"]["x"], &status["context"]["b"]), (&json!(1), &json!(2)));
}

#[actix_web::test]
async fn a_killed_server_goes_on_where_it_was() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"b": 2}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("b", 1).await;
    discovery.restart().await;
    let calls = discovery.worker().until_called("b", 2).await;
    assert_eq!(calls[0].idempotency_key(), calls[1].idempotency_key());
    gate.open();
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["b"]), (&json!("completed"), &json!(2)));
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1);
}

#[actix_web::test]
async fn whoever_waits_for_an_end_is_told_when_the_server_stops_before_it() {
    let mut discovery = Options::new().flag("--stop-timeout-seconds=0.3").start().await;
    let _gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let http = discovery.http().clone();
    let path = format!("/workflows/{workflow}/execute");
    let waits = tokio::task::spawn_local(async move { http.post(&path, json!({})).await });
    discovery.worker().until_called("a", 1).await;
    assert!(discovery.stop().await.success());
    waits.await.unwrap().problem(503);
}

#[actix_web::test]
async fn sigterm_takes_no_new_work_and_lets_running_calls_end() {
    let mut discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({"context": {"a": 1}})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    discovery.ask_to_stop();
    discovery.until_found("the sentence that it stops", || discovery.log().contains("stops").then_some(())).await;
    gate.open();
    let status = discovery.until_gone().await;
    assert_eq!(status.code(), Some(0));
    assert!(discovery.worker().deliveries_of("b").is_empty(), "no new work");
    discovery.restart().await;
    let status = discovery.until_ended(&execution).await;
    assert_eq!((&status["status"], &status["context"]["a"]), (&json!("completed"), &json!(1)));
    assert_eq!(discovery.worker().deliveries_of("a").len(), 1, "what ended before the stop is not done again");
}

#[actix_web::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut discovery = Options::new().flag("--stop-timeout-seconds=0.3").start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    assert_eq!(discovery.stop().await.code(), Some(0));
    discovery.restart().await;
    let calls = discovery.worker().until_called("a", 2).await;
    assert_eq!(calls[0].idempotency_key(), calls[1].idempotency_key());
    gate.open();
    assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
}

#[actix_web::test]
async fn a_database_belongs_to_one_process() {
    let discovery = Discovery::start().await;
    let second = Options::new().on_the_database_of(&discovery).run("serve").await;
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("in use by another process"), "{second:?}");
    discovery.get("/ready").await.expect(200);
}

#[actix_web::test]
async fn migrations_run_at_start_or_by_themselves() {
    let options = Options::new().flag("--no-migrate");
    let refused = options.run("serve").await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("discovery migrate"), "{refused:?}");
    let migrate = Options::new();
    let first = migrate.run("migrate").await;
    assert!(first.code == Some(0) && first.stdout.contains("Applied"), "{first:?}");
    let again = migrate.run("migrate").await;
    assert!(again.code == Some(0) && again.stdout.contains("Nothing to do"), "{again:?}");
    let discovery = migrate.flag("--no-migrate").start().await;
    discovery.get("/ready").await.expect(200);
}

#[actix_web::test]
async fn a_newer_schema_is_refused() {
    let mut discovery = Discovery::start().await;
    assert_eq!(discovery.stop().await.code(), Some(0));
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_from_the_future', 0)";
    let database = Database::connect(discovery.database_url()).await.unwrap();
    database.execute_unprepared(newer).await.unwrap();
    database.close().await.unwrap();
    for command in ["serve", "migrate"] {
        let refused = Options::new().on_the_database_of(&discovery).run(command).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("newer schema"), "{refused:?}");
    }
}

#[actix_web::test]
async fn a_taken_port_is_a_sentence() {
    let discovery = Discovery::start().await;
    let port = discovery.port();
    let refused = Options::new().flag(format!("--port={port}")).run("serve").await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&format!("Port {port} on 127.0.0.1 is taken")), "{refused:?}");
}

#[actix_web::test]
async fn a_flag_wins_over_its_variable() {
    let options = Options::new().variable("DISCOVERY_BASE_PATH", "/variable").flag("--base-path=/flag");
    let discovery = options.start().await;
    discovery.get("/flag/health").await.expect(200);
    discovery.get("/variable/health").await.problem(404);
}
