//! The arbiters that executions live on.

use actix::{Arbiter, ArbiterHandle};

use crate::domain::ExecutionId;

/// A fixed number of threads with an event loop each. An execution lives on the one that its id hashes to.
#[derive(Debug)]
pub(super) struct Pool {
    arbiters: Vec<ArbiterHandle>,
}

impl Pool {
    /// Starts one arbiter for each core. Must be called within an actix system.
    pub(super) fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { arbiters: (0..cores).map(|_| Arbiter::new().handle()).collect() }
    }

    /// The arbiter of `id`, and its number.
    pub(super) fn arbiter_of(&self, id: ExecutionId) -> (usize, &ArbiterHandle) {
        // The low half of a version 7 UUID is random.
        let (_, low) = id.0.as_u64_pair();
        let place = low % self.arbiters.len() as u64;
        // Below the length of a list, so it fits.
        let place = place as usize;
        (place, &self.arbiters[place])
    }

    /// Ends the arbiters, and with them whatever lives on them.
    pub(super) fn stop(&self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}
