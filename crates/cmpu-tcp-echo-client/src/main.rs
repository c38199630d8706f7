//! Sends a message and receives its echo, 16 bytes at a time.
//!
//! Python:     TCP echo client (CMPU4021 Week 2), beside `twin.py`
//! Terminal 1: `cargo run -p cmpu-tcp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-tcp-echo-client -- --port 9900`
//! You see:    here `Received: Test message. Th` and the rest, there `Data: Test message. This will be echoed`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, say};
use socket2::{Domain, Socket, Type};

/// The most that one recv gives, in bytes: so few that the echo comes in pieces.
const BUFFER_SIZE: usize = 16;

/// Sends a message and receives its echo, 16 bytes at a time.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 --message 'Another message'"
)]
struct Args {
    /// the server's host name or address (default localhost)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// the server's port (the sheet uses 9900)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
    /// the message (default: Test message. This will be echoed)
    #[argh(option, default = "\"Test message. This will be echoed\".to_string()")]
    message: String,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    say!("Connecting to {} port {}", args.host, args.port)?;
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint(format!(
            "is the server running? cargo run -p cmpu-tcp-echo-server -- --port {}",
            args.port
        ))?;
    let result = talk(&mut socket, &args.message);

    // 5. Close the connection, also after a failure
    say!("Closing connection to the server")?;
    drop(socket);
    Ok(result?)
    // endregion: exercise
}

/// Sends the message and prints its echo, piece by piece.
fn talk(socket: &mut Socket, message: &str) -> anyhow::Result<()> {
    // region: exercise
    // 3. Send the message
    say!("Sending {message}")?;
    socket
        .write_all(message.as_bytes())
        .context("cannot send the message")?;

    // 4. Receive until all of it is back
    // TCP carries a stream of bytes: how many recvs bring them has nothing to do with how many sends there were.
    let mut received = 0;
    while received < message.len() {
        let mut buffer = [0; BUFFER_SIZE];
        let count = socket
            .read(&mut buffer)
            .context("cannot receive the echo")?;
        if count == 0 {
            return Err(anyhow!(
                "the server closed the connection after {received} of {} bytes",
                message.len()
            ))
            .hint("its terminal may say why; one recv(2048) is all that it reads of a message");
        }
        received += count;
        say!("Received: {}", String::from_utf8_lossy(&buffer[..count]))?;
    }
    Ok(())
    // endregion: exercise
}
