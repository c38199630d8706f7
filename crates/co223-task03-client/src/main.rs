//! Sends a message to the echo server and shows what comes back.
//!
//! Python:     `twin.py`, for Task03 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task03-server`
//! Terminal 2: `cargo run -p co223-task03-client 'Hello, server!'`
//! You see:    here `Hello, server!`, there `Connection from ('127.0.1.1', 51234) has been established.`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, say};
use socket2::{Domain, Socket, Type};

/// The most that one recv takes, in bytes. The echo may be longer.
const BUFFER_SIZE: usize = 1024;

/// Sends a message to co223-task03-server and shows the echo.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} 'Good morning'",
    example = "{command_name} --host=127.0.0.1 --port=9900"
)]
struct Args {
    /// the server's host name or address (default: this machine's name)
    #[argh(option)]
    host: Option<String>,
    /// the server's port (default 1234)
    #[argh(option, default = "1234", from_str_fn(labnet::port))]
    port: u16,
    /// the message (default 'Hello, server!'); one with blanks stands in quotes
    #[argh(positional, default = "\"Hello, server!\".to_string()")]
    message: String,
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
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p co223-task03-server")?;

    // 3. Send the message
    // Whole, before anything is read: the system's buffers on both sides hold what the server has not read yet.
    socket
        .write_all(args.message.as_bytes())
        .with_context(|| format!("cannot send to {address}"))?;

    // 4. Receive until all of it is back
    // One send is not one recv: the echo may come in pieces. But its length is known, so its end is too.
    let mut echo = Vec::new();
    let mut buffer = [0; BUFFER_SIZE];
    while echo.len() < args.message.len() {
        let count = socket
            .read(&mut buffer)
            .with_context(|| format!("cannot receive from {address}"))?;
        if count == 0 {
            let (come, sent) = (echo.len(), args.message.len());
            Err(anyhow!(
                "the server closed the connection after {come} of {sent} bytes"
            ))
            .hint("its terminal may say why")?;
        }
        echo.extend_from_slice(&buffer[..count]);
    }

    // 5. Show the echo
    say!("{}", String::from_utf8_lossy(&echo))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.
