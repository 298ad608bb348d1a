//! What paths name.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::domain::ExecutionId;
use crate::http::problem::Problem;
use crate::payload::Sha256Hash;

/// The `{id}` of a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Id<T>(pub(in crate::http) T);

/// The `{id}` and `{step}` of a path: an execution and what its step is called.
#[derive(Clone, Debug)]
pub(in crate::http) struct StepOf {
    /// The execution.
    pub(in crate::http) execution: ExecutionId,
    /// The name or handler of the step, decoded.
    pub(in crate::http) step: String,
}

/// The `{id}` and `{sha256}` of a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct PayloadName {
    /// The execution.
    pub(in crate::http) execution: ExecutionId,
    /// The long string, where the text is a hash at all.
    pub(in crate::http) hash: Option<Sha256Hash>,
}

fn id(request: &HttpRequest) -> Result<Uuid, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    Uuid::parse_str(text).map_err(|_| Problem::malformed("The id in the path is not a UUID."))
}

/// The segment of the path that stands where the route has `{name}`, decoded once.
///
/// It is taken from the path as it was sent, because the router has decoded its own copy in part.
fn segment(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let pattern = request.match_pattern().unwrap_or_default();
    let place =
        pattern.split('/').position(|segment| segment.strip_prefix('{').is_some_and(|s| s == format!("{name}}}")));
    let raw = place.and_then(|place| request.uri().path().split('/').nth(place)).unwrap_or_default();
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::malformed(format!("The {name} in the path is not UTF-8."))),
    }
}

impl<T: From<Uuid>> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(id(request).map(|id| Self(T::from(id))))
    }
}

impl FromRequest for StepOf {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || Ok(Self { execution: ExecutionId(id(request)?), step: segment(request, "step")? });
        ready(read())
    }
}

impl FromRequest for PayloadName {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let hash = request.match_info().get("sha256").and_then(Sha256Hash::parse);
        ready(id(request).map(|id| Self { execution: ExecutionId(id), hash }))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, web};

    use super::*;
    use crate::http::base_path::BasePath;

    async fn asked(path: &str) -> (StatusCode, String) {
        let echo = |step: StepOf| async move { step.step };
        let route = web::resource("/executions/{id}/steps/{step}/progress").to(echo);
        let app = init_service(App::new().service(route).wrap(BasePath::new("/discovery"))).await;
        let response = call_service(&app, TestRequest::with_uri(path).to_request()).await;
        let status = response.status();
        (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn a_step_is_decoded_once() {
        let id = Uuid::nil();
        let names = [
            ("Carga%20Usuario", "Carga Usuario"),
            ("Validaci%C3%B3n", "Validación"),
            ("a%2Fb", "a/b"),
            ("a+b", "a+b"),
            ("100%2525", "100%25"),
            ("%7Bx%7D", "{x}"),
        ];
        for (encoded, name) in names {
            for prefix in ["", "/discovery"] {
                let path = format!("{prefix}/executions/{id}/steps/{encoded}/progress/");
                assert_eq!(asked(&path).await, (StatusCode::OK, name.to_owned()), "{path}");
            }
        }
    }

    #[actix_web::test]
    async fn bad_paths_are_malformed() {
        let nil = Uuid::nil();
        for path in [format!("/executions/{nil}/steps/%FF/progress"), "/executions/1/steps/a/progress".to_owned()] {
            assert_eq!(asked(&path).await.0, StatusCode::BAD_REQUEST, "{path}");
        }
    }
}
