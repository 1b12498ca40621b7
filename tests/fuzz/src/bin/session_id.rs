#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sidgate_fuzz::run("session_id", data));
