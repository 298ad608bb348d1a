//! How one call is run.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use awc::Client;
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, select};

use super::answer::Answer;
use super::call::StepCall;
use super::delivery::Target;
use super::failure::StepFailure;
use super::reporter::Queue;

/// What a step ends with.
pub(super) type Outcome = Result<Answer, StepFailure>;

/// A registered step.
pub(super) type Handler = Arc<dyn Fn(StepCall) -> LocalBoxFuture<'static, Outcome> + Send + Sync>;

/// Runs the step and, beside it, the delivery of its reports, of which the last are waited for as long as
/// `flush_max`. An accepted step's delivery goes on after the answer.
pub(super) async fn run_and_report(
    handler: &Handler,
    call: StepCall,
    queue: &Arc<Queue>,
    target: Target,
    client: Client,
    flush_max: Duration,
) -> Outcome {
    let delivery = Box::pin(target.deliver(client, Arc::clone(queue)));
    let (outcome, delivery) = match select(run(handler, call), delivery).await {
        Either::Left((outcome, delivery)) => (outcome, delivery),
        // The step let go of its reporter and everything is sent.
        Either::Right(((), step)) => return step.await,
    };
    if outcome.as_ref().is_ok_and(Answer::is_accepted) {
        queue.accept();
        actix_web::rt::spawn(delivery);
        return outcome;
    }
    queue.close();
    if timeout(flush_max, delivery).await.is_err() {
        tracing::warn!("the step's last reports are dropped: discovery took too long");
    }
    outcome
}

/// Runs the step; a panic in it is a failure like any other.
pub(super) fn run(handler: &Handler, call: StepCall) -> LocalBoxFuture<'static, Outcome> {
    let handler = Arc::clone(handler);
    let name = call.step.clone();
    async move {
        // Everything that the step could have left half changed is its own and goes with it.
        let step = AssertUnwindSafe(async move { handler(call).await });
        step.catch_unwind().await.unwrap_or_else(|panic| Err(panicked(&name, panic.as_ref())))
    }
    .boxed_local()
}

fn panicked(step: &str, panic: &(dyn Any + Send)) -> StepFailure {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(step, message, "step panicked");
    StepFailure::new(500, "StepPanicked", format!("Step '{step}' panicked: {message}"))
}
