//! Thanks each client for connecting and closes the connection.
//!
//! Python:     `socket_5.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket5`
//! Terminal 2: `cargo run -p transparency-socket6`
//! You see:    `Socket successfully created`, `socket binded to 12345`, `socket is listening`
//!             and `Got connection from …`; in terminal 2 `b'Thank you for connecting'`
//! Safety:     listens on every interface, as the sheet says, so other machines can connect;
//!             --host 127.0.0.1 keeps it to this machine

use std::io::{self, Write};
use std::time::Duration;

use labnet::{Cannot, log, python, say};
use socket2::{Domain, Socket, Type};

/// How many clients may wait to be accepted.
const BACKLOG: i32 = 5;
const THANKS: &[u8] = b"Thank you for connecting";

fn main() -> labnet::MainResult {
    let args = labnet::server_args("Thanks each client for connecting.")
        .host("")
        .port(12345)
        .timeout(1.0)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the listening socket
    let listener =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;
    say!("Socket successfully created")?;

    // 2. Allow the port to be used again at once
    // This server closes first, so its side would hold the port for a minute (TIME_WAIT). Windows
    // does not need this option; there it would let another program share the port.
    #[cfg(not(windows))]
    listener
        .set_reuse_address(true)
        .cannot("set", "SO_REUSEADDR")?;

    // 3. Bind it to the server's address
    listener.bind(&address.into()).cannot("bind to", address)?;
    let port = labnet::local_address(&listener)?.port();
    say!("socket binded to {port}")?;

    // 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG).cannot("listen on", address)?;
    say!("socket is listening")?;
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
        say!("Got connection from {peer}")?;
        // An error on one connection ends that connection, not the server.
        if let Err(error) = thank(connection, args.timeout) {
            log!("{peer}: {error}");
        }
    }
    // endregion: exercise
}

/// Thanks a client, and waits at most `timeout` until it has closed too.
fn thank(mut connection: Socket, timeout: Duration) -> io::Result<()> {
    // region: exercise
    // 6. Send the thanks
    // They always fit into the send buffer, so a client that does not read cannot stop this.
    connection.write_all(THANKS)?;

    // 7. Close gracefully: end our direction, and read until the client closes too
    // If bytes of the client are unread, a plain close() sends RST, and the thanks may be lost.
    labnet::close_gracefully(connection, timeout)
    // endregion: exercise
}
