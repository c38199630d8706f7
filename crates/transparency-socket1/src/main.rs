//! Creates an IPv4 TCP socket, and nothing else.
//!
//! Python:     `socket_1.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket1`
//! You see:    nothing, and that is good news: the exit code is 0
//! Safety:     a socket without an address sends nothing and receives nothing

use argh::{ArgsInfo, FromArgs};
use labnet::Cannot;
use socket2::{Domain, Socket, Type};

/// Creates an IPv4 TCP socket, and nothing else.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name}")]
struct Args {}

fn main() -> labnet::MainResult {
    let Args {} = labnet::args()?;

    // region: exercise
    // 1. Create the socket
    // AF_INET is IPv4, SOCK_STREAM is TCP. No packet leaves the machine: the system only makes an
    // entry in this program's table of open files.
    let _socket = Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.
