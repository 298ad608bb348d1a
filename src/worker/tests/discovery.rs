//! A small server in the place of Discovery, which records what is reported to it.

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// What came in: path, token, body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Value,
}

/// The server's side of a test.
pub(crate) struct Discovery {
    pub(crate) url: String,
    log: Arc<Log>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    changed: Notify,
    /// The statuses of the next answers; 200 once there are none left.
    statuses: Mutex<Vec<u16>>,
    /// Closed while answers are held back.
    gate: Option<Semaphore>,
}

impl Discovery {
    /// One that acknowledges everything.
    pub(crate) fn start() -> Self {
        Self::with(Log::default())
    }

    /// One that answers these statuses first.
    pub(crate) fn that_answers(statuses: &[u16]) -> Self {
        let statuses = Mutex::new(statuses.iter().rev().copied().collect());
        Self::with(Log { statuses, ..Log::default() })
    }

    /// One that takes reports and keeps their answers back until it is told to let them go.
    pub(crate) fn that_hangs() -> Self {
        Self::with(Log { gate: Some(Semaphore::new(0)), ..Log::default() })
    }

    /// Lets held answers go, now and later.
    pub(crate) fn let_go(&self) {
        self.log.gate.as_ref().unwrap().add_permits(1_000);
    }

    /// What came in so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// Waits until this many reports came in.
    pub(crate) async fn until_received(&self, count: usize) -> Vec<Received> {
        loop {
            let changed = self.log.changed.notified();
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            changed.await;
        }
    }

    pub(crate) fn callback_url(&self) -> String {
        format!("{}/executions/e1/steps/Validaci%C3%B3n", self.url)
    }

    fn with(log: Log) -> Self {
        let log = Arc::new(log);
        let data = web::Data::from(Arc::clone(&log));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(record)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, log, handle }
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn record(log: web::Data<Log>, request: HttpRequest, body: web::Json<Value>) -> HttpResponse {
    let token = request.headers().get("Discovery-Step-Token").map(|token| token.to_str().unwrap().to_owned());
    let path = request.path().to_owned();
    let body = body.into_inner();
    log.received.lock().unwrap().push(Received { path, token, body });
    log.changed.notify_one();
    if let Some(gate) = &log.gate {
        let _permit = gate.acquire().await.unwrap();
    }
    let status = log.statuses.lock().unwrap().pop().unwrap_or(200);
    HttpResponse::build(status.try_into().unwrap()).json(json!({"status": "success"}))
}
