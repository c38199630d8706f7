//! Finds a web server's address and connects to it.
//!
//! Python:     `socket_3.py` (Distribution transparency), beside `twin.py`
//! Terminal 1: `cargo run -p transparency-socket3`
//! You see:    `Socket Created`, `Ip address of www.google.co.uk is 142.250.180.3` and
//!             `Socket Connected to www.google.co.uk on ip 142.250.180.3`
//! Safety:     connects to a web server on the Internet and sends it nothing; --host names another

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, say};
use socket2::{Domain, Socket, Type};

/// Finds a web server's address and connects to it.
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
    let socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;
    say!("Socket Created")?;

    // 2. Resolve the host name: the system asks its hosts file, then a name server
    // An IPv4 socket connects to IPv4 addresses only, so the first of those is taken, as gethostbyname() does.
    let address = match labnet::resolve(host, args.port) {
        Ok(address) => address,
        Err(error) => {
            say!("Hostname could not be resolved. Exiting")?;
            return Err(error.into());
        }
    };
    say!("Ip address of {host} is {}", address.ip())?;

    // 3. Connect to the web server: TCP's handshake
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("no web server there? cargo lab run transparency-socket3 brings one of its own")?;
    say!("Socket Connected to {host} on ip {}", address.ip())?;
    Ok(())
    // endregion: exercise
} // The socket is closed here: the server receives FIN and never a request.
