//! JSON documents: dumps of the Graph API, Download Your Information, arrays of records.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::log(input));
