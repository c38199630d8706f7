//! Tells its client what it got from it, and ends; with --forever it goes on with the next.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercises 1 and 3)
//! Terminal 1: `cargo run -p dsd-hello-server`
//! Terminal 2: `cargo run -p dsd-hello-client`
//! You see:    here `Connected by ('127.0.0.1', 51234)`, there the server's answer
//! Safety:     only programs on this machine can connect, since it listens on 127.0.0.1

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The most that one recv takes, in bytes: a longer message is answered in pieces.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted, in Python the default of listen().
const BACKLOG: i32 = 128;

/// Tells its client what it got from it.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port=9900",
    example = "{command_name} --forever"
)]
struct Args {
    /// address to listen on (default 127.0.0.1: this machine only)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// port to listen on (default 65432; 0 takes any that is free)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
    /// go on with the next client when one has gone (exercise 3)
    #[argh(switch)]
    forever: bool,
    /// with --forever, seconds that a silent client may keep the others waiting (default 60)
    #[argh(
        option,
        default = "Duration::from_secs(60)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;
    // A server of one client has nobody else to serve meanwhile: it waits as long as that client likes.
    let limit = args.forever.then_some(args.timeout);

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
    listener
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;

    // 4. Listen: from here on the system completes handshakes
    listener
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
    labnet::log_listening(&listener)?;

    loop {
        // 5. Accept a client: a new socket, for this client alone
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        let peer = python::address(&peer);
        say!("Connected by {peer}")?;
        let served = serve(connection, limit).with_context(|| peer.to_string());

        // 8. End with the first client, or go on: exercise 3
        if !args.forever {
            return Ok(served?);
        }
        // A client that breaks its connection ends its own conversation, not the server.
        if let Err(error) = served {
            log!("{error:#}");
        }
    }
    // endregion: exercise
}

/// Answers a client until it closes the connection.
fn serve(mut connection: Socket, limit: Option<Duration>) -> anyhow::Result<()> {
    connection
        .set_read_timeout(limit)
        .context("cannot limit the time to wait")?;
    connection
        .set_write_timeout(limit)
        .context("cannot limit the time to wait")?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a message: whatever one recv gives
        let count = with_timeout(|| connection.read(&mut buffer)).context("cannot receive")?;
        if count == 0 {
            return Ok(()); // The client has closed its side.
        }

        // 7. Send the answer
        // Bytes that are not UTF-8, or half a character at the end, become U+FFFD instead of an error. The
        // answer is put together first and sent with one call: write! on a socket would send it in three parts.
        let text = String::from_utf8_lossy(&buffer[..count]);
        let answer = format!("I got \"{text}\" from you and I am sending it back.");
        with_timeout(|| connection.write_all(answer.as_bytes())).context("cannot answer")?;
    }
    // endregion: exercise
}
