//! How soon executions go on after a kill.

use std::time::{Duration, Instant};

use actix_rt::time::sleep;
use anyhow::{Context, ensure};
use awc::Client;
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::load;
use crate::options::Recover;
use crate::server::{self, Listening};

/// Starts that are open at once.
const STARTING_AT_ONCE: usize = 64;
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Opens executions whose steps do not end, kills the server, and tells when all of them are called again.
pub(crate) async fn run(options: &Recover) -> anyhow::Result<()> {
    let directory = load::directory(options.directory.as_deref())?;
    let program = load::programs(&options.program)?.into_iter().next().context("there is no program")?;
    let worker = server::worker(&["--hold"])?;
    let room = (2 * options.open).to_string();
    // A handler leaves as much room to others as it takes.
    let flags = [&format!("--calls-max={room}"), &format!("--calls-per-handler-max={room}")];
    let program = program.with_flags(&flags);
    let (database, pioneer) = (server::sqlite_url(directory.path(), &program.name), worker.url.clone());
    let server = server::discovery(&program, &database, &pioneer)?;
    let workflow = server::define(&server.url, 1).await?;
    let since = Instant::now();
    let starters = (0..STARTING_AT_ONCE).map(|place| begin(&workflow, place, options.open));
    try_join_all(starters).await?;
    until_called(&server, options.open).await?;
    println!("{} executions begun and called in {:.2} s", options.open, since.elapsed().as_secs_f64());
    drop(server);
    // A worker whose steps do not end keeps the old connections, and has no files left for as many new ones.
    let port = pioneer.rsplit(':').next().unwrap_or_default();
    drop(worker);
    let _worker = server::worker(&["--hold", &format!("--port={port}")])?;
    let since = Instant::now();
    let server = server::discovery(&program, &database, &pioneer)?;
    println!("after a kill: listens after {:.0} ms", server.started_in.as_secs_f64() * 1_000.0);
    until_called(&server, options.open).await?;
    println!("all called again after {:.2} s", since.elapsed().as_secs_f64());
    Ok(())
}

/// Begins its share of `count` executions, one after the other.
async fn begin(workflow: &str, place: usize, count: usize) -> anyhow::Result<()> {
    let client = Client::default();
    for _ in (place..count).step_by(STARTING_AT_ONCE) {
        let begun =
            client.post(format!("{workflow}/execute-async")).send_json(&Value::Object(Default::default())).await;
        let mut begun = begun.map_err(|error| anyhow::anyhow!("{error}"))?;
        ensure!(begun.status().is_success(), "a start was refused: HTTP {}", begun.status());
        begun.body().await?;
    }
    Ok(())
}

/// Waits until so many calls are open.
async fn until_called(server: &Listening, count: usize) -> anyhow::Result<()> {
    let since = Instant::now();
    let client = Client::default();
    loop {
        let stats = client.get(format!("{}/admin/stats", server.url)).send().await;
        let mut stats = stats.map_err(|error| anyhow::anyhow!("{error}"))?;
        let stats: Value = stats.json().await?;
        let open = stats["calls"]["workers"][0]["open"].as_u64().context("the server does not tell its open calls")?;
        if open == count as u64 {
            return Ok(());
        }
        ensure!(since.elapsed() < PATIENCE, "only {open} calls are open");
        sleep(LOOK_EVERY).await;
    }
}
