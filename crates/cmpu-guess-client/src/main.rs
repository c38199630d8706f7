//! Asks for guesses and shows what the server answers.
//!
//! Python:     `twin.py` (CMPU4021 Week 2; the sheet has no program for it)
//! Terminal 1: `cargo run -p cmpu-guess-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-guess-client -- --port 9900`
//! You see:    `HIGHER`, `LOWER` and at last `CORRECT`; in terminal 1 a line for each guess
//! Safety:     sends to this machine only, unless you name another with --host

use std::io::{self, BufRead, ErrorKind, IsTerminal};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, log, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The most bytes of an answer that are read.
const BUFFER_SIZE: usize = 1024;
/// The longest guess in a datagram over IPv4, in bytes: 65,535 less the headers of IP and UDP.
const LONGEST_GUESS: usize = 65_507;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Asks for guesses and shows the answers.")
        .host("localhost")
        .timeout(1.0)
        .parse_with::<Args>()?;
    let address = shared.address()?;
    let mut server = open_socket(address)?;
    let mut guesses = io::stdin().lock().split(b'\n');
    // region: exercise
    loop {
        // 3. Read a guess from the user
        if io::stdin().is_terminal() {
            log!("Your guess, from 1 to 100:");
        }
        let Some(guess) = guesses.next() else {
            return labnet::fail(
                "the input ended before the number was guessed",
                "if the server is still running, it has the same number: start this client again \
                 and go on",
            );
        };
        let guess = guess.cannot("read", "a guess from stdin")?;
        let guess = guess.strip_suffix(b"\r").unwrap_or(&guess);
        if guess.len() > LONGEST_GUESS {
            log!("skipped this guess: a datagram carries at most {LONGEST_GUESS} bytes");
            continue;
        }

        // 4. Ask the server, and show its answer
        let reply = ask(&server, guess, shared.timeout, args.tries)
            .cannot("get an answer from", address)
            .hint(format!(
                "is the server running? cargo run -p cmpu-guess-server -- --port {}",
                address.port()
            ))?;
        say!("{reply}")?;
        if reply.trim() == "CORRECT" {
            return Ok(());
        }

        // 7. Open a fresh socket for the next guess
        // A late answer to this guess then goes to a closed socket. The new socket is opened before
        // the old one is closed, so it surely has another port.
        server = open_socket(address)?;
    }
    // endregion: exercise
}

/// A socket for one guess.
fn open_socket(address: SocketAddr) -> anyhow::Result<UdpSocket> {
    // region: exercise
    // 1. Create the socket
    let server = Socket::new(Domain::IPV4, Type::DGRAM, None).cannot("create", "a UDP socket")?;

    // 2. Connect it to the server: datagrams from others are no longer received
    // Nothing is sent. And ICMP's "port unreachable" now reaches us, as "connection refused".
    server
        .connect(&address.into())
        .cannot("connect to", address)?;
    Ok(server.into())
    // endregion: exercise
}

/// Sends a guess until its answer comes.
fn ask(server: &UdpSocket, guess: &[u8], timeout: Duration, tries: u32) -> io::Result<String> {
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    for attempt in 1..=tries {
        // 5. Send the guess, again if its answer did not come
        // The server keeps nothing between guesses, so a guess may safely arrive twice.
        if attempt > 1 {
            log!("no answer yet; sending again (try {attempt} of {tries})");
        }
        server.send(guess)?;

        // 6. Receive its answer within the time limit
        server.set_read_timeout(Some(timeout))?;
        match with_timeout(server, || server.recv(&mut buffer)) {
            Ok(count) => return Ok(String::from_utf8_lossy(&buffer[..count]).into_owned()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("none came (tries: {tries})")))
    // endregion: exercise
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 < guesses.txt"
)]
struct Args {
    /// how many times to send a guess before giving up (default 5)
    #[argh(option, default = "5", from_str_fn(labnet::tries))]
    tries: u32,
}
