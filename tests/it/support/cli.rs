//! The program as a client, as people and scripts run it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Discovery, PATIENCE, found_within};

/// What a command that ended wrote.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Each line of stdout as JSON.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

/// A command that runs; it ends with the test.
pub(crate) struct Running {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_discovery"));
    command.args(arguments).env("DISCOVERY_URL", url).env("NO_COLOR", "1").env("TZ", "UTC");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command of a client against `url` to its end, with `stdin`.
pub(crate) async fn run_at(url: &str, arguments: &[&str], stdin: &str) -> Done {
    let (mut command, stdin) = (command(url, arguments), stdin.to_owned());
    command.stdin(Stdio::piped());
    let run = move || {
        let mut child = command.spawn().unwrap();
        // One that reads nothing may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Discovery {
    /// Runs a command of a client to its end.
    pub(crate) async fn cli(&self, arguments: &[&str]) -> Done {
        run_at(self.http().url(), arguments, "").await
    }

    /// Starts a command of a client.
    pub(crate) fn cli_running(&self, arguments: &[&str]) -> Running {
        let mut child = command(self.http().url(), arguments).spawn().unwrap();
        let (out, stdout) = collect(child.stdout.take().unwrap());
        let (err, stderr) = collect(child.stderr.take().unwrap());
        Running { child, stdout, stderr, readers: vec![out, err] }
    }
}

fn collect(from: impl std::io::Read + Send + 'static) -> (std::thread::JoinHandle<()>, Arc<Mutex<String>>) {
    let text = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
    (reader, text)
}

impl Running {
    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it has written `words` to stdout or stderr.
    pub(crate) async fn until_says(&self, words: &str) {
        self.until_says_times(words, 1).await;
    }

    /// Waits until it has written `words` this often.
    pub(crate) async fn until_says_times(&self, words: &str, times: usize) {
        let said = || ((self.stdout() + &self.stderr()).matches(words).count() >= times).then_some(());
        let found = found_within(PATIENCE, || std::future::ready(said())).await;
        found.unwrap_or_else(|| panic!("it did not say '{words}':\n{}\n{}", self.stdout(), self.stderr()));
    }

    /// Sends it SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }

    /// Waits until it ends.
    pub(crate) async fn until_done(mut self) -> Done {
        let ended = found_within(PATIENCE, || std::future::ready(self.child.try_wait().unwrap())).await;
        let Some(status) = ended else { panic!("it did not end:\n{}\n{}", self.stdout(), self.stderr()) };
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        Done { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
