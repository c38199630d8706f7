//! Sends `Hello, world` to the echo server and shows what comes back.
//!
//! Python:     `twin.py`, for the sheet's `echo-client.py` (Codio: Socket Programming)
//! Terminal 1: `cargo run -p codio-echo-server`
//! Terminal 2: `cargo run -p codio-echo-client`
//! You see:    `Received b'Hello, world'`; in terminal 1 `Connected by ('127.0.0.1', 51234)`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use labnet::{Cannot, Hint, python, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;
/// A socket carries bytes, and in Rust as in Python `b""` makes bytes, not text.
const MESSAGE: &[u8] = b"Hello, world";

fn main() -> labnet::MainResult {
    let args = labnet::client_args("Sends 'Hello, world' to codio-echo-server.")
        .host("127.0.0.1")
        .port(65432)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // There is no bind before it: the system chooses this socket's port, and the server prints it.
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p codio-echo-server")?;

    // 3. Send the message
    server.write_all(MESSAGE).cannot("send to", address)?;

    // 4. Receive the answer: whatever one recv gives
    // Twelve bytes sent at once usually come in one piece. A longer answer may need several recvs.
    let mut buffer = [0; BUFFER_SIZE];
    let count = server.read(&mut buffer).cannot("receive from", address)?;
    if count == 0 {
        return labnet::fail(
            "the server closed the connection without an answer",
            "its terminal may say why",
        );
    }
    say!("Received {}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.
