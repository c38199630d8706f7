//! Runs the programs of the workspace as a user does: starts them, waits until they listen, reads what they print,
//! stops them. Nothing here sleeps: every wait is for a line, an end or a byte, and has a deadline.
//!
//! | module | holds |
//! |---|---|
//! | [`catalogue`] | which programs there are, from their `[package.metadata.lab]` |
//! | `denied` | a system that gives a program no socket (Linux) |
//! | `faults` | what every TCP server that goes on survives |
//! | [`program`] | starting a program (or its twin), reading its lines, ending it |
//! | [`pairing`] | server and client in both languages: the same words, whoever talks to whom |
//! | `relay` | a bad network for UDP: loses, repeats, reorders, delays, changes and forges datagrams |
//! | [`wire`] | the peer played by hand: resets, descriptors and segments counted |

pub mod catalogue;
#[cfg(all(has_denied, target_os = "linux"))]
pub mod denied;
#[cfg(has_faults)]
pub mod faults;
pub mod pairing;
pub mod program;
#[cfg(has_relay)]
pub mod relay;
pub mod wire;

pub use program::{Finished, Program, Running, python, rust};

use std::time::Duration;

/// How long a test waits for anything before it fails. Far above what a busy machine with two cores needs.
pub const DEADLINE: Duration = Duration::from_secs(30);
