//! What every log of a stopped server must keep to, however that server ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use discovery::domain::{Attempt, Event, EventBody, Execution, ExecutionId, Mode, Outages, Timestamp, WorkflowId};
use discovery::journal::{Journal, OpenOptions};
use discovery::payload::{Sha256Hash, collect_references};
use entity::{execution_event, execution_payload, payload, step_execution, workflow_execution};
use sea_orm::{Database, DatabaseConnection, EntityTrait, QueryOrder};
use serde_json::Value;
use uuid::Uuid;

/// An execution as its log tells it.
#[derive(Debug)]
pub(crate) struct Logged {
    /// The whole log.
    pub(crate) events: Vec<Event>,
    /// What folding it gives.
    pub(crate) state: Execution,
}

/// Every execution of a database.
pub(crate) type Logs = BTreeMap<ExecutionId, Logged>;

/// Reads every log in the database at `url`, which no server may have open, and panics with all that is wrong.
pub(crate) async fn sound_logs(url: &str) -> Logs {
    match check_logs(url).await {
        Ok(logs) => logs,
        Err(findings) => panic!("{} findings:\n{}", findings.len(), findings.join("\n")),
    }
}

/// Reads every log in the database at `url`, which no server may have open; the error names all that is wrong.
pub(crate) async fn check_logs(url: &str) -> Result<Logs, Vec<String>> {
    let journal = Journal::open(url, &OpenOptions::default()).await.unwrap();
    let connection = Database::connect(url).await.unwrap();
    let mut tables = Tables::read(&connection).await;
    connection.close().await.unwrap();
    let mut logs = Logs::new();
    let mut findings = Vec::new();
    for row in std::mem::take(&mut tables.executions) {
        let mut check = Check { id: ExecutionId(row.id), row, findings: Vec::new() };
        if let Some(logged) = check.all(&mut tables, &journal).await {
            logs.insert(check.id, logged);
        }
        findings.append(&mut check.findings);
    }
    findings.extend(tables.events.keys().map(|id| format!("{id}: it has events but no row")));
    findings.extend(tables.attempts.keys().map(|id| format!("{id}: it has attempts but no row")));
    journal.close().await;
    if findings.is_empty() { Ok(logs) } else { Err(findings) }
}

/// All that is stored of executions.
struct Tables {
    executions: Vec<workflow_execution::Model>,
    events: HashMap<Uuid, Vec<execution_event::Model>>,
    attempts: HashMap<Uuid, Vec<step_execution::Model>>,
    /// The lengths of the long strings, by their hashes; the strings were compared with their hashes.
    payloads: HashMap<Vec<u8>, i64>,
    references: HashSet<(Uuid, Vec<u8>)>,
}

impl Tables {
    async fn read(connection: &DatabaseConnection) -> Self {
        let mut events: HashMap<Uuid, Vec<_>> = HashMap::new();
        let rows = execution_event::Entity::find().order_by_asc(execution_event::Column::Seq).all(connection).await;
        rows.unwrap().into_iter().for_each(|row| events.entry(row.execution_id).or_default().push(row));
        let mut attempts: HashMap<Uuid, Vec<_>> = HashMap::new();
        let rows = step_execution::Entity::find().all(connection).await;
        rows.unwrap().into_iter().for_each(|row| attempts.entry(row.execution_id).or_default().push(row));
        let payloads = payload::Entity::find().all(connection).await.unwrap().into_iter().map(|row| {
            let text = String::from_utf8(row.body).unwrap();
            assert_eq!(Sha256Hash::of(&text).0[..], row.sha256, "a long string under another's name");
            assert_eq!(row.bytes, i64::try_from(text.len()).unwrap(), "a long string with a wrong length");
            (row.sha256, row.bytes)
        });
        let payloads = payloads.collect();
        let references = execution_payload::Entity::find().all(connection).await.unwrap();
        Self {
            executions: workflow_execution::Entity::find().all(connection).await.unwrap(),
            events,
            attempts,
            payloads,
            references: references.into_iter().map(|row| (row.execution_id, row.sha256)).collect(),
        }
    }
}

/// One execution under the lens.
struct Check {
    id: ExecutionId,
    row: workflow_execution::Model,
    findings: Vec<String>,
}

impl Check {
    fn find(&mut self, what: impl std::fmt::Display) {
        self.findings.push(format!("{}: {what}", self.id));
    }

    fn same<T: PartialEq + Debug>(&mut self, what: &str, stored: &T, folded: &T) {
        if stored != folded {
            self.find(format_args!("{what}: the row has {stored:?}, the log says {folded:?}"));
        }
    }

    async fn all(&mut self, tables: &mut Tables, journal: &Journal) -> Option<Logged> {
        let rows = tables.events.remove(&self.id.0).unwrap_or_default();
        let attempts = tables.attempts.remove(&self.id.0).unwrap_or_default();
        let events = self.events(&rows)?;
        let state = self.fold(&events, journal).await?;
        match journal.load(self.id).await {
            Ok(Some(loaded)) if loaded == state => {}
            Ok(loaded) => {
                self.find(format_args!("without superseded progress it folds to {loaded:?} instead of {state:?}"));
            }
            Err(error) => self.find(format_args!("recovery cannot read it: {error}")),
        }
        self.execution_row(&state, &events);
        self.attempt_rows(&state, attempts);
        self.payloads(&rows, tables);
        Some(Logged { events, state })
    }

    /// The events, if they can be read; they are numbered without holes, begin once and end once.
    fn events(&mut self, rows: &[execution_event::Model]) -> Option<Vec<Event>> {
        let mut events = Vec::with_capacity(rows.len());
        for (place, row) in (1_u64..).zip(rows) {
            let seq = row.seq.unsigned_abs();
            if seq != place {
                self.find(format_args!("the event at place {place} has the seq {seq}"));
            }
            match Event::from_stored(seq, &row.body, row.private.as_deref()) {
                Ok(event) => {
                    self.same("an event's text", &row.body, &event.public_json(self.id).unwrap());
                    self.same("an event's name", &row.kind.as_str(), &event.body.name());
                    events.push(event);
                }
                Err(error) => self.find(error),
            }
        }
        let begins = |event: &Event| matches!(event.body, EventBody::WorkflowStarted(_));
        if !events.first().is_some_and(begins) || events.iter().filter(|event| begins(event)).count() != 1 {
            self.find("the log does not begin with its only workflow_started");
        }
        self.after_the_end(&events);
        (events.len() == rows.len() && !rows.is_empty()).then_some(events)
    }

    /// Behind a final event there are only properties, or, but for a completion, somebody's retry.
    fn after_the_end(&mut self, events: &[Event]) {
        let mut ended: Option<&EventBody> = None;
        for event in events {
            match (ended, &event.body) {
                (
                    Some(EventBody::WorkflowFailed(_) | EventBody::WorkflowCancelled(_)),
                    EventBody::WorkflowResumed(_),
                ) => {
                    ended = None;
                }
                (None, _) | (Some(_), EventBody::ExecutionPropertiesUpdated(_)) => {}
                (Some(_), later) => self.find(format_args!("its final event is followed by {}", later.name())),
            }
            if event.body.is_final() {
                ended = Some(&event.body);
            }
        }
    }

    /// Folds the whole log and looks at each event on its way: an attempt begins once and ends once.
    async fn fold(&mut self, events: &[Event], journal: &Journal) -> Option<Execution> {
        let version = self.row.workflow_version.unsigned_abs();
        let Ok(Some(workflow)) = journal.workflow_version(WorkflowId(self.row.workflow_id), version).await else {
            self.find("the version of its workflow is missing");
            return None;
        };
        let mut state = match Execution::fold(self.id, Arc::clone(&workflow), &events[..1]) {
            Ok(state) => state,
            Err(error) => {
                self.find(error);
                return None;
            }
        };
        let mut begun = HashSet::new();
        for event in &events[1..] {
            let running: Vec<&str> =
                state.running_attempts().map(|attempt| state.step_of(attempt).handler.as_str()).collect();
            match &event.body {
                EventBody::StepStarted(body) if !begun.insert((body.step_id, body.visit, body.attempt)) => {
                    self.find(format_args!("event {} begins an attempt for the second time", event.seq));
                }
                EventBody::StepStarted(_) if !running.is_empty() => {
                    self.find(format_args!("event {} begins a step while {running:?} runs", event.seq));
                }
                EventBody::StepError(body) if !running.contains(&body.step.as_str()) => {
                    self.find(format_args!("event {} ends a step that does not run", event.seq));
                }
                EventBody::StepFinished(body) if !running.contains(&body.step.as_str()) => {
                    self.find(format_args!("event {} ends a step that does not run", event.seq));
                }
                EventBody::WorkflowStarted(_)
                | EventBody::StepStarted(_)
                | EventBody::StepProgress(_)
                | EventBody::StepCompleted(_)
                | EventBody::StepWaiting(_)
                | EventBody::StepError(_)
                | EventBody::StepFinished(_)
                | EventBody::MaxVisitsExceeded(_)
                | EventBody::WorkflowPausing(_)
                | EventBody::WorkflowPaused(_)
                | EventBody::WorkflowResumed(_)
                | EventBody::WorkflowCancelled(_)
                | EventBody::WorkflowCompleted(_)
                | EventBody::ExecutionPropertiesUpdated(_)
                | EventBody::WorkflowFailed(_) => {}
            }
            state.apply(event);
        }
        let started = matches!(&events[0].body, EventBody::WorkflowStarted(body)
            if body.workflow_id == workflow.id && body.workflow_version == version);
        if !started {
            self.find("its log and its row name different workflows");
        }
        Some(state)
    }

    fn execution_row(&mut self, state: &Execution, events: &[Event]) {
        let row = self.row.clone();
        self.same("status", &row.status.as_str(), &state.status().as_str());
        self.same("mode", &Value::from(row.mode), &serde_json::to_value(state.mode()).unwrap());
        self.same("current_step_id", &row.current_step_id, &state.current_step().map(|step| step.id.0));
        self.same("last_seq", &row.last_seq.unsigned_abs(), &state.last_seq());
        self.same("created_at", &row.created_at, &state.created_at().as_datetime());
        self.same("updated_at", &row.updated_at, &state.updated_at().as_datetime());
        self.same("finished_at", &row.finished_at, &state.finished_at().map(|at| at.as_datetime()));
        self.wake_at(state);
        let open = state.has_open_call();
        let parked = |event: &Event| matches!(event.body.name(), "step_waiting" | "step_error" | "workflow_paused");
        if !open {
            self.same("context", &row.context, &serde_json::to_value(state.context()).unwrap());
        } else if state.mode() == Mode::Automatic
            && !events.iter().any(parked)
            && let EventBody::WorkflowStarted(body) = &events[0].body
        {
            self.same("context", &row.context, &serde_json::to_value(&body.initial_context).unwrap());
        }
    }

    /// An open call is delivered again at once, the oldest execution first. A timer is never found too late: reports
    /// put it off, and its row stays as it is.
    fn wake_at(&mut self, state: &Execution) {
        let stored = self.row.wake_at.map(Timestamp::new);
        match (stored, state.next_timer(&Outages::default())) {
            _ if state.has_open_call() => self.same("wake_at", &stored, &Some(state.created_at())),
            (None, None) => {}
            (Some(stored), Some(timer)) if stored <= timer => {}
            (stored, timer) => {
                self.find(format_args!("wake_at: the row has {stored:?}, but the timer rings at {timer:?}"))
            }
        }
    }

    fn attempt_rows(&mut self, state: &Execution, rows: Vec<step_execution::Model>) {
        self.same("number of attempts", &rows.len(), &state.attempts().len());
        let mut rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        for attempt in state.attempts() {
            match rows.remove(&attempt.id.0) {
                Some(row) => self.attempt_row(state, attempt, row),
                None => self.find(format_args!("attempt {} has no row", attempt.id)),
            }
        }
    }

    fn attempt_row(&mut self, state: &Execution, attempt: &Attempt, row: step_execution::Model) {
        let step = state.step_of(attempt);
        let json = |value: Option<Value>| value.unwrap_or(Value::Null);
        self.same("a step's id", &row.step_id, &step.id.0);
        self.same("a step's workflow", &row.workflow_id, &state.workflow().id.0);
        self.same("a step's name", &row.step_name.as_str(), &step.name.as_str());
        self.same("a step's handler", &row.handler.as_str(), &step.handler.as_str());
        self.same("a step's status", &row.status.as_str(), &attempt.status.as_str());
        self.same("a step's attempt", &row.attempt.unsigned_abs(), &attempt.attempt);
        self.same("a step's visit", &row.visit.unsigned_abs(), &attempt.visit);
        self.same("a step's start", &row.started_at, &Some(attempt.started_at.as_datetime()));
        self.same("a step's end", &row.finished_at, &attempt.finished_at.map(|at| at.as_datetime()));
        self.same("a step's output", &json(row.output_payload), &json(attempt.output.as_deref().cloned()));
        self.same("a step's error", &json(row.error), &serde_json::to_value(&attempt.error).unwrap());
    }

    /// Every long string that the log or the row refers to is there and belongs to this execution.
    fn payloads(&mut self, events: &[execution_event::Model], tables: &Tables) {
        let mut hashes = Vec::new();
        collect_references(&self.row.context, &mut hashes);
        for text in events.iter().flat_map(|event| [Some(&event.body), event.private.as_ref()]).flatten() {
            collect_references(&serde_json::from_str(text).unwrap_or_default(), &mut hashes);
        }
        for hash in hashes {
            let bytes = hash.0.to_vec();
            if !tables.payloads.contains_key(&bytes) {
                self.find(format_args!("the long string {hash} is missing"));
            }
            if !tables.references.contains(&(self.id.0, bytes)) {
                self.find(format_args!("the long string {hash} is not said to be its own"));
            }
        }
    }
}
