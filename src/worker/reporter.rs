//! The queue between a step and Discovery: one waiting report of each kind, the newest wins.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::report::{Completion, Progress};

/// Takes a step's reports and sends them in the background.
///
/// Reporting never waits and never fails: while one report is on its way, a later one replaces the one that waits. A
/// clone may be kept on any thread; an [accepted](super::Answer::accepted) step reports through it until the last clone
/// is gone. After any other answer, what is reported is dropped.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// Closes the queue when the last clone goes.
    handle: Arc<Handle>,
}

impl Reporter {
    /// Reports how far the step is.
    pub fn report_progress(&self, progress: Progress) {
        self.handle.0.put(Report::Progress(progress.within_bounds()));
    }

    /// Reports that the step has ended, which only an accepted one needs to do.
    pub fn report_completion(&self, completion: Completion) {
        self.handle.0.put(Report::Completion(Box::new(completion)));
    }

    pub(super) fn new() -> (Self, Arc<Queue>) {
        let queue = Arc::new(Queue::default());
        let handle = Arc::new(Handle(Arc::clone(&queue)));
        (Self { handle }, queue)
    }
}

#[derive(Debug)]
struct Handle(Arc<Queue>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Debug)]
pub(super) enum Report {
    Progress(Progress),
    Completion(Box<Completion>),
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Wakes the one task that delivers.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    progress: Option<Progress>,
    completion: Option<Box<Completion>>,
    accepted: bool,
    closed: bool,
}

impl Queue {
    /// Takes no more; what waits is still to be delivered.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Notes that the step answered 202, so that its completion is its outcome.
    pub(super) fn accept(&self) {
        self.lock().accepted = true;
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.lock().accepted
    }

    /// Says whether a newer report of progress waits, which makes trying again with an older one pointless.
    pub(super) fn has_progress(&self) -> bool {
        self.lock().progress.is_some()
    }

    /// Waits for the next report; none comes once the queue is closed and empty. Progress goes before the completion.
    pub(super) async fn take(&self) -> Option<Report> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(progress) = waiting.progress.take() {
                    return Some(Report::Progress(progress));
                }
                if let Some(completion) = waiting.completion.take() {
                    return Some(Report::Completion(completion));
                }
                if waiting.closed {
                    return None;
                }
            }
            // A wake-up that came since the lock was left is kept for this call.
            self.changed.notified().await;
        }
    }

    fn put(&self, report: Report) {
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        match report {
            Report::Progress(progress) => waiting.progress = Some(progress),
            Report::Completion(completion) => waiting.completion = Some(completion),
        }
        drop(waiting);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change under the lock is a single assignment: a panic leaves nothing half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_newest_report_of_each_kind_wins_and_progress_goes_first() {
        let (reporter, queue) = Reporter::new();
        reporter.report_completion(Completion::success());
        for percentage in 0..1_000 {
            reporter.report_progress(Progress::at(f64::from(percentage) / 10.0));
        }
        drop(reporter);
        assert!(matches!(queue.take().await, Some(Report::Progress(p)) if p.percentage == 99.9));
        assert!(matches!(queue.take().await, Some(Report::Completion(_))));
        assert!(queue.take().await.is_none());
    }

    #[actix_web::test]
    async fn a_closed_queue_takes_nothing_more() {
        let (reporter, queue) = Reporter::new();
        queue.close();
        reporter.report_progress(Progress::at(1.0));
        assert!(queue.take().await.is_none());
    }
}
