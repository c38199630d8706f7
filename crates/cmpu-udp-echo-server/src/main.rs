//! Sends each datagram back to where it came from.
//!
//! Python:     UDP echo server (CMPU4021 Week 2), and `twin.py`
//! Terminal 1: `cargo run -p cmpu-udp-echo-server -- --port 9900`
//! Terminal 2: `cargo run -p cmpu-udp-echo-client -- --port 9900`
//! You see:    `received 33 bytes from …`; in terminal 2 `received Test message. …`
//! Safety:     listens on localhost, so only programs on this machine can reach it

use std::net::UdpSocket;

use labnet::{Cannot, log, python, say};
use socket2::{Domain, Socket, Type};

/// The longest datagram, in bytes. One recvfrom gives one datagram; what does not fit is lost.
const BUFFER_SIZE: usize = 65_535;

fn main() -> labnet::MainResult {
    let args = labnet::server_args("Sends each datagram back to where it came from.")
        .host("localhost")
        .parse()?;
    let address = args.address()?;

    // region: exercise
    // 1. Create the socket: one for all clients
    let server = Socket::new(Domain::IPV4, Type::DGRAM, None).cannot("create", "a UDP socket")?;

    // 2. Bind it to the server's address: from here on datagrams can come
    // There is no SO_REUSEADDR. UDP has no TIME_WAIT that would hold the port, and with this option
    // a second server could take datagrams away from this one.
    server.bind(&address.into()).cannot("bind to", address)?;
    let port = labnet::log_listening(&server)?.port();
    say!("Starting up echo server on {} port {port}", args.host)?;

    let server: UdpSocket = server.into();
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        say!("Waiting to receive message from client")?;

        // 3. Receive a datagram and the address it came from
        let (count, peer) = match server.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                labnet::retry_receive(error)?;
                continue;
            }
        };
        let (message, client) = (&buffer[..count], python::address(peer));
        say!("received {count} bytes from {client}")?;
        // The echo is the bytes themselves. Only the line printed here needs text.
        say!("Data: {}", String::from_utf8_lossy(message))?;

        // 4. Send it back there
        // An empty datagram is a message too, and gets its echo.
        match server.send_to(message, peer) {
            Ok(count) => say!("sent {count} bytes back to {client}")?,
            Err(error) => log!("{client}: cannot send the echo: {error}"),
        }
    }
    // endregion: exercise
}
