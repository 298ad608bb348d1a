//! Exit codes of the commands that scripts use.

use std::process::ExitCode;

use thiserror::Error;

use super::client::ClientError;

/// What the help of those commands says of them.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  done; the execution that was watched completed
    1  the execution that was watched failed
    2  wrong usage: an argument, a file that cannot be read, data that is no JSON
    3  the execution that was watched was cancelled
    4  it is paused (with --exit-when-paused)
    5  Discovery cannot be reached, or it is no Discovery
    6  Discovery refuses: there is no such execution or workflow, or the data is not valid
  130  interrupted (Ctrl-C); the execution goes on";

/// How a command ends; the number is its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Cancelled = 3,
    Paused = 4,
    Unreachable = 5,
    Refused = 6,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What is wrong with what the command was given.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

/// What Discovery does not have.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct NotThere(pub(super) String);

/// Says why a command could not do what it was to do, and gives the code for it.
pub(super) fn told(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    exit_of(error).into()
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<UsageError>() {
        return Exit::Usage;
    }
    if error.is::<NotThere>() {
        return Exit::Refused;
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::BadUrl { .. }) => Exit::Usage,
        Some(ClientError::Unreachable { .. } | ClientError::Strange { .. }) => Exit::Unreachable,
        Some(ClientError::Refused(problem)) if problem.is_passing() => Exit::Unreachable,
        Some(ClientError::Refused(_)) => Exit::Refused,
        None => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use awc::http::StatusCode;

    use super::super::problem::Problem;
    use super::*;

    #[test]
    fn every_error_has_the_code_that_help_says() {
        let refused = |status| ClientError::Refused(Problem::read(status, b"{}"));
        let unreachable = ClientError::Unreachable { base: "b".to_owned(), reason: "r".to_owned() };
        for (error, exit) in [
            (UsageError("x".to_owned()).into(), Exit::Usage),
            (NotThere("x".to_owned()).into(), Exit::Refused),
            (unreachable.into(), Exit::Unreachable),
            (refused(StatusCode::NOT_FOUND).into(), Exit::Refused),
            (refused(StatusCode::SERVICE_UNAVAILABLE).into(), Exit::Unreachable),
            (anyhow::anyhow!("else"), Exit::Failed),
        ] {
            assert_eq!(exit_of(&error), exit, "{error:?}");
            assert!(EXIT_CODES.contains(&format!("\n{:5}  ", exit as u8)), "{exit:?}");
        }
    }
}
