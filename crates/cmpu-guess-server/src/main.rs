//! Draws a number from 1 to 100 and answers guesses over UDP.
//!
//! Python:     `twin.py` (CMPU4021 Week 2, is left to the student)
//! Terminal 1: `cargo run -p cmpu-guess-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-guess-client -- --port 9900`
//! You see:    here `Guess b'50' from ('127.0.0.1', 51234): HIGHER`, there `HIGHER`
//! Safety:     only programs on this machine can reach it, since it is bound to localhost

use std::cmp::Ordering;
use std::net::UdpSocket;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say};
use socket2::{Domain, Socket, Type};

/// The longest datagram that is received, in bytes: as long as any can be.
const BUFFER_SIZE: usize = 65_535;
/// How much of a guess is quoted: bytes in the line printed here, characters in the answer.
const QUOTE_LIMIT: usize = 64;
/// What may stand around a number: the white space of ASCII.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// Draws a number from 1 to 100 and answers guesses over UDP.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 --secret 42"
)]
struct Args {
    /// address to listen on (default localhost: this machine only)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// port to listen on (the sheet uses 9900; 0 takes any that is free)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
    /// the number to guess, from 1 to 100 (default: drawn at random)
    #[argh(option, from_str_fn(secret))]
    secret: Option<i64>,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Draw the number: one for all clients
    // 1..=100 holds both ends. Python's randrange(1, 100) leaves the 100 out.
    let secret = args.secret.unwrap_or_else(|| rand::random_range(1..=100));

    // 2. Create the socket: one for all clients
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, None).context("cannot create a UDP socket")?;

    // 3. Bind it to the server's address: from here on datagrams can come
    socket
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;
    labnet::log_listening(&socket)?;

    let socket: UdpSocket = socket.into();
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        // 4. Receive a guess and the address it came from
        let (count, peer) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                labnet::retry_receive(error)?;
                continue;
            }
        };

        // 5. Compare it with the number
        // Nothing is remembered between guesses: a guess that comes twice gets the same answer twice, and does no harm.
        let guess = &buffer[..count];
        let answer = answer(guess, secret);
        let (verdict, _) = answer.split_once(':').unwrap_or((&answer, ""));
        let (quote, client) = (&guess[..count.min(QUOTE_LIMIT)], python::address(peer));
        say!("Guess {} from {client}: {verdict}", python::bytes(quote))?;

        // 6. Send the answer back there
        if let Err(error) = socket.send_to(answer.as_bytes(), peer) {
            log!("{client}: cannot send the answer: {error}");
        }
    }
    // endregion: exercise
}

/// `HIGHER` if the number is higher than the guess, `LOWER`, `CORRECT`, or what is wrong with the guess.
fn answer(guess: &[u8], secret: i64) -> String {
    let text = String::from_utf8_lossy(guess);
    let text = text.trim_matches(WHITE_SPACE);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let quote: String = text.chars().take(QUOTE_LIMIT).collect();
        let cut = if quote.len() < text.len() { "…" } else { "" };
        return format!("ERROR: \"{quote}{cut}\" is not a whole number");
    }
    // What does not fit into 64 bits is a number all the same, far below 1 or far above 100.
    let far_off = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    match secret.cmp(&text.parse().unwrap_or(far_off)) {
        Ordering::Greater => "HIGHER".to_string(),
        Ordering::Less => "LOWER".to_string(),
        Ordering::Equal => "CORRECT".to_string(),
    }
}

fn secret(value: &str) -> Result<i64, String> {
    value
        .parse()
        .ok()
        .filter(|number| (1..=100).contains(number))
        .ok_or_else(|| "the number to guess is a whole number from 1 to 100".to_string())
}
