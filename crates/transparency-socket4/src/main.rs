//! Asks a web server for its first page and shows what one recv gives.
//!
//! Python:     `socket_4.py` (Distribution transparency), and `twin.py`
//! Terminal 1: `cargo run -p transparency-socket4`
//! You see:    `Socket Created`, `Socket Connected to www.google.co.uk on ip 142.250.180.3`,
//!             `Message send successfully` and `b'HTTP/1.1 200 OK\r\nDate: …'`
//! Safety:     sends one request to a web server on the Internet; --host names another

use std::io::{Read, Write};

use labnet::{Cannot, Hint, python, say};
use socket2::{Domain, Socket, Type};

/// How much of the reply is read, in bytes.
const BUFFER_SIZE: usize = 4096;

fn main() -> labnet::MainResult {
    let args = labnet::client_args("Asks a web server for its first page.")
        .host("www.google.co.uk")
        .port(80)
        .parse()?;
    let host = &args.host;

    // region: exercise
    // 1. Create the socket
    let mut server =
        Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;
    say!("Socket Created")?;

    // 2. Resolve the host name: the system asks its hosts file, then a name server
    let address = match args.address() {
        Ok(address) => address,
        Err(error) => {
            say!("Hostname could not be resolved. Exiting")?;
            return Err(error.into());
        }
    };
    let ip = address.ip();

    // 3. Connect to the web server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is there a web server? cargo lab run transparency-socket4 starts one")?;
    say!("Socket Connected to {host} on ip {ip}")?;

    // 4. Send the request: lines that end with CRLF, then an empty one
    server
        .write_all(request(host, args.port).as_bytes())
        .cannot("send", "the request")?;
    say!("Message send successfully")?;

    // 5. Receive the reply: whatever one recv gives
    // That is its first piece. The page ends where the server closes, or where its header says.
    let mut buffer = [0; BUFFER_SIZE];
    let count = server.read(&mut buffer).cannot("receive", "the reply")?;
    if count == 0 {
        return labnet::fail(
            format!("{address} closed the connection without a reply"),
            "is it a web server?",
        );
    }
    say!("{}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
}

/// One machine serves many sites, so HTTP/1.1 requires the name in a Host line (RFC 9112, section
/// 3.2), with the port if it is not 80. `Connection: close` says that no second request will come
/// (section 9.6).
fn request(host: &str, port: u16) -> String {
    let site = match port {
        80 => host.to_string(),
        port => format!("{host}:{port}"),
    };
    format!("GET / HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests;
