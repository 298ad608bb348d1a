//! How counters and histograms are made.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};

/// The upper bounds of the buckets for what takes a moment, in seconds.
pub(super) const MOMENTS: [f64; 16] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The same for steps, which may take hours.
pub(super) const STEPS: [f64; 17] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3_600.0];
/// The same for numbers of things that go together.
pub(super) const NUMBERS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

#[allow(clippy::expect_used, reason = "called with constants, which are names as Prometheus wants them")]
pub(super) fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("a good name")
}

#[allow(clippy::expect_used, reason = "called with constants, which are names as Prometheus wants them")]
pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("good names")
}

#[allow(clippy::expect_used, reason = "called with constants: a good name, and bounds in ascending order")]
pub(super) fn histogram(name: &str, help: &str, bounds: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    Histogram::with_opts(options).expect("a good name, and bounds in ascending order")
}

#[allow(clippy::expect_used, reason = "called with constants: good names, and bounds in ascending order")]
pub(super) fn histograms(name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    HistogramVec::new(options, labels).expect("good names, and bounds in ascending order")
}
