//! What really happened in a run, as data, and how it is drawn in a terminal.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | the journal: processes, sockets, calls, segments, output, exits; its JSON |
//! | [`ties`] | which send each received byte came from, and which call each segment came from |
//! | [`picture`] | server, network and client in three columns |
//! | [`layout`] | the picture's rows as lines of a terminal |

#![deny(missing_docs)]

pub mod layout;
pub mod model;
pub mod picture;
pub mod ties;

pub use model::{
    Call, Data, Entry, Event, Exit, Journal, Outcome, Output, Piece, Process, Segment, Side,
    Socket, Stream, Transport,
};
