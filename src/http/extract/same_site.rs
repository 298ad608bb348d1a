//! Requests that a page of another site must not make.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, ORIGIN};
use actix_web::{FromRequest, HttpRequest};
use url::Url;

use crate::http::problem::Problem;

/// A request that no page made, or a page of this very server: the `Origin` (RFC 6454), if there is one, is its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct SameSite;

impl FromRequest for SameSite {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let refused = || Problem::new(StatusCode::FORBIDDEN, "Pages of other sites may not use what is below /admin.");
        ready(is_of_own_site(request).then_some(Self).ok_or_else(refused))
    }
}

/// Whether no page made the request, or a page of this very server.
///
/// Its name is that of the `Host` alone: what a proxy would write (`X-Forwarded-Host`), any page may write too.
pub(in crate::http) fn is_of_own_site(request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else { return true };
    let Some(host) = request.headers().get(HOST) else { return false };
    origin.to_str().is_ok_and(|origin| host.to_str().is_ok_and(|host| is_of_host(origin, host)))
}

/// Whether a page of `origin` came from `host`, which may name a port.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let Some(name) = url.host_str() else { return false };
    let with_port = |port: u16| format!("{name}:{port}").eq_ignore_ascii_case(host);
    let is_default = url.port().is_none() && name.eq_ignore_ascii_case(host);
    is_default || url.port_or_known_default().is_some_and(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_its_own_by_name_and_port() {
        for (origin, host) in [
            ("http://localhost:8080", "localhost:8080"),
            ("http://LOCALHOST:8080", "localhost:8080"),
            ("https://discovery.example", "discovery.example"),
            ("https://discovery.example", "discovery.example:443"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(is_of_host(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("null", "localhost:8080"),
            ("http://localhost:8081", "localhost:8080"),
            ("http://evil.example", "localhost:8080"),
            ("http://localhost:8080.evil.example", "localhost:8080"),
            ("", ""),
        ] {
            assert!(!is_of_host(origin, host), "{origin} at {host}");
        }
    }
}
