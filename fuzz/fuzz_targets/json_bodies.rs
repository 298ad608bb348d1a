#![no_main]

use targets::{JsonBodies, Slot, take};

thread_local! {
    static TARGET: Slot<JsonBodies> = Slot::default();
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| take(&TARGET, input));
