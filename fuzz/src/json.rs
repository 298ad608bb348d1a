//! Bodies of requests, one behind the other.

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::test::TestRequest;
use serde_json::json;
use uuid::Uuid;

use super::app::{Stage, uri};
use super::{Signs, Target};

/// No UTF-8 holds this byte, so it stands between requests.
const BETWEEN: u8 = 0xff;
/// The most requests that one input makes.
const REQUESTS_MAX: usize = 6;
/// The workflow that bodies can name.
const WORKFLOW: Uuid = Uuid::from_u128(0x123e4567_e89b_12d3_a456_426614174000);

/// Takes requests: each a letter for what is asked, a digit for how the body is declared, and the body.
pub struct JsonBodies {
    stage: Stage,
    inputs: usize,
    /// Whether the workflow is as it was made.
    is_fresh: bool,
    execution: Option<Uuid>,
    signs: Signs,
}

impl Target for JsonBodies {
    fn build() -> Self {
        Self { stage: Stage::build(), inputs: 0, is_fresh: false, execution: None, signs: Signs::default() }
    }

    fn take(&mut self, input: &[u8]) -> Signs {
        self.inputs += 1;
        if !self.is_fresh {
            self.stage.put_workflow(WORKFLOW);
            self.is_fresh = true;
        }
        for request in input.split(|byte| *byte == BETWEEN).take(REQUESTS_MAX) {
            self.request(request);
        }
        self.leave();
        std::mem::take(&mut self.signs)
    }
}

impl JsonBodies {
    fn request(&mut self, request: &[u8]) {
        let [what, media, body @ ..] = request else { return };
        let Some((method, path)) = self.route(*what, body) else { return };
        let request = TestRequest::default().method(method).uri(&path);
        let request = self.declared(*media, request).set_payload(body.to_vec());
        let reply = self.stage.ask(request);
        self.signs.see_answer(*what, reply.status, &reply.body);
        if let Some(id) = reply.body.get("execution_id").filter(|_| path.contains("execute")) {
            self.leave();
            self.execution = id.as_str().and_then(|id| id.parse().ok());
        }
        if reply.status == 201 && path == "/workflows" {
            let id = reply.body["id"].as_str().expect("an id");
            self.stage.good(Method::DELETE, &format!("/workflows/{id}"), &json!({}));
            self.is_fresh &= id != WORKFLOW.to_string();
        }
    }

    /// What `what` asks for; nothing where it is no letter that is known.
    fn route(&mut self, what: u8, body: &[u8]) -> Option<(Method, String)> {
        self.is_fresh &= !b"ujsp".contains(&what);
        let workflow = format!("/workflows/{WORKFLOW}");
        let of_execution = |target: &mut Self, rest: &str| format!("/executions/{}/{rest}", target.execution());
        Some(match what {
            b'w' => (Method::POST, "/workflows".to_owned()),
            b'u' => (Method::PUT, workflow),
            b'j' => (Method::PATCH, workflow),
            b's' => (Method::POST, format!("{workflow}/steps")),
            b'p' => (Method::PATCH, format!("/steps/{}", self.first_step()?)),
            b'e' => (Method::POST, "/execute-async".to_owned()),
            b'E' => (Method::POST, "/execute".to_owned()),
            b'x' => (Method::POST, format!("{workflow}/execute-async")),
            b'X' => (Method::POST, format!("{workflow}/execute")),
            b'a' => (Method::PATCH, of_execution(self, "properties")),
            b'h' => (Method::POST, of_execution(self, "pause")),
            b'r' => (Method::POST, of_execution(self, "resume")),
            b'c' => (Method::POST, of_execution(self, "cancel")),
            b't' => (Method::POST, of_execution(self, "retry")),
            b'f' => (Method::POST, of_execution(self, "complete")),
            b'g' => (Method::POST, of_execution(self, "steps/a/progress")),
            b'd' => (Method::POST, of_execution(self, "steps/a/complete")),
            b'D' => (Method::POST, of_execution(self, "steps/plain/complete")),
            b'?' => (Method::GET, self.path(body)?),
            _ => return None,
        })
    }

    /// The path that the body holds; `{id}` stands for the execution.
    fn path(&mut self, body: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(body).ok()?;
        let text =
            if text.contains("{id}") { text.replace("{id}", &self.execution().to_string()) } else { text.to_owned() };
        // Those that ask the worker or wait for news are tested elsewhere.
        let asks_others =
            ["ws", "available", "ready", "admin", "docs", "monitor"].iter().any(|word| text.contains(word));
        uri(&text).filter(|_| !asks_others).map(|_| text)
    }

    fn declared(&self, media: u8, request: TestRequest) -> TestRequest {
        let json = (CONTENT_TYPE, "application/json");
        match media {
            b'0' => request,
            b'2' => request.insert_header((CONTENT_TYPE, "application/yaml")),
            b'3' => request.insert_header(json).insert_header((CONTENT_ENCODING, "gzip")),
            b'4' => request.insert_header(json).insert_header((CONTENT_ENCODING, "deflate")),
            b'5' => request.insert_header((CONTENT_TYPE, "text/plain")),
            b'6' => request.insert_header(json).insert_header(("Idempotency-Key", format!("key {}", self.inputs))),
            b'7' => request.insert_header(json).insert_header(("Discovery-Step-Token", "A".repeat(64))),
            b'8' => request.insert_header(json).insert_header((ACCEPT, "application/json, text/html;q=0.5")),
            _ => request.insert_header(json),
        }
    }

    fn execution(&mut self) -> Uuid {
        let stage = &self.stage;
        *self.execution.get_or_insert_with(|| {
            if !self.is_fresh {
                stage.put_workflow(WORKFLOW);
                self.is_fresh = true;
            }
            stage.start(WORKFLOW)
        })
    }

    fn first_step(&self) -> Option<String> {
        let reply = self.stage.ask(TestRequest::with_uri(&format!("/workflows/{WORKFLOW}/steps")));
        let steps = reply.body.as_array().or_else(|| reply.body["steps"].as_array())?;
        Some(steps.first()?["id"].as_str()?.to_owned())
    }

    /// Looks at what became of the execution, and ends it.
    fn leave(&mut self) {
        let Some(id) = self.execution.take() else { return };
        for rest in ["", "/status", "/events", "/steps", "/why", "/properties"] {
            let reply = self.stage.ask(TestRequest::with_uri(&format!("/executions/{id}{rest}")));
            assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
            self.signs.see_answer(rest, reply.status, &reply.body);
        }
        let cancel = TestRequest::with_uri(&format!("/executions/{id}/cancel")).method(Method::POST);
        assert!([200, 409].contains(&self.stage.ask(cancel).status));
    }
}
