//! Headers that mean something to Discovery itself: at most one of each.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::problem::Problem;
use crate::pioneer::STEP_TOKEN;

/// The `Discovery-Step-Token` of a request, if it has one; nothing is proved yet.
#[derive(Clone)]
pub(in crate::http) struct StepToken(pub(in crate::http) Option<Vec<u8>>);

/// The value of the header `name`, which must not be there twice.
fn single(request: &HttpRequest, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let mut values = request.headers().get_all(name);
    let first = values.next().map(|value| value.as_bytes().to_vec());
    match values.next() {
        Some(_) => Err(Problem::malformed(format!("The header `{name}` must be given once."))),
        None => Ok(first),
    }
}

impl FromRequest for StepToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(single(request, STEP_TOKEN).map(Self))
    }
}
