//! The actors over a real journal and a real Pioneer, with faults that only tests can provoke.

mod harness;
mod supervision;
mod waking;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::ExecutionId;

/// Panics that are due inside execution actors.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<HashMap<ExecutionId, usize>>);

impl Faults {
    /// Makes the next `panics` messages of this execution's actors fatal.
    fn provoke(&self, id: ExecutionId, panics: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, panics);
    }

    /// Panics that are still due.
    fn left(&self, id: ExecutionId) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or(0)
    }

    /// Panics if a panic of this execution's actor is due.
    pub(super) fn strike(&self, id: ExecutionId) {
        let due = {
            let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            faults.get_mut(&id).is_some_and(|left| {
                let due = *left > 0;
                *left = left.saturating_sub(1);
                due
            })
        };
        assert!(!due, "a provoked panic");
    }
}
