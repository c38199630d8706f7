//! Sends back whatever its one client sends, and ends with it.
//!
//! Python:     `twin.py`, for the sheet's `echo-server.py` (Codio: Socket Programming)
//! Terminal 1: `cargo run -p codio-echo-server`
//! Terminal 2: `cargo run -p codio-echo-client`
//! You see:    here `Connected by ('127.0.0.1', 51234)`, there `Received b'Hello, world'`
//! Safety:     only programs on this machine can connect, since it listens on 127.0.0.1

use std::io::{Read, Write};

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{python, say};
use socket2::{Domain, Socket, Type};

/// The most that one recv takes, in bytes.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted, in Python the default of listen().
const BACKLOG: i32 = 128;

/// Sends back whatever its one client sends.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name} --port=9900")]
struct Args {
    /// address to listen on (default 127.0.0.1: this machine only)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// port to listen on (default 65432; 0 takes any that is free)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

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
    // Without this call the system would choose the port, and no client could know it.
    listener
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;

    // 4. Listen: from here on the system completes handshakes
    listener
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
    labnet::log_listening(&listener)?;

    // 5. Accept a client: a new socket, for this client alone
    let (mut connection, peer) = listener.accept().context("cannot accept a client")?;
    let peer = python::address(&peer);
    say!("Connected by {peer}")?;

    let mut buffer = [0; BUFFER_SIZE];
    loop {
        // 6. Receive a piece: whatever one recv gives
        // A client may send more than the buffer holds: the rest waits in the system for the next turn.
        let count = connection
            .read(&mut buffer)
            .with_context(|| format!("cannot receive from {peer}"))?;
        if count == 0 {
            return Ok(()); // The client has closed its side, and all that it sent is back.
        }

        // 7. Send it back
        connection
            .write_all(&buffer[..count])
            .with_context(|| format!("cannot send back to {peer}"))?;
    }
    // endregion: exercise
}
