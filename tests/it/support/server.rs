//! The real server as a process, on a database of its own.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;

use tempfile::TempDir;

use super::database::TestDatabase;
use super::options::Options;
use super::worker::Worker;
use super::{Http, PATIENCE, described, found_within};

/// How often a port that somebody else's outgoing connection holds is asked for again.
const PORT_TRIES_MAX: usize = 50;
/// How much of the log a failed test shows.
const LOG_SHOWN_BYTES: usize = 20_000;

/// A running server with its worker; it ends with the test, and shows its log if the test fails.
pub(crate) struct Discovery {
    options: Options,
    worker: Worker,
    child: Option<Child>,
    http: Http,
}

impl Discovery {
    /// Starts a server on an empty database, with a worker that answers `{}` to every step.
    pub(crate) async fn start() -> Self {
        Options::new().start().await
    }

    pub(super) async fn with(options: Options, worker: Worker) -> Self {
        let mut discovery = Self { options, worker, child: None, http: Http::to("") };
        let url = discovery.spawn(0).await.unwrap_or_else(|log| panic!("it did not start:\n{log}"));
        discovery.http = Http::to(url);
        discovery
    }

    /// The worker, which outlives kills and restarts.
    pub(crate) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// A client of this server; a new one after every restart.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// The file of its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.options.database()
    }

    /// The URL of its database, also after its end.
    pub(crate) fn database_url(&self) -> String {
        self.options.database.url()
    }

    pub(super) fn place(&self) -> (Rc<TempDir>, Rc<TestDatabase>) {
        (Rc::clone(&self.options.directory), Rc::clone(&self.options.database))
    }

    pub(crate) fn port(&self) -> u16 {
        self.http.url().rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it wrote to stderr, over all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Kills it (SIGKILL).
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to stop (SIGTERM) without waiting.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.pid().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Stops it (SIGTERM) and waits until it is gone.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop();
        self.until_gone().await
    }

    /// Waits until the process is gone.
    pub(crate) async fn until_gone(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let gone = found_within(PATIENCE, || std::future::ready(child.try_wait().unwrap())).await;
        gone.unwrap_or_else(|| panic!("it did not stop"))
    }

    /// Starts it again on the same database and port; kills it before if it runs.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let port = self.port();
        for tried in 1.. {
            match self.spawn(port).await {
                Ok(url) => return self.http = Http::to(url),
                Err(log) if tried == PORT_TRIES_MAX || !log.contains("is taken") => {
                    panic!("it did not start again:\n{log}")
                }
                Err(_) => tokio::time::sleep(super::LOOK_EVERY).await,
            }
        }
    }

    /// Adds a flag for the next start.
    pub(crate) fn add_flag(&mut self, flag: &str) {
        self.options.flags.push(flag.to_owned());
    }

    async fn spawn(&mut self, port: u16) -> Result<String, String> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.options.command("serve");
        command.env("PIONEER_URL", format!("{}{}", self.worker.url(), self.options.worker_path));
        command.args(["--port", &port.to_string()]).args(&self.options.flags);
        let before = self.log().len();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = line.await.unwrap().unwrap();
        match line.trim().strip_prefix("Discovery listens on ") {
            Some(url) => {
                self.child = Some(child);
                described::learn(url).await;
                Ok(url.to_owned())
            }
            None => {
                // Without the line it is ending, or about to be made to.
                let _ = child.kill();
                child.wait().unwrap();
                Err(format!("{line}{}", self.log().get(before..).unwrap_or_default()))
            }
        }
    }

    fn log_path(&self) -> PathBuf {
        self.options.directory.path().join("discovery.log")
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.ceil_char_boundary(log.len().saturating_sub(LOG_SHOWN_BYTES));
            eprintln!("--- the server's log\n{}\n---", &log[from..]);
        }
    }
}
