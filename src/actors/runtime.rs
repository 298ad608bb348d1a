//! The edge's way to the executions.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::Actor;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::directory::{Admission, Directory};
use super::execution::start_actor;
use super::message::{Asker, Beginning, Deliver, Read, Reply};
use super::outbox::{Bounds, Subscription};
use super::pool::Pool;
use super::registry::{Activate, RegistryActor};
use super::sessions::supervise;
use super::vitals::Vitals;
use super::waiters::Expected;
use super::waker::{Waker, keep_waking};
use super::{AskError, Shared, now};
use crate::domain::{AttemptId, Command, Execution, ExecutionId, Mode, Outages, StartData, Workflow};
use crate::journal::{Commit, Journal, StartKey};
use crate::limits::Limits;
use crate::payload::Payload;
use crate::pioneer::{CallGate, Forged, PioneerClient, TokenKey};

/// When somebody who met a bound is asked to come back.
const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often an orderly stop looks whether calls are still open.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// The edge's handle on all executions; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime(pub(super) Arc<Shared>);

/// What a runtime needs to know.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// Where steps run; may hold a path.
    pub pioneer_url: String,
    /// Where workers reach Discovery, base path and all.
    pub public_url: String,
    /// What signs the tokens of attempts.
    pub tokens: TokenKey,
    /// Bounds and intervals.
    pub limits: Limits,
    /// When no process was there: such time counts for no timeout.
    pub outages: Arc<Outages>,
}

/// What starts an execution.
#[derive(Debug)]
pub struct StartExecution {
    /// Its id, made by the caller, because references to its payloads hold it.
    pub id: ExecutionId,
    /// The version that it keeps to.
    pub workflow: Arc<Workflow>,
    /// The mode, where it is not the workflow's.
    pub mode: Option<Mode>,
    /// Its data, with references in place of long strings.
    pub data: StartData,
    /// The long strings.
    pub payloads: Vec<Payload>,
    /// The client's key, which starts one execution.
    pub key: Option<StartKey>,
}

impl Runtime {
    /// Starts the actor system and, in the background, wakes what was moving when the last process ended.
    ///
    /// Must be called within an actix system.
    pub fn launch(journal: Journal, options: RuntimeOptions) -> Self {
        let RuntimeOptions { pioneer_url, public_url, tokens, limits, outages } = options;
        let shared = Arc::new(Shared {
            journal,
            directory: Arc::new(Directory::new(limits.execution_messages_max)),
            gate: CallGate::new(limits.calls_max, limits.calls_per_handler_max),
            pioneer: PioneerClient::new(pioneer_url, public_url, tokens, limits.clone()),
            limits,
            pool: Pool::start(),
            registry: OnceLock::new(),
            waker: Waker::default(),
            registry_vitals: Vitals::new(0, 0),
            traffic: Default::default(),
            counted: Default::default(),
            outages,
            sessions: Default::default(),
            generations: Default::default(),
            stopping: Default::default(),
            #[cfg(test)]
            faults: Default::default(),
        });
        let registry = RegistryActor::new(Arc::clone(&shared)).start();
        shared.registry.get_or_init(|| registry);
        actix_rt::spawn(keep_waking(Arc::clone(&shared)));
        actix_rt::spawn(supervise(Arc::downgrade(&shared)));
        Self(shared)
    }

    /// Starts an execution; returns once it is durable.
    pub async fn start(&self, start: StartExecution) -> Result<Arc<Execution>, AskError> {
        self.refuse_when_stopping()?;
        if self.0.journal.queue_length() >= self.0.limits.journal_queue_max {
            let detail = "Too many changes wait to be written; no execution is started for now.".to_owned();
            return Err(AskError::Overloaded { retry_after: OVERLOAD_RETRY_AFTER, detail });
        }
        if self.0.gate.waiting_calls() >= self.0.limits.calls_waiting_max {
            let detail = "Too many calls wait for their turn; no execution is started for now.".to_owned();
            return Err(AskError::Overloaded { retry_after: OVERLOAD_RETRY_AFTER, detail });
        }
        let StartExecution { id, workflow, mode, data, payloads, key } = start;
        let decision = Execution::start(id, &workflow, mode, &data, &self.0.given()).map_err(AskError::Rejected)?;
        let state = Execution::fold(id, workflow, &decision.events)
            .map_err(|error| AskError::Unavailable(error.to_string()))?;
        let commit = Box::new(Commit::new(None, Arc::new(state), &decision.events, payloads)?.with_key(key));
        let (reply, started) = oneshot::channel();
        start_actor(&self.0, id, Beginning::New { commit, effects: decision.effects, reply }, 0, || {});
        self.reply_in_time(started).await
    }

    /// Hands `command` to the execution, waking it if it sleeps; returns its state once what follows is durable.
    pub async fn ask(&self, id: ExecutionId, command: Command, payloads: Vec<Payload>) -> Reply {
        let (reply, answered) = oneshot::channel();
        let (address, permit) = loop {
            match self.0.directory.admit(id) {
                Admission::Live(address, permit) => break (address, permit),
                Admission::Asleep => self.activate(id).await?,
                Admission::Full => {
                    let detail = "Too many requests are with this execution already.".to_owned();
                    return Err(AskError::Overloaded { retry_after: OVERLOAD_RETRY_AFTER, detail });
                }
            }
        };
        let asker = Asker { reply, permit };
        // The mailbox has room for every permit.
        address.try_send(Deliver { command, payloads, asker }).map_err(|error| unavailable(&error))?;
        self.reply_in_time(answered).await
    }

    /// The attempt of `execution` that a step token proves.
    pub fn prove(&self, execution: ExecutionId, token: &[u8]) -> Result<AttemptId, Forged> {
        self.0.pioneer.tokens().verify(execution, token)
    }

    /// The committed state of an execution, from its actor if it lives and from the journal if not.
    pub async fn view(&self, id: ExecutionId) -> Reply {
        if let Admission::Live(address, permit) = self.0.directory.admit(id) {
            let (reply, answered) = oneshot::channel();
            let sent = address.try_send(Read(Asker { reply, permit }));
            if sent.is_ok()
                && let Ok(Ok(Ok(state))) = timeout(self.0.limits.request_timeout, answered).await
            {
                return Ok(state);
            }
        }
        self.0.journal.load(id).await?.map(Arc::new).ok_or(AskError::Unknown)
    }

    /// Waits for a state of which `done` is true, from the next commit of the execution on, which may be its first.
    pub fn expect(&self, id: ExecutionId, done: fn(&Execution) -> bool) -> Expected {
        self.0.directory.wait_for(id, done)
    }

    /// Waits until `done` is true of the execution's committed state (looked at now and after each of its commits).
    pub async fn until(&self, id: ExecutionId, done: fn(&Execution) -> bool) -> Reply {
        loop {
            // Before the look: no commit can slip in between the look and the wait.
            let expected = self.expect(id, done);
            let state = self.view(id).await?;
            if done(&state) {
                return Ok(state);
            }
            self.refuse_when_stopping()?;
            if let Some(state) = expected.settled().await {
                return Ok(state);
            }
        }
    }

    /// The execution's events from now on, as they are committed.
    pub fn subscribe(&self, id: ExecutionId) -> Subscription {
        self.0.directory.subscribe(id, Bounds::of_one(&self.0.limits))
    }

    /// The events of all executions from now on, without contexts and without progress.
    pub fn subscribe_to_all(&self) -> Subscription {
        self.0.directory.subscribe_to_all(Bounds::of_all(&self.0.limits))
    }

    /// How many subscribers watch the execution.
    pub fn watchers(&self, id: ExecutionId) -> usize {
        self.0.directory.watchers(id)
    }

    /// When no process was there, up to the start of this one.
    pub fn outages(&self) -> &Outages {
        &self.0.outages
    }

    /// How many executions have an actor.
    pub fn live(&self) -> usize {
        self.0.directory.live()
    }

    /// Lets nothing new begin, waits for the calls that are open, but not longer than the limits say, then ends.
    ///
    /// What is open then goes on at the next start.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.gate.close();
        let since = Instant::now();
        while self.0.gate.open_calls() > 0 && since.elapsed() < self.0.limits.stop_timeout {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        let left = self.0.gate.open_calls();
        if left > 0 {
            tracing::warn!(calls = left, "calls are still open; they are delivered again at the next start");
        }
        self.0.directory.dismiss_waiters();
        if let Err(error) = self.0.journal.note_alive(now()).await {
            tracing::warn!(%error, "that the process was there until now could not be noted");
        }
        self.0.journal.close().await;
        self.0.pool.stop();
    }

    pub(super) async fn activate(&self, id: ExecutionId) -> Result<(), AskError> {
        self.refuse_when_stopping()?;
        let registry = self.0.registry.get().ok_or_else(|| unavailable(&"the registry has not started"))?;
        let activated = timeout(self.0.limits.request_timeout, registry.send(Activate(id))).await;
        activated.map_err(|_| unavailable(&"the execution could not be woken in time"))?.map_err(|e| unavailable(&e))?
    }

    async fn reply_in_time(&self, reply: oneshot::Receiver<Reply>) -> Reply {
        match timeout(self.0.limits.request_timeout, reply).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(unavailable(&"the execution's actor ended before it answered")),
            Err(_) => Err(unavailable(&"what was asked could not be written in time")),
        }
    }

    fn refuse_when_stopping(&self) -> Result<(), AskError> {
        if self.0.is_stopping() { Err(unavailable(&"the server is stopping")) } else { Ok(()) }
    }
}

fn unavailable(why: &dyn std::fmt::Display) -> AskError {
    AskError::Unavailable(format!("This is not possible for now: {why}."))
}
