#![no_main]

use targets::{Slot, WorkerAnswers, take};

thread_local! {
    static TARGET: Slot<WorkerAnswers> = Slot::default();
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| take(&TARGET, input));
