//! Thanks each client for connecting and closes the connection.
//!
//! Python:     `socket_5.py` (Distribution transparency), beside `twin.py`
//! Terminal 1: `cargo run -p transparency-socket5`
//! Terminal 2: `cargo run -p transparency-socket6`
//! You see:    here `Socket successfully created`, `socket binded to 12345`, `socket is listening` and
//!             `Got connection from ('127.0.0.1', 51234)`, there `b'Thank you for connecting'`
//! Safety:     other machines can connect, since the sheet has it listen on every interface; --host 127.0.0.1
//!             keeps it to this machine

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say};
use socket2::{Domain, Socket, Type};

/// How many clients may wait while another is served.
const BACKLOG: i32 = 5;
const THANKS: &[u8] = b"Thank you for connecting";

/// Thanks each client for connecting and closes the connection.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --host 127.0.0.1"
)]
struct Args {
    /// address to listen on (default: every interface of this machine, 0.0.0.0)
    #[argh(option, default = "String::new()")]
    host: String,
    /// port to listen on (default 12345; 0 takes any that is free)
    #[argh(option, default = "12345", from_str_fn(labnet::port))]
    port: u16,
    /// seconds that a client may take to close its side after the thanks (default 1)
    #[argh(
        option,
        default = "Duration::from_secs(1)",
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
    say!("Socket successfully created")?;

    // 2. Allow the port to be used again at once
    // This server closes first, so it is its side that stays in TIME_WAIT for a minute and would hold the port.
    // Windows lets servers start again without this, and would let another program share the port with it.
    #[cfg(not(windows))]
    listener
        .set_reuse_address(true)
        .context("cannot set SO_REUSEADDR")?;

    // 3. Bind it to the server's address
    listener
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;
    // Port 0 leaves the choice to the system: print the port that it chose.
    let bound = listener
        .local_addr()
        .context("cannot read the socket's own address")?;
    let port = bound.as_socket().map_or(args.port, |bound| bound.port());
    say!("socket binded to {port}")?;

    // 4. Listen: from here on the system completes handshakes
    listener
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
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
        // A client that breaks its connection ends its own conversation, not the server.
        if let Err(error) = thank(connection, args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

fn thank(mut connection: Socket, patience: Duration) -> anyhow::Result<()> {
    // region: exercise
    // 6. Send the thanks
    // They always fit into the socket's send buffer, so a client that does not read cannot hold this up.
    connection
        .write_all(THANKS)
        .context("cannot send the thanks")?;

    // 7. Hang up: end this direction, and read until the client has closed too
    // A plain close() with bytes of the client unread would send RST, which may destroy the thanks on their way.
    labnet::close_gracefully(connection, patience).context("cannot hang up")
    // endregion: exercise
}
