//! How an execution ended, as a sentence and as an exit code.

use super::event::{Cancelled, Completed, End, Failed};
use super::exit::Exit;
use super::progress::Outcome;
use super::text::{duration, one_line, shortened};

/// As much of an error as is shown: some workers answer with a page.
const ERROR_CHARS_MAX: usize = 300;

/// How an execution ended, as a sentence.
pub(super) fn ending(end: &End) -> String {
    match end {
        End::Completed(Completed { duration_seconds, .. }) => format!("Completed in {}.", duration(*duration_seconds)),
        End::Failed(Failed { error, failed_step }) => {
            let step = failed_step.as_deref().map(|step| format!(" at '{}'", one_line(step))).unwrap_or_default();
            let message = shortened(&one_line(&error.message), ERROR_CHARS_MAX);
            format!("Failed{step} ({}): {message}", one_line(&error.kind))
        }
        End::Cancelled(Cancelled { reason: Some(reason) }) => format!("Cancelled: {}", one_line(reason)),
        End::Cancelled(Cancelled { reason: None }) => "Cancelled.".to_owned(),
    }
}

/// What watching came to, as a sentence; `status` is the execution's, for where its log does not tell.
pub(super) fn outcome(outcome: &Outcome, status: &str) -> (Exit, String) {
    match outcome {
        Outcome::Ended(end) => {
            let exit = match end {
                End::Completed(_) => Exit::Done,
                End::Failed(_) => Exit::Failed,
                End::Cancelled(_) => Exit::Cancelled,
            };
            (exit, ending(end))
        }
        Outcome::Paused => (Exit::Paused, "It is paused, and watching was to end then.".to_owned()),
        Outcome::Unknown => {
            let exit = match status {
                "completed" => Exit::Done,
                "cancelled" => Exit::Cancelled,
                _ => Exit::Failed,
            };
            (exit, format!("It ended before, as {}.", one_line(status)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::read;
    use super::*;

    #[test]
    fn every_end_is_a_sentence_and_a_code() {
        let ends = read(&[
            r#"{"event": "workflow_completed", "final_context": {}, "duration_seconds": 0.5}"#,
            r#"{"event": "workflow_failed", "error": {"type": "NotAPdf", "message": "No es un PDF."},
                "failed_step": "Validación"}"#,
            r#"{"event": "workflow_failed", "error": {"type": "T", "message": "m"}, "failed_step": null}"#,
            r#"{"event": "workflow_cancelled", "reason": "by hand"}"#,
            r#"{"event": "workflow_cancelled", "reason": null}"#,
        ]);
        let expected = [
            (Exit::Done, "Completed in 500 ms."),
            (Exit::Failed, "Failed at 'Validación' (NotAPdf): No es un PDF."),
            (Exit::Failed, "Failed (T): m"),
            (Exit::Cancelled, "Cancelled: by hand"),
            (Exit::Cancelled, "Cancelled."),
        ];
        let ends = ends.into_iter().filter_map(|event| event.kind.into_end());
        let told: Vec<_> = ends.map(|end| outcome(&Outcome::Ended(end), "")).collect();
        assert_eq!(told, expected.map(|(exit, sentence)| (exit, sentence.to_owned())));
        assert_eq!(outcome(&Outcome::Unknown, "cancelled").0, Exit::Cancelled);
        assert_eq!(outcome(&Outcome::Paused, "paused").0, Exit::Paused);
    }
}
