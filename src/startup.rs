//! Where everything is put together: the commands and the tests boot the same application.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use anyhow::{Context, anyhow, ensure};
use chrono::Utc;

use crate::actors::{Runtime, RuntimeOptions};
use crate::config::Config;
use crate::domain::Timestamp;
use crate::http::{self, Edge};
use crate::journal::{Journal, OpenOptions};
use crate::pioneer::TokenKey;

/// Connections that may wait to be accepted.
const LISTEN_BACKLOG_CONNECTIONS: u32 = 4_096;
/// What a secret has at least: as much as nobody guesses.
const SECRET_BYTES_MIN: usize = 16;
/// The name of the secret that is kept where the operator gives none.
const STEP_TOKENS: &str = "step_tokens";
/// What clients have at least to take their last answers, however long running calls took to end.
const ANSWERS_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// A server that serves. It goes on until [`Application::stop`].
#[derive(Debug)]
pub struct Application {
    address: SocketAddr,
    journal: Journal,
    runtime: Runtime,
    http: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    signs_of_life: JoinHandle<()>,
    stop_timeout: Duration,
}

/// Opens the database, starts the actors and listens. Needs a running actix system; leaves signals to the caller.
///
/// # Errors
///
/// What an operator has to change, as a sentence.
pub async fn start(config: Config) -> anyhow::Result<Application> {
    let options = OpenOptions {
        migrate: !config.no_migrate,
        synchronous: config.sqlite_synchronous,
        read_timeout: Some(config.limits.request_timeout),
    };
    let journal = Journal::open(&config.database_url, &options).await?;
    match start_with(config, journal.clone()).await {
        Ok(application) => Ok(application),
        Err(error) => {
            journal.close().await;
            Err(error)
        }
    }
}

async fn start_with(config: Config, journal: Journal) -> anyhow::Result<Application> {
    let (host, port) = config.listen_address();
    let listener = listen(host, port).await?;
    let address = listener.local_addr().context("The address that was bound is not known")?;
    let (stop_timeout, alive_interval) = (config.limits.stop_timeout, config.limits.alive_interval);
    let outages = Arc::new(journal.begin_life(Timestamp::new(Utc::now())).await?);
    let options = RuntimeOptions {
        pioneer_url: config.pioneer_url.clone(),
        public_url: config.public_url(address.port()),
        tokens: token_key(&config, &journal).await?,
        outages,
        limits: config.limits.clone(),
    };
    let runtime = Runtime::launch(journal.clone(), options);
    let edge = Edge { journal: journal.clone(), runtime: runtime.clone(), config: Arc::new(config) };
    let server = http::serve(edge, listener)?;
    let http = server.handle();
    let serving = actix_web::rt::spawn(server);
    let signs_of_life = actix_web::rt::spawn(give_signs_of_life(journal.clone(), alive_interval));
    tracing::info!(%address, "listens");
    Ok(Application { address, journal, runtime, http, serving, signs_of_life, stop_timeout })
}

/// The key of the step tokens: from the operator's secret, or from one that the database keeps.
async fn token_key(config: &Config, journal: &Journal) -> anyhow::Result<TokenKey> {
    let Some(given) = &config.secret else { return Ok(TokenKey::new(&journal.secret(STEP_TOKENS).await?)) };
    let enough = given.as_bytes().len() >= SECRET_BYTES_MIN;
    ensure!(enough, "DISCOVERY_SECRET is too short: it must have at least {SECRET_BYTES_MIN} bytes.");
    Ok(TokenKey::new(given.as_bytes()))
}

/// Notes again and again that this process is there, so that the next one knows since when it was not.
async fn give_signs_of_life(journal: Journal, interval: Duration) {
    loop {
        actix_web::rt::time::sleep(interval).await;
        if let Err(error) = journal.note_alive(Timestamp::new(Utc::now())).await {
            tracing::warn!(%error, "that the process is there could not be noted");
        }
    }
}

impl Application {
    /// Where it listens; never port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for clients on this machine, without a slash at its end.
    pub fn url(&self) -> String {
        if self.address.ip().is_unspecified() {
            return format!("http://localhost:{}", self.address.port());
        }
        format!("http://{}", self.address)
    }

    /// Takes no new work, lets running calls end (bounded by `stop_timeout`), and closes everything in order.
    pub async fn stop(self) {
        let since = Instant::now();
        // First: what is open is not to wait for the end of all calls, nor to hold up the end of the server.
        self.runtime.dismiss_sessions();
        self.runtime.stop().await;
        self.signs_of_life.abort();
        let left = self.stop_timeout.saturating_sub(since.elapsed()).max(ANSWERS_TIMEOUT_MIN);
        if tokio::time::timeout(left, self.http.stop(true)).await.is_err() {
            tracing::warn!("some clients did not take their answers in time");
        } else if let Err(error) = self.serving.await.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "the http server ended badly");
        }
        self.journal.close().await;
    }
}

/// Listens on the first address of `host` that can be had.
async fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let resolved = tokio::net::lookup_host((host, port)).await;
    let resolved = resolved.map_err(|_| anyhow!("There is no address for the host '{host}'; {CHOOSE_HOST}"))?;
    let mut addresses: Vec<SocketAddr> = resolved.collect();
    // `localhost` may be both, and IPv4 is what the default is and what clients try.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut refusal = format!("There is no address for the host '{host}'; {CHOOSE_HOST}");
    for address in addresses {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                refusal = refused(&error, host, port);
                // Only an address that this machine lacks is passed over: a port that is taken on IPv4 is taken.
                if error.kind() != io::ErrorKind::AddrNotAvailable {
                    break;
                }
            }
        }
    }
    Err(anyhow!(refusal))
}

const CHOOSE_HOST: &str = "choose another with --host or DISCOVERY_HOST.";
const CHOOSE_PORT: &str = "choose another with --port or DISCOVERY_PORT.";

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // A restart must not wait for the connections of the process before it. On Windows the option would let two share.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG_CONNECTIONS)?.into_std()
}

/// Why nobody can listen there, and what to do about it.
fn refused(error: &io::Error, host: &str, port: u16) -> String {
    let why = error.kind();
    if why == io::ErrorKind::AddrInUse {
        return format!("Port {port} on {host} is taken by another program; {CHOOSE_PORT}");
    }
    if why == io::ErrorKind::PermissionDenied {
        return format!("Port {port} on {host} is reserved for programs with more rights; {CHOOSE_PORT}");
    }
    if why == io::ErrorKind::AddrNotAvailable {
        return format!("This machine has no address {host}; {CHOOSE_HOST}");
    }
    format!("Discovery cannot listen on port {port} of {host}: {error}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_taken_port_is_named_with_the_way_out() {
        let taken = listen("127.0.0.1", 0).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let refusal = listen("127.0.0.1", port).await.unwrap_err().to_string();
        let expected = format!(
            "Port {port} on 127.0.0.1 is taken by another program; choose another with --port or DISCOVERY_PORT."
        );
        assert_eq!(refusal, expected);
    }

    #[actix_web::test]
    async fn a_host_of_somebody_else_is_refused_with_a_sentence() {
        let refusal = listen("192.0.2.1", 0).await.unwrap_err().to_string();
        assert_eq!(refusal, "This machine has no address 192.0.2.1; choose another with --host or DISCOVERY_HOST.");
        let refusal = listen("no such host", 0).await.unwrap_err().to_string();
        assert!(refusal.starts_with("There is no address for the host 'no such host'; "), "{refusal}");
    }

    #[actix_web::test]
    async fn port_0_takes_a_free_one() {
        assert_ne!(listen("localhost", 0).await.unwrap().local_addr().unwrap().port(), 0);
    }
}
