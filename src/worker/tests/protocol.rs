//! What a service answers.

use std::time::Duration;

use super::*;

fn pioneer() -> Pioneer {
    Pioneer::new("test-service").step("mirror", "shows what it gets", mirror).unwrap()
}

#[actix_web::test]
async fn a_step_gets_what_the_call_carries_and_its_answer_goes_back() {
    let running = start(pioneer());
    let request = post(&running, "mirror")
        .insert_header(("Idempotency-Key", "e1/s1/1/2"))
        .insert_header(("Discovery-Execution-Id", "e1"))
        .insert_header(("Discovery-Attempt", "2"));
    let (status, answer) = call(request, json!({"name": "Ñandú"})).await;
    assert_eq!(status, 200);
    let seen = json!({
        "step": "mirror", "context": {"name": "Ñandú"}, "config": {"limit": 3}, "attempt": 2,
        "execution_id": "e1", "idempotency_key": "e1/s1/1/2",
    });
    assert_eq!(answer, json!({"context": seen, "next": null}));
}

#[actix_web::test]
async fn a_call_without_discoverys_headers_is_served_too() {
    let running = start(pioneer());
    let mut response = post(&running, "mirror").send_json(&json!({"step": "mirror"})).await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["context"]["attempt"], 1);
    assert_eq!(answer["context"]["context"], json!({}));
}

#[actix_web::test]
async fn next_goes_out_with_the_answer() {
    let decide = |_| async { Ok(Answer::empty().next("reject_user")) };
    let running = start(Pioneer::new("p").step("decide", "", decide).unwrap());
    let answer = call(post(&running, "decide"), json!({})).await;
    assert_eq!(answer, (200, json!({"context": {}, "next": "reject_user"})));
}

#[actix_web::test]
async fn names_with_accents_and_spaces_are_served_with_and_without_a_trailing_slash() {
    let running = start(Pioneer::new("p").step("Validación Usuario", "", mirror).unwrap());
    for path in ["Validaci%C3%B3n%20Usuario", "Validaci%C3%B3n%20Usuario/"] {
        let (status, answer) = call(post(&running, path), json!({})).await;
        assert_eq!((status, &answer["context"]["step"]), (200, &json!("Validación Usuario")));
    }
}

#[actix_web::test]
async fn an_unknown_handler_is_a_404_that_names_those_it_has() {
    let running = start(pioneer());
    let mut response = post(&running, "nobody").send_json(&json!({"context": {}})).await.unwrap();
    assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["type"]), (&json!(404), &json!("UnknownHandler")));
    assert!(problem["detail"].as_str().unwrap().contains("mirror"), "{problem}");
}

#[actix_web::test]
async fn the_steps_are_listed_and_the_service_is_healthy() {
    let running = start(pioneer().documented_step("b", "short", "long", mirror).unwrap());
    for path in ["/steps", "/steps/"] {
        let listed = json!({"service": "test-service", "total_count": 2, "available_steps": [
            {"name": "b", "description": "short", "full_doc": "long"},
            {"name": "mirror", "description": "shows what it gets", "full_doc": "shows what it gets"},
        ]});
        assert_eq!(get(&running, path).await, (200, listed));
    }
    let healthy = json!({"status": "healthy", "service": "test-service"});
    assert_eq!(get(&running, "/health").await, (200, healthy));
    assert_eq!(get(&running, "/elsewhere").await.0, 404);
}

#[actix_web::test]
async fn a_failure_is_a_problem_with_type_and_detail() {
    let fail = |_| async {
        let wait = Duration::from_secs(7);
        Err::<Answer, _>(StepFailure::temporary("ScannerBusy", "The scanner is busy.").retry_after(wait))
    };
    let running = start(Pioneer::new("p").step("fail", "", fail).unwrap());
    let mut response = post(&running, "fail").send_json(&json!({})).await.unwrap();
    assert_eq!(response.headers().get("retry-after").unwrap(), "7");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(
        problem,
        json!({"type": "ScannerBusy", "title": "Service Unavailable", "status": 503, "detail": "The scanner is busy."})
    );
}

#[actix_web::test]
async fn a_panic_is_a_500_and_the_service_lives_on() {
    async fn explode(_: StepCall) -> Result<Answer, StepFailure> {
        panic!("boom {}", 1)
    }
    let at_once = |_| -> std::future::Ready<Result<Answer, StepFailure>> { panic!("even before it began") };
    let pioneer = pioneer().step("explode", "", explode).unwrap().step("at_once", "", at_once).unwrap();
    let running = start(pioneer);
    for (step, message) in [("explode", "boom 1"), ("at_once", "even before it began")] {
        for callback in [None, Some("http://127.0.0.1:1/executions/e1/steps/explode")] {
            let mut request = post(&running, step);
            if let Some(url) = callback {
                request = request.insert_header(("Discovery-Callback-Url", url));
            }
            let (status, problem) = call(request, json!({})).await;
            assert_eq!((status, &problem["type"]), (500, &json!("StepPanicked")));
            assert!(problem["detail"].as_str().unwrap().contains(message), "{problem}");
        }
    }
    assert_eq!(call(post(&running, "mirror"), json!({})).await.0, 200);
}

#[actix_web::test]
async fn bodies_that_are_malformed_or_too_large_are_refused() {
    let running = start(pioneer().body_bytes_max(1_000));
    for body in ["", "{", "[]", "\"text\"", r#"{"context": []}"#, r#"{"config": 3}"#] {
        let mut response = post(&running, "mirror").send_body(body).await.unwrap();
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["type"]), (&json!(400), &json!("MalformedBody")), "{body:?}");
    }
    let (status, problem) = call(post(&running, "mirror"), json!({"base64": "A".repeat(1_000)})).await;
    assert_eq!((status, &problem["type"]), (413, &json!("BodyTooLarge")));
}

#[actix_web::test]
async fn a_document_of_many_megabytes_comes_through() {
    let size = |call: StepCall| async move {
        let bytes = call.context.get("base64").and_then(Value::as_str).map(str::len);
        Ok(Answer::context(object(json!({"bytes": bytes}))))
    };
    let running = start(Pioneer::new("p").step("size", "", size).unwrap());
    let (status, answer) = call(post(&running, "size"), json!({"base64": "A".repeat(20_000_000)})).await;
    assert_eq!((status, &answer["context"]["bytes"]), (200, &json!(20_000_000)));
}

#[actix_web::test]
async fn a_stopped_service_is_gone() {
    let running = start(pioneer());
    let url = format!("{}/health", running.url());
    assert!(client().get(&url).send().await.is_ok());
    running.stop().await.unwrap();
    assert!(client().get(&url).send().await.is_err());
}
