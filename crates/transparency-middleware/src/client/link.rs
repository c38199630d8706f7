//! One connection to one router: the WebSocket is opened, HELLO is answered by WELCOME, and from
//! then on messages come in on one thread and go out from any.
//!
//! Nothing that a router sends makes it grow without a limit, takes more CPU than a handshake may,
//! or keeps it from ending.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error as WsError, Message as WsMessage, WebSocket};

use super::address::Address;
use super::error::{Error, shorten};
use super::options::{Auth, Config};
use super::protocol::{Opening, Step, hello, no_proof};
use super::sender::Sender;
use crate::auth;
use crate::messages::{Dict, Format, Id, Message};
use crate::stream::Stream;
use crate::tls::server_name;

/// What tungstenite reads at once. Messages are small; a larger one is read in pieces of this size.
const READ_BUFFER_SIZE: usize = 16 * 1024;

/// A pong's opcode (RFC 6455, section 5.2).
const PONG: u8 = 0xa;

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
/// `watch` gets the socket as soon as there is one: anyone who keeps the time shuts it down when
/// that is over, and with it everything that waits here.
pub(super) fn open(
    address: &Address,
    config: &Config,
    watch: impl FnOnce(TcpStream) -> bool,
) -> Result<Opened, OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError::Failed(error.to_string());
    let deadline = Instant::now() + config.handshake_timeout;
    let stream = connect(address, deadline).map_err(|error| failed(&error))?;
    // Each message is written whole, so there is nothing for Nagle's algorithm to gather.
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let watched = stream.try_clone().map_err(|error| failed(&error))?;
    if !watch(watched) {
        return Err(OpenError::Failed("the session has been left".to_string()));
    }

    let stream = match (address.is_secure, &config.trust) {
        (false, _) => Stream::plain(stream),
        (true, Some(trust)) => {
            let name = server_name(&address.host).map_err(|error| failed(&error))?;
            Stream::client(stream, trust.0.clone(), name).map_err(|error| failed(&error))?
        }
        (true, None) => return Err(OpenError::Failed("there is nobody to trust".to_string())),
    };
    stream
        .handshake(deadline)
        .map_err(|error| failed(&format!("no TLS: {error}")))?;
    stream
        .socket()
        .set_read_timeout(None)
        .map_err(|error| failed(&error))?;

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
    let welcome = enter(&mut reader, &sender, config, deadline);
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
fn connect(address: &Address, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for target in (address.host.as_str(), address.port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&target, left) {
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
fn enter(
    reader: &mut Reader,
    sender: &Sender,
    config: &Config,
    deadline: Instant,
) -> Result<(Id, Dict), OpenError> {
    sender.put(&hello(&config.realm, &config.auth))?;
    sender.flush();
    let mut opening = Opening::default();
    loop {
        let message = match reader.next() {
            Ok(message) => message,
            Err(broken) => return Err(OpenError::Failed(broken.to_string())),
        };
        match opening.receive(message) {
            Step::Welcome(session, details) => return Ok((session, details)),
            Step::Refused(error) => return Err(OpenError::Refused(error)),
            Step::Prove(method, extra) => {
                let signature = prove(&config.auth, &method, &extra, deadline);
                let signature = signature.map_err(|why| OpenError::Refused(no_proof(&why)))?;
                sender.put(&Message::Authenticate {
                    signature,
                    extra: Dict::new(),
                })?;
                sender.flush();
            }
            Step::Violation(text) => {
                sender.abort(&text);
                return Err(OpenError::Failed(text));
            }
        }
    }
}

fn prove(auth: &Auth, method: &str, extra: &Dict, deadline: Instant) -> Result<String, String> {
    match (auth, method) {
        (Auth::Ticket { ticket, .. }, "ticket") => Ok(ticket.clone()),
        (Auth::Cra { secret, .. }, "wampcra") => {
            let in_time = || Instant::now() < deadline;
            auth::answer_cra(secret.as_bytes(), extra, in_time).map_err(|error| error.to_string())
        }
        _ => Err(format!(
            "the router wants a proof by {}, which was not offered",
            shorten(method)
        )),
    }
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection.
    Connection(String),
    /// The router closed it, because it was sent more than it takes (close code 1009).
    TooLarge,
    /// What came is not a WAMP message.
    Protocol(String),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Connection(text) | Broken::Protocol(text) => f.write_str(text),
            Broken::TooLarge => f.write_str("the router does not take so large a message"),
        }
    }
}

/// The side that receives, for one thread.
pub(super) struct Reader {
    socket: WebSocket<Wire>,
    format: Format,
}

impl Reader {
    /// The next message.
    pub(super) fn next(&mut self) -> Result<Message, Broken> {
        loop {
            let bytes = match self.socket.read() {
                Ok(WsMessage::Text(text)) if self.format.is_text() => Bytes::from(text),
                Ok(WsMessage::Binary(bytes)) if !self.format.is_text() => bytes,
                Ok(WsMessage::Text(_) | WsMessage::Binary(_)) => {
                    let text = "a frame of the wrong kind for this serialization";
                    return Err(Broken::Protocol(text.to_string()));
                }
                Ok(WsMessage::Close(frame)) => {
                    // The answer has to leave before the socket is closed.
                    let _nobody_is_left_to_tell = self.socket.flush();
                    return Err(match frame {
                        Some(frame) if frame.code == CloseCode::Size => Broken::TooLarge,
                        _ => Broken::Connection("the router closed the connection".to_string()),
                    });
                }
                // tungstenite has put the pong into its buffer.
                Ok(WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_)) => {
                    let flushed = self.socket.flush();
                    flushed.map_err(|error| Broken::Connection(error.to_string()))?;
                    continue;
                }
                Err(WsError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Connection(error.to_string())),
            };
            return Message::decode(self.format, &bytes)
                .map_err(|error| Broken::Protocol(error.to_string()));
        }
    }

    /// After an ABORT: whether the close frame behind it says that a message was too large.
    pub(super) fn was_too_large(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = self
                .socket
                .get_ref()
                .stream
                .socket()
                .set_read_timeout(Some(left));
            if left.is_zero() || limit.is_err() {
                return false;
            }
            match self.next() {
                Ok(_) => {}
                Err(broken) => return matches!(broken, Broken::TooLarge),
            }
        }
    }
}

/// The stream under tungstenite, which cannot be split: what it writes itself (pong, close) joins
/// the messages that the session sends.
struct Wire {
    stream: Arc<Stream>,
    /// None during the HTTP upgrade.
    sender: Option<Arc<Sender>>,
    replies: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        // Also a piece of a message shows that the router is there.
        if let Some(sender) = &self.sender {
            sender.hears();
        }
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.sender {
            None => {
                self.stream.write_all(bytes)?;
                Ok(bytes.len())
            }
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
            // Each reply is flushed by itself: a pong, or the answer to a close frame.
            if self.replies[0] & 0x0f == PONG {
                sender.pong(&self.replies);
            } else {
                sender.put_frames(&self.replies);
            }
            self.replies.clear();
        }
        Ok(())
    }
}
