//! Lists of executions: filtered, newest first, a page at a time.

use serde_json::{Value, json};

use crate::support::{Act, Discovery};

fn ids(list: &Value) -> Vec<String> {
    list["executions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// All ids, by way of the `next` links from `path` on.
async fn walk(discovery: &Discovery, path: &str) -> Vec<String> {
    let (mut seen, mut path) = (Vec::new(), path.to_owned());
    loop {
        let list = discovery.get(&path).await.expect(200);
        assert_eq!(list["links"]["self"].as_str().unwrap(), path, "{list}");
        assert_eq!(list["pagination"]["offset"], seen.len());
        seen.extend(ids(&list));
        match list["links"]["next"].as_str() {
            Some(next) => {
                assert_eq!(list["pagination"]["has_more"], true);
                next.clone_into(&mut path);
            }
            None => {
                assert_eq!(list["pagination"]["has_more"], false);
                return seen;
            }
        }
    }
}

#[actix_web::test]
async fn pages_follow_one_another_without_repeats_or_holes() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let mut started = Vec::new();
    for _ in 0..25 {
        started.push(discovery.begin(&workflow, json!({})).await);
    }
    for id in &started {
        discovery.until_ended(id).await;
    }
    started.reverse();
    assert_eq!(walk(&discovery, "/executions?limit=4").await, started, "newest first");
    assert_eq!(walk(&discovery, &format!("/workflows/{workflow}/executions?limit=7")).await, started);
    assert_eq!(walk(&discovery, "/executions?status=completed&limit=25").await, started);

    let first = discovery.get("/executions?limit=10").await.expect(200);
    let newer = discovery.begin(&workflow, json!({})).await;
    let second = discovery.get(first["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(ids(&second), started[10..20], "what comes in meanwhile shifts nothing");
    assert_eq!(ids(&discovery.get("/executions?limit=1").await.expect(200)), [newer]);
    assert_eq!(ids(&discovery.get(second["links"]["prev"].as_str().unwrap()).await.expect(200)).len(), 10);
}

#[actix_web::test]
async fn the_list_is_shown_as_the_contract_says() {
    let discovery = Discovery::start().await;
    let workflow = discovery.workflow(["a"]).await;
    let id = discovery.begin(&workflow, json!({"x": 1})).await;
    discovery.until_ended(&id).await;
    let execution = discovery.get(&format!("/executions/{id}")).await.expect(200);
    for path in ["/executions".to_owned(), format!("/workflows/{workflow}/executions")] {
        let expected = json!({"executions": [execution],
            "pagination": {"total": 1, "limit": 20, "offset": 0, "has_more": false},
            "links": {"self": format!("{path}?limit=20"), "next": null, "prev": null}});
        assert_eq!(discovery.get(&path).await.expect(200), expected);
    }
    let clamped = discovery.get("/executions?limit=1000&offset=5").await.expect(200);
    assert_eq!(clamped["pagination"], json!({"total": 1, "limit": 100, "offset": 5, "has_more": false}));
}

#[actix_web::test]
async fn filters_narrow_a_list() {
    let discovery = Discovery::start().await;
    discovery.worker().on("bad", Act::status(400, json!({})));
    let gate = discovery.worker().holds("slow", Act::answer(json!({})));
    let (good, bad, slow) =
        (discovery.workflow(["a"]).await, discovery.workflow(["bad"]).await, discovery.workflow(["slow"]).await);
    let completed = discovery.begin(&good, json!({})).await;
    let completed_status = discovery.until_ended(&completed).await;
    let failed = discovery.begin(&bad, json!({})).await;
    let failed_status = discovery.until_ended(&failed).await;
    let running = discovery.begin(&slow, json!({})).await;
    discovery.worker().until_called("slow", 1).await;
    let of = |status: &Value| status["created_at"].as_str().unwrap().to_owned();
    let (first, second) = (of(&completed_status), of(&failed_status));
    let all = [&running, &failed, &completed];
    for (query, expected) in [
        (String::new(), all.to_vec()),
        ("status=completed".to_owned(), vec![&completed]),
        ("status=failed".to_owned(), vec![&failed]),
        ("status=running".to_owned(), vec![&running]),
        ("status=cancelled".to_owned(), vec![]),
        (format!("workflow_id={bad}"), vec![&failed]),
        (format!("workflow_id={bad}&status=completed"), vec![]),
        (format!("created_after={second}"), vec![&running]),
        (format!("created_before={second}"), vec![&completed]),
        (format!("created_after={first}&created_before=2999-01-01"), vec![&running, &failed]),
        ("created_after=2999-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        let list = discovery.get(&format!("/executions?{query}")).await.expect(200);
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(list["pagination"]["total"], expected.len(), "{query}");
    }
    let of_workflow = discovery.get(&format!("/workflows/{slow}/executions?status=running")).await.expect(200);
    assert_eq!(ids(&of_workflow), std::slice::from_ref(&running));
    for bad in
        ["status=gone", "workflow_id=x", "created_after=soon", "created_before=1", "cursor=x", "limit=0", "offset=x"]
    {
        discovery.get(&format!("/executions?{bad}")).await.problem(400);
    }
    gate.open();
}
