//! The writer's thread: takes all that is waiting, writes it in one transaction, answers all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::commit::Commit;
use super::settings::SettingWrite;
use super::store::{Outcome, Store, WriteError};
use super::tally::WriterTally;
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

type Answer = oneshot::Sender<Outcome>;

struct Waiting {
    job: Job,
    answer: Answer,
}

/// The way to the writer; clones lead to the same one. The writer ends when the last is gone.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    queue: Sender<Waiting>,
    waiting: Arc<AtomicUsize>,
}

impl Lane {
    /// Starts the writer's thread; the receiver is told when it has written everything and ended.
    pub(super) fn start(store: impl Store, tally: &WriterTally) -> std::io::Result<(Self, oneshot::Receiver<()>)> {
        let (tell_stopped, stopped) = oneshot::channel();
        let (queue, jobs) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut thread = WriterThread { store, jobs, waiting: Arc::clone(&waiting), tally: tally.clone() };
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            thread.run();
            drop(thread);
            // Nobody may be waiting for the end.
            let _ = tell_stopped.send(());
        })?;
        Ok((Self { queue, waiting }, stopped))
    }

    /// Queues `job` behind all that came before; the answer comes once it is durable or refused.
    pub(super) fn submit(&self, job: Job) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(refused) = self.queue.send(Waiting { job, answer }) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let gone = JournalError::Unavailable("its writer has stopped".to_owned());
            // Nobody may be waiting for the answer.
            let _ = refused.0.answer.send(Err(gone));
        }
        answered
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
    tally: WriterTally,
}

impl<S: Store> WriterThread<S> {
    fn run(&mut self) {
        while let Ok(first) = self.jobs.recv() {
            let batch = self.fill(first);
            self.write(batch);
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

    fn write(&mut self, mut batch: Vec<Waiting>) {
        match self.try_until_final(&batch) {
            Ok(outcomes) => {
                for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                    self.answer(waiting.answer, outcome);
                }
            }
            Err(cause) if batch.len() == 1 => {
                tracing::error!(error = %cause, "the database refused a commit");
                if let Some(waiting) = batch.pop() {
                    self.answer(waiting.answer, Err(JournalError::Database(cause)));
                }
            }
            // One bad row costs one commit: each gets a transaction of its own.
            Err(_) => batch.into_iter().for_each(|waiting| self.write(vec![waiting])),
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
                    self.tally.count(jobs.len(), jobs.iter().map(|job| job.rows()).sum(), began.elapsed());
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

    fn answer(&self, answer: Answer, outcome: Outcome) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        // Whoever asked may have given up.
        let _ = answer.send(outcome);
    }
}
