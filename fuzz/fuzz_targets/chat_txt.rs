//! Chats as WhatsApp exports them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fbwin_fuzz::log(input));
