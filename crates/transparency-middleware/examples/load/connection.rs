//! The two directions of a connection, the same for everything that is measured: what is sent waits
//! until there is nothing left to read, and as many bytes are read as there are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use anyhow::Context;

/// How many bytes are read at once. A message has to fit.
const READ_BUFFER: usize = 64 * 1024;

/// Connects, and gives both directions.
pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<(Reader, Writer)> {
    let stream =
        TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    // One descriptor for both: thousands of sessions are held.
    let stream = Arc::new(stream);
    let reader = Reader {
        stream: stream.clone(),
        buffer: vec![0; READ_BUFFER].into(),
        start: 0,
        end: 0,
    };
    let waiting = Vec::new();
    Ok((reader, Writer { stream, waiting }))
}

/// What has come and is not taken yet.
pub(crate) struct Reader {
    stream: Arc<TcpStream>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Reader {
    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Waits until so many bytes are there; what waits on the other side is sent before.
    pub(crate) fn at_least(&mut self, count: usize, out: &mut Writer) -> anyhow::Result<()> {
        while self.end - self.start < count {
            self.fill(out)?;
        }
        Ok(())
    }

    /// Reads once.
    pub(crate) fn fill(&mut self, out: &mut Writer) -> anyhow::Result<()> {
        out.flush()?;
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        anyhow::ensure!(self.end < self.buffer.len(), "a message is too large");
        let count = (&*self.stream).read(&mut self.buffer[self.end..]);
        let count = count.context("cannot receive")?;
        anyhow::ensure!(count > 0, "the connection has ended");
        self.end += count;
        Ok(())
    }

    /// Takes bytes that are there: first some to pass over, then those that are given.
    pub(crate) fn take(&mut self, skip: usize, count: usize) -> &[u8] {
        let from = self.start + skip;
        self.start = from + count;
        &self.buffer[from..self.start]
    }

    /// The connection, to end it from another thread.
    pub(crate) fn connection(&self) -> anyhow::Result<TcpStream> {
        self.stream
            .try_clone()
            .context("cannot share the connection")
    }
}

/// What waits to be sent.
pub(crate) struct Writer {
    stream: Arc<TcpStream>,
    pub(crate) waiting: Vec<u8>,
}

impl Writer {
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        if !self.waiting.is_empty() {
            let written = (&*self.stream).write_all(&self.waiting);
            written.context("cannot send")?;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Reads decimal digits, and gives what follows them.
pub(crate) fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    (count > 0).then_some((number, rest))
}
