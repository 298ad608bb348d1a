//! A service's table of steps and its settings.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::StepCall;
use super::failure::StepFailure;
use super::limits::{CALL_BODY_BYTES_MAX_DEFAULT, REPORT_FLUSH_MS_DEFAULT, STEP_NAME_CHARS_MAX};
use super::run::Handler;
use super::server::{self, RunningPioneer, Signals};

/// A service that runs steps: register them, then [`serve`](Self::serve) or [`bind`](Self::bind).
#[derive(Clone)]
pub struct Pioneer {
    pub(super) service: String,
    pub(super) steps: BTreeMap<String, Step>,
    pub(super) discovery_url: Option<String>,
    pub(super) body_bytes_max: usize,
    pub(super) report_flush_max: Duration,
    pub(super) workers: Option<usize>,
}

#[derive(Clone)]
pub(super) struct Step {
    pub(super) handler: Handler,
    description: String,
    full_doc: String,
}

/// Why a step cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Discovery could not call a step of this name.
    #[error("'{name}' cannot name a step: {reason}")]
    BadStepName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two steps of one name could not be told apart.
    #[error("a step '{0}' is registered already")]
    DuplicateStep(String),
}

impl Pioneer {
    /// Begins a service that has no steps yet.
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            steps: BTreeMap::new(),
            discovery_url: None,
            body_bytes_max: CALL_BODY_BYTES_MAX_DEFAULT,
            report_flush_max: Duration::from_millis(REPORT_FLUSH_MS_DEFAULT),
            workers: None,
        }
    }

    /// Registers a step: an async function from a [`StepCall`] to an [`Answer`] or a [`StepFailure`]. It runs on one
    /// of the server's threads and must not block it (`actix_web::web::block` is for that).
    pub fn step<H, F>(self, name: &str, description: &str, handler: H) -> Result<Self, SetupError>
    where
        H: Fn(StepCall) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Answer, StepFailure>> + 'static,
    {
        self.documented_step(name, description, description, handler)
    }

    /// Registers a step that is described at length as well (`full_doc` in `GET /steps`).
    pub fn documented_step<H, F>(
        mut self,
        name: &str,
        description: &str,
        full_doc: &str,
        handler: H,
    ) -> Result<Self, SetupError>
    where
        H: Fn(StepCall) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Answer, StepFailure>> + 'static,
    {
        check_name(name)?;
        if self.steps.contains_key(name) {
            return Err(SetupError::DuplicateStep(name.to_owned()));
        }
        let step = Step {
            handler: Arc::new(move |call| handler(call).boxed_local()),
            description: description.to_owned(),
            full_doc: full_doc.to_owned(),
        };
        self.steps.insert(name.to_owned(), step);
        Ok(self)
    }

    /// Sets where reports go if a call does not name a callback URL (`DISCOVERY_URL`).
    pub fn discovery_url(mut self, url: impl Into<String>) -> Self {
        self.discovery_url = Some(url.into());
        self
    }

    /// Sets the largest body of a call; a larger one is answered with 413.
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Sets how long an answer waits for the step's last reports to arrive.
    pub fn report_flush_max(mut self, wait: Duration) -> Self {
        self.report_flush_max = wait;
        self
    }

    /// Sets the number of server threads (default: one per core).
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = Some(threads.max(1));
        self
    }

    /// The names of the registered steps, sorted.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.keys().map(String::as_str)
    }

    /// Listens on `address` (port 0 takes a free one) and serves in the background until it is stopped. Signals are
    /// left to the program around it. Needs a running actix system.
    pub fn bind(self, address: impl ToSocketAddrs) -> std::io::Result<RunningPioneer> {
        server::start(self, address, Signals::Ignored)
    }

    /// Listens on `address` and serves until SIGTERM, which lets running steps end, or SIGINT, which does not.
    pub async fn serve(self, address: impl ToSocketAddrs) -> std::io::Result<()> {
        server::start(self, address, Signals::Handled)?.until_stopped().await
    }

    /// What `GET /steps` answers.
    pub(super) fn catalogue(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(name, step)| json!({"name": name, "description": step.description, "full_doc": step.full_doc}))
            .collect();
        json!({"service": self.service, "total_count": steps.len(), "available_steps": steps})
    }
}

fn check_name(name: &str) -> Result<(), SetupError> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it means a folder in a URL",
        _ if name.contains('/') => "it contains a '/'",
        _ if name.chars().any(char::is_control) => "it contains a control character",
        _ if name.chars().count() > STEP_NAME_CHARS_MAX => "it is longer than 128 characters",
        _ => return Ok(()),
    };
    Err(SetupError::BadStepName { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nothing(_: StepCall) -> Result<Answer, StepFailure> {
        Ok(Answer::empty())
    }

    #[test]
    fn a_name_can_be_registered_once() {
        let pioneer = Pioneer::new("p").step("ocr", "reads", nothing).unwrap();
        let again = pioneer.step("ocr", "reads again", nothing).err();
        assert_eq!(again, Some(SetupError::DuplicateStep("ocr".to_owned())));
    }

    #[test]
    fn names_that_a_url_cannot_carry_are_refused() {
        for name in ["", ".", "..", "a/b", "a\nb", &"x".repeat(129)] {
            let refused = Pioneer::new("p").step(name, "", nothing).err();
            assert!(matches!(refused, Some(SetupError::BadStepName { .. })), "{name:?}");
        }
        for name in ["ocr", "Validación Usuario", "a.b", &"ñ".repeat(128)] {
            assert!(Pioneer::new("p").step(name, "", nothing).is_ok(), "{name:?}");
        }
    }
}
