//! Starts with a client's key: one execution for each, whatever happens.

use super::*;
use crate::domain::IdempotencyKey;

fn key(name: &str) -> StartKey {
    StartKey { key: IdempotencyKey::new(name).unwrap(), request: Sha256Hash::of(name) }
}

/// A start with a key and a long string of its own.
fn keyed(workflow: &Arc<Workflow>, name: &str) -> (Running, Commit) {
    let (running, mut commit) = start_of(workflow);
    let text: Arc<str> = Arc::from(running.state.id().to_string());
    commit.payloads.push(Payload { hash: Sha256Hash::of(&text), text });
    (running, commit.with_key(Some(key(name))))
}

/// The same start as it is handed over once more.
fn again(commit: &Commit) -> Commit {
    let events = commit.events.clone();
    let start = Commit::new(None, Arc::clone(&commit.state), &[], commit.payloads.clone()).unwrap();
    Commit { events, ..start }.with_key(commit.key.clone())
}

impl Fixture {
    async fn owner(&self, name: &str) -> Option<ExecutionId> {
        let found = self.journal.started_with(self.workflow.id, &key(name).key).await.unwrap();
        found.map(|found| {
            assert_eq!(found.request, key(name).request);
            found.execution
        })
    }

    /// Whether anything of the execution is there.
    async fn knows(&self, running: &Running) -> bool {
        let id = running.state.id();
        let rows = entity::execution_payload::Entity::find();
        let rows = rows.filter(entity::execution_payload::Column::ExecutionId.eq(id.0));
        let linked = rows.one(&self.journal.0.reads).await.unwrap().is_some();
        let hash = Sha256Hash::of(&id.to_string()).0.to_vec();
        let kept = entity::payload::Entity::find_by_id(hash).one(&self.journal.0.reads).await.unwrap().is_some();
        assert_eq!(linked, kept);
        let there = self.journal.load(id).await.unwrap().is_some();
        assert_eq!(there, linked);
        there
    }
}

#[tokio::test]
async fn a_key_starts_one_execution_of_its_workflow_and_the_refused_leave_nothing() {
    for fixture in fixtures().await {
        let (first, commit) = keyed(&fixture.workflow, "k");
        fixture.journal.commit(commit, None).settled().await.unwrap();
        let (second, commit) = keyed(&fixture.workflow, "k");
        let refused = fixture.journal.commit(commit, None).settled().await;
        assert!(matches!(refused, Err(JournalError::AlreadyStarted(id)) if id == first.state.id()), "{refused:?}");
        assert!(fixture.knows(&first).await && !fixture.knows(&second).await);
        assert_eq!(fixture.owner("k").await, Some(first.state.id()));
        assert_eq!(fixture.owner("other").await, None);

        let draft = WorkflowDraft::parse(&json!({"name": "Otra", "steps": [{"name": "a"}]})).unwrap();
        let other = Workflow::create(draft, WorkflowId(Uuid::now_v7()), now(), &mut Uuid::now_v7);
        let other = fixture.journal.put_workflow(other, 0).await.unwrap().unwrap();
        let (third, commit) = keyed(&other, "k");
        fixture.journal.commit(commit, None).settled().await.unwrap();
        assert!(fixture.knows(&third).await, "a key belongs to its workflow");
    }
}

#[tokio::test]
async fn a_start_that_is_handed_over_twice_is_no_duplicate_of_itself() {
    for fixture in fixtures().await {
        let (mut running, commit) = keyed(&fixture.workflow, "k");
        let twice = again(&commit);
        fixture.journal.commit(commit, None).settled().await.unwrap();
        fixture.journal.commit(again(&twice), None).settled().await.unwrap();
        fixture.journal.commit(running.finish_step(), None).settled().await.unwrap();
        fixture.journal.commit(twice, None).settled().await.unwrap();
        assert_eq!(fixture.journal.load(running.state.id()).await.unwrap().unwrap(), running.state);
    }
}

#[tokio::test]
async fn of_many_starts_with_one_key_at_once_one_is_made_and_the_others_learn_which() {
    for fixture in fixtures().await {
        for round in 0..10 {
            let name = format!("k{round}");
            let (mut all, mut tickets, mut others) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..20 {
                let (mut running, commit) = keyed(&fixture.workflow, &name);
                // What comes behind a refused start in the same batch is refused too.
                tickets
                    .push((fixture.journal.commit(commit, None), fixture.journal.commit(running.finish_step(), None)));
                all.push(running);
                let (without, commit) = fixture.start();
                others.push((without, fixture.journal.commit(commit, None)));
            }
            let mut made = Vec::new();
            let mut named = Vec::new();
            for (running, (start, behind)) in all.iter().zip(tickets) {
                match start.settled().await {
                    Ok(()) => {
                        behind.settled().await.unwrap();
                        made.push(running.state.id());
                    }
                    Err(JournalError::AlreadyStarted(id)) => {
                        assert!(behind.settled().await.is_err());
                        named.push(id);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!((made.len(), fixture.owner(&name).await), (1, made.first().copied()));
            assert!(named.len() == 19 && named.iter().all(|id| *id == made[0]));
            for running in &all {
                assert_eq!(fixture.knows(running).await, running.state.id() == made[0]);
            }
            for (running, ticket) in others {
                ticket.settled().await.unwrap();
                assert!(fixture.journal.load(running.state.id()).await.unwrap().is_some());
            }
        }
    }
}

#[tokio::test]
async fn a_key_outlives_a_change_of_its_workflow_and_a_refused_start_leaves_it_free() {
    for fixture in fixtures().await {
        let (first, commit) = keyed(&fixture.workflow, "k");
        fixture.journal.commit(commit, None).settled().await.unwrap();
        let changed = fixture.workflow.patch(&json!({"name": "Otra"}), now(), &mut Uuid::now_v7).unwrap().unwrap();
        let changed = fixture.journal.put_workflow(changed, 1).await.unwrap().unwrap();

        let (_, late) = keyed(&fixture.workflow, "k");
        let refused = fixture.journal.commit(late, None).settled().await;
        assert!(matches!(refused, Err(JournalError::AlreadyStarted(id)) if id == first.state.id()), "{refused:?}");
        // One of the old version, then one of the new: both wait at once, and the first may not take the key along.
        let (_, old) = keyed(&fixture.workflow, "free");
        let (new, current) = keyed(&changed, "free");
        let (old, current) = (fixture.journal.commit(old, None), fixture.journal.commit(current, None));
        match old.settled().await {
            Err(JournalError::WorkflowChanged) => {}
            // On PostgreSQL they may be with different writers, of which the second was quicker.
            Err(JournalError::AlreadyStarted(id)) => assert_eq!(id, new.state.id()),
            other => panic!("{other:?}"),
        }
        current.settled().await.unwrap();
        assert_eq!(fixture.owner("free").await, Some(new.state.id()));
    }
}

#[tokio::test]
async fn a_batch_that_fails_is_written_commit_by_commit_and_the_key_holds() {
    for fixture in fixtures().await {
        let (first, commit) = keyed(&fixture.workflow, "k");
        let (poisoned, mut poison) = keyed(&fixture.workflow, "p");
        poison.events.push(poison.events[0].clone());
        let (duplicate, twin) = keyed(&fixture.workflow, "k");
        let (second, after) = keyed(&fixture.workflow, "p");
        let tickets = [commit, poison, twin, after].map(|commit| fixture.journal.commit(commit, None));
        let [commit, poison, twin, after] = tickets;
        // On PostgreSQL the two may be with different writers, in any order.
        let (one, other) = (commit.settled().await, twin.settled().await);
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert!(matches!(poison.settled().await, Err(JournalError::Database(_) | JournalError::AlreadyStarted(_))));
        after.settled().await.unwrap();
        assert_eq!(fixture.owner("p").await, Some(second.state.id()));
        assert!(!fixture.knows(&poisoned).await);
        assert!(fixture.knows(&first).await != fixture.knows(&duplicate).await);
    }
}
