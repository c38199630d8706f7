//! Cases that several exercises share.
//!
//! | module | holds |
//! |---|---|
//! | [`common`] | what many exercises ask for, whatever their protocol: rest, restart, a clear end |
//! | [`shared`] | cases for every server and every client over TCP |
//! | [`echo`] | what an echo over TCP owes to its other side |
//! | [`datagrams`] | what servers and clients over UDP owe each other |
//! | [`asking`] | whether a program asks the system for a socket |

pub mod asking;
pub mod common;
pub mod datagrams;
pub mod echo;
pub mod shared;
