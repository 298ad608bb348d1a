//! Looking at a server from outside, from a thread of its own: the test's own thread is busy being the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Discovery, Http};

/// The wait between two questions.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Asks `/health` again and again until it is told to stop.
pub(crate) struct HealthWatch {
    stop: Arc<AtomicBool>,
    asking: Option<JoinHandle<Vec<Duration>>>,
}

impl Drop for HealthWatch {
    fn drop(&mut self) {
        // Of a test that failed: the thread ends by itself.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// How long the answers took.
pub(crate) struct Health {
    /// Ascending.
    latencies: Vec<Duration>,
}

impl HealthWatch {
    pub(crate) fn of(discovery: &Discovery) -> Self {
        let (stop, url) = (Arc::new(AtomicBool::new(false)), discovery.http().url().to_owned());
        let stopped = Arc::clone(&stop);
        let ask = || async move {
            let http = Http::to(url);
            let mut latencies = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let asked_at = Instant::now();
                match http.request("GET", "/health").try_send().await {
                    Ok(reply) => reply.expect(200),
                    Err(_) if stopped.load(Ordering::Relaxed) => break,
                    Err(error) => panic!("/health was not answered: {error}"),
                };
                latencies.push(asked_at.elapsed());
                tokio::time::sleep(ASK_EVERY).await;
            }
            latencies
        };
        let asking = std::thread::spawn(|| actix_web::rt::System::new().block_on(ask()));
        Self { stop, asking: Some(asking) }
    }

    /// Every question so far was answered with 200, or this panics.
    pub(crate) fn end(mut self) -> Health {
        self.stop.store(true, Ordering::Relaxed);
        let mut latencies = self.asking.take().unwrap().join().unwrap();
        latencies.sort_unstable();
        assert!(!latencies.is_empty(), "nothing was asked");
        Health { latencies }
    }
}

impl Health {
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, most] = [50, 99, 100].map(|percent| self.percentile(percent).as_secs_f64() * 1000.0);
        write!(f, "/health p50 {p50:.1} ms, p99 {p99:.1} ms, max {most:.1} ms ({} asked)", self.latencies.len())
    }
}

/// The resident memory of the server in MiB, where the system tells it.
pub(crate) fn resident_mib(discovery: &Discovery) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", discovery.pid()?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

/// The CPU that the server has used so far, in ticks, where the system tells it.
pub(crate) fn cpu_ticks(discovery: &Discovery) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", discovery.pid()?)).ok()?;
    // What stands before the last parenthesis is a name, and may hold anything; user and system time are the 14th and 15th.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
}

/// Waits until no execution of the server runs any more.
pub(crate) async fn until_all_ended(discovery: &Discovery, patience: Duration) {
    let since = Instant::now();
    loop {
        let running = discovery.get("/executions?status=running&limit=1").await.expect(200);
        let left = running["pagination"]["total"].as_u64().unwrap();
        if left == 0 {
            return;
        }
        assert!(since.elapsed() < patience, "{left} executions still run: {running:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
