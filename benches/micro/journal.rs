//! The journal, on a real disk: so many commits of distinct executions are handed over together.

use std::cell::RefCell;
use std::time::Duration;

use clap::Args;
use divan::Bencher;
use divan::counter::ItemsCount;

use crate::crowd::Crowd;
use crate::ground::Ground;

/// Commits that are handed over together. A transaction takes about 1,000 rows, which are some 215 of these commits.
const BATCHES: [usize; 4] = [1, 16, 128, 512];
/// The size of the contexts, in bytes.
const CONTEXT_BYTES: usize = 1_000;

/// Items are commits.
#[divan::bench(args = BATCHES, sample_count = 50, sample_size = 1)]
fn sqlite(bencher: Bencher<'_, '_>, batch: usize) {
    measure(bencher, Crowd::gather(Ground::sqlite(), batch, CONTEXT_BYTES), batch);
}

#[divan::bench(args = BATCHES, sample_count = 50, sample_size = 1, ignore = !has_postgres())]
fn postgres(bencher: Bencher<'_, '_>, batch: usize) {
    if let Some(ground) = Ground::postgres() {
        measure(bencher, Crowd::gather(ground, batch, CONTEXT_BYTES), batch);
    }
}

fn has_postgres() -> bool {
    std::env::var_os("DISCOVERY_TEST_POSTGRES_URL").is_some()
}

fn measure(bencher: Bencher<'_, '_>, crowd: Crowd, batch: usize) {
    let crowd = RefCell::new(crowd);
    let bencher = bencher.counter(ItemsCount::new(batch));
    bencher.with_inputs(|| crowd.borrow_mut().next()).bench_local_values(|commits| crowd.borrow().write(commits));
}

/// How the floor is measured: how fast the journal alone takes commits.
#[derive(Args)]
pub(crate) struct Floor {
    /// For how long.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Commits that are handed over together.
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// On the PostgreSQL server that `DISCOVERY_TEST_POSTGRES_URL` names.
    #[arg(long)]
    postgres: bool,
}

impl Floor {
    /// Measures, and tells it in one line of JSON.
    pub(crate) fn run(&self) {
        let ground = if self.postgres {
            Ground::postgres().expect("DISCOVERY_TEST_POSTGRES_URL names no server")
        } else {
            Ground::sqlite()
        };
        let mut crowd = Crowd::gather(ground, self.batch.max(1), CONTEXT_BYTES);
        let written = crowd.write_for(Duration::from_secs_f64(self.seconds));
        println!(
            r#"{{"name":"journal_batch_insert","rows_per_second":{:.0},"commits_per_second":{:.0},"batch":{},"commits_per_transaction":{:.1}}}"#,
            written.rows_per_second(),
            written.commits_per_second(),
            self.batch,
            written.commits_per_transaction(),
        );
    }
}
