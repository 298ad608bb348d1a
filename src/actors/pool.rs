//! The arbiters that executions live on.

use actix::{Arbiter, ArbiterHandle};

use crate::domain::ExecutionId;
use crate::journal::Courier;

/// A fixed number of threads with an event loop each. An execution lives on the one that its id hashes to.
#[derive(Debug)]
pub(super) struct Pool {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    arbiter: ArbiterHandle,
    /// Brings the journal's answers to the executions here.
    courier: Courier,
}

impl Pool {
    /// Starts one arbiter for each core. Must be called within an actix system.
    pub(super) fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { places: (0..cores).map(|_| Place::start()).collect() }
    }

    /// The arbiter of `id`, and its number.
    pub(super) fn arbiter_of(&self, id: ExecutionId) -> (usize, &ArbiterHandle) {
        let (number, place) = self.place_of(id);
        (number, &place.arbiter)
    }

    /// Who brings the journal's answers to the arbiter of `id`.
    pub(super) fn courier_of(&self, id: ExecutionId) -> &Courier {
        &self.place_of(id).1.courier
    }

    fn place_of(&self, id: ExecutionId) -> (usize, &Place) {
        // The low half of a version 7 UUID is random.
        let (_, low) = id.0.as_u64_pair();
        let number = low % self.places.len() as u64;
        // Below the length of a list, so it fits.
        let number = number as usize;
        (number, &self.places[number])
    }

    /// Ends the arbiters, and with them whatever lives on them.
    pub(super) fn stop(&self) {
        for place in &self.places {
            place.arbiter.stop();
        }
    }
}

impl Place {
    fn start() -> Self {
        let (arbiter, courier) = (Arbiter::new().handle(), Courier::default());
        // It may have ended already, which whoever is sent there is told.
        arbiter.spawn(courier.clone().deliver());
        Self { arbiter, courier }
    }
}
