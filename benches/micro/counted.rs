//! What `benches/guard` counts the instructions of: so many executions from their start to their end, one at a time.

use std::hint::black_box;
use std::sync::Arc;

use actix_rt::System;
use clap::{Args, ValueEnum};
use discovery::domain::{Execution, ExecutionId, StartData};

use crate::crowd::Crowd;
use crate::ground::Ground;
use crate::hand::{Happening, STEPS, data, new_id, workflow};
use crate::stage::Stage;

/// The size of the contexts where it is not what is looked at, in bytes.
const CONTEXT_BYTES: usize = 1_000;

/// What is run, and how often.
#[derive(Args)]
pub(crate) struct Counted {
    /// What is run.
    subject: Subject,
    /// How many executions of five steps.
    executions: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    /// The core and the commits, with a report of progress in each step: no thread, no clock, no I/O.
    Core,
    /// The same with contexts of 100 KB.
    CoreLarge,
    /// With the journal on SQLite: each commit in a transaction of its own.
    Journal,
    /// All that moves an execution: actors, journal, calls to a worker in the same process.
    Runtime,
}

impl Counted {
    pub(crate) fn run(&self) {
        match self.subject {
            Subject::Core => core(self.executions, CONTEXT_BYTES),
            Subject::CoreLarge => core(self.executions, 100 * CONTEXT_BYTES),
            Subject::Journal => journal(self.executions),
            Subject::Runtime => runtime(self.executions),
        }
    }
}

fn core(executions: usize, context_bytes: usize) {
    let (workflow, data) = (Arc::new(workflow("automatic")), data(context_bytes));
    for _ in 0..executions {
        let mut state = committed(&Happening::start(&workflow, &data));
        for _ in STEPS {
            state = committed(&Happening::report(&state));
            state = committed(&Happening::outcome(&state));
        }
        assert!(state.status().is_ended());
    }
}

fn committed(happening: &Happening) -> Arc<Execution> {
    let turn = happening.turn();
    black_box(turn.commit());
    turn.after
}

fn journal(executions: usize) {
    let mut crowd = Crowd::gather(Ground::sqlite(), 1, CONTEXT_BYTES);
    for _ in 0..executions * (1 + STEPS.len()) {
        let commits = crowd.next();
        crowd.write(commits);
    }
}

fn runtime(executions: usize) {
    System::new().block_on(async {
        let (stage, data) = (Stage::set("automatic").await, data(CONTEXT_BYTES));
        for _ in 0..executions {
            let id = ExecutionId(new_id());
            // Looking at the state would count as well, and how often is a matter of chance.
            let mut events = stage.runtime.subscribe(id);
            stage.start(id, StartData::clone(&data)).await;
            while events.next().await.unwrap().kind != "workflow_completed" {}
        }
        stage.clear().await;
    });
}
