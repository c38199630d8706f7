//! Sends `Hello, world` to the echo server and shows what comes back.
//!
//! Python:     `twin.py`, for the sheet's `echo-client.py` (Codio: Socket Programming)
//! Terminal 1: `cargo run -p codio-echo-server`
//! Terminal 2: `cargo run -p codio-echo-client`
//! You see:    here `Received b'Hello, world'`, there `Connected by ('127.0.0.1', 51234)`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, python, say};
use socket2::{Domain, Socket, Type};

/// The longest answer that is read, in bytes.
const BUFFER_SIZE: usize = 1024;
/// A socket carries bytes, and in Rust as in Python `b""` makes bytes, not text.
const MESSAGE: &[u8] = b"Hello, world";

/// Sends `Hello, world` to codio-echo-server and shows what comes back.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name} --port=9900")]
struct Args {
    /// the server's host name or address (default 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// the server's port (default 65432)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // No bind before it: the system chooses this socket's own port, and the server prints it.
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p codio-echo-server")?;

    // 3. Send the message
    socket
        .write_all(MESSAGE)
        .with_context(|| format!("cannot send to {address}"))?;

    // 4. Receive the answer: whatever one recv gives
    // Twelve bytes sent at once come whole as a rule. A longer answer may come in pieces, and take a recv for each.
    let mut buffer = [0; BUFFER_SIZE];
    let count = socket
        .read(&mut buffer)
        .with_context(|| format!("cannot receive from {address}"))?;
    if count == 0 {
        Err(anyhow!(
            "the server closed the connection without an answer"
        ))
        .hint("its terminal may say why")?;
    }
    say!("Received {}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.
