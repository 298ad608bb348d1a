//! What is fuzzed, and what must hold of it: shared by cargo-fuzz and by the test `fuzzing`, which replays the corpora.
//!
//! Every target enters where the outside does: requests and WebSockets go through the application that the server runs,
//! answers of workers come over TCP to the client that calls them.

mod app;
mod json;
mod signs;
mod sockets;
mod worker;
mod yaml;

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::thread::LocalKey;

pub use json::JsonBodies;
pub use signs::Signs;
pub use sockets::WsFrames;
pub use worker::WorkerAnswers;
pub use yaml::YamlDefinitions;

/// Something that takes what comes from outside.
pub trait Target {
    /// Builds all that it needs.
    fn build() -> Self;

    /// Takes one input, and tells what became of it; panics where something is not as it must be.
    fn take(&mut self, input: &[u8]) -> Signs;
}

/// How many inputs one target takes before it is built anew: its database grows.
const INPUTS_MAX: usize = 20_000;

/// The target of a thread, and how many inputs it has taken. At the end of the process it is left as it is: what it would
/// need to end in order is gone by then.
pub type Slot<T> = RefCell<ManuallyDrop<Option<(T, usize)>>>;

/// Takes one input with the target of this thread.
pub fn take<T: Target>(slot: &'static LocalKey<Slot<T>>, input: &[u8]) {
    slot.with_borrow_mut(|slot| {
        if slot.as_ref().is_some_and(|(_, taken)| *taken >= INPUTS_MAX) {
            **slot = None;
        }
        let (target, taken) = slot.get_or_insert_with(|| (T::build(), 0));
        *taken += 1;
        // Here it is the code coverage that tells what an input has led to.
        let _ = target.take(input);
    });
}
