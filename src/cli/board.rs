//! What is known of an execution's steps, gathered from its events: the terminal shows it, and this does no I/O.

use super::client::Step;
use super::event::{Event, Kind, StepRef};
use super::text::{duration, one_line};

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not entered yet.
    Waiting,
    /// At work.
    Running,
    /// Failed, and about to be tried again.
    Retrying,
    /// Did its work.
    Done,
    /// Failed for good.
    Failed,
    /// Never entered, and never will be.
    Skipped,
}

/// One step, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    handler: String,
    pub(super) state: State,
    /// 0 to 100.
    pub(super) percentage: f64,
    /// What it said last, or what became of it; one line.
    pub(super) note: String,
    /// How long it took, once it is known.
    pub(super) seconds: Option<f64>,
}

/// All steps of an execution, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
}

impl Board {
    /// A board on which nothing happened yet.
    pub(super) fn new(steps: &[Step]) -> Self {
        let rows = steps.iter().map(|step| Row {
            name: one_line(&step.name),
            handler: step.handler.clone(),
            state: State::Waiting,
            percentage: 0.0,
            note: String::new(),
            seconds: None,
        });
        Self { rows: rows.collect() }
    }

    /// The place of the step that an event is about; where handlers are shared, the one that runs is meant.
    pub(super) fn place(&self, step: &StepRef) -> Option<usize> {
        let name = one_line(&step.name);
        let by_name = self.rows.iter().position(|row| row.name == name);
        let running = |row: &Row| row.handler == step.handler && row.state == State::Running;
        by_name
            .or_else(|| self.rows.iter().position(running))
            .or_else(|| self.rows.iter().position(|row| row.handler == step.handler))
    }

    /// Takes one event in.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.kind {
            Kind::StepStarted { step, attempt } => self.change(step, |row| {
                let note = if *attempt > 1 { format!("attempt {attempt}") } else { String::new() };
                *row = Row { state: State::Running, percentage: 0.0, note, seconds: None, ..row.clone() };
            }),
            Kind::StepProgress { step, progress } => self.change(step, |row| {
                row.percentage = progress.percentage.clamp(0.0, 100.0);
                if let Some(note) = progress.note() {
                    row.note = one_line(note);
                }
            }),
            Kind::StepWaiting { step } => self.change(step, |row| "waits for its callback".clone_into(&mut row.note)),
            Kind::StepError { step, error, retry_in_seconds, .. } => self.change(step, |row| {
                row.note = one_line(&error.message);
                row.state = State::Failed;
                if let Some(seconds) = retry_in_seconds {
                    row.state = State::Retrying;
                    row.note = format!("again in {}: {}", duration(*seconds), row.note);
                }
            }),
            Kind::StepFinished { step, duration_seconds } => self.change(step, |row| {
                row.state = State::Done;
                row.percentage = 100.0;
                row.seconds = Some(*duration_seconds);
            }),
            Kind::MaxVisitsExceeded { step, max_visits } => self.change(step, |row| {
                row.state = State::Failed;
                row.note = format!("entered more than {max_visits} times");
            }),
            Kind::WorkflowCompleted(_) => self.close(State::Waiting, State::Skipped, "skipped"),
            Kind::WorkflowCancelled(_) => {
                self.close(State::Running, State::Failed, "cancelled");
                self.close(State::Retrying, State::Failed, "cancelled");
            }
            Kind::WorkflowFailed(_) => self.close(State::Running, State::Failed, "stopped"),
            Kind::WorkflowStarted { .. }
            | Kind::WorkflowPausing {}
            | Kind::WorkflowPaused { .. }
            | Kind::WorkflowResumed { .. }
            | Kind::Other => {}
        }
    }

    fn change(&mut self, step: &StepRef, change: impl FnOnce(&mut Row)) {
        let place = self.place(step);
        if let Some(row) = place.and_then(|place| self.rows.get_mut(place)) {
            change(row);
        }
    }

    fn close(&mut self, from: State, to: State, note: &str) {
        for row in self.rows.iter_mut().filter(|row| row.state == from) {
            row.state = to;
            note.clone_into(&mut row.note);
        }
    }
}

/// Two steps that share a handler and one of their own, for the tests of what is shown.
#[cfg(test)]
pub(super) fn three_steps() -> Vec<Step> {
    let step = |name: &str, handler: &str| Step { name: name.to_owned(), handler: handler.to_owned() };
    vec![step("Carga", "load"), step("Validación", "check"), step("Otra", "check")]
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

    #[test]
    fn a_step_goes_from_waiting_to_done() {
        let started = r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 1}"#;
        let progress = r#"{"event": "step_progress", "step": "load", "step_name": "load",
            "progress": {"percentage": 40, "message": "half\nway", "custom_data": {"a": 1}}}"#;
        let finished = r#"{"event": "step_finished", "step": "load", "step_name": "Carga", "status": "success",
            "context": {}, "duration_seconds": 1.5, "next": null}"#;
        let row = |events: &[&str]| board(events).rows[0].clone();
        assert_eq!(row(&[]).state, State::Waiting);
        assert_eq!(row(&[started]).state, State::Running);
        let running = row(&[started, progress]);
        assert_eq!((running.percentage, running.note.as_str()), (40.0, "half way"));
        let done = row(&[started, progress, finished]);
        assert_eq!((done.state, done.percentage, done.seconds), (State::Done, 100.0, Some(1.5)));
        assert_eq!(done.note, "half way", "what it said last stays");
        assert_eq!(row(&[started, progress, finished, started]).percentage, 0.0, "another visit begins anew");
    }

    #[test]
    fn a_failed_attempt_shows_when_it_is_tried_again() {
        let error = |retry: &str| {
            format!(
                r#"{{"event": "step_error", "step": "load", "step_name": "Carga", "attempt": 1,
                "error": {{"type": "HttpStatus", "message": "busy", "status": 503}}, "retry_in_seconds": {retry}}}"#
            )
        };
        let retrying = board(&[&error("2.0")]).rows[0].clone();
        assert_eq!((retrying.state, retrying.note.as_str()), (State::Retrying, "again in 2.0 s: busy"));
        let failed = board(&[&error("null")]).rows[0].clone();
        assert_eq!((failed.state, failed.note.as_str()), (State::Failed, "busy"));
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
    fn at_the_end_no_step_is_left_open() {
        let started = r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 1}"#;
        let states = |end: &str| board(&[started, end]).rows.iter().map(|row| row.state).collect::<Vec<_>>();
        let cancelled = states(r#"{"event": "workflow_cancelled", "reason": "by hand"}"#);
        assert_eq!(cancelled, [State::Failed, State::Waiting, State::Waiting]);
        let completed = r#"{"event": "workflow_completed", "final_context": {}, "duration_seconds": 1}"#;
        assert_eq!(states(completed)[1..], [State::Skipped, State::Skipped]);
    }
}
