//! The WebSocket of operators: how it goes in all and the actors that they ask for, told again and again.
//!
//! It is looked only while somebody watches, at the pace of whoever does: a client that does not read costs nothing.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::web::Data;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::words;
use crate::http::actor_filter::{ActorFilter, Asked};
use crate::http::problem::Problem;
use crate::http::{Edge, admin};

/// What one operator watches; clones share it.
#[derive(Clone)]
pub(super) struct Watching(Rc<Inner>);

struct Inner {
    filter: RefCell<ActorFilter>,
    changed: Notify,
}

/// What an operator is told at once: the numbers, then the actors.
pub(super) struct Looked {
    pub(super) stats: String,
    pub(super) actors: String,
}

/// What an operator sends.
#[derive(Deserialize)]
struct Written {
    action: String,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Serialize)]
struct Telling<T> {
    event: &'static str,
    #[serde(flatten)]
    body: T,
}

impl Watching {
    pub(super) fn new(filter: ActorFilter) -> Self {
        Self(Rc::new(Inner { filter: RefCell::new(filter), changed: Notify::new() }))
    }

    /// Does what a message asks for; gives the answer, where there is one beside the next look.
    pub(super) fn take(&self, text: &str) -> Option<String> {
        match self.obey(text) {
            Ok(answer) => answer,
            Err(wrong) => Some(words::error(&wrong)),
        }
    }

    fn obey(&self, text: &str) -> Result<Option<String>, String> {
        let Written { action, asked } = serde_json::from_str(text).map_err(|_| MALFORMED.to_owned())?;
        match action.as_str() {
            "ping" => Ok(Some(words::pong())),
            "watch" => {
                *self.0.filter.borrow_mut() = ActorFilter::of(asked)?;
                self.0.changed.notify_one();
                Ok(None)
            }
            other => {
                let other: String = other.chars().take(64).collect();
                Err(format!("There is no action `{other}`; there are `watch` and `ping`."))
            }
        }
    }

    async fn look(&self, edge: &Edge) -> Looked {
        let stats = timeout(edge.config.limits.request_timeout, admin::overview(edge)).await;
        let late = |_| Problem::unavailable("The database has not answered in time.");
        let stats = match stats.map_err(late).flatten() {
            Ok(body) => told("stats", body),
            Err(problem) => words::error(problem.detail()),
        };
        let actors = told("actors", self.0.filter.borrow().list(edge));
        Looked { stats, actors }
    }
}

const MALFORMED: &str = "A message must be a JSON object with an `action`, a string; `kind`, `state` and `sort` are strings, \
    `stuck` is true or false, `limit` a whole number.";

fn told<T: Serialize>(event: &'static str, body: T) -> String {
    let text = serde_json::to_string(&Telling { event, body });
    text.unwrap_or_else(|error| words::error(&error.to_string()))
}

/// Looks at once, in every interval, and when something else is to be watched.
pub(super) fn looks(edge: Data<Edge>, watching: Watching) -> impl Stream<Item = Looked> {
    let mut ticks = interval(edge.config.limits.admin_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    unfold((edge, watching, ticks), |(edge, watching, mut ticks)| async move {
        tokio::select! {
            _ = ticks.tick() => {}
            () = watching.0.changed.notified() => {}
        }
        let looked = watching.look(&edge).await;
        Some((looked, (edge, watching, ticks)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::extract::Query;

    fn answer(message: &Value) -> Option<String> {
        Watching::new(ActorFilter::read(&Query::parse("")).unwrap()).take(&message.to_string())
    }

    #[test]
    fn an_operator_may_change_what_is_watched_and_ping() {
        for message in [
            json!({"action": "watch"}),
            json!({"action": "watch", "kind": "session", "state": "open", "stuck": true, "sort": "-id", "limit": 20_000}),
            json!({"action": "watch", "kind": null, "sort": "", "colour": "red"}),
        ] {
            assert_eq!(answer(&message), None, "{message}");
        }
        assert_eq!(answer(&json!({"action": "ping"})), Some(words::pong()));
    }

    #[test]
    fn what_is_none_is_refused_with_a_sentence() {
        for message in [
            json!("watch"),
            json!({}),
            json!({"action": "subscribe"}),
            json!({"action": "watch", "kind": "ghost"}),
            json!({"action": "watch", "sort": "beauty"}),
            json!({"action": "watch", "stuck": "yes"}),
            json!({"action": "watch", "limit": 0}),
            json!({"action": "watch", "limit": -1}),
        ] {
            let told: Value = serde_json::from_str(&answer(&message).unwrap()).unwrap();
            assert_eq!(told["event"], "error", "{message}");
            assert!(told["detail"].as_str().unwrap().ends_with('.'), "{told}");
        }
    }
}
