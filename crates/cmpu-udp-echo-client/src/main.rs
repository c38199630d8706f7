//! Sends a datagram and waits for its echo, again if it is lost.
//!
//! Python:     UDP echo client (CMPU4021 Week 2), beside `twin.py`
//! Terminal 1: `cargo run -p cmpu-udp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-udp-echo-client -- --port 9900`
//! You see:    here `received Test message. This will be echoed`, there `received 33 bytes from ('127.0.0.1', 51234)`
//! Safety:     sends to this machine only, unless you name another with --host

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log, say, with_timeout};
use socket2::{Domain, Socket, Type};

/// The longest message that a datagram carries over IPv4, in bytes: 65,535 less the headers of IP and UDP.
const LONGEST_MESSAGE: usize = 65_507;

/// Sends a datagram and waits for its echo, again if it is lost.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900 --message 'Another message' --tries 3"
)]
struct Args {
    /// the server's host name or address (default localhost)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// the server's port (the sheet uses 9900)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
    /// the message (default: Test message. This will be echoed)
    #[argh(option, default = "\"Test message. This will be echoed\".to_string()")]
    message: String,
    /// seconds to wait for the echo before the message is sent again (default 1)
    #[argh(
        option,
        default = "Duration::from_secs(1)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
    /// how often the message is sent at most (default 5)
    #[argh(option, default = "5", from_str_fn(labnet::tries))]
    tries: u32,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;
    if args.message.len() > LONGEST_MESSAGE {
        return Err(anyhow!("the message has {} bytes", args.message.len()))
            .hint("a datagram carries at most 65507; TCP has no such limit")?;
    }

    // region: exercise
    // 1. Create the socket
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, None).context("cannot create a UDP socket")?;

    // 2. Connect it to the server: datagrams of others no longer come in
    // Nothing is sent by that. It also lets ICMP's "port unreachable" reach the calls below, as "connection refused".
    say!("Connecting to {} port {}", args.host, args.port)?;
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))?;
    say!("Sending {}", args.message)?;
    let result = echo(&socket.into(), &args)
        .with_context(|| format!("no echo from {address}"))
        .hint(format!(
            "is the server running? cargo run -p cmpu-udp-echo-server -- --port {}",
            args.port
        ));
    if result.is_ok() {
        say!("received {}", args.message)?;
    }

    // 5. Close the socket, also after a failure
    say!("Closing connection to the server")?;
    result?;
    Ok(())
    // endregion: exercise
}

/// Sends the message until its echo comes.
fn echo(server: &UdpSocket, args: &Args) -> anyhow::Result<()> {
    let message = args.message.as_bytes();
    let mut buffer = vec![0; LONGEST_MESSAGE];
    // region: exercise
    for attempt in 1..=args.tries {
        // 3. Send the message, again if its echo did not come
        // UDP itself never does: a lost datagram is lost, and nobody says so.
        if attempt > 1 {
            log!(
                "no echo yet; sending again (try {attempt} of {})",
                args.tries
            );
        }
        server.send(message).context("cannot send the message")?;

        // 4. Receive its echo, and nothing else, within the time limit
        let deadline = Instant::now() + args.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            server
                .set_read_timeout(Some(left))
                .context("cannot limit the time to wait")?;
            match with_timeout(|| server.recv(&mut buffer)) {
                Ok(count) if &buffer[..count] == message => return Ok(()),
                Ok(count) => log!("{count} bytes that are no echo of the message; ignored"),
                Err(error) if error.kind() == ErrorKind::TimedOut => break,
                Err(error) => return Err(error).context("cannot receive"),
            }
        }
    }
    Err(anyhow!("none came in {} tries", args.tries))
    // endregion: exercise
}
