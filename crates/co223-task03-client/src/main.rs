//! Sends a message to the echo server and shows what comes back.
//!
//! Python:     `twin.py`, for Task03 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task03-server`
//! Terminal 2: `cargo run -p co223-task03-client 'Hello, server!'`
//! You see:    `Hello, server!`; in terminal 1 `Connection from … has been established.`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives. The echo may be longer.
const BUFFER_SIZE: usize = 1024;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Sends a message and shows its echo.")
        .port(1234)
        .parse_with::<Args>()?;
    let message = args.message.as_bytes();
    if message.is_empty() {
        return labnet::fail(
            "the message is empty",
            "an empty send puts nothing on the wire: give it at least one character",
        );
    }
    let address = shared.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p co223-task03-server")?;

    // 3. Send the message
    // All of it, before anything is read: the systems' buffers hold what is not read yet.
    server.write_all(message).cannot("send to", address)?;

    // 4. Receive until all of it is back
    // One send is not one recv: the echo may arrive in pieces. But its length is known.
    let mut echo = Vec::new();
    let mut buffer = [0; BUFFER_SIZE];
    while echo.len() < message.len() {
        let count = server.read(&mut buffer).cannot("receive from", address)?;
        if count == 0 {
            let (received, sent) = (echo.len(), message.len());
            return labnet::fail(
                format!("the server closed the connection after {received} of {sent} bytes"),
                "its terminal may say why",
            );
        }
        echo.extend_from_slice(&buffer[..count]);
    }

    // 5. Show the echo
    say!("{}", String::from_utf8_lossy(&echo))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} 'Good morning'"
)]
struct Args {
    /// the message (default 'Hello, server!'); put quotes around one with blanks
    #[argh(positional, default = "\"Hello, server!\".to_string()")]
    message: String,
}
