//! Creates an IPv4 TCP socket and says whether that worked.
//!
//! Python:     `socket_2.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket2`
//! You see:    `Socket Created`
//! Safety:     a socket without an address sends nothing and receives nothing

use argh::{ArgsInfo, FromArgs};
use labnet::{python, say};
use socket2::{Domain, Socket, Type};

/// Creates an IPv4 TCP socket and says whether that worked.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name}")]
struct Args {}

fn main() -> labnet::MainResult {
    let Args {} = labnet::args()?;

    // region: exercise
    // 1. Create the socket
    let created = Socket::new(Domain::IPV4, Type::STREAM, None);

    // 2. Say why it failed, and end with exit code 1
    // Python raises OSError, Rust returns an Err: both hold the system's error number and its text.
    if let Err(error) = created {
        let (code, message) = (python::errno(&error), python::strerror(&error));
        say!("Failed to create socket. Error code: {code} , Error message : {message}")?;
        return labnet::fail(
            format!("cannot create a TCP socket: {error}"),
            "too many open files? ulimit -n shows how many this shell allows",
        );
    }

    // 3. Say that it worked
    say!("Socket Created")?;
    Ok(())
    // endregion: exercise
}
