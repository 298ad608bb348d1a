//! The program `discovery`.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    discovery::cli::run().await
}
