//! Bodies: JSON everywhere, and YAML where definitions are read.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::{Decompress, Payload};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde_json::Value;

use crate::domain::{JSON_DEPTH_MAX, is_deeper_than};
use crate::http::problem::Problem;

/// How many nodes the aliases of a YAML body may stand for, all together.
const YAML_REPLAYED_EVENTS_MAX: usize = 100_000;
/// How much is read and thrown away behind the limit, so that the sender comes to read the answer.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long bodies may be; the application holds one.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct BodyLimit {
    /// In bytes.
    pub(in crate::http) bytes_max: usize,
}

/// A JSON body; an empty one counts as `{}`.
pub(in crate::http) struct Json(pub(in crate::http) Value);

/// A body that is JSON or YAML; an empty one counts as `{}`.
pub(in crate::http) struct Definition(pub(in crate::http) Value);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Media {
    Json,
    Yaml,
    Other,
}

impl Media {
    /// The kind of body that a `Content-Type` names; a missing one means JSON.
    fn of(content_type: Option<&str>) -> Self {
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" | "text/json" => Self::Json,
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Self::Yaml,
            other if other.ends_with("+json") => Self::Json,
            other if other.ends_with("+yaml") => Self::Yaml,
            _ => Self::Other,
        }
    }

    fn of_request(request: &HttpRequest) -> Self {
        match request.headers().get(CONTENT_TYPE).map(|value| value.to_str()) {
            Some(Ok(content_type)) => Self::of(Some(content_type)),
            Some(Err(_)) => Self::Other,
            None => Self::Json,
        }
    }

    fn read(self, body: &[u8], yaml_too: bool) -> Result<Value, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let value = match self {
            Self::Json => serde_json::from_slice(body)
                .map_err(|error| Problem::malformed(format!("The body is not valid JSON: {error}.")))?,
            Self::Yaml if yaml_too => read_yaml(body)?,
            Self::Yaml | Self::Other => return Err(unsupported(yaml_too)),
        };
        if is_deeper_than(JSON_DEPTH_MAX, &value) {
            return Err(Problem::malformed(format!("The body is nested deeper than {JSON_DEPTH_MAX} levels.")));
        }
        Ok(value)
    }
}

fn unsupported(yaml_too: bool) -> Problem {
    let taken = if yaml_too { "`application/json` or `application/yaml`" } else { "`application/json`" };
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("The `Content-Type` of the body must be {taken}."))
}

/// Refuses a body that is packed in a way that cannot be undone here; it would be read as it is.
fn refuse_unknown_encoding(request: &HttpRequest) -> Result<(), Problem> {
    let Some(encoding) = request.headers().get(CONTENT_ENCODING) else { return Ok(()) };
    let encoding = encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    if ["", "identity", "gzip", "deflate"].contains(&encoding.as_str()) {
        return Ok(());
    }
    let detail = "The `Content-Encoding` of the body must be `gzip`, `deflate` or none.";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn read_yaml(body: &[u8]) -> Result<Value, Problem> {
    let alias_limits = serde_saphyr::alias_limits! { max_total_replayed_events: YAML_REPLAYED_EVENTS_MAX };
    let options = serde_saphyr::options! { with_snippet: false, alias_limits: alias_limits };
    serde_saphyr::from_slice_with_options(body, options).map_err(|error| {
        let reason = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        Problem::malformed(format!("The body is not valid YAML: {reason}."))
    })
}

/// Reads a body of at most `bytes_max`; of a longer one, some more is read and thrown away.
async fn read_body(request: &HttpRequest, payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut stream = Decompress::from_headers(payload, request.headers());
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(bytes_max));
    let mut seen = 0usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| broken(&error, bytes_max))?;
        seen = seen.saturating_add(chunk.len());
        if seen > bytes_max.saturating_add(DISCARD_BYTES_MAX) {
            break;
        }
        if seen > bytes_max {
            body.clear();
        } else {
            body.extend_from_slice(&chunk);
        }
    }
    if seen > bytes_max { Err(too_large(bytes_max)) } else { Ok(body.freeze()) }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {bytes_max} bytes."))
}

fn broken(error: &PayloadError, bytes_max: usize) -> Problem {
    match error {
        PayloadError::Overflow => too_large(bytes_max),
        PayloadError::Incomplete(_)
        | PayloadError::EncodingCorrupted
        | PayloadError::UnknownLength
        | PayloadError::Http2Payload(_)
        | PayloadError::Io(_)
        | _ => Problem::malformed(format!("The body could not be read: {error}.")),
    }
}

fn extract(request: &HttpRequest, payload: &mut Payload, yaml_too: bool) -> Reading<Value> {
    let (request, payload) = (request.clone(), payload.take());
    Box::pin(async move {
        refuse_unknown_encoding(&request)?;
        let bytes_max = request.app_data::<BodyLimit>().map_or(0, |limit| limit.bytes_max);
        let body = read_body(&request, payload, bytes_max).await?;
        Media::of_request(&request).read(&body, yaml_too)
    })
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Json {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = extract(request, payload, false);
        Box::pin(async move { reading.await.map(Self) })
    }
}

impl FromRequest for Definition {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = extract(request, payload, true);
        Box::pin(async move { reading.await.map(Self) })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, ResponseError, web};
    use serde_json::json;

    use super::*;

    fn read(content_type: Option<&str>, body: &str) -> Result<Value, u16> {
        Media::of(content_type).read(body.as_bytes(), true).map_err(|problem| problem.status_code().as_u16())
    }

    #[test]
    fn a_missing_media_type_means_json_and_an_empty_body_an_empty_object() {
        assert_eq!(read(None, r#"{"a": 1}"#), Ok(json!({"a": 1})));
        assert_eq!(read(Some("text/plain"), " \n"), Ok(json!({})));
        assert_eq!(read(Some("Application/Problem+JSON; charset=utf-8"), "[]"), Ok(json!([])));
        assert_eq!(read(Some("text/plain"), "{}"), Err(415));
        assert_eq!(Media::Yaml.read(b"a: 1", false).unwrap_err().status_code(), 415);
    }

    #[actix_web::test]
    async fn a_body_over_the_limit_is_refused_announced_or_not() {
        let echo = |body: Json| async move { web::Json(body.0) };
        let app = App::new().app_data(BodyLimit { bytes_max: 10 }).route("/", web::post().to(echo));
        let app = init_service(app).await;
        for (text, status) in [("\"12345678\"", 200), ("\"123456789\"", 413), (&"x".repeat(1_000), 413)] {
            let request = TestRequest::post().set_payload(text.to_owned()).to_request();
            let response = call_service(&app, request).await;
            assert_eq!(response.status(), status, "{text}");
            if status == 200 {
                assert_eq!(read_body(response).await, text);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let too_deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
        let not_json = ["{", "{\"a\": \"\\ud800\"}", "1e999", "{\"a\": 1,}", &deep, &too_deep];
        for body in not_json {
            assert_eq!(read(None, body), Err(400), "{}", &body[..body.len().min(40)]);
        }
        assert_eq!(Media::Json.read(b"\"\xff\"", false).unwrap_err().status_code(), 400);
        assert!(read(None, &format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
        assert_eq!(read(None, "{\"a\": \"\\u0000\"}"), Ok(json!({"a": "\0"})));
    }

    #[test]
    fn a_definition_may_be_yaml() {
        let yaml =
            "name: Carga\nsteps:\n  - name: Validación\n    order: 2\n    config: {a: [1, 2.5, true, null, 'x']}\n";
        let expected = json!({"name": "Carga", "steps": [
            {"name": "Validación", "order": 2, "config": {"a": [1, 2.5, true, null, "x"]}}]});
        assert_eq!(read(Some("application/yaml"), yaml), Ok(expected));
    }

    #[test]
    fn bad_yaml_is_malformed_and_expands_within_bounds() {
        let levels: Vec<String> =
            (1..30).map(|n| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 9].join(", "))).collect();
        let bomb = format!("a0: &a0 [x]\n{}\n", levels.join("\n"));
        let deep = "[".repeat(5_000);
        for body in ["a: [1", "a: 1\na: 2", "a: b: c", "\u{0}", "--- 1\n--- 2\n", &bomb, &deep] {
            assert_eq!(read(Some("text/yaml"), body), Err(400), "{}", &body[..body.len().min(40)]);
        }
    }
}
