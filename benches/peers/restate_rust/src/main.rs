//! Serves one Restate handler of five steps that do nothing, at the address given as the only argument.

use std::error::Error;
use std::net::SocketAddr;

use restate_sdk::prelude::*;
use serde_json::Value;

const STEPS: usize = 5;

struct Bench;

#[service]
impl Bench {
    #[handler]
    async fn run(&self, context: Context<'_>, input: Json<Value>) -> Result<Json<Value>, HandlerError> {
        for step in 1..=STEPS {
            context.run(|| async { Ok(()) }).name(format!("step_{step}")).await?;
        }
        Ok(input)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).ok_or("the address is missing")?.parse()?;
    HttpServer::new(Endpoint::builder().bind(Bench).build()).listen_and_serve(address).await;
    Ok(())
}
