//! An execution's events for one subscriber, from any point of the log on: without a hole, without a repeat.
//!
//! It subscribes first and reads the log then, page by page, so that nothing falls between the two. While it reads, nothing
//! waits for it; once it has read all that was published, it goes live. Where what it hears does not join what it
//! has told (an actor died between a commit and its publication), it reads the log again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::outbox::{News, Subscription};
use super::{AskError, Runtime};
use crate::domain::{Execution, ExecutionId, Status};
use crate::journal::{JournalError, LogEnd, LoggedEvent};

/// The wait before a log that could not be read is read again.
const READ_RETRY: Duration = Duration::from_secs(1);
/// How long a page may become, by the length of the events before; one event may be longer.
const PAGE_BYTES: usize = 1024 * 1024;
/// How long events are thought to be before any was read.
const EVENT_BYTES_EXPECTED: usize = 16 * 1024;

/// What a feed tells.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// An event.
    Event {
        /// Its place in the log.
        seq: u64,
        /// Its public JSON.
        text: Arc<str>,
    },
    /// The execution has ended, and its log was told; nothing follows.
    Ended(Status),
    /// The subscriber was too slow; nothing follows.
    TooSlow,
    /// The log cannot be read; nothing follows.
    Unreadable,
}

impl FeedItem {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Event { .. } => false,
            Self::Ended(_) | Self::TooSlow | Self::Unreadable => true,
        }
    }
}

/// One subscriber's way through the log of an execution.
#[derive(Debug)]
pub struct Feed {
    runtime: Runtime,
    id: ExecutionId,
    subscription: Subscription,
    /// The event that was told last, or behind which it began.
    told: u64,
    /// Read and not told yet.
    page: VecDeque<LoggedEvent>,
    /// How long events seem to be.
    event_bytes: usize,
    /// Where the log ended before the page was read; `None` where that is to be found out.
    end: Option<LogEnd>,
    turns: Option<Arc<Semaphore>>,
    /// Held while it reads, until what it read is told.
    turn: Option<OwnedSemaphorePermit>,
    is_live: bool,
    ended: Option<Status>,
}

impl Runtime {
    /// The execution's events behind `after`, from the log and then as they are committed.
    ///
    /// # Errors
    ///
    /// Where there is no such execution, or the database does not answer.
    pub async fn follow(&self, id: ExecutionId, after: u64) -> Result<Feed, AskError> {
        let mut subscription = self.subscribe(id);
        subscription.read_log();
        self.0.journal.log_end(id).await?.ok_or(AskError::Unknown)?;
        Ok(Feed::new(self, id, subscription, after))
    }

    /// The execution as it is now, and its events from then on.
    ///
    /// # Errors
    ///
    /// As for [`Runtime::follow`].
    pub async fn follow_from_now(&self, id: ExecutionId) -> Result<(Arc<Execution>, Feed), AskError> {
        let mut subscription = self.subscribe(id);
        subscription.read_log();
        let execution = self.view(id).await?;
        let feed = Feed::new(self, id, subscription, execution.last_seq());
        Ok((execution, feed))
    }
}

impl Feed {
    fn new(runtime: &Runtime, id: ExecutionId, subscription: Subscription, after: u64) -> Self {
        Self {
            runtime: runtime.clone(),
            id,
            subscription,
            told: after,
            page: VecDeque::new(),
            event_bytes: EVENT_BYTES_EXPECTED,
            end: None,
            turns: None,
            turn: None,
            is_live: false,
            ended: None,
        }
    }

    /// Reads the log only when it is its turn.
    pub fn in_turn(self, turns: Arc<Semaphore>) -> Self {
        Self { turns: Some(turns), ..self }
    }

    /// What comes next. To be called no more behind the last item.
    pub async fn next(&mut self) -> FeedItem {
        loop {
            if let Some(event) = self.page.pop_front() {
                return self.tell(event.seq, Arc::from(event.text));
            }
            if !self.is_live {
                match self.read().await {
                    Ok(None) => continue,
                    Ok(Some(item)) => return item,
                    Err(JournalError::Damaged(_)) => return FeedItem::Unreadable,
                    Err(error) => {
                        tracing::warn!(execution = %self.id, %error, "its log cannot be read for now");
                        tokio::time::sleep(READ_RETRY).await;
                        continue;
                    }
                }
            }
            self.turn = None;
            if let Some(status) = self.ended.filter(|_| self.subscription.is_empty()) {
                return FeedItem::Ended(status);
            }
            match self.subscription.news().await {
                News::Dropped => return FeedItem::TooSlow,
                News::Look => self.read_again(),
                News::Event(event) if event.seq <= self.told => self.note(event.kind),
                News::Event(event) if event.seq == self.told + 1 => {
                    self.note(event.kind);
                    return self.tell(event.seq, event.text);
                }
                News::Event(_) => self.read_again(),
            }
        }
    }

    fn tell(&mut self, seq: u64, text: Arc<str>) -> FeedItem {
        self.told = seq;
        FeedItem::Event { seq, text }
    }

    fn read_again(&mut self) {
        self.subscription.read_log();
        self.is_live = false;
        self.end = None;
        self.ended = None;
    }

    /// Reads on. Where the log is told, it goes live or has come to the end.
    async fn read(&mut self) -> Result<Option<FeedItem>, JournalError> {
        if let Some(end) = self.end.take().filter(|end| end.seq == self.told) {
            return Ok(self.join(end));
        }
        if let Some(turns) = self.turns.as_ref().filter(|_| self.turn.is_none()) {
            // Nobody closes it.
            self.turn = Arc::clone(turns).acquire_owned().await.ok();
        }
        let journal = &self.runtime.0.journal;
        // In this order: the page holds all that the end tells of, if it is long enough.
        let Some(end) = journal.log_end(self.id).await? else { return Ok(Some(FeedItem::Unreadable)) };
        let page = journal.log(self.id, self.told, self.page_events()).await?;
        if page.is_empty() {
            return Ok(self.join(end));
        }
        self.event_bytes = page.iter().map(|event| event.text.len()).max().unwrap_or(1);
        self.page = page.into();
        self.end = Some(end);
        Ok(None)
    }

    /// So many events that a page of them is not too long.
    fn page_events(&self) -> u64 {
        let most = self.runtime.0.limits.session_page_events.max(1);
        (PAGE_BYTES / self.event_bytes.max(1)).clamp(1, most) as u64
    }

    /// All of the log is told: what follows is live, unless nothing does.
    fn join(&mut self, end: LogEnd) -> Option<FeedItem> {
        if end.status.is_ended() {
            return Some(FeedItem::Ended(end.status));
        }
        self.is_live = self.subscription.go_live(self.told.max(end.seq));
        None
    }

    fn note(&mut self, kind: &str) {
        match kind {
            "workflow_completed" => self.ended = Some(Status::Completed),
            "workflow_failed" => self.ended = Some(Status::Failed),
            "workflow_cancelled" => self.ended = Some(Status::Cancelled),
            // A failed or cancelled execution was told to go on.
            "workflow_resumed" => self.ended = None,
            _ => {}
        }
    }
}
