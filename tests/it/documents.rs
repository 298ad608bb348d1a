//! Long strings: whole for the worker, once in the database, a reference everywhere else.

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Act, Discovery, Options};

/// Text that looks like base64 and differs all along, so that a copy is found by any part of it.
fn document(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 10);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&format!("{number:x}+"));
    }
    text.truncate(bytes);
    text
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn reference(execution: &str, text: &str) -> Value {
    let hash = sha256(text);
    let url = format!("/executions/{execution}/payloads/{hash}");
    json!({"$payload": {"sha256": hash, "bytes": text.len(), "url": url}})
}

/// How many cells of the database, in any table, hold `part`.
fn cells_with(discovery: &Discovery, part: &str) -> i64 {
    let database = Connection::open(discovery.database()).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = 0;
    for table in tables {
        let mut columns = database.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
        let columns: Vec<String> = columns.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for column in columns {
            let count = format!(
                "SELECT count(*) FROM \"{table}\" WHERE instr(CAST(\"{column}\" AS BLOB), CAST(?1 AS BLOB)) > 0"
            );
            found += database.query_row(&count, [part], |row| row.get::<_, i64>(0)).unwrap();
        }
    }
    found
}

#[actix_web::test]
async fn a_document_of_5_mb_goes_through_whole_and_is_kept_once() {
    let discovery = Options::new().on_sqlite().start().await;
    let text = document(5 * 1024 * 1024);
    let echo = |call: crate::support::Delivery| async move {
        Act::answer(json!({"context": {"copy": call.context()["pdf"]}}))
    };
    discovery.worker().does("a", echo);
    let workflow = discovery.workflow(["a", "b"]).await;
    let data = json!({"pdf": text, "other": {"deep": [text]}, "small": "s", "dynamic_properties": {"mine": text}});
    let id = discovery.begin(&workflow, data).await;
    let status = discovery.until_ended(&id).await;
    assert_eq!(status["status"], "completed", "{status}");

    let calls = (&discovery.worker().deliveries_of("a")[0], &discovery.worker().deliveries_of("b")[0]);
    assert!(calls.0.context()["pdf"] == text && calls.0.context()["other"]["deep"][0] == text);
    assert!(calls.1.context()["copy"] == text, "the copy goes on in full, too");
    let dynamic = &calls.0.context()["dynamic_properties"];
    assert!(dynamic.get("pdf").is_none() && dynamic.get("other").is_none(), "a document is not repeated");
    assert!(dynamic["small"] == "s" && dynamic["mine"] == text);

    let shown = reference(&id, &text);
    let context = json!({"execution_id": id, "pdf": shown, "other": {"deep": [shown]}, "small": "s", "copy": shown,
        "dynamic_properties": {"small": "s", "mine": shown}});
    assert_eq!(status["context"], context);
    assert_eq!(discovery.event(&id, "workflow_completed").await["final_context"], context);
    assert_eq!(discovery.event(&id, "step_finished").await["context"], json!({"copy": shown}));
    assert_eq!(discovery.get("/executions").await.expect(200)["executions"][0]["context"], context);
    let steps = discovery.get(&format!("/executions/{id}/steps")).await.expect(200);
    assert_eq!(steps[0]["output_payload"]["context"]["copy"], shown);

    let part = &text[4_000_000..4_000_100];
    assert_eq!(cells_with(&discovery, part), 1, "the text is in the database once");
    assert_eq!(cells_with(&discovery, &text[100..200]), 1);
    let again = discovery.begin(&workflow, json!({"pdf": text})).await;
    discovery.until_ended(&again).await;
    assert_eq!(cells_with(&discovery, part), 1, "for all executions");
}

#[actix_web::test]
async fn a_reference_leads_to_its_text_and_to_nobody_elses() {
    let discovery = Discovery::start().await;
    let text = format!("ñ{}", document(20_000));
    let workflow = discovery.workflow(["a"]).await;
    let (mine, other) =
        (discovery.begin(&workflow, json!({"pdf": text})).await, discovery.begin(&workflow, json!({})).await);
    let status = discovery.until_ended(&mine).await;
    let url = status["context"]["pdf"]["$payload"]["url"].as_str().unwrap().to_owned();
    let payload = discovery.get(&url).await;
    assert_eq!((payload.status, payload.text() == text), (200, true));
    assert_eq!(payload.header("content-type"), Some("text/plain; charset=utf-8"));
    discovery.get(&url.replace(&mine, &other)).await.problem(404);
    discovery.get(&format!("/executions/{mine}/payloads/nonsense")).await.problem(404);
    discovery.get(&url.replace(&mine, "nonsense")).await.problem(400);
}

#[actix_web::test]
async fn any_read_puts_the_strings_back_when_asked() {
    let discovery = Discovery::start().await;
    let text = document(20_000);
    let workflow = discovery.workflow(["a"]).await;
    let id = discovery.begin(&workflow, json!({"pdf": text})).await;
    discovery.until_ended(&id).await;
    for (path, place) in [
        (format!("/executions/{id}"), "/context/pdf"),
        (format!("/executions/{id}/status"), "/context/pdf"),
        (format!("/executions/{id}/steps"), "/0/input_payload/pdf"),
        (format!("/executions/{id}/events?after=0"), "/3/final_context/pdf"),
        ("/executions?limit=3".to_owned(), "/executions/0/context/pdf"),
        (format!("/workflows/{workflow}/executions?limit=3"), "/executions/0/context/pdf"),
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let inline = discovery.get(&format!("{path}{sign}payloads=inline")).await.expect(200);
        assert_eq!(inline.pointer(place), Some(&json!(text)), "{path}");
        let short = discovery.get(&path).await.expect(200);
        assert_eq!(short.pointer(place), Some(&reference(&id, &text)), "{path}");
    }
    discovery.get(&format!("/executions/{id}?payloads=all")).await.problem(400);
}

#[actix_web::test]
async fn only_what_is_longer_than_16_kib_is_kept_apart() {
    let discovery = Discovery::start().await;
    let (long, longest) = (document(16 * 1024 + 1), document(16 * 1024));
    let status = discovery.run(["a"], json!({"long": long, "longest": longest})).await;
    assert!(status["context"]["long"]["$payload"].is_object());
    assert_eq!(status["context"]["longest"], longest);
    assert_eq!(status["context"]["dynamic_properties"], json!({"longest": longest}));
}

#[actix_web::test]
async fn long_strings_of_reports_are_kept_once_too_wherever_they_are() {
    let discovery = Options::new().on_sqlite().start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let call = &discovery.worker().until_called("a", 1).await[0];
    let text = document(30_000);
    let shown = reference(&id, &text);
    let report = json!({"percentage": 5, "message": text, "current_task": text, "custom_data": {"page": [text]}});
    let recorded = call.progress(report.clone()).await.expect(200)["progress_recorded"].clone();
    let expected = json!({"percentage": 5, "message": shown, "current_task": shown, "custom_data": {"page": [shown]}});
    assert_eq!(recorded, expected);
    assert_eq!(discovery.event(&id, "step_progress").await["progress"], expected);
    assert_eq!(discovery.status(&id).await["steps_history"][0]["progress"], expected);
    let inline = discovery.get(&format!("/executions/{id}/status?payloads=inline")).await.expect(200);
    assert_eq!(inline["steps_history"][0]["progress"], report);
    call.complete(json!({"message": text, "data": {"d": text}, "more": text})).await.expect(200);
    let result = discovery.event(&id, "step_completed").await["result"].clone();
    assert_eq!(result, json!({"success": true, "message": shown, "data": {"d": shown, "more": shown}}));
    gate.open();
    discovery.until_ended(&id).await;
    assert_eq!(cells_with(&discovery, &text[20_000..20_100]), 1);
}

#[actix_web::test]
async fn nobody_may_write_a_reference() {
    let discovery = Discovery::start().await;
    let text = document(20_000);
    let mine = discovery.run(["a"], json!({"pdf": text})).await;
    discovery.worker().answers("thief", json!({"context": {"got": mine["context"]["pdf"]}}));
    let robbed = discovery.run(["thief"], json!({})).await;
    assert_eq!((&robbed["status"], &robbed["error"]["type"]), (&json!("failed"), &json!("InvalidAnswer")));
    let gate = discovery.worker().holds("b", Act::answer(json!({})));
    let workflow = discovery.workflow(["b"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    let call = &discovery.worker().until_called("b", 1).await[0];
    let reference = &mine["context"]["pdf"];
    let progress = call.progress(json!({"percentage": 1, "custom_data": [reference]})).await;
    assert_eq!(progress.pointers(), ["/custom_data/0/$payload"]);
    assert_eq!(call.progress(json!({"percentage": 1, "message": reference})).await.pointers(), ["/message/$payload"]);
    assert_eq!(call.complete(json!({"context": {"x": reference}})).await.pointers(), ["/context/x/$payload"]);
    assert_eq!(discovery.event_names(&id).await, ["workflow_started", "step_started"]);
    gate.open();
}
