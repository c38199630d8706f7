//! Draws a number from 1 to 100 and answers guesses over UDP.
//!
//! Python:     `twin.py` (CMPU4021 Week 2; the sheet has no program for it)
//! Terminal 1: `cargo run -p cmpu-guess-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-guess-client -- --port 9900`
//! You see:    `Guess b'50' from ('127.0.0.1', 51234): HIGHER`; in terminal 2 `HIGHER`
//! Safety:     listens on localhost, so only programs on this machine can reach it

mod guess;

use std::net::UdpSocket;

use argh::{ArgsInfo, FromArgs};
use guess::QUOTE_LIMIT;
use labnet::{Cannot, log, python, say};
use socket2::{Domain, Socket, Type};

/// The longest datagram, in bytes.
const BUFFER_SIZE: usize = 65_535;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::server_args("Draws a number and answers guesses over UDP.")
        .host("localhost")
        .parse_with::<Args>()?;
    let address = shared.address()?;

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
        let reply = guess::answer(guess, secret);
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

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port=9900 --secret 42"
)]
struct Args {
    /// the number to guess, from 1 to 100 (default: a random number)
    #[argh(option, from_str_fn(guess::secret))]
    secret: Option<i64>,
}
