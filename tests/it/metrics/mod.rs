//! What Prometheus reads: that it is well made, that it is right, that it stays small.

mod dashboard;
mod scrape;

use chrono::Utc;
use discovery::metrics::{HANDLERS_MAX, OTHER_HANDLERS};
use serde_json::{Value, json};

use crate::support::{Act, Discovery, Events, Options, PATIENCE, Socket, found_within};
use scrape::Scrape;

/// A server that writes nothing but what it is asked for.
async fn quiet() -> Discovery {
    Options::new().flag("--alive-interval-seconds=3600").start().await
}

fn attempts(scrape: &Scrape, handler: &str) -> [f64; 3] {
    let of = |outcome| scrape.value("discovery_step_attempts_total", &[("handler", handler), ("outcome", outcome)]);
    ["success", "failed", "cancelled"].map(of)
}

fn timed(scrape: &Scrape, handler: &str) -> f64 {
    scrape.value("discovery_step_duration_seconds_count", &[("handler", handler)])
}

fn finished(scrape: &Scrape) -> [f64; 3] {
    let with = |status| scrape.value("discovery_executions_finished_total", &[("status", status)]);
    ["completed", "failed", "cancelled"].map(with)
}

fn of_kind(scrape: &Scrape, kind: &str) -> f64 {
    scrape.value("discovery_actors", &[("kind", kind)])
}

/// Waits until a scrape is as `wanted` says, and gives it.
async fn until(discovery: &Discovery, wanted: impl Fn(&Scrape) -> bool) -> Scrape {
    let looked = found_within(PATIENCE, || async { Some(Scrape::of(discovery).await).filter(&wanted) });
    looked.await.expect("the scrape did not come to be as wanted")
}

/// A step that is tried again soon.
fn retried(name: &str, max_attempts: u32) -> Value {
    json!({"name": name, "retry": {"max_attempts": max_attempts, "initial_interval_seconds": 0.01}})
}

#[actix_web::test]
async fn executions_and_attempts_are_counted_exactly() {
    let discovery = quiet().await;
    let worker = discovery.worker();
    worker.in_turn("flaky", [Act::status(503, json!({})), Act::answer(json!({}))]);
    worker.on("broken", Act::status(500, json!({})));
    let gate = worker.holds("held", Act::answer(json!({})));

    let plain = discovery.workflow(["a", "b", "c"]).await;
    for _ in 0..2 {
        let execution = discovery.begin(&plain, json!({})).await;
        discovery.until_ended(&execution).await;
    }
    discovery.run([json!("a"), retried("flaky", 3)], json!({})).await;
    discovery.run([json!("a"), retried("broken", 2)], json!({})).await;
    let held = discovery.workflow(["held"]).await;
    let cancelled = discovery.begin(&held, json!({})).await;
    worker.until_called("held", 1).await;
    discovery.steer(&cancelled, "cancel").await;

    let scrape = Scrape::of(&discovery).await;
    assert_eq!(scrape.value("discovery_executions_started_total", &[]), 5.0);
    assert_eq!(finished(&scrape), [3.0, 1.0, 1.0]);
    assert_eq!(attempts(&scrape, "a"), [4.0, 0.0, 0.0]);
    assert_eq!(attempts(&scrape, "b"), [2.0, 0.0, 0.0]);
    assert_eq!(attempts(&scrape, "flaky"), [1.0, 1.0, 0.0]);
    assert_eq!(attempts(&scrape, "broken"), [0.0, 2.0, 0.0]);
    assert_eq!(attempts(&scrape, "held"), [0.0, 0.0, 1.0]);
    assert_eq!(["a", "flaky", "broken", "held"].map(|handler| timed(&scrape, handler)), [4.0, 2.0, 2.0, 0.0]);
    // Twice a, b, c; and a before each of the two that are tried again, which is no step that follows another.
    assert_eq!(scrape.value("discovery_step_overhead_seconds_count", &[]), 6.0);

    discovery.steer(&cancelled, "retry").await;
    worker.until_called("held", 2).await;
    gate.open();
    discovery.until_ended(&cancelled).await;
    let scrape = Scrape::of(&discovery).await;
    assert_eq!(scrape.value("discovery_executions_started_total", &[]), 5.0, "it was started once");
    assert_eq!((finished(&scrape), attempts(&scrape, "held")), ([4.0, 1.0, 1.0], [1.0, 0.0, 1.0]));
}

#[actix_web::test]
async fn the_time_of_a_step_is_that_of_its_worker_be_it_answered_or_reported() {
    let discovery = quiet().await;
    let waits = |milliseconds| async move {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        Act::answer(json!({}))
    };
    discovery.worker().does("slow", move |_| waits(300));
    discovery.worker().on("elsewhere", Act::status(202, json!({})));
    let workflow = discovery.workflow(["quick", "slow", "elsewhere"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.until_waiting_for(&execution, "callback").await;
    let accepted = Scrape::of(&discovery).await;
    assert_eq!((attempts(&accepted, "elsewhere"), timed(&accepted, "elsewhere")), ([0.0; 3], 0.0));
    let call = &discovery.worker().deliveries_of("elsewhere")[0];
    call.complete(json!({})).await.expect(200);
    discovery.until_ended(&execution).await;

    let scrape = Scrape::of(&discovery).await;
    let seconds = |handler| scrape.value("discovery_step_duration_seconds_sum", &[("handler", handler)]);
    assert!(seconds("slow") >= 0.3, "{scrape:?}");
    let status = discovery.status(&execution).await;
    let of_log = |place: usize| status["steps_history"][place]["duration_seconds"].as_f64().unwrap();
    // What the log tells holds the wait for the call, too, and is cut to milliseconds.
    assert!(seconds("quick") <= of_log(0) + 0.001 && seconds("slow") <= of_log(1) + 0.001, "{status}");
    assert_eq!(seconds("elsewhere"), of_log(2));
    assert_eq!((attempts(&scrape, "elsewhere"), timed(&scrape, "elsewhere")), ([1.0, 0.0, 0.0], 1.0));
    assert_eq!(scrape.value("discovery_step_overhead_seconds_count", &[]), 2.0);
}

#[actix_web::test]
async fn what_is_alive_and_who_watches_is_told() {
    let discovery = quiet().await;
    let gate = discovery.worker().holds("held", Act::answer(json!({})));
    let workflow = discovery.workflow(["held", "never"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("held", 1).await;
    let mut socket = Socket::open(&format!("{}/ws/{execution}", discovery.http().url())).await;
    for _ in 0..2 {
        socket.told().await.unwrap();
    }
    let events = Events::open(&format!("{}/executions/{execution}/events?after=2", discovery.http().url()), &[]).await;

    let scrape = until(&discovery, |scrape| of_kind(scrape, "event_stream") == 1.0).await;
    let kinds = ["execution", "registry", "websocket"].map(|kind| of_kind(&scrape, kind));
    assert_eq!(kinds, [1.0, 1.0, 1.0]);
    let calls = |name: &str, handler| scrape.value(name, &[("handler", handler)]);
    assert_eq!(calls("discovery_calls_in_flight", "held"), 1.0);
    assert_eq!(calls("discovery_calls_in_flight", "never"), 0.0, "it is told before it runs");
    assert_eq!(calls("discovery_calls_waiting", "held"), 0.0);
    assert_eq!(scrape.value("discovery_live_executions", &[("state", "calling")]), 1.0);
    assert_eq!(scrape.value("discovery_live_executions", &[("state", "paused")]), 0.0);
    assert_eq!(scrape.value("discovery_stuck_executions", &[]), 0.0);
    assert_eq!(scrape.value("discovery_sessions_opened_total", &[]), 2.0);
    assert_eq!(scrape.value("discovery_events_sent_total", &[]), 2.0);

    gate.open();
    let (told, end) = socket.rest().await;
    end.assert_closed(1000);
    drop(events);
    let scrape =
        until(&discovery, |scrape| ["websocket", "event_stream"].map(|kind| of_kind(scrape, kind)) == [0.0; 2]);
    let scrape = scrape.await;
    assert!(scrape.value("discovery_events_sent_total", &[]) >= 2.0 + told.len() as f64);
    assert_eq!(scrape.value("discovery_calls_in_flight", &[("handler", "held")]), 0.0);
    assert_eq!(scrape.value("discovery_sessions_dropped_total", &[]), 0.0);
}

#[actix_web::test]
async fn what_a_slow_session_lost_is_counted() {
    let flags = ["--session-buffer-events=20", "--session-stall-seconds=1000", "--session-socket-bytes=4096"];
    let discovery = flags.iter().fold(Options::new(), |options, flag| options.flag(*flag)).start().await;
    let workflow = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "a"}]})).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let mut slow = Socket::open(&format!("{}/ws/{execution}", discovery.http().url())).await;
    slow.told().await.unwrap();
    let lost = |scrape: &Scrape| scrape.value("discovery_events_dropped_total", &[]);
    let data = json!({"additional_data": {"text": "x".repeat(10_000)}});
    let mut number = 0;
    while lost(&Scrape::of(&discovery).await) == 0.0 {
        let mut data = data.clone();
        data["additional_data"]["number"] = json!(number);
        discovery.http().patch(&format!("/executions/{execution}/properties"), data).await.expect(200);
        number += 1;
    }
    assert_eq!(lost(&Scrape::of(&discovery).await), 21.0, "those that waited, and the one too many");
    let (_, end) = slow.rest().await;
    end.assert_closed(1013);
    assert_eq!(Scrape::of(&discovery).await.value("discovery_sessions_dropped_total", &[]), 1.0);
}

#[actix_web::test]
async fn what_is_written_is_told_as_the_statistics_tell_it() {
    let discovery = quiet().await;
    discovery.run(["a", "b"], json!({})).await;
    let stats = discovery.get("/admin/stats").await.expect(200);
    let scrape = Scrape::of(&discovery).await;
    let journal = |field: &str| stats["journal"][field].as_f64().unwrap();
    let told = |name: &str| scrape.value(name, &[]);
    assert_eq!(told("discovery_journal_commit_seconds_count"), journal("batches"));
    assert_eq!(told("discovery_journal_batch_changes_count"), journal("batches"));
    assert_eq!(told("discovery_journal_batch_changes_sum"), journal("commits"));
    assert_eq!(told("discovery_journal_rows_total"), journal("rows"));
    assert_eq!(told("discovery_journal_queue_changes"), 0.0);
    assert!(journal("batch_size_last") >= 1.0 && journal("batch_ms_mean") > 0.0, "{stats}");
    assert!(told("discovery_actor_messages_total") >= stats["messages"]["handled"].as_f64().unwrap(), "{stats}");
    let connections = |state| scrape.value("discovery_database_connections", &[("state", state)]);
    let open = connections("used") + connections("idle");
    assert!(open >= 1.0 && open <= told("discovery_database_connections_max"), "{scrape:?}");
}

#[actix_web::test]
async fn restarts_of_actors_are_counted() {
    let discovery = quiet().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    discovery.post(&format!("/admin/actors/{execution}/restart"), json!({})).await.expect(200);
    discovery.worker().until_called("a", 2).await;
    gate.open();
    discovery.until_ended(&execution).await;
    let scrape = Scrape::of(&discovery).await;
    let restarts = |reason| scrape.value("discovery_actor_restarts_total", &[("reason", reason)]);
    assert_eq!((restarts("request"), restarts("crash")), (1.0, 0.0));
    assert_eq!((attempts(&scrape, "a"), finished(&scrape)), ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]), "once, for two calls");
}

#[actix_web::test]
async fn however_many_handlers_there_are_the_page_stays_small() {
    let discovery = quiet().await;
    let strange = r#"qu"o\te"#;
    let named = (0..HANDLERS_MAX + 4).map(|number| json!({"name": format!("h{number}")}));
    let steps = [json!({"name": "strange", "handler": strange})].into_iter().chain(named);
    let workflow = discovery.workflow(steps).await;
    discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called(&format!("h{}", HANDLERS_MAX + 3), 1).await;
    until(&discovery, |scrape| finished(scrape) == [1.0, 0.0, 0.0]).await;

    let gate = discovery.worker().holds("late", Act::answer(json!({})));
    let workflow = discovery.workflow(["late"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("late", 1).await;
    let scrape = Scrape::of(&discovery).await;
    for name in ["discovery_step_attempts_total", "discovery_step_duration_seconds_count", "discovery_calls_in_flight"]
    {
        let handlers = scrape.values_of(name, "handler");
        assert_eq!(handlers.len(), HANDLERS_MAX + 1, "{name}");
        assert!(handlers.contains(strange) && handlers.contains(OTHER_HANDLERS), "{name}: {handlers:?}");
    }
    assert_eq!(attempts(&scrape, OTHER_HANDLERS), [5.0, 0.0, 0.0]);
    assert_eq!(timed(&scrape, OTHER_HANDLERS), 5.0);
    assert_eq!((attempts(&scrape, strange), attempts(&scrape, "h0")), ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]));
    assert_eq!(scrape.value("discovery_calls_in_flight", &[("handler", OTHER_HANDLERS)]), 1.0);
    gate.open();
    discovery.until_ended(&execution).await;
}

#[actix_web::test]
async fn it_is_served_below_the_base_path_too() {
    let discovery = Options::new().variable("DISCOVERY_BASE_PATH", "/discovery").start().await;
    let here = Scrape::of(&discovery).await;
    for path in ["/metrics/", "/discovery/metrics", "/discovery/metrics/"] {
        let there = Scrape::at(&discovery, path).await;
        assert_eq!(there.families(), here.families(), "{path}");
    }
    discovery.post("/metrics", json!({})).await.problem(405);
}

#[actix_web::test]
async fn the_process_and_its_build_are_told() {
    let before = Utc::now().timestamp() as f64;
    let discovery = Discovery::start().await;
    let scrape = Scrape::of(&discovery).await;
    assert_eq!(scrape.value("discovery_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    if !cfg!(target_os = "linux") {
        return;
    }
    let process = |name: &str| scrape.value(&format!("process_{name}"), &[]);
    // The system tells when it was booted to the second.
    let age = process("start_time_seconds") - before;
    assert!((-2.0..60.0).contains(&age), "{age}");
    assert!(process("resident_memory_bytes") > 1_000_000.0 && process("cpu_seconds_total") >= 0.0);
    assert!(process("open_fds") > 3.0 && process("open_fds") < process("max_fds"));
    assert!(process("threads") > 1.0);
}

#[actix_web::test]
async fn the_dashboard_asks_only_for_what_is_told() {
    let discovery = Discovery::start().await;
    discovery.run(["a", "b"], json!({})).await;
    dashboard::check(&Scrape::of(&discovery).await);
}
