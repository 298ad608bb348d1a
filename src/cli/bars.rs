//! Progress as bars, one for each step, for a terminal.

use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Board, Row, State};
use super::text::{duration, terminal_width};

/// What turns in front of a step that runs.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// The bounds of a bar.
const BAR_CHARS_MIN: usize = 8;
const BAR_CHARS_MAX: usize = 20;
/// What stands beside a name and a bar: marks, figures and some words.
const REST_CHARS: usize = 46;
/// The widest name that is shown whole.
const NAME_CHARS_MAX: usize = 32;

/// How wide the columns are, in characters.
#[derive(Clone, Copy)]
struct Widths {
    name: usize,
    bar: usize,
}

impl Widths {
    /// For these names, and so that some words fit behind the bars.
    fn new(board: &Board, terminal: Option<u16>) -> Self {
        let longest = board.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let name = longest.min(NAME_CHARS_MAX);
        let rest = usize::from(terminal.unwrap_or(80)).saturating_sub(name + REST_CHARS);
        Self { name, bar: rest.clamp(BAR_CHARS_MIN, BAR_CHARS_MAX) }
    }
}

/// A bar for each row of a board.
pub(super) struct Bars {
    screen: MultiProgress,
    bars: Vec<StepBar>,
    widths: Widths,
    turns: usize,
}

struct StepBar {
    bar: ProgressBar,
    state: State,
    running_since: Option<Instant>,
}

impl Bars {
    /// Draws the bars of `board` at the end of what `screen` shows.
    pub(super) fn new(screen: &MultiProgress, board: &Board) -> Self {
        let widths = Widths::new(board, terminal_width());
        let bars = board.rows.iter().map(|row| {
            let bar = screen.add(ProgressBar::new(100));
            bar.set_style(style(row.state, widths));
            bar.set_prefix(format!("{} {}", mark(row.state, 0), row.name));
            StepBar { bar, state: row.state, running_since: None }
        });
        Self { screen: screen.clone(), bars: bars.collect(), widths, turns: 0 }
    }

    /// Draws what `board` says at `now`.
    pub(super) fn draw(&mut self, board: &Board, now: Instant) {
        self.turns = (self.turns + 1) % SPINNER.len();
        for (step, row) in self.bars.iter_mut().zip(&board.rows) {
            if row.state != step.state {
                step.state = row.state;
                step.running_since = (row.state == State::Running).then_some(now);
                step.bar.set_style(style(row.state, self.widths));
            }
            let running_for = step.running_since.map(|since| now.duration_since(since).as_secs_f64());
            // 0 to 100.
            step.bar.set_position(row.percentage.round() as u64);
            step.bar.set_prefix(format!("{} {}", mark(row.state, self.turns), row.name));
            step.bar.set_message(message(row, running_for));
        }
    }
}

/// What was drawn stays in the terminal, and nothing is drawn over what follows it.
impl Drop for Bars {
    fn drop(&mut self) {
        self.bars.iter().for_each(|step| step.bar.abandon());
        self.screen.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn mark(state: State, turns: usize) -> &'static str {
    match state {
        State::Waiting => "·",
        State::Running => SPINNER.get(turns).copied().unwrap_or("⠿"),
        State::Retrying => "↻",
        State::Done => "✓",
        State::Failed => "✗",
        State::Skipped => "-",
    }
}

/// The time and the note behind a bar.
fn message(row: &Row, running_for: Option<f64>) -> String {
    let time = row.seconds.or(running_for).map(duration).unwrap_or_default();
    format!("{time:>8}  {}", row.note).trim_end().to_owned()
}

fn template(state: State, widths: Widths) -> String {
    let colour = match state {
        State::Waiting | State::Skipped => "dim",
        State::Running => "cyan",
        State::Retrying => "yellow",
        State::Done => "green",
        State::Failed => "red",
    };
    // Two more than the name: the mark and a space.
    let (width, bar) = (widths.name + 2, widths.bar);
    match state {
        State::Waiting => format!("  {{prefix:{width}!.dim}}"),
        State::Skipped => format!("  {{prefix:{width}!.dim}} {{wide_msg:.dim}}"),
        State::Running | State::Retrying | State::Done | State::Failed => {
            format!("  {{prefix:{width}!.{colour}}} {{bar:{bar}.{colour}/dim}} {{percent:>3}} % {{wide_msg}}")
        }
    }
}

fn style(state: State, widths: Widths) -> ProgressStyle {
    let style = ProgressStyle::with_template(&template(state, widths));
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
        for state in states {
            assert!(ProgressStyle::with_template(&template(state, Widths { name: 18, bar: 8 })).is_ok(), "{state:?}");
        }
    }

    #[test]
    fn bars_give_way_to_words_in_a_narrow_terminal() {
        let board = Board::new(&three_steps());
        let bars = [None, Some(200), Some(66), Some(20)].map(|terminal| Widths::new(&board, terminal).bar);
        assert_eq!(bars, [20, 20, 10, 8]);
    }

    #[test]
    fn bars_follow_the_board() {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut board = Board::new(&three_steps());
        let mut bars = Bars::new(&screen, &board);
        let events = read(&[
            r#"{"event": "step_started", "step": "load", "step_name": "Carga", "attempt": 1}"#,
            r#"{"event": "step_progress", "step": "load", "step_name": "Carga",
                "progress": {"percentage": 40, "message": "Abriendo"}}"#,
        ]);
        events.iter().for_each(|event| board.apply(event));
        let now = Instant::now();
        bars.draw(&board, now);
        bars.draw(&board, now + std::time::Duration::from_secs(2));
        let bar = &bars.bars[0].bar;
        assert_eq!((bar.position(), bar.prefix().as_str()), (40, "⠹ Carga"));
        assert_eq!(bar.message(), "   2.0 s  Abriendo");
        assert_eq!(bars.bars[1].bar.prefix(), "· Validación");

        let finished = r#"{"event": "step_finished", "step": "load", "step_name": "Carga", "duration_seconds": 2.5}"#;
        read(&[finished]).iter().for_each(|event| board.apply(event));
        bars.draw(&board, now);
        assert_eq!((bars.bars[0].bar.position(), bars.bars[0].bar.prefix().as_str()), (100, "✓ Carga"));
        assert_eq!(bars.bars[0].bar.message(), "   2.5 s  Abriendo");
    }
}
