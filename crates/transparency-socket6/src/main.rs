//! Connects to the server of `transparency-socket5` and shows its thanks.
//!
//! Python:     `socket_6.py` (Distribution transparency), beside `twin.py`
//! Terminal 1: `cargo run -p transparency-socket5`
//! Terminal 2: `cargo run -p transparency-socket6`
//! You see:    here `b'Thank you for connecting'`, there `Got connection from ('127.0.0.1', 51234)`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::Read;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, python, say};
use socket2::{Domain, Socket, Type};

/// The longest message that is read, in bytes.
const BUFFER_SIZE: usize = 1024;

/// Connects to transparency-socket5 and shows its thanks.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}",
    example = "{command_name} --host 192.168.0.7"
)]
struct Args {
    /// the server's host name or address (default 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// the server's port (default 12345)
    #[argh(option, default = "12345", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let address = labnet::resolve(&args.host, args.port)?;

    // region: exercise
    // 1. Create the socket
    let mut socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("cannot create a TCP socket")?;

    // 2. Connect to the server: TCP's handshake
    // To a closed server it fails: where nobody listens, the system itself answers the SYN with RST.
    socket
        .connect(&address.into())
        .with_context(|| format!("cannot connect to {address}"))
        .hint("is the server running? cargo run -p transparency-socket5")?;

    // 3. Receive the message: whatever one recv gives
    let mut buffer = [0; BUFFER_SIZE];
    let count = socket
        .read(&mut buffer)
        .context("cannot receive the message")?;
    if count == 0 {
        return Err(anyhow!(
            "the server closed the connection without a message"
        ))
        .hint("its terminal may say why")?;
    }
    say!("{}", python::bytes(&buffer[..count]))?;
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its owner ends: the sheet's `s.close()`.
