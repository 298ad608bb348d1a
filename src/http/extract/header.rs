//! Headers that mean something to Discovery itself: at most one of each.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::domain::IdempotencyKey;
use crate::http::problem::Problem;
use crate::pioneer::STEP_TOKEN;

/// By which a client names a start.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The `Idempotency-Key` of a request, if it has one.
#[derive(Clone, Debug)]
pub(in crate::http) struct KeyOfStart(pub(in crate::http) Option<IdempotencyKey>);

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

fn key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let bad = |why: &str| Problem::malformed(format!("The header `{IDEMPOTENCY_KEY}` {why}."));
    let Some(bytes) = single(request, IDEMPOTENCY_KEY)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| bad("must be UTF-8"))?;
    IdempotencyKey::new(text).map(Some).map_err(|why| bad(&why))
}

impl FromRequest for KeyOfStart {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key(request).map(Self))
    }
}

impl FromRequest for StepToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(single(request, STEP_TOKEN).map(Self))
    }
}
