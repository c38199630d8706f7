//! Sends a message to each client and closes the connection.
//!
//! Python:     `twin.py`, for Task02 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task02-server`
//! Terminal 2: `cargo run -p co223-task02-client`
//! You see:    `Connection from ('127.0.1.1', 51234) has been …`; in terminal 2 the message
//! Safety:     listens on this machine's name; unless its address is 127.…, others can connect

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, WithTimeout, log, python, say};
use socket2::{Domain, Socket, Type};

/// How many clients may wait to be accepted: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;
/// How much of what a client sent is dropped before the close, in bytes.
const UNREAD_LIMIT: usize = 64 * 1024;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::server_args("Sends a message to each client.")
        .port(1234)
        .timeout(60.0)
        .parse_with::<Args>()?;
    if args.message.is_empty() {
        return labnet::fail(
            "the message is empty",
            "an empty send puts nothing on the wire: give it at least one character",
        );
    }
    let address = shared.address()?;

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
        if let Err(error) = serve(connection, args.message.as_bytes(), shared.timeout) {
            log!("{peer}: {error}");
        }
    }
    // endregion: exercise
}

/// Sends the whole message.
fn serve(connection: Socket, message: &[u8], timeout: Duration) -> io::Result<()> {
    // Without a limit, a client that does not read a long message could stop all others.
    let mut connection = WithTimeout::new(connection, timeout)?;

    // region: exercise
    // 6. Send the message
    // One send may take only a part of it. write_all, like Python's sendall, sends the rest too.
    connection.write_all(message)?;

    // 7. Drop what the client has sent: a close over unread bytes would be a reset
    // A reset may destroy the message on its way. Our client sends nothing, but telnet may.
    let mut connection = connection.into_inner();
    connection.set_nonblocking(true)?;
    if let Err(error) = connection.read(&mut [0; UNREAD_LIMIT])
        && error.kind() != ErrorKind::WouldBlock
    {
        return Err(error);
    }

    // 8. Close the connection: that is how the client knows that the message is over
    drop(connection);
    Ok(())
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --message 'Good morning'"
)]
struct Args {
    /// what each client is sent (default 'Welcome to the server!')
    #[argh(option, default = "\"Welcome to the server!\".to_string()")]
    message: String,
}
