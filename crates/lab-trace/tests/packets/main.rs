//! The packets of a run as an independent program reads them: tshark, Wireshark's own on the
//! command line.
//!
//! `cargo test -p lab-trace --test packets -- --ignored`. Without tshark, or where the system
//! forbids networks of the run's own, the tests are ignored all the same, and say so.

#[cfg(target_os = "linux")]
mod streams;
#[cfg(target_os = "linux")]
mod tshark;

#[cfg(target_os = "linux")]
fn main() {
    streams::run_all();
}

/// Elsewhere no packet can be captured.
#[cfg(not(target_os = "linux"))]
fn main() {}
