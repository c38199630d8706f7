//! Sends back what a client sends, for one client after another.
//!
//! Python:     `twin.py`, for Task03 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task03-server`
//! Terminal 2: `cargo run -p co223-task03-client 'Hello, server!'`
//! You see:    `Connection from ('127.0.1.1', 51234) has been …`; in terminal 2 the message
//! Safety:     listens on this machine's name; unless its address is 127.…, others can connect

use std::io::{self, Read, Write};
use std::time::Duration;

use labnet::{Cannot, WithTimeout, log, python, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;

fn main() -> labnet::MainResult {
    let args = labnet::server_args("Sends back what a client sends.")
        .port(1234)
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
        say!("Connection from {peer} has been established.")?;
        // An error on one connection ends that connection, not the server.
        if let Err(error) = serve(connection, args.timeout) {
            log!("{peer}: {error}");
        }
    }
    // endregion: exercise
}

/// Echoes what a client sends until it closes the connection.
fn serve(connection: Socket, timeout: Duration) -> io::Result<()> {
    // The server has one client at a time: without a limit, a silent one would stop all others.
    let mut connection = WithTimeout::new(connection, timeout)?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a piece: whatever one recv gives
        // An echo needs to know neither what the bytes mean nor where a message ends.
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Ok(()); // The client has closed its side, and has everything back.
        }

        // 7. Send it back
        connection.write_all(&buffer[..count])?;
    }
    // endregion: exercise
}
