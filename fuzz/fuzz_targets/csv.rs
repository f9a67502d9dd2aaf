//! Tables, ours and those of other programs.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::log(input));
