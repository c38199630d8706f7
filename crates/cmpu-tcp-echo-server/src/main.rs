//! Sends a client's message back, one message a client, for one client after another.
//!
//! Python:     TCP echo server (CMPU4021 Week 2), beside `twin.py`
//! Terminal 1: `cargo run -p cmpu-tcp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-tcp-echo-client -- --port 9900`
//! You see:    here `Data: Test message. This will be echoed`, there `Received: Test message. Th` and the rest
//! Safety:     only programs on this machine can connect, since it listens on localhost

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The most that is received of a client's message, in bytes.
const BUFFER_SIZE: usize = 2048;
/// How many clients may wait while another is served.
const BACKLOG: i32 = 5;
/// How long a client may take to close its side after the echo.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends a client's message back, one message a client.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900"
)]
struct Args {
    /// address to listen on (default localhost: this machine only)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// port to listen on (the sheet uses 9900; 0 takes any that is free)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
    /// seconds that a silent client may keep the others waiting (default 60)
    #[argh(
        option,
        default = "Duration::from_secs(60)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the listening socket
    let listener =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Allow the port to be used again at once
    // Connections that this server closed stay in TIME_WAIT for a minute and would hold the port. Windows lets
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
        // A client that breaks its connection ends its own conversation, not the server.
        if let Err(error) = serve(connection, peer, args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

/// Receives a client's message and sends it back. A closed stdout also ends up here as an error: it ends the server at
/// the next line that `main` prints.
fn serve(mut connection: Socket, peer: python::Address, limit: Duration) -> anyhow::Result<()> {
    // One client at a time: one that says nothing would stop all the others.
    connection
        .set_read_timeout(Some(limit))
        .context("cannot limit the time to wait")?;

    // region: exercise
    // 6. Receive the message: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = with_timeout(|| connection.read(&mut buffer)).context("cannot receive")?;
    if count == 0 {
        return Err(anyhow!("closed the connection without a message"));
    }
    // The echo is the bytes themselves. Only the lines printed here need text, and show what is not UTF-8 as �.
    let text = String::from_utf8_lossy(&buffer[..count]);
    say!("Data: {text}")?;

    // 7. Send it back
    // It always fits into the socket's send buffer, so a client that does not read cannot hold this up.
    connection
        .write_all(&buffer[..count])
        .context("cannot send the echo")?;
    say!("sent {text} bytes back to {peer}")?; // The sheet prints the text where the count belongs.

    // 8. Hang up: end this direction, and read until the client has closed too
    // A plain close() with bytes of the client unread would send RST, which may destroy the echo on its way.
    labnet::close_gracefully(connection, PATIENCE).context("cannot hang up")
    // endregion: exercise
}
