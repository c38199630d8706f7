//! Adds the numbers that a client sends, for one client after another.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 4, is left to the student)
//! Terminal 1: `cargo run -p dsd-sum-server`
//! Terminal 2: `cargo run -p dsd-sum-client 1 2 3 4 5`
//! You see:    here `Connected by ('127.0.0.1', 51234)`, there `Server says: 15`
//! Safety:     only programs on this machine can connect, since it listens on 127.0.0.1

mod sum;

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// A request has to be shorter than this, in bytes: one recv is one request.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait while another is served, in Python the default of listen().
const BACKLOG: i32 = 128;
const TOO_LONG: &str = "error: a request of 1024 bytes or more may be cut short; \
                        exercise 5, with <EOF>, takes messages of any size";

/// Adds the numbers that a client sends.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name} --port=9900")]
struct Args {
    /// address to listen on (default 127.0.0.1: this machine only)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// port to listen on (default 65432; 0 takes any that is free)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
    /// seconds that a silent client may keep the others waiting (default 60)
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
        // A client that breaks its connection ends its own conversation, not the server.
        if let Err(error) = serve(connection, args.timeout) {
            log!("{peer}: {error:#}");
        }
    }
    // endregion: exercise
}

/// Answers a client's requests until it closes the connection.
fn serve(mut connection: Socket, limit: Duration) -> anyhow::Result<()> {
    // One client at a time: one that says nothing, or never reads, would stop all the others.
    connection
        .set_read_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    connection
        .set_write_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a request: whatever one recv gives
        // TCP carries bytes, not messages. A short request that is sent with one call comes whole as a rule; one sent with
        // two may come in two pieces, and each would be added up alone. Exercise 5 mends that.
        let count = with_timeout(|| connection.read(&mut buffer)).context("cannot receive")?;
        if count == 0 {
            return Ok(()); // The client has closed its side.
        }

        // 7. Refuse what fills the buffer: the rest may still be on its way
        if count == BUFFER_SIZE {
            with_timeout(|| connection.write_all(TOO_LONG.as_bytes())).context("cannot answer")?;
            // The rest must not pass for the next request, so the conversation ends here.
            labnet::close_gracefully(connection, limit).context("cannot hang up")?;
            return Err(anyhow!("hung up after a request that filled the buffer"));
        }

        // 8. Send the sum back
        let answer = sum::answer(&buffer[..count]);
        with_timeout(|| connection.write_all(answer.as_bytes())).context("cannot answer")?;
    }
    // endregion: exercise
}
