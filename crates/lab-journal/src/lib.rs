//! What really happened in a run, as data, and how it is drawn: in a terminal, as SVG, as a page.
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | the journal: processes, sockets, calls, segments, output, exits; its JSON |
//! | [`ties`] | which send each received byte came from, and which call each segment came from |
//! | [`queues`] | what lies in the kernel's send and receive queues at each moment |
//! | [`picture`] | server, network and client in three columns |
//! | [`layout`] | the picture's rows as lines of a terminal |
//! | [`svg`] | the picture as SVG |
//! | [`pcapng`] | captured packets as a file for Wireshark |
//! | [`html`] | the run as a page with a slider and the queues |

#![deny(missing_docs)]

pub mod html;
pub mod layout;
pub mod model;
pub mod pcapng;
pub mod picture;
pub mod queues;
pub mod svg;
pub mod ties;

pub use model::{
    Call, Data, Entry, Event, Exit, Journal, Outcome, Output, Piece, Process, Segment, Side,
    Socket, Source, Stream, Transport,
};
