#![no_main]

use targets::{Slot, YamlDefinitions, take};

thread_local! {
    static TARGET: Slot<YamlDefinitions> = Slot::default();
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| take(&TARGET, input));
