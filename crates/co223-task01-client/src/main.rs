//! Connects to the server and ends.
//!
//! Python:     `twin.py`, for Task01 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task01-server`
//! Terminal 2: `cargo run -p co223-task01-client`
//! You see:    here nothing, there `Connection from ('127.0.1.1', 51234) has been established.`
//! Safety:     connects to this machine only, unless you name another with --host

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::Hint;
use socket2::{Domain, Socket, Type};

/// Connects to co223-task01-server and ends.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --host=127.0.0.1 --port=9900"
)]
struct Args {
    /// the server's host name or address (default: this machine's name)
    #[argh(option)]
    host: Option<String>,
    /// the server's port (default 1234)
    #[argh(option, default = "1234", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    // The server did the same with the same name, so both arrive at the same address.
    let host = args.host.map_or_else(labnet::host_name, Ok)?;
    let address = labnet::resolve(&host, args.port)?;

    // region: exercise
    // 1. Create the socket
    // AF_INET: IPv4. SOCK_STREAM: a stream of bytes, which is TCP. It belongs to no connection yet.
    let socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // SYN, SYN and ACK, ACK. It is done when the server's system has answered, accepted or not.
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p co223-task01-server")?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.
