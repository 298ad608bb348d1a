//! The core: what follows from something, and the state after it.

use divan::Bencher;

use crate::hand::{Case, cases};

#[divan::bench(args = cases())]
fn decide(bencher: Bencher<'_, '_>, case: &Case) {
    bencher.bench_local(|| case.happening.decide());
}

/// On a copy of the state, as an actor does it; the copy is part of what is measured.
#[divan::bench(args = cases())]
fn apply(bencher: Bencher<'_, '_>, case: &Case) {
    let events = case.happening.decide().events;
    bencher.bench_local(|| case.happening.apply(&events));
}
