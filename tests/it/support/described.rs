//! Holds every reply of a server against the description that the server gives of itself.
//!
//! Only what the description has an operation for is checked: unknown paths and wrong methods are none of its.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use awc::Client;
use jsonschema::Validator;
use serde_json::Value;
use url::Url;

use super::http::Reply;

/// By host and port. A restarted server, or another one on the same port, takes the place.
static SERVERS: LazyLock<Mutex<HashMap<String, Arc<Description>>>> = LazyLock::new(Mutex::default);
/// By text: what was compiled for one server serves all.
static DESCRIPTIONS: LazyLock<Mutex<HashMap<String, Arc<Description>>>> = LazyLock::new(Mutex::default);

/// What a server says of its API.
struct Description {
    base_path: String,
    components: Value,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    template: String,
    /// By status.
    answers: BTreeMap<u16, Answer>,
}

struct Answer {
    headers: Vec<String>,
    /// By media type.
    bodies: BTreeMap<String, Body>,
}

struct Body {
    schema: Value,
    validator: OnceLock<Validator>,
}

/// Asks the server at `url` for its description, against which its replies are held from now on.
pub(super) async fn learn(url: &str) {
    let Ok(mut response) = Client::new().get(format!("{url}/openapi.json")).send().await else {
        // It is gone already, as some tests want it.
        return;
    };
    let Ok(body) = response.body().limit(16 * 1024 * 1024).await else { return };
    let text = String::from_utf8(body.to_vec()).unwrap();
    let known = DESCRIPTIONS.lock().unwrap().get(&text).cloned();
    let description = known.unwrap_or_else(|| Arc::new(Description::read(&serde_json::from_str(&text).unwrap())));
    DESCRIPTIONS.lock().unwrap().insert(text, Arc::clone(&description));
    SERVERS.lock().unwrap().insert(authority(&Url::parse(url).unwrap()), description);
}

/// Checks a reply to `method` on `url`; replies of other servers than Discovery pass.
pub(super) fn check(method: &str, url: &str, reply: &Reply) {
    let Ok(url) = Url::parse(url) else { return };
    let description = SERVERS.lock().unwrap().get(&authority(&url)).cloned();
    if let Some(description) = description {
        description.check(method, url.path(), reply);
    }
}

fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap())
}

impl Description {
    fn read(document: &Value) -> Self {
        let mut operations = Vec::new();
        for (template, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap().iter();
                let answers = answers.map(|(status, answer)| (status.parse().unwrap(), Answer::read(answer))).collect();
                operations.push(Operation { method: method.to_uppercase(), template: template.clone(), answers });
            }
        }
        let base_path = document["servers"][0]["url"].as_str().unwrap().trim_end_matches('/').to_owned();
        Self { base_path, components: document["components"].clone(), operations }
    }

    fn check(&self, method: &str, whole: &str, reply: &Reply) {
        let path = whole.strip_prefix(&self.base_path).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let segments = segments(path.unwrap_or(whole));
        let asked = if method == "HEAD" { "GET" } else { method };
        let candidates = self.operations.iter().filter(|operation| operation.method == asked);
        // Where `/a/b` and `/a/{id}` both fit, the first is meant.
        let found = candidates.filter_map(|operation| Some((operation.fit(&segments)?, operation)));
        let Some((_, operation)) = found.min_by_key(|(open, _)| *open) else { return };
        let Some(answer) = operation.answers.get(&reply.status) else {
            panic!("{} is not described for {method} {}: {reply}", reply.status, operation.template);
        };
        for name in &answer.headers {
            assert!(reply.header(name).is_some(), "the described header {name} is missing: {reply}");
        }
        if method != "HEAD" {
            answer.check_body(&self.components, reply);
        }
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

impl Operation {
    /// How many segments of the template are open, if a path of these segments fits it.
    fn fit(&self, path: &[&str]) -> Option<usize> {
        let template = segments(&self.template);
        let is_open = |segment: &str| segment.starts_with('{');
        let fits = template.len() == path.len()
            && template.iter().zip(path).all(|(wanted, given)| is_open(wanted) || wanted == given);
        fits.then(|| template.iter().filter(|segment| is_open(segment)).count())
    }
}

impl Answer {
    fn read(answer: &Value) -> Self {
        let headers = answer["headers"].as_object().into_iter().flatten();
        let headers = headers.filter(|(_, header)| header["required"] != false).map(|(name, _)| name.clone());
        let bodies =
            answer["content"].as_object().into_iter().flatten().map(|(media, body)| {
                (media.clone(), Body { schema: body["schema"].clone(), validator: OnceLock::new() })
            });
        Self { headers: headers.collect(), bodies: bodies.collect() }
    }

    fn check_body(&self, components: &Value, reply: &Reply) {
        if self.bodies.is_empty() {
            assert!(reply.bytes.is_empty(), "no body is described: {reply}");
            return;
        }
        let media = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let Some(body) = self.bodies.get(media) else { panic!("the media type '{media}' is not described: {reply}") };
        if media.ends_with("json") {
            body.check(components, reply);
        }
    }
}

impl Body {
    fn check(&self, components: &Value, reply: &Reply) {
        let validator = self.validator.get_or_init(|| {
            let mut schema = self.schema.clone();
            schema["components"] = components.clone();
            jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
        });
        let value = reply.json();
        if validator.is_valid(&value) {
            return;
        }
        let errors = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path()));
        panic!("not as described: {}\n{reply}", errors.collect::<Vec<_>>().join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn reply(status: u16, media: &str, body: &Value) -> Reply {
        let headers = BTreeMap::from([("content-type".to_owned(), media.to_owned())]);
        Reply { what: "a request".to_owned(), status, headers, bytes: Bytes::from(body.to_string()) }
    }

    #[test]
    fn what_departs_from_the_description_is_noticed() {
        let thing =
            json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}});
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}});
        let description = Description::read(&json!({
            "servers": [{"url": "/base"}],
            "components": {"schemas": {"Thing": thing}},
            "paths": {
                "/things/{id}": {"get": {"responses": {"200": {"content": content}}}},
                "/things/new": {"get": {"responses": {"201": {"content": content, "headers": {"Location": {}}}}}},
            },
        }));
        let fits = |path: &str, status: u16, media: &str, body: Value| {
            let reply = reply(status, media, &body);
            let check = || description.check("GET", path, &reply);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_ok()
        };
        let good = json!({"id": "123e4567-e89b-12d3-a456-426614174000"});
        for path in ["/things/1", "/base/things/1/", "/base/things/1"] {
            assert!(fits(path, 200, "application/json; charset=utf-8", good.clone()), "{path}");
            assert!(!fits(path, 200, "application/json", json!({"id": "1"})), "{path}");
            assert!(!fits(path, 200, "text/plain", good.clone()), "{path}");
            assert!(!fits(path, 404, "application/json", good.clone()), "{path}");
        }
        assert!(!fits("/things/new", 201, "application/json", good), "a header is missing");
        assert!(fits("/nothing", 404, "text/plain", json!("x")), "it is not described");
    }
}
