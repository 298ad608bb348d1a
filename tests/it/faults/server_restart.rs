//! The PostgreSQL server itself goes away and comes back, in the middle of everything.

use std::path::PathBuf;
use std::process::Command;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, ConnectOptions};
use serde_json::json;

use super::watch::until_all_ended;
use crate::support::log_check::sound_logs;
use crate::support::{Act, Options, PATIENCE};

const EXECUTIONS: usize = 200;
/// The connections that the server lets in: few, so that a test can take them all.
const CONNECTIONS: usize = 12;

/// A PostgreSQL server of the test's own, which it may stop.
struct Server {
    directory: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
}

/// Runs one of the server's programs as the user that may run the server: it refuses to be run by root.
fn as_postgres(program: PathBuf) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

impl Server {
    fn start() -> Self {
        let installed = std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
        let programs = installed.max().expect("a PostgreSQL server's programs").join("bin");
        let directory = tempfile::tempdir().unwrap();
        let chown = Command::new("chown").args(["postgres"]).arg(directory.path()).status();
        assert!(chown.unwrap().success());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { directory, programs, port };
        server.run("initdb", &["--auth=trust", "--username=postgres", "--no-sync", "-D"]);
        server.control("start");
        server
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = as_postgres(self.programs.join(program));
        let output = command.args(arguments).arg(self.data()).current_dir("/").output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn control(&self, what: &str) {
        let directory = self.directory.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory} -c max_connections={CONNECTIONS}",
            self.port
        );
        let log = self.directory.path().join("log");
        let log = log.to_str().unwrap();
        self.run("pg_ctl", &[what, "-w", "-m", "immediate", "-l", log, "-o", &options, "-D"]);
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = as_postgres(self.programs.join("pg_ctl"));
        // Of a test that failed, it may be down already.
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.data()).current_dir("/").output();
    }
}

#[actix_web::test]
async fn a_database_server_that_crashes_and_comes_back_loses_nothing() {
    if std::env::var("DISCOVERY_TEST_POSTGRES_URL").is_err() {
        return;
    }
    let server = Server::start();
    let mut discovery = Options::new().on(&server.url()).start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"b": 2}})));
    let workflow = discovery.workflow(["a", "b", "c"]).await;
    let begun = futures_util::future::join_all((0..EXECUTIONS).map(|_| discovery.begin(&workflow, json!({})))).await;
    discovery.worker().until_called("b", EXECUTIONS).await;

    server.control("stop");
    // The workers answer while there is nowhere to write: nothing is acknowledged, nothing is lost.
    gate.open();
    let refused = discovery.post(&format!("/workflows/{workflow}/execute-async"), json!({})).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(discovery.get("/health").await.status, 200);
    assert_eq!(discovery.get("/ready").await.status, 503);
    server.control("start");
    until_all_ended(&discovery, PATIENCE).await;
    for _ in 0..2 {
        futures_util::future::join_all((0..10).map(|_| discovery.begin(&workflow, json!({})))).await;
        server.control("restart");
    }
    until_all_ended(&discovery, PATIENCE).await;
    discovery.kill();

    let logs = sound_logs(&discovery.database_url()).await;
    assert!(logs.len() >= EXECUTIONS + 20);
    assert!(logs.values().all(|log| log.state.status() == discovery::domain::Status::Completed));
    assert!(begun.iter().all(|id| logs.contains_key(&discovery::domain::ExecutionId(id.parse().unwrap()))));
    let keys: Vec<String> =
        discovery.worker().deliveries_of("b").iter().map(|call| call.idempotency_key().to_owned()).collect();
    assert!(keys.len() >= EXECUTIONS + 20);
}

/// Takes every connection that the server has left.
async fn take_all(server: &PgConnectOptions) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    while let Ok(connection) = server.connect().await {
        taken.push(connection);
    }
    taken
}

#[actix_web::test]
async fn a_full_connection_table_is_waited_out() {
    if std::env::var("DISCOVERY_TEST_POSTGRES_URL").is_err() {
        return;
    }
    let server = Server::start();
    let options = Options::new().on(&server.url()).variable("DISCOVERY_REQUEST_TIMEOUT_SECONDS", "1");
    let discovery = options.start().await;
    let workflow = discovery.workflow(["a"]).await;
    let before = discovery.begin(&workflow, json!({})).await;
    discovery.until_ended(&before).await;

    let database: PgConnectOptions = server.url().parse().unwrap();
    let mut first = database.connect().await.unwrap();
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let broken: i64 = sqlx::query_scalar(others).fetch_one(&mut first).await.unwrap();
    assert!(broken >= 2, "the writers at least");
    let taken = take_all(&database).await;
    let path = format!("/workflows/{workflow}/execute-async");
    discovery.post(&path, json!({})).await.problem(503);
    assert_eq!(discovery.get("/health").await.status, 200);
    drop((first, taken));
    let since = std::time::Instant::now();
    let started = loop {
        let reply = discovery.post(&path, json!({})).await;
        if reply.status == 200 {
            break reply.json();
        }
        reply.problem(503);
        assert!(since.elapsed() < PATIENCE, "it does not come back");
    };
    let execution = started["execution_id"].as_str().unwrap();
    assert_eq!(discovery.until_ended(execution).await["status"], "completed");
}
