//! The whole book, built once: its pages are compared with the programs, and opened in a browser.
//!
//! The book is built from runs of all programs, so these tests run only when they are asked for:
//! `cargo test -p lab-book --test site -- --ignored`. One that needs what this machine lacks is
//! ignored all the same, and says what that is.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]
#![allow(clippy::print_stdout, reason = "how much was looked at, for a person")]

#[cfg(target_os = "linux")]
mod browser;
#[cfg(target_os = "linux")]
mod build;
#[cfg(target_os = "linux")]
mod chromium;
#[cfg(target_os = "linux")]
mod exercises;
#[cfg(target_os = "linux")]
mod light;
#[cfg(target_os = "linux")]
mod list;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(target_os = "linux")]
mod predict;
#[cfg(target_os = "linux")]
mod runs;
#[cfg(target_os = "linux")]
mod site;

#[cfg(target_os = "linux")]
fn main() {
    list::run();
}

/// Elsewhere no run can be recorded.
#[cfg(not(target_os = "linux"))]
fn main() {}
