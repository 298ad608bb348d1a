//! A worker that refuses connections is taken to be restarting: for a while that costs no attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Since when a worker refuses connections.
#[derive(Debug, Default)]
pub struct Refusals {
    /// Looked at without the lock, since most workers refuse nothing.
    refusing: AtomicBool,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Instant,
    last: Instant,
}

impl Refusals {
    /// Notes a refusal and gives whether the worker may still be restarting, for which it has `grace`.
    ///
    /// After a `grace` in which nobody called, a refusal counts as the first one again.
    pub(super) fn note(&self, now: Instant, grace: Duration) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.filter(|seen| now.duration_since(seen.last) <= grace);
        let first = known.map_or(now, |seen| seen.first);
        *seen = Some(Seen { first, last: now });
        self.refusing.store(true, Ordering::Release);
        now.duration_since(first) < grace
    }

    /// Notes that it took a connection.
    pub(super) fn forget(&self) {
        if self.refusing.swap(false, Ordering::AcqRel) {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// How long it has refused connections, if the newest one was refused.
    pub fn lasting(&self) -> Option<Duration> {
        let seen = || *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.refusing.load(Ordering::Acquire).then(seen).flatten().map(|seen| seen.first.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_its_grace_once_until_it_answers_or_was_left_alone() {
        let (refusals, grace, start) = (Refusals::default(), Duration::from_secs(60), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(refusals.lasting().is_none());
        assert!(refusals.note(start, grace));
        assert!(refusals.note(after(30), grace));
        assert!(refusals.note(after(59), grace));
        assert!(!refusals.note(after(60), grace));
        assert!(!refusals.note(after(100), grace), "it is down, not restarting");
        assert!(refusals.note(after(161), grace), "nobody called for long");
        refusals.forget();
        assert!(refusals.lasting().is_none());
        assert!(refusals.note(after(230), grace));
    }
}
