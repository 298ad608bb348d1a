//! `discovery health`: asks the Discovery on this machine whether it is alive; the probe of its container image.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::client::{Client, ClientError};

/// How long the answer may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// What `discovery health` takes: the settings of the server that is asked.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// The address that the server listens on.
    #[arg(long, env = "DISCOVERY_HOST", default_value = "127.0.0.1", hide_env_values = true)]
    host: String,
    /// The port that the server listens on.
    #[arg(long, env = "DISCOVERY_PORT", default_value_t = 8080, hide_env_values = true)]
    port: u16,
}

/// Says that the server is healthy, or fails with the reason why it is not.
pub(super) async fn run(args: HealthArgs) -> anyhow::Result<ExitCode> {
    let base = base(&args.host, args.port);
    let client = Client::new(&base)?;
    match actix_web::rt::time::timeout(HEALTH_TIMEOUT, client.health()).await {
        Ok(Ok(health)) if health.status == "healthy" => {
            super::say(format!("Discovery at {base} is healthy."));
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ok(health)) => Err(anyhow!("Discovery at {base} is {}.", super::text::one_line(&health.status))),
        // The advice for the other commands, to start a server, is none for a probe.
        Ok(Err(ClientError::Unreachable { reason, .. })) => {
            Err(anyhow!("Discovery at {base} cannot be reached ({reason})."))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(anyhow!("Discovery at {base} gave no answer within {} s.", HEALTH_TIMEOUT.as_secs())),
    }
}

/// Where a server that listens on `host` is reached from the same machine.
fn base(host: &str, port: u16) -> String {
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => format!("http://127.0.0.1:{port}"),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("http://[::1]:{port}"),
        Ok(IpAddr::V6(address)) => format!("http://[{address}]:{port}"),
        Ok(IpAddr::V4(_)) | Err(_) => format!("http://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, HttpServer, web};

    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_the_loopback() {
        for (host, expected) in [
            ("0.0.0.0", "http://127.0.0.1:8080"),
            ("::", "http://[::1]:8080"),
            ("[::]", "http://[::1]:8080"),
            ("fd00::7", "http://[fd00::7]:8080"),
            ("10.0.0.5", "http://10.0.0.5:8080"),
            ("localhost", "http://localhost:8080"),
        ] {
            assert_eq!(base(host, 8080), expected, "{host}");
        }
    }

    #[actix_web::test]
    async fn only_a_healthy_answer_is_healthy() {
        for (body, healthy) in
            [(r#"{"status":"healthy","service":"discovery-api"}"#, true), (r#"{"status":"ill"}"#, false)]
        {
            let answer = move || async move { HttpResponse::Ok().content_type("application/json").body(body) };
            let server = HttpServer::new(move || App::new().route("/health", web::get().to(answer)));
            let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
            let port = server.addrs()[0].port();
            let running = server.run();
            let handle = running.handle();
            actix_web::rt::spawn(running);
            let asked = run(HealthArgs { host: "0.0.0.0".to_owned(), port }).await;
            assert_eq!(asked.is_ok(), healthy, "{asked:?}");
            handle.stop(false).await;
            let gone = run(HealthArgs { host: "127.0.0.1".to_owned(), port }).await.unwrap_err().to_string();
            assert!(gone.contains("nothing listens there"), "{gone}");
        }
    }
}
