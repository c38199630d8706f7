//! Sends messages of any size that end with `<EOF>` and shows the server's answers.
//!
//! Python:     `twin.py` (Distributed System Design Lab 1, exercise 5; the sheet has no program)
//! Terminal 1: `cargo run -p dsd-eof-server`
//! Terminal 2: `cargo run -p dsd-eof-client 'Hello world'`
//! You see:    `Server says: I got "Hello world" from you and I am sending it back.`
//! Safety:     connects to this machine only, unless you name another with --host

use std::io::{self, Read, Write};

use argh::{ArgsInfo, FromArgs};
use labnet::frames::{DelimitedReader, DelimitedWriter};
use labnet::{Cannot, Hint, say};
use socket2::{Domain, Socket, Type};

/// What ends a message, in both directions.
const TOKEN: &[u8] = b"<EOF>";
/// How much longer than its message an answer may be, in bytes.
const ANSWER_EXTRA: usize = 1024;

fn main() -> labnet::MainResult {
    let (shared, args) = labnet::client_args("Sends messages that end with <EOF>.")
        .host("127.0.0.1")
        .port(65432)
        .parse_with::<Args>()?;
    let address = shared.address()?;

    // region: exercise
    // 1. Put the token behind each message; refuse one that holds it: it would arrive as two
    let mut frames = Vec::new();
    if args.messages == ["-"] {
        let mut message = Vec::new();
        io::stdin()
            .read_to_end(&mut message)
            .cannot("read", "stdin")?;
        frames.push(with_token(&message)?);
    } else if args.messages.is_empty() {
        frames.push(with_token(b"Hello world")?);
    } else {
        for message in &args.messages {
            frames.push(with_token(message.as_bytes())?);
        }
    }

    // 2. Create the socket
    let server = Socket::new(Domain::IPV4, Type::STREAM, None).cannot("create", "a TCP socket")?;

    // 3. Connect to the server: TCP's handshake
    server
        .connect(&address.into())
        .cannot("connect to", address)
        .hint("is the server running? cargo run -p dsd-eof-server")?;

    // A byte that is not valid UTF-8 comes back as U+FFFD, which takes three bytes.
    let longest = frames.iter().map(Vec::len).max().unwrap_or(0);
    let mut answers = DelimitedReader::new(&server, TOKEN, 3 * longest + ANSWER_EXTRA);
    for frame in &frames {
        // 4. Send a message with its token
        let sent = (&server).write_all(frame);

        // 5. Receive the answer until its token
        // Even if sending failed: a server may refuse a message before it has received it all.
        let answer = answers.read_message();
        if let Ok(Some(answer)) = &answer {
            say!("Server says: {}", String::from_utf8_lossy(answer))?;
        }
        sent.cannot("send", "the message")
            .hint("the server has closed the connection: its answer or its terminal says why")?;
        let answer = answer
            .cannot("receive", "the answer")
            .hint("its terminal may say why")?;
        if answer.is_none() {
            return labnet::fail(
                "the server closed the connection without an answer",
                "its terminal may say why",
            );
        }
    }
    Ok(())
    // endregion: exercise
} // The socket is closed here, where its variable ends: Python's `with` block.

/// A message and its token, to be sent with one call.
fn with_token(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    // write_message searches the message for the token, and refuses it if the token is in it.
    let mut frame = Vec::new();
    DelimitedWriter::new(&mut frame, TOKEN)
        .write_message(message)
        .cannot("send", "this text")
        .hint("leave <EOF> out of it, or encode it, in base64 for instance")?;
    Ok(frame)
}

/// The options that only this program has.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} 'Hello world' 'and once more'",
    example = "{command_name} - < book.txt"
)]
struct Args {
    /// the messages (default 'Hello world'); - sends all of stdin as one message
    #[argh(positional)]
    messages: Vec<String>,
}
