//! A database that cannot be written for a while: nothing that was acknowledged is lost, and work goes on by itself. For how
//! long, in seconds, may be said by `DISCOVERY_TEST_FAULT_SECONDS`.

use std::time::{Duration, Instant};

use discovery::domain::{ExecutionId, Status};
use futures_util::future::join_all;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions, Executor};
use serde_json::{Value, json};

use super::lock::Lock;
use super::mount::{Disk, Frozen};
use super::watch::{HealthWatch, until_all_ended};
use crate::support::log_check::sound_logs;
use crate::support::{Act, Discovery, Options, PATIENCE, Reply, found_within};

const RUNNING: usize = 40;
/// Longer than the journal itself waits for a lock before it tries anew (2 s).
const FAULT_SECONDS: u64 = 3;
/// No answer of `/health` may take longer, on whatever machine.
const HEALTH_MAX: Duration = Duration::from_secs(5);
/// A request is refused after a second; on whatever machine.
const REFUSAL_MAX: Duration = Duration::from_secs(20);

fn options() -> Options {
    Options::new().flag("--request-timeout-seconds=1")
}

async fn is_refused(what: impl Future<Output = Reply>) {
    let since = Instant::now();
    let reply = what.await;
    reply.problem(503);
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert!(since.elapsed() < REFUSAL_MAX, "{} took {:?}", reply.what, since.elapsed());
}

/// Has executions in every state, makes the database unusable and usable again, and finds all of them as they must be.
async fn goes_on_after<F>(
    mut discovery: Discovery,
    begin: impl AsyncFnOnce(&Discovery) -> F,
    end: impl AsyncFnOnce(F),
) {
    let gate = discovery.worker().holds("open", Act::answer(json!({"context": {"open": true}})));
    discovery.worker().on("elsewhere", Act::status(202, json!({})));
    let workflow = discovery.workflow(["open", "last"]).await;
    let elsewhere = discovery.workflow(["elsewhere", "last"]).await;
    let begun = join_all((0..RUNNING).map(|_| discovery.begin(&workflow, json!({})))).await;
    discovery.worker().until_called("open", RUNNING).await;
    let called_back = discovery.begin(&elsewhere, json!({})).await;
    discovery.until_waiting_for(&called_back, "callback").await;
    let report = format!("/executions/{called_back}/steps/elsewhere/complete");
    let start = || {
        let path = format!("/workflows/{workflow}/execute-async");
        discovery.http().request("POST", &path).header("idempotency-key", "one").json(&json!({})).send()
    };

    let watch = HealthWatch::of(&discovery);
    let since = Instant::now();
    let fault = begin(&discovery).await;
    // The workers answer while there is nowhere to write.
    gate.open();
    let fault_seconds =
        std::env::var("DISCOVERY_TEST_FAULT_SECONDS").map_or(FAULT_SECONDS, |text| text.parse().unwrap());
    while since.elapsed() < Duration::from_secs(fault_seconds) {
        is_refused(start()).await;
        is_refused(discovery.post(&report, json!({"context": {"report": 1}}))).await;
        is_refused(discovery.post("/workflows", json!({"name": "w", "steps": [{"name": "a"}]}))).await;
    }
    end(fault).await;
    let health = watch.end();
    println!("unusable for {:.1?}; {health}", since.elapsed());
    assert!(health.percentile(100) < HEALTH_MAX, "{health}");

    // Those who were refused ask again, as they were told to; what they asked for may be done already.
    let started = until_taken(start).await["execution_id"].as_str().unwrap().to_owned();
    let told = found_within(PATIENCE, || async {
        let reply = discovery.post(&report, json!({"context": {"report": 1}})).await;
        [200, 409].contains(&reply.status).then_some(())
    });
    assert!(told.await.is_some(), "the callback is not taken");
    until_all_ended(&discovery, PATIENCE).await;
    assert_eq!(discovery.run(["open"], json!({})).await["status"], "completed");
    discovery.kill();

    let logs = sound_logs(&discovery.database_url()).await;
    assert_eq!(logs.len(), RUNNING + 3, "the key started one execution, however often it was asked to");
    assert!(logs.values().all(|log| log.state.status() == Status::Completed));
    let log_of = |id: &str| &logs[&ExecutionId(id.parse().unwrap())];
    assert!(begun.iter().all(|id| log_of(id).state.context().get("open") == Some(&json!(true))));
    assert_eq!(log_of(&called_back).state.context().get("report"), Some(&json!(1)));
    assert_eq!(log_of(&started).state.status(), Status::Completed);
    // An answer that waited for the disk is not asked for a second time.
    assert_eq!(discovery.worker().deliveries_of("open").len(), RUNNING + 2);
}

async fn until_taken<F: Future<Output = Reply>>(ask: impl Fn() -> F) -> Value {
    let taken = found_within(PATIENCE, || async {
        let reply = ask().await;
        if reply.status != 200 {
            reply.problem(503);
            return None;
        }
        Some(reply.json())
    });
    taken.await.expect("it is refused although the database can be used again")
}

#[actix_web::test]
async fn a_database_that_somebody_else_has_locked_is_waited_out() {
    goes_on_after(options().start().await, Lock::of, Lock::release).await;
}

#[actix_web::test]
async fn a_full_disk_is_waited_out() {
    let Some(disk) = Disk::of_mib(16) else { return };
    let discovery = options().on_sqlite_in(disk.path()).start().await;
    goes_on_after(discovery, async |_| disk.fill(), async |ballast| ballast.throw_off()).await;
}

#[actix_web::test]
async fn files_that_cannot_be_written_any_more_are_waited_out() {
    let directory = tempfile::tempdir().unwrap();
    if !Frozen::is_possible_in(directory.path()) {
        return;
    }
    let discovery = options().on_sqlite_in(directory.path()).start().await;
    let freeze = async |discovery: &Discovery| {
        let wal = format!("{}-wal", discovery.database().display());
        Frozen::files(vec![discovery.database(), wal.into()])
    };
    goes_on_after(discovery, freeze, async |frozen| drop(frozen)).await;
}

#[actix_web::test]
async fn a_database_on_a_read_only_disk_is_refused_with_a_sentence() {
    let Some(disk) = Disk::of_mib(16) else { return };
    let mut discovery = options().on_sqlite_in(disk.path()).start().await;
    discovery.run(["a"], json!({})).await;
    discovery.stop().await;
    disk.make_read_only();
    let refusal = options().on_sqlite_in(disk.path()).run("serve").await;
    assert_eq!(refusal.code, Some(1), "{}", refusal.stderr);
    assert!(refusal.stderr.contains("The database cannot be opened"), "{}", refusal.stderr);
    assert!(refusal.stderr.contains("Read-only file system"), "{}", refusal.stderr);
    assert_eq!(refusal.stdout, "");
}

/// Makes a database read-only, or no more so, for the sessions that begin from now on; those that are there end.
async fn set_read_only(url: &str, is_read_only: bool) {
    let database: PgConnectOptions = url.parse().unwrap();
    let name = database.get_database().unwrap().to_owned();
    let mut other: PgConnection = database.database("postgres").connect().await.unwrap();
    let word = if is_read_only { "on" } else { "off" };
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {word}");
    other.execute(sqlx::AssertSqlSafe(set)).await.unwrap();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    other.execute(sqlx::AssertSqlSafe(end)).await.unwrap();
}

#[actix_web::test]
async fn a_server_that_takes_no_writes_is_waited_out() {
    let discovery = options().start().await;
    let url = discovery.database_url();
    if url.starts_with("sqlite:") {
        return;
    }
    let begin = async |_: &Discovery| set_read_only(&url, true).await;
    goes_on_after(discovery, begin, async |()| set_read_only(&url, false).await).await;
}

#[actix_web::test]
async fn a_change_that_was_too_late_for_its_asker_is_used_all_the_same() {
    let discovery = options().start().await;
    let workflow = discovery.workflow(["a"]).await;
    let path = format!("/workflows/{workflow}");
    let first = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&first).await;
    let lock = Lock::of(&discovery).await;
    is_refused(discovery.http().patch(&path, json!({"description": "new"}))).await;
    lock.release().await;
    let changed = found_within(PATIENCE, || async {
        let found = discovery.get(&path).await.expect(200);
        (found["description"] == "new").then_some(())
    });
    assert!(changed.await.is_some(), "the change is not seen");
    let second = discovery.begin(&workflow, json!({})).await;
    assert_eq!(discovery.until_ended(&second).await["workflow_version"], 2);
}
