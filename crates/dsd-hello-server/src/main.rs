//! Tells its client what it received, and ends; with --forever it takes the next client.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercises 1 and 3)
//! Terminal 1: `cargo run -p dsd-hello-server`
//! Terminal 2: `cargo run -p dsd-hello-client`
//! You see:    `Connected by ('127.0.0.1', 51234)`; in terminal 2 the server's answer
//! Safety:     listens on 127.0.0.1, so only programs on this machine can connect

use std::io::{self, Read, Write};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, WithTimeout, log, python, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives. A longer message is answered in pieces.
const BUFFER_SIZE: usize = 1024;
/// How many clients may wait to be accepted.
const BACKLOG: i32 = 128;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::server_args("Tells its client what it received.")
        .host("127.0.0.1")
        .port(65432)
        .timeout(60.0)
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
        // Without --forever no other client waits, so there is no time limit.
        let timeout = args.forever.then_some(shared.timeout);
        let served = serve(connection, timeout);

        // 8. End with the first client, or take the next: exercise 3
        if !args.forever {
            served
                .cannot("serve", peer)
                .hint("the client's terminal may say why")?;
            return Ok(());
        }
        // An error on one connection ends that connection, not the server.
        if let Err(error) = served {
            log!("{peer}: {error}");
        }
    }
    // endregion: exercise
}

/// Answers a client until it closes the connection.
fn serve(connection: Socket, timeout: Option<Duration>) -> io::Result<()> {
    let mut connection = WithTimeout::new(connection, timeout)?;
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    loop {
        // 6. Receive a message: whatever one recv gives
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Ok(()); // The client has closed its side.
        }

        // 7. Send the answer
        // Bytes that are not valid UTF-8 become U+FFFD instead of an error. The answer is built
        // first and sent with one call: write! on a socket would send it in three parts.
        let text = String::from_utf8_lossy(&buffer[..count]);
        let answer = format!("I got \"{text}\" from you and I am sending it back.");
        connection.write_all(answer.as_bytes())?;
    }
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"), example = "{command_name} --forever")]
struct Args {
    /// serve one client after another (exercise 3); --timeout is used only with --forever
    #[argh(switch)]
    forever: bool,
}
