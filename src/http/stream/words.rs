//! What WebSocket clients ask for, and what they are answered beside events.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::{ExecutionId, Status};
use crate::http::problem::Problem;

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Ping,
    Subscribe(ExecutionId, u64),
    SubscribeToAll,
    Unsubscribe(ExecutionId),
    UnsubscribeFromAll,
}

#[derive(Deserialize)]
struct Written {
    action: String,
    execution_id: Option<Value>,
    executions: Option<Value>,
    after: Option<Value>,
}

impl Request {
    /// Reads a message; the error says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text)
            .map_err(|_| "A message must be a JSON object with an `action`, a string.".to_owned())?;
        match written.action.as_str() {
            "ping" => Ok(Self::Ping),
            "subscribe" if written.wants_all()? => Ok(Self::SubscribeToAll),
            "subscribe" => Ok(Self::Subscribe(written.execution()?, written.after()?)),
            "unsubscribe" if written.wants_all()? => Ok(Self::UnsubscribeFromAll),
            "unsubscribe" => Ok(Self::Unsubscribe(written.execution()?)),
            other => {
                let other: String = other.chars().take(64).collect();
                Err(format!("There is no action `{other}`; there are `subscribe`, `unsubscribe` and `ping`."))
            }
        }
    }
}

impl Written {
    fn wants_all(&self) -> Result<bool, String> {
        match (&self.executions, &self.execution_id) {
            (None, _) => Ok(false),
            (Some(all), None) if all == "all" => Ok(true),
            (Some(_), None) => Err("`executions` must be `all`.".to_owned()),
            (Some(_), Some(_)) => Err("Only one of `executions` and `execution_id` can be given.".to_owned()),
        }
    }

    fn execution(&self) -> Result<ExecutionId, String> {
        let text = self.execution_id.as_ref().and_then(Value::as_str);
        let id = text.and_then(|text| Uuid::parse_str(text).ok());
        id.map(ExecutionId).ok_or_else(|| "`execution_id` must be a UUID.".to_owned())
    }

    fn after(&self) -> Result<u64, String> {
        match &self.after {
            None | Some(Value::Null) => Ok(0),
            Some(after) => after.as_u64().ok_or_else(|| "`after` must be a whole number, 0 or more.".to_owned()),
        }
    }
}

pub(super) fn pong() -> String {
    json!({"event": "pong"}).to_string()
}

pub(super) fn subscribed(id: ExecutionId, after: u64) -> String {
    json!({"event": "subscribed", "execution_id": id, "after": after}).to_string()
}

pub(super) fn subscribed_to_all() -> String {
    json!({"event": "subscribed", "executions": "all"}).to_string()
}

/// By the client's wish, or because the execution has ended and its log was told.
pub(super) fn unsubscribed(id: ExecutionId, ended: Option<Status>) -> String {
    match ended {
        None => json!({"event": "unsubscribed", "execution_id": id}).to_string(),
        Some(status) => json!({"event": "unsubscribed", "execution_id": id, "status": status.as_str()}).to_string(),
    }
}

pub(super) fn unsubscribed_from_all() -> String {
    json!({"event": "unsubscribed", "executions": "all"}).to_string()
}

pub(super) fn error(detail: &str) -> String {
    json!({"event": "error", "detail": detail}).to_string()
}

pub(super) fn error_about(id: ExecutionId, problem: &Problem) -> String {
    let (status, detail) = (problem.status().as_u16(), problem.detail());
    json!({"event": "error", "execution_id": id, "status": status, "detail": detail}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let id = ExecutionId(Uuid::max());
        let cases = [
            (json!({"action": "ping", "x": 1}), Request::Ping),
            (json!({"action": "subscribe", "execution_id": id}), Request::Subscribe(id, 0)),
            (json!({"action": "subscribe", "execution_id": id, "after": 7}), Request::Subscribe(id, 7)),
            (json!({"action": "subscribe", "executions": "all"}), Request::SubscribeToAll),
            (json!({"action": "unsubscribe", "execution_id": id}), Request::Unsubscribe(id)),
            (json!({"action": "unsubscribe", "executions": "all"}), Request::UnsubscribeFromAll),
        ];
        for (message, request) in cases {
            assert_eq!(Request::read(&message.to_string()), Ok(request));
        }
    }

    #[test]
    fn what_is_none_is_refused_with_a_sentence() {
        let id = Uuid::max();
        let bad = [
            json!("ping"),
            json!({}),
            json!({"action": 1}),
            json!({"action": "dance"}),
            json!({"action": "subscribe"}),
            json!({"action": "subscribe", "execution_id": "x"}),
            json!({"action": "subscribe", "execution_id": id, "after": -1}),
            json!({"action": "subscribe", "execution_id": id, "after": "1"}),
            json!({"action": "subscribe", "executions": "some"}),
            json!({"action": "subscribe", "executions": "all", "execution_id": id}),
            json!({"action": "unsubscribe", "execution_id": null}),
        ];
        for message in bad {
            let detail = Request::read(&message.to_string()).unwrap_err();
            assert!(detail.ends_with('.'), "{detail}");
        }
        assert!(Request::read("{").is_err());
    }
}
