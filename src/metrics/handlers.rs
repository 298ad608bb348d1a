//! Attempts and their times, for each handler up to a bound.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::meter::{STEPS, counters, histograms};
use super::{Page, Told};

/// Handlers that are counted under their own names, those that were met first: whoever defines workflows must not be able
/// to make the page grow.
pub const HANDLERS_MAX: usize = 200;
/// The name that all others are counted under.
pub const OTHER_HANDLERS: &str = "other";

/// The meters of one handler, or of all that share a name.
#[derive(Clone, Debug)]
pub struct HandlerMeters {
    /// Attempts that did their work.
    pub succeeded: IntCounter,
    /// Attempts that failed.
    pub failed: IntCounter,
    /// Attempts that were open when their execution ended.
    pub cancelled: IntCounter,
    /// How long those took that succeeded or failed, in seconds.
    pub seconds: Histogram,
}

/// The meters of all handlers.
#[derive(Debug)]
pub struct Handlers {
    attempts: IntCounterVec,
    seconds: HistogramVec,
    met: Mutex<BTreeMap<Arc<str>, HandlerMeters>>,
}

impl Default for Handlers {
    fn default() -> Self {
        Self {
            attempts: counters(
                "discovery_step_attempts_total",
                "Attempts at steps that ended, by their handler and by what became of them.",
                &["handler", "outcome"],
            ),
            seconds: histograms(
                "discovery_step_duration_seconds",
                "How long attempts took that succeeded or failed: from their call to its answer or, where the end was \
                 reported later, from their start to the report.",
                &["handler"],
                &STEPS,
            ),
            met: Mutex::default(),
        }
    }
}

impl Handlers {
    fn met(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, HandlerMeters>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meters of `handler`; to be kept by whoever counts often.
    pub fn of(&self, handler: &str) -> HandlerMeters {
        self.meet(handler).1
    }

    /// The name that `handler` is counted under.
    pub fn name_of(&self, handler: &str) -> Arc<str> {
        self.meet(handler).0
    }

    /// All names that something was or may be counted under.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.met().keys().cloned().collect()
    }

    fn meet(&self, handler: &str) -> (Arc<str>, HandlerMeters) {
        let mut met = self.met();
        let name = if met.contains_key(handler) || met.len() < HANDLERS_MAX { handler } else { OTHER_HANDLERS };
        if let Some((name, meters)) = met.get_key_value(name) {
            return (Arc::clone(name), meters.clone());
        }
        let (name, meters) = (Arc::from(name), self.meters(name));
        met.insert(Arc::clone(&name), meters.clone());
        (name, meters)
    }

    fn meters(&self, name: &str) -> HandlerMeters {
        let attempts = |outcome| self.attempts.with_label_values(&[name, outcome]);
        HandlerMeters {
            succeeded: attempts("success"),
            failed: attempts("failed"),
            cancelled: attempts("cancelled"),
            seconds: self.seconds.with_label_values(&[name]),
        }
    }
}

impl Told for Handlers {
    fn tell(&self, page: &mut Page) {
        page.meter(&self.attempts);
        page.meter(&self.seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_beyond_the_bound_share_one_name() {
        let handlers = Handlers::default();
        for number in 0..HANDLERS_MAX + 3 {
            handlers.of(&format!("h{number}")).succeeded.inc();
        }
        handlers.of("h0").succeeded.inc();
        assert_eq!(handlers.of("h0").succeeded.get(), 2);
        assert_eq!(handlers.of("never met").succeeded.get(), 3);
        assert_eq!(&*handlers.name_of("h200"), OTHER_HANDLERS);
        assert_eq!(handlers.names().len(), HANDLERS_MAX + 1);
    }

    #[test]
    fn a_handler_of_the_common_name_is_counted_there_too() {
        let handlers = Handlers::default();
        handlers.of(OTHER_HANDLERS).failed.inc();
        for number in 0..HANDLERS_MAX {
            handlers.of(&format!("h{number}")).failed.inc();
        }
        assert_eq!(handlers.of(OTHER_HANDLERS).failed.get(), 2);
        assert_eq!(handlers.names().len(), HANDLERS_MAX);
    }
}
