//! Answers messages of any size that end with `<EOF>`, for many clients at the same time.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 5; the sheet has no program)
//! Terminal 1: `cargo run -p dsd-eof-server`
//! Terminal 2: `cargo run -p dsd-eof-client 'Hello world'`
//! You see:    `Connected by ('127.0.0.1', 51234)`; in terminal 2 the server's answer
//! Safety:     listens on 127.0.0.1, so only programs on this machine can connect

mod semaphore;

use std::io::Write;
use std::thread;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use labnet::frames::{DelimitedReader, FrameError};
use labnet::{Cannot, WithTimeout, log, python, say};
use semaphore::{Permit, Semaphore};
use socket2::{Domain, Socket, Type};

/// What ends a message, in both directions.
const TOKEN: &str = "<EOF>";
/// How many clients may wait to be accepted.
const BACKLOG: i32 = 128;
/// How many clients are served at the same time, each by a thread.
const CLIENTS_LIMIT: usize = 200;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::server_args("Answers messages that end with <EOF>.")
        .host("127.0.0.1")
        .port(65432)
        .timeout(600.0)
        .parse_with::<Args>()?;
    let address = shared.address()?;

    // region: exercise
    // 1. Create the listening socket
    let listener =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Allow the port to be used again at once
    // Closed connections would hold the port for a minute (TIME_WAIT). Windows does not need this
    // option; there it would let another program share the port.
    #[cfg(not(windows))]
    listener
        .set_reuse_address(true)
        .cannot("set", "SO_REUSEADDR")?;

    // 3. Bind it to the server's address
    listener.bind(&address.into()).cannot("bind to", address)?;

    // 4. Listen: from here on the system completes handshakes
    listener.listen(BACKLOG).cannot("listen on", address)?;
    labnet::log_listening(&listener)?;

    let semaphore = Semaphore::new(CLIENTS_LIMIT);
    loop {
        // 5. Acquire a permit: each client takes memory, and any number of clients may come
        let permit = semaphore.acquire();

        // 6. Accept a client: a new socket, for this client alone
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue; // The permit is released here, with its variable.
            }
        };
        let peer = python::address(&peer);
        say!("Connected by {peer}")?;

        // 7. Serve it in its own thread, so that the others need not wait
        // If none can start, the closure is dropped, and with it the socket and the permit.
        let started = thread::Builder::new()
            .spawn(move || run(connection, peer, permit, args.max_message, shared.timeout));
        if let Err(error) = started {
            log!("{peer}: cannot start a thread: {error}");
        }
    }
    // endregion: exercise
}

/// Serves a client, and releases its permit at the end: where `_permit` goes out of scope.
fn run(
    connection: Socket,
    peer: python::Address,
    _permit: Permit,
    max_message: usize,
    timeout: Duration,
) {
    // An error on one connection ends that connection, not the server.
    if let Err(error) = serve(connection, max_message, timeout) {
        log!("{peer}: {error}");
    }
}

/// Answers a client's messages until it closes the connection.
fn serve(connection: Socket, max_message: usize, timeout: Duration) -> Result<(), FrameError> {
    // A client whose machine lost its power must not hold its permit forever.
    let connection = WithTimeout::new(connection, timeout)?;
    let mut reader = DelimitedReader::new(connection, TOKEN.as_bytes(), max_message);
    // region: exercise
    loop {
        // 8. Receive until the token: it may arrive in parts, or with the next message behind it
        let message = match reader.read_message() {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()), // The client has closed its side, after a whole message.

            // 9. Refuse a message above the limit and close: the next one's start cannot be found
            Err(error @ FrameError::TooLong { .. }) => {
                // The connection is inside the reader, and the socket inside the connection.
                let mut connection = reader.into_inner();
                connection.write_all(format!("error: {error}{TOKEN}").as_bytes())?;
                labnet::close_gracefully(connection.into_inner(), timeout)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };

        // 10. Send the answer with its token
        let text = String::from_utf8_lossy(message);
        let answer = format!("I got \"{text}\" from you and I am sending it back.{TOKEN}");
        reader.get_mut().write_all(answer.as_bytes())?;
    }
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --max-message 1048576"
)]
struct Args {
    /// longest message in bytes, without its token (default 67108864, which is 64 MiB)
    #[argh(option, default = "64 * 1024 * 1024")]
    max_message: usize,
}
