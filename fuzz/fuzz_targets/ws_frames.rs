#![no_main]

use targets::{Slot, WsFrames, take};

thread_local! {
    static TARGET: Slot<WsFrames> = Slot::default();
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| take(&TARGET, input));
