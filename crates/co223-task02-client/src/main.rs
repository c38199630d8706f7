//! Reads the server's message to its end and shows it.
//!
//! Python:     `twin.py`, for Task02 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task02-server`
//! Terminal 2: `cargo run -p co223-task02-client`
//! You see:    `Welcome to the server!`; in terminal 1 `Connection from … has been …`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::Read;

use labnet::{Cannot, Hint, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives. The message may be longer.
const BUFFER_SIZE: usize = 1024;
/// The longest message that is kept, in bytes: a server that never closes must not fill the memory.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

fn main() -> labnet::MainResult {
    let args = labnet::client_args("Shows the message that co223-task02-server sends.")
        .port(1234)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p co223-task02-server")?;

    // 3. Receive until the server closes
    // No piece says that it is the last one. An empty recv does: the server's FIN has arrived.
    let mut message = Vec::new();
    let mut buffer = [0; BUFFER_SIZE];
    loop {
        let count = server.read(&mut buffer).cannot("receive from", address)?;
        if count == 0 {
            break;
        }
        message.extend_from_slice(&buffer[..count]);
        if message.len() > MESSAGE_LIMIT {
            return labnet::fail(
                format!("the message is longer than {MESSAGE_LIMIT} bytes"),
                "is this the server of task 2?",
            );
        }
    }
    if message.is_empty() {
        return labnet::fail(
            "the server closed the connection without a message",
            "its terminal may say why",
        );
    }

    // 4. Show the message
    // Decoded as a whole, since a piece may end in the middle of a character.
    say!("{}", String::from_utf8_lossy(&message))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.
