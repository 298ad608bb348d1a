//! One delivery of an attempt: its turn, its body, its answer.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, SpawnHandle, WrapFuture};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::execution::ExecutionActor;
use super::{Shared, now};
use crate::domain::{Attempt, AttemptId, CallPhase, Command, Context, Execution, OpenCall, Outcome, Step, Timestamp};
use crate::journal::{Journal, JournalError};
use crate::payload::{Inlined, Payload, Payloads, collect_references};
use crate::pioneer::{CallPermit, Delivery, Heartbeat, StepCall};

/// The wait before a document that cannot be read now is asked for again.
const PAYLOAD_RETRY: Duration = Duration::from_millis(500);

/// The first wait before a worker that refused a connection is called again.
const REFUSED_RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest.
const REFUSED_RETRY_MAX: Duration = Duration::from_secs(1);

/// An answer that came, or a failure in its place.
#[derive(Debug)]
struct Delivered {
    outcome: Outcome,
    payloads: Vec<Payload>,
    sent_at: Instant,
    answered_at: Instant,
    /// To be dropped once the outcome is on its way to the journal.
    permit: CallPermit,
}

/// A call on its way, or waiting for its turn.
pub(super) struct CallInHand {
    handle: SpawnHandle,
    heartbeat: Heartbeat,
    phase: SharedPhase,
}

/// How far a call is, and since when.
type SharedPhase = Rc<Cell<(CallPhase, Timestamp)>>;

impl ExecutionActor {
    pub(super) fn call(&mut self, attempt: AttemptId, ctx: &mut actix::Context<Self>) {
        let Some(state) = self.committed.clone() else { return };
        let heartbeat = Heartbeat::default();
        let phase: SharedPhase = Rc::new(Cell::new((CallPhase::Queued, now())));
        let after_answer = self.tally.take_moved_at();
        let delivery =
            deliver(Arc::clone(&self.shared), state, attempt, heartbeat.clone(), Rc::clone(&phase), after_answer);
        let handle = ctx.spawn(delivery.into_actor(self).map(move |delivered, actor, ctx| {
            let began = Instant::now();
            actor.calls.remove(&attempt);
            // None while stopping: the next process delivers it again.
            if let Some(Delivered { outcome, payloads, sent_at, answered_at, permit }) = delivered {
                actor.tally.note_answer(attempt, &outcome, sent_at, answered_at);
                actor.take(&Command::TakeOutcome { attempt, outcome }, payloads, None, ctx);
                // Only now: whoever waits for the end of all calls must find their outcomes in the journal's queue.
                drop(permit);
            }
            actor.note("take_outcome", began);
            actor.rest_if_idle(ctx);
        }));
        self.calls.insert(attempt, CallInHand { handle, heartbeat, phase });
    }

    /// Breaks the attempt's call off: its worker sees the connection close.
    pub(super) fn abort_call(&mut self, attempt: AttemptId, ctx: &mut actix::Context<Self>) {
        if let Some(open) = self.calls.remove(&attempt) {
            ctx.cancel_future(open.handle);
        }
    }

    /// The call that is open, or waits for its turn, as operators see it.
    pub(super) fn open_call(&self) -> Option<OpenCall> {
        let call = self.calls.values().next()?;
        let (phase, since) = call.phase.get();
        let silent = call.heartbeat.silent_for();
        Some(OpenCall { phase, since, heard_at: now().minus(silent).max(since) })
    }

    /// Notes a sign of life of the attempt, if its call is open.
    pub(super) fn hear_of(&self, attempt: AttemptId) {
        if let Some(open) = self.calls.get(&attempt) {
            open.heartbeat.beat();
        }
    }
}

/// Waits for the attempt's turn, hands it to Pioneer and waits for the answer; `None` when no call is made any more.
///
/// `after_answer` is when the answer of the step before came, if this one follows from it.
async fn deliver(
    shared: Arc<Shared>,
    state: Arc<Execution>,
    attempt: AttemptId,
    heartbeat: Heartbeat,
    phase: SharedPhase,
    mut after_answer: Option<Instant>,
) -> Option<Delivered> {
    let attempt = state.attempt(attempt)?;
    let step = state.step_of(attempt);
    let call = StepCall::new(&state, attempt, step);
    let (mut wait, mut refused_since) = (REFUSED_RETRY_MIN, None);
    loop {
        let permit = shared.gate.enter(&call.handler).await?;
        let body = body(&shared.journal, attempt, step).await;
        phase.set((CallPhase::Sent, now()));
        let sent_at = Instant::now();
        if let Some(answered_at) = after_answer.take() {
            shared.tally.meters.overhead.observe((sent_at - answered_at).as_secs_f64());
        }
        match shared.pioneer.deliver(&call, body, &heartbeat).await {
            Delivery::Done(outcome, payloads) => {
                let answered_at = heartbeat.heard_at();
                return Some(Delivered { outcome, payloads, sent_at, answered_at, permit });
            }
            // Its place is free for others meanwhile.
            Delivery::Refused => drop(permit),
        }
        phase.set((CallPhase::Refused, *refused_since.get_or_insert_with(now)));
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(REFUSED_RETRY_MAX);
    }
}

/// The body of a call, long strings in full.
async fn body(journal: &Journal, attempt: &Attempt, step: &Step) -> Bytes {
    loop {
        match try_body(journal, attempt, step).await {
            Ok(body) => return body,
            Err(error) => {
                tracing::error!(attempt = %attempt.id, %error, "the documents of a step cannot be read for now");
                tokio::time::sleep(PAYLOAD_RETRY).await;
            }
        }
    }
}

async fn try_body(journal: &Journal, attempt: &Attempt, step: &Step) -> Result<Bytes, JournalError> {
    let mut hashes = Vec::new();
    attempt.input.iter().for_each(|(_, value)| collect_references(value, &mut hashes));
    let payloads = journal.payloads(&hashes).await?;
    if let Some(missing) = hashes.iter().find(|hash| !payloads.contains_key(hash)) {
        return Err(JournalError::Database(format!("payload {missing} is missing")));
    }
    let context = InlinedContext { context: &attempt.input, payloads: &payloads };
    let body = StepBody { step: step.handler.as_str(), context, config: &step.config };
    Ok(Bytes::from(serde_json::to_vec(&body)?))
}

#[derive(Serialize)]
struct StepBody<'a> {
    step: &'a str,
    context: InlinedContext<'a>,
    config: &'a Map<String, Value>,
}

struct InlinedContext<'a> {
    context: &'a Context,
    payloads: &'a Payloads,
}

impl Serialize for InlinedContext<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.payloads.is_empty() {
            return self.context.serialize(serializer);
        }
        let inlined = |value| Inlined { value, payloads: self.payloads };
        serializer.collect_map(self.context.iter().map(|(key, value)| (key, inlined(value))))
    }
}
