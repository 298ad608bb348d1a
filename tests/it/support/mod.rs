//! What tests of the whole are written with: the real server as a process, a worker that does as it is told, a client.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `server.rs` | [`Discovery`]: the process, its database, its life: start, kill, stop, restart |
//! | `options.rs` | [`Options`]: flags and variables that it is started with; refused starts |
//! | `database.rs` | where the data is: SQLite, or PostgreSQL |
//! | `ask.rs` | what tests ask of it: workflows, starts, statuses, conditions to wait for |
//! | `cli.rs` | [`Running`], [`Done`]: the program as a client |
//! | `http.rs` | [`Http`], [`Request`], [`Reply`] |
//! | `described.rs` | the description that each reply is held against |
//! | `log_check.rs` | what every log of a stopped server must keep to |
//! | `raw.rs` | [`Raw`]: a client that does not read |
//! | `socket.rs` | [`Socket`]: a WebSocket client |
//! | `sse.rs` | [`Events`]: a reader of event streams |
//! | `worker.rs`, `wire.rs` | [`Worker`]: a Pioneer that records deliveries and does as each test says |
//! | `script.rs` | [`Act`], [`Delivery`], [`Gate`]: what tests tell it, and what they look at |

#![allow(dead_code, unused_imports, reason = "not every set of tests uses all of it")]

mod ask;
mod cli;
mod database;
mod described;
mod http;
pub(crate) mod log_check;
mod options;
mod raw;
mod script;
mod server;
mod socket;
mod sse;
mod wire;
mod worker;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use ask::{moment, seconds_between};
pub(crate) use cli::{Done, Running, run_at};
pub(crate) use http::{Http, Reply};
pub(crate) use options::{Options, Refusal};
pub(crate) use raw::Raw;
pub(crate) use script::{Act, Delivery, Gate};
pub(crate) use server::Discovery;
pub(crate) use socket::{End, Socket};
pub(crate) use sse::{Events, Told};
pub(crate) use worker::Worker;

/// How long a condition may take to hold, on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The wait between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something; `None` when patience ends.
pub(crate) async fn found_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    mut look: impl FnMut() -> F,
) -> Option<T> {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if since.elapsed() > patience {
            return None;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
