//! The signals that end a command.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::startup::Application;

/// What a shell reports for a program that Ctrl-C ended.
const EXIT_CODE_INTERRUPTED: i32 = 130;

/// SIGINT and SIGTERM, from the moment of [`Signals::listen`] on.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Signals {
    /// From now on the two signals no longer end the process by themselves.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// From now on Ctrl-C no longer ends the process by itself, as soon as it is waited for.
    #[cfg(not(unix))]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one and names it.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }

    /// Stops `application` in order, unless another signal comes, which ends the process at once.
    pub(super) async fn stop(&mut self, application: Application) {
        tokio::select! {
            () = application.stop() => {}
            signal = self.next() => {
                tracing::warn!(signal, "a second signal: ends at once, what was open goes on at the next start");
                std::process::exit(EXIT_CODE_INTERRUPTED);
            }
        }
    }
}
