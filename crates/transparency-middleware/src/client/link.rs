//! One connection to one router: the WebSocket is opened, HELLO is answered by WELCOME, and from then on
//! messages come in on one thread and go out from any.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error as WsError, Message as WsMessage, WebSocket};

use super::address::Address;
use super::error::Error;
use super::options::{Auth, Config};
use crate::auth;
use crate::frames::{self, Side};
use crate::messages::{Dict, Format, Id, Message, Payload, Uri, known};
use crate::outbox::{Outbox, Traffic};

/// What tungstenite reads at once. Messages are small; a larger one is read in pieces of this size.
const READ_BUFFER_SIZE: usize = 16 * 1024;

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

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
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
    let stream = Arc::new(stream);
    let wire = Wire {
        stream: Arc::clone(&stream),
        sender: None,
        replies: Vec::new(),
    };
    let (socket, _) = tungstenite::client::client_with_config(request, wire, Some(limits))
        .map_err(|error| failed(&describe_handshake(error, config.handshake_timeout)))?;
    let mut reader = Reader {
        socket,
        format: config.format,
    };
    let sender = Sender::new(stream, config).map_err(|error| failed(&error))?;
    let sender = Arc::new(sender);
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
    let hello = Message::Hello {
        realm: config.realm.clone(),
        details: hello(&config.auth),
    };
    sender.put(&hello)?;
    sender.flush();
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
                sender.put(&Message::Authenticate {
                    signature,
                    extra: Dict::new(),
                })?;
                sender.flush();
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
                    let text = "a frame of the wrong kind for this serialization";
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
    stream: Arc<TcpStream>,
    /// None during the HTTP upgrade.
    sender: Option<Arc<Sender>>,
    replies: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.sender {
            None => (&*self.stream).write(bytes),
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
            sender.put_frames(&self.replies);
            self.replies.clear();
        }
        Ok(())
    }
}

/// The side that sends, for all threads. Nobody waits for the network: what the system does not take at once is
/// written by a thread of the outbox's own.
///
/// What is put in leaves with the next [`Sender::flush`]: messages that have to arrive in the order of their ids are
/// put in with the session locked, and flushed when it no longer is.
pub(super) struct Sender {
    outbox: Arc<Outbox>,
    format: Format,
    /// The most bytes that may wait.
    capacity: usize,
    max_message_size: usize,
}

impl Sender {
    fn new(stream: Arc<TcpStream>, config: &Config) -> io::Result<Self> {
        // The router ends the connection, when it has read the close frame.
        let half_closes = false;
        let traffic = Arc::new(Traffic::default());
        Ok(Sender {
            outbox: Arc::new(Outbox::new(stream, traffic, half_closes)?),
            format: config.format,
            capacity: config.max_waiting_bytes,
            max_message_size: config.max_message_size,
        })
    }

    /// Puts a message in. When the connection is broken nothing happens: the reader will say so.
    ///
    /// # Errors
    ///
    /// When the message is too large, too much waits already, or the payload has no form in this serialization; then
    /// nothing was put in.
    pub(super) fn put(&self, message: &Message) -> Result<(), Error> {
        self.append(message, |size, waiting| {
            if size > self.max_message_size {
                Err(Error::TooLarge(self.max_message_size))
            } else if waiting + size > self.capacity {
                Err(Error::Overrun)
            } else {
                Ok(())
            }
        })
    }

    /// Puts a message in that carries nothing of the user's, even where too much waits already.
    pub(super) fn tell(&self, message: &Message) {
        let put = self.append(message, |_, _| Ok(()));
        debug_assert!(put.is_ok(), "{message:?}: {put:?}");
    }

    /// `check` is given the message's size and what waits before it.
    fn append(
        &self,
        message: &Message,
        check: impl FnOnce(usize, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut queue = self.outbox.queue();
        if queue.is_ending() {
            return Ok(());
        }
        let waiting = queue.bytes();
        queue.message(|out| {
            frames::message(Side::Client, self.format.is_text(), out, |out| {
                let start = out.len();
                message.encode(self.format, out)?;
                check(out.len() - start, waiting)
            })
        })
    }

    /// Puts whole frames in.
    fn put_frames(&self, frames: &[u8]) {
        let mut queue = self.outbox.queue();
        if !queue.is_ending() {
            queue.control(frames);
        }
        drop(queue);
        self.flush();
    }

    /// Sends what has been put in.
    pub(super) fn flush(&self) {
        self.outbox.flush();
    }

    pub(super) fn ping(&self) {
        self.put_frames(&frames::ping(Side::Client));
    }

    /// Says that the router broke the protocol.
    pub(super) fn abort(&self, text: &str) {
        let reason = Uri::new(known::PROTOCOL_VIOLATION);
        self.tell(&Message::Abort {
            details: Dict::new().with("message", text),
            reason: reason.expect("the specification's URIs are valid"),
            payload: Payload::empty(),
        });
        self.flush();
    }

    /// Takes no more, sends what waits and a close frame behind it.
    pub(super) fn finish(&self) {
        self.outbox
            .queue()
            .end(&frames::close(Side::Client, 1000, ""));
        self.flush();
    }

    /// Waits until all is written, or a deadline.
    pub(super) fn written(&self, deadline: Instant) -> bool {
        self.outbox.settle(deadline)
    }

    /// Ends the connection at once; whatever reads or writes on it fails.
    pub(super) fn break_off(&self) {
        self.outbox.cut();
    }
}
