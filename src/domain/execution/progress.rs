//! How far an execution is, in figures.

use serde::Serialize;

use super::{Attempt, AttemptStatus, Branch, Execution, Status};
use crate::domain::time::Timestamp;

/// How far an execution is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// The steps of the workflow.
    pub total_steps: usize,
    /// Those that did their work at least once.
    pub completed_steps: usize,
    /// Those whose newest attempt failed, and that never did their work.
    pub failed_steps: usize,
    /// Those that were never entered, once the execution completed.
    pub skipped_steps: usize,
    /// Completed steps over all steps, 0 to 100, two decimals; 100 once the execution completed.
    pub percentage: f64,
    /// The same, with what running steps report counted in.
    pub overall_percentage: f64,
    /// Whole seconds until the end, as far as can be told.
    pub estimated_remaining_seconds: Option<u64>,
    /// Whether it completed.
    pub is_completed: bool,
    /// Whether it failed.
    pub is_failed: bool,
    /// Whether it runs.
    pub is_running: bool,
}

impl Execution {
    /// How far it is at `now`.
    pub fn progress(&self, now: Timestamp) -> Progress {
        let completed = self.completed_steps();
        let count = |wanted: bool| completed.iter().filter(|done| **done == wanted).count();
        let completed_steps = count(true);
        let is_completed = self.status == Status::Completed;
        Progress {
            total_steps: completed.len(),
            completed_steps,
            failed_steps: self.failed_steps(&completed),
            skipped_steps: self.skipped_steps().count(),
            percentage: if is_completed { 100.0 } else { share(completed_steps as f64, completed.len()) },
            overall_percentage: self.overall_percentage(&completed, None),
            estimated_remaining_seconds: self.estimated_remaining_seconds(&completed, now),
            is_completed,
            is_failed: self.status == Status::Failed,
            is_running: self.status == Status::Running,
        }
    }

    /// The overall percentage once the step at `place` reported `percent`.
    pub(super) fn overall_percentage_with(&self, place: usize, percent: f64) -> f64 {
        self.overall_percentage(&self.completed_steps(), Some((place, percent)))
    }

    fn overall_percentage(&self, completed: &[bool], reported: Option<(usize, f64)>) -> f64 {
        if self.status == Status::Completed {
            return 100.0;
        }
        let running: f64 = self
            .running_attempts()
            .filter(|attempt| !completed[attempt.step])
            .map(|attempt| match reported {
                Some((place, percent)) if place == attempt.step => percent,
                _ => percent_of(attempt),
            })
            .sum();
        let done = completed.iter().filter(|done| **done).count() as f64;
        share(done + running / 100.0, completed.len())
    }

    /// For each step of the workflow, whether it did its work.
    fn completed_steps(&self) -> Vec<bool> {
        let mut completed = vec![false; self.workflow.steps.len()];
        for attempt in &self.attempts {
            completed[attempt.step] |= attempt.status == AttemptStatus::Success;
        }
        completed
    }

    /// The step that a retry waits for: it neither failed for good nor runs.
    fn retried_step(&self) -> Option<usize> {
        let retrying = |branch: &&Branch| matches!(branch, Branch::Retrying { .. });
        self.branches.values().find(retrying).and_then(|branch| branch.step(&self.attempts))
    }

    fn failed_steps(&self, completed: &[bool]) -> usize {
        let is_retried = |place: usize| self.retried_step() == Some(place);
        let newest_failed = |place: usize| {
            let newest = self.attempts.iter().rev().find(|attempt| attempt.step == place);
            newest.is_some_and(|attempt| attempt.status == AttemptStatus::Failed)
        };
        let places = 0..completed.len();
        places.filter(|place| !completed[*place] && !is_retried(*place) && newest_failed(*place)).count()
    }

    /// What the running steps expect to need, and for each step not entered yet what one step takes.
    fn estimated_remaining_seconds(&self, completed: &[bool], now: Timestamp) -> Option<u64> {
        if self.status != Status::Running {
            return None;
        }
        let typical = self.typical_seconds(now);
        let mut seconds = 0.0;
        for attempt in self.running_attempts() {
            let rest = |whole: f64| (whole - now.seconds_since(attempt.started_at)).max(0.0);
            seconds += remaining_of(attempt, now).or_else(|| typical.map(rest))?;
        }
        let entered = |place: usize| self.attempts.iter().any(|attempt| attempt.step == place);
        let ready = |place: usize| {
            self.retried_step() == Some(place) || self.branches.values().any(|branch| *branch == Branch::Ready(place))
        };
        let to_come = (0..completed.len()).filter(|place| !entered(*place) || ready(*place)).count();
        if to_come > 0 {
            seconds += typical? * to_come as f64;
        }
        // Not negative; what steps report may be absurd, and then the cast saturates.
        Some(seconds.ceil() as u64)
    }

    /// What a finished step took on average, or else what a running one will have taken.
    fn typical_seconds(&self, now: Timestamp) -> Option<f64> {
        let finished = self.attempts.iter().filter(|attempt| attempt.status == AttemptStatus::Success);
        let (mut count, mut seconds) = (0u32, 0.0);
        for attempt in finished {
            count += 1;
            seconds += attempt.seconds_until(now);
        }
        if count > 0 {
            return Some(seconds / f64::from(count));
        }
        let whole = |attempt: &Attempt| Some(attempt.seconds_until(now) + remaining_of(attempt, now)?);
        self.running_attempts().find_map(whole)
    }
}

impl Attempt {
    /// How long it took, or has taken at `now`, in seconds.
    pub fn seconds_until(&self, now: Timestamp) -> f64 {
        self.finished_at.unwrap_or(now).seconds_since(self.started_at)
    }
}

/// What the running `attempt` says that it needs still, or what its percentage lets one expect.
fn remaining_of(attempt: &Attempt, now: Timestamp) -> Option<f64> {
    let report = attempt.progress.as_deref()?;
    if let Some(told) = &report.estimated_remaining_seconds {
        return told.as_f64();
    }
    let percent = report.percent();
    (percent > 0.0).then(|| now.seconds_since(attempt.started_at) * (100.0 - percent) / percent)
}

fn percent_of(attempt: &Attempt) -> f64 {
    attempt.progress.as_deref().map_or(0.0, crate::domain::report::ProgressReport::percent)
}

/// `part` of `total` in percent, two decimals, 0 to 100.
fn share(part: f64, total: usize) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let percent = part / total as f64 * 100.0;
    ((percent * 100.0).round() / 100.0).clamp(0.0, 100.0)
}
