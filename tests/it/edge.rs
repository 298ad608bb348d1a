//! What holds for every call: paths, methods, bodies, origins.

use serde_json::{Value, json};

use crate::support::{Discovery, Options};

const NOBODY: &str = "123e4567-e89b-12d3-a456-426614174009";

#[actix_web::test]
async fn every_path_works_with_and_without_a_trailing_slash() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let execution = discovery.post("/execute/", json!({"workflow_id": workflow})).await.expect(200);
    let id = execution["id"].as_str().unwrap();
    for path in [
        "/workflows".to_owned(),
        format!("/workflows/{workflow}"),
        format!("/workflows/{workflow}/steps"),
        format!("/workflows/{workflow}/executions"),
        "/executions".to_owned(),
        format!("/executions/{id}"),
        format!("/executions/{id}/status"),
        format!("/executions/{id}/events"),
        "/health".to_owned(),
        "/ready".to_owned(),
        "/available-steps".to_owned(),
        "/openapi.json".to_owned(),
    ] {
        let (without, with) = (discovery.get(&path).await, discovery.get(&format!("{path}/")).await);
        assert_eq!((without.expect(200), with.status), (with.json(), 200), "{path}");
    }
    discovery.post("/workflows/", json!({"name": "x"})).await.expect(201);
}

#[actix_web::test]
async fn with_a_base_path_every_route_is_served_at_both_places() {
    let discovery = Options::new().variable("DISCOVERY_BASE_PATH", "/discovery").start().await;
    let created = discovery.post("/workflows", json!({"name": "w", "steps": [{"name": "a"}]})).await;
    let id = created.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), Some(format!("/discovery/workflows/{id}").as_str()));
    let below = discovery.get(&format!("/discovery/workflows/{id}")).await.expect(200);
    assert_eq!(below, discovery.get(&format!("/workflows/{id}/")).await.expect(200));
    let started = discovery.post("/discovery/execute-async", json!({"workflow_id": id})).await;
    let body = started.expect(200);
    let execution = body["execution_id"].as_str().unwrap();
    assert_eq!(started.header("location"), Some(format!("/discovery/executions/{execution}").as_str()));
    assert_eq!(body["tracking_url"], format!("/executions/{execution}/status"));
    assert_eq!(body["websocket_url"], format!("/ws/{execution}"));
    discovery.get(started.header("location").unwrap()).await.expect(200);
    let call = &discovery.worker().until_called("a", 1).await[0];
    let callback = call.header("discovery-callback-url");
    assert_eq!(callback, format!("{}/discovery/executions/{execution}/steps/a", discovery.http().url()));
    for path in ["/discovery", "/discovery/", "/discovery/health", "/"] {
        assert_eq!(discovery.get(path).await.expect(200)["service"], "discovery-api", "{path}");
    }
    let list = discovery.get("/discovery/executions?limit=1").await.expect(200);
    assert_eq!(list["links"]["self"], "/executions?limit=1");
    discovery.get("/discovery/nothing").await.problem(404);
    discovery.get("/discoveryworkflows").await.problem(404);
}

#[actix_web::test]
async fn what_is_not_there_is_a_problem_too() {
    let discovery = Discovery::start().await;
    discovery.get("/nothing").await.problem(404);
    discovery.get("/executions/").await.expect(200);
    let wrong = discovery.http().delete("/workflows").await;
    wrong.problem(405);
    assert!(wrong.header("allow").unwrap().contains("POST"), "{wrong}");
    discovery.http().request("PUT", "/execute").send().await.problem(405);
    for (method, path) in [
        ("GET", "/workflows/{id}"),
        ("PATCH", "/workflows/{id}"),
        ("DELETE", "/workflows/{id}"),
        ("GET", "/workflows/{id}/steps"),
        ("GET", "/workflows/{id}/executions"),
        ("POST", "/workflows/{id}/execute"),
        ("POST", "/workflows/{id}/execute-async"),
        ("GET", "/steps/{id}"),
        ("PATCH", "/steps/{id}"),
        ("GET", "/executions/{id}"),
        ("GET", "/executions/{id}/status"),
        ("GET", "/executions/{id}/steps"),
        ("GET", "/executions/{id}/events"),
        ("POST", "/executions/{id}/next"),
        ("POST", "/executions/{id}/continue"),
        ("POST", "/executions/{id}/steps/a/complete"),
    ] {
        let ask = async |id: &str| {
            let request = discovery.http().request(method, &path.replace("{id}", id));
            if method == "GET" { request.send().await } else { request.json(&json!({"name": "n"})).send().await }
        };
        ask(NOBODY).await.problem(404);
        let bad = ask("12345").await.problem(400);
        assert!(bad["detail"].as_str().unwrap().contains("UUID"), "{path}: {bad}");
    }
    let progress = discovery.post(&format!("/executions/{NOBODY}/steps/a/progress"), json!({"percentage": 1})).await;
    progress.problem(404);
    discovery.post("/execute-async", json!({"workflow_id": NOBODY})).await.problem(404);
    discovery.post("/execute", json!({"workflow_id": "x"})).await.problem(400);
    discovery.get(&format!("/executions/{NOBODY}/payloads/{}", "a".repeat(64))).await.problem(404);
}

#[actix_web::test]
async fn a_body_that_is_no_json_is_malformed() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let start = format!("/workflows/{workflow}/execute");
    let deep = format!("{{\"data\": {}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies: [(&str, &[u8]); 8] = [
        ("cut off", b"{\"data\": {"),
        ("a comma too many", b"{\"data\": {},}"),
        ("invalid UTF-8", b"{\"data\": {\"a\": \"\xff\xfe\"}}"),
        ("half a surrogate pair", b"{\"data\": {\"a\": \"\\ud800\"}}"),
        ("a number beyond all", b"{\"data\": {\"a\": 1e999}}"),
        ("not a number", b"{\"data\": {\"a\": NaN}}"),
        ("something behind", b"{} {}"),
        ("too deep", deep.as_bytes()),
    ];
    for path in [start.as_str(), "/execute-async", "/workflows"] {
        for (what, body) in bodies {
            let request = discovery.http().request("POST", path).header("content-type", "application/json");
            let reply = request.body(body.to_vec()).send().await;
            assert!([400, 422].contains(&reply.status), "{path}, {what}: {reply}");
            reply.problem(reply.status);
        }
    }
    assert_eq!(discovery.get("/executions").await.expect(200)["pagination"]["total"], 0);
}

#[actix_web::test]
async fn odd_json_goes_through_whole() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let body = r#"{"data": {"nul": "a\u0000b", "big": 12345678901234567890, "small": -9223372036854775808,
        "real": 1.7976931348623157e308, "tiny": 5e-324, "emoji": "\ud83d\ude00", "": "empty key", "null": null,
        "long": 0.30000000000000004, "twice": 1, "twice": 2}}"#;
    let request = discovery.http().request("POST", &format!("/workflows/{workflow}/execute"));
    let context =
        request.header("content-type", "application/json").body(body).send().await.expect(200)["context"].take();
    let seen = discovery.worker().deliveries_of("a")[0].context().clone();
    assert_eq!(context, seen);
    let expected = json!({"nul": "a\u{0}b", "big": 12_345_678_901_234_567_890_u64, "small": i64::MIN, "real": f64::MAX,
        "tiny": 5e-324, "emoji": "😀", "": "empty key", "null": null, "long": 0.1 + 0.2, "twice": 2});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!((&context[key], &context["dynamic_properties"][key]), (value, value), "{key}");
    }
}

#[actix_web::test]
async fn a_body_of_another_kind_is_415_and_of_no_kind_json() {
    let discovery = Discovery::start().await;
    let post = async |path: &str, kind: &str, body: &'static str| {
        discovery.http().request("POST", path).header("content-type", kind).body(body).send().await
    };
    post("/workflows", "text/plain", "{\"name\": \"w\"}").await.problem(415);
    post("/workflows", "application/x-www-form-urlencoded", "name=w").await.problem(415);
    post("/execute", "application/yaml", "a: 1").await.problem(415);
    post("/workflows", "application/json; charset=utf-8", "{\"name\": \"w\"}").await.expect(201);
    let nameless = discovery.http().request("POST", "/workflows").body("{\"name\": \"v\"}").send().await;
    nameless.expect(201);
}

#[actix_web::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let discovery = Options::new().variable("DISCOVERY_MAX_BODY_BYTES", "100000").start().await;
    let workflow = discovery.workflow(["a"]).await;
    let start = format!("/workflows/{workflow}/execute-async");
    let body = |length: usize| format!("{{\"data\": {{\"a\": \"{}\"}}}}", "x".repeat(length - 19));
    for (length, status) in [(100_000, 200), (100_001, 413), (1_000_000, 413)] {
        assert_eq!(body(length).len(), length);
        let request = || discovery.http().request("POST", &start).header("content-type", "application/json");
        let (announced, chunked) =
            (request().body(body(length)).send().await, request().body(body(length)).send_chunked().await);
        assert_eq!((announced.status, chunked.status), (status, status), "{length}");
        if status == 413 {
            announced.problem(413);
            chunked.problem(413);
        }
    }
    assert_eq!(discovery.get("/executions").await.expect(200)["pagination"]["total"], 2);
}

#[actix_web::test]
async fn any_origin_may_read_unless_some_are_listed() {
    let discovery = Discovery::start().await;
    let allowed = async |discovery: &Discovery, origin: &str, path: &str| {
        let reply = discovery.http().request("GET", path).header("origin", origin).send().await;
        reply.header("access-control-allow-origin").map(str::to_owned)
    };
    for origin in ["https://a.example", "null"] {
        for path in ["/workflows", "/nothing", "/executions/1"] {
            let found = allowed(&discovery, origin, path).await.unwrap();
            assert!(found == "*" || found == origin, "{origin} {path}: {found}");
        }
    }
    let preflight = discovery.http().request("OPTIONS", "/workflows/1").header("origin", "null");
    let preflight = preflight.header("access-control-request-method", "PATCH");
    let reply = preflight.header("access-control-request-headers", "content-type,idempotency-key").send().await;
    assert!(reply.status < 300, "{reply}");
    assert!(reply.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let headers = reply.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
    assert!(headers.contains("idempotency-key"), "{headers}");

    let listed = "https://a.example,https://b.example";
    let discovery = Options::new().variable("DISCOVERY_CORS_ORIGINS", listed).start().await;
    assert_eq!(allowed(&discovery, "https://b.example", "/workflows").await.as_deref(), Some("https://b.example"));
    for stranger in ["https://c.example", "null"] {
        assert_eq!(allowed(&discovery, stranger, "/workflows").await, None);
    }
    let workflow = discovery.http().request("POST", "/workflows").header("origin", "https://a.example");
    assert_eq!(workflow.json(&json!({"name": "w"})).send().await.status, 201);
}

#[actix_web::test]
async fn the_service_describes_itself() {
    let discovery = Discovery::start().await;
    let home = json!({"status": "healthy", "service": "discovery-api"});
    assert_eq!(discovery.get("/").await.expect(200), home);
    discovery.get("/health").await.expect(200);
    discovery.get("/ready").await.expect(200);
    let described = discovery.get("/openapi.json").await.expect(200);
    assert!(described["openapi"].as_str().unwrap().starts_with("3."));
    let paths = described["paths"].as_object().unwrap();
    for path in
        ["/workflows/{id}", "/execute-async", "/executions/{id}/status", "/executions/{id}/steps/{step}/progress"]
    {
        assert!(paths.contains_key(path), "{path}");
    }
}

#[actix_web::test]
async fn the_documentation_is_a_page_that_needs_nothing_from_elsewhere() {
    let discovery = Options::new().variable("DISCOVERY_BASE_PATH", "/discovery").start().await;
    for path in ["/docs", "/docs/", "/discovery/docs"] {
        let page = discovery.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page}");
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let text = page.text();
        let places = text.split('"').filter(|text| text.starts_with('/')).collect::<Vec<_>>();
        assert_eq!(places.len(), 5, "{places:?}");
        for place in places {
            assert!(place.starts_with("/discovery/"), "{place}");
            assert_eq!(discovery.get(place).await.status, 200, "{place}");
        }
    }
    assert_eq!(discovery.get("/openapi.json").await.expect(200)["servers"][0]["url"], "/discovery");
    let head = discovery.http().request("HEAD", "/docs").send().await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    let squeezed = discovery.http().request("GET", "/docs/swagger-ui-bundle.js").header("accept-encoding", "gzip");
    assert_eq!(squeezed.send().await.header("content-encoding"), Some("gzip"));
    discovery.get("/docs/nothing").await.problem(404);
}

#[actix_web::test]
async fn a_server_without_a_worker_is_ready_and_says_what_is_missing() {
    let discovery = Discovery::start().await;
    discovery.worker().go_away();
    let ready = discovery.get("/ready").await.expect(200);
    assert_ne!(ready, Value::Null);
    let missing = discovery.get("/available-steps").await.problem(502);
    assert!(missing["detail"].as_str().unwrap().contains("Pioneer"), "{missing}");
}

#[actix_web::test]
async fn what_a_worker_s_url_keeps_secret_is_shown_nowhere() {
    let discovery = Options::new().flag("--pioneer-url=http://ana:clave@127.0.0.1:1/pioneer").start().await;
    for path in ["/ready", "/available-steps", "/admin/stats"] {
        let shown = discovery.get(path).await.text();
        assert!(shown.contains("http://127.0.0.1:1/pioneer") && !shown.contains("clave"), "{path}: {shown}");
    }
}
