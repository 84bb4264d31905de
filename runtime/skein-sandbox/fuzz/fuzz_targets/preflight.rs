//! Any bytes as a guest's answer: refused, or sound Arrow of the planned schema. Never a panic.

#![no_main]

#[path = "../answer.rs"]
pub(crate) mod answer;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    answer::decode(input);
});
