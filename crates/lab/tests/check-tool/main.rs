//! `cargo lab check`, `grade`, `watch` and `doctor` as their users meet them: command lines, exit codes, files, and what is
//! left on the machine afterwards.
//!
//! Slow tests are ignored; `cargo test -p lab --test check-tool -- --ignored` runs them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod address;
mod doctor;
mod golden;
mod grading;
mod hostile;
mod repeats;
mod reports;
mod tool;
mod watching;
