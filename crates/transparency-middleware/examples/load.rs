//! The load of the benchmark `middleware`: the same caller and callee, publisher and subscribers, against a WAMP
//! router, against NATS, and against a relay that only passes frames on.
//!
//! `load relay` serves the relay. `load call wamp|nats|relay ADDRESS OUTSTANDING SECONDS` prints calls a second and
//! the 50th and 99th percentile of a call's time in microseconds. `load fan wamp|nats ADDRESS SUBSCRIBERS
//! SECONDS` prints events delivered a second. `load idle ADDRESS SESSIONS` holds sessions until its stdin ends.
//!
//! Every client here works in the same way: what it has to send waits until it has nothing more to read, and
//! then goes out in one write. So the rows differ by what stands between them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use labnet::{note, say};
use transparency_middleware::messages::{Dict, Format, Id, Message, Payload, Uri};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Bytes, Message as Frame};

/// The arguments of every call and event: 32 bytes of JSON.
const ARGUMENTS: &str = "[\"0123456789abcdef0123456789ab\"]";

/// Events that may be on their way to each subscriber at a time.
const WINDOW: u64 = 256;

/// How many bytes are read at once.
const READ_BUFFER: usize = 64 * 1024;

fn main() -> labnet::Exit {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["relay"] => relay()?,
        ["call", kind, address, outstanding, seconds] => {
            let address = parse(address)?;
            let (outstanding, seconds) = (
                parse(outstanding)?,
                Duration::from_secs_f64(parse(seconds)?),
            );
            let times = match kind {
                "wamp" => call(Wamp::pair(address)?, outstanding, seconds)?,
                "nats" => call(Nats::pair(address)?, outstanding, seconds)?,
                "relay" => call(Relayed::pair(address)?, outstanding, seconds)?,
                _ => Err(anyhow::anyhow!("{kind} is neither wamp, nats nor relay"))?,
            };
            report(times, seconds)?;
        }
        ["fan", kind, address, subscribers, seconds] => {
            let address = parse(address)?;
            let seconds = Duration::from_secs_f64(parse(seconds)?);
            let count = parse(subscribers)?;
            let rate = match kind {
                "wamp" => fan(address, count, seconds, Wamp::join)?,
                "nats" => fan(address, count, seconds, Nats::join)?,
                _ => Err(anyhow::anyhow!("{kind} is neither wamp nor nats"))?,
            };
            say!("{rate:.0}")?;
        }
        ["idle", address, sessions] => idle(parse(address)?, parse(sessions)?)?,
        _ => Err(anyhow::anyhow!(
            "the words are none of those in the program's first comment"
        ))?,
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(word: &str) -> anyhow::Result<T> {
    word.parse()
        .ok()
        .with_context(|| format!("{word} is not what stands here"))
}

/// One end of a call or of an event, whatever carries it.
trait Peer: Send + Sized {
    /// As caller or publisher: sends the `number`th request, at the next read at the latest.
    fn ask(&mut self, number: u64) -> anyhow::Result<()>;
    /// As caller: waits for an answer and gives its request's number.
    fn answer(&mut self) -> anyhow::Result<u64>;
    /// As callee: takes one request and answers it. `false` when the connection has ended.
    fn serve(&mut self) -> anyhow::Result<bool>;
    /// As publisher: sends an event.
    fn publish(&mut self, number: u64) -> anyhow::Result<()>;
    /// As publisher: lets go of what waits.
    fn flush(&mut self) -> anyhow::Result<()>;
    /// As subscriber: takes an event. `false` when the connection has ended.
    fn event(&mut self) -> anyhow::Result<bool>;
    /// Becomes a subscriber.
    fn subscribe(&mut self) -> anyhow::Result<()>;
    /// The connection, to end it from another thread.
    fn connection(&self) -> anyhow::Result<TcpStream>;
}

/// Calls for a while with so many calls under way; gives each call's time.
fn call<P: Peer + 'static>(
    (mut caller, mut callee): (P, P),
    outstanding: u64,
    seconds: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let end = callee.connection()?;
    let served = thread::spawn(move || -> anyhow::Result<()> {
        while callee.serve()? {}
        Ok(())
    });
    let mut times = Vec::with_capacity(1 << 20);
    // A tenth of the time passes before the first call counts.
    for (counts, seconds) in [(false, seconds / 10), (true, seconds)] {
        let deadline = Instant::now() + seconds;
        let mut began = VecDeque::new();
        let mut number = 0_u64;
        for _ in 0..outstanding {
            caller.ask(number)?;
            began.push_back(Instant::now());
            number += 1;
        }
        let mut answered = 0;
        while answered < number {
            let got = caller.answer()?;
            // There is one callee, and it answers in order.
            anyhow::ensure!(
                got == answered,
                "the answer to {got} came before that to {answered}"
            );
            answered += 1;
            let began_at = began.pop_front().context("an answer to nothing")?;
            let now = Instant::now();
            if counts {
                times.push(now - began_at);
            }
            if now < deadline {
                caller.ask(number)?;
                began.push_back(Instant::now());
                number += 1;
            }
        }
    }
    end.shutdown(std::net::Shutdown::Both)
        .context("cannot end the callee")?;
    // The callee ends with an error: its connection has been cut.
    let _cut = served.join();
    Ok(times)
}

fn report(mut times: Vec<Duration>, seconds: Duration) -> anyhow::Result<()> {
    times.sort_unstable();
    anyhow::ensure!(!times.is_empty(), "no call was answered");
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 calls")]
    let rate = times.len() as f64 / seconds.as_secs_f64();
    say!("{rate:.0} {:.1} {:.1}", at(50), at(99))
}

/// Publishes for a while; gives how many events a second have reached subscribers.
fn fan<P: Peer + 'static>(
    address: SocketAddr,
    subscribers: usize,
    seconds: Duration,
    join: fn(SocketAddr) -> anyhow::Result<P>,
) -> anyhow::Result<f64> {
    let mut readers = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..subscribers {
        let mut reader = join(address)?;
        reader.subscribe()?;
        ends.push(reader.connection()?);
        let got = Arc::new(AtomicU64::new(0));
        let counter = got.clone();
        let publisher = thread::current();
        readers.push(got);
        thread::spawn(move || {
            while matches!(reader.event(), Ok(true)) {
                // The publisher may go on when the slowest has half its window read.
                if counter.fetch_add(1, Ordering::Release) % (WINDOW / 2) == WINDOW / 2 - 1 {
                    publisher.unpark();
                }
            }
        });
    }
    let mut publisher = join(address)?;
    let slowest = || {
        readers
            .iter()
            .map(|got| got.load(Ordering::Acquire))
            .min()
            .unwrap_or(0)
    };
    let mut sent = 0_u64;
    let began = Instant::now();
    while began.elapsed() < seconds {
        for _ in 0..WINDOW / 4 {
            publisher.publish(sent)?;
            sent += 1;
        }
        publisher.flush()?;
        while sent > slowest() + WINDOW {
            thread::park_timeout(Duration::from_millis(1));
        }
    }
    while slowest() < sent {
        anyhow::ensure!(began.elapsed() < seconds * 10, "events were lost");
        thread::park_timeout(Duration::from_millis(1));
    }
    let took = began.elapsed();
    for end in ends {
        // The subscriber's thread ends with it.
        end.shutdown(std::net::Shutdown::Both)
            .context("cannot end a subscriber")?;
    }
    let delivered = sent * u64::try_from(subscribers).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 events")]
    let rate = delivered as f64 / took.as_secs_f64();
    Ok(rate)
}

/// A connection whose writes wait until it is read from, or flushed.
struct Batched {
    stream: TcpStream,
    waiting: Vec<u8>,
}

impl Batched {
    fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        let waiting = Vec::new();
        Ok(Batched { stream, waiting })
    }

    fn let_go(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

impl Read for Batched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.waiting.is_empty() {
            self.let_go()?;
        }
        self.stream.read(buffer)
    }
}

impl Write for Batched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn websocket(
    address: SocketAddr,
    path: &str,
    protocol: Option<Format>,
) -> anyhow::Result<WebSocket<Batched>> {
    let url = format!("ws://{address}{path}");
    let mut request = url
        .as_str()
        .into_client_request()
        .context("the address is none")?;
    if let Some(format) = protocol {
        let name = format
            .subprotocol()
            .parse()
            .context("a name of a subprotocol")?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", name);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    let (socket, _) =
        tungstenite::client::client_with_config(request, Batched::connect(address)?, Some(config))
            .with_context(|| format!("no WebSocket at {url}"))?;
    Ok(socket)
}

/// A WAMP session on JSON.
struct Wamp {
    socket: WebSocket<Batched>,
    procedure: Uri,
    payload: Payload,
}

impl Wamp {
    fn join(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = websocket(address, "/ws", Some(Format::Json))?;
        let call = Message::from_json(&format!("[48,1,{{}},\"bench.echo\",{ARGUMENTS}]"))?;
        let Message::Call {
            procedure, payload, ..
        } = call
        else {
            bail!("a CALL is a CALL");
        };
        let mut wamp = Wamp {
            socket,
            procedure,
            payload,
        };
        let role = |features: &[&str]| {
            let features = features
                .iter()
                .fold(Dict::new(), |features, one| features.with(one, true));
            Dict::new().with("features", features)
        };
        let roles = Dict::new()
            .with("caller", role(&[]))
            .with("callee", role(&[]))
            .with("publisher", role(&[]))
            .with("subscriber", role(&[]));
        let realm = Uri::new("realm1").context("it is a URI")?;
        let details = Dict::new().with("roles", roles);
        wamp.send(&Message::Hello { realm, details })?;
        match wamp.receive()? {
            Message::Welcome { .. } => Ok(wamp),
            other => bail!("no WELCOME but {other:?}"),
        }
    }

    fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let (caller, mut callee) = (Wamp::join(address)?, Wamp::join(address)?);
        callee.send(&Message::Register {
            request: id(1)?,
            options: Dict::new(),
            procedure: callee.procedure.clone(),
        })?;
        match callee.receive()? {
            Message::Registered { .. } => Ok((caller, callee)),
            other => bail!("not registered: {other:?}"),
        }
    }

    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        self.socket
            .write(Frame::text(message.to_json()?))
            .context("cannot send")?;
        Ok(())
    }

    fn receive(&mut self) -> anyhow::Result<Message> {
        loop {
            if let Frame::Text(text) = self.socket.read().context("cannot receive")? {
                return Ok(Message::decode(Format::Json, &Bytes::from(text))?);
            }
        }
    }
}

fn id(number: u64) -> anyhow::Result<Id> {
    Id::new(number).context("no id")
}

impl Peer for Wamp {
    fn ask(&mut self, number: u64) -> anyhow::Result<()> {
        let call = Message::Call {
            request: id(number + 1)?,
            options: Dict::new(),
            procedure: self.procedure.clone(),
            payload: self.payload.clone(),
        };
        self.send(&call)
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        match self.receive()? {
            Message::Result { request, .. } => Ok(request.get() - 1),
            other => bail!("no RESULT but {other:?}"),
        }
    }

    fn serve(&mut self) -> anyhow::Result<bool> {
        let Message::Invocation {
            request, payload, ..
        } = self.receive()?
        else {
            return Ok(false);
        };
        self.send(&Message::Yield {
            request,
            options: Dict::new(),
            payload,
        })?;
        Ok(true)
    }

    fn publish(&mut self, number: u64) -> anyhow::Result<()> {
        let publish = Message::Publish {
            request: id(number + 1)?,
            options: Dict::new(),
            topic: self.procedure.clone(),
            payload: self.payload.clone(),
        };
        self.send(&publish)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.socket.flush().context("cannot send")?;
        self.socket.get_mut().let_go().context("cannot send")
    }

    fn event(&mut self) -> anyhow::Result<bool> {
        Ok(matches!(self.receive()?, Message::Event { .. }))
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        let topic = self.procedure.clone();
        self.send(&Message::Subscribe {
            request: id(1)?,
            options: Dict::new(),
            topic,
        })?;
        match self.receive()? {
            Message::Subscribed { .. } => Ok(()),
            other => bail!("not subscribed: {other:?}"),
        }
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.socket
            .get_ref()
            .stream
            .try_clone()
            .context("cannot share the connection")
    }
}

/// A connection to NATS (its client protocol is lines of text over TCP).
struct Nats {
    stream: Batched,
    buffer: Vec<u8>,
    start: usize,
    line: Vec<u8>,
    content: Vec<u8>,
}

impl Nats {
    fn join(address: SocketAddr) -> anyhow::Result<Self> {
        let mut nats = Nats {
            stream: Batched::connect(address)?,
            buffer: Vec::new(),
            start: 0,
            line: Vec::new(),
            content: Vec::new(),
        };
        nats.read_line()?;
        anyhow::ensure!(nats.line.starts_with(b"INFO "), "this is no NATS server");
        let hello = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
        nats.stream.write_all(hello).context("cannot send")?;
        nats.until_pong()?;
        Ok(nats)
    }

    fn until_pong(&mut self) -> anyhow::Result<()> {
        while self.line != b"PONG" {
            self.read_line()?;
        }
        self.line.clear();
        Ok(())
    }

    fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let (mut caller, mut callee) = (Nats::join(address)?, Nats::join(address)?);
        // Request and reply, as every NATS client does it: a subject for all replies, the number in its end.
        caller
            .stream
            .write_all(b"SUB inbox.* 1\r\nPING\r\n")
            .context("cannot send")?;
        caller.until_pong()?;
        callee
            .stream
            .write_all(b"SUB bench.echo 1\r\nPING\r\n")
            .context("cannot send")?;
        callee.until_pong()?;
        Ok((caller, callee))
    }

    fn fill(&mut self) -> anyhow::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + READ_BUFFER, 0);
        let count = self
            .stream
            .read(&mut self.buffer[length..])
            .context("cannot receive")?;
        self.buffer.truncate(length + count);
        anyhow::ensure!(count > 0, "the connection has ended");
        Ok(())
    }

    /// Reads a line, without its end, and answers PING on the way.
    fn read_line(&mut self) -> anyhow::Result<()> {
        loop {
            let rest = &self.buffer[self.start..];
            let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
                self.fill()?;
                continue;
            };
            self.line.clear();
            self.line.extend_from_slice(&rest[..end]);
            self.start += end + 2;
            if self.line != b"PING" {
                return Ok(());
            }
            self.stream.write_all(b"PONG\r\n").context("cannot send")?;
        }
    }

    /// Reads a message: its head's words are left in `line`, its content in `content`.
    fn message(&mut self) -> anyhow::Result<()> {
        loop {
            self.read_line()?;
            if self.line.starts_with(b"MSG ") {
                break;
            }
        }
        let size = self
            .line
            .rsplit(|byte| *byte == b' ')
            .next()
            .unwrap_or_default();
        let size: usize = parse(std::str::from_utf8(size)?)?;
        while self.buffer.len() - self.start < size + 2 {
            self.fill()?;
        }
        self.content.clear();
        self.content
            .extend_from_slice(&self.buffer[self.start..self.start + size]);
        self.start += size + 2;
        Ok(())
    }

    fn send(&mut self, subject: &[u8], reply: &[u8], content: &[u8]) -> anyhow::Result<()> {
        let waiting = &mut self.stream.waiting;
        waiting.extend_from_slice(b"PUB ");
        waiting.extend_from_slice(subject);
        if !reply.is_empty() {
            waiting.push(b' ');
            waiting.extend_from_slice(reply);
        }
        write!(waiting, " {}\r\n", content.len())?;
        waiting.extend_from_slice(content);
        waiting.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl Peer for Nats {
    fn ask(&mut self, number: u64) -> anyhow::Result<()> {
        let reply = format!("inbox.{number}");
        self.send(b"bench.echo", reply.as_bytes(), ARGUMENTS.as_bytes())
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        self.message()?;
        // MSG inbox.NUMBER SID SIZE
        let subject = self
            .line
            .split(|byte| *byte == b' ')
            .nth(1)
            .unwrap_or_default();
        let number = subject
            .strip_prefix(b"inbox.")
            .context("not one of the replies")?;
        parse(std::str::from_utf8(number)?)
    }

    fn serve(&mut self) -> anyhow::Result<bool> {
        self.message()?;
        // MSG SUBJECT SID REPLY SIZE
        let reply = self
            .line
            .split(|byte| *byte == b' ')
            .nth(3)
            .unwrap_or_default()
            .to_vec();
        let content = std::mem::take(&mut self.content);
        self.send(&reply, b"", &content)?;
        self.content = content;
        Ok(true)
    }

    fn publish(&mut self, _number: u64) -> anyhow::Result<()> {
        self.send(b"bench.echo", b"", ARGUMENTS.as_bytes())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.let_go().context("cannot send")
    }

    fn event(&mut self) -> anyhow::Result<bool> {
        self.message()?;
        Ok(true)
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        self.stream
            .write_all(b"SUB bench.echo 1\r\nPING\r\n")
            .context("cannot send")?;
        self.until_pong()
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.stream
            .stream
            .try_clone()
            .context("cannot share the connection")
    }
}

/// One end of the relay: what it sends comes out at the other.
struct Relayed {
    socket: WebSocket<Batched>,
    numbers: VecDeque<u64>,
}

impl Relayed {
    fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let join = || -> anyhow::Result<Self> {
            let socket = websocket(address, "/", None)?;
            Ok(Relayed {
                socket,
                numbers: VecDeque::new(),
            })
        };
        Ok((join()?, join()?))
    }

    fn receive(&mut self) -> anyhow::Result<Frame> {
        self.socket.read().context("cannot receive")
    }
}

impl Peer for Relayed {
    fn ask(&mut self, number: u64) -> anyhow::Result<()> {
        self.numbers.push_back(number);
        self.socket
            .write(Frame::text(ARGUMENTS))
            .context("cannot send")
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        self.receive()?;
        self.numbers.pop_front().context("an answer to nothing")
    }

    fn serve(&mut self) -> anyhow::Result<bool> {
        let frame = self.receive()?;
        self.socket.write(frame).context("cannot send")?;
        Ok(true)
    }

    fn publish(&mut self, _number: u64) -> anyhow::Result<()> {
        bail!("the relay has no events")
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.socket.get_mut().let_go().context("cannot send")
    }

    fn event(&mut self) -> anyhow::Result<bool> {
        bail!("the relay has no events")
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        bail!("the relay has no events")
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.socket
            .get_ref()
            .stream
            .try_clone()
            .context("cannot share the connection")
    }
}

/// Joins clients in pairs and passes each frame on at once: the floor of anything that routes WebSocket messages.
fn relay() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on 127.0.0.1")?;
    labnet::announce(&listener)?;
    loop {
        let one = accept(&listener)?;
        let other = accept(&listener)?;
        let ways = [(one.0, other.1), (other.0, one.1)];
        for (from, to) in ways {
            thread::spawn(move || {
                // The pair ends when one of its connections does.
                let _ended = pass_on(from, to);
            });
        }
    }
}

fn accept(listener: &TcpListener) -> anyhow::Result<(WebSocket<TcpStream>, TcpStream)> {
    let (stream, _) = listener.accept().context("cannot accept")?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    let out = stream.try_clone().context("cannot share the connection")?;
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
    match tungstenite::accept_with_config(stream, Some(config)) {
        Ok(socket) => Ok((socket, out)),
        Err(error) => bail!("no WebSocket: {error}"),
    }
}

fn pass_on(mut from: WebSocket<TcpStream>, mut to: TcpStream) -> anyhow::Result<()> {
    use tungstenite::protocol::frame::Frame as Whole;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let mut out = Vec::new();
    loop {
        let (kind, content) = match from.read()? {
            Frame::Text(text) => (Data::Text, Bytes::from(text)),
            Frame::Binary(bytes) => (Data::Binary, bytes),
            _ => continue,
        };
        out.clear();
        Whole::message(content, OpCode::Data(kind), true).format(&mut out)?;
        to.write_all(&out)?;
    }
}

/// Holds sessions until stdin ends.
fn idle(address: SocketAddr, sessions: usize) -> anyhow::Result<()> {
    let mut held = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        held.push(Wamp::join(address)?);
    }
    say!("{} sessions", held.len())?;
    note!("holding them until stdin ends");
    for line in io::stdin().lock().lines() {
        line.context("cannot read stdin")?;
    }
    // Each still answers.
    for wamp in &mut held {
        wamp.ask(0)?;
        wamp.receive()?;
    }
    say!("{} sessions have answered", held.len())
}
