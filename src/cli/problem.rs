//! What a server's refusal says (RFC 9457), as text for a terminal.

use std::fmt;

use awc::http::StatusCode;
use serde::Deserialize;

/// A refusal: one sentence, and what is wrong with which field.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) status: u16,
    title: Option<String>,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct FieldProblem {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    detail: String,
}

impl Problem {
    /// Reads the body of a refusal; one that is no problem+json leaves the status alone to speak.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let problem: Self = serde_json::from_slice(body).unwrap_or_default();
        Self { status: status.as_u16(), ..problem }
    }

    /// Whether the server, or a proxy before it, may well answer the same request in a while.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }

    /// The sentence up to the fields, where it names all of them: each has a line of its own here.
    fn without_fields<'a>(&self, sentence: &'a str) -> &'a str {
        match sentence.split_once(": /") {
            Some((before, _))
                if !self.errors.is_empty() && self.errors.iter().all(|error| sentence.contains(&error.pointer)) =>
            {
                before
            }
            Some(_) | None => sentence,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_ref().or(self.title.as_ref()) {
            Some(sentence) => write!(f, "{}", self.without_fields(sentence))?,
            None => write!(f, "The server answered with HTTP {} and does not say why.", self.status)?,
        }
        for error in &self.errors {
            let pointer = if error.pointer.is_empty() { "(the whole)" } else { &error.pointer };
            write!(f, "\n  {pointer}: {}", error.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_sentence_and_a_line_for_each_field() {
        let body = br#"{"type": "about:blank", "title": "Unprocessable Entity", "status": 422,
            "detail": "The workflow is not valid.",
            "errors": [{"pointer": "/steps/0/name", "detail": "is required"}, {"pointer": "", "detail": "is odd"}]}"#;
        let problem = Problem::read(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(
            problem.to_string(),
            "The workflow is not valid.\n  /steps/0/name: is required\n  (the whole): is odd"
        );
    }

    #[test]
    fn a_sentence_that_names_its_fields_does_not_name_them_twice() {
        let body = br#"{"detail": "The body is not valid: /name is required.",
            "errors": [{"pointer": "/name", "detail": "is required"}]}"#;
        let problem = Problem::read(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(problem.to_string(), "The body is not valid\n  /name: is required");
        let lone = Problem::read(StatusCode::NOT_FOUND, br#"{"detail": "There is nothing at: /x."}"#);
        assert_eq!(lone.to_string(), "There is nothing at: /x.");
    }

    #[test]
    fn a_refusal_without_words_still_says_something() {
        let problem = Problem::read(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(problem.to_string(), "The server answered with HTTP 502 and does not say why.");
        assert_eq!(problem.status, 502);
    }
}
