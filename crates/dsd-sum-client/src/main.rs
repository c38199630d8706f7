//! Sends numbers to the sum server and shows what it answers.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 4; the sheet has no program)
//! Terminal 1: `cargo run -p dsd-sum-server`
//! Terminal 2: `cargo run -p dsd-sum-client 1 2 3 4 5`
//! You see:    `Server says: 15`; in terminal 1 `Connected by ('127.0.0.1', 51234)`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{self, Read, Write};

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, log, say};
use socket2::{Domain, Socket, Type};

/// The most bytes that one recv gives.
const BUFFER_SIZE: usize = 1024;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Sends numbers and shows their sum.")
        .host("127.0.0.1")
        .port(65432)
        .parse_with::<Args>()?;
    let address = shared.address()?;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p dsd-sum-server")?;

    // 3. Send each request and show its answer
    if args.numbers == ["-"] {
        for line in io::stdin().lines() {
            let line = line
                .cannot("read", "a line of stdin")
                .hint("a request is a line of UTF-8 text: numbers and blanks")?;
            ask(&mut server, &line)?;
        }
    } else if args.numbers.is_empty() {
        ask(&mut server, "1 2 3 4 5")?;
    } else {
        ask(&mut server, &args.numbers.join(" "))?;
    }
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.

/// Sends one request and shows its answer.
fn ask(server: &mut Socket, request: &str) -> labnet::MainResult {
    if request.is_empty() {
        // An empty send puts nothing on the wire: the server would not notice, and we would wait
        // forever.
        log!("skipped an empty line: there is nothing to send");
        return Ok(());
    }

    // region: exercise
    // 4. Send the request
    server
        .write_all(request.as_bytes())
        .cannot("send", "the numbers")?;

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
    Ok(())
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} - < numbers.txt"
)]
struct Args {
    /// the numbers (default 1 2 3 4 5); - sends each line of stdin as a separate request
    // A list has no default here: without numbers it is empty, and step 3 sends 1 2 3 4 5.
    #[argh(positional)]
    numbers: Vec<String>,
}
