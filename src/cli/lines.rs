//! Progress as plain lines, for files, pipes and CI: one for each event that is worth telling.

use chrono::{DateTime, TimeDelta, Utc};

use super::board::Board;
use super::event::{Event, Kind, Report, StepRef};
use super::text::{duration, one_line, shortened, whole_seconds};

/// A report that says nothing new is told once it is this many points further.
const PERCENTAGE_STEP: f64 = 25.0;
/// One that has new words is told when it is so many points further, or came so long after the last that was told: a
/// step with a thousand pages must not fill a thousand lines.
const WORDS_PERCENTAGE_STEP: f64 = 10.0;
const WORDS_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// As much of an error as is shown: some workers answer with a page.
const ERROR_CHARS_MAX: usize = 300;

/// Tells events as lines, and remembers what it told last.
#[derive(Debug, Default)]
pub(super) struct Lines {
    told: Option<Told>,
}

/// The report that was told last.
#[derive(Debug)]
struct Told {
    handler: String,
    report: Report,
    at: Option<DateTime<Utc>>,
}

impl Lines {
    /// The line for `event`, where it is worth one; `board` knows the steps.
    pub(super) fn tell(&mut self, event: &Event, board: &Board) -> Option<String> {
        let about = |step: &StepRef, words: String| Some(format!("{} {words}", label(step, board)));
        match &event.kind {
            Kind::WorkflowStarted { workflow_name, total_steps, .. } => {
                let steps = if *total_steps == 1 { "step" } else { "steps" };
                Some(format!("{} started: {total_steps} {steps}", one_line(workflow_name)))
            }
            Kind::StepStarted { step, attempt: 1, .. } => about(step, "started".to_owned()),
            Kind::StepStarted { step, attempt, .. } => {
                about(step, format!("started, {}", attempt_words(step, *attempt, board)))
            }
            Kind::StepProgress { step, progress } => {
                self.is_news(step, progress, event.at).then(|| format!("{} {}", label(step, board), spoken(progress)))
            }
            Kind::StepWaiting { step } => about(step, "goes on elsewhere and waits for its callback".to_owned()),
            Kind::StepError { step, error, attempt, retry_in_seconds } => {
                let after = match retry_in_seconds {
                    Some(seconds) => format!("; tried again in {}", duration(*seconds)),
                    None => String::new(),
                };
                let why = shortened(&one_line(&error.message), ERROR_CHARS_MAX);
                let attempt = attempt_words(step, *attempt, board);
                about(step, format!("failed ({}, {attempt}): {why}{after}", one_line(&error.kind)))
            }
            Kind::StepFinished { step, duration_seconds } => {
                about(step, format!("done in {}", duration(*duration_seconds)))
            }
            Kind::MaxVisitsExceeded { step, max_visits } => {
                about(step, format!("was to be entered more than {max_visits} times"))
            }
            Kind::WorkflowPausing {} => Some("Pauses when the running step has ended".to_owned()),
            Kind::WorkflowPaused { reason } => Some(with_reason("Paused", reason.as_deref())),
            Kind::WorkflowResumed { reason } => Some(with_reason("Resumed", reason.as_deref())),
            Kind::WorkflowCancelled(_) | Kind::WorkflowCompleted(_) | Kind::WorkflowFailed(_) | Kind::Other => None,
        }
    }

    fn is_news(&mut self, step: &StepRef, report: &Report, at: Option<DateTime<Utc>>) -> bool {
        let is_news = self.told.as_ref().is_none_or(|told| {
            let further = (told.report.percentage - report.percentage).abs();
            let is_later = told.at.zip(at).is_some_and(|(before, now)| now - before >= WORDS_INTERVAL);
            let has_new_words = told.report.note() != report.note();
            told.handler != step.handler
                || further >= PERCENTAGE_STEP
                || has_new_words && (further >= WORDS_PERCENTAGE_STEP || is_later)
        });
        if is_news {
            self.told = Some(Told { handler: step.handler.clone(), report: report.clone(), at });
        }
        is_news
    }
}

/// `[2/6] Validación Usuario`, or the name alone where the workflow has no such step any more.
fn label(step: &StepRef, board: &Board) -> String {
    match board.place(step).and_then(|place| board.rows.get(place).map(|row| (place, row))) {
        Some((place, row)) => format!("[{}/{}] {}", place + 1, board.total_steps(), row.name),
        None => one_line(&step.name),
    }
}

fn attempt_words(step: &StepRef, attempt: u32, board: &Board) -> String {
    let row = board.place(step).and_then(|place| board.rows.get(place));
    row.map_or_else(|| format!("attempt {attempt}"), |row| row.attempt_words(attempt))
}

fn spoken(report: &Report) -> String {
    let task = match (&report.message, &report.current_task) {
        (Some(message), Some(task)) => format!(": {} ({})", one_line(message), one_line(task)),
        (Some(note), None) | (None, Some(note)) => format!(": {}", one_line(note)),
        (None, None) => String::new(),
    };
    let left = report.estimated_remaining_seconds.filter(|left| *left >= 1.0);
    let left = left.map(|left| format!(", {} left", whole_seconds(left))).unwrap_or_default();
    format!("{:.0} %{left}{task}", report.percentage)
}

fn with_reason(what: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {}", one_line(reason)))
}

#[cfg(test)]
mod tests {
    use super::super::board::three_steps;
    use super::super::event::read;
    use super::*;

    fn lines(events: &[&str]) -> Vec<String> {
        let board = Board::new(&three_steps());
        let mut lines = Lines::default();
        read(events).iter().filter_map(|event| lines.tell(event, &board)).collect()
    }

    fn progress(percentage: u32, message: &str) -> String {
        format!(
            r#"{{"event": "step_progress", "step": "load", "step_name": "Carga", "overall_percentage": 3,
            "progress": {{"percentage": {percentage}, "message": "{message}", "current_task": "leer"}}}}"#
        )
    }

    #[test]
    fn a_run_reads_as_lines() {
        let told = lines(&[
            r#"{"event": "workflow_started", "workflow_id": "w", "workflow_name": "Documentos", "mode": "automatic",
                "total_steps": 3}"#,
            r#"{"event": "step_started", "step": "load", "step_name": "Carga", "step_id": "s", "order": 1,
                "attempt": 1, "visit": 1}"#,
            &progress(0, "Abriendo"),
            r#"{"event": "step_completed", "step": "load", "step_name": "Carga", "result": {}}"#,
            r#"{"event": "step_error", "step": "load", "step_name": "Carga", "attempt": 1,
                "error": {"type": "HttpStatus", "message": "busy", "status": 503}, "retry_in_seconds": 1.5}"#,
            r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 2, "visit": 1}"#,
            r#"{"event": "step_finished", "step": "load", "step_name": "Carga", "status": "success", "context": {},
                "duration_seconds": 0.25, "next": "check"}"#,
            r#"{"event": "workflow_completed", "final_context": {}, "completion_reason": "x", "duration_seconds": 2}"#,
        ]);
        let expected = [
            "Documentos started: 3 steps",
            "[1/3] Carga started",
            "[1/3] Carga 0 %: Abriendo (leer)",
            "[1/3] Carga failed (HttpStatus, attempt 1 of 3): busy; tried again in 1.5 s",
            "[1/3] Carga started, attempt 2 of 3",
            "[1/3] Carga done in 250 ms",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_report_that_says_nothing_new_is_not_told() {
        let told = lines(&[&progress(0, "a"), &progress(1, "a"), &progress(26, "a"), &progress(27, "b")]);
        assert_eq!(told.len(), 2, "{told:?}");
        let told = lines(&[&progress(0, "a"), &progress(10, "b")]);
        assert_eq!(told.len(), 2, "new words further on are news: {told:?}");
    }

    #[test]
    fn a_pause_is_told_with_its_reason() {
        let told = lines(&[
            r#"{"event": "workflow_pausing", "reason": "requested"}"#,
            r#"{"event": "workflow_paused", "reason": "requested"}"#,
            r#"{"event": "workflow_resumed"}"#,
        ]);
        assert_eq!(told, ["Pauses when the running step has ended", "Paused: requested", "Resumed"]);
    }
}
