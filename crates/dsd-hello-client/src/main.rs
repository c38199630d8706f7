//! Sends messages to the hello server and shows its answers.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercises 1 and 2)
//! Terminal 1: `cargo run -p dsd-hello-server`
//! Terminal 2: `cargo run -p dsd-hello-client 'Hello world' 'and once more'`
//! You see:    `Server says: I got "Hello world" from you and I am sending it back.`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, log, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;

fn main() -> labnet::MainResult {
    let (shared, mut args) = labnet::client_args("Sends messages and shows the answers.")
        .host("127.0.0.1")
        .port(65432)
        .parse_with::<Args>()?;
    if args.messages.is_empty() {
        args.messages.push("Hello world".to_string());
    }
    let address = shared.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p dsd-hello-server")?;

    // 3. Send each message and show its answer: exercise 2
    for message in &args.messages {
        ask(&mut server, message)?;
    }
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.

/// Sends one message and shows its answer.
fn ask(server: &mut Socket, message: &str) -> labnet::MainResult {
    if message.is_empty() {
        // An empty send puts nothing on the wire: the server would not notice, and we would wait
        // forever.
        log!("skipped an empty message: there is nothing to send");
        return Ok(());
    }

    // region: exercise
    // 4. Send the message
    server
        .write_all(message.as_bytes())
        .cannot("send", "the message")?;

    // 5. Receive the answer: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = server.read(&mut buffer).cannot("receive", "the answer")?;
    if count == 0 {
        return labnet::fail(
            "the server closed the connection without an answer",
            "its terminal may say why",
        );
    }
    say!("Server says: {}", String::from_utf8_lossy(&buffer[..count]))?;

    // 6. Stop when the answer fills the buffer: its rest would be taken for the next answer
    if count == BUFFER_SIZE {
        return labnet::fail(
            format!("an answer of {BUFFER_SIZE} bytes or more may be cut short"),
            "exercise 5, with <EOF>, takes messages of any size",
        );
    }
    Ok(())
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} 'Hello world' 'and once more'"
)]
struct Args {
    /// the messages (default 'Hello world'), sent one after another
    #[argh(positional)]
    messages: Vec<String>,
}
