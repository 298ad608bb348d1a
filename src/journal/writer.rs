//! The writer's thread: takes all that is waiting, writes it in one transaction, answers all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::commit::Commit;
use super::courier::{Answer, Answers, Courier};
use super::settings::SettingWrite;
use super::store::{Outcome, Store, WriteError};
use super::{DefinitionRefusal, JournalError};
use crate::domain::{Timestamp, Workflow, WorkflowId};

/// Rows that one transaction may write; a single larger commit goes alone.
const BATCH_ROWS_MAX: usize = 1_000;
/// The first wait when the database cannot be written for now; it doubles up to [`TRANSIENT_WAIT_MAX`].
const TRANSIENT_WAIT: Duration = Duration::from_millis(20);
/// The longest wait between two tries.
const TRANSIENT_WAIT_MAX: Duration = Duration::from_secs(1);

/// A change of a workflow's definition.
#[derive(Debug)]
pub(super) enum DefinitionWrite {
    Put { workflow: Arc<Workflow>, after: u64 },
    Delete { id: WorkflowId, version: u64, at: Timestamp },
}

/// Something to write.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Commit),
    Define(DefinitionWrite),
    Keep(SettingWrite),
    /// Nothing: answered once all before it is durable.
    Barrier,
}

impl Job {
    fn rows(&self) -> usize {
        match self {
            Self::Commit(commit) => commit.rows(),
            Self::Define(DefinitionWrite::Put { workflow, .. }) => 3 + workflow.steps.len(),
            Self::Define(DefinitionWrite::Delete { .. }) | Self::Keep(_) => 1,
            Self::Barrier => 0,
        }
    }
}

/// What became of a job that the database took.
#[derive(Debug)]
pub(super) enum Written {
    Done,
    Refused(DefinitionRefusal),
    /// What is kept under the name that was asked for.
    Kept(String),
}

/// What a journal has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Transactions.
    pub batches: u64,
    /// What they carried: commits of executions, and changes of definitions and settings.
    pub jobs: u64,
    /// Rows, roughly.
    pub rows: u64,
    /// How long the transactions took in all, in microseconds.
    pub micros: u64,
    /// What the newest transaction carried.
    pub last_batch_jobs: u64,
}

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    jobs: AtomicU64,
    rows: AtomicU64,
    micros: AtomicU64,
    last_batch_jobs: AtomicU64,
}

struct Waiting {
    job: Job,
    answer: Answer,
}

/// The way to the writer; clones lead to the same one. The writer ends when the last is gone.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    queue: Sender<Waiting>,
    waiting: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

impl Lane {
    /// Starts the writer's thread; the receiver is told when it has written everything and ended.
    pub(super) fn start(store: impl Store) -> std::io::Result<(Self, oneshot::Receiver<()>)> {
        let (tell_stopped, stopped) = oneshot::channel();
        let (queue, jobs) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counters = Arc::new(Counters::default());
        let (of_thread, counted) = (Arc::clone(&waiting), Arc::clone(&counters));
        let mut thread = WriterThread { store, jobs, waiting: of_thread, counters: counted };
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            thread.run();
            drop(thread);
            // Nobody may be waiting for the end.
            let _ = tell_stopped.send(());
        })?;
        Ok((Self { queue, waiting, counters }, stopped))
    }

    /// Queues `job` behind all that came before; the answer comes, by `courier`, once it is durable or refused.
    pub(super) fn submit(&self, job: Job, courier: Option<&Courier>) -> oneshot::Receiver<Outcome> {
        let (tell, answered) = oneshot::channel();
        let answer = Answer { tell, courier: courier.cloned() };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = self.queue.send(Waiting { job, answer }) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let gone = JournalError::Unavailable("its writer has stopped".to_owned());
            // Nobody may be waiting for the answer.
            let _ = refused.0.answer.tell.send(Err(gone));
        }
        answered
    }

    /// What it has written.
    pub(super) fn counts(&self) -> WriterCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriterCounts {
            batches: read(&self.counters.batches),
            jobs: read(&self.counters.jobs),
            rows: read(&self.counters.rows),
            micros: read(&self.counters.micros),
            last_batch_jobs: read(&self.counters.last_batch_jobs),
        }
    }

    /// Jobs that are not answered yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

struct WriterThread<S> {
    store: S,
    jobs: Receiver<Waiting>,
    waiting: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

impl<S: Store> WriterThread<S> {
    fn run(&mut self) {
        while let Ok(first) = self.jobs.recv() {
            let batch = self.fill(first);
            self.write(batch, &mut Answers::default());
        }
    }

    /// `first` and what waits behind it, up to the bound.
    fn fill(&self, first: Waiting) -> Vec<Waiting> {
        let mut rows = first.job.rows();
        let mut batch = vec![first];
        while rows < BATCH_ROWS_MAX {
            let Ok(next) = self.jobs.try_recv() else { break };
            rows += next.job.rows();
            batch.push(next);
        }
        batch
    }

    fn write(&mut self, mut batch: Vec<Waiting>, answers: &mut Answers) {
        match self.try_until_final(&batch) {
            Ok(outcomes) => {
                self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
                for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                    answers.give(waiting.answer, outcome);
                }
            }
            Err(cause) if batch.len() == 1 => {
                tracing::error!(error = %cause, "the database refused a commit");
                self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
                if let Some(waiting) = batch.pop() {
                    answers.give(waiting.answer, Err(JournalError::Database(cause)));
                }
            }
            // One bad row costs one commit: each gets a transaction of its own.
            Err(_) => batch.into_iter().for_each(|waiting| self.write(vec![waiting], &mut Answers::default())),
        }
    }

    /// Waits out what passes by itself, a lock or a full disk, and keeps the answers back meanwhile.
    fn try_until_final(&mut self, batch: &[Waiting]) -> Result<Vec<Outcome>, String> {
        let jobs: Vec<&Job> = batch.iter().map(|waiting| &waiting.job).collect();
        let mut wait = TRANSIENT_WAIT;
        loop {
            let began = Instant::now();
            match self.store.write(&jobs) {
                Ok(outcomes) => {
                    self.count(&jobs, began);
                    return Ok(outcomes);
                }
                Err(WriteError::Final(cause)) => return Err(cause),
                Err(WriteError::Transient(cause)) => {
                    tracing::warn!(error = %cause, commits = batch.len(), "the database cannot be written for now");
                    thread::sleep(wait);
                    wait = (wait * 2).min(TRANSIENT_WAIT_MAX);
                }
            }
        }
    }

    fn count(&self, jobs: &[&Job], began: Instant) {
        let counters = &self.counters;
        let rows: usize = jobs.iter().map(|job| job.rows()).sum();
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        for (counter, more) in [
            (&counters.batches, 1),
            (&counters.jobs, jobs.len() as u64),
            (&counters.rows, rows as u64),
            (&counters.micros, micros),
        ] {
            counter.fetch_add(more, Ordering::Relaxed);
        }
        counters.last_batch_jobs.store(jobs.len() as u64, Ordering::Relaxed);
    }
}
