//! Bounds on the calls that are open at once, so that handlers that hang hold up no others.
//!
//! A handler may have as many calls open as there is room left for others, and never more than its own bound. So each
//! handler that fills up leaves room for the next one: with n of them full, about 1/(n+1) of all room is free (this is
//! the dynamic threshold that switches share their buffers by: Choudhury and Hahne, IEEE/ACM Transactions on
//! Networking 6(2), 1998).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Lets calls in, for each handler first come, first served.
#[derive(Clone, Debug)]
pub struct CallGate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    per_handler_max: usize,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    is_closed: bool,
    open: usize,
    waiting: usize,
    handlers: BTreeMap<Arc<str>, Handler>,
}

#[derive(Debug, Default)]
struct Handler {
    open: usize,
    /// Those who wait for their turn; one that gave up has dropped its end.
    waiting: VecDeque<oneshot::Sender<CallPermit>>,
}

/// A call that was let in; dropping it makes room for the next.
#[derive(Debug)]
pub struct CallPermit {
    gate: Arc<Inner>,
    handler: Arc<str>,
}

/// The calls of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerCounts {
    /// Calls that are open.
    pub open: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
}

/// The calls of all handlers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCounts {
    /// Calls that are open.
    pub open: usize,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Those handlers that have any.
    pub handlers: BTreeMap<Arc<str>, HandlerCounts>,
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let let_in = self.gate.leave(&self.handler);
        // Outside of the lock: whoever has given up meanwhile drops its permit right here.
        let_in.into_iter().for_each(|(waiting, permit)| drop(waiting.send(permit)));
    }
}

impl Inner {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_enter(&self, turns: &Turns, handler_open: usize) -> bool {
        let free = self.max.saturating_sub(turns.open);
        free > 0 && handler_open < self.per_handler_max.min(free)
    }

    /// Makes room, and gives those whose turn has come with their permits.
    fn leave(self: &Arc<Self>, handler: &Arc<str>) -> Vec<(oneshot::Sender<CallPermit>, CallPermit)> {
        let mut turns = self.turns();
        turns.open = turns.open.saturating_sub(1);
        if let Some(left) = turns.handlers.get_mut(handler) {
            left.open = left.open.saturating_sub(1);
        }
        let mut let_in = Vec::new();
        if turns.waiting > 0 {
            // The one that has fewest open goes first; one permit was given back, so this ends soon.
            while let Some(next) = self.next_in_turn(&turns) {
                let_in.extend(self.admit(&mut turns, &next));
            }
        }
        if turns.handlers.get(handler).is_some_and(|left| left.open == 0 && left.waiting.is_empty()) {
            turns.handlers.remove(handler);
        }
        let_in
    }

    fn next_in_turn(&self, turns: &Turns) -> Option<Arc<str>> {
        let waiting = turns.handlers.iter().filter(|(_, handler)| !handler.waiting.is_empty());
        let (name, handler) = waiting.min_by_key(|(_, handler)| handler.open)?;
        self.may_enter(turns, handler.open).then(|| Arc::clone(name))
    }

    /// Lets the first who waits at `handler` in; `None` where it has given up.
    fn admit(
        self: &Arc<Self>,
        turns: &mut Turns,
        name: &Arc<str>,
    ) -> Option<(oneshot::Sender<CallPermit>, CallPermit)> {
        let handler = turns.handlers.get_mut(name)?;
        let waiting = handler.waiting.pop_front()?;
        turns.waiting -= 1;
        if waiting.is_closed() {
            return None;
        }
        handler.open += 1;
        turns.open += 1;
        Some((waiting, CallPermit { gate: Arc::clone(self), handler: Arc::clone(name) }))
    }
}

impl CallGate {
    /// Lets `max` calls be open in all, and `per_handler_max` for one handler.
    pub fn new(max: usize, per_handler_max: usize) -> Self {
        Self(Arc::new(Inner { max, per_handler_max, turns: Mutex::default() }))
    }

    /// Waits for its turn; `None` once the gate is closed.
    pub async fn enter(&self, handler: &str) -> Option<CallPermit> {
        let turn = match self.try_enter(handler)? {
            Ok(permit) => return Some(permit),
            Err(turn) => turn,
        };
        turn.await.ok()
    }

    /// A permit, or a place in the queue; `None` once the gate is closed.
    fn try_enter(&self, handler: &str) -> Option<Result<CallPermit, oneshot::Receiver<CallPermit>>> {
        let mut turns = self.0.turns();
        if turns.is_closed {
            return None;
        }
        let name = match turns.handlers.get_key_value(handler) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(handler),
        };
        let own = turns.handlers.entry(Arc::clone(&name)).or_default();
        let (open, is_first) = (own.open, own.waiting.is_empty());
        if is_first && self.0.may_enter(&turns, open) {
            turns.open += 1;
            turns.handlers.entry(Arc::clone(&name)).or_default().open += 1;
            return Some(Ok(CallPermit { gate: Arc::clone(&self.0), handler: name }));
        }
        let (permit, turn) = oneshot::channel();
        turns.waiting += 1;
        turns.handlers.entry(name).or_default().waiting.push_back(permit);
        Some(Err(turn))
    }

    /// Lets nobody in any more; whoever waits is sent away.
    pub fn close(&self) {
        let mut turns = self.0.turns();
        turns.is_closed = true;
        turns.waiting = 0;
        turns.handlers.values_mut().for_each(|handler| handler.waiting.clear());
    }

    /// Calls that are open.
    pub fn open_calls(&self) -> usize {
        self.0.turns().open
    }

    /// Calls that wait for their turn.
    pub fn waiting_calls(&self) -> usize {
        self.0.turns().waiting
    }

    /// How many calls there are, for each handler.
    pub fn counts(&self) -> GateCounts {
        let turns = self.0.turns();
        let of_handler = |handler: &Handler| HandlerCounts { open: handler.open, waiting: handler.waiting.len() };
        GateCounts {
            open: turns.open,
            waiting: turns.waiting,
            handlers: turns.handlers.iter().map(|(name, handler)| (Arc::clone(name), of_handler(handler))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Enters as often as it can.
    fn fill(gate: &CallGate, handler: &str) -> Vec<CallPermit> {
        std::iter::from_fn(|| gate.enter(handler).now_or_never().flatten()).collect()
    }

    #[tokio::test]
    async fn handlers_that_hang_leave_room_for_the_others() {
        let gate = CallGate::new(1_024, 256);
        let hanging: Vec<Vec<CallPermit>> = (0..8).map(|number| fill(&gate, &format!("hangs{number}"))).collect();
        let open: Vec<usize> = hanging.iter().map(Vec::len).collect();
        assert_eq!(open, [256, 256, 256, 128, 64, 32, 16, 8]);
        assert!(gate.enter("hangs0").now_or_never().is_none());
        assert!(gate.enter("quick").now_or_never().is_some());
        drop(hanging);
        assert_eq!((gate.open_calls(), gate.waiting_calls()), (0, 0));
        assert_eq!(gate.counts().handlers.len(), 0, "what is not used is forgotten");
    }

    #[tokio::test]
    async fn whoever_waits_is_let_in_in_turn_and_one_that_gave_up_is_passed_over() {
        let gate = CallGate::new(3, 1);
        let held = gate.enter("a").await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(gate.enter("a"))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        assert_eq!(gate.counts().handlers["a"], HandlerCounts { open: 1, waiting: 3 });
        drop(waiting.remove(0));
        drop(held);
        let second = waiting.remove(0).now_or_never().flatten();
        assert!(second.is_some());
        assert!(waiting[0].as_mut().now_or_never().is_none());
        drop(second);
        assert!(waiting.remove(0).now_or_never().flatten().is_some());
        assert_eq!((gate.open_calls(), gate.waiting_calls()), (0, 0));
    }

    #[tokio::test]
    async fn a_permit_that_is_given_to_somebody_who_gave_up_comes_back() {
        let gate = CallGate::new(1, 1);
        let held = gate.enter("a").await;
        let mut turn = Box::pin(gate.enter("a"));
        assert!(turn.as_mut().now_or_never().is_none());
        drop(held);
        drop(turn);
        assert_eq!(gate.open_calls(), 0);
        assert!(gate.enter("b").now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn a_closed_gate_sends_everybody_away() {
        let gate = CallGate::new(1, 1);
        let held = gate.enter("a").await;
        let mut waiting = Box::pin(gate.enter("a"));
        assert!(waiting.as_mut().now_or_never().is_none());
        gate.close();
        assert!(waiting.await.is_none());
        assert!(gate.enter("b").await.is_none());
        drop(held);
    }
}
