//! `ls`, `status`, and completions.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

#[actix_web::test]
async fn executions_are_listed_newest_first_and_filtered() {
    let discovery = Discovery::start().await;
    assert!(discovery.cli(&["ls"]).await.stdout.contains("There is no execution yet."));
    discovery.worker().on("bad", Act::status(400, json!({"detail": "no"})));
    let good = discovery.define(json!({"name": "Buena", "steps": [{"name": "a"}]})).await;
    let bad = discovery.define(json!({"name": "Mala", "steps": [{"name": "bad"}]})).await;
    let mut started = Vec::new();
    for workflow in [&good, &bad, &good] {
        let id = discovery.begin(workflow, json!({})).await;
        discovery.until_ended(&id).await;
        started.push(id);
    }
    let listed = async |arguments: &[&str]| {
        let done = discovery.cli(&[&["ls", "--json"], arguments].concat()).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let executions: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
        executions.iter().map(|execution| execution["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let [first, second, third] = &started[..] else { panic!() };
    assert_eq!(listed(&[]).await, [third, second, first].map(Clone::clone));
    assert_eq!(listed(&["--status", "failed"]).await, std::slice::from_ref(second));
    assert_eq!(listed(&["--workflow", "Buena"]).await, [third.clone(), first.clone()]);
    assert_eq!(listed(&["--workflow", &good, "--limit", "1"]).await, std::slice::from_ref(third));
    let table = discovery.cli(&["ls", "--limit", "2"]).await.stdout;
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[1].contains(third) && rows[1].contains("completed") && rows[1].contains("Buena"), "{table}");
    assert!(rows[2].contains(second) && rows[2].contains("failed") && rows[2].contains("Mala"), "{table}");
    assert!(table.contains("2 of 3; --limit shows more."), "{table}");
}

#[actix_web::test]
async fn a_list_longer_than_a_page_is_put_together() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    for _ in 0..120 {
        discovery.begin(&workflow, json!({})).await;
    }
    let done = discovery.cli(&["ls", "--json", "--limit", "110"]).await;
    let executions: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    let ids: std::collections::HashSet<_> = executions.iter().map(|execution| execution["id"].to_string()).collect();
    assert_eq!((executions.len(), ids.len()), (110, 110));
}

#[actix_web::test]
async fn a_status_is_told_for_people_and_given_whole_to_scripts() {
    let discovery = Discovery::start().await;
    discovery.worker().on("b", Act::status(422, json!({"type": "NotAPdf", "detail": "No es un PDF."})));
    let status = discovery.run(["a", "b"], json!({})).await;
    let id = status["execution_id"].as_str().unwrap();
    let told = discovery.cli(&["status", id]).await;
    assert_eq!(told.code, Some(0), "that the execution failed is no failure of the question: {told:?}");
    for words in ["w, version 1", "Status     failed", "Error      NotAPdf: No es un PDF.", "1 of 2 steps"] {
        assert!(told.stdout.contains(words), "{words}: {told:?}");
    }
    assert_eq!(discovery.cli(&["status", id, "--json"]).await.json_lines(), [status]);
}

#[actix_web::test]
async fn three_shells_can_complete_the_commands() {
    let discovery = Discovery::start().await;
    for shell in ["bash", "zsh", "fish"] {
        let done = discovery.cli(&["completions", shell]).await;
        assert!(done.code == Some(0) && done.stdout.contains("exit-when-paused"), "{shell}: {done:?}");
    }
}
