//! The registry: wakes executions, one actor for each, and starts a new one where an actor died.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;

use super::execution::start_actor;
use super::message::Beginning;
use super::subscribers::Published;
use super::vitals::Handled;
use super::{AskError, Shared, now};
use crate::domain::{Command, Execution, ExecutionId, StepError, error_type};
use crate::journal::Commit;

/// The wait before an execution that could not be read for now is read again.
pub(super) const READ_RETRY: Duration = Duration::from_secs(1);
/// The longest wait before a crashed actor is started again.
const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Asks for the execution to have an actor.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AskError>")]
pub(super) struct Activate(pub(super) ExecutionId);

/// An actor died without having been told to.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Gone {
    id: ExecutionId,
    generation: u64,
    /// Who asked for it, and waits to hear that it is gone.
    asked_by: Option<oneshot::Sender<()>>,
}

/// An actor came to its arbiter and into the directory, or the arbiter had ended before.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Arrived {
    id: ExecutionId,
    is_there: bool,
}

/// An actor that is on its way to its arbiter. Until it is there, its execution is being woken: no second one may follow.
struct OnItsWay {
    registry: Addr<RegistryActor>,
    id: ExecutionId,
    is_there: bool,
}

impl OnItsWay {
    fn arrive(mut self) {
        self.is_there = true;
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.registry.do_send(Arrived { id: self.id, is_there: self.is_there });
    }
}

/// Part of an execution actor: tells the registry when it dies.
#[derive(Debug)]
pub(super) struct DeathGuard {
    registry: Option<Addr<RegistryActor>>,
    id: ExecutionId,
    generation: u64,
    asked_by: Option<oneshot::Sender<()>>,
}

impl DeathGuard {
    pub(super) fn new(shared: &Shared, id: ExecutionId, generation: u64) -> Self {
        Self { registry: shared.registry.get().cloned(), id, generation, asked_by: None }
    }

    /// The end that comes now was asked for: a new actor is wanted at once.
    pub(super) fn expect(&mut self, ended: oneshot::Sender<()>) {
        self.asked_by = Some(ended);
    }

    /// The end that comes now is as it should be.
    pub(super) fn disarm(&mut self) {
        self.registry = None;
    }
}

impl Drop for DeathGuard {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.take() {
            // Past any bound: a death that is not heard of is an execution that stands still.
            registry.do_send(Gone { id: self.id, generation: self.generation, asked_by: self.asked_by.take() });
        }
    }
}

/// What an execution is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Somebody has a message for it, and hears what comes of it.
    Message,
    /// Its actor died.
    Restart,
}

type Waiters = Vec<oneshot::Sender<Result<(), AskError>>>;

/// Wakes and supervises execution actors.
pub(super) struct RegistryActor {
    shared: Arc<Shared>,
    /// Executions that are being woken until their actors can be found, or wait to be started again, and who waits for that.
    activating: HashMap<ExecutionId, Waiters>,
    /// When the actors of an execution crashed lately.
    crashes: HashMap<ExecutionId, VecDeque<Instant>>,
}

impl Actor for RegistryActor {
    type Context = Context<Self>;
}

impl Handler<Activate> for RegistryActor {
    type Result = ResponseFuture<Result<(), AskError>>;

    fn handle(&mut self, Activate(id): Activate, ctx: &mut Self::Context) -> Self::Result {
        self.note("activate");
        if self.shared.directory.is_live(id) {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (waiter, activated) = oneshot::channel();
        if let Some(waiters) = self.activating.get_mut(&id) {
            waiters.push(waiter);
        } else {
            self.activating.insert(id, vec![waiter]);
            self.load(id, Purpose::Message, ctx);
        }
        Box::pin(async move { activated.await.unwrap_or_else(|_| Err(not_woken())) })
    }
}

fn not_woken() -> AskError {
    AskError::Unavailable("The execution could not be woken.".to_owned())
}

impl Handler<Arrived> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Arrived { id, is_there }: Arrived, _: &mut Self::Context) {
        self.answer(id, &if is_there { Ok(()) } else { Err(not_woken()) });
    }
}

impl Handler<Gone> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Gone { id, generation, asked_by }: Gone, ctx: &mut Self::Context) {
        self.note("gone");
        // An old actor's death does not take away its successor.
        if !self.shared.directory.bury(id, generation) || self.shared.is_stopping() {
            return;
        }
        self.activating.entry(id).or_default();
        if let Some(asked_by) = asked_by {
            self.shared.tally.meters.restarted_on_request.inc();
            self.load(id, Purpose::Restart, ctx);
            // Whoever asked may have given up; what is asked of the registry now waits for the new actor.
            let _ = asked_by.send(());
            return;
        }
        let crashes = self.note_crash(id);
        if crashes >= self.shared.limits.crashes_max {
            tracing::error!(execution = %id, crashes, "its actor crashes again and again: the execution is parked");
            self.crashes.remove(&id);
            return self.park(id, ctx);
        }
        let doublings = u32::try_from(crashes - 1).unwrap_or(u32::MAX).min(16);
        let backoff = self.shared.limits.restart_backoff.saturating_mul(1 << doublings).min(RESTART_BACKOFF_MAX);
        tracing::error!(execution = %id, crashes, ?backoff, "its actor crashed; a new one is started");
        self.shared.tally.meters.restarted_after_crash.inc();
        ctx.run_later(backoff, move |registry, ctx| registry.load(id, Purpose::Restart, ctx));
    }
}

impl RegistryActor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, activating: HashMap::new(), crashes: HashMap::new() }
    }

    fn note(&self, message: &'static str) {
        self.shared.registry_vitals.note(Handled { message, at: now(), took: Duration::ZERO });
    }

    /// Notes a crash of the execution's actor and gives how many there were within the window.
    fn note_crash(&mut self, id: ExecutionId) -> usize {
        let (now, window) = (Instant::now(), self.shared.limits.crash_window);
        self.crashes.retain(|_, crashes| {
            crashes.retain(|crash| now.duration_since(*crash) < window);
            !crashes.is_empty()
        });
        let crashes = self.crashes.entry(id).or_default();
        crashes.push_back(now);
        crashes.len()
    }

    /// Reads the execution and starts its actor. In a task of its own: a log that cannot be folded harms nobody else.
    fn load(&self, id: ExecutionId, purpose: Purpose, ctx: &mut Context<Self>) {
        let loading = actix_rt::spawn(load(Arc::clone(&self.shared), id));
        ctx.spawn(loading.into_actor(self).map(move |loaded, registry, ctx| match loaded {
            Ok(Ok(execution)) => {
                let beginning = Beginning::Existing(Arc::new(execution));
                let restarts = registry.crashes.get(&id).map_or(0, VecDeque::len);
                let on_its_way = OnItsWay { registry: ctx.address(), id, is_there: false };
                start_actor(&registry.shared, id, beginning, restarts, move || on_its_way.arrive());
                if purpose == Purpose::Restart {
                    registry.shared.directory.nudge(id);
                }
            }
            Ok(Err(error)) => {
                let again = purpose == Purpose::Restart && matches!(error, AskError::Unavailable(_));
                registry.answer(id, &Err(error));
                // Nobody else comes back for what an actor was doing when it died.
                if again {
                    registry.activating.entry(id).or_default();
                    ctx.run_later(READ_RETRY, move |registry, ctx| registry.load(id, purpose, ctx));
                }
            }
            Err(panic) => {
                tracing::error!(execution = %id, %panic, "its log cannot be folded");
                registry.answer(id, &Err(AskError::Unreadable("The execution's log cannot be read.".to_owned())));
            }
        }));
    }

    /// Tells those who wait for the execution to be woken what came of it.
    fn answer(&mut self, id: ExecutionId, answer: &Result<(), AskError>) {
        for waiter in self.activating.remove(&id).unwrap_or_default() {
            // Whoever waited may have given up.
            let _ = waiter.send(answer.clone());
        }
    }

    /// Leaves the execution paused, so that it is looked at.
    fn park(&self, id: ExecutionId, ctx: &mut Context<Self>) {
        let parking = actix_rt::spawn(park(Arc::clone(&self.shared), id));
        ctx.spawn(parking.into_actor(self).map(move |parked, registry, _| {
            match parked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(execution = %id, ?error, "it could not be parked"),
                Err(panic) => tracing::error!(execution = %id, %panic, "it could not be parked"),
            }
            let detail = "The execution's actor crashed again and again; the execution is paused.";
            registry.answer(id, &Err(AskError::Unavailable(detail.to_owned())));
        }));
    }
}

/// The execution as it is once all that was handed to the journal for it is settled.
async fn load(shared: Arc<Shared>, id: ExecutionId) -> Result<Execution, AskError> {
    shared.journal.settled(id).await?;
    shared.journal.load(id).await?.ok_or(AskError::Unknown)
}

async fn park(shared: Arc<Shared>, id: ExecutionId) -> Result<(), AskError> {
    let before = load(Arc::clone(&shared), id).await?;
    let message = format!(
        "The execution's actor crashed {} times within {} s.",
        shared.limits.crashes_max,
        shared.limits.crash_window.as_secs_f64()
    );
    let command = Command::Park(StepError::new(error_type::ACTOR_CRASH_LOOP, message));
    let events = before.decide(&command, &shared.given()).map_err(AskError::Rejected)?.events;
    if events.is_empty() {
        return Ok(());
    }
    let mut state = before.clone();
    events.iter().for_each(|event| state.apply(event));
    let commit = Commit::new(Some(&before), Arc::new(state), &events, Vec::new())?;
    let published: Vec<Published> = commit.events().iter().map(Published::from).collect();
    shared.journal.commit(commit).settled().await?;
    shared.directory.publish(id, &published);
    Ok(())
}

/// Wakes one execution, waiting out what passes by itself.
pub(super) async fn wake(shared: &Shared, registry: &Addr<RegistryActor>, id: ExecutionId) {
    while !shared.is_stopping() {
        match registry.send(Activate(id)).await {
            Ok(Ok(())) => return,
            Ok(Err(AskError::Unavailable(detail))) => {
                tracing::error!(execution = %id, detail, "it cannot be woken for now");
                tokio::time::sleep(READ_RETRY).await;
            }
            Ok(Err(error)) => {
                tracing::error!(execution = %id, ?error, "it cannot be woken");
                return;
            }
            // The registry is gone: the process is stopping.
            Err(_) => return,
        }
    }
}
