//! What is known of an execution and its steps, gathered from its events: the terminal shows it, and this does no I/O.

use chrono::{DateTime, TimeDelta, Utc};

use super::api::Step;
use super::event::{Event, Kind, Report, StepRef};
use super::text::one_line;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not entered yet.
    Waiting,
    /// At work.
    Running,
    /// At work elsewhere, until a callback tells of its end.
    Elsewhere,
    /// Failed, and about to be tried again.
    Retrying,
    /// Did its work.
    Done,
    /// Failed for good.
    Failed,
    /// Never entered, and never will be.
    Skipped,
}

impl State {
    /// Whether it has something to do, now or soon.
    fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Elsewhere | Self::Retrying)
    }
}

/// One step, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    handler: String,
    order: u32,
    pub(super) state: State,
    /// 0 to 100.
    pub(super) percentage: f64,
    /// What it said last, or what became of it; one line.
    pub(super) note: String,
    /// How long it took, once it is known.
    pub(super) seconds: Option<f64>,
    /// Since when the attempt runs.
    pub(super) since: Option<DateTime<Utc>>,
    /// When it expects to be done, or is tried again.
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) attempt: u32,
    /// How many attempts it has, where that is known.
    attempts_max: Option<u32>,
}

impl Row {
    fn new(name: &str, handler: &str, order: u32, attempts_max: Option<u32>) -> Self {
        Self {
            name: one_line(name),
            handler: handler.to_owned(),
            order,
            state: State::Waiting,
            percentage: 0.0,
            note: String::new(),
            seconds: None,
            since: None,
            until: None,
            attempt: 1,
            attempts_max,
        }
    }

    /// `attempt 2 of 5`, or `attempt 2` where the number of attempts is not known or no longer counts.
    pub(super) fn attempt_words(&self, attempt: u32) -> String {
        match self.attempts_max.filter(|most| *most >= attempt) {
            Some(most) => format!("attempt {attempt} of {most}"),
            None => format!("attempt {attempt}"),
        }
    }

    fn begin(&mut self, attempt: u32, at: Option<DateTime<Utc>>) {
        self.state = State::Running;
        (self.percentage, self.seconds, self.since, self.until) = (0.0, None, at, None);
        self.attempt = attempt;
        self.note = if attempt > 1 { self.attempt_words(attempt) } else { String::new() };
    }

    fn report(&mut self, report: &Report, at: Option<DateTime<Utc>>) {
        self.percentage = report.percentage.clamp(0.0, 100.0);
        if let Some(note) = report.note() {
            self.note = one_line(note);
        }
        self.until = at.zip(report.estimated_remaining_seconds).and_then(|(at, seconds)| later(at, seconds));
    }

    fn end(&mut self, state: State, note: &str) {
        self.state = state;
        self.until = None;
        note.clone_into(&mut self.note);
    }
}

fn later(at: DateTime<Utc>, seconds: f64) -> Option<DateTime<Utc>> {
    // A duration that is no number, or that no calendar holds, is none.
    let millis = (seconds * 1_000.0).is_finite().then_some((seconds * 1_000.0) as i64)?;
    at.checked_add_signed(TimeDelta::try_milliseconds(millis)?)
}

/// Where the execution stands as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    Running,
    /// It pauses once the running step has ended.
    Pausing,
    Paused(Option<String>),
    Ended,
}

/// All steps of an execution, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
    pub(super) phase: Phase,
    pub(super) began: Option<DateTime<Utc>>,
    pub(super) ended: Option<DateTime<Utc>>,
    total_steps: usize,
    is_manual: bool,
}

impl Board {
    /// A board on which nothing happened yet. Steps that are not known show once they are entered.
    pub(super) fn new(steps: &[Step]) -> Self {
        let row = |step: &Step| {
            let most = step.retry.as_ref().and_then(|retry| retry.max_attempts).filter(|most| *most > 1);
            Row::new(&step.name, &step.handler, step.order, most)
        };
        let mut rows: Vec<Row> = steps.iter().map(row).collect();
        rows.sort_by_key(|row| row.order);
        Self { total_steps: rows.len(), rows, phase: Phase::Running, began: None, ended: None, is_manual: false }
    }

    /// How many steps there are, known by name or not.
    pub(super) fn total_steps(&self) -> usize {
        self.total_steps.max(self.rows.len())
    }

    /// How far it is as a whole: 0 to 100.
    pub(super) fn percentage(&self) -> f64 {
        let done: f64 =
            self.rows.iter().map(|row| if row.state == State::Skipped { 100.0 } else { row.percentage }).sum();
        done / (self.total_steps().max(1) as f64)
    }

    /// Whether it stands still until somebody says `next`.
    pub(super) fn waits_for_next(&self) -> bool {
        self.is_manual && self.phase == Phase::Running && !self.rows.iter().any(|row| row.state.is_open())
    }

    /// The place of the step that an event is about; where handlers are shared, the one that runs is meant.
    pub(super) fn place(&self, step: &StepRef) -> Option<usize> {
        let name = one_line(&step.name);
        let by_name = self.rows.iter().position(|row| row.name == name);
        let running = |row: &Row| row.handler == step.handler && row.state.is_open();
        by_name
            .or_else(|| self.rows.iter().position(running))
            .or_else(|| self.rows.iter().position(|row| row.handler == step.handler))
    }

    /// Takes one event in.
    pub(super) fn apply(&mut self, event: &Event) {
        let at = event.at;
        match &event.kind {
            Kind::WorkflowStarted { total_steps, mode, .. } => {
                (self.total_steps, self.began, self.is_manual) = (*total_steps, at, mode == "manual");
            }
            Kind::StepStarted { step, attempt, order } => {
                self.learn(step, *order);
                self.change(step, |row| row.begin(*attempt, at));
            }
            Kind::StepProgress { step, progress } => self.change(step, |row| row.report(progress, at)),
            Kind::StepWaiting { step } => self.change(step, |row| row.end(State::Elsewhere, "waits for its callback")),
            Kind::StepError { step, error, retry_in_seconds, .. } => self.change(step, |row| {
                let state = if retry_in_seconds.is_some() { State::Retrying } else { State::Failed };
                row.end(state, &one_line(&error.message));
                row.until = at.zip(*retry_in_seconds).and_then(|(at, seconds)| later(at, seconds));
                row.seconds = at.zip(row.since).map(|(at, since)| (at - since).num_milliseconds() as f64 / 1_000.0);
            }),
            Kind::StepFinished { step, duration_seconds } => self.change(step, |row| {
                let note = std::mem::take(&mut row.note);
                let note = if row.state == State::Elsewhere { String::new() } else { note };
                row.end(State::Done, &note);
                (row.percentage, row.seconds) = (100.0, Some(*duration_seconds));
            }),
            Kind::MaxVisitsExceeded { step, max_visits } => {
                self.change(step, |row| row.end(State::Failed, &format!("entered more than {max_visits} times")));
            }
            Kind::WorkflowPausing {} => self.phase = Phase::Pausing,
            Kind::WorkflowPaused { reason } => self.phase = Phase::Paused(reason.as_deref().map(one_line)),
            Kind::WorkflowResumed { .. } => (self.phase, self.ended) = (Phase::Running, None),
            Kind::WorkflowCompleted(_) => self.close(at, "skipped"),
            Kind::WorkflowCancelled(_) => self.close(at, "cancelled"),
            Kind::WorkflowFailed(_) => self.close(at, "stopped"),
            Kind::Other => {}
        }
    }

    /// Adds a row for a step that was not known, in its place.
    fn learn(&mut self, step: &StepRef, order: Option<u32>) {
        if self.place(step).is_none() {
            let order = order.unwrap_or(u32::MAX);
            let place = self.rows.iter().position(|row| row.order > order).unwrap_or(self.rows.len());
            self.rows.insert(place, Row::new(&step.name, &step.handler, order, None));
        }
    }

    fn change(&mut self, step: &StepRef, change: impl FnOnce(&mut Row)) {
        let place = self.place(step);
        if let Some(row) = place.and_then(|place| self.rows.get_mut(place)) {
            change(row);
        }
    }

    /// Leaves no step open. Only a completed execution has skipped the steps that it did not enter.
    fn close(&mut self, at: Option<DateTime<Utc>>, note: &str) {
        (self.phase, self.ended) = (Phase::Ended, at);
        for row in &mut self.rows {
            if row.state.is_open() {
                row.end(State::Failed, note);
            }
            if row.state == State::Waiting && note == "skipped" {
                row.end(State::Skipped, note);
            }
        }
    }
}

/// Two steps that share a handler and one of their own, for the tests of what is shown.
#[cfg(test)]
pub(super) fn three_steps() -> Vec<Step> {
    let step = |name: &str, handler: &str, order| Step {
        name: name.to_owned(),
        handler: handler.to_owned(),
        order,
        retry: Some(super::api::Retry { max_attempts: Some(3) }),
    };
    vec![step("Carga", "load", 1), step("Validación", "check", 2), step("Otra", "check", 3)]
}

#[cfg(test)]
mod tests {
    use super::super::event::read;
    use super::*;

    fn board(events: &[&str]) -> Board {
        let mut board = Board::new(&three_steps());
        read(events).iter().for_each(|event| board.apply(event));
        board
    }

    const STARTED: &str = r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 1}"#;

    #[test]
    fn a_step_goes_from_waiting_to_done() {
        let progress = r#"{"event": "step_progress", "step": "load", "step_name": "load",
            "timestamp": "2026-01-02T03:04:05.000Z",
            "progress": {"percentage": 40, "message": "half\nway", "estimated_remaining_seconds": 20}}"#;
        let finished = r#"{"event": "step_finished", "step": "load", "step_name": "Carga", "status": "success",
            "context": {}, "duration_seconds": 1.5, "next": null}"#;
        let row = |events: &[&str]| board(events).rows[0].clone();
        assert_eq!(row(&[]).state, State::Waiting);
        assert_eq!(row(&[STARTED]).state, State::Running);
        let running = row(&[STARTED, progress]);
        assert_eq!((running.percentage, running.note.as_str()), (40.0, "half way"));
        assert_eq!(running.until.unwrap().to_rfc3339(), "2026-01-02T03:04:25+00:00");
        let done = row(&[STARTED, progress, finished]);
        assert_eq!((done.state, done.percentage, done.seconds), (State::Done, 100.0, Some(1.5)));
        assert_eq!(done.note, "half way", "what it said last stays");
        assert_eq!(row(&[STARTED, progress, finished, STARTED]).percentage, 0.0, "another visit begins anew");
        assert_eq!(board(&[STARTED, progress]).percentage().round(), 13.0);
    }

    #[test]
    fn a_failed_attempt_shows_when_it_is_tried_again() {
        let error = |retry: &str| {
            format!(
                r#"{{"event": "step_error", "step": "load", "step_name": "Carga", "attempt": 1,
                "timestamp": "2026-01-02T03:04:05.000Z",
                "error": {{"type": "HttpStatus", "message": "busy", "status": 503}}, "retry_in_seconds": {retry}}}"#
            )
        };
        let retrying = board(&[&error("2.0")]).rows[0].clone();
        assert_eq!((retrying.state, retrying.note.as_str()), (State::Retrying, "busy"));
        assert_eq!(retrying.until.unwrap().to_rfc3339(), "2026-01-02T03:04:07+00:00");
        let failed = board(&[&error("null")]).rows[0].clone();
        assert_eq!((failed.state, failed.note.as_str()), (State::Failed, "busy"));
        let again = r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 2}"#;
        assert_eq!(board(&[&error("2.0"), again]).rows[0].note, "attempt 2 of 3");
    }

    #[test]
    fn a_step_that_answered_202_waits_for_its_callback() {
        let waiting = r#"{"event": "step_waiting", "step": "load", "step_name": "Carga", "waiting_for": "callback"}"#;
        let row = board(&[STARTED, waiting]).rows[0].clone();
        assert_eq!((row.state, row.note.as_str()), (State::Elsewhere, "waits for its callback"));
    }

    #[test]
    fn a_shared_handler_means_the_step_that_runs() {
        let started = r#"{"event": "step_started", "step": "check", "step_name": "Otra", "attempt": 1}"#;
        let progress =
            r#"{"event": "step_progress", "step": "check", "step_name": "check", "progress": {"percentage": 7}}"#;
        let percentages: Vec<f64> = board(&[started, progress]).rows.iter().map(|row| row.percentage).collect();
        assert_eq!(percentages, [0.0, 0.0, 7.0]);
    }

    #[test]
    fn a_step_that_is_not_known_gets_its_place() {
        let mut board = Board::new(&[]);
        let start = r#"{"event": "workflow_started", "workflow_name": "W", "mode": "manual", "total_steps": 4}"#;
        let started = |name: &str, order: u32| {
            format!(
                r#"{{"event": "step_started", "step": "h", "step_name": "{name}", "attempt": 1, "order": {order}}}"#
            )
        };
        let finished = r#"{"event": "step_finished", "step": "h", "step_name": "b", "duration_seconds": 1}"#;
        read(&[start, &started("b", 2), finished]).iter().for_each(|event| board.apply(event));
        assert!(board.waits_for_next());
        let [row] = &board.rows[..] else { panic!("{board:?}") };
        assert_eq!((row.name.as_str(), board.total_steps(), board.percentage()), ("b", 4, 25.0));
    }

    #[test]
    fn a_pause_shows_until_it_is_over() {
        let pausing = r#"{"event": "workflow_pausing", "reason": "requested"}"#;
        let paused = r#"{"event": "workflow_paused", "reason": "requested"}"#;
        let phase = |events: &[&str]| board(events).phase;
        assert_eq!(phase(&[pausing]), Phase::Pausing);
        assert_eq!(phase(&[pausing, paused]), Phase::Paused(Some("requested".to_owned())));
        assert_eq!(phase(&[pausing, paused, r#"{"event": "workflow_resumed"}"#]), Phase::Running);
    }

    #[test]
    fn at_the_end_no_step_is_left_open() {
        let states = |end: &str| board(&[STARTED, end]).rows.iter().map(|row| row.state).collect::<Vec<_>>();
        let cancelled = states(r#"{"event": "workflow_cancelled", "reason": "by hand"}"#);
        assert_eq!(cancelled, [State::Failed, State::Waiting, State::Waiting]);
        let completed = r#"{"event": "workflow_completed", "final_context": {}, "duration_seconds": 1}"#;
        assert_eq!(states(completed)[1..], [State::Skipped, State::Skipped]);
    }
}
