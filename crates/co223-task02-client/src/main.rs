//! Reads the server's message to its end and shows it.
//!
//! Python:     `twin.py`, for Task02 of the sheet (CO223 Lab 04, client)
//! Terminal 1: `cargo run -p co223-task02-server`
//! Terminal 2: `cargo run -p co223-task02-client`
//! You see:    here `Welcome to the server!`, there `Connection from ('127.0.1.1', 51234) has been established.`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::Read;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, say};
use socket2::{Domain, Socket, Type};

/// The most that one recv takes, in bytes. The message may be longer.
const BUFFER_SIZE: usize = 1024;
/// The longest message that is kept, in bytes: a server that never closes must not fill this machine's memory.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Shows the message that co223-task02-server sends.
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
        .hint("is the server running? cargo run -p co223-task02-server")?;

    // 3. Receive until the server closes
    // No piece says that it is the last one. A recv of no bytes does: the server's FIN has come.
    let mut message = Vec::new();
    let mut buffer = [0; BUFFER_SIZE];
    loop {
        let count = socket
            .read(&mut buffer)
            .with_context(|| format!("cannot receive from {address}"))?;
        if count == 0 {
            break;
        }
        message.extend_from_slice(&buffer[..count]);
        if message.len() > MESSAGE_LIMIT {
            Err(anyhow!("the message is longer than {MESSAGE_LIMIT} bytes"))
                .hint("is this the server of task 2?")?;
        }
    }
    if message.is_empty() {
        Err(anyhow!(
            "the server closed the connection without a message"
        ))
        .hint("its terminal may say why")?;
    }

    // 4. Show the message
    // Decoded whole: a piece may end in the middle of a character. What is not UTF-8 is shown as U+FFFD.
    say!("{}", String::from_utf8_lossy(&message))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.
