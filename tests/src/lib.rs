//! Runs the programs of the workspace as a user does: starts them, waits
//! until they listen, reads what they print, stops them. Nothing here
//! sleeps: every wait is for a line, an end or a byte, and has a deadline.
//!
//! | module | holds |
//! |---|---|
//! | [`binaries`] | the workspace's root and its binaries, built when a test first asks for one |
//! | [`catalog`] | which programs there are, from their `[package.metadata.lab]` |
//! | `crib` | the examples of `RUST.md`, compiled |
//! | `faults` | what every long-running TCP server survives |
//! | [`network`] | a private network for each test |
//! | [`pairing`] | server and client in both languages: every pairing prints the same |
//! | [`program`] | starting a program (or its twin), reading its lines, ending it |
//! | `relay` | a bad network for UDP: drops, duplicates, reorders, delays, corrupts and spoofs datagrams |
//! | `seccomp` | a system that gives a program no socket (Linux) |
//! | [`wire`] | the peer played by hand: resets, descriptors and segments counted |

pub mod binaries;
pub mod catalog;
#[cfg(has_crib)]
mod crib;
#[cfg(has_faults)]
pub mod faults;
pub mod network;
pub mod pairing;
pub mod program;
#[cfg(has_relay)]
pub mod relay;
#[cfg(all(has_seccomp, target_os = "linux"))]
pub mod seccomp;
pub mod wire;

pub use program::{Finished, Program, Running};

use std::time::Duration;

/// How long a test waits for anything before it fails.
/// Far above what a busy machine with two cores needs.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a test waits for a program that builds others first, as `cargo lab` does.
pub const BUILD_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// The Rust program of a package, to run in the test's private network.
///
/// # Panics
///
/// When the package does not build.
pub fn rust(package: &str) -> Program {
    let program = program::rust(package);
    network::isolate();
    program
}

/// A package's Python twin, to run in the test's private network.
pub fn python(package: &str) -> Program {
    network::isolate();
    program::python(package)
}
