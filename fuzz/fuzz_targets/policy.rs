//! Policy files: what is accepted is used, and what is refused has a reason.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::policy(input));
