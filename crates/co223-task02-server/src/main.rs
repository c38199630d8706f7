//! Sends a message to each client and closes the connection.
//!
//! Python:     `twin.py`, for Task02 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task02-server`
//! Terminal 2: `cargo run -p co223-task02-client`
//! You see:    here `Connection from ('127.0.1.1', 51234) has been established.`, there `Welcome to the server!`
//! Safety:     listens on the address of this machine's own name: where that is no 127.…, others can connect

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, python, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// How many clients may wait while another is served: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;
/// How much of what a client may have sent is read and dropped before the close, in bytes.
const UNREAD_LIMIT: usize = 64 * 1024;

/// Sends a message to each client and closes the connection.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --host=127.0.0.1 --message 'Good morning'"
)]
struct Args {
    /// address to listen on (default: the address of this machine's name)
    #[argh(option)]
    host: Option<String>,
    /// port to listen on (default 1234; 0 takes any that is free)
    #[argh(option, default = "1234", from_str_fn(labnet::port))]
    port: u16,
    /// what each client is sent (default 'Welcome to the server!')
    #[argh(option, default = "\"Welcome to the server!\".to_string()")]
    message: String,
    /// seconds that a client which does not read may keep the others waiting (default 60)
    #[argh(
        option,
        default = "Duration::from_secs(60)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    if args.message.is_empty() {
        Err(anyhow!("the message is empty"))
            .hint("a send of no bytes sends nothing: give it at least a character")?;
    }
    let host = args.host.map_or_else(labnet::host_name, Ok)?;
    let address = labnet::resolve(&host, args.port)?;

    // region: exercise
    // 1. Create the listening socket
    let listener =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Allow the port to be used again at once
    // Connections that the last run closed stay in TIME_WAIT for a minute and would hold the port. Windows lets
    // servers start again without this, and would let another program share the port with it.
    #[cfg(not(windows))]
    listener
        .set_reuse_address(true)
        .context("cannot set SO_REUSEADDR")?;

    // 3. Bind it to the server's address
    listener
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;

    // 4. Listen: from here on the system completes handshakes
    listener
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
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
        // A client that breaks its connection ends its own conversation, not the server.
        if let Err(error) = serve(connection, args.message.as_bytes(), args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

/// Sends the message, whole.
fn serve(mut connection: Socket, message: &[u8], limit: Duration) -> anyhow::Result<()> {
    // A short message fits into the system's buffers and is sent at once. A long one waits for the client to read.
    connection
        .set_write_timeout(Some(limit))
        .context("cannot limit the time to wait")?;

    // region: exercise
    // 6. Send the message
    // One write of the system may take only a part of it: write_all, like sendall, goes on until all is taken.
    with_timeout(|| connection.write_all(message)).context("cannot send the message")?;

    // 7. Drop what the client has sent: a close over unread bytes would be a reset
    // A reset may destroy the message on its way. This client has nothing to say, but somebody with telnet may.
    connection
        .set_nonblocking(true)
        .context("cannot make the socket non-blocking")?;
    match connection.read(&mut [0; UNREAD_LIMIT]) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error).context("cannot receive"),
        _ => Ok(()),
    }

    // 8. Close the connection: that is how the client knows that the message is over
    // endregion: exercise
} // The connection is closed here, where its owner ends: Python's `with` block.
