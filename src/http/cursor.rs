//! Where a page of executions goes on: behind an execution, at an offset that is only told.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use uuid::Uuid;

use crate::domain::{ExecutionId, Timestamp};
use crate::journal::Cursor;

/// The place behind an execution, and how many stand before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ListCursor {
    /// The execution behind which the page begins.
    pub(super) behind: Cursor,
    /// How many executions came before the page.
    pub(super) offset: u64,
}

impl ListCursor {
    /// As it stands in a link.
    pub(super) fn encode(&self) -> String {
        let millis = self.behind.created_at.as_datetime().timestamp_millis();
        URL_SAFE_NO_PAD.encode(format!("{millis}.{}.{}", self.behind.id.0.simple(), self.offset))
    }

    /// Reads what [`ListCursor::encode`] wrote.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split('.');
        let millis = parts.next()?.parse().ok()?;
        let id = ExecutionId(Uuid::parse_str(parts.next()?).ok()?);
        let offset = parts.next()?.parse().ok().filter(|offset| i64::try_from(*offset).is_ok())?;
        if parts.next().is_some() {
            return None;
        }
        let created_at = Timestamp::new(DateTime::from_timestamp_millis(millis)?);
        Some(Self { behind: Cursor { created_at, id }, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let created_at = Timestamp::new(DateTime::from_timestamp_millis(1_755_858_600_123).unwrap());
        let cursor = ListCursor { behind: Cursor { created_at, id: ExecutionId(Uuid::max()) }, offset: 40 };
        assert_eq!(ListCursor::decode(&cursor.encode()), Some(cursor));
        for bad in ["", "x", "MS4yLjM", "!"] {
            assert_eq!(ListCursor::decode(bad), None, "{bad}");
        }
    }
}
