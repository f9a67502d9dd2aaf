//! JSON lines: webhooks, calls of the APIs and their answers, and what loggers write around them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::log(input));
