//! Connects to the server of `transparency-socket5` and shows its thanks.
//!
//! Python:     `socket_6.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket5`
//! Terminal 2: `cargo run -p transparency-socket6`
//! You see:    `b'Thank you for connecting'`; in terminal 1 `Got connection from …`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::Read;

use labnet::{Cannot, Hint, python, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;

fn main() -> labnet::MainResult {
    let args = labnet::client_args("Connects to transparency-socket5 and shows its thanks.")
        .host("127.0.0.1")
        .port(12345)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // If no server listens, that machine's system answers the SYN with RST: connection refused.
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p transparency-socket5")?;

    // 3. Receive the message: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = server.read(&mut buffer).cannot("receive", "the message")?;
    if count == 0 {
        return labnet::fail(
            "the server closed the connection without a message",
            "its terminal may say why",
        );
    }
    say!("{}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: the sheet's `s.close()`.
