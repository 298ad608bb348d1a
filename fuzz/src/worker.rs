//! What workers answer: over TCP to the client that calls them, and on to the core.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use actix_rt::SystemRunner;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use discovery::domain::{
    Command, Completion, Event, Execution, ExecutionId, Given, Outages, Outcome, StartData, Status, Timestamp,
    WaitingFor, Workflow, WorkflowDraft, WorkflowId, error_type,
};
use discovery::payload::{Inlined, Payload};
use discovery::pioneer::{Delivery, Heartbeat, PioneerClient, StepCall, TokenKey};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::app::{PATIENCE, config};
use super::{Signs, Target};

/// No UTF-8 holds this byte, so it stands between answers.
const BETWEEN: u8 = 0xff;
/// The most answers that one input gives.
const ANSWERS_MAX: usize = 8;

/// Takes answers to one call after the other: either whole ones, which begin with `HTTP`, or a line with the status and
/// what `Retry-After` says, and the body.
pub struct WorkerAnswers {
    system: SystemRunner,
    client: PioneerClient,
    answer: Arc<Mutex<Vec<u8>>>,
    workflow: Arc<Workflow>,
}

impl Target for WorkerAnswers {
    fn build() -> Self {
        let answer = Arc::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        serve(listener, Arc::clone(&answer));
        let limits = config(&["--payload-bytes", "64", "--max-body-bytes", "65536"]).limits;
        let client = PioneerClient::new(url, "http://localhost:1".to_owned(), TokenKey::new(b"secret"), limits);
        Self { system: actix_rt::System::new(), client, answer, workflow: Arc::new(workflow()) }
    }

    fn take(&mut self, input: &[u8]) -> Signs {
        let mut run = Run::start(&self.workflow);
        for answer in input.split(|byte| *byte == BETWEEN).take(ANSWERS_MAX) {
            if run.execution.waiting_for() == Some(WaitingFor::Callback) {
                run.report(answer);
            } else if let Some(call) = run.call() {
                let (outcome, payloads) = self.deliver(&call, answer);
                check_payloads(answer, &outcome, &payloads);
                run.decide(&Command::TakeOutcome { attempt: call.attempt, outcome });
            }
            run.wait();
            if run.execution.status().is_ended() {
                break;
            }
        }
        run.end()
    }
}

/// The workflow that the answers are for.
fn workflow() -> Workflow {
    let body = json!({"name": "W", "steps": [
        {"name": "a", "retry": {"max_attempts": 3, "jitter": true, "non_retryable_errors": ["Final", "501"]}, "max_visits": 3},
        {"name": "b", "handler": "shared", "max_visits": 2, "retry": {"max_attempts": 2, "on_exhausted": "pause"}},
        {"name": "c", "handler": "shared", "retry": {"max_attempts": 1}, "end": true},
    ]});
    let draft = WorkflowDraft::parse(&body).expect("a valid definition");
    let mut ids = 0;
    let mut new_id = || {
        ids += 1;
        Uuid::from_u128(ids)
    };
    Workflow::create(draft, WorkflowId(Uuid::from_u128(7)), at(0), &mut new_id)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis))
}

/// Gives every request the answer of the moment, and closes.
fn serve(listener: TcpListener, answer: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Where the client has gone away, there is nobody to be answered.
            let _ = stream.and_then(|stream| answer_request(stream, &answer));
        }
    });
}

fn answer_request(mut stream: TcpStream, answer: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    // The body of every request here ends like this, and nothing else of it does.
    while !request.ends_with(b"\r\n\r\n{}") {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            bytes => request.extend_from_slice(&chunk[..bytes]),
        }
    }
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    stream.write_all(&answer)
}

/// What is sent for `answer`.
fn wire(answer: &[u8]) -> Vec<u8> {
    if answer.starts_with(b"HTTP") {
        return answer.to_vec();
    }
    let (status, retry_after, body) = parts(answer);
    let mut head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n").into_bytes();
    if !retry_after.is_empty() {
        head.extend_from_slice(b"retry-after: ");
        head.extend(retry_after.iter().filter(|byte| !byte.is_ascii_control()));
        head.extend_from_slice(b"\r\n");
    }
    if status >= 200 && status != 204 && status != 304 {
        head.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        head.extend_from_slice(body);
    } else {
        head.extend_from_slice(b"\r\n");
    }
    head
}

/// The status, the wait that is asked for, and the body of an answer that is not written as it is sent.
fn parts(answer: &[u8]) -> (u16, &[u8], &[u8]) {
    let line = answer.iter().position(|byte| *byte == b'\n').unwrap_or(answer.len());
    let (line, body) = (&answer[..line], answer.get(line + 1..).unwrap_or_default());
    let (digits, retry_after) = line.split_at(line.len().min(3));
    let status = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    (status.filter(|status| (100..1000).contains(status)).unwrap_or(200), retry_after.trim_ascii(), body)
}

impl WorkerAnswers {
    fn deliver(&self, call: &StepCall, answer: &[u8]) -> (Outcome, Vec<Payload>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = wire(answer);
        let heartbeat = Heartbeat::default();
        let delivery = self.system.block_on(async {
            let delivering = self.client.deliver(call, Bytes::from_static(b"{}"), &heartbeat);
            tokio::time::timeout(PATIENCE, delivering).await.expect("nothing hangs")
        });
        match delivery {
            Delivery::Done(outcome, payloads) => (outcome, payloads),
            Delivery::Refused => panic!("the worker takes every connection"),
        }
    }
}

/// Puts the long strings of a good answer back: then it must be what the worker sent.
fn check_payloads(answer: &[u8], outcome: &Outcome, payloads: &[Payload]) {
    let Outcome::Answered(answered) = outcome else { return assert!(payloads.is_empty()) };
    let payloads = payloads.iter().map(|payload| (payload.hash, Arc::clone(&payload.text))).collect();
    let inlined = serde_json::to_value(Inlined { value: &answered.output, payloads: &payloads }).expect("JSON");
    let (status, _, body) = parts(answer);
    if answer.starts_with(b"HTTP") || status == 204 {
        return;
    }
    let mut sent: Value = serde_json::from_slice(body).expect("what was taken for an answer is JSON");
    if sent.get("next").is_some_and(Value::is_null) {
        sent.as_object_mut().map(|sent| sent.remove("next"));
    }
    assert_eq!(inlined, sent);
}

/// An execution whose log is stored and read again.
struct Run {
    execution: Execution,
    events: Vec<Event>,
    outages: Outages,
    now: Timestamp,
    ids: u128,
}

impl Run {
    fn start(workflow: &Arc<Workflow>) -> Self {
        let (id, outages) = (ExecutionId(Uuid::from_u128(9)), Outages::default());
        let given = Given { now: at(0), new_id: Uuid::from_u128(1_000), draw: 1.0, outages: &outages };
        let data = StartData::new("", Map::new()).expect("no data is good data");
        let decision = Execution::start(id, workflow, None, &data, &given).expect("it has steps");
        let events: Vec<_> = decision.events.iter().map(stored_and_read).collect();
        let execution = Execution::fold(id, Arc::clone(workflow), &events).expect("a log");
        Self { execution, events, outages, now: at(0), ids: 1_000 }
    }

    fn decide(&mut self, command: &Command) {
        self.ids += 1;
        let given = Given { now: self.now, new_id: Uuid::from_u128(self.ids), draw: 0.5, outages: &self.outages };
        let Ok(decision) = self.execution.decide(command, &given) else { return };
        for event in &decision.events {
            let read = stored_and_read(event);
            assert_eq!(&read, event, "what is stored is what was decided");
            self.execution.apply(&read);
            self.events.push(read);
        }
    }

    /// The call that is open.
    fn call(&self) -> Option<StepCall> {
        let attempt = self.execution.open_attempts().next()?;
        Some(StepCall::new(&self.execution, attempt, self.execution.step_of(attempt)))
    }

    /// Reports the end of what goes on elsewhere, where `answer` is such a report.
    fn report(&mut self, answer: &[u8]) {
        let (_, _, body) = parts(answer);
        let Ok(body) = serde_json::from_slice(body) else { return };
        if discovery::payload::refuse_references(&body).is_err() {
            return;
        }
        let Ok(completion) = Completion::parse(&body) else { return };
        let Some(step) = self.execution.current_step() else { return };
        let step = step.name.as_str().to_owned();
        self.decide(&Command::ReportCompletion { step, completion, attempt: None });
    }

    /// Lets the time pass until a retry falls due; who was held goes on.
    fn wait(&mut self) {
        if self.execution.status() == Status::Paused {
            self.decide(&Command::Resume { reason: "requested".to_owned() });
        }
        if self.execution.waiting_for() == Some(WaitingFor::Retry) {
            let due = self.execution.next_timer(&self.outages).expect("a retry falls due");
            assert!(due.millis_since(self.now) <= 2 * 24 * 60 * 60 * 1000, "no worker is left alone for so long");
            self.now = due.max(self.now);
            self.decide(&Command::Wake);
            assert!(self.execution.has_open_call(), "what is due is called");
        }
    }

    /// The log must give the state, and what runs must have been called.
    fn end(&self) -> Signs {
        let id = self.execution.id();
        let folded = Execution::fold(id, Arc::clone(self.execution.workflow()), &self.events).expect("a log");
        assert_eq!(folded, self.execution);
        let seqs = self.events.iter().map(|event| event.seq);
        assert!(seqs.eq(1..=self.execution.last_seq()), "the log has no holes");
        // The views of a state are made of these; none may fail.
        let _ = (self.execution.progress(self.now), self.execution.skipped_steps().count());
        let mut signs = Signs::default();
        let names: Vec<_> = self.events.iter().map(|event| event.body.name()).collect();
        names.windows(3).for_each(|names| signs.see(names));
        for error in self.execution.attempts().iter().filter_map(|attempt| attempt.error.as_ref()) {
            signs.see(error.status);
            // The others are in the words of the worker.
            if [error_type::INVALID_ANSWER, error_type::CONNECTION_FAILED].contains(&error.kind.as_str()) {
                signs.see_sentence(&error.message);
            }
        }
        signs
    }
}

fn stored_and_read(event: &Event) -> Event {
    let public = event.public_json(ExecutionId(Uuid::from_u128(9))).expect("JSON");
    let private = event.body.private_json().expect("JSON");
    Event::from_stored(event.seq, &public, private.as_deref()).expect("what is stored can be read")
}
