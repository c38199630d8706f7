//! Every message against bytes that other people's serializers made: `tests/vectors/ours.json`,
//! which `tests/vectors/make.py` writes with msgpack and cbor2 for Python.
//!
//! The WAMP project's own vectors run by the same code where `scripts/peers` has fetched them: see
//! `tests/conformance.rs` of `transparency-service`.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod vectors;

use vectors::Count;

#[test]
fn each_message_is_what_other_serializers_make_of_it_and_the_wrong_ones_are_refused() {
    let mut count = Count::default();
    vectors::run("ours.json", include_str!("vectors/ours.json"), &mut count);
    let expected = Count {
        serialized: 35,
        valid: 0,
        refused: 56,
    };
    assert_eq!(count, expected);
}
