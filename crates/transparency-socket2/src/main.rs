//! Creates an IPv4 TCP socket and says whether that worked.
//!
//! Python:     `socket_2.py` (Distribution transparency), beside `twin.py`
//! Terminal 1: `cargo run -p transparency-socket2`
//! You see:    `Socket Created`
//! Safety:     a socket without an address reaches nobody and is reached by nobody

use std::io;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, say};
use socket2::{Domain, Socket, Type};

/// Creates an IPv4 TCP socket and says whether that worked.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name}")]
struct Args {}

fn main() -> labnet::MainResult {
    let Args {} = labnet::args()?;

    // region: exercise
    // 1. Create the socket
    let _socket = match Socket::new(Domain::IPV4, Type::STREAM, None) {
        Ok(socket) => socket,
        Err(error) => {
            // 2. Say why it failed, and end with exit code 1
            // Python raises OSError here, Rust returns an Err: either way a number from the system and its text.
            let (code, message) = code_and_message(&error);
            say!("Failed to create socket. Error code: {code} , Error message : {message}")?;
            return Err(error)
                .context("cannot create a TCP socket")
                .hint("too many open files? ulimit -n shows how many this shell allows")?;
        }
    };

    // 3. Say that it worked
    say!("Socket Created")?;
    Ok(())
    // endregion: exercise
}

/// The system's error number (`errno`) and its text (`strerror`), as Python's `OSError` holds them.
fn code_and_message(error: &io::Error) -> (i32, String) {
    // Rust's own text ends with the number once more: "Too many open files (os error 24)".
    let code = error.raw_os_error().unwrap_or_default();
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    (code, text[..end].to_string())
}
