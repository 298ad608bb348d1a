//! Definitions in YAML.

use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::TestRequest;
use serde_json::json;

use super::app::Stage;
use super::{Signs, Target};

/// Takes definitions; one that is taken must be the same when it is read and written again.
pub struct YamlDefinitions(Stage);

impl Target for YamlDefinitions {
    fn build() -> Self {
        Self(Stage::build())
    }

    fn take(&mut self, input: &[u8]) -> Signs {
        let mut signs = Signs::default();
        let request = TestRequest::with_uri("/workflows").method(Method::POST);
        let request = request.insert_header((CONTENT_TYPE, "application/yaml")).set_payload(input.to_vec());
        let created = self.0.ask(request);
        signs.see_answer("create", created.status, &created.body);
        for error in created.body["errors"].as_array().into_iter().flatten() {
            signs.see_sentence(error["detail"].as_str().expect("a sentence"));
        }
        if created.status >= 400 {
            return signs;
        }
        assert_eq!(created.status, 201);
        let path = format!("/workflows/{}", created.body["id"].as_str().expect("an id"));
        let read = self.0.ask(TestRequest::with_uri(&path)).body;
        assert_eq!(read, created.body);
        assert_eq!(self.0.good(Method::PUT, &path, &read), read, "it is the same when it is written again");
        self.0.good(Method::DELETE, &path, &json!({}));
        for step in read["steps"].as_array().into_iter().flatten() {
            signs.see_answer("step", created.status, step);
        }
        signs
    }
}
