//! Greets each connection with a line of its own, and closes it.
//!
//! Python:     `twin.py`, for Task01 of the sheet (CO223 Lab 04, server)
//! Terminal 1: `cargo run -p co223-task01-server`
//! Terminal 2: `cargo run -p co223-task01-client`
//! You see:    here `Connection from ('127.0.1.1', 51234) has been established.`, there nothing
//! Safety:     listens on the address of this machine's own name: where that is no 127.…, others can connect

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{python, say};
use socket2::{Domain, Socket, Type};

/// How many clients may wait to be accepted: the sheet's `listen(5)`.
const BACKLOG: i32 = 5;

/// Greets each connection with a line of its own, and closes it.
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
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    // A name is no address: the system looks it up, in /etc/hosts first. On Debian the answer is 127.0.1.1.
    let host = args.host.map_or_else(labnet::host_name, Ok)?;
    let address = labnet::resolve(&host, args.port)?;

    // region: exercise
    // 1. Create the listening socket
    // AF_INET: IPv4. SOCK_STREAM: a stream of bytes, which is TCP.
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
    // A client has to know where to go, so a server chooses its port; the system chooses a client's.
    listener
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;

    // 4. Listen: from here on the system completes handshakes
    // It does so without this program: up to six clients (on Linux the backlog and one) are connected before accept.
    listener
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
    labnet::log_listening(&listener)?;

    loop {
        // 5. Accept a client: a new socket, for this client alone
        // The listening socket stays as it is, for the next one. accept waits until somebody has come.
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        say!(
            "Connection from {} has been established.",
            python::address(&peer)
        )?;

        // 6. Close the connection
        // Nothing is sent in this task. Rust would close it at the end of the block in any case.
        drop(connection);
    }
    // endregion: exercise
}
