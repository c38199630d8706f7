//! Sends back whatever a client sends, for one client after another.
//!
//! Python:     `twin.py`, for Task03 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task03-server`
//! Terminal 2: `cargo run -p co223-task03-client 'Hello, server!'`
//! You see:    here `Connection from ('127.0.1.1', 51234) has been established.`, there `Hello, server!`
//! Safety:     listens on the address of this machine's own name: where that is no 127.…, others can connect

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The most that one recv takes, in bytes.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait while another is served: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;

/// Sends back whatever a client sends.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --host=127.0.0.1 --port=9900"
)]
struct Args {
    /// address to listen on (default: the address of this machine's name)
    #[argh(option)]
    host: Option<String>,
    /// port to listen on (default 1234; 0 takes any that is free)
    #[argh(option, default = "1234", from_str_fn(labnet::port))]
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
        if let Err(error) = serve(connection, args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

/// Echoes what a client sends until it closes the connection.
fn serve(mut connection: Socket, limit: Duration) -> anyhow::Result<()> {
    // One client at a time: one that says nothing, or never reads, would stop all the others.
    connection
        .set_read_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    connection
        .set_write_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a piece: whatever one recv gives
        // The bytes are not looked at: an echo needs to know neither their meaning nor where a message ends.
        let count = with_timeout(|| connection.read(&mut buffer)).context("cannot receive")?;
        if count == 0 {
            return Ok(()); // The client has closed its side, and all that it sent is back.
        }

        // 7. Send it back
        with_timeout(|| connection.write_all(&buffer[..count])).context("cannot send back")?;
    }
    // endregion: exercise
}
