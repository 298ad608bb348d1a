//! A Pioneer that records every delivery and does what the test says.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, ready};
use std::rc::Rc;
use std::time::Instant;

use futures_util::FutureExt;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::AbortHandle;

use super::script::{Act, Delivery, Gate, Script};
use super::wire::{self, Incoming};
use super::{PATIENCE, found_within};

/// A Pioneer that does as it is told; steps it was told nothing about are answered `{}`.
#[derive(Clone)]
pub(crate) struct Worker(Rc<Inner>);

struct Inner {
    port: u16,
    scripts: RefCell<HashMap<String, Script>>,
    deliveries: RefCell<Vec<Delivery>>,
    /// The keys of the calls whose connection closed before they were answered.
    broken_off: RefCell<Vec<String>>,
    catalogue: RefCell<Act>,
    listening: RefCell<Option<AbortHandle>>,
    connections: RefCell<Vec<AbortHandle>>,
    open_calls: Cell<usize>,
    open_calls_max: Cell<usize>,
    connections_accepted: Cell<usize>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Inner {
    fn hang_up(&self) {
        self.listening.take().into_iter().for_each(|task| task.abort());
        self.connections.take().iter().for_each(AbortHandle::abort);
    }
}

impl Worker {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = listen(0);
        let worker = Self(Rc::new(Inner {
            port: listener.local_addr().unwrap().port(),
            scripts: RefCell::default(),
            deliveries: RefCell::default(),
            broken_off: RefCell::default(),
            catalogue: RefCell::new(Act::answer(json!({"service": "w", "available_steps": [], "total_count": 0}))),
            listening: RefCell::default(),
            connections: RefCell::default(),
            open_calls: Cell::new(0),
            open_calls_max: Cell::new(0),
            connections_accepted: Cell::new(0),
        }));
        worker.serve(listener);
        worker
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Does the same each time that `handler` is called.
    pub(crate) fn on(&self, handler: &str, act: Act) {
        self.does(handler, move |_| ready(act.clone()));
    }

    /// Answers `handler` with 200 and this body.
    pub(crate) fn answers(&self, handler: &str, body: Value) {
        self.on(handler, Act::answer(body));
    }

    /// Does one after the other, and the last again and again.
    pub(crate) fn in_turn(&self, handler: &str, acts: impl IntoIterator<Item = Act>) {
        let acts: Vec<Act> = acts.into_iter().collect();
        let place = Cell::new(0);
        self.does(handler, move |_| {
            let act = acts[place.get().min(acts.len() - 1)].clone();
            place.set(place.get() + 1);
            ready(act)
        });
    }

    /// Does whatever the test writes down.
    pub(crate) fn does<F: Future<Output = Act> + 'static>(
        &self,
        handler: &str,
        script: impl Fn(Delivery) -> F + 'static,
    ) {
        let script: Script = Rc::new(move |delivery| script(delivery).boxed_local());
        self.0.scripts.borrow_mut().insert(handler.to_owned(), script);
    }

    /// Holds every call of `handler` until the gate lets it go, then does `act`.
    pub(crate) fn holds(&self, handler: &str, act: Act) -> Gate {
        self.holds_after(handler, [], act)
    }

    /// Does these, one for each call of `handler`, and holds those that follow until the gate lets them go.
    pub(crate) fn holds_after(&self, handler: &str, first: impl IntoIterator<Item = Act>, act: Act) -> Gate {
        let gate = Gate::closed();
        let (inner, first) = (gate.clone(), RefCell::new(first.into_iter().collect::<VecDeque<_>>()));
        self.does(handler, move |_| {
            let (gate, act, at_once) = (inner.clone(), act.clone(), first.borrow_mut().pop_front());
            async move {
                if let Some(at_once) = at_once {
                    return at_once;
                }
                gate.pass().await;
                act
            }
        });
        gate
    }

    /// Begins to answer `handler` with these bytes, and never goes on.
    pub(crate) fn drips(&self, handler: &str, bytes: Vec<u8>) -> Gate {
        let gate = Gate::closed();
        self.on(handler, Act::Drip(bytes, gate.clone()));
        gate
    }

    /// What `GET /steps` answers.
    pub(crate) fn lists(&self, act: Act) {
        self.0.catalogue.replace(act);
    }

    /// All calls so far, in their order.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.0.deliveries.borrow().clone()
    }

    pub(crate) fn deliveries_of(&self, handler: &str) -> Vec<Delivery> {
        let deliveries = self.0.deliveries.borrow();
        deliveries.iter().filter(|delivery| delivery.handler == handler).cloned().collect()
    }

    /// Waits until `handler` was called this often, and gives the calls.
    pub(crate) async fn until_called(&self, handler: &str, times: usize) -> Vec<Delivery> {
        let called = || Some(self.deliveries_of(handler)).filter(|deliveries| deliveries.len() >= times);
        let found = found_within(PATIENCE, || ready(called())).await;
        found.unwrap_or_else(|| panic!("{handler} was called {} times", self.deliveries_of(handler).len()))
    }

    /// Waits until the caller has closed the connection of this call, before it was answered.
    pub(crate) async fn until_broken_off(&self, call: &Delivery) {
        let key = call.idempotency_key();
        let broken_off = || self.0.broken_off.borrow().iter().any(|broken| broken == key).then_some(());
        let found = found_within(PATIENCE, || ready(broken_off())).await;
        found.unwrap_or_else(|| panic!("the call {key} was not broken off"));
    }

    /// The largest number of calls that were open at once.
    pub(crate) fn open_calls_max(&self) -> usize {
        self.0.open_calls_max.get()
    }

    /// Calls that are open now.
    pub(crate) fn open_calls(&self) -> usize {
        self.0.open_calls.get()
    }

    /// Connections that were made to it so far.
    pub(crate) fn connections_accepted(&self) -> usize {
        self.0.connections_accepted.get()
    }

    /// Goes away: open calls break, new connections are refused.
    pub(crate) fn go_away(&self) {
        self.0.hang_up();
    }

    /// Comes back on the same port.
    pub(crate) fn come_back(&self) {
        self.serve(listen(self.0.port));
    }

    fn serve(&self, listener: TcpListener) {
        let inner = Rc::downgrade(&self.0);
        let listening = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(worker) = inner.upgrade() else { return };
                let connection = tokio::task::spawn_local(converse(Rc::downgrade(&worker), stream));
                worker.connections_accepted.update(|accepted| accepted + 1);
                let mut connections = worker.connections.borrow_mut();
                connections.retain(|connection| !connection.is_finished());
                connections.push(connection.abort_handle());
            }
        });
        self.0.listening.replace(Some(listening.abort_handle()));
    }
}

fn listen(port: u16) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    socket.listen(4_096).unwrap()
}

async fn converse(inner: std::rc::Weak<Inner>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = wire::read(&mut stream).await {
        let Some(inner) = inner.upgrade() else { return };
        let act = tokio::select! {
            act = inner.take(request) => act,
            () = hung_up(&mut stream) => return,
        };
        let (bytes, close) = match act {
            Act::Answer(status, headers, body) => (wire::response(status, &headers, &body), false),
            Act::Garbage(bytes) => (bytes, true),
            Act::Drip(bytes, gate) => {
                let _ = stream.get_mut().write_all(&bytes).await;
                gate.pass().await;
                return;
            }
            Act::Break => (Vec::new(), true),
        };
        let written = stream.get_mut().write_all(&bytes).await;
        if close || written.is_err() {
            return;
        }
    }
}

/// Waits until the caller has gone away, as a killed server does.
async fn hung_up(stream: &mut BufReader<TcpStream>) {
    if stream.fill_buf().await.is_ok_and(|bytes| !bytes.is_empty()) {
        std::future::pending::<()>().await;
    }
}

/// Counts a call as open, and as broken off if nobody answers it.
struct Open<'a> {
    inner: &'a Inner,
    key: Option<String>,
}

impl<'a> Open<'a> {
    fn count(inner: &'a Inner, call: &Delivery) -> Self {
        inner.open_calls.update(|open| open + 1);
        inner.open_calls_max.update(|most| most.max(inner.open_calls.get()));
        Self { inner, key: call.headers.get("idempotency-key").cloned() }
    }

    fn answered(mut self) {
        self.key = None;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.inner.open_calls.update(|open| open - 1);
        self.inner.broken_off.borrow_mut().extend(self.key.take());
    }
}

impl Inner {
    async fn take(&self, request: Incoming) -> Act {
        let Some((_, handler)) = request.path.rsplit_once("/steps/") else {
            return if request.method == "GET" && request.path.ends_with("/steps") {
                self.catalogue.borrow().clone()
            } else {
                Act::status(404, json!({"detail": "Not a path of a worker."}))
            };
        };
        let handler = percent_decode_str(handler).decode_utf8_lossy().into_owned();
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let Incoming { path, headers, .. } = request;
        let delivery = Delivery { path, handler: handler.clone(), headers, body, at: Instant::now() };
        self.deliveries.borrow_mut().push(delivery.clone());
        let open = Open::count(self, &delivery);
        let script = self.scripts.borrow().get(&handler).cloned();
        let act = match script {
            Some(script) => script(delivery).await,
            None => Act::answer(json!({})),
        };
        open.answered();
        act
    }
}
