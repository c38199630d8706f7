//! The limits that a user may set: read and checked, for the command line and for the resume file.

use std::time::Duration;

/// What the scan may do.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// SYNs to a silent port at most, without a second look; `None` is as many as it takes.
    pub tries: Option<u8>,
    /// The most probes in flight.
    pub window: usize,
    /// The most probes a second.
    pub rate: Option<f64>,
    /// The wait for an answer before a host's first one, and the longest wait after it.
    pub timeout: Option<Duration>,
    /// The shortest wait for an answer, however quickly a host has answered before.
    pub least_wait: Option<Duration>,
    /// Keep the state of every port, not only of the open ones.
    pub details: bool,
}

/// Reads the most probes a second.
///
/// # Errors
///
/// Says what a rate is.
pub fn rate(word: &str) -> Result<f64, String> {
    word.parse()
        .ok()
        .filter(|rate| (0.1..=10_000_000.0).contains(rate))
        .ok_or_else(|| "a rate is a number of probes a second from 0.1 to 10000000".to_string())
}

/// Reads how often a silent port is tried.
///
/// # Errors
///
/// Says which numbers are allowed.
pub fn tries(word: &str) -> Result<u8, String> {
    word.parse()
        .ok()
        .filter(|tries| (1..=20).contains(tries))
        .ok_or_else(|| "the number of tries is a whole number from 1 to 20".to_string())
}

/// Reads the most probes in flight at once.
///
/// # Errors
///
/// Says what a window is.
pub fn window(word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|window| (1..=1_000_000).contains(window))
        .ok_or_else(|| "a window is a whole number from 1 to 1000000".to_string())
}
