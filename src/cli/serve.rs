//! `discovery serve`: the server, until a signal stops it.

use std::process::ExitCode;

use super::signals::Signals;
use crate::config::Config;
use crate::startup;

/// Serves; once it listens, stdout has one line that says where.
pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    super::logging::start(&config.log, config.log_format, None)?;
    let mut signals = Signals::listen()?;
    let application = startup::start(config).await?;
    super::say(format!("Discovery listens on http://{}", application.address()));
    let signal = signals.next().await;
    tracing::info!(signal, "stops: takes no new work and lets running calls end");
    signals.stop(application).await;
    Ok(ExitCode::SUCCESS)
}
