//! A connection as seen from outside: whether it moves, and the way to cut it.
//!
//! Whatever is sent to a client is polled by the client's connection, so a client that stops reading freezes the
//! sender, timers and all. What watches it must therefore be elsewhere, and needs a way to the connection itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::task::AtomicWaker;

/// The beginning of the times below, which are milliseconds; 0 stands for never.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time as lines and sessions note it.
pub(super) fn now_ms() -> u64 {
    // A process does not live for 2^64 milliseconds.
    BEGINNING.elapsed().as_millis() as u64 + 1
}

/// What is known of one connection; the connection notes it, sessions and their supervision read it.
#[derive(Debug, Default)]
pub struct Line {
    /// How much the operating system may hold of what is sent, once a session is on it.
    session_bytes: OnceLock<usize>,
    blocked_since_ms: AtomicU64,
    moved_at_ms: AtomicU64,
    is_cut: AtomicBool,
    is_gone: AtomicBool,
    has_hung_up: AtomicBool,
    connection: AtomicWaker,
    session: AtomicWaker,
}

impl Line {
    /// Notes who is to be woken when the line is cut, and tells whether it is.
    pub fn poll_cut(&self, context: &Context<'_>) -> bool {
        self.connection.register(context.waker());
        self.is_cut.load(Ordering::Acquire)
    }

    /// Notes whether the client took anything of what was offered just now.
    pub fn note_write(&self, took: bool) {
        if took {
            if self.blocked_since_ms.swap(0, Ordering::AcqRel) != 0 {
                self.moved_at_ms.store(now_ms(), Ordering::Release);
            }
        } else if self.blocked_since_ms.load(Ordering::Acquire) == 0 {
            self.blocked_since_ms.store(now_ms(), Ordering::Release);
        }
    }

    /// Notes that the client sends nothing more.
    pub fn note_hang_up(&self) {
        self.has_hung_up.store(true, Ordering::Release);
        self.session.wake();
    }

    /// Notes that the connection is no more.
    pub fn note_gone(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    /// How much of what is sent may wait outside the process; `None` where no session is on the line.
    pub fn session_bytes(&self) -> Option<usize> {
        self.session_bytes.get().copied()
    }

    /// Breaks the connection, whatever its task waits for.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.connection.wake();
    }

    pub(super) fn carry_session(&self, bytes: usize) {
        // A second session on the same connection is bounded as the first one.
        let _ = self.session_bytes.set(bytes);
    }

    /// Since when the client has taken nothing of what it is offered.
    pub(super) fn blocked_since_ms(&self) -> Option<u64> {
        Some(self.blocked_since_ms.load(Ordering::Acquire)).filter(|since| *since != 0)
    }

    /// When the client went on reading after it had not; 0 if it always read.
    pub(super) fn moved_at_ms(&self) -> u64 {
        self.moved_at_ms.load(Ordering::Acquire)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Waits until the client has hung up.
    pub fn poll_hang_up(&self, context: &Context<'_>) -> Poll<()> {
        self.session.register(context.waker());
        if self.has_hung_up.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}
