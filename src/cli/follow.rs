//! Following an execution: its events in order, none left out and none twice, however often the server goes away.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::api::Standing;
use super::client::{Client, ClientError};
use super::event::{Event, Kind};
use super::sse::EventStream;

/// How often the events are asked for where there are no streams: at first, and at most after a quiet while.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// The wait before the server is looked for again: at first, and at most.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
const RETRY_INTERVAL_MAX: Duration = Duration::from_secs(2);

/// What a follower has to tell.
#[derive(Debug)]
pub(super) enum News {
    Event(Box<Event>),
    /// The server went away, for this reason; it is looked for.
    Lost(String),
    /// It is there again, and nothing was missed.
    Back,
    /// The execution has ended, and this was all.
    Over,
}

enum Source {
    /// Not connected.
    None,
    Stream(EventStream),
    Polls,
}

/// Follows one execution.
pub(super) struct Follower<'a> {
    client: &'a Client,
    execution: &'a str,
    /// How long the server may be away.
    patience: Duration,
    source: Source,
    pending: VecDeque<Event>,
    after: u64,
    /// The number of the newest event, and whether it ended, when its status was last asked for.
    last_seq: u64,
    is_ended: bool,
    /// Since when the server is away.
    lost_since: Option<Instant>,
    wait: Duration,
    was_connected: bool,
    has_streams: bool,
}

impl<'a> Follower<'a> {
    /// Follows `execution` from the event after `after` on.
    pub(super) fn new(client: &'a Client, execution: &'a str, after: u64, patience: Duration) -> Self {
        Self {
            client,
            execution,
            patience,
            source: Source::None,
            pending: VecDeque::new(),
            after,
            last_seq: 0,
            is_ended: false,
            lost_since: None,
            wait: RETRY_INTERVAL,
            was_connected: false,
            has_streams: true,
        }
    }

    /// Whether all events that were there at the last look were told.
    pub(super) fn is_caught_up(&self) -> bool {
        self.pending.is_empty() && self.after >= self.last_seq
    }

    /// Waits for what comes next.
    ///
    /// That the server is away is an error only if it never was there, or is away for longer than patience lasts.
    pub(super) async fn next(&mut self) -> Result<News, ClientError> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.take(&event);
                return Ok(News::Event(Box::new(event)));
            }
            if self.was_connected && self.is_ended && self.after >= self.last_seq {
                return Ok(News::Over);
            }
            match self.fetch().await {
                Ok(Some(news)) => return Ok(news),
                Ok(None) => {}
                Err(error) => {
                    if let Some(news) = self.lose(error).await? {
                        return Ok(news);
                    }
                }
            }
        }
    }

    /// Takes an event as told. What is older than the status changes nothing: a failed execution may have gone on.
    fn take(&mut self, event: &Event) {
        self.after = self.after.max(event.seq);
        if event.seq > self.last_seq {
            match event.kind {
                Kind::WorkflowCompleted(_) | Kind::WorkflowFailed(_) | Kind::WorkflowCancelled(_) => {
                    self.is_ended = true;
                }
                Kind::WorkflowResumed { .. } => self.is_ended = false,
                Kind::WorkflowStarted { .. }
                | Kind::StepStarted { .. }
                | Kind::StepProgress { .. }
                | Kind::StepWaiting { .. }
                | Kind::StepError { .. }
                | Kind::StepFinished { .. }
                | Kind::MaxVisitsExceeded { .. }
                | Kind::WorkflowPausing {}
                | Kind::WorkflowPaused { .. }
                | Kind::Other => {}
            }
        }
    }

    /// Does one thing to get on: connects, or waits for events.
    async fn fetch(&mut self) -> Result<Option<News>, ClientError> {
        match &mut self.source {
            Source::None => return self.connect().await,
            Source::Stream(stream) => {
                let texts = stream.next().await;
                if texts.is_empty() {
                    self.source = Source::None;
                    // A stream that closes at once must not be asked for without a pause.
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                for text in texts {
                    let event = Event::parse(&text).map_err(|error| self.strange(&error))?;
                    self.queue(event);
                }
            }
            Source::Polls => {
                let events = self.client.events(self.execution, self.after).await?;
                if events.is_empty() {
                    tokio::time::sleep(self.wait).await;
                    if self.wait >= POLL_INTERVAL_MAX {
                        // It may have ended with an event that was not asked for.
                        self.source = Source::None;
                    }
                    self.wait = (self.wait * 2).min(POLL_INTERVAL_MAX);
                } else {
                    self.wait = POLL_INTERVAL;
                }
                events.into_iter().for_each(|event| self.queue(event));
            }
        }
        Ok(None)
    }

    fn queue(&mut self, event: Event) {
        let known = self.pending.back().map_or(self.after, |last| last.seq);
        if event.seq > known {
            self.pending.push_back(event);
        }
    }

    async fn connect(&mut self) -> Result<Option<News>, ClientError> {
        let standing: Standing = self.client.standing(self.execution).await?;
        (self.last_seq, self.is_ended) = (standing.last_seq, standing.is_ended());
        self.was_connected = true;
        let is_over = self.is_ended && self.after >= self.last_seq;
        let stream =
            if self.has_streams && !is_over { self.client.stream(self.execution, self.after).await? } else { None };
        self.has_streams = self.has_streams && (is_over || stream.is_some());
        self.source = stream.map_or(Source::Polls, Source::Stream);
        self.wait = POLL_INTERVAL;
        Ok(self.lost_since.take().map(|_| News::Back))
    }

    /// Bears that the server is away, and tells it once.
    async fn lose(&mut self, error: ClientError) -> Result<Option<News>, ClientError> {
        let passes = match &error {
            ClientError::Unreachable { .. } | ClientError::Strange { .. } => true,
            ClientError::Refused(problem) => problem.is_passing(),
            ClientError::BadUrl { .. } => false,
        };
        let since = self.lost_since.unwrap_or_else(Instant::now);
        if !self.was_connected || !passes || since.elapsed() > self.patience {
            return Err(error);
        }
        self.source = Source::None;
        if self.lost_since.replace(since).is_none() {
            self.wait = RETRY_INTERVAL;
            return Ok(Some(News::Lost(error.reason())));
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(RETRY_INTERVAL_MAX);
        Ok(None)
    }

    fn strange(&self, error: &serde_json::Error) -> ClientError {
        let reason = format!("its stream of events holds something else ({error})");
        ClientError::Strange { url: self.client.url("/executions"), reason }
    }
}
