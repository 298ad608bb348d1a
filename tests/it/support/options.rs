//! What a server is started with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use tempfile::TempDir;

use super::database::TestDatabase;
use super::server::Discovery;
use super::worker::Worker;

/// Flags and variables of a server that is to be started.
pub(crate) struct Options {
    pub(super) directory: Rc<TempDir>,
    pub(super) database: Rc<TestDatabase>,
    pub(super) flags: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) worker_path: String,
}

/// A server that did not want to start.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Options {
    pub(crate) fn new() -> Self {
        let directory = Rc::new(TempDir::new().unwrap());
        let database = Rc::new(TestDatabase::new(directory.path()));
        Self { directory, database, flags: Vec::new(), variables: Vec::new(), worker_path: String::new() }
    }

    /// Adds a flag, such as `--max-body-bytes=1000`.
    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Uses the database (and the directory) of another one.
    pub(crate) fn on_the_database_of(mut self, other: &Discovery) -> Self {
        (self.directory, self.database) = other.place();
        self
    }

    /// Uses a new database on this PostgreSQL server.
    pub(crate) fn on(mut self, server: &str) -> Self {
        self.database = Rc::new(TestDatabase::on_server(server));
        self
    }

    /// Uses an SQLite file whatever the environment says, for tests that look into it.
    pub(crate) fn on_sqlite(mut self) -> Self {
        self.database = Rc::new(TestDatabase::file(self.directory.path()));
        self
    }

    /// Uses an SQLite file in this directory.
    pub(crate) fn on_sqlite_in(mut self, directory: &Path) -> Self {
        self.database = Rc::new(TestDatabase::file(directory));
        self
    }

    /// Puts the worker below a path, such as `/pioneer`.
    pub(crate) fn worker_below(mut self, path: &str) -> Self {
        path.clone_into(&mut self.worker_path);
        self
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.database.path().to_path_buf()
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn start(self) -> Discovery {
        Discovery::with(self, Worker::start().await).await
    }

    /// Starts it with a worker that is there already.
    pub(crate) async fn start_with(self, worker: Worker) -> Discovery {
        Discovery::with(self, worker).await
    }

    /// Runs a command that ends by itself, such as `migrate`, or a `serve` that must refuse.
    pub(crate) async fn run(&self, command: &str) -> Refusal {
        let mut process = self.command(command);
        if command == "serve" && !self.flags.iter().any(|flag| flag.starts_with("--port")) {
            process.args(["--port", "0"]);
        }
        process.args(&self.flags).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || process.output().unwrap()).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Refusal { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The program, on this database, without what the tests' own environment sets.
    pub(super) fn command(&self, subcommand: &str) -> Command {
        // What is measured is measured on another build.
        let program =
            std::env::var("DISCOVERY_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_discovery").to_owned());
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command.arg(subcommand).current_dir(self.directory.path());
        command.env("DATABASE_URL", self.database.url());
        command.env("NO_COLOR", "1").envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("DISCOVERY_") || name == "DATABASE_URL" || name == "PIONEER_URL"
}
