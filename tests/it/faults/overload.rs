//! More than there is room for: who comes too late is told so, and what runs goes on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::lock::Lock;
use super::watch::{HealthWatch, until_all_ended};
use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, Options, PATIENCE, Reply, found_within};

/// No answer of `/health` may take longer, on whatever machine.
const HEALTH_MAX: Duration = Duration::from_secs(5);
/// A refusal waits for nothing; on whatever machine.
const REFUSAL_MAX: Duration = Duration::from_secs(5);

/// The answers of all four calls that start.
async fn start_in_every_way(discovery: &Discovery, workflow: &str) -> Vec<Reply> {
    let mut replies = Vec::new();
    for path in ["/execute-async", "/execute"] {
        replies.push(discovery.post(path, json!({"workflow_id": workflow})).await);
        replies.push(discovery.post(&format!("/workflows/{workflow}{path}"), json!({})).await);
    }
    replies
}

/// All starts are refused at once, with the time after which to come back.
async fn all_starts_are_refused(discovery: &Discovery, workflow: &str, because: &str) {
    let since = Instant::now();
    let mut replies = start_in_every_way(discovery, workflow).await;
    let stream = discovery.http().request("POST", &format!("/workflows/{workflow}/execute-async"));
    replies.push(stream.header("accept", "text/event-stream").json(&json!({})).send().await);
    assert!(since.elapsed() < REFUSAL_MAX, "{:?}", since.elapsed());
    for reply in &replies {
        let problem = reply.problem(503);
        assert!(problem["detail"].as_str().unwrap().contains(because), "{reply}");
        assert!(reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() > 0), "{reply:?}");
    }
}

async fn calls_waiting(discovery: &Discovery) -> Value {
    discovery.get("/admin/stats").await.expect(200)["calls"]["workers"][0]["waiting"].clone()
}

#[actix_web::test]
async fn when_too_many_calls_wait_starts_are_refused_while_what_runs_goes_on() {
    const OPEN: usize = 4;
    const WAITING: usize = 20;
    let flags = ["--calls-max=16", "--calls-per-handler-max=4", "--calls-waiting-max=20"];
    let mut discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let gate = discovery.worker().holds("slow", Act::answer(json!({"context": {"slow": true}})));
    discovery.worker().on("elsewhere", Act::status(202, json!({})));
    let slow = discovery.workflow(["slow"]).await;
    let elsewhere = discovery.workflow(["elsewhere", "quick"]).await;
    let by_hand = discovery.define(json!({"name": "m", "mode": "manual", "steps": [{"name": "quick"}]})).await;
    let called_back = discovery.begin(&elsewhere, json!({})).await;
    discovery.until_waiting_for(&called_back, "callback").await;
    let stepped = discovery.begin(&by_hand, json!({})).await;
    let keyed = |key: &str| {
        let path = format!("/workflows/{slow}/execute-async");
        discovery.http().request("POST", &path).header("idempotency-key", key).json(&json!({}))
    };
    let first = keyed("first").send().await.expect(200)["execution_id"].clone();
    join_all((1..OPEN + WAITING).map(|_| discovery.begin(&slow, json!({})))).await;
    let full = found_within(PATIENCE, || async { (calls_waiting(&discovery).await == WAITING).then_some(()) });
    assert!(full.await.is_some(), "{} calls wait", calls_waiting(&discovery).await);

    let watch = HealthWatch::of(&discovery);
    all_starts_are_refused(&discovery, &slow, "calls wait for their turn").await;
    all_starts_are_refused(&discovery, &by_hand, "calls wait for their turn").await;
    keyed("second").send().await.problem(503);
    assert_eq!(keyed("first").send().await.expect(200)["execution_id"], first, "a replay starts nothing");
    // What is there already goes on: by a report, by hand, and on a handler that answers.
    let report = format!("/executions/{called_back}/steps/elsewhere/complete");
    discovery.post(&report, json!({"context": {"called": "back"}})).await.expect(200);
    assert_eq!(discovery.until_ended(&called_back).await["status"], "completed");
    assert_eq!(discovery.steer(&stepped, "next").await["status"], "completed");
    let listed = discovery.get("/executions?limit=1").await.expect(200);
    assert_eq!(listed["pagination"]["total"], OPEN + WAITING + 2, "nothing that was refused is there");
    let health = watch.end();
    assert!(health.percentile(100) < HEALTH_MAX, "{health}");

    gate.open();
    until_all_ended(&discovery, PATIENCE).await;
    start_in_every_way(&discovery, &slow).await.iter().for_each(|reply| drop(reply.expect(200)));
    let second = keyed("second").send().await;
    assert_eq!((second.status, second.header("idempotent-replayed")), (200, None), "{second}");
    until_all_ended(&discovery, PATIENCE).await;
    discovery.stop().await;
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), OPEN + WAITING + 2 + 4 + 1);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
    println!("{health}");
}

#[actix_web::test]
async fn when_too_many_changes_wait_to_be_written_starts_are_refused_and_those_before_them_are_kept() {
    const QUEUED: usize = 10;
    let flags = ["--journal-queue-max=10", "--request-timeout-seconds=120"];
    let mut discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let workflow = discovery.workflow(["a", "b"]).await;
    // Its definition is known from now on: on PostgreSQL nothing can be read meanwhile.
    let first = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&first).await;
    let watch = HealthWatch::of(&discovery);
    let lock = Lock::of(&discovery).await;
    let released = Cell::new(false);
    let queued = join_all((0..QUEUED).map(|_| async {
        let id = discovery.begin(&workflow, json!({})).await;
        assert!(released.get(), "{id} was acknowledged before it was on disk");
        id
    }));
    let refused = async {
        let length = || async { discovery.get("/admin/stats").await.expect(200)["journal"]["queue"].as_u64() };
        let full = found_within(PATIENCE, || async { (length().await >= Some(QUEUED as u64)).then_some(()) });
        assert!(full.await.is_some(), "{:?}", length().await);
        all_starts_are_refused(&discovery, &workflow, "wait to be written").await;
        released.set(true);
        lock.release().await;
    };
    let (queued, ()) = join(queued, refused).await;
    let health = watch.end();
    println!("{health}");
    assert!(health.percentile(100) < HEALTH_MAX, "{health}");
    until_all_ended(&discovery, PATIENCE).await;
    start_in_every_way(&discovery, &workflow).await.iter().for_each(|reply| drop(reply.expect(200)));
    until_all_ended(&discovery, PATIENCE).await;
    discovery.kill();
    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), 1 + QUEUED + 4);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
    assert!(queued.iter().all(|id| logs.contains_key(&discovery::domain::ExecutionId(id.parse().unwrap()))));
}

#[actix_web::test]
async fn too_many_messages_with_one_execution_are_refused_and_concern_no_other() {
    const MESSAGES: usize = 4;
    // The first report goes at once, those behind it are held back, and keep their places.
    let flags = ["--execution-messages-max=4", "--progress-interval-seconds=3"];
    let mut discovery = flags.into_iter().fold(Options::new(), Options::flag).start().await;
    let gate = discovery.worker().holds("slow", Act::answer(json!({})));
    let slow = discovery.workflow(["slow"]).await;
    let crowded = discovery.begin(&slow, json!({})).await;
    discovery.worker().until_called("slow", 1).await;
    let path = format!("/executions/{crowded}/steps/slow/progress");
    discovery.post(&path, json!({"percentage": 1})).await.expect(200);

    let refused = Cell::new(0);
    let reports = join_all((0..3 * MESSAGES).map(|number| {
        let (discovery, path, refused) = (&discovery, &path, &refused);
        async move {
            let reply = discovery.post(path, json!({"percentage": 10 + number})).await;
            if reply.status == 503 {
                reply.problem(503);
                assert!(reply.header("retry-after").is_some(), "{reply:?}");
                refused.update(|refused| refused + 1);
            }
            reply.status
        }
    }));
    let others = async {
        let full = found_within(PATIENCE, || async { (refused.get() > 0).then_some(()) }).await;
        assert!(full.is_some(), "nothing was refused");
        discovery.post(&format!("/executions/{crowded}/pause"), json!({})).await.problem(503);
        assert_eq!(discovery.status(&crowded).await["status"], "running", "it can be read all the same");
        assert_eq!(discovery.run(["quick"], json!({})).await["status"], "completed");
    };
    let (statuses, ()) = join(reports, others).await;
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((taken, refused.get()), (MESSAGES, 2 * MESSAGES), "{statuses:?}");
    discovery.steer(&crowded, "pause").await;
    discovery.steer(&crowded, "resume").await;
    gate.open();
    assert_eq!(discovery.until_ended(&crowded).await["status"], "completed");
    discovery.stop().await;
    assert_eq!(sound_logs(&discovery.database_url()).await.len(), 2);
}
