//! What cannot be done is told with what to do, and by a code of its own.

use crate::support::{Discovery, run_at};

const NOBODY: &str = "0198c2f0-0000-7000-8000-000000000001";

#[actix_web::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for arguments in
        [vec!["ls"], vec!["start", "w"], vec!["watch", NOBODY], vec!["status", NOBODY], vec!["events", NOBODY]]
    {
        let done = run_at(&url, &arguments, "").await;
        assert_eq!(done.code, Some(5), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(&format!("Discovery at {url} cannot be reached")), "{done:?}");
        assert!(done.stderr.contains("discovery serve") && done.stderr.contains("--url"), "{done:?}");
    }
    let other = run_at(&url, &["ls", "--url", "ftp://h"], "").await;
    assert_eq!(other.code, Some(2), "{other:?}");
}

#[actix_web::test]
async fn an_unknown_id_says_where_to_look() {
    let discovery = Discovery::start().await;
    for command in [vec!["watch"], vec!["status"], vec!["events"], vec!["events", "--follow"]] {
        let unknown = discovery.cli(&[&command[..], &[NOBODY]].concat()).await;
        assert_eq!(unknown.code, Some(6), "{unknown:?}");
        let expected = format!("There is no execution '{NOBODY}'. `discovery ls` shows those there are.");
        assert!(unknown.stderr.contains(&expected), "{unknown:?}");
        let odd = discovery.cli(&[&command[..], &["a b/../c"]].concat()).await;
        assert!(odd.code == Some(6) && odd.stderr.contains("is no id of an execution"), "{odd:?}");
    }
}

#[actix_web::test]
async fn an_unknown_workflow_is_answered_with_those_there_are() {
    let discovery = Discovery::start().await;
    let none = discovery.cli(&["start", "Nada"]).await;
    assert!(none.code == Some(6) && none.stderr.contains("discovery apply FILE"), "{none:?}");
    let id = discovery.workflow(["a"]).await;
    for wanted in ["Nada", NOBODY] {
        let unknown = discovery.cli(&["start", wanted]).await;
        assert_eq!(unknown.code, Some(6), "{unknown:?}");
        assert!(
            unknown.stderr.contains(&format!("There is no workflow '{wanted}'. There are:\n  {id}  w")),
            "{unknown:?}"
        );
    }
}

#[actix_web::test]
async fn data_that_is_no_json_starts_nothing() {
    let discovery = Discovery::start().await;
    discovery.workflow(["a"]).await;
    for (data, words) in [
        ("{\"a\": tru}", "--data is no JSON: line 1, column 10"),
        ("[1]", "must be a JSON object"),
        ("@no/such/file", "the file no/such/file cannot be read"),
    ] {
        let refused = discovery.cli(&["start", "w", "--data", data]).await;
        assert!(refused.code == Some(2) && refused.stderr.contains(words), "{refused:?}");
    }
    let missing = discovery.cli(&["start", "w", "--file", "no/such.pdf"]).await;
    assert!(missing.code == Some(2) && missing.stderr.contains("no/such.pdf cannot be read"), "{missing:?}");
    let reserved = discovery.cli(&["start", "w", "--data", r#"{"$payload": 1}"#]).await;
    assert_eq!(reserved.code, Some(6), "{reserved:?}");
    assert!(discovery.cli(&["ls"]).await.stdout.contains("There is no execution yet."));
}

#[actix_web::test]
async fn help_tells_every_exit_code() {
    let discovery = Discovery::start().await;
    for command in ["start", "watch", "ls", "status", "events"] {
        let help = discovery.cli(&[command, "--help"]).await;
        assert!(help.stdout.contains("Exit codes:") && help.stdout.contains("  130  interrupted"), "{help:?}");
    }
    assert_eq!(discovery.cli(&["watch"]).await.code, Some(2));
}
