//! Sends a message and receives its echo, 16 bytes at a time.
//!
//! Python:     TCP echo client (CMPU4021 Week 2), and `twin.py`
//! Terminal 1: `cargo run -p cmpu-tcp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-tcp-echo-client -- --port 9900`
//! You see:    `Received: Test message. Th` …; in terminal 1 `Data: Test message. This …`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{Read, Write};

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives: so few that the echo arrives in pieces.
const BUFFER_SIZE: usize = 16;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Sends a message and receives its echo.")
        .host("localhost")
        .parse_with::<Args>()?;
    let address = shared.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    let (host, port) = (&shared.host, shared.port);
    say!("Connecting to {host} port {port}")?;
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint(format!(
            "is the server running? cargo run -p cmpu-tcp-echo-server -- --port {port}"
        ))?;
    let result = talk(&mut server, &args.message);

    // 5. Close the connection, also after a failure
    say!("Closing connection to the server")?;
    drop(server);
    result
    // endregion: exercise
}

/// Sends the message and prints its echo, piece by piece.
fn talk(server: &mut Socket, message: &str) -> labnet::MainResult {
    // region: exercise
    // 3. Send the message
    say!("Sending {message}")?;
    server
        .write_all(message.as_bytes())
        .cannot("send", "the message")?;

    // 4. Receive until all of it is back
    // TCP carries a stream of bytes: the number of recvs is unrelated to the number of sends.
    let mut received = 0;
    while received < message.len() {
        let mut buffer = [0; BUFFER_SIZE];
        let count = server.read(&mut buffer).cannot("receive", "the echo")?;
        if count == 0 {
            let sent = message.len();
            return labnet::fail(
                format!("the server closed the connection after {received} of {sent} bytes"),
                "its terminal may say why; it reads at most 2048 bytes of a message",
            );
        }
        received += count;
        say!("Received: {}", String::from_utf8_lossy(&buffer[..count]))?;
    }
    Ok(())
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 --message 'Another message'"
)]
struct Args {
    /// the message (default: Test message. This will be echoed)
    #[argh(option, default = "\"Test message. This will be echoed\".to_string()")]
    message: String,
}
