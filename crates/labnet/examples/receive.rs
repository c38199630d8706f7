//! Receives a message from each client and answers how many bytes it had: the framing next to a
//! plain receive.
//!
//! Terminal 1: `cargo run --release -p labnet --example receive -- delimited`
//! Terminal 2: `printf 'hello<EOF>' | nc 127.0.0.1 PORT`, with the port that terminal 1 names
//! You see:    here `listening on 127.0.0.1:PORT`, there `5`
//! Safety:     only programs on this machine can connect, since it listens on 127.0.0.1
//!
//! `python3 scripts/bench eof` measures with it. A client sends one message and ends its direction
//! (`shutdown(SHUT_WR)`), which is what ends the message for the two receivers that know no
//! framing:
//!
//! | | receives into | ends at |
//! |---|---|---|
//! | `append` | a piece, appended to one growing buffer: the plain receive | the end of the stream |
//! | `in-place` | the growing buffer itself, zeroed first | the end of the stream |
//! | `delimited` | [`DelimitedReader`] | `<EOF>` |
//! | `prefixed` | [`PrefixedReader`] | the length that leads the message |

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::Hint;
use labnet::frames::{DelimitedReader, PIECE_SIZE, PrefixedReader};

/// The longest message, in bytes: 1 GiB.
const LIMIT: usize = 1024 * 1024 * 1024;

/// Receives a message from each client and answers how many bytes it had.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} delimited --piece 1024"
)]
struct Args {
    /// append, in-place, delimited or prefixed
    #[argh(positional)]
    how: String,
    /// bytes to ask of the socket at once (default 65536)
    #[argh(option, default = "PIECE_SIZE")]
    piece: usize,
    /// port of 127.0.0.1 to listen on (default 0: any that is free)
    #[argh(option, default = "0", from_str_fn(labnet::port))]
    port: u16,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let receive = match args.how.as_str() {
        "append" => append,
        "in-place" => in_place,
        "delimited" => delimited,
        "prefixed" => prefixed,
        other => {
            return Err(anyhow::anyhow!("there is no way to receive called {other}"))
                .hint("one of append, in-place, delimited, prefixed")?;
        }
    };
    if args.piece == 0 {
        return Err(anyhow::anyhow!(
            "who asks for 0 bytes at a time gets nothing"
        ))
        .hint("--piece 1024")?;
    }
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .with_context(|| format!("cannot listen on 127.0.0.1:{}", args.port))?;
    labnet::log_listening(&listener)?;
    loop {
        let (connection, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                labnet::retry_accept(error)?;
                continue;
            }
        };
        if let Err(error) = serve(connection, receive, args.piece) {
            labnet::log!("{peer}: {error:#}");
        }
    }
}

/// Receives one message, answers with its length, and hangs up.
fn serve(
    connection: TcpStream,
    receive: fn(&TcpStream, usize) -> anyhow::Result<()>,
    piece: usize,
) -> anyhow::Result<()> {
    receive(&connection, piece)?;
    labnet::close_gracefully(connection.into(), std::time::Duration::from_secs(1))
        .context("cannot hang up")
}

/// Called while the message is still held: to give its memory back is not part of receiving it.
fn answer(mut sink: &TcpStream, message: &[u8]) -> anyhow::Result<()> {
    sink.write_all(format!("{}\n", message.len()).as_bytes())
        .context("cannot answer")
}

fn append(mut source: &TcpStream, piece: usize) -> anyhow::Result<()> {
    let mut piece = vec![0; piece];
    let mut message = Vec::new();
    loop {
        let count = source.read(&mut piece).context("cannot receive")?;
        if count == 0 {
            return answer(source, &message);
        }
        message.extend_from_slice(&piece[..count]);
    }
}

fn in_place(mut source: &TcpStream, piece: usize) -> anyhow::Result<()> {
    let mut message = Vec::new();
    loop {
        let length = message.len();
        message.resize(length + piece, 0);
        let count = source
            .read(&mut message[length..])
            .context("cannot receive")?;
        message.truncate(length + count);
        if count == 0 {
            return answer(source, &message);
        }
    }
}

fn delimited(source: &TcpStream, piece: usize) -> anyhow::Result<()> {
    let mut reader = DelimitedReader::new(source, b"<EOF>", LIMIT).piece_size(piece);
    let message = reader.read_message()?.context("no message came")?;
    answer(source, message)
}

/// Its pieces are [`PIECE_SIZE`] long, and smaller at the message's end.
fn prefixed(source: &TcpStream, _piece: usize) -> anyhow::Result<()> {
    let mut reader = PrefixedReader::new(source, LIMIT);
    let message = reader.read_message()?.context("no message came")?;
    answer(source, message)
}
