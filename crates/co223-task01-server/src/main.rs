//! Prints a line for each connection, and closes it.
//!
//! Python:     `twin.py`, for Task01 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task01-server`
//! Terminal 2: `cargo run -p co223-task01-client`
//! You see:    `Connection from ('127.0.1.1', 51234) has been …`; in terminal 2 nothing
//! Safety:     listens on this machine's name; unless its address is 127.…, others can connect

use labnet::{Cannot, python, say};
use socket2::{Domain, Socket, Type};

/// How many clients may wait to be accepted: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;

fn main() -> labnet::MainResult {
    // Without --host the system looks up this machine's name, in /etc/hosts first.
    let args = labnet::server_args("Prints a line for each connection, and closes it.")
        .port(1234)
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the listening socket
    // AF_INET: IPv4. SOCK_STREAM: a stream of bytes, which is TCP.
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
    // A client has to know the port, so a server chooses it. The system chooses a client's port.
    listener.bind(&address.into()).cannot("bind to", address)?;

    // 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG).cannot("listen on", address)?;
    labnet::log_listening(&listener)?;

    loop {
        // 5. Accept a client: a new socket, for this client alone
        // accept waits for a client. The listening socket stays as it is, for the next one.
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        let peer = python::address(&peer);
        say!("Connection from {peer} has been established.")?;

        // 6. Close the connection
        // Nothing is sent in this task. Rust would also close it at the end of the block.
        drop(connection);
    }
    // endregion: exercise
}
