//! Events as text: what clients see, and what the journal gets.

use divan::Bencher;
use divan::counter::BytesCount;

use crate::hand::{Case, cases};

/// The public text of all events of one decision.
#[divan::bench(args = cases())]
fn public_json(bencher: Bencher<'_, '_>, case: &Case) {
    let turn = case.happening.turn();
    let text = || {
        let texts = turn.events.iter().map(|event| event.public_json(turn.after.id()).unwrap());
        texts.collect::<Vec<_>>()
    };
    let bytes: usize = text().iter().map(String::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench_local(text);
}

/// The rows too, with the private parts of the events, and the context where its row carries it.
#[divan::bench(args = cases())]
fn commit(bencher: Bencher<'_, '_>, case: &Case) {
    let turn = case.happening.turn();
    bencher.bench_local(|| turn.commit());
}
