//! The HTTP side of a Pioneer.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use awc::Client;
use serde_json::json;

use super::call::{CallBody, StepCall};
use super::delivery::Target;
use super::failure::StepFailure;
use super::limits::{KEEP_ALIVE_SECONDS, REPORT_TIMEOUT_MS, SHUTDOWN_SECONDS};
use super::pioneer::{Pioneer, Step};
use super::reporter::Reporter;
use super::run::{Outcome, run, run_and_report};

/// A service that is serving. Dropping this leaves it running.
#[derive(Debug)]
pub struct RunningPioneer {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl RunningPioneer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end: what `PIONEER_URL` should be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A handle that stops it from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Takes no more calls, lets the running steps end (bounded), and stops.
    pub async fn stop(self) -> std::io::Result<()> {
        self.handle.stop(true).await;
        self.until_stopped().await
    }

    /// Waits until it is stopped, by a handle or by a signal.
    pub async fn until_stopped(self) -> std::io::Result<()> {
        self.server.await.map_err(std::io::Error::other)?
    }
}

/// Whether the server itself reacts to SIGTERM and SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signals {
    Handled,
    Ignored,
}

/// Listens and serves in the background.
pub(super) fn start(
    pioneer: Pioneer,
    address: impl ToSocketAddrs,
    signals: Signals,
) -> std::io::Result<RunningPioneer> {
    let pioneer = Arc::new(pioneer);
    let workers = pioneer.workers;
    let mut server = HttpServer::new(move || {
        // One client for each thread: it cannot leave the thread that it was made on.
        let client = Client::builder().timeout(Duration::from_millis(REPORT_TIMEOUT_MS)).disable_redirects().finish();
        App::new()
            .app_data(web::Data::from(Arc::clone(&pioneer)))
            .app_data(client)
            // Tried one after the other, so what is asked for all the time stands first.
            .service(web::resource(["/steps/{handler}", "/steps/{handler}/"]).post(run_step))
            .service(web::resource(["/steps", "/steps/"]).get(list_steps))
            .service(web::resource(["/health", "/health/"]).get(health))
            .default_service(web::to(not_found))
    })
    .keep_alive(Duration::from_secs(KEEP_ALIVE_SECONDS))
    .shutdown_timeout(SHUTDOWN_SECONDS);
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    if signals == Signals::Ignored {
        server = server.disable_signals();
    }
    let server = server.bind(address)?;
    let address = server
        .addrs()
        .first()
        .copied()
        .ok_or_else(|| std::io::Error::other("the address names nothing to listen on"))?;
    let server = server.run();
    Ok(RunningPioneer { address, handle: server.handle(), server: actix_web::rt::spawn(server) })
}

async fn list_steps(pioneer: web::Data<Pioneer>) -> HttpResponse {
    HttpResponse::Ok().json(pioneer.catalogue())
}

async fn health(pioneer: web::Data<Pioneer>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "healthy", "service": pioneer.service}))
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    let detail = format!("There is nothing at {} {}.", request.method(), request.path());
    StepFailure::new(404, "NotFound", detail).into_response()
}

async fn run_step(
    pioneer: web::Data<Pioneer>,
    name: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let outcome = match pioneer.steps.get(name.as_str()) {
        Some(step) => answer(&pioneer, &name, step, &request, payload).await,
        None => Err(unknown_step(&pioneer, &name)),
    };
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn answer(pioneer: &Pioneer, name: &str, step: &Step, request: &HttpRequest, payload: web::Payload) -> Outcome {
    let body = read_body(payload, pioneer.body_bytes_max).await?;
    let (reporter, queue) = Reporter::new();
    let headers = request.headers();
    let call = StepCall::new(name, headers, body, reporter);
    let target = Target::of(headers, call.execution_id.as_deref(), name, pioneer.discovery_url.as_deref());
    match (target, request.app_data::<Client>()) {
        (Some(target), Some(client)) => {
            let client = client.clone();
            run_and_report(&step.handler, call, &queue, target, client, pioneer.report_flush_max).await
        }
        // Nobody to report to: whatever the step reports is dropped at once.
        (None, _) | (_, None) => {
            queue.close();
            run(&step.handler, call).await
        }
    }
}

async fn read_body(payload: web::Payload, bytes_max: usize) -> Result<CallBody, StepFailure> {
    let bytes = match payload.to_bytes_limited(bytes_max).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            return Err(StepFailure::new(400, "BrokenBody", format!("The body broke off: {error}.")));
        }
        Err(_) => {
            let detail = format!("The body is larger than the {bytes_max} bytes that this service takes.");
            return Err(StepFailure::new(413, "BodyTooLarge", detail));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!("The body is no JSON object with 'context' and 'config' as objects: {error}.");
        StepFailure::new(400, "MalformedBody", detail)
    })
}

fn unknown_step(pioneer: &Pioneer, name: &str) -> StepFailure {
    let known: Vec<&str> = pioneer.step_names().collect();
    let detail = format!("This service has no step '{name}'; it has: {}.", known.join(", "));
    StepFailure::new(404, "UnknownHandler", detail)
}
