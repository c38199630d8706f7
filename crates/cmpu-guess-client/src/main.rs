//! Asks for guesses and shows what the server answers.
//!
//! Python:     `twin.py` (CMPU4021 Week 2, is left to the student)
//! Terminal 1: `cargo run -p cmpu-guess-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-guess-client -- --port 9900`
//! You see:    here `HIGHER`, `LOWER` and at last `CORRECT`, there a line for each guess
//! Safety:     sends to this machine only, unless you name another with --host

use std::io::{self, BufRead, ErrorKind, IsTerminal};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The longest answer that is read, in bytes.
const BUFFER_SIZE: usize = 1024;
/// The longest guess that a datagram carries over IPv4, in bytes: 65,535 less the headers of IP and UDP.
const LONGEST_GUESS: usize = 65_507;

/// Asks for guesses and shows what the server answers.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 < guesses.txt"
)]
struct Args {
    /// the server's host name or address (default localhost)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// the server's port (the sheet uses 9900)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
    /// seconds to wait for an answer before the guess is sent again (default 1)
    #[argh(
        option,
        default = "Duration::from_secs(1)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
    /// how often a guess is sent at most (default 5)
    #[argh(option, default = "5", from_str_fn(labnet::tries))]
    tries: u32,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;
    let mut socket = open(address)?;
    let mut guesses = io::stdin().lock().split(b'\n');
    // region: exercise
    loop {
        // 3. Read a guess from the user
        if io::stdin().is_terminal() {
            log!("Your guess, from 1 to 100:");
        }
        let Some(guess) = guesses.next() else {
            return Err(anyhow!("the input ended before the number was guessed"))
                .hint("the server keeps its number: start again and go on")?;
        };
        let guess = guess.context("cannot read a guess from stdin")?;
        let guess = guess.strip_suffix(b"\r").unwrap_or(&guess);
        if guess.len() > LONGEST_GUESS {
            log!("a datagram carries at most {LONGEST_GUESS} bytes; this guess is left out");
            continue;
        }

        // 4. Ask the server, and show its answer
        let answer = ask(&socket, guess, &args)
            .with_context(|| format!("no answer from {address}"))
            .hint(format!(
                "is the server running? cargo run -p cmpu-guess-server -- --port {}",
                args.port
            ))?;
        say!("{answer}")?;
        if answer.trim() == "CORRECT" {
            return Ok(());
        }

        // 7. Take a fresh socket for the next guess
        // An answer to this guess may still be on its way: to a socket that will be closed. The new one is made before the
        // old one is closed, so it surely has another port.
        socket = open(address)?;
    }
    // endregion: exercise
}

/// A socket for one guess.
fn open(server: SocketAddr) -> anyhow::Result<UdpSocket> {
    // region: exercise
    // 1. Create the socket
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, None).context("cannot create a UDP socket")?;

    // 2. Connect it to the server: datagrams of others no longer come in
    // Nothing is sent by that. It also lets ICMP's "port unreachable" reach the calls below, as "connection refused".
    socket
        .connect(&server.into())
        .with_context(|| format!("cannot connect to {server}"))?;
    Ok(socket.into())
    // endregion: exercise
}

/// Sends a guess until its answer comes.
fn ask(server: &UdpSocket, guess: &[u8], args: &Args) -> anyhow::Result<String> {
    let mut buffer = [0; BUFFER_SIZE];
    // region: exercise
    for attempt in 1..=args.tries {
        // 5. Send the guess, again if its answer did not come
        // UDP itself never does. The server remembers nothing, so a guess that arrives twice does no harm.
        if attempt > 1 {
            log!(
                "no answer yet; sending again (try {attempt} of {})",
                args.tries
            );
        }
        server.send(guess).context("cannot send the guess")?;

        // 6. Receive its answer within the time limit
        server
            .set_read_timeout(Some(args.timeout))
            .context("cannot limit the time to wait")?;
        match with_timeout(|| server.recv(&mut buffer)) {
            Ok(count) => return Ok(String::from_utf8_lossy(&buffer[..count]).into_owned()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error).context("cannot receive"),
        }
    }
    Err(anyhow!("none came in {} tries", args.tries))
    // endregion: exercise
}
