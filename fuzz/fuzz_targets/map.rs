//! The value of `--map`, and a table that is read by it.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::map(input));
