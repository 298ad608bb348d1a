//! Steps that do nothing, served with the worker kit.

use std::time::Duration;

use discovery::worker::{Answer, Pioneer, Progress, StepCall};

use crate::options::Worker;

/// Steps that it has: `step_1` and so on.
pub(crate) const STEPS_MAX: usize = 100;
/// The wait between two reports of one step, so that each goes out before the next is there.
const REPORT_EVERY: Duration = Duration::from_millis(2);

/// Serves until it is stopped; tells where on its first line.
pub(crate) async fn serve(options: &Worker) -> anyhow::Result<()> {
    let (reports, holds) = (options.progress, options.hold);
    let mut pioneer = Pioneer::new("nothing").workers(options.threads);
    for number in 1..=STEPS_MAX {
        pioneer = pioneer.step(&format!("step_{number}"), "Does nothing", move |call: StepCall| async move {
            for made in 0..reports {
                call.report_progress(Progress::at(100.0 * made as f64 / reports as f64));
                actix_rt::time::sleep(REPORT_EVERY).await;
            }
            if holds {
                std::future::pending::<()>().await;
            }
            Ok(Answer::context(serde_json::Map::new()))
        })?;
    }
    let running = pioneer.bind(("127.0.0.1", options.port))?;
    println!("listens on {}", running.url());
    running.until_stopped().await?;
    Ok(())
}
