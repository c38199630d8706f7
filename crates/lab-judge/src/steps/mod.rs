//! Steps that the cases of many exercises take, whatever their protocol.
//!
//! | module | holds |
//! |---|---|
//! | [`texts`] | texts to send, and how they are cut |
//! | [`conversation`] | talking with a server, meeting a client |
//! | [`output`] | what a program has to print |
//! | [`rest`] | many clients, leaks, busy loops |
//! | [`lifetime`] | how a program ends, or is started again |
//! | [`datagrams`] | the same over UDP |
//! | [`guesses`] | what answers to guesses say about the number |
//! | [`wamp`] | a router that cuts its WebSocket frames anywhere, pings in between, and breaks off |

mod conversation;
pub mod datagrams;
pub mod guesses;
mod lifetime;
mod output;
mod rest;
mod texts;
pub mod wamp;

pub use crate::crash::crashed;
pub use conversation::{
    blaming, echo_on, exchange, exchange_exactly, expected_was, full_or_limited, last_words, meet,
    meet_silent, message_and_end, must_close, still_serves,
};
pub use lifetime::{
    ended_as_always, ends_or_goes_on, ends_well, ends_with_failure, nobody_listens, note_exit_code,
    restart,
};
pub use output::{
    has_printed_pieces, must_print, must_print_joined, must_print_now, must_print_what_came, prints,
};
pub use rest::{at_rest, closes_each, comes_to_rest, descriptors, in_time, many};
pub use texts::{PERIOD, all_bytes, bytes, cut, filler, filler_text};
