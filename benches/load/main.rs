//! Loads a server as clients do, and measures what it bears; `benches/README.md` says how to read it.
//!
//! The server, the service that runs its steps and this driver are processes of their own on one machine. The driver also
//! drives any other endpoint that answers when its work is done (`drive`), so that what is compared has the same client.

mod client;
mod load;
mod machine;
mod numbers;
mod options;
mod recover;
mod report;
mod server;
mod stored;
mod worker;

use clap::Parser;

use options::{Arguments, Mode};

/// The driver and the service should take as little as they can of the cores that they share with what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    actix_rt::System::new().block_on(async move {
        match arguments.mode {
            None => load::run(arguments.load).await,
            Some(Mode::Drive(drive)) => load::drive(&drive).await,
            Some(Mode::Recover(recover)) => recover::run(&recover).await,
            Some(Mode::Worker(worker)) => worker::serve(&worker).await,
        }
    })
}
