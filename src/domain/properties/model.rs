//! What an execution must do, said once more and more simply: no events, no ids, no sharing.

use serde_json::{Map, Value, json};

use crate::domain::{Completion, Context, ExecutionId, Mode, StartData, Status, Workflow};

/// Where the model stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum At {
    Running(usize),
    Ready(usize),
    Ended,
}

/// How a step came to its end.
#[derive(Clone, Debug)]
pub(super) enum End {
    Answered { context: Map<String, Value>, next: Option<String> },
    Failed,
}

struct Step {
    name: String,
    handler: String,
    max_visits: u32,
    end: bool,
}

/// A reference execution.
pub(super) struct Model {
    steps: Vec<Step>,
    manual: bool,
    pub(super) at: At,
    pub(super) status: Status,
    pub(super) visits: Vec<u32>,
    pub(super) done: Vec<bool>,
    pub(super) failed: Vec<bool>,
    pub(super) reported: Vec<f64>,
    pub(super) context: Map<String, Value>,
    pub(super) recorded: Option<Completion>,
}

impl Model {
    pub(super) fn start(id: ExecutionId, workflow: &Workflow, data: &Map<String, Value>) -> Self {
        let steps: Vec<Step> = workflow
            .steps
            .iter()
            .map(|step| Step {
                name: step.name.as_str().to_owned(),
                handler: step.handler.as_str().to_owned(),
                max_visits: step.max_visits,
                end: step.end,
            })
            .collect();
        let count = steps.len();
        let mut dynamic = data.clone();
        dynamic.retain(|key, value| key != "execution_id" && !value.to_string().contains("$payload"));
        let mut context = data.clone();
        context.insert("execution_id".to_owned(), json!(id));
        context.insert("dynamic_properties".to_owned(), Value::Object(dynamic));
        let mut model = Self {
            steps,
            manual: workflow.mode == Mode::Manual,
            at: At::Ready(0),
            status: Status::Running,
            visits: vec![0; count],
            done: vec![false; count],
            failed: vec![false; count],
            reported: vec![0.0; count],
            context,
            recorded: None,
        };
        if !model.manual {
            model.enter(0);
        }
        model
    }

    pub(super) fn start_data(data: &Map<String, Value>) -> StartData {
        StartData::new("", data.clone()).unwrap()
    }

    /// The place of the step that `named` means.
    pub(super) fn find(&self, named: &str) -> Option<usize> {
        let by_name = self.steps.iter().position(|step| step.name == named);
        let running = self.running().filter(|place| self.steps[*place].handler == named);
        by_name.or(running).or_else(|| self.steps.iter().position(|step| step.handler == named))
    }

    pub(super) fn running(&self) -> Option<usize> {
        match self.at {
            At::Running(place) => Some(place),
            At::Ready(_) | At::Ended => None,
        }
    }

    pub(super) fn moves(&self) -> bool {
        self.status == Status::Running
    }

    /// Whether a client may ask for the next step.
    pub(super) fn takes_next(&self) -> bool {
        self.manual && self.moves() && matches!(self.at, At::Ready(_))
    }

    pub(super) fn next(&mut self) {
        if let At::Ready(place) = self.at {
            self.enter(place);
        }
    }

    /// The call broke or the process crashed: what was recorded counts, or else `end`.
    pub(super) fn ends_unless_recorded(&mut self, end: End) {
        let told = self.recorded.take();
        self.ends(told.map_or(end, |told| told_end(&told)));
    }

    pub(super) fn ends(&mut self, end: End) {
        let At::Running(place) = self.at else { panic!("no step runs") };
        self.recorded = None;
        self.failed[place] = true;
        let End::Answered { context, next } = end else { return self.stop(Status::Failed) };
        let last = self.steps[place].end || place + 1 == self.steps.len();
        let following = match next {
            Some(named) => match self.find(&named) {
                Some(following) => Some(following),
                None => return self.stop(Status::Failed),
            },
            None if last => None,
            None => Some(place + 1),
        };
        self.failed[place] = false;
        self.done[place] = true;
        self.context.extend(context.into_iter().filter(|(key, _)| key != "execution_id"));
        match following {
            None => self.stop(Status::Completed),
            Some(next) if self.visits[next] == self.steps[next].max_visits => self.stop(Status::Failed),
            Some(next) if self.manual => self.at = At::Ready(next),
            Some(next) => self.enter(next),
        }
    }

    /// Total, completed, failed and skipped steps, the percentage and the overall one, both within a hundredth.
    pub(super) fn figures(&self) -> (usize, usize, usize, usize, f64, f64) {
        let (total, completed) = (self.steps.len(), self.status == Status::Completed);
        let done = self.done.iter().filter(|done| **done).count();
        let failed = (0..total).filter(|place| self.failed[*place] && !self.done[*place]).count();
        let skipped = self.visits.iter().filter(|visits| completed && **visits == 0).count();
        if completed {
            return (total, done, failed, skipped, 100.0, 100.0);
        }
        let percentage = 100.0 * done as f64 / total as f64;
        let fresh = self.running().filter(|place| !self.done[*place]);
        let overall = percentage + fresh.map_or(0.0, |place| self.reported[place]) / total as f64;
        (total, done, failed, skipped, percentage, overall)
    }

    fn enter(&mut self, place: usize) {
        self.visits[place] += 1;
        self.reported[place] = 0.0;
        self.at = At::Running(place);
    }

    fn stop(&mut self, status: Status) {
        self.status = status;
        self.at = At::Ended;
    }
}

fn told_end(told: &Completion) -> End {
    if !told.success {
        return End::Failed;
    }
    let fields = |context: &Context| context.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    End::Answered { context: fields(told.context.as_ref().unwrap_or(&told.data)), next: told.next.clone() }
}
