//! Sends a client's message back, one message per client, for one client after another.
//!
//! Python:     TCP echo server (CMPU4021 Week 2), and `twin.py`
//! Terminal 1: `cargo run -p cmpu-tcp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-tcp-echo-client -- --port 9900`
//! You see:    `Data: Test message. This …`; in terminal 2 `Received: Test message. Th` …
//! Safety:     listens on localhost, so only programs on this machine can connect

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::bail;
use labnet::{Cannot, WithTimeout, log, python, say};
use socket2::{Domain, Socket, Type};

/// How much of a client's message is received, in bytes.
const BUFFER_SIZE: usize = 2048;
/// How many clients may wait to be accepted.
const BACKLOG: i32 = 5;
/// How long a client may take to close its side after the echo.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> labnet::MainResult {
    let args = labnet::server_args("Sends a client's message back, one message per client.")
        .host("localhost")
        .timeout(60.0)
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
    listener.bind(&address.into()).cannot("bind to", address)?;

    // 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG).cannot("listen on", address)?;
    let port = labnet::log_listening(&listener)?.port();
    say!("Starting up echo server on {} port {port}", args.host)?;

    loop {
        say!("Waiting to receive message from client")?;

        // 5. Accept a client: a new socket, for this client alone
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        let peer = python::address(&peer);
        // An error on one connection ends that connection, not the server.
        if let Err(error) = serve(connection, peer, args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

/// Receives a client's message and sends it back.
///
/// A closed stdout is an error here too. It ends the server at the next line that `main` prints.
fn serve(connection: Socket, peer: python::Address, timeout: Duration) -> anyhow::Result<()> {
    // The server has one client at a time: without a limit, a silent one would stop all others.
    let mut connection = WithTimeout::new(connection, timeout)?;

    // region: exercise
    // 6. Receive the message: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = connection.read(&mut buffer)?;
    if count == 0 {
        bail!("closed the connection without a message");
    }
    // The echo is the bytes themselves. Only the lines printed here need text.
    let text = String::from_utf8_lossy(&buffer[..count]);
    say!("Data: {text}")?;

    // 7. Send it back
    connection.write_all(&buffer[..count])?;
    say!("sent {text} bytes back to {peer}")?; // The sheet prints the text, not the number.

    // 8. Close gracefully: end our direction, and read until the client closes too
    // If bytes of the client are unread, a plain close() sends RST, and the echo may be lost.
    labnet::close_gracefully(connection.into_inner(), CLOSE_TIMEOUT)?;
    Ok(())
    // endregion: exercise
}
