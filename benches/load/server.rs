//! The processes that are measured, and how they are started and ended.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use awc::Client;
use serde_json::{Value, json};

use crate::options::Program;

/// How long a process may take to end by itself.
const END_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The workflow that is run.
const WORKFLOW: &str = "0b9a6b1e-6f0d-4c55-9a53-0d4f7a6a1c11";

/// A process that has told where it listens. It ends with this.
#[derive(Debug)]
pub(crate) struct Listening {
    child: Child,
    pub(crate) url: String,
    /// How long it took until it listened.
    pub(crate) started_in: Duration,
}

impl Listening {
    fn start(mut command: Command, prefix: &str) -> anyhow::Result<Self> {
        let began = Instant::now();
        let shown = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("{shown} cannot be started"))?;
        let mut line = String::new();
        let output = child.stdout.take().context("it has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let url = line.trim().strip_prefix(prefix).map(str::to_owned);
        let listening = Self { child, url: url.unwrap_or_default(), started_in: began.elapsed() };
        ensure!(!listening.url.is_empty(), "{shown} did not start: {line}");
        Ok(listening)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let since = Instant::now();
        while self.child.try_wait()?.is_none() && since.elapsed() < END_TIMEOUT {
            actix_rt::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service that runs the steps: this very program, as a process of its own.
pub(crate) fn worker(flags: &[&str]) -> anyhow::Result<Listening> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("worker").args(flags);
    Listening::start(command, "listens on ")
}

/// Builds the program as it is shipped, and tells where it is.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let built = command.args(["build", "--release", "--locked", "--package", "discovery", "--manifest-path", manifest]);
    ensure!(built.status()?.success(), "the program could not be built");
    // This very program is in the build's directory, in `deps` beside the other.
    let own = std::env::current_exe()?;
    let program = own.parent().and_then(Path::parent).map(|directory| directory.join("discovery"));
    program.filter(|program| program.exists()).context("the program is not where it is built")
}

/// The database of a program, which is its own.
pub(crate) fn sqlite_url(directory: &Path, name: &str) -> String {
    format!("sqlite://{}?mode=rwc", directory.join(format!("{name}.db")).display())
}

/// The server, with its default settings but for those that `program` adds.
pub(crate) fn discovery(program: &Program, database: &str, pioneer: &str) -> anyhow::Result<Listening> {
    let mut command = Command::new(&program.path);
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("DISCOVERY_")) {
        command.env_remove(name);
    }
    command.env("DATABASE_URL", database).env("PIONEER_URL", pioneer);
    command.args(["serve", "--port", "0", "--log", "warn"]).args(&program.flags);
    Listening::start(command, "Discovery listens on ")
}

/// Makes the workflow of so many steps, each with a handler of its own, and gives the path of it.
pub(crate) async fn define(server: &str, steps: usize) -> anyhow::Result<String> {
    let steps: Vec<Value> = (1..=steps).map(|number| json!({"name": format!("step_{number}")})).collect();
    let url = format!("{server}/workflows/{WORKFLOW}");
    let defined = Client::default().put(&url).send_json(&json!({"name": "Load", "steps": steps})).await;
    let defined = defined.map_err(|error| anyhow::anyhow!("{error}"))?;
    ensure!(defined.status().is_success(), "the workflow was refused: HTTP {}", defined.status());
    Ok(url)
}
