//! All that one WebSocket is subscribed to, as one stream.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::stream::{AbortHandle, Abortable, SelectAll, unfold};
use futures_util::{Stream, StreamExt};
use tokio::sync::Semaphore;

use crate::actors::{Feed, FeedItem, News, Subscription};
use crate::domain::ExecutionId;

/// Something that was told.
pub(super) struct Told {
    /// Of which subscription; `None` for that to all executions.
    pub(super) of: Option<ExecutionId>,
    pub(super) item: FeedItem,
}

type Telling = Pin<Box<dyn Stream<Item = Told>>>;

/// The subscriptions of one WebSocket; clones share them. Only those are looked at that have something to tell.
#[derive(Clone, Default)]
pub(super) struct Feeds(Rc<RefCell<Inner>>);

struct Inner {
    /// Who reads a log has it; so only one page is in memory, however many logs are read at once.
    turns: Arc<Semaphore>,
    telling: SelectAll<Abortable<Telling>>,
    listener: Option<Waker>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(1)), telling: SelectAll::new(), listener: None }
    }
}

impl Feeds {
    /// What the feeds of this socket take turns by.
    pub(super) fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.borrow().turns)
    }

    /// Adds the events of one execution.
    pub(super) fn add(&self, id: ExecutionId, feed: Feed) -> AbortHandle {
        let telling = unfold(Some(feed), move |feed| async move {
            let mut feed = feed?;
            let item = feed.next().await;
            let feed = (!item.is_last()).then_some(feed);
            Some((Told { of: Some(id), item }, feed))
        });
        self.push(telling.boxed_local())
    }

    /// Adds the events of all executions.
    pub(super) fn add_all(&self, subscription: Subscription) -> AbortHandle {
        let telling = unfold(Some(subscription), |subscription| async move {
            let mut subscription = subscription?;
            loop {
                let (item, subscription) = match subscription.news().await {
                    News::Event(event) => (FeedItem::Event { seq: event.seq, text: event.text }, Some(subscription)),
                    News::Look => continue,
                    News::Dropped => (FeedItem::TooSlow, None),
                };
                return Some((Told { of: None, item }, subscription));
            }
        });
        self.push(telling.boxed_local())
    }

    fn push(&self, telling: Telling) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        let mut inner = self.0.borrow_mut();
        inner.telling.push(Abortable::new(telling, registration));
        inner.listener.take().into_iter().for_each(Waker::wake);
        handle
    }
}

impl Stream for Feeds {
    type Item = Told;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Told>> {
        let mut inner = self.0.borrow_mut();
        match inner.telling.poll_next_unpin(context) {
            Poll::Ready(Some(told)) => Poll::Ready(Some(told)),
            // With no subscription it waits for the next one.
            Poll::Ready(None) | Poll::Pending => {
                inner.listener = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
