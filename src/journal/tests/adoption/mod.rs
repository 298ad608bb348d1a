//! The database of the replaced service, taken over on a real PostgreSQL where there is one.

mod dump;
mod old;
mod refused;

use std::collections::BTreeMap;

use entity::{step_execution, workflow_execution};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::scratch::Scratch;
use super::{Fixture, open};
use crate::domain::{AttemptStatus, Execution, ExecutionId, Status, Timestamp, WorkflowId};
use crate::journal::{ExecutionFilter, Journal, Migrated, OpenError, PageStart};
use crate::payload::{Inlined, Payloads, Sha256Hash, collect_references};
use old::{DEMO, FILLERS, Installation, NEWEST, OLDEST, Old, document, execution, step, workflow};

type Table = BTreeMap<String, Value>;

/// The rows of the old tables.
struct Before {
    workflows: Table,
    steps: Table,
    executions: Table,
    attempts: Table,
}

async fn rows(old: &mut Old) -> Before {
    let connection = &mut old.connection;
    Before {
        workflows: dump::rows(connection, "discovery_workflows").await,
        steps: dump::rows(connection, "discovery_steps").await,
        executions: dump::rows(connection, "discovery_workflow_executions").await,
        attempts: dump::rows(connection, "discovery_step_executions").await,
    }
}

async fn migrate(url: &str, dry_run: bool) -> (Result<Migrated, OpenError>, String) {
    let mut told = String::new();
    let migrated = Journal::migrate(url, dry_run, &mut |adoption| told = adoption.to_string()).await;
    (migrated, told)
}

/// `value` with long strings back in their places.
async fn inlined(journal: &Journal, value: &Value) -> Value {
    let mut hashes = Vec::new();
    collect_references(value, &mut hashes);
    let payloads: Payloads = journal.payloads(&hashes).await.unwrap();
    serde_json::to_value(Inlined { value, payloads: &payloads }).unwrap()
}

async fn each_installation() -> Vec<Old> {
    let mut all = Vec::new();
    for installation in [NEWEST, OLDEST] {
        all.extend(Old::filled(installation).await);
    }
    all
}

#[tokio::test]
async fn an_old_database_is_taken_over_row_by_row() {
    for mut old in each_installation().await {
        let before = rows(&mut old).await;
        let (migrated, told) = migrate(old.database.url(), false).await;
        let migrated = migrated.unwrap();
        let all = [
            "m20260101_000001_create_tables",
            "m20260201_000001_create_settings",
            "m20260301_000001_create_idempotency_keys",
        ];
        assert_eq!(migrated.migrations, all, "{told}");
        let again = migrate(old.database.url(), false).await;
        assert_eq!((again.0.unwrap(), again.1.as_str()), (Migrated::default(), ""), "a second one does nothing");

        let journal = open(&old.database).await.unwrap();
        let after = rows(&mut old).await;
        compare_definitions(&journal, &before, &after).await;
        compare_executions(&journal, &before, &after, old.installation).await;
        compare_attempts(&journal, &before, &after).await;
        let page = journal.executions(&ExecutionFilter::default(), PageStart::Offset(0), 100).await.unwrap();
        assert_eq!((page.total, page.rows.len()), (before.executions.len() as u64, 100));
        journal.close().await;
    }
}

async fn compare_definitions(journal: &Journal, before: &Before, after: &Before) {
    assert_eq!(after.workflows.len(), before.workflows.len());
    for (id, was) in &before.workflows {
        let is = &after.workflows[id];
        assert_eq!((&is["mode"], &is["version"], &is["description"]), (&was["mode"], &json!(1), &Value::Null));
        for time in ["created_at", "updated_at"] {
            assert!(is[time].is_number() && (was[time].is_null() || was[time] == is[time]), "{id} {time}");
        }
        let read = journal.workflow(WorkflowId(id.parse().unwrap())).await.unwrap().unwrap();
        assert_eq!(read.name.as_str(), is["name"].as_str().unwrap());
        let renamed = was["name"].as_str().unwrap().replace('\n', " ");
        assert_eq!(read.name.as_str(), renamed);
    }
    assert_eq!(after.steps.len(), before.steps.len());
    for (id, was) in &before.steps {
        let is = &after.steps[id];
        assert_eq!(is["workflow_id"], was["workflow_id"]);
        let is_odd = was["workflow_id"] == workflow(2).to_string();
        let same = ["name", "order", "max_visits"].into_iter().all(|field| is[field] == was[field]);
        assert!(is_odd || same, "{was} became {is}");
    }
    let handlers = |steps: &[Uuid]| -> Vec<String> {
        let of = |id: &Uuid| {
            let row = &after.steps[&id.to_string()];
            format!("{} {} {} {}", row["name"], row["handler"], row["order"], row["max_visits"]).replace('"', "")
        };
        steps.iter().map(of).collect()
    };
    let display = [step(1), step(2), step(3), step(4), step(5), step(6)];
    let expected = ["fetch_user", "validate_user", "transform_data", "decide", "approve_user", "reject_user"];
    assert!(handlers(&display).iter().zip(expected).all(|(told, handler)| told.contains(&format!(" {handler} "))));
    let odd = handlers(&[step(11), step(12), step(13)]);
    assert_eq!(odd, ["same same 10 1", "same (2) same 11 1", "a/b a_b 40 1"]);
    let demo = journal.workflow(WorkflowId(DEMO)).await.unwrap().unwrap();
    assert_eq!(demo.step_names(), ["step_1_add_valor", "step_2_loop_or_next", "step_3_finish"]);
    assert_eq!(demo.steps[0].retry.max_attempts, 1);
}

async fn compare_executions(journal: &Journal, before: &Before, after: &Before, installation: Installation) {
    assert_eq!(after.executions.len(), before.executions.len());
    for (id, was) in &before.executions {
        let is = &after.executions[id];
        let status = if was["status"] == "running" { json!("paused") } else { was["status"].clone() };
        assert_eq!((&is["status"], &is["mode"]), (&status, &was["mode"]), "{id}");
        assert_eq!(is["workflow_id"], was["workflow_id"]);
        if installation.newest {
            for field in ["additional_data", "custom_status", "id_consecutivo"] {
                assert_eq!(is[field], was[field], "{id}");
            }
        }
        if was["created_at"].is_number() {
            assert_eq!(is["created_at"], was["created_at"]);
        }
        if was["updated_at"].is_number() && was["status"] != "running" {
            assert_eq!(is["updated_at"], was["updated_at"], "{id}");
        }
        let mut context = match &was["context"] {
            Value::Null => json!({}),
            Value::Array(items) => json!({"context": items}),
            other @ (Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                serde_json::from_str(&other.to_string().replace("$payload", "payload")).unwrap()
            }
        };
        if status == "paused" {
            context["execution_id"] = json!(id);
        }
        assert_eq!(inlined(journal, &is["context"]).await, context, "{id}");
        let state = the_log_folds_to_the_row(journal, ExecutionId(id.parse().unwrap())).await;
        let ended = was["status"] == "completed" || was["status"] == "failed";
        assert_eq!(state.finished_at().is_some(), ended);
    }
}

async fn the_log_folds_to_the_row(journal: &Journal, id: ExecutionId) -> Execution {
    let state = journal.load(id).await.unwrap().unwrap();
    let reads = &journal.0.reads;
    let row = workflow_execution::Entity::find_by_id(id.0).one(reads).await.unwrap().unwrap();
    assert_eq!(row.status, state.status().as_str());
    assert_eq!(row.workflow_version, 1);
    assert_eq!(row.current_step_id, state.current_step().map(|step| step.id.0));
    assert_eq!(row.context, serde_json::to_value(state.context()).unwrap());
    assert_eq!((row.last_seq, row.wake_at), (i64::try_from(state.last_seq()).unwrap(), None));
    assert_eq!(row.finished_at.map(Timestamp::new), state.finished_at());
    assert_eq!(Timestamp::new(row.created_at), state.created_at());
    let events = journal.events(id, 0, 1_000).await.unwrap().unwrap();
    assert_eq!(events.len() as u64, state.last_seq());
    let properties = state.properties();
    assert_eq!(row.custom_status.as_deref(), properties.custom_status.as_deref());
    assert_eq!(row.additional_data.unwrap_or_else(|| json!({})), json!(properties.additional_data));
    let attempts = step_execution::Entity::find()
        .filter(step_execution::Column::ExecutionId.eq(id.0))
        .filter(step_execution::Column::Status.ne("skipped"))
        .order_by_asc(step_execution::Column::StartedAt)
        .order_by_asc(step_execution::Column::Attempt)
        .all(reads)
        .await
        .unwrap();
    assert_eq!(attempts.len(), state.attempts().len());
    for row in attempts {
        let attempt = state.attempts().iter().find(|attempt| attempt.id.0 == row.id).unwrap();
        assert_eq!(row.status, attempt.status.as_str());
        assert_eq!(u32::try_from(row.visit).unwrap(), attempt.visit);
        assert_eq!(row.started_at.map(Timestamp::new), Some(attempt.started_at));
        assert_eq!(row.finished_at.map(Timestamp::new), attempt.finished_at);
        assert_eq!(row.output_payload.as_ref(), attempt.output.as_deref().filter(|output| !output.is_null()));
        if row.input_payload.is_some() {
            assert_eq!(row.input_payload, serde_json::to_value(&attempt.input).ok());
        }
    }
    state
}

async fn compare_attempts(journal: &Journal, before: &Before, after: &Before) {
    let is_kept = |row: &Value| {
        row["status"] != "pending"
            && before.steps[row["step_id"].as_str().unwrap()]["workflow_id"] == row["workflow_id"]
    };
    let kept: Vec<_> = before.attempts.iter().filter(|(_, row)| is_kept(row)).collect();
    assert_eq!(after.attempts.len(), kept.len());
    assert_eq!(before.attempts.len() - kept.len(), 2);
    for (id, was) in kept {
        let is = &after.attempts[id];
        let status = if was["status"] == "running" { json!("failed") } else { was["status"].clone() };
        assert_eq!(is["status"], status);
        for field in ["step_id", "workflow_id", "execution_id"] {
            assert_eq!(is[field], was[field]);
        }
        for field in ["input_payload", "output_payload"] {
            assert_eq!(inlined(journal, &is[field]).await, was[field], "{id} {field}");
        }
        for field in ["started_at", "finished_at"] {
            assert!(was[field].is_null() || is[field] == was[field], "{id} {field}");
        }
        assert!(was["attempt"] == 0 || is["visit"] == was["attempt"]);
        let step = &after.steps[was["step_id"].as_str().unwrap()];
        assert_eq!((&is["step_name"], &is["handler"]), (&step["name"], &step["handler"]));
    }
}

#[tokio::test]
async fn what_ran_stands_paused_at_its_current_step() {
    for old in each_installation().await {
        migrate(old.database.url(), false).await.0.unwrap();
        let journal = open(&old.database).await.unwrap();
        let load = async |number| journal.load(ExecutionId(execution(number))).await.unwrap().unwrap();
        let demo_step = Uuid::from_u128(0x1000_0000 << 96 | 1);
        let expected = [
            (10, Some(step(2))),
            (11, Some(step(6))),
            (12, Some(step(2))),
            (13, Some(step(3))),
            (14, Some(step(2))),
            (15, Some(demo_step)),
            (16, Some(step(2))),
            (17, None),
        ];
        for (number, step) in expected {
            let state = load(number).await;
            assert_eq!(state.status(), Status::Paused, "{number}");
            assert_eq!(state.current_step().map(|step| step.id.0), step, "{number}");
            assert!(state.running_attempts().next().is_none());
        }
        let interrupted = load(10).await;
        let last = interrupted.attempts().last().unwrap();
        assert_eq!(last.status, AttemptStatus::Failed);
        assert_eq!(last.error.as_ref().unwrap().kind, "Interrupted");
        assert_eq!(last.progress.as_ref().unwrap().percent(), 40.0);
        let hash = Sha256Hash::of(&document());
        assert_eq!(journal.payload(interrupted.id(), hash).await.unwrap().as_deref(), Some(&*document()));
        assert_eq!(journal.payload(ExecutionId(execution(12)), hash).await.unwrap(), None);
        journal.close().await;
    }
}

#[tokio::test]
async fn histories_tell_what_the_rows_told() {
    let Some(old) = Old::filled(NEWEST).await else { return };
    migrate(old.database.url(), false).await.0.unwrap();
    let journal = open(&old.database).await.unwrap();
    let events = async |number| {
        let events = journal.events(ExecutionId(execution(number)), 0, 100).await.unwrap().unwrap();
        events.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()).collect::<Vec<_>>()
    };
    let names = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    };
    let completed = events(1).await;
    let steps = ["step_started", "step_finished"].repeat(3);
    let end = ["workflow_completed", "execution_properties_updated"];
    assert_eq!(names(&completed), [&["workflow_started"], &steps[..], &end].concat());
    assert_eq!(
        (&completed[8]["custom_status"], &completed[8]["timestamp"]),
        (&json!("EN REVISIÓN"), &json!("1970-01-01T00:08:20.654Z"))
    );
    assert_eq!((&completed[2]["next"], &completed[2]["context"]), (&json!("decide"), &json!({"n": 2})));
    assert_eq!((&completed[5]["step_name"], &completed[5]["visit"]), (&json!("Carga Usuario"), &json!(2)));
    assert_eq!(completed[7]["completion_reason"], "last_step");
    assert_eq!(completed[7]["timestamp"], "1970-01-01T00:01:43.000Z");
    let failed = events(2).await;
    assert_eq!(names(&failed)[4..], ["step_error", "workflow_failed"]);
    assert_eq!(
        (&failed[4]["error"]["message"], &failed[5]["failed_step"]),
        (&json!("no DNI"), &json!("Validación Usuario"))
    );
    let never_run = journal.load(ExecutionId(execution(3))).await.unwrap().unwrap();
    assert_eq!(never_run.error().unwrap().message, "The replaced service recorded no error of a step.");
    journal.close().await;
}

#[tokio::test]
async fn an_adopted_schema_is_a_fresh_one_with_one_column_more() {
    for mut old in each_installation().await {
        old.run("GRANT SELECT ON discovery_workflows TO PUBLIC").await;
        migrate(old.database.url(), false).await.0.unwrap();
        let fresh = Scratch::postgres().await.unwrap();
        migrate(fresh.url(), false).await.0.unwrap();
        let mut adopted = dump::schema(&mut old.connection).await;
        let kept = "column discovery_workflow_executions.id_consecutivo 0 character varying YES ";
        let lines = adopted.len();
        adopted.retain(|line| line != kept);
        assert_eq!(lines - adopted.len(), usize::from(old.installation.newest));
        assert_eq!(adopted, dump::schema(&mut dump::connect(fresh.url()).await).await);
        let acl = "SELECT relacl::text FROM pg_class WHERE relname = 'discovery_workflows'";
        assert!(dump::lines(&mut old.connection, acl).await[0].contains(",=r/"));
        let fixture = super::fixture_on(old.database).await;
        the_database_serves(&fixture).await;
    }
}

async fn the_database_serves(fixture: &Fixture) {
    let mut running = fixture.started().await;
    for _ in 0..2 {
        fixture.journal.commit(running.finish_step(), None).settled().await.unwrap();
    }
    assert_eq!(fixture.journal.load(running.state.id()).await.unwrap().unwrap(), running.state);
}

#[tokio::test]
async fn a_dry_run_tells_what_a_migration_does_and_changes_nothing() {
    for mut old in each_installation().await {
        let before = dump::everything(&mut old.connection).await;
        let (rehearsed, told) = migrate(old.database.url(), true).await;
        let rehearsed = rehearsed.unwrap();
        assert_eq!(dump::everything(&mut old.connection).await, before);
        let newest = old.installation.newest;
        let executions = FILLERS + if newest { 13 } else { 14 };
        for line in [
            "workflows: 4, with 12 steps".to_owned(),
            format!("executions: {executions} ({} completed, 2 failed, 1 paused, 7 running)", executions - 10),
            "become paused, to be resumed: 7".to_owned(),
            r#"the name "same" of step 00000000-0000-000b-0000-00000000000c becomes "same (2)""#.to_owned(),
            r#"the order 10 of step "same (2)" becomes 11"#.to_owned(),
            "1 step executions of a step that their workflow does not have".to_owned(),
            "discovery_workflows: changes mode discovery_mode -> text".to_owned(),
        ] {
            assert!(told.contains(&line), "{line} is not in:\n{told}");
        }
        assert_eq!(told.contains("context jsonb -> json"), old.installation.json == "jsonb", "{told}");
        assert_eq!(told.contains("keeps id_consecutivo"), newest, "{told}");
        let notes = rehearsed.adopted.clone().unwrap();
        assert!(notes.iter().any(|note| note.contains("no object")) && notes.len() == 2, "{notes:?}");

        let (migrated, told_then) = migrate(old.database.url(), false).await;
        assert_eq!((migrated.unwrap(), told_then), (rehearsed, told));
    }
}
