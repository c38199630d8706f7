//! Sends a datagram and waits for its echo; sends it again if it is lost.
//!
//! Python:     UDP echo client (CMPU4021 Week 2), and `twin.py`
//! Terminal 1: `cargo run -p cmpu-udp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-udp-echo-client -- --port 9900`
//! You see:    `received Test message. …`; in terminal 1 `received 33 bytes from …`
//! Safety:     sends to this machine only, unless you name another with --host

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use labnet::{Cannot, Hint, log, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The longest message in a datagram over IPv4, in bytes: 65,535 less the headers of IP and UDP.
const LONGEST_MESSAGE: usize = 65_507;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Sends a datagram and waits for its echo.")
        .host("localhost")
        .timeout(1.0)
        .parse_with::<Args>()?;
    let message = args.message.as_bytes();
    if message.len() > LONGEST_MESSAGE {
        return labnet::fail(
            format!("the message has {} bytes", message.len()),
            "a datagram carries at most 65507; TCP has no such limit",
        );
    }
    let address = shared.address()?;

    // region: exercise
    // 1. Create the socket
    let server = Socket::new(Domain::IPV4, Type::DGRAM, None).cannot("create", "a UDP socket")?;

    // 2. Connect it to the server: datagrams from others are no longer received
    // Nothing is sent. And ICMP's "port unreachable" now reaches us, as "connection refused".
    let (host, port) = (&shared.host, shared.port);
    say!("Connecting to {host} port {port}")?;
    server
        .connect(&address.into())
        .cannot("connect to", address)?;
    say!("Sending {}", args.message)?;
    let server: UdpSocket = server.into();
    let echoed = echo(&server, message, shared.timeout, args.tries);
    if echoed.is_ok() {
        say!("received {}", args.message)?;
    }

    // 5. Close the socket, also after a failure
    say!("Closing connection to the server")?;
    drop(server);
    echoed.cannot("get an echo from", address).hint(format!(
        "is the server running? cargo run -p cmpu-udp-echo-server -- --port {port}"
    ))?;
    Ok(())
    // endregion: exercise
}

/// Sends the message until its echo comes.
fn echo(server: &UdpSocket, message: &[u8], timeout: Duration, tries: u32) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST_MESSAGE];
    // region: exercise
    for attempt in 1..=tries {
        // 3. Send the message, again if its echo did not come
        // UDP never sends again by itself: it does not notice that a datagram was lost.
        if attempt > 1 {
            log!("no echo yet; sending again (try {attempt} of {tries})");
        }
        server.send(message)?;

        // 4. Receive its echo, and nothing else, within the time limit
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            server.set_read_timeout(Some(left))?;
            let count = match with_timeout(server, || server.recv(&mut buffer)) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::TimedOut => break,
                Err(error) => return Err(error),
            };
            if &buffer[..count] == message {
                return Ok(());
            }
            log!("ignored {count} bytes that are not an echo of the message");
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
    example = "{command_name} --port=9900 --message 'Another message' --tries 3"
)]
struct Args {
    /// the message (default: Test message. This will be echoed)
    #[argh(option, default = "\"Test message. This will be echoed\".to_string()")]
    message: String,
    /// how many times to send the message before giving up (default 5)
    #[argh(option, default = "5", from_str_fn(labnet::tries))]
    tries: u32,
}
