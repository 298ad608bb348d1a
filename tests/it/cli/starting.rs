//! `start`: which workflow, which data.

use serde_json::json;

use crate::support::{Discovery, run_at};

#[actix_web::test]
async fn a_workflow_is_named_by_its_id_or_its_name() {
    let discovery = Discovery::start().await;
    let id = discovery.define(json!({"name": "Alta de Cliente", "steps": [{"name": "a"}]})).await;
    for wanted in [&id, "Alta de Cliente", "alta de cliente"] {
        let started = discovery.cli(&["start", wanted]).await;
        assert_eq!(started.code, Some(0), "{started:?}");
        assert!(started.stdout.starts_with("Started Alta de Cliente, execution "), "{started:?}");
        assert!(started.stdout.contains("discovery watch "), "{started:?}");
    }
    let other = discovery.define(json!({"name": "Alta de Cliente", "steps": [{"name": "a"}]})).await;
    let several = discovery.cli(&["start", "Alta de Cliente"]).await;
    assert_eq!(several.code, Some(6), "{several:?}");
    assert!(several.stderr.contains(&id) && several.stderr.contains(&other), "{several:?}");
    assert_eq!(discovery.cli(&["start", &other]).await.code, Some(0));
}

#[actix_web::test]
async fn data_comes_from_the_command_line_a_file_or_stdin() {
    let discovery = Discovery::start().await;
    discovery.workflow(["a"]).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (data, document) = (file("data.json", r#"{"x": 2}"#), file("año.pdf", "%PDF-1.4"));
    let url = discovery.http().url().to_owned();
    for (x, arguments, stdin) in [
        (1, vec!["start", "w", "--json", "--data", r#"{"x": 1}"#], ""),
        (2, vec!["start", "w", "--json", "--data", &format!("@{data}")], ""),
        (3, vec!["start", "w", "--json", "--data", "-"], r#"{"x": 3}"#),
    ] {
        let started = run_at(&url, &[&arguments[..], &["--file", &document]].concat(), stdin).await;
        let answer = started.json_lines().remove(0);
        let status = discovery.until_ended(answer["execution_id"].as_str().unwrap()).await;
        let context = &status["context"];
        assert_eq!((&context["x"], &context["nombre_documento"]), (&json!(x), &json!("año.pdf")), "{started:?}");
        assert_eq!((&context["base64"], &context["mime"]), (&json!("JVBERi0xLjQ="), &json!("application/pdf")));
    }
}

#[actix_web::test]
async fn the_mode_is_passed_on() {
    let discovery = Discovery::start().await;
    discovery.workflow(["a"]).await;
    let started = discovery.cli(&["start", "w", "--mode", "manual", "--json"]).await.json_lines().remove(0);
    let status = discovery.status(started["execution_id"].as_str().unwrap()).await;
    assert_eq!((&status["mode"], &status["waiting_for"]), (&json!("manual"), &json!("next")));
}
