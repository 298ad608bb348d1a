//! A Pioneer, the service that runs a workflow's steps, for the example workflow.
//!
//! ```text
//! cargo run --example pioneer -- --port 8000
//! ```
//!
//! This file is all that a service of your own needs around its steps. What a step looks like is in
//! `src/example/steps.rs`, how they are registered in `src/example/mod.rs`, and the kit that both use is
//! `discovery::worker`, whose documentation begins with a complete service in ten lines.

use clap::Parser;
use discovery::example;
use tracing_subscriber::EnvFilter;

/// Runs the steps of the example workflow.
#[derive(Debug, Parser)]
struct Args {
    /// The address to listen on.
    #[arg(long, env = "PIONEER_HOST", default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 takes a free one.
    #[arg(long, env = "PIONEER_PORT", default_value_t = 8000)]
    port: u16,

    /// Where to report to, for calls that do not say it themselves.
    #[arg(long, env = "DISCOVERY_URL")]
    discovery_url: Option<String>,

    /// Server threads (default: one per core).
    #[arg(long, env = "PIONEER_WORKERS")]
    workers: Option<usize>,
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let args = Args::parse();
    let mut pioneer = example::pioneer()?;
    if let Some(url) = args.discovery_url {
        pioneer = pioneer.discovery_url(url);
    }
    if let Some(workers) = args.workers {
        pioneer = pioneer.workers(workers);
    }
    tracing::info!(host = args.host, port = args.port, "pioneer starts");
    pioneer.serve((args.host, args.port)).await?;
    Ok(())
}
