//! One connection to one router: the WebSocket is opened, HELLO is answered by WELCOME, and from then on
//! messages come in on one thread and go out from any.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use tungstenite::http::Uri as HttpUri;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error as WsError, Message as WsMessage, WebSocket};

use super::error::Error;
use super::options::{Auth, Config};
use crate::auth;
use crate::messages::{Dict, Format, Id, Message, Payload, PayloadError, Uri, known};

/// What tungstenite reads at once. Messages are small; a larger one is read in pieces of this size.
const READ_BUFFER_SIZE: usize = 16 * 1024;

/// A router's address, `ws://HOST:PORT/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    uri: HttpUri,
    host: String,
    port: u16,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidAddress(text.to_string());
        let uri: HttpUri = text.parse().map_err(|_| invalid())?;
        if uri.scheme_str() != Some("ws") {
            return Err(invalid());
        }
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(invalid)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port = match authority.strip_prefix(host).ok_or_else(invalid)? {
            "" => 80,
            rest => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
                port.ok_or_else(invalid)?
            }
        };
        Ok(Address {
            // An IPv6 address stands in brackets in a URL, and without them everywhere else.
            host: host.trim_matches(['[', ']']).to_string(),
            port,
            uri,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.uri.fmt(f)
    }
}

/// An open session with a router.
pub(super) struct Opened {
    pub(super) reader: Reader,
    pub(super) sender: Arc<Sender>,
    pub(super) session: Id,
    pub(super) details: Dict,
}

/// Why a session could not be opened.
#[derive(Debug)]
pub(super) enum OpenError {
    /// Another router, or the same one later, may do better.
    Failed(String),
    /// The router said ABORT.
    Refused(Error),
}

impl From<PayloadError> for OpenError {
    fn from(error: PayloadError) -> Self {
        OpenError::Failed(error.to_string())
    }
}

/// Connects, upgrades, says HELLO and proves who it is.
///
/// `watch` gets the socket as soon as there is one: whoever keeps the time shuts it down when that is over, and
/// with it everything that waits here.
pub(super) fn open(
    address: &Address,
    config: &Config,
    watch: impl FnOnce(TcpStream) -> bool,
) -> Result<Opened, OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError::Failed(error.to_string());
    let stream = connect(address, config.handshake_timeout).map_err(|error| failed(&error))?;
    // Each message is written whole, so there is nothing for Nagle's algorithm to gather.
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let watched = stream.try_clone().map_err(|error| failed(&error))?;
    if !watch(watched) {
        return Err(OpenError::Failed("the session has been left".to_string()));
    }

    let request = ClientRequestBuilder::new(address.uri.clone())
        .with_sub_protocol(config.format.subprotocol())
        .into_client_request()
        .map_err(|error| failed(&error))?;
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_SIZE)
        .max_message_size(Some(config.max_message_size))
        .max_frame_size(Some(config.max_message_size));
    let wire = Wire {
        stream,
        sender: None,
        replies: Vec::new(),
    };
    let (socket, _) = tungstenite::client::client_with_config(request, wire, Some(limits))
        .map_err(|error| failed(&describe_handshake(error, config.handshake_timeout)))?;
    let mut reader = Reader {
        socket,
        format: config.format,
    };
    let stream = reader.socket.get_ref().stream.try_clone();
    let stream = stream.map_err(|error| failed(&error))?;
    let sender = Sender::start(stream, config).map_err(|error| failed(&error))?;
    reader.socket.get_mut().sender = Some(Arc::clone(&sender));
    let welcome = enter(&mut reader, &sender, config);
    if welcome.is_err() {
        sender.finish();
    }
    let (session, details) = welcome?;
    Ok(Opened {
        reader,
        sender,
        session,
        details,
    })
}

/// Tries each of the host's addresses until one answers.
fn connect(address: &Address, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for target in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&target, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn describe_handshake(
    error: tungstenite::HandshakeError<tungstenite::ClientHandshake<Wire>>,
    limit: Duration,
) -> String {
    match error {
        tungstenite::HandshakeError::Failure(WsError::Http(response)) => {
            format!("it answers HTTP {}, no WebSocket", response.status())
        }
        tungstenite::HandshakeError::Failure(error) => {
            format!("no WebSocket within {limit:?}: {error}")
        }
        tungstenite::HandshakeError::Interrupted(_) => "interrupted".to_string(),
    }
}

/// HELLO, perhaps CHALLENGE and AUTHENTICATE, then WELCOME.
fn enter(reader: &mut Reader, sender: &Sender, config: &Config) -> Result<(Id, Dict), OpenError> {
    sender.send(&Message::Hello {
        realm: config.realm.clone(),
        details: hello(&config.auth),
    })?;
    loop {
        let message = match reader.next() {
            Ok(Incoming::Message(message)) => message,
            Ok(Incoming::Pong) => continue,
            Err(error) => return Err(OpenError::Failed(error.to_string())),
        };
        match message {
            Message::Welcome { session, details } => return Ok((session, details)),
            Message::Abort {
                details, reason, ..
            } => {
                let message = details.str("message").unwrap_or_default().to_string();
                return Err(OpenError::Refused(Error::Refused { reason, message }));
            }
            Message::Challenge { method, extra } => {
                let signature = answer(&config.auth, &method, &extra);
                let signature = signature.map_err(|message| {
                    let reason = Uri::new(known::NO_MATCHING_AUTH_METHOD)
                        .expect("the specification's URIs are valid");
                    OpenError::Refused(Error::Refused { reason, message })
                })?;
                sender.send(&Message::Authenticate {
                    signature,
                    extra: Dict::new(),
                })?;
            }
            other => {
                let text = format!("{} where WELCOME was due", other.name());
                sender.abort(&text);
                return Err(OpenError::Failed(text));
            }
        }
    }
}

/// Who the client is and what it can do. A feature stands here if and only if the client has it.
fn hello(auth: &Auth) -> Dict {
    fn features(names: &[&str]) -> Dict {
        let all = names
            .iter()
            .fold(Dict::new(), |all, name| all.with(name, true));
        Dict::new().with("features", all)
    }
    let roles = Dict::new()
        .with(
            "caller",
            features(&[
                "caller_identification",
                "call_canceling",
                "call_timeout",
                "progressive_call_results",
            ]),
        )
        .with(
            "callee",
            features(&[
                "caller_identification",
                "call_canceling",
                "progressive_call_results",
                "shared_registration",
                "pattern_based_registration",
            ]),
        )
        .with(
            "publisher",
            features(&[
                "publisher_identification",
                "publisher_exclusion",
                "subscriber_blackwhite_listing",
            ]),
        )
        .with(
            "subscriber",
            features(&["publisher_identification", "pattern_based_subscription"]),
        );
    let agent = concat!("transparency-middleware-", env!("CARGO_PKG_VERSION"));
    let details = Dict::new().with("agent", agent).with("roles", roles);
    match auth {
        Auth::Anonymous => details,
        Auth::Ticket { authid, .. } => details
            .with("authmethods", vec!["ticket"])
            .with("authid", authid.as_str()),
        Auth::Cra { authid, .. } => details
            .with("authmethods", vec!["wampcra"])
            .with("authid", authid.as_str()),
    }
}

fn answer(auth: &Auth, method: &str, extra: &Dict) -> Result<String, String> {
    match (auth, method) {
        (Auth::Ticket { ticket, .. }, "ticket") => Ok(ticket.clone()),
        (Auth::Cra { secret, .. }, "wampcra") => {
            auth::answer_cra(secret.as_bytes(), extra).map_err(|error| error.to_string())
        }
        _ => Err(format!(
            "the router wants a proof by {method}, which was not offered"
        )),
    }
}

/// What comes from the router.
#[derive(Debug)]
pub(super) enum Incoming {
    Message(Message),
    /// The answer to a ping.
    Pong,
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection.
    Connection(String),
    /// What came is no WAMP message.
    Protocol(String),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Connection(text) | Broken::Protocol(text) => f.write_str(text),
        }
    }
}

/// The side that receives, for one thread.
pub(super) struct Reader {
    socket: WebSocket<Wire>,
    format: Format,
}

impl Reader {
    pub(super) fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            let bytes = match self.socket.read() {
                Ok(WsMessage::Text(text)) if self.format.is_text() => Bytes::from(text),
                Ok(WsMessage::Binary(bytes)) if !self.format.is_text() => bytes,
                Ok(WsMessage::Text(_) | WsMessage::Binary(_)) => {
                    let text = "a frame of the wrong kind for this serialisation";
                    return Err(Broken::Protocol(text.to_string()));
                }
                Ok(WsMessage::Pong(_)) => return Ok(Incoming::Pong),
                Ok(WsMessage::Close(_)) => {
                    // The answer has to leave before the socket is closed.
                    let _nobody_is_left_to_tell = self.socket.flush();
                    return Err(Broken::Connection(
                        "the router closed the connection".to_string(),
                    ));
                }
                // tungstenite has put the pong into its buffer.
                Ok(WsMessage::Ping(_) | WsMessage::Frame(_)) => {
                    let flushed = self.socket.flush();
                    flushed.map_err(|error| Broken::Connection(error.to_string()))?;
                    continue;
                }
                Err(WsError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Connection(error.to_string())),
            };
            return Message::decode(self.format, &bytes)
                .map(Incoming::Message)
                .map_err(|error| Broken::Protocol(error.to_string()));
        }
    }
}

/// The stream under tungstenite, which cannot be split: what it writes itself (pong, close) joins the
/// messages that the session sends.
struct Wire {
    stream: TcpStream,
    /// None during the HTTP upgrade.
    sender: Option<Arc<Sender>>,
    replies: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.sender {
            None => self.stream.write(bytes),
            Some(_) => {
                self.replies.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(sender) = &self.sender
            && !self.replies.is_empty()
        {
            sender.put(&self.replies);
            self.replies.clear();
        }
        Ok(())
    }
}

/// The side that sends, for all threads. Whoever sends never waits for the network: the bytes go into a
/// queue, and a thread of its own writes them, as many at once as there are.
pub(super) struct Sender {
    queue: Mutex<Queue>,
    changed: Condvar,
    stream: TcpStream,
    format: Format,
    /// The most bytes that may wait.
    capacity: usize,
    max_message_size: usize,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    writing: bool,
    /// Nothing more is taken; what waits is still written.
    closed: bool,
}

impl Sender {
    fn start(stream: TcpStream, config: &Config) -> io::Result<Arc<Self>> {
        let sender = Arc::new(Sender {
            queue: Mutex::default(),
            changed: Condvar::new(),
            stream,
            format: config.format,
            capacity: config.max_waiting_bytes,
            max_message_size: config.max_message_size,
        });
        let writer = Arc::clone(&sender);
        thread::Builder::new()
            .name("wamp writer".to_string())
            .spawn(move || writer.write())?;
        Ok(sender)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        let mut bytes = Vec::new();
        loop {
            let mut queue = self.lock();
            queue.writing = false;
            self.changed.notify_all();
            while queue.bytes.is_empty() && !queue.closed {
                queue = self
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if queue.bytes.is_empty() {
                return;
            }
            bytes.clear();
            std::mem::swap(&mut bytes, &mut queue.bytes);
            queue.writing = true;
            drop(queue);
            if (&self.stream).write_all(&bytes).is_err() {
                // The reader learns of it, and it alone ends the connection.
                self.break_off();
                return;
            }
        }
    }

    /// Sends a message. When the connection is broken nothing happens: the reader will say so.
    ///
    /// # Errors
    ///
    /// When the payload has no form in this serialisation; then nothing was sent.
    pub(super) fn send(&self, message: &Message) -> Result<(), PayloadError> {
        let frame = self.frame(message)?;
        self.put(&frame);
        Ok(())
    }

    /// A message as the bytes of one WebSocket frame, masked as a client's have to be (RFC 6455, section 5.3).
    pub(super) fn frame(&self, message: &Message) -> Result<Vec<u8>, PayloadError> {
        let mut content = Vec::with_capacity(128);
        message.encode(self.format, &mut content)?;
        let kind = if self.format.is_text() {
            Data::Text
        } else {
            Data::Binary
        };
        Ok(masked(Frame::message(content, OpCode::Data(kind), true)))
    }

    /// Whether a frame may be sent now.
    pub(super) fn has_room_for(&self, frame: &[u8]) -> Result<(), Error> {
        if frame.len() > self.max_message_size {
            return Err(Error::TooLarge(self.max_message_size));
        }
        if self.lock().bytes.len() + frame.len() > self.capacity {
            return Err(Error::Overrun);
        }
        Ok(())
    }

    pub(super) fn put(&self, frame: &[u8]) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.bytes.extend_from_slice(frame);
            self.changed.notify_all();
        }
    }

    pub(super) fn ping(&self) {
        self.put(&masked(Frame::ping(Bytes::new())));
    }

    /// Says that the router broke the protocol.
    pub(super) fn abort(&self, text: &str) {
        let reason = Uri::new(known::PROTOCOL_VIOLATION);
        let message = Message::Abort {
            details: Dict::new().with("message", text),
            reason: reason.expect("the specification's URIs are valid"),
            payload: Payload::empty(),
        };
        let sent = self.send(&message);
        debug_assert!(sent.is_ok(), "without a payload there is nothing to fail");
    }

    /// Takes no more, writes what waits and a close frame behind it.
    pub(super) fn finish(&self) {
        let close = masked(Frame::close(None));
        let mut queue = self.lock();
        if !queue.closed {
            queue.bytes.extend_from_slice(&close);
            queue.closed = true;
            self.changed.notify_all();
        }
    }

    /// Waits until all is written, or a deadline.
    pub(super) fn written(&self, deadline: Instant) -> bool {
        let mut queue = self.lock();
        while !queue.bytes.is_empty() || queue.writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self
                .changed
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Ends the connection at once; whatever reads or writes on it fails.
    pub(super) fn break_off(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.bytes.clear();
        self.changed.notify_all();
        drop(queue);
        // It fails when the connection is gone already, which is what was wanted.
        let _already_gone = self.stream.shutdown(Shutdown::Both);
    }
}

fn masked(mut frame: Frame) -> Vec<u8> {
    frame.header_mut().mask = Some(rand::random());
    let mut bytes = Vec::with_capacity(frame.len());
    frame
        .format(&mut bytes)
        .expect("a frame is written to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ws_with_a_host() {
        let address = Address::parse("ws://[::1]:8080/ws").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 8080));
        assert_eq!(Address::parse("ws://host/ws").unwrap().port, 80);
        for text in [
            "",
            "127.0.0.1:8080",
            "http://host/",
            "wss://host/",
            "ws://",
            "ws:///ws",
            "ws://host:99999/",
            "ws://user@host/",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
