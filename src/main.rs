//! The program `discovery`.

use std::process::ExitCode;

/// Most of what a step costs beside the network is small texts that come and go; see `benches/README.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    discovery::cli::run().await
}
