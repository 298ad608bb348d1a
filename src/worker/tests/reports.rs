//! What a step reports, and that it never costs the step anything.

use std::time::Instant;

use actix_web::rt::net::TcpListener;

use super::discovery::{Discovery, Received};
use super::*;
use crate::worker::{Completion, Progress};

const FLUSH_MAX: Duration = Duration::from_millis(150);

/// Reports 1 to 50 % and its completion in one go.
async fn report_much(call: StepCall) -> Result<Answer, StepFailure> {
    for percentage in 1..=50 {
        call.report_progress(Progress::at(f64::from(percentage)));
    }
    call.report_completion(Completion::success().data(object(json!({"pages": 4}))));
    Ok(Answer::empty())
}

fn pioneer() -> Pioneer {
    Pioneer::new("p").step("report_much", "", report_much).unwrap()
}

fn reported(received: &[Received], end: &str) -> Vec<Value> {
    received.iter().filter(|report| report.path.ends_with(end)).map(|report| report.body.clone()).collect()
}

#[actix_web::test]
async fn reports_arrive_before_the_answer_and_the_newest_is_last() {
    let (discovery, running) = (Discovery::start(), start(pioneer()));
    let request = post(&running, "report_much")
        .insert_header(("Discovery-Callback-Url", discovery.callback_url()))
        .insert_header(("Discovery-Step-Token", "signed"));
    assert_eq!(call(request, json!({})).await.0, 200);
    let received = discovery.received();
    assert_eq!(reported(&received, "/progress").last(), Some(&json!({"percentage": 50.0})));
    let last = received.last().unwrap();
    assert_eq!(last.path, "/executions/e1/steps/Validaci%C3%B3n/complete");
    assert_eq!(last.body, json!({"success": true, "data": {"pages": 4}}));
    assert!(received.iter().all(|report| report.token.as_deref() == Some("signed")));
}

#[actix_web::test]
async fn reports_go_out_while_the_step_runs_and_waiting_ones_are_replaced() {
    let discovery = Discovery::that_hangs();
    let (go, gone) = tokio::sync::watch::channel(false);
    let step = move |call: StepCall| {
        let mut gone = gone.clone();
        async move {
            call.report_progress(Progress::at(1.0));
            gone.wait_for(|gone| *gone).await.unwrap();
            for percentage in 2..=9 {
                call.report_progress(Progress::at(f64::from(percentage)));
            }
            Ok(Answer::empty())
        }
    };
    let running = start(Pioneer::new("p").step("slow", "", step).unwrap());
    let request = post(&running, "slow").insert_header(("Discovery-Callback-Url", discovery.callback_url()));
    let answer = actix_web::rt::spawn(call(request, json!({})));
    // The first report is there although the step has not ended; the others come behind its acknowledgement.
    discovery.until_received(1).await;
    go.send(true).unwrap();
    discovery.let_go();
    assert_eq!(answer.await.unwrap().0, 200);
    let percentages: Vec<Value> = discovery.received().iter().map(|report| report.body["percentage"].clone()).collect();
    assert_eq!(percentages.first(), Some(&json!(1.0)));
    assert_eq!(percentages.last(), Some(&json!(9.0)));
    assert!(percentages.len() <= 3, "{percentages:?}");
}

#[actix_web::test]
async fn without_a_callback_url_reports_go_to_the_configured_discovery() {
    let discovery = Discovery::start();
    let running = start(pioneer().discovery_url(&discovery.url));
    assert_eq!(call(post(&running, "report_much"), json!({"execution_id": "e7"})).await.0, 200);
    assert_eq!(discovery.received()[0].path, "/executions/e7/steps/report_much/progress");
    assert_eq!(discovery.received()[0].token, None);
}

#[actix_web::test]
async fn a_failing_step_has_its_reports_sent_too() {
    let fail = |call: StepCall| async move {
        call.report_progress(Progress::at(40.0).message("so far"));
        Err::<Answer, _>(StepFailure::permanent("BadPage", "Page 3 is bad."))
    };
    let discovery = Discovery::start();
    let running = start(Pioneer::new("p").step("fail", "", fail).unwrap());
    let request = post(&running, "fail").insert_header(("Discovery-Callback-Url", discovery.callback_url()));
    assert_eq!(call(request, json!({})).await.0, 422);
    assert_eq!(discovery.received()[0].body, json!({"percentage": 40.0, "message": "so far"}));
}

#[actix_web::test]
async fn a_report_that_discovery_could_not_take_is_sent_again_and_a_refused_one_is_not() {
    let complete = |call: StepCall| async move {
        call.report_completion(Completion::success());
        Ok(Answer::empty())
    };
    for (statuses, sent) in [(&[503, 500][..], 3), (&[409][..], 1), (&[503; 9][..], 3)] {
        let discovery = Discovery::that_answers(statuses);
        let running = start(Pioneer::new("p").step("complete", "", complete).unwrap());
        let request = post(&running, "complete").insert_header(("Discovery-Callback-Url", discovery.callback_url()));
        assert_eq!(call(request, json!({})).await.0, 200);
        assert_eq!(discovery.received().len(), sent, "{statuses:?}");
    }
}

#[actix_web::test]
async fn a_discovery_that_is_down_does_not_fail_the_step() {
    // A port that was free a moment ago refuses connections.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let running = start(pioneer());
    for url in [format!("http://{gone}/executions/e1/steps/s"), "no url at all".to_owned()] {
        let request = post(&running, "report_much").insert_header(("Discovery-Callback-Url", url));
        assert_eq!(call(request, json!({})).await.0, 200);
    }
}

#[actix_web::test]
async fn a_discovery_that_hangs_holds_the_step_no_longer_than_the_bound() {
    let discovery = Discovery::that_hangs();
    let running = start(pioneer().report_flush_max(FLUSH_MAX));
    let request = post(&running, "report_much").insert_header(("Discovery-Callback-Url", discovery.callback_url()));
    let begin = Instant::now();
    assert_eq!(call(request, json!({})).await.0, 200);
    let held = begin.elapsed();
    // Far below the time that one report may take, so it was the bound that ended it.
    assert!(held >= FLUSH_MAX && held < FLUSH_MAX * 20, "{held:?}");
    discovery.let_go();
}

#[actix_web::test]
async fn an_accepted_step_reports_after_its_answer_from_any_thread() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let accept = move |call: StepCall| {
        let mut gone = gone.clone();
        let reporter = call.reporter.clone();
        actix_web::rt::spawn(async move {
            gone.wait_for(|gone| *gone).await.unwrap();
            std::thread::spawn(move || {
                reporter.report_progress(Progress::at(90.0));
                reporter.report_completion(Completion::success().context(Map::new()).next("decide"));
            });
        });
        async { Ok(Answer::accepted()) }
    };
    // It is its only outcome, so it is sent more often than other reports.
    let discovery = Discovery::that_answers(&[200, 503, 503, 503, 503]);
    let running = start(Pioneer::new("p").step("accept", "", accept).unwrap());
    let request = post(&running, "accept").insert_header(("Discovery-Callback-Url", discovery.callback_url()));
    assert_eq!(call(request, json!({})).await, (202, json!({})));
    assert!(discovery.received().is_empty());
    go.send(true).unwrap();
    let received = discovery.until_received(6).await;
    assert_eq!(reported(&received, "/progress"), [json!({"percentage": 90.0})]);
    assert_eq!(reported(&received, "/complete"), vec![json!({"success": true, "context": {}, "next": "decide"}); 5]);
}
