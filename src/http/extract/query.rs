//! Query parameters: a bad one is a 400, an empty one counts as missing, an unknown one is ignored.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use url::form_urlencoded;
use uuid::Uuid;

use crate::domain::{Status, Timestamp};
use crate::http::cursor::ListCursor;
use crate::http::problem::Problem;

/// How long a page of a list is where the client does not say, and at most.
const LIST_LIMIT: (u64, u64) = (20, 100);
/// How many events are read at once where the client does not say, and at most.
const EVENT_LIMIT: (u64, u64) = (1_000, 10_000);
/// How many actors are listed where the client does not say, and at most.
pub(in crate::http) const ACTOR_LIMIT: (u64, u64) = (100, 10_000);
/// The largest number that a parameter may be: databases count in signed 64 bits.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// The parameters of a request, in their order.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads what stands behind the `?`.
    pub(in crate::http) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        Self { pairs: pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect() }
    }

    /// The parameter `name`, unless it is missing or empty.
    pub(in crate::http) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.pairs.iter().filter(|(key, value)| key == name && !value.is_empty());
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(bad(name, "must be given once")),
            None => Ok(first),
        }
    }

    /// A whole number, 0 or more.
    pub(in crate::http) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if number <= NUMBER_MAX => Ok(Some(number)),
            _ => Err(bad(name, "must be a whole number, 0 or more")),
        }
    }

    /// A choice, `true` or `false`, and `false` where it is missing.
    pub(in crate::http) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(bad(name, "must be `true` or `false`")),
        }
    }

    /// The length of a page: at least 1, and clamped to `max`.
    fn limit(&self, (default, max): (u64, u64)) -> Result<u64, Problem> {
        let Some(text) = self.text("limit")? else { return Ok(default) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(0) => Err(bad("limit", "must be at least 1")),
            Ok(limit) => Ok(limit.min(max)),
            Err(_) if digits => Ok(max),
            Err(_) => Err(bad("limit", "must be a whole number, at least 1")),
        }
    }

    /// A status of executions.
    pub(in crate::http) fn status(&self) -> Result<Option<Status>, Problem> {
        let Some(word) = self.text("status")? else { return Ok(None) };
        let words = || Status::ALL.map(Status::as_str).join(", ");
        Status::parse(word).map(Some).ok_or_else(|| bad("status", &format!("must be one of {}", words())))
    }

    /// An id.
    pub(in crate::http) fn id<T: From<Uuid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Uuid::parse_str(text).map(|id| Some(T::from(id))).map_err(|_| bad(name, "must be a UUID"))
    }

    /// A moment; one without an offset is UTC, a date is its beginning.
    pub(in crate::http) fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse_time(text).map(Some).ok_or_else(|| bad(name, "must be a time such as 2025-08-22T10:30:00Z"))
    }

    /// Where a page goes on.
    pub(in crate::http) fn cursor(&self) -> Result<Option<ListCursor>, Problem> {
        let Some(text) = self.text("cursor")? else { return Ok(None) };
        ListCursor::decode(text).map(Some).ok_or_else(|| bad("cursor", "must be one that a `next` link held"))
    }

    /// Whether long strings are to stand in their places.
    pub(in crate::http) fn wants_inline_payloads(&self) -> Result<bool, Problem> {
        match self.text("payloads")? {
            None => Ok(false),
            Some("inline") => Ok(true),
            Some(_) => Err(bad("payloads", "must be `inline`")),
        }
    }
}

/// The length of a page of a list.
pub(in crate::http) fn list_limit(query: &Query) -> Result<u64, Problem> {
    query.limit(LIST_LIMIT)
}

/// How many actors to list.
pub(in crate::http) fn actor_limit(query: &Query) -> Result<u64, Problem> {
    query.limit(ACTOR_LIMIT)
}

/// How many events to read.
pub(in crate::http) fn event_limit(query: &Query) -> Result<u64, Problem> {
    query.limit(EVENT_LIMIT)
}

fn bad(name: &str, detail: &str) -> Problem {
    Problem::malformed(format!("The query parameter `{name}` {detail}."))
}

fn parse_time(text: &str) -> Option<Timestamp> {
    // A `+` that was not encoded arrives as a space.
    let text = text.replace(' ', "+");
    let with_offset = || DateTime::parse_from_rfc3339(&text).ok().map(|at| at.with_timezone(&Utc));
    let without = || text.parse::<NaiveDateTime>().ok().map(|at| at.and_utc());
    let date = || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
    with_offset().or_else(without).or_else(date).map(Timestamp::new)
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::parse(request.query_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_over_its_maximum_is_clamped_and_a_bad_one_refused() {
        let limit = |text: &str| list_limit(&Query::parse(text)).ok();
        assert_eq!(limit(""), Some(20));
        assert_eq!(limit("limit="), Some(20));
        assert_eq!(limit("limit=7"), Some(7));
        assert_eq!(limit("limit=101"), Some(100));
        assert_eq!(limit("limit=99999999999999999999999"), Some(100));
        for bad in ["limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=1&limit=2"] {
            assert_eq!(limit(bad), None, "{bad}");
        }
    }

    #[test]
    fn bad_filters_are_refused() {
        let query =
            Query::parse("status=gone&workflow_id=1&created_after=soon&cursor=x&offset=9223372036854775808&payloads=1");
        assert!(query.status().is_err());
        assert!(query.id::<Uuid>("workflow_id").is_err());
        assert!(query.time("created_after").is_err());
        assert!(query.cursor().is_err());
        assert!(query.number("offset").is_err());
        assert!(query.wants_inline_payloads().is_err());
    }

    #[test]
    fn times_are_taken_in_the_forms_that_clients_write() {
        let same =
            ["2025-08-22T10:30:00Z", "2025-08-22T12:30:00+02:00", "2025-08-22T12:30:00%2B02:00", "2025-08-22T10:30:00"];
        for text in same {
            let time = Query::parse(&format!("at={text}")).time("at").unwrap().unwrap();
            assert_eq!(time.to_string(), "2025-08-22T10:30:00.000Z", "{text}");
        }
        assert_eq!(Query::parse("at=2025-08-22").time("at").unwrap().unwrap().to_string(), "2025-08-22T00:00:00.000Z");
    }
}
