//! Watching an execution: its events are polled over HTTP and shown as bars in a terminal, as lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::MultiProgress;

use super::bars::Bars;
use super::board::Board;
use super::client::{Client, ClientError, Workflow};
use super::event::{End, Event};
use super::lines::Lines;

/// How often the events are asked for.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How progress is shown.
enum View {
    Bars(Bars),
    Lines(Lines),
}

/// Shows the progress of one execution.
pub(super) struct Progress {
    board: Board,
    view: View,
}

impl Progress {
    /// Bars on `screen`, where there is one, and else lines on stdout.
    pub(super) fn new(workflow: &Workflow, screen: Option<&MultiProgress>) -> Self {
        let board = Board::new(&workflow.steps);
        let view = match screen {
            Some(screen) => View::Bars(Bars::new(screen, &board)),
            None => View::Lines(Lines::default()),
        };
        Self { board, view }
    }

    /// Shows the execution until it ends, and says how.
    pub(super) async fn watch(mut self, client: &Client, execution_id: &str) -> Result<End, ClientError> {
        let mut after = 0;
        loop {
            for event in client.events(execution_id, after).await? {
                after = event.seq;
                self.show(&event);
                if let Some(end) = event.kind.into_end() {
                    self.draw();
                    return Ok(end);
                }
            }
            self.draw();
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn show(&mut self, event: &Event) {
        self.board.apply(event);
        if let View::Lines(lines) = &mut self.view {
            lines.tell(event, &self.board).into_iter().for_each(super::say);
        }
    }

    fn draw(&mut self) {
        if let View::Bars(bars) = &mut self.view {
            bars.draw(&self.board, Instant::now());
        }
    }
}
