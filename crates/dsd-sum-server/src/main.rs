//! Adds the numbers that a client sends, for one client after another.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 4; the sheet has no program)
//! Terminal 1: `cargo run -p dsd-sum-server`
//! Terminal 2: `cargo run -p dsd-sum-client 1 2 3 4 5`
//! You see:    `Connected by ('127.0.0.1', 51234)`; in terminal 2 `Server says: 15`
//! Safety:     listens on 127.0.0.1, so only programs on this machine can connect

mod sum;

use std::io::{self, Read, Write};
use std::time::Duration;

use labnet::{Cannot, WithTimeout, log, python, say};
use socket2::{Domain, Socket, Type};

/// What one recv gives is one request. It must be shorter than 1,024 bytes, because one that fills
/// the buffer may have been cut.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted.
const BACKLOG: i32 = 128;
const TOO_LONG: &str = "error: a request of 1024 bytes or more may be cut short; \
                        exercise 5, with <EOF>, takes messages of any size";

fn main() -> labnet::MainResult {
    let args = labnet::server_args("Adds the numbers that a client sends.")
        .host("127.0.0.1")
        .port(65432)
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
    labnet::log_listening(&listener)?;

    loop {
        // 5. Accept a client: a new socket, for this client alone
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        let peer = python::address(&peer);
        say!("Connected by {peer}")?;
        // An error on one connection ends that connection, not the server.
        if let Err(error) = serve(connection, args.timeout) {
            log!("{peer}: {error}");
        }
    }
    // endregion: exercise
}

/// Answers a client's requests until it closes the connection.
fn serve(connection: Socket, timeout: Duration) -> io::Result<()> {
    // The server has one client at a time: without a limit, a silent one would stop all others.
    let mut connection = WithTimeout::new(connection, timeout)?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a request: whatever one recv gives
        // TCP carries bytes, not messages. A short request that is sent with one call usually
        // arrives in one piece. If it arrives in two, each piece is added up alone. Exercise 5
        // fixes that.
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Ok(()); // The client has closed its side.
        }

        // 7. Refuse a request that fills the buffer: the rest may still be on its way
        // The rest must not be taken for the next request, so the server closes the connection.
        if count == BUFFER_SIZE {
            connection.write_all(TOO_LONG.as_bytes())?;
            labnet::close_gracefully(connection.into_inner(), timeout)?;
            return Err(io::Error::other("closed: the request filled the buffer"));
        }

        // 8. Send the sum back
        connection.write_all(sum::answer(&buffer[..count]).as_bytes())?;
    }
    // endregion: exercise
}
