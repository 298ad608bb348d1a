//! What an operator sets: each a flag and an environment variable, with one default.

use std::fmt;
use std::num::ParseFloatError;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

use crate::journal::Synchronous;
use crate::limits::Limits;

/// What may be left out; named so that clap leaves the empty text, which counts as left out, to the parser.
type Maybe<T> = Option<T>;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Its bytes, for whoever signs with it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

/// The pages that may read what the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every page, those opened from disk included.
    Any,
    /// The pages of these origins.
    Listed(Vec<String>),
}

/// The configuration of a server.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct Config {
    /// The database: `sqlite://…` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://discovery.db?mode=rwc", hide_env_values = true)]
    pub database_url: String,
    /// Where steps run; may hold a path.
    #[arg(long, env = "PIONEER_URL", default_value = "http://localhost:8000", value_parser = http_url, hide_env_values = true)]
    pub pioneer_url: String,
    /// The address to listen on.
    #[arg(long, env = "DISCOVERY_HOST", default_value = "127.0.0.1", hide_env_values = true)]
    pub host: String,
    /// The port to listen on; 0 takes one that is free.
    #[arg(long, env = "DISCOVERY_PORT", default_value_t = 8080, hide_env_values = true)]
    pub port: u16,
    /// What callbacks are built on, base path and all; by default http://{host}:{port}{base path}.
    #[arg(long = "public-url", value_name = "URL", env = "DISCOVERY_PUBLIC_URL", default_value = "", value_parser = maybe_http_url,
        hide_env_values = true, hide_default_value = true)]
    given_public_url: Maybe<String>,
    /// A prefix, such as /discovery, below which every route is served too.
    #[arg(long, env = "DISCOVERY_BASE_PATH", default_value = "", value_parser = base_path,
        hide_env_values = true, hide_default_value = true)]
    pub base_path: String,
    /// The origins that may use the API from a browser, separated by commas; by default any.
    #[arg(long, env = "DISCOVERY_CORS_ORIGINS", default_value = "", value_parser = cors_origins,
        hide_env_values = true, hide_default_value = true)]
    pub cors_origins: CorsOrigins,
    /// How long `/execute` waits for the end before it answers 202; by default without a limit.
    #[arg(long = "sync-timeout-seconds", value_name = "SECONDS", env = "DISCOVERY_SYNC_TIMEOUT_SECONDS", default_value = "",
        value_parser = maybe_seconds, hide_env_values = true, hide_default_value = true)]
    pub sync_timeout: Maybe<Duration>,
    /// What the step tokens are signed with, at least 16 bytes; by default a key that is made once and kept in the
    /// database. Rather set the variable: a command line can be read by others on the machine.
    #[arg(long, env = "DISCOVERY_SECRET", default_value = "", value_parser = maybe_secret, hide_env_values = true,
        hide_default_value = true)]
    pub secret: Maybe<Secret>,
    /// A `tracing` filter, such as `info` or `discovery=debug`.
    #[arg(long, env = "DISCOVERY_LOG", default_value = "info", hide_env_values = true)]
    pub log: String,
    /// How log lines look.
    #[arg(long, env = "DISCOVERY_LOG_FORMAT", default_value = "pretty", ignore_case = true, hide_env_values = true)]
    pub log_format: LogFormat,
    /// Refuse to start, rather than migrate, where the database lacks migrations.
    #[arg(long)]
    pub no_migrate: bool,
    /// When SQLite waits for the disk.
    #[arg(
        long,
        env = "DISCOVERY_SQLITE_SYNCHRONOUS",
        default_value = "full",
        ignore_case = true,
        hide_env_values = true
    )]
    pub sqlite_synchronous: Synchronous,
    /// The bounds and intervals.
    #[command(flatten)]
    pub limits: Limits,
}

impl Config {
    /// What callbacks are built on, without a slash at its end; `port` is the one that is listened on.
    pub fn public_url(&self, port: u16) -> String {
        if let Some(given) = &self.given_public_url {
            return given.clone();
        }
        let host = match self.host.as_str() {
            "0.0.0.0" | "::" | "[::]" => "localhost".to_owned(),
            host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
            host => host.to_owned(),
        };
        format!("http://{host}:{port}{}", self.base_path)
    }

    /// What to listen on.
    pub fn listen_address(&self) -> (&str, u16) {
        (self.host.trim_start_matches('[').trim_end_matches(']'), self.port)
    }
}

fn http_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| format!("it must be an http or https URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("it must begin with http:// or https:// and name a host".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must have neither a query nor a fragment".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn maybe_http_url(text: &str) -> Result<Maybe<String>, String> {
    if text.is_empty() { Ok(None) } else { http_url(text).map(Some) }
}

/// Takes anything: a refusal would show it. Its length is looked at later.
#[allow(clippy::unnecessary_wraps, reason = "clap asks for a result")]
fn maybe_secret(text: &str) -> Result<Maybe<Secret>, String> {
    Ok(if text.is_empty() { None } else { Some(Secret(text.to_owned())) })
}

fn maybe_seconds(text: &str) -> Result<Maybe<Duration>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let seconds: f64 = text.parse().map_err(|error: ParseFloatError| error.to_string())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(Some(duration)) }
}

fn base_path(text: &str) -> Result<String, String> {
    if text.is_empty() || text == "/" {
        return Ok(String::new());
    }
    if !text.starts_with('/') || text.ends_with('/') {
        return Err("it must begin with a slash and must not end with one, such as /discovery".to_owned());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%".contains(c);
    if text.contains("//") || !text.chars().all(plain) {
        return Err("it may hold letters, digits, `-`, `.`, `_`, `~` and single slashes".to_owned());
    }
    Ok(text.to_owned())
}

fn cors_origins(text: &str) -> Result<CorsOrigins, String> {
    let origins: Vec<&str> = text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
    if origins.is_empty() || origins.contains(&"*") {
        return Ok(CorsOrigins::Any);
    }
    origins.into_iter().map(origin).collect::<Result<_, _>>().map(CorsOrigins::Listed)
}

/// An origin as browsers write it: scheme, host and, where it is not the scheme's own, port.
fn origin(text: &str) -> Result<String, String> {
    if text == "null" {
        return Ok(text.to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("`{text}` is no origin: {error}"))?;
    if !url.origin().is_tuple() || url.path().len() > 1 || url.query().is_some() {
        return Err(format!("`{text}` is no origin: it must look like https://example.com"));
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
        let arguments = std::iter::once("discovery").chain(arguments.iter().copied());
        Cli::try_parse_from(arguments).map(|cli| cli.config)
    }

    #[test]
    fn the_public_url_follows_the_address_unless_it_is_given() {
        let by_default = config(&["--host", "0.0.0.0", "--port", "0", "--base-path", "/discovery"]).unwrap();
        assert_eq!(by_default.public_url(4711), "http://localhost:4711/discovery");
        assert_eq!(config(&["--host", "::1"]).unwrap().public_url(80), "http://[::1]:80");
        let given = config(&["--public-url", "https://example.com/d/"]).unwrap();
        assert_eq!(given.public_url(4711), "https://example.com/d");
    }

    #[test]
    fn an_empty_value_of_an_optional_setting_counts_as_unset() {
        let empty = ["--public-url=", "--base-path=", "--cors-origins=", "--sync-timeout-seconds=", "--secret="];
        let config = config(&empty).unwrap();
        assert_eq!(config.public_url(1), "http://127.0.0.1:1");
        assert_eq!((config.cors_origins, config.sync_timeout, config.secret), (CorsOrigins::Any, None, None));
    }

    #[test]
    fn what_cannot_be_used_is_refused_at_the_start() {
        let bad = [
            ["--base-path", "discovery"],
            ["--base-path", "/discovery/"],
            ["--base-path", "/a{b}"],
            ["--pioneer-url", "localhost:8000"],
            ["--pioneer-url", "ftp://localhost"],
            ["--public-url", "http://x/?a=1"],
            ["--cors-origins", "https://a.example/path"],
            ["--sync-timeout-seconds", "-1"],
            ["--sync-timeout-seconds", "0"],
        ];
        for arguments in bad {
            assert!(config(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn origins_are_listed_as_browsers_write_them() {
        let listed = config(&["--cors-origins", "https://A.example:443/, null"]).unwrap().cors_origins;
        assert_eq!(listed, CorsOrigins::Listed(vec!["https://a.example".to_owned(), "null".to_owned()]));
    }
}
