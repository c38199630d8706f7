//! Asks a web server for its first page and shows what one recv gives.
//!
//! Python:     `socket_4.py` (Distribution transparency), beside `twin.py`
//! Terminal 1: `cargo run -p transparency-socket4`
//! You see:    `Socket Created`, `Socket Connected to www.google.co.uk on ip 142.250.180.3`,
//!             `Message send successfully` and `b'HTTP/1.1 200 OK\r\nDate: …'`
//! Safety:     sends one request to a web server on the Internet; --host names another

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, python, say};
use socket2::{Domain, Socket, Type};

/// How much of the reply is read, in bytes.
const BUFFER_SIZE: usize = 4096;

/// Asks a web server for its first page and shows what one recv gives.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}",
    example = "{command_name} --host 127.0.0.1 --port 8000"
)]
struct Args {
    /// the web server's host name or address (default www.google.co.uk)
    #[argh(option, default = "\"www.google.co.uk\".to_string()")]
    host: String,
    /// the web server's port (default 80)
    #[argh(option, default = "80", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let host = &args.host;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;
    say!("Socket Created")?;

    // 2. Resolve the host name: the system asks its hosts file, then a name server
    let address = match labnet::resolve(host, args.port) {
        Ok(address) => address,
        Err(error) => {
            say!("Hostname could not be resolved. Exiting")?;
            return Err(error.into());
        }
    };

    // 3. Connect to the web server: TCP's handshake
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("no web server there? cargo lab run transparency-socket4 brings one of its own")?;
    say!("Socket Connected to {host} on ip {}", address.ip())?;

    // 4. Send the request: lines that end with CRLF, then an empty one
    let request = request(host, args.port);
    socket
        .write_all(request.as_bytes())
        .context("cannot send the request")?;
    say!("Message send successfully")?;

    // 5. Receive the reply: whatever one recv gives
    // That is the first piece of it. The page goes on until the server closes, or as long as its header says.
    let mut buffer = [0; BUFFER_SIZE];
    let count = socket
        .read(&mut buffer)
        .context("cannot receive the reply")?;
    if count == 0 {
        return Err(anyhow!("{address} closed the connection without a reply"))
            .hint("is it a web server?")?;
    }
    say!("{}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
}

/// One machine serves many sites, so HTTP/1.1 wants the name in a Host line (RFC 9112, section 3.2), with the port if it
/// is not 80. `Connection: close` says that no second request will come (section 9.6).
fn request(host: &str, port: u16) -> String {
    let site = match port {
        80 => host.to_string(),
        port => format!("{host}:{port}"),
    };
    format!("GET / HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn the_host_line_names_the_port_unless_it_is_80() {
        let rest = "\r\nConnection: close\r\n\r\n";
        assert_eq!(
            request("www.google.co.uk", 80),
            format!("GET / HTTP/1.1\r\nHost: www.google.co.uk{rest}")
        );
        assert_eq!(
            request("localhost", 8000),
            format!("GET / HTTP/1.1\r\nHost: localhost:8000{rest}")
        );
    }
}
