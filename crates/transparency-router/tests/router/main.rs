//! The router as a program, met by clients of all kinds.
//!
//! | module | tests |
//! |---|---|
//! | [`memory`] | What it must survive: clients that want its memory or hold its realm |
//! | [`operation`] | Running it: addresses, logs, signals, settings, counters |
//! | [`program`] | What it says, who it lets in, what it serves next to WAMP |
//! | [`survival`] | What it must survive |
//! | [`support`] | The router as a process, and peers that speak to it frame by frame |
//! | [`websocket`] | The transport, frame by frame |

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends with its panic"
)]

mod memory;
mod operation;
mod program;
mod support;
mod survival;
mod websocket;
