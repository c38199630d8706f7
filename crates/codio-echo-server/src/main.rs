//! Sends everything back to its one client, and ends when that client leaves.
//!
//! Python:     `twin.py`, for the sheet's `echo-server.py` (Codio: Socket Programming)
//! Terminal 1: `cargo run -p codio-echo-server`
//! Terminal 2: `cargo run -p codio-echo-client`
//! You see:    `Connected by ('127.0.0.1', 51234)`; in terminal 2 `Received b'Hello, world'`
//! Safety:     listens on 127.0.0.1, so only programs on this machine can connect

use std::io::{Read, Write};

use labnet::{Cannot, python, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted.
const BACKLOG: i32 = 128;

fn main() -> labnet::MainResult {
    let args = labnet::server_args(
        "Sends everything back to its one client, and ends when that client leaves.",
    )
    .host("127.0.0.1")
    .port(65432)
    .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the listening socket
    let listener =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Allow the port to be used again at once
    // Closed connections would hold the port for a minute (TIME_WAIT). Windows does not need this
    // option; there it would let another program share the port.
    #[cfg(not(windows))]
    listener
        .set_reuse_address(true)
        .cannot("set", "SO_REUSEADDR")?;

    // 3. Bind it to the server's address
    // Without this call the system would choose the port, and no client could know it.
    listener.bind(&address.into()).cannot("bind to", address)?;

    // 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG).cannot("listen on", address)?;
    labnet::log_listening(&listener)?;

    // 5. Accept a client: a new socket, for this client alone
    let (mut connection, peer) = listener.accept().cannot("accept", "a client")?;
    let peer = python::address(&peer);
    say!("Connected by {peer}")?;

    let mut buffer = [0; BUFFER_SIZE];
    loop {
        // 6. Receive a piece: whatever one recv gives
        // A client may send more than the buffer holds: the rest waits in the system.
        let count = connection.read(&mut buffer).cannot("receive from", peer)?;
        if count == 0 {
            return Ok(()); // The client has closed its side, and has everything back.
        }

        // 7. Send it back
        connection
            .write_all(&buffer[..count])
            .cannot("send back to", peer)?;
    }
    // endregion: exercise
}
