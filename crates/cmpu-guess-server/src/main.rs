//! Draws a number from 1 to 100 and answers guesses over UDP.
//!
//! Python:     `twin.py` (CMPU4021 Week 2, is left to the student)
//! Terminal 1: `cargo run -p cmpu-guess-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-guess-client -- --port 9900`
//! You see:    here `Guess b'50' from ('127.0.0.1', 51234): HIGHER`, there `HIGHER`
//! Safety:     listens on localhost, so only programs on this machine can reach it

use std::net::UdpSocket;

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, log, python, say};
use socket2::{Domain, Socket, Type};

/// The longest datagram, in bytes.
const BUFFER_SIZE: usize = 65_535;
/// How much of a guess is quoted: bytes in the line printed here, characters in the answer.
const QUOTE_LIMIT: usize = 64;
/// What may be around a number: the white space of ASCII.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port=9900 --secret 42"
)]
struct Args {
    /// the number to guess, from 1 to 100 (default: a random number)
    #[argh(option, from_str_fn(secret))]
    secret: Option<i64>,
}

fn main() -> labnet::MainResult {
    let (server_args, args) = labnet::server_args("Draws a number and answers guesses over UDP.")
        .host("localhost")
        .parse_with::<Args>()?;
    let address = server_args.address()?;

    // region: exercise
    // 1. Draw the number: one for all clients
    // 1..=100 includes both ends. Python's randrange(1, 100) leaves out the 100.
    let secret = args.secret.unwrap_or_else(|| rand::random_range(1..=100));

    // 2. Create the socket: one for all clients
    let server = Socket::new(Domain::IPV4, Type::DGRAM, None).cannot("create", "a UDP socket")?;

    // 3. Bind it to the server's address: from here on datagrams can come
    server.bind(&address.into()).cannot("bind to", address)?;
    labnet::log_listening(&server)?;

    let server: UdpSocket = server.into();
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        // 4. Receive a guess and the address it came from
        let (count, peer) = match server.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                labnet::retry_receive(error)?;
                continue;
            }
        };

        // 5. Compare it with the number
        // Nothing is kept between guesses: a guess that arrives twice gets the same answer twice.
        let guess = &buffer[..count];
        let reply = answer(guess, secret);
        let verdict = reply.split(':').next().unwrap_or(&reply);
        let (quote, client) = (&guess[..count.min(QUOTE_LIMIT)], python::address(peer));
        say!("Guess {} from {client}: {verdict}", python::bytes(quote))?;

        // 6. Send the answer back there
        if let Err(error) = server.send_to(reply.as_bytes(), peer) {
            log!("{client}: cannot send the answer: {error}");
        }
    }
    // endregion: exercise
}

/// `HIGHER` if the number is higher than the guess, `LOWER`, `CORRECT`, or what is wrong with it.
fn answer(guess: &[u8], secret: i64) -> String {
    let text = String::from_utf8_lossy(guess);
    let text = text.trim_matches(WHITE_SPACE);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let quote: String = text.chars().take(QUOTE_LIMIT).collect();
        let cut = if quote.len() < text.len() { "…" } else { "" };
        return format!("ERROR: \"{quote}{cut}\" is not a whole number");
    }
    // A number that does not fit into 64 bits is far below 1 or far above 100.
    let far_off = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    let number = text.parse().unwrap_or(far_off);
    if secret > number {
        "HIGHER".to_string()
    } else if secret < number {
        "LOWER".to_string()
    } else {
        "CORRECT".to_string()
    }
}

/// Reads `--secret`.
fn secret(value: &str) -> Result<i64, String> {
    value
        .parse()
        .ok()
        .filter(|number| (1..=100).contains(number))
        .ok_or_else(|| "the number to guess is a whole number from 1 to 100".to_string())
}
