//! Progress as bars, one for each step, for a terminal.

use chrono::{DateTime, Utc};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Board, Phase, Row, State};
use super::text::{duration, terminal_width, whole_seconds};

/// What turns in front of a step that runs.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// The bounds of a bar.
const BAR_CHARS_MIN: usize = 8;
const BAR_CHARS_MAX: usize = 20;
/// What stands beside a name and a bar: marks, figures and some words.
const REST_CHARS: usize = 46;
/// The widest name that is shown whole, and the least of one that is shown in a narrow terminal.
const NAME_CHARS_MAX: usize = 32;
const NAME_CHARS_MIN: usize = 10;
/// What stands in front of the bar of the whole.
const TOTAL: &str = "Total";

/// How wide the columns are, in characters.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Widths {
    name: usize,
    bar: usize,
}

impl Widths {
    /// For these names, and so that some words fit behind the bars.
    fn new(board: &Board, terminal: Option<u16>) -> Self {
        let terminal = usize::from(terminal.unwrap_or(80));
        let longest = board.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(TOTAL.len());
        let name = longest.min(NAME_CHARS_MAX).min((terminal / 4).max(NAME_CHARS_MIN));
        let rest = terminal.saturating_sub(name + REST_CHARS);
        Self { name, bar: rest.clamp(BAR_CHARS_MIN, BAR_CHARS_MAX) }
    }
}

/// A bar for each row of a board, and one for the whole.
pub(super) struct Bars {
    screen: MultiProgress,
    bars: Vec<StepBar>,
    total: ProgressBar,
    widths: Widths,
    turns: usize,
    /// What is to be known of the connection.
    remark: Option<String>,
}

struct StepBar {
    bar: ProgressBar,
    name: String,
    /// What its style is for.
    styled: (State, Widths),
}

impl Bars {
    /// Draws the bars of `board` at the end of what `screen` shows.
    pub(super) fn new(screen: &MultiProgress, board: &Board) -> Self {
        let total = screen.add(ProgressBar::new(100));
        let widths = Widths::new(board, terminal_width());
        let mut bars = Self { screen: screen.clone(), bars: Vec::new(), total, widths, turns: 0, remark: None };
        bars.draw(board, Utc::now());
        bars
    }

    /// Shows `remark` beside the bar of the whole, or no remark any more.
    pub(super) fn remark(&mut self, remark: Option<String>) {
        self.remark = remark;
    }

    /// Writes a line above the bars, where it stays.
    pub(super) fn say(&self, line: &str) {
        // That it cannot be written is no reason to stop.
        let _ = self.screen.println(line);
    }

    /// Draws what `board` says at its end, however short ago it was drawn.
    pub(super) fn draw_last(&mut self, board: &Board) {
        self.draw(board, Utc::now());
        self.bars.iter().for_each(|step| step.bar.abandon());
        self.total.abandon();
    }

    /// Draws what `board` says at `now`.
    pub(super) fn draw(&mut self, board: &Board, now: DateTime<Utc>) {
        self.turns = (self.turns + 1) % SPINNER.len();
        self.widths = Widths::new(board, terminal_width());
        for (place, row) in board.rows.iter().enumerate() {
            if self.bars.get(place).is_none_or(|step| step.name != row.name) {
                let bar = self.screen.insert(place, ProgressBar::new(100));
                bar.set_style(style(row.state, self.widths));
                self.bars.insert(place, StepBar { bar, name: row.name.clone(), styled: (row.state, self.widths) });
            }
        }
        for (step, row) in self.bars.iter_mut().zip(&board.rows) {
            if step.styled != (row.state, self.widths) {
                step.styled = (row.state, self.widths);
                step.bar.set_style(style(row.state, self.widths));
            }
            // 0 to 100.
            step.bar.set_position(row.percentage.round() as u64);
            step.bar.set_prefix(format!("{} {}", mark(row.state, self.turns), row.name));
            step.bar.set_message(message(row, now));
        }
        self.total.set_style(total_style(&board.phase, self.widths));
        self.total.set_position(board.percentage().round() as u64);
        self.total.set_prefix(format!("  {TOTAL}"));
        self.total.set_message(total_message(board, self.remark.as_deref(), now));
    }
}

/// What was drawn stays in the terminal, and nothing is drawn over what follows it. Nor once more: after a Ctrl-C the
/// terminal has written `^C`, and the cursor is no longer where it was left.
impl Drop for Bars {
    fn drop(&mut self) {
        self.screen.set_draw_target(ProgressDrawTarget::hidden());
        // The last bar's line is not ended yet.
        super::say("");
    }
}

fn mark(state: State, turns: usize) -> &'static str {
    match state {
        State::Waiting => "·",
        State::Running => SPINNER.get(turns).copied().unwrap_or("⠿"),
        State::Elsewhere => "…",
        State::Retrying => "↻",
        State::Done => "✓",
        State::Failed => "✗",
        State::Skipped => "-",
    }
}

/// From `earlier` to `later` in seconds; two clocks may differ, so it may be nothing.
fn seconds_between(earlier: DateTime<Utc>, later: DateTime<Utc>) -> Option<f64> {
    let seconds = (later - earlier).num_milliseconds() as f64 / 1_000.0;
    (seconds > 0.0).then_some(seconds)
}

/// The time and the note behind a bar.
fn message(row: &Row, now: DateTime<Utc>) -> String {
    let is_running = matches!(row.state, State::Running | State::Elsewhere);
    let running_for = row.since.filter(|_| is_running).and_then(|since| seconds_between(since, now));
    let left = row.until.and_then(|until| seconds_between(now, until));
    let note = match (row.state, left) {
        (State::Retrying, Some(left)) => {
            format!("{} in {}: {}", row.attempt_words(row.attempt + 1), whole_seconds(left), row.note)
        }
        (State::Retrying, None) => format!("{} is due: {}", row.attempt_words(row.attempt + 1), row.note),
        (State::Running | State::Elsewhere, Some(left)) if row.note.is_empty() => {
            format!("{} left", whole_seconds(left))
        }
        (State::Running | State::Elsewhere, Some(left)) => format!("{} left · {}", whole_seconds(left), row.note),
        (State::Running | State::Elsewhere, None)
        | (State::Waiting | State::Done | State::Failed | State::Skipped, _) => row.note.clone(),
    };
    if row.state == State::Skipped {
        return note;
    }
    let time = row.seconds.or(running_for).map(duration).unwrap_or_default();
    format!("{time:>8}  {note}").trim_end().to_owned()
}

/// The time and the note behind the bar of the whole.
fn total_message(board: &Board, remark: Option<&str>, now: DateTime<Utc>) -> String {
    let phase = match &board.phase {
        Phase::Running if board.waits_for_next() => "waits for `next` (manual mode)".to_owned(),
        Phase::Running | Phase::Ended => String::new(),
        Phase::Pausing => "pauses when the running step has ended".to_owned(),
        Phase::Paused(Some(reason)) => format!("paused: {reason}"),
        Phase::Paused(None) => "paused".to_owned(),
    };
    let time = board.began.and_then(|began| seconds_between(began, board.ended.unwrap_or(now)));
    let time = time.map(duration).unwrap_or_default();
    format!("{time:>8}  {}", remark.unwrap_or(&phase)).trim_end().to_owned()
}

fn template(state: State, widths: Widths) -> String {
    let colour = match state {
        State::Waiting | State::Skipped => "dim",
        State::Running => "cyan",
        State::Elsewhere => "magenta",
        State::Retrying => "yellow",
        State::Done => "green",
        State::Failed => "red",
    };
    // Two more than the name: the mark and a space.
    let (width, bar) = (widths.name + 2, widths.bar);
    match state {
        State::Waiting => format!("  {{prefix:{width}!.dim}}"),
        State::Skipped => format!("  {{prefix:{width}!.dim}} {{wide_msg:.dim}}"),
        State::Running | State::Elsewhere | State::Retrying | State::Done | State::Failed => {
            format!("  {{prefix:{width}!.{colour}}} {{bar:{bar}.{colour}/dim}} {{percent:>3}} % {{wide_msg}}")
        }
    }
}

fn style(state: State, widths: Widths) -> ProgressStyle {
    styled(&template(state, widths))
}

fn total_style(phase: &Phase, widths: Widths) -> ProgressStyle {
    let colour = match phase {
        Phase::Running | Phase::Ended => "bold",
        Phase::Pausing | Phase::Paused(_) => "yellow",
    };
    let (width, bar) = (widths.name + 2, widths.bar);
    styled(&format!("  {{prefix:{width}!.{colour}}} {{bar:{bar}.{colour}/dim}} {{percent:>3}} % {{wide_msg}}"))
}

fn styled(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    // A template that cannot be read would be a slip in this file, and a test reads them all.
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}

#[cfg(test)]
mod tests {
    use super::super::board::three_steps;
    use super::super::event::read;
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        let states = [State::Waiting, State::Running, State::Retrying, State::Done, State::Failed, State::Skipped];
        for state in states.into_iter().chain([State::Elsewhere]) {
            assert!(ProgressStyle::with_template(&template(state, Widths { name: 18, bar: 8 })).is_ok(), "{state:?}");
        }
    }

    #[test]
    fn bars_and_names_give_way_to_words_in_a_narrow_terminal() {
        let board = Board::new(&three_steps());
        let widths = [None, Some(200), Some(66), Some(20)].map(|terminal| Widths::new(&board, terminal));
        assert_eq!(widths.map(|widths| widths.bar), [20, 20, 10, 8]);
        let mut long = three_steps();
        long[0].name = "n".repeat(60);
        let board = Board::new(&long);
        let names = [Some(200), Some(60), Some(20)].map(|terminal| Widths::new(&board, terminal).name);
        assert_eq!(names, [32, 15, 10]);
    }

    #[test]
    fn bars_follow_the_board() {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut board = Board::new(&three_steps());
        let mut bars = Bars::new(&screen, &board);
        let at = |seconds: u32| format!(r#""timestamp": "2026-01-02T03:04:{seconds:02}.000Z", "step": "load""#);
        let now = |seconds: u32| format!("2026-01-02T03:04:{seconds:02}.000Z").parse::<DateTime<Utc>>().unwrap();
        let mut show = |event: String, seconds: u32| {
            read(&[&event]).iter().for_each(|event| board.apply(event));
            bars.draw(&board, now(seconds));
            let bar = &bars.bars[0].bar;
            (bar.position(), bar.prefix(), bar.message())
        };
        let shown = |position: u64, prefix: &str, message: &str| (position, prefix.to_owned(), message.to_owned());

        let started = |attempt: u32, seconds: u32| {
            format!(r#"{{"event": "step_started", {}, "step_name": "Carga", "attempt": {attempt}}}"#, at(seconds))
        };
        show(started(1, 0), 0);
        let progress = format!(
            r#"{{"event": "step_progress", {}, "step_name": "Carga",
            "progress": {{"percentage": 40, "message": "Abriendo", "estimated_remaining_seconds": 9}}}}"#,
            at(1)
        );
        assert_eq!(show(progress, 2), shown(40, "⠸ Carga", "   2.0 s  8 s left · Abriendo"));
        let error = format!(
            r#"{{"event": "step_error", {}, "step_name": "Carga", "attempt": 1, "retry_in_seconds": 12,
            "error": {{"type": "HttpStatus", "message": "busy"}}}}"#,
            at(3)
        );
        assert_eq!(show(error, 3), shown(40, "↻ Carga", "   3.0 s  attempt 2 of 3 in 12 s: busy"));
        show(started(2, 15), 15);
        let finished =
            format!(r#"{{"event": "step_finished", {}, "step_name": "Carga", "duration_seconds": 2.5}}"#, at(18));
        assert_eq!(show(finished, 18), shown(100, "✓ Carga", "   2.5 s  attempt 2 of 3"));
        assert_eq!(bars.bars[1].bar.prefix(), "· Validación");
        assert_eq!(bars.total.position(), 33);
    }
}
