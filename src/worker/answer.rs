//! What a step gives back.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The good end of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Done(Outcome),
    Accepted,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Outcome {
    context: Map<String, Value>,
    next: Option<String>,
}

impl Answer {
    /// Answers with what the step adds to the execution's context, where it is merged key by key: a key replaces
    /// the whole value that was there.
    pub fn context(context: Map<String, Value>) -> Self {
        Self(Kind::Done(Outcome { context, next: None }))
    }

    /// Answers that the step is done and adds nothing.
    pub fn empty() -> Self {
        Self::context(Map::new())
    }

    /// Answers 202: the step runs on elsewhere, and a later [`report_completion`](super::Reporter::report_completion)
    /// is its outcome. Keep a [`Reporter`](super::Reporter) for it.
    pub fn accepted() -> Self {
        Self(Kind::Accepted)
    }

    /// Names the step to go to, by its name or its handler. It means nothing on an accepted step, whose completion names it.
    pub fn next(self, step: impl Into<String>) -> Self {
        match self.0 {
            Kind::Done(outcome) => Self(Kind::Done(Outcome { next: Some(step.into()), ..outcome })),
            Kind::Accepted => self,
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.0 == Kind::Accepted
    }

    pub(super) fn into_response(self) -> HttpResponse {
        match self.0 {
            Kind::Done(outcome) => HttpResponse::Ok().json(outcome),
            Kind::Accepted => HttpResponse::Accepted().json(json!({})),
        }
    }
}
