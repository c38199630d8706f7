//! A connection to NATS: its client protocol is lines of text over TCP.

use std::net::{SocketAddr, TcpStream};

use anyhow::Context;

use crate::connection::{self, Reader, Writer, number, push_number};
use crate::{ARGUMENTS, Peer};

pub(crate) struct Nats {
    reader: Reader,
    out: Writer,
}

/// A message's place in what has been read.
struct Head {
    /// The line up to its end, and the line's end.
    line: usize,
    /// The content's size.
    size: usize,
}

impl Nats {
    pub(crate) fn join(address: SocketAddr) -> anyhow::Result<Self> {
        let (reader, out) = connection::connect(address)?;
        let mut nats = Nats { reader, out };
        let end = nats.line()?;
        let line = nats.reader.take(0, end);
        anyhow::ensure!(line.starts_with(b"INFO "), "this is not a NATS server");
        nats.ask_for_pong("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")?;
        Ok(nats)
    }

    pub(crate) fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let (mut caller, mut callee) = (Nats::join(address)?, Nats::join(address)?);
        // Request and reply, as every NATS client does it:
        // a subject for all replies, the number in its end.
        caller.ask_for_pong("SUB inbox.* 1\r\n")?;
        callee.ask_for_pong("SUB bench.echo 1\r\n")?;
        Ok((caller, callee))
    }

    /// Sends a command; the answer to a ping tells that it has been carried out.
    fn ask_for_pong(&mut self, command: &str) -> anyhow::Result<()> {
        self.out.waiting.extend_from_slice(command.as_bytes());
        self.out.waiting.extend_from_slice(b"PING\r\n");
        loop {
            let end = self.line()?;
            if self.reader.take(0, end) == b"PONG\r\n" {
                return Ok(());
            }
        }
    }

    /// Waits for a line and gives its length; PING is answered on the way.
    fn line(&mut self) -> anyhow::Result<usize> {
        loop {
            match memchr::memchr(b'\n', self.reader.bytes()) {
                None => self.reader.fill(&mut self.out)?,
                Some(5) if self.reader.bytes().starts_with(b"PING\r") => {
                    self.reader.take(0, 6);
                    self.out.waiting.extend_from_slice(b"PONG\r\n");
                }
                Some(end) => return Ok(end + 1),
            }
        }
    }

    /// Waits for a message.
    fn message(&mut self) -> anyhow::Result<Head> {
        loop {
            let line = self.line()?;
            let bytes = &self.reader.bytes()[..line];
            if bytes.starts_with(b"MSG ") {
                let words = &bytes[..line - 2];
                let size = memchr::memrchr(b' ', words).map(|space| &words[space + 1..]);
                let (size, _) = size.and_then(number).context("a message without a size")?;
                let size = usize::try_from(size)?;
                self.reader.at_least(line + size + 2, &mut self.out)?;
                return Ok(Head { line, size });
            }
            self.reader.take(0, line);
        }
    }

    /// Takes a message: its head without what every head begins with, and its content.
    fn take(&mut self, head: &Head) -> anyhow::Result<&[u8]> {
        let message = self.reader.take(0, head.line + head.size + 2);
        let (line, content) = message.split_at(head.line);
        anyhow::ensure!(
            &content[..head.size] == ARGUMENTS.as_bytes(),
            "the arguments have changed"
        );
        Ok(&line[4..])
    }
}

fn publish(out: &mut Writer, subject: &[u8], reply: Option<u64>) {
    let waiting = &mut out.waiting;
    waiting.extend_from_slice(b"PUB ");
    waiting.extend_from_slice(subject);
    if let Some(reply) = reply {
        waiting.extend_from_slice(b" inbox.");
        push_number(waiting, reply);
    }
    waiting.push(b' ');
    push_number(waiting, ARGUMENTS.len() as u64);
    waiting.extend_from_slice(b"\r\n");
    waiting.extend_from_slice(ARGUMENTS.as_bytes());
    waiting.extend_from_slice(b"\r\n");
}

impl Peer for Nats {
    fn ask(&mut self, number: u64) -> anyhow::Result<()> {
        publish(&mut self.out, b"bench.echo", Some(number));
        Ok(())
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        let head = self.message()?;
        // MSG inbox.NUMBER SID SIZE
        let subject = self.take(&head)?.strip_prefix(b"inbox.");
        let (number, _) = subject.and_then(number).context("not one of the replies")?;
        Ok(number)
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        let head = self.message()?;
        // MSG SUBJECT SID REPLY SIZE
        let message = self.reader.take(0, head.line + head.size + 2);
        let reply = message[..head.line].split(|byte| *byte == b' ').nth(3);
        publish(&mut self.out, reply.context("nobody to answer")?, None);
        Ok(())
    }

    fn publish(&mut self, _number: u64) -> anyhow::Result<()> {
        publish(&mut self.out, b"bench.echo", None);
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush()
    }

    fn event(&mut self) -> anyhow::Result<()> {
        let head = self.message()?;
        self.take(&head)?;
        Ok(())
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        self.ask_for_pong("SUB bench.echo 1\r\n")
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.reader.connection()
    }
}
