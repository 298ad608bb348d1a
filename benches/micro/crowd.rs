//! Executions that are moved together, so that their commits share transactions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use discovery::domain::{Execution, StartData, Workflow};
use discovery::journal::{Commit, Journal, WriterCounts};
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::ground::Ground;
use crate::hand::{Happening, STEPS, data, workflow};

/// Commits of one execution: its start, and the end of each step.
const COMMITS: usize = 1 + STEPS.len();

/// Executions in a journal, each at another place of the workflow, so that every batch is a mix of starts and steps.
pub(crate) struct Crowd {
    event_loop: Runtime,
    pub(crate) journal: Journal,
    workflow: Arc<Workflow>,
    data: Arc<StartData>,
    members: Vec<Option<Arc<Execution>>>,
    /// Before the journal is gone, it is closed; the database goes last.
    _ground: Ground,
}

impl Crowd {
    /// As many executions as are to be moved at once.
    pub(crate) fn gather(ground: Ground, executions: usize, context_bytes: usize) -> Self {
        let event_loop = Builder::new_current_thread().enable_all().build().unwrap();
        let (journal, workflow) = event_loop.block_on(async {
            let journal = ground.journal().await;
            let workflow = journal.put_workflow(workflow("automatic"), 0).await.unwrap().unwrap();
            (journal, workflow)
        });
        let members = vec![None; executions];
        let mut crowd = Self { event_loop, journal, workflow, data: data(context_bytes), members, _ground: ground };
        crowd.disperse();
        crowd
    }

    /// Leaves each member one commit further than the one before it.
    fn disperse(&mut self) {
        for round in 0..COMMITS {
            let moved: Vec<Commit> = (0..self.members.len())
                .filter(|place| place % COMMITS >= round)
                .map(|place| self.move_on(place))
                .collect();
            self.write(moved);
        }
    }

    /// The next commit of each member.
    pub(crate) fn next(&mut self) -> Vec<Commit> {
        (0..self.members.len()).map(|place| self.move_on(place)).collect()
    }

    fn move_on(&mut self, place: usize) -> Commit {
        let happening = match &self.members[place] {
            Some(state) if !state.status().is_ended() => Happening::outcome(state),
            Some(_) | None => Happening::start(&self.workflow, &self.data),
        };
        let turn = happening.turn();
        let commit = turn.commit();
        self.members[place] = Some(turn.after);
        commit
    }

    /// Hands all over at once, and waits until the last is durable.
    pub(crate) fn write(&self, commits: Vec<Commit>) {
        let tickets: Vec<_> = commits.into_iter().map(|commit| self.journal.commit(commit).settled()).collect();
        for settled in self.event_loop.block_on(join_all(tickets)) {
            settled.unwrap();
        }
    }

    /// Moves all of them again and again, until what is written has taken `time`.
    pub(crate) fn write_for(&mut self, time: Duration) -> Written {
        let before = self.journal.counts();
        let mut taken = Duration::ZERO;
        while taken < time {
            let commits = self.next();
            let began = Instant::now();
            self.write(commits);
            taken += began.elapsed();
        }
        Written { taken, before, after: self.journal.counts() }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.event_loop.block_on(self.journal.close());
    }
}

/// What was written in some time.
pub(crate) struct Written {
    taken: Duration,
    before: WriterCounts,
    after: WriterCounts,
}

impl Written {
    pub(crate) fn rows_per_second(&self) -> f64 {
        (self.after.rows - self.before.rows) as f64 / self.taken.as_secs_f64()
    }

    pub(crate) fn commits_per_second(&self) -> f64 {
        (self.after.jobs - self.before.jobs) as f64 / self.taken.as_secs_f64()
    }

    /// How many commits shared a transaction, on average.
    pub(crate) fn commits_per_transaction(&self) -> f64 {
        (self.after.jobs - self.before.jobs) as f64 / (self.after.batches - self.before.batches) as f64
    }
}
