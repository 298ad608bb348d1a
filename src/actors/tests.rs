//! Faults that only tests can provoke.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::domain::ExecutionId;

/// Panics that are due inside execution actors.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<HashMap<ExecutionId, usize>>);

impl Faults {
    /// Panics if a panic of this execution's actor is due.
    pub(super) fn strike(&self, id: ExecutionId) {
        let due = {
            let mut faults = self.0.lock().unwrap();
            faults.get_mut(&id).is_some_and(|left| {
                let due = *left > 0;
                *left = left.saturating_sub(1);
                due
            })
        };
        assert!(!due, "a provoked panic");
    }
}
