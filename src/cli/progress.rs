//! Watching an execution: its events shown as bars in a terminal, as lines elsewhere, or as JSON.

use std::time::Duration;

use chrono::Utc;
use indicatif::{MultiProgress, ProgressDrawTarget};

use super::api::Step;
use super::bars::Bars;
use super::board::{Board, Phase};
use super::client::ClientError;
use super::event::{End, Event, Kind};
use super::follow::{Follower, News};
use super::lines::Lines;

/// How often bars are drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(100);

/// How progress is shown.
enum View {
    Bars(Bars),
    Lines(Lines),
    Json,
}

/// What watching came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Ended(End),
    /// It is paused, and that was to be the end of watching.
    Paused,
    /// It is over, and its log does not say how.
    Unknown,
}

/// Shows the progress of one execution.
pub(super) struct Progress {
    board: Board,
    view: View,
    ends_when_paused: bool,
    /// How it is told whom to ask for the next step in manual mode, once for each time.
    next_hint: String,
    has_told_next: bool,
}

/// Where bars can be drawn: a terminal on stdout.
pub(super) fn screen() -> Option<MultiProgress> {
    let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
    (!screen.is_hidden()).then_some(screen)
}

impl Progress {
    /// Bars on `screen`, where there is one, and else lines on stdout.
    pub(super) fn new(steps: &[Step], screen: Option<&MultiProgress>) -> Self {
        let board = Board::new(steps);
        let view = match screen {
            Some(screen) => View::Bars(Bars::new(screen, &board)),
            None => View::Lines(Lines::default()),
        };
        Self { board, view, ends_when_paused: false, next_hint: String::new(), has_told_next: false }
    }

    /// Each event as the server wrote it, one a line.
    pub(super) fn json() -> Self {
        let board = Board::new(&[]);
        Self { board, view: View::Json, ends_when_paused: false, next_hint: String::new(), has_told_next: false }
    }

    /// Ends with a pause, if `ends` says so.
    pub(super) fn ending_when_paused(mut self, ends: bool) -> Self {
        self.ends_when_paused = ends;
        self
    }

    /// Tells `hint` when an execution in manual mode waits for its next step.
    pub(super) fn telling_what_is_next(mut self, hint: String) -> Self {
        self.next_hint = hint;
        self
    }

    /// Shows the execution until it ends, and says how.
    pub(super) async fn watch(mut self, follower: &mut Follower<'_>) -> Result<Outcome, ClientError> {
        let mut end = None;
        loop {
            match self.drawn_until(follower).await? {
                News::Event(event) => {
                    self.show(&event, follower.is_caught_up());
                    let goes_on = matches!(event.kind, Kind::WorkflowResumed { .. });
                    end = event.kind.into_end().or(if goes_on { None } else { end });
                }
                News::Lost(reason) => {
                    let line = format!("Connection lost ({reason}); trying again. The execution is not lost.");
                    self.remark(&line, Some("no connection, trying again"));
                }
                News::Back => self.remark("Discovery answers again. Nothing was missed.", None),
                News::Over => {
                    self.draw_last();
                    return Ok(end.map_or(Outcome::Unknown, Outcome::Ended));
                }
            }
            let is_paused = matches!(self.board.phase, Phase::Paused(_));
            if is_paused && self.ends_when_paused && follower.is_caught_up() {
                self.draw_last();
                return Ok(Outcome::Paused);
            }
        }
    }

    /// Waits for news, and keeps the bars moving meanwhile.
    async fn drawn_until(&mut self, follower: &mut Follower<'_>) -> Result<News, ClientError> {
        let mut news = std::pin::pin!(follower.next());
        loop {
            match tokio::time::timeout(DRAW_INTERVAL, &mut news).await {
                Ok(news) => return news,
                Err(_) => self.draw(),
            }
        }
    }

    fn show(&mut self, event: &Event, is_newest: bool) {
        self.board.apply(event);
        let waits = self.board.waits_for_next();
        let tells_next = waits && is_newest && !self.has_told_next && !self.next_hint.is_empty();
        self.has_told_next = waits && (self.has_told_next || is_newest);
        match &mut self.view {
            View::Lines(lines) => {
                lines.tell(event, &self.board).into_iter().for_each(super::say);
                if tells_next {
                    super::say(&self.next_hint);
                }
            }
            View::Bars(bars) if tells_next => bars.say(&self.next_hint),
            View::Bars(_) => {}
            View::Json => super::say(&event.text),
        }
    }

    /// Tells about the connection: not on stdout, where the execution is told of, unless that is a screen.
    fn remark(&mut self, line: &str, standing: Option<&str>) {
        match &mut self.view {
            View::Bars(bars) => {
                bars.say(line);
                bars.remark(standing.map(str::to_owned));
            }
            View::Lines(_) | View::Json => eprintln!("{line}"),
        }
    }

    fn draw_last(&mut self) {
        if let View::Bars(bars) = &mut self.view {
            bars.draw_last(&self.board);
        }
    }

    fn draw(&mut self) {
        if let View::Bars(bars) = &mut self.view {
            bars.draw(&self.board, Utc::now());
        }
    }
}
