//! `watch`, `start --watch` and `events --follow`.

use serde_json::{Value, json};

use crate::support::{Act, Discovery, Options};

fn progress(percentage: u32) -> Value {
    json!({"percentage": percentage, "message": format!("page {percentage}"), "estimated_remaining_seconds": 30})
}

#[actix_web::test]
async fn watching_ends_as_the_execution_does() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a", "b"]).await;
    let completed = discovery.cli(&["start", &workflow, "--watch"]).await;
    assert_eq!(completed.code, Some(0), "{completed:?}");
    for line in ["w started: 2 steps", "[1/2] a started", "[2/2] b done in ", "Completed in "] {
        assert!(completed.stdout.contains(line), "{line}: {completed:?}");
    }
    discovery.worker().on("b", Act::status(422, json!({"type": "NotAPdf", "detail": "No es un PDF."})));
    let failed = discovery.cli(&["start", &workflow, "--watch"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("Failed at 'b' (NotAPdf): No es un PDF."), "{failed:?}");
}

#[actix_web::test]
async fn an_execution_that_ended_long_ago_is_told_whole() {
    let discovery = Discovery::start().await;
    discovery.worker().on("b", Act::status(422, json!({"detail": "no"})));
    let status = discovery.run(["a", "b"], json!({})).await;
    let id = status["execution_id"].as_str().unwrap();
    discovery
        .http()
        .request("PATCH", &format!("/executions/{id}/properties"))
        .json(&json!({"custom_status": "x"}))
        .send()
        .await
        .expect(200);
    let told = discovery.cli(&["watch", id]).await;
    assert_eq!(told.code, Some(1), "what follows the end does not hide it: {told:?}");
    assert!(told.stdout.contains("[1/2] a done in ") && told.stdout.contains("Failed at 'b'"), "{told:?}");
}

#[actix_web::test]
async fn each_event_is_a_line_of_json_for_scripts() {
    let discovery = Discovery::start().await;
    discovery.worker().does("a", |delivery| async move {
        delivery.progress(progress(40)).await.expect(200);
        Act::answer(json!({"context": {"large": "x".repeat(20_000), "odd": "\u{1b}[2J"}}))
    });
    let workflow = discovery.workflow(["a"]).await;
    let done = discovery.cli(&["start", &workflow, "--watch", "--json"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let mut lines = done.json_lines();
    let id = lines.remove(0)["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(lines, discovery.events(&id).await);
    assert_eq!(discovery.cli(&["watch", &id, "--json"]).await.json_lines(), lines);
    assert_eq!(discovery.cli(&["events", &id, "--json"]).await.json_lines(), lines);
    assert_eq!(discovery.cli(&["events", &id, "--json", "--follow", "--after", "2"]).await.json_lines(), lines[2..]);
    let last = lines.len().to_string();
    let nothing = discovery.cli(&["events", &id, "--follow", "--after", &last]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""), "there is nothing to wait for");
}

#[actix_web::test]
async fn a_server_that_is_killed_and_comes_back_costs_no_event() {
    let mut discovery = Options::new().flag("--stop-timeout-seconds=0.3").start().await;
    let gate = discovery.worker().holds("b", Act::answer(json!({"context": {"b": 2}})));
    let workflow = discovery.workflow(["a", "b", "c"]).await;
    let watched = discovery.cli_running(&["start", &workflow, "--watch", "--json"]);
    let followed = {
        watched.until_says("\"execution_id\"").await;
        let started: Value = serde_json::from_str(watched.stdout().lines().next().unwrap()).unwrap();
        discovery.cli_running(&["events", started["execution_id"].as_str().unwrap(), "--follow"])
    };
    discovery.worker().until_called("b", 1).await;
    watched.until_says("\"step\":\"b\"").await;
    followed.until_says("step_started            b").await;
    for again in 2..=3 {
        // Once by a kill, once by an orderly stop.
        if again == 2 {
            discovery.kill();
        } else {
            discovery.stop().await;
        }
        for client in [&watched, &followed] {
            client.until_says_times("Connection lost", again - 1).await;
        }
        discovery.restart().await;
        discovery.worker().until_called("b", again).await;
        for client in [&watched, &followed] {
            client.until_says_times("Discovery answers again. Nothing was missed.", again - 1).await;
        }
    }
    gate.open();
    let (watched, followed) = (watched.until_done().await, followed.until_done().await);
    assert_eq!((watched.code, followed.code), (Some(0), Some(0)), "{watched:?}\n{followed:?}");
    let lines = watched.json_lines();
    let id = lines[0]["execution_id"].as_str().unwrap();
    assert_eq!(lines[1..], discovery.events(id).await, "each once, in order");
    assert_eq!(followed.stdout.lines().count(), lines.len() - 1);
}

#[actix_web::test]
async fn watching_is_given_up_when_patience_ends() {
    let mut discovery = Discovery::start().await;
    let _gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let watched = discovery.cli_running(&["start", &workflow, "--watch", "--reconnect-for", "0.5"]);
    discovery.worker().until_called("a", 1).await;
    watched.until_says("a started").await;
    discovery.kill();
    let done = watched.until_done().await;
    assert_eq!(done.code, Some(5), "{done:?}");
    assert!(done.stderr.contains("cannot be reached"), "{done:?}");
}

#[actix_web::test]
async fn ctrl_c_leaves_the_execution_alone_and_says_how_to_come_back() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let watched = discovery.cli_running(&["start", &workflow, "--watch"]);
    watched.until_says("[1/1] a started").await;
    watched.interrupt();
    let done = watched.until_done().await;
    assert_eq!(done.code, Some(130), "{done:?}");
    let id = discovery.get("/executions").await.expect(200)["executions"][0]["id"].as_str().unwrap().to_owned();
    assert!(done.stderr.contains(&format!("The execution goes on. To come back:\n  discovery watch {id}")), "{done:?}");
    assert_eq!(discovery.status(&id).await["status"], "running");
    gate.open();
    assert_eq!(discovery.cli(&["watch", &id]).await.code, Some(0));
}

#[actix_web::test]
async fn a_pause_ends_watching_only_where_that_was_asked_for() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a", "b"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let (patient, hasty) =
        (discovery.cli_running(&["watch", &id]), discovery.cli_running(&["watch", &id, "--exit-when-paused"]));
    discovery.post(&format!("/executions/{id}/pause"), json!({})).await.expect(200);
    gate.open();
    let hasty = hasty.until_done().await;
    assert_eq!(hasty.code, Some(4), "{hasty:?}");
    assert!(hasty.stdout.contains(&format!("/executions/{id}/resume")), "{hasty:?}");
    patient.until_says("Paused").await;
    discovery.post(&format!("/executions/{id}/resume"), json!({})).await.expect(200);
    let patient = patient.until_done().await;
    assert_eq!(patient.code, Some(0), "{patient:?}");
    assert!(patient.stdout.contains("Resumed"), "{patient:?}");
    let later = discovery.cli(&["watch", &id, "--exit-when-paused"]).await;
    assert_eq!(later.code, Some(0), "a pause that is over is none: {later:?}");
}

#[actix_web::test]
async fn in_manual_mode_it_is_told_how_to_go_on() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let watched = discovery.cli_running(&["start", &workflow, "--mode", "manual", "--watch"]);
    watched.until_says("/next\n").await;
    let hint = watched.stdout();
    let path =
        hint.split("curl -X POST ").nth(1).unwrap().trim().strip_prefix(discovery.http().url()).unwrap().to_owned();
    discovery.post(&path, json!({})).await.expect(200);
    assert_eq!(watched.until_done().await.code, Some(0));
}

#[actix_web::test]
async fn retries_and_waits_are_told() {
    let discovery = Discovery::start().await;
    let busy = || Act::status(503, json!({"detail": "busy"}));
    discovery.worker().in_turn("a", [busy(), Act::answer(json!({}))]);
    discovery.worker().on("b", Act::status(202, json!({})));
    let retry = json!({"max_attempts": 3, "initial_interval_seconds": 0.01});
    let workflow = discovery.workflow([json!({"name": "a", "retry": retry}), json!({"name": "b"})]).await;
    let watched = discovery.cli_running(&["start", &workflow, "--watch"]);
    watched.until_says("[2/2] b goes on elsewhere and waits for its callback").await;
    let stdout = watched.stdout();
    assert!(stdout.contains("[1/2] a failed (HttpStatus, attempt 1 of 3): busy; tried again in "), "{stdout}");
    assert!(stdout.contains("[1/2] a started, attempt 2 of 3"), "{stdout}");
    discovery.worker().until_called("b", 1).await[0].complete(json!({})).await.expect(200);
    assert_eq!(watched.until_done().await.code, Some(0));
}

#[actix_web::test]
async fn a_cancelled_execution_has_a_code_of_its_own_and_one_that_is_retried_goes_on() {
    let discovery = Discovery::start().await;
    let gate = discovery.worker().holds("a", Act::answer(json!({})));
    let workflow = discovery.workflow(["a"]).await;
    let id = discovery.begin(&workflow, json!({})).await;
    discovery.worker().until_called("a", 1).await;
    let watched = discovery.cli_running(&["watch", &id]);
    watched.until_says("a started").await;
    discovery.post(&format!("/executions/{id}/cancel"), json!({"reason": "by hand"})).await.expect(200);
    let done = watched.until_done().await;
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stdout.contains("Cancelled: by hand"), "{done:?}");
    assert_eq!(discovery.cli(&["watch", &id]).await.code, Some(3));
    discovery.post(&format!("/executions/{id}/retry"), json!({})).await.expect(200);
    gate.open();
    let again = discovery.cli(&["watch", &id]).await;
    assert_eq!(again.code, Some(0), "the end that was not the last one counts no more: {again:?}");
    assert!(again.stdout.contains("Resumed: retry"), "{again:?}");
}
