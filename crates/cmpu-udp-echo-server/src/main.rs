//! Sends each datagram back to where it came from.
//!
//! Python:     UDP echo server (CMPU4021 Week 2), beside `twin.py`
//! Terminal 1: `cargo run -p cmpu-udp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-udp-echo-client -- --port 9900`
//! You see:    here `received 33 bytes from ('127.0.0.1', 51234)`, there `received Test message. This will be echoed`
//! Safety:     only programs on this machine can reach it, since it is bound to localhost

use std::net::UdpSocket;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{log, python, say};
use socket2::{Domain, Socket, Type};

/// The longest datagram that is received, in bytes. One recvfrom takes one datagram, and what does not fit into the
/// buffer is lost, so this is as long as any can be.
const BUFFER_SIZE: usize = 65_535;

/// Sends each datagram back to where it came from.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --port 9900",
    example = "{command_name} --port=9900"
)]
struct Args {
    /// address to listen on (default localhost: this machine only)
    #[argh(option, default = "\"localhost\".to_string()")]
    host: String,
    /// port to listen on (the sheet uses 9900; 0 takes any that is free)
    #[argh(option, from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket: one for all clients
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, None).context("cannot create a UDP socket")?;

    // 2. Bind it to the server's address: from here on datagrams can come
    // No SO_REUSEADDR: UDP has no TIME_WAIT that would hold the port, and with it a second server could take this
    // one's datagrams away.
    socket
        .bind(&address.into())
        .with_context(|| format!("cannot bind to {address}"))?;
    let port = labnet::log_listening(&socket)?.port();
    say!("Starting up echo server on {} port {port}", args.host)?;

    let socket: UdpSocket = socket.into();
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        say!("Waiting to receive message from client")?;

        // 3. Receive a datagram and the address it came from
        let (count, peer) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                labnet::retry_receive(error)?;
                continue;
            }
        };
        let (message, client) = (&buffer[..count], python::address(peer));
        say!("received {count} bytes from {client}")?;
        // The echo is the bytes themselves. Only the line printed here needs text, and shows what is not UTF-8 as �.
        say!("Data: {}", String::from_utf8_lossy(message))?;

        // 4. Send it back there
        // A datagram of no bytes is a message too, and has its echo.
        match socket.send_to(message, peer) {
            Ok(count) => say!("sent {count} bytes back to {client}")?,
            Err(error) => log!("{client}: cannot send the echo: {error}"),
        }
    }
    // endregion: exercise
}
