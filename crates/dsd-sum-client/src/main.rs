//! Sends numbers to the sum server and shows what it answers.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 4, is left to the student)
//! Terminal 1: `cargo run -p dsd-sum-server`
//! Terminal 2: `cargo run -p dsd-sum-client 1 2 3 4 5`
//! You see:    here `Server says: 15`, there `Connected by ('127.0.0.1', 51234)`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{self, Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, say};
use socket2::{Domain, Socket, Type};

/// The longest answer that is read, in bytes.
const BUFFER_SIZE: usize = 1024;

/// Sends numbers to dsd-sum-server and shows their sum.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} 0.1 0.2",
    example = "{command_name} - < numbers.txt"
)]
struct Args {
    /// the server's host name or address (default 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// the server's port (default 65432)
    #[argh(option, default = "65432", from_str_fn(labnet::port))]
    port: u16,
    /// the numbers (default 1 2 3 4 5); - sends each line of stdin as a request of its own
    #[argh(positional)]
    numbers: Vec<String>,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p dsd-sum-server")?;

    // 3. Send each request and show its answer
    match args.numbers.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => ask(&mut socket, "1 2 3 4 5")?,
        ["-"] => {
            for line in io::stdin().lines() {
                let line = line
                    .context("cannot read a line of stdin")
                    .hint("a request is a line of UTF-8 text: numbers and blanks")?;
                ask(&mut socket, &line)?;
            }
        }
        ref numbers => ask(&mut socket, &numbers.join(" "))?,
    }
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: Python's `with` block.

/// One request, one answer.
fn ask(socket: &mut Socket, request: &str) -> anyhow::Result<()> {
    if request.is_empty() {
        // A send of no bytes sends nothing at all: the server would never know, and we would wait for ever.
        log!("an empty line is no request; it is left out");
        return Ok(());
    }

    // region: exercise
    // 4. Send the request
    socket
        .write_all(request.as_bytes())
        .context("cannot send the numbers")?;

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
    say!("Server says: {}", String::from_utf8_lossy(&buffer[..count]))
    // endregion: exercise
}
