//! Connects to the server and ends.
//!
//! Python:     `twin.py`, for Task01 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task01-server`
//! Terminal 2: `cargo run -p co223-task01-client`
//! You see:    nothing; in terminal 1 `Connection from ('127.0.1.1', 51234) has been …`
//! Safety:     connects to this machine only, unless you name another with --host

use labnet::{Cannot, Hint};
use socket2::{Domain, Socket, Type};

fn main() -> labnet::MainResult {
    // Without --host both programs look up this machine's name, and find the same address.
    let args = labnet::client_args("Connects to co223-task01-server and ends.")
        .port(1234)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the socket
    // AF_INET: IPv4. SOCK_STREAM: a stream of bytes, which is TCP. It is not connected yet.
    let server = Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // SYN, SYN and ACK, ACK. It is done when the server's system has answered, even before accept.
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p co223-task01-server")?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.
