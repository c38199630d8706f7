//! Sends messages to the hello server and shows its answers.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercises 1 and 2)
//! Terminal 1: `cargo run -p dsd-hello-server`
//! Terminal 2: `cargo run -p dsd-hello-client 'Hello world' 'and once more'`
//! You see:    here `Server says: I got "Hello world" from you and I am sending it back.` and the second answer
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, say};
use socket2::{Domain, Socket, Type};

/// The longest answer that is read, in bytes.
const BUFFER_SIZE: usize = 1024;

/// Sends messages to dsd-hello-server and shows its answers.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}",
    example = "{command_name} 'Hello world' 'and once more'"
)]
struct Args {
    /// the server's host name or address (default 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// the server's port (default 65432)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
    /// the messages (default 'Hello world'), each sent when the one before it has been answered
    #[argh(positional)]
    messages: Vec<String>,
}

fn main() -> labnet::MainResult {
    let mut args: Args = labnet::args()?;
    if args.messages.is_empty() {
        args.messages.push("Hello world".to_string());
    }
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p dsd-hello-server")?;

    // 3. Send each message and show its answer: exercise 2
    for message in &args.messages {
        ask(&mut socket, message)?;
    }
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.

/// One message, one answer.
fn ask(socket: &mut Socket, message: &str) -> anyhow::Result<()> {
    if message.is_empty() {
        // A send of no bytes sends nothing at all: the server would never know, and we would wait for ever.
        log!("an empty text is no message; it is left out");
        return Ok(());
    }

    // region: exercise
    // 4. Send the message
    socket
        .write_all(message.as_bytes())
        .context("cannot send the message")?;

    // 5. Receive the answer: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = socket
        .read(&mut buffer)
        .context("cannot receive the answer")?;
    if count == 0 {
        return Err(anyhow!(
            "the server closed the connection without an answer"
        ))
        .hint("its terminal may say why");
    }
    say!("Server says: {}", String::from_utf8_lossy(&buffer[..count]))?;

    // 6. Stop when the answer fills the buffer: the rest of it would pass for the next answer
    if count == BUFFER_SIZE {
        return Err(anyhow!(
            "an answer of {BUFFER_SIZE} bytes or more may be cut short"
        ))
        .hint("exercise 5, with <EOF>, takes messages of any size");
    }
    Ok(())
    // endregion: exercise
}
