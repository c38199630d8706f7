//! Any bytes in any serialization: a message or an
//! error, and a message can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use transparency_middleware::messages::{Format, Message};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (which, bytes) = input;
    let format = Format::ALL[usize::from(which) % Format::ALL.len()];
    let Ok(message) = Message::decode(format, &bytes.into()) else {
        return;
    };
    let mut written = Vec::new();
    message
        .encode(format, &mut written)
        .expect("what was read can be written in the same serialization");
    let again = Message::decode(format, &written.into()).expect("what was written can be read");
    let mut rewritten = Vec::new();
    again.encode(format, &mut rewritten).expect("and written");
    for other in Format::ALL {
        let mut translated = Vec::new();
        // It may have no form there; that is an error, not a panic.
        if message.encode(other, &mut translated).is_ok() {
            Message::decode(other, &translated.into()).expect("a translation can be read");
        }
    }
});
