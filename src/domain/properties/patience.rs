//! The model's idea of time: what counts as up-time, when something is due, how long a retry may wait. Milliseconds.

use crate::domain::{RetryPolicy, Seconds};

/// No timer of these tests is set for later.
pub(super) const FAR: i64 = 100_000_000_000_000;

/// When no process was there: one after the other, apart.
#[derive(Default)]
pub(super) struct Away(Vec<(i64, i64)>);

impl Away {
    pub(super) fn add(&mut self, from: i64, to: i64) {
        self.0.push((from, to));
    }

    /// How much of the time between two moments somebody was there.
    pub(super) fn uptime(&self, from: i64, to: i64) -> i64 {
        let shared = |(away, back): &(i64, i64)| (to.min(*back) - from.max(*away)).max(0);
        (to - from).max(0) - self.0.iter().map(shared).sum::<i64>()
    }
}

/// How long an execution has run, apart from pauses and outages.
pub(super) struct Stopwatch {
    spent: i64,
    since: Option<i64>,
}

impl Stopwatch {
    pub(super) fn start(now: i64) -> Self {
        Self { spent: 0, since: Some(now) }
    }

    pub(super) fn stop(&mut self, now: i64, away: &Away) {
        self.spent += self.since.take().map_or(0, |since| away.uptime(since, now));
    }

    pub(super) fn go_on(&mut self, now: i64) {
        assert!(self.since.is_none());
        self.since = Some(now);
    }

    pub(super) fn has_run(&self, timeout: i64, now: i64, away: &Away) -> bool {
        self.since.is_some_and(|since| now >= since && self.spent + away.uptime(since, now) >= timeout)
    }
}

/// How long a step that runs elsewhere is waited for.
pub(super) struct Patience {
    pub(super) in_all: i64,
    pub(super) in_silence: Option<i64>,
}

impl Patience {
    /// The type of the error that it ends with, if it has ended.
    pub(super) fn ended(&self, sent: i64, heard: i64, now: i64, away: &Away) -> Option<&'static str> {
        let late = away.uptime(sent, now) - self.in_all;
        let silent = self.in_silence.map(|longest| away.uptime(heard, now) - longest);
        match silent {
            Some(silent) if silent >= 0 && silent > late => Some("HeartbeatTimeout"),
            Some(_) | None => (late >= 0).then_some("Timeout"),
        }
    }
}

pub(super) fn millis(seconds: Seconds) -> i64 {
    (seconds.as_f64() * 1000.0).round() as i64
}

/// Asserts that `seconds` are a wait that `policy` may give after so many tries.
pub(super) fn check_wait(policy: &RetryPolicy, tries: u32, retry_after_millis: Option<u64>, seconds: f64) {
    let mut longest = policy.initial_interval_seconds.as_f64();
    (1..tries).for_each(|_| longest *= policy.backoff_coefficient);
    longest = longest.min(policy.max_interval_seconds.as_f64());
    let shortest = if policy.jitter { longest / 2.0 } else { longest };
    let asked = retry_after_millis.unwrap_or(0) as f64 / 1000.0;
    let (from, to) = (shortest.max(asked), longest.max(asked));
    // Rounded up to whole milliseconds, but for what a double loses.
    assert!((from - 1e-6..=to + 0.001).contains(&seconds), "{seconds} is not from {from} to {to}");
    assert!(((seconds * 1000.0) - (seconds * 1000.0).round()).abs() < 1e-4, "{seconds} are no whole milliseconds");
}
