//! Any order of messages, requests, lost connections and time in the client: what has to hold is
//! said in `client/protocol/drive.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use transparency_middleware::client::drive;

fuzz_target!(|bytes: &[u8]| drive::play(bytes));
