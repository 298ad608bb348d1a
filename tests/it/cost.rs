//! What a step costs the database: counted, not timed, so that a busy machine changes nothing.
//!
//! `benches/guard` does the same for instructions and SQL statements.

use serde_json::{Value, json};

use crate::support::{Discovery, Options};

const STEPS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Executions, one after the other: no two commits can share a transaction.
const EXECUTIONS: u64 = 20;

/// One commit for the start, and one for the end of each step together with the start of the next.
const COMMITS: u64 = 1 + STEPS.len() as u64;
/// The start and the last step write the execution, two events and an attempt; each other step one attempt more.
const ROWS: u64 = 4 * COMMITS + (COMMITS - 2);
/// What is written to the files for a step: pages of 4 KB, in the log and later in the file. It was 42,900.
const BYTES_PER_STEP_MAX: u64 = 47_000;

/// A server that writes nothing but what it is asked for.
async fn quiet(options: Options) -> Discovery {
    options.flag("--alive-interval-seconds=3600").start().await
}

/// Runs all executions to their end.
async fn run(discovery: &Discovery) {
    let workflow = discovery.workflow(STEPS).await;
    let data = json!({"customer": "c-17", "lines": [{"sku": "a1", "count": 2}, {"sku": "b2", "count": 1}]});
    for _ in 0..EXECUTIONS {
        let execution = discovery.begin(&workflow, data.clone()).await;
        assert_eq!(discovery.until_ended(&execution).await["status"], "completed");
    }
}

fn answer_with_context(discovery: &Discovery) {
    for step in STEPS {
        discovery.worker().answers(step, json!({"context": {step: {"status": "done", "rows": 12}}}));
    }
}

async fn journal(discovery: &Discovery) -> Value {
    discovery.get("/admin/stats").await.expect(200)["journal"].clone()
}

#[actix_web::test]
async fn a_step_is_one_commit_of_a_few_rows() {
    let discovery = quiet(Options::new()).await;
    answer_with_context(&discovery);
    // The definition of the workflow is a commit too.
    run(&discovery).await;
    let before = journal(&discovery).await;
    run(&discovery).await;
    let after = journal(&discovery).await;
    let more = |what: &str| after[what].as_u64().unwrap() - before[what].as_u64().unwrap();
    let (definition_commits, definition_rows) = (1, 3 + STEPS.len() as u64);
    let commits = more("commits") - definition_commits;
    assert_eq!(commits, EXECUTIONS * COMMITS, "a transition of an execution is one commit");
    assert_eq!(more("batches") - definition_commits, commits, "each in one transaction");
    let rows = more("rows") - definition_rows;
    assert!(rows <= EXECUTIONS * ROWS, "{rows} rows, at most {} are needed", EXECUTIONS * ROWS);
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn a_step_writes_few_bytes() {
    let discovery = quiet(Options::new().on_sqlite()).await;
    answer_with_context(&discovery);
    run(&discovery).await;
    let before = bytes_written(&discovery);
    run(&discovery).await;
    let per_step = (bytes_written(&discovery) - before) / (EXECUTIONS * STEPS.len() as u64);
    assert!(per_step <= BYTES_PER_STEP_MAX, "{per_step} bytes, at most {BYTES_PER_STEP_MAX} are expected");
}

/// What the server has handed to the system to be written, whatever kind of disk it is on.
#[cfg(target_os = "linux")]
fn bytes_written(discovery: &Discovery) -> u64 {
    let counters = std::fs::read_to_string(format!("/proc/{}/io", discovery.pid().unwrap())).unwrap();
    let written = counters.lines().find_map(|line| line.strip_prefix("wchar: "));
    written.unwrap().parse().unwrap()
}
