//! Answers messages of any size that end with `<EOF>`, for many clients side by side.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 5, is left to the student)
//! Terminal 1: `cargo run -p dsd-eof-server`
//! Terminal 2: `cargo run -p dsd-eof-client 'Hello world'`
//! You see:    here `Connected by ('127.0.0.1', 51234)`, there the server's answer
//! Safety:     only programs on this machine can connect, since it listens on 127.0.0.1

mod semaphore;

use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::frames::{DelimitedReader, FrameError};
use labnet::{WithTimeout, log, python, say, with_timeout};
use semaphore::Semaphore;
use socket2::{Domain, Socket, Type};

/// What ends a message, in both directions.
const TOKEN: &str = "<EOF>";
/// How many clients may wait to be accepted, in Python the default of listen().
const BACKLOG: i32 = 128;
/// How many clients are served at a time, each by a thread. Further ones wait as the backlog lets them.
const CLIENTS_LIMIT: usize = 200;

/// Answers messages of any size that end with `<EOF>`.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port=9900 --max-message 1048576"
)]
struct Args {
    /// address to listen on (default 127.0.0.1: this machine only)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// port to listen on (default 65432; 0 takes any that is free)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
    /// longest message in bytes, its token not counted (default 67108864, which is 64 MiB)
    #[argh(option, default = "64 * 1024 * 1024")]
    max_message: usize,
    /// seconds that a silent client may hold its place (default 600)
    #[argh(
        option,
        default = "Duration::from_secs(600)",
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

    let semaphore = Semaphore::new(CLIENTS_LIMIT);
    loop {
        // 5. Wait for a free permit: a thread and a message take memory, and the number of clients is unbounded
        let permit = semaphore.acquire();

        // 6. Accept a client: a new socket, for this client alone
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        let peer = python::address(&peer);
        say!("Connected by {peer}")?;

        // 7. Serve it in a thread of its own: the others need not wait
        let spawned = thread::Builder::new().spawn(move || {
            let _permit = permit; // Released where the thread ends, however it ends.
            if let Err(error) = serve(connection, args.max_message, args.timeout) {
                log!("{peer}: {error:#}");
            }
        });
        if let Err(error) = spawned {
            log!("{peer}: cannot start a thread: {error}");
        }
    }
    // endregion: exercise
}

/// Answers a client's messages until it closes the connection.
fn serve(connection: Socket, max_message: usize, limit: Duration) -> anyhow::Result<()> {
    // A client that vanished without a word (its machine lost its power) must not hold its place for ever.
    connection
        .set_read_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    connection
        .set_write_timeout(Some(limit))
        .context("cannot limit the time to wait")?;
    let mut reader = DelimitedReader::new(WithTimeout(connection), TOKEN.as_bytes(), max_message);
    // region: exercise
    loop {
        // 8. Receive until the token: it may come cut anywhere, or with the next message behind it
        let answer = match reader.read_message() {
            Ok(Some(message)) => {
                let text = String::from_utf8_lossy(message);
                format!("I got \"{text}\" from you and I am sending it back.{TOKEN}")
            }
            Ok(None) => return Ok(()), // The client has closed its side, after a whole message.

            // 9. Refuse a message above the limit and hang up: where the next one begins is not known
            Err(error @ FrameError::TooLong { .. }) => {
                let mut connection = reader.into_inner().0;
                let answer = format!("error: {error}{TOKEN}");
                with_timeout(|| connection.write_all(answer.as_bytes()))
                    .context("cannot answer")?;
                labnet::close_gracefully(connection, limit).context("cannot hang up")?;
                return Err(error).context("hung up");
            }
            Err(error) => return Err(error).context("cannot receive a message"),
        };

        // 10. Send the answer with its token
        let WithTimeout(connection) = reader.get_mut();
        with_timeout(|| connection.write_all(answer.as_bytes())).context("cannot answer")?;
    }
    // endregion: exercise
}
