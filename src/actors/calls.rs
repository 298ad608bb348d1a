//! One delivery of an attempt: its turn, its body, its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shared;
use crate::domain::{Attempt, AttemptId, Context, Execution, Outcome, Step};
use crate::journal::{Journal, JournalError};
use crate::payload::{Inlined, Payload, Payloads, collect_references};
use crate::pioneer::{CallPermit, StepCall};

/// The wait before a document that cannot be read now is asked for again.
const PAYLOAD_RETRY: Duration = Duration::from_millis(500);

/// An answer that came, or a failure in its place.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) outcome: Outcome,
    pub(super) payloads: Vec<Payload>,
    /// To be dropped once the outcome is on its way to the journal.
    pub(super) permit: CallPermit,
}

/// Waits for the attempt's turn, hands it to Pioneer and waits for the answer; `None` when no call is made any more.
pub(super) async fn deliver(shared: Arc<Shared>, state: Arc<Execution>, attempt: AttemptId) -> Option<Delivered> {
    let attempt = state.attempt(attempt)?;
    let step = state.step_of(attempt);
    let call = StepCall::new(&state, attempt, step);
    let permit = shared.gate.enter(&call.handler).await?;
    let body = body(&shared.journal, attempt, step).await;
    let (outcome, payloads) = shared.pioneer.deliver(&call, body).await;
    Some(Delivered { outcome, payloads, permit })
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
