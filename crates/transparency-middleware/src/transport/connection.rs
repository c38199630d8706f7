//! A connection from its first byte to its last: HTTP, then WAMP's messages until one side leaves.
//!
//! One file, since it is one life: each part hands the connection to the next.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tungstenite::error::{CapacityError, Error as WsError};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Message as Frame, handshake::server::Request};

use super::entry::RealmEntry;
use super::events::RouterEvent;
use super::http::{self, Head, Page, Refusal};
use super::joining::{Challenged, Joining};
use super::peer::{Batch, Peer, VALUES};
use super::router::Router;
use super::shared::Shared;
use super::wire::{Limit, Wire};
use super::{CLOSE_PATIENCE, FRAME_BUFFER, STRANGERS_BYTES};
use crate::frames::{self, Side};
use crate::memory::Charge;
use crate::messages::{DecodeError, Format, Id, MAX_DICT, Message, known};
use crate::realm::{self, Output};
use crate::stream::{Stream, is_time};

/// A connection that has been upgraded.
pub(super) struct Connection {
    socket: WebSocket<Wire>,
    raw: Arc<Stream>,
    peer: Arc<Peer>,
    format: Format,
    /// Until when the client has to have joined.
    deadline: Instant,
}

/// Runs a connection from its first byte to its last.
pub(super) fn serve(shared: &Arc<Shared>, socket: TcpStream) {
    if let Some((connection, _request)) = open(shared, socket, false) {
        run_session(shared, connection);
    }
}

/// HTTP: an upgraded connection, or one that has been answered and is over.
pub(super) fn open(
    shared: &Shared,
    socket: TcpStream,
    echo: bool,
) -> Option<(Connection, Request)> {
    let deadline = Instant::now() + shared.config.patience;
    let prepared = prepare(&socket);
    let socket = shared.secure(socket).ok()?;
    let opened = prepared
        .and_then(|()| socket.handshake(deadline))
        .map_err(|_| Refusal::Silence)
        .and_then(|()| negotiate(shared, &socket, deadline, echo));
    let refusal = match opened {
        Ok(Opened::WebSocket(head, format)) => {
            // A socket that takes no time limit is none any more.
            let connection = connect(shared, socket, &head, format, deadline, echo).ok()?;
            return Some((connection, head.request));
        }
        Ok(Opened::Page(page, with_body)) => {
            // The browser may have gone; it will ask again.
            let _gone = http::answer(&socket, 200, &page.media_type, &page.content, with_body);
            return None;
        }
        Err(refusal) => refusal,
    };
    if let Refusal::Answer(status, text) = refusal {
        if let Ok(address) = socket.socket().peer_addr() {
            shared.router.tell(&RouterEvent::Refused {
                address: address.ip(),
                why: format!("{status}, {text}"),
            });
        }
        let body = format!("{text}\n");
        // The same: anyone who asked may have gone.
        let media_type = "text/plain; charset=utf-8";
        let _gone = http::answer(&socket, status, media_type, body.as_bytes(), true);
    }
    None
}

enum Opened {
    WebSocket(Box<Head>, Format),
    Page(Arc<Page>, bool),
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    // Small messages go out at once; batches are made here, not by Nagle's algorithm.
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

fn negotiate(
    shared: &Shared,
    socket: &Stream,
    deadline: Instant,
    echo: bool,
) -> Result<Opened, Refusal> {
    let head = http::read_head(socket, deadline)?;
    let path = head.request.uri().path();
    if !http::wants_websocket(&head.request) {
        let method = head.request.method().as_str();
        if method != "GET" && method != "HEAD" {
            return Err(Refusal::Answer(405, "only GET is understood here"));
        }
        return match shared.page(path) {
            Some(page) => Ok(Opened::Page(page, method == "GET")),
            None if path == shared.config.path => Err(Refusal::Answer(
                426,
                "this is a WebSocket with the subprotocol wamp.2.json, wamp.2.msgpack or wamp.2.cbor",
            )),
            None => Err(Refusal::Answer(404, "there is no such page")),
        };
    }
    if echo {
        http::upgrade(socket, &head.request, None)?;
        return Ok(Opened::WebSocket(head.into(), Format::Json));
    }
    if path != shared.config.path {
        return Err(Refusal::Answer(404, "there is no WebSocket at this path"));
    }
    let on_loopback = socket.socket().local_addr()?.ip().is_loopback();
    if !http::origin_may_connect(&head.request, &shared.config.origins, on_loopback) {
        return Err(Refusal::Answer(
            403,
            "a page of this origin may not connect (RFC 6455, 10.2); the router's --origin allows one",
        ));
    }
    let format = http::chosen_format(&head.request).ok_or(Refusal::Answer(
        400,
        "offer a subprotocol: wamp.2.json, wamp.2.msgpack or wamp.2.cbor",
    ))?;
    http::upgrade(socket, &head.request, Some(format.subprotocol()))?;
    Ok(Opened::WebSocket(head.into(), format))
}

fn connect(
    shared: &Shared,
    socket: Stream,
    head: &Head,
    format: Format,
    deadline: Instant,
    echo: bool,
) -> io::Result<Connection> {
    let config = &shared.config;
    let metrics = &shared.router.metrics;
    // One descriptor for all who use it: a session costs one.
    let socket = Arc::new(socket);
    let address = socket.socket().peer_addr()?;
    let limit = config.max_waiting;
    let peer = Peer::new(socket.clone(), format, limit, metrics, address)?;
    let limit = Limit::Until(deadline);
    let router = shared.router.clone();
    let mut wire = Wire::new(socket.clone(), peer.clone(), router, limit, config.patience);
    wire.begin_with(&head.rest);
    // Before it has joined a client has nothing to say that is longer.
    let most = if echo {
        wire.allowance = None;
        config.max_message
    } else {
        config.max_message.min(STRANGERS_BYTES)
    };
    let limits = WebSocketConfig::default()
        .read_buffer_size(FRAME_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    Ok(Connection {
        socket: WebSocket::from_partially_read(wire, head.rest.clone(), Role::Server, Some(limits)),
        raw: socket,
        peer,
        format,
        deadline,
    })
}

/// What a session is at the moment.
enum State {
    New,
    Challenged(Box<Challenged>),
    Joined(Arc<RealmEntry>, Id),
    /// It has ended; what still comes is read and
    /// dropped, so that the peer gets to read the reason.
    Ended,
}

/// How long the last bytes may take to leave, at the very most.
const GIVE_UP: Duration = Duration::from_secs(60);

fn run_session(shared: &Arc<Shared>, mut connection: Connection) {
    let router = &shared.router;
    let _present = router.enter(&connection.peer);
    let mut state = State::New;
    let mut out = Vec::new();
    let mut has_joined = false;
    let mut reads_on = false;
    let mut pinged = false;
    let mut ends_at = None;
    loop {
        // Another thread has ended the session: see Router::relieve.
        if connection.peer.is_ending() {
            leave(router, &mut connection, &mut state);
        }
        if matches!(state, State::Ended) || connection.peer.is_ending() {
            let end = *ends_at.get_or_insert_with(|| Instant::now() + CLOSE_PATIENCE);
            if Instant::now() >= end {
                break;
            }
        }
        if matches!(state, State::Joined(..)) && !has_joined {
            has_joined = true;
            connection.welcome(shared.config.max_message);
        }
        let limit = match (&state, ends_at) {
            (_, Some(end)) => Limit::Until(end),
            (State::Joined(..), None) => Limit::Silence(shared.config.ping_after),
            _ => Limit::Until(connection.deadline),
        };
        match connection.read(limit) {
            Ok(Frame::Text(text)) if connection.format.is_text() => {
                pinged = false;
                take(router, &mut connection, &mut state, &text.into(), &mut out);
            }
            Ok(Frame::Binary(bytes)) if !connection.format.is_text() => {
                pinged = false;
                take(router, &mut connection, &mut state, &bytes, &mut out);
            }
            Ok(Frame::Text(_) | Frame::Binary(_)) => {
                let wanted = if connection.format.is_text() {
                    "text"
                } else {
                    "binary"
                };
                let why = format!("this subprotocol has {wanted} messages");
                end(
                    router,
                    &mut connection,
                    &mut state,
                    known::PROTOCOL_VIOLATION,
                    &why,
                    1003,
                );
            }
            Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_)) => pinged = false,
            Ok(Frame::Close(frame)) => {
                // It is answered with the code that it came with;
                // the next read tells that the connection is closed.
                if let Some(frame) = frame {
                    connection.peer.closes_with(frame.code.into());
                }
                leave(router, &mut connection, &mut state);
            }
            Err(WsError::Io(error)) if is_time(&error) => match state {
                _ if ends_at.is_some() => break,
                _ if connection.socket.get_ref().fault.is_some() => {
                    let why = connection.socket.get_ref().fault.unwrap_or_default();
                    let reason = known::PROTOCOL_VIOLATION;
                    end(router, &mut connection, &mut state, reason, why, 1008);
                    reads_on = true;
                    break;
                }
                State::Joined(..) if !pinged => {
                    pinged = true;
                    connection.socket.get_mut().rest();
                    connection.peer.push_frames(&frames::ping(Side::Server));
                    connection.peer.flush();
                }
                State::Joined(..) => break,
                _ => {
                    let why = "no HELLO came in time";
                    end(
                        router,
                        &mut connection,
                        &mut state,
                        known::PROTOCOL_VIOLATION,
                        why,
                        1002,
                    );
                }
            },
            Err(error) => {
                let Some((code, why)) = breach(&error) else {
                    break;
                };
                end(
                    router,
                    &mut connection,
                    &mut state,
                    known::PROTOCOL_VIOLATION,
                    &why,
                    code,
                );
                reads_on = true;
                break;
            }
        }
    }
    leave(router, &mut connection, &mut state);
    connection.socket.get_mut().finish_batch();
    let Connection {
        socket, raw, peer, ..
    } = connection;
    // What it had begun to send is no longer kept.
    drop(socket);
    peer.set_coming(0);
    peer.close(1000);
    peer.flush();
    if reads_on {
        drain(&raw);
    }
    finish(&peer);
}

/// The close code and the words for what breaks the
/// WebSocket protocol; `None` where the connection is gone.
fn breach(error: &WsError) -> Option<(u16, String)> {
    let code = match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => 1009,
        WsError::Utf8(_) => 1007,
        // The peer closed without a close frame: it cannot read one either.
        WsError::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            return None;
        }
        WsError::Protocol(_) | WsError::Capacity(_) => 1002,
        _ => return None,
    };
    Some((code, error.to_string()))
}

/// Reads and drops what still comes: a socket closed with bytes
/// unread is reset, and the peer would not get to read why.
fn drain(stream: &Stream) {
    // The peer may be gone already.
    let _gone = stream.close_gracefully(CLOSE_PATIENCE);
}

/// Ends a connection once everything has been written;
/// a peer that reads nothing is given up by its outbox.
fn finish(peer: &Peer) {
    let _in_time = peer.settle(Instant::now() + GIVE_UP);
    peer.cut();
}

impl Connection {
    /// Has joined: it may send as much as others.
    fn welcome(&mut self, max_message: usize) {
        self.socket.get_mut().allowance = None;
        self.socket.set_config(|config| {
            config.max_message_size = Some(max_message);
            config.max_frame_size = Some(max_message);
        });
    }

    fn read(&mut self, limit: Limit) -> Result<Frame, WsError> {
        self.socket.get_mut().limit = limit;
        self.socket.read()
    }
}

/// Takes the content of one frame.
fn take(
    router: &Router,
    connection: &mut Connection,
    state: &mut State,
    bytes: &Bytes,
    out: &mut Vec<Output<Arc<Peer>>>,
) {
    let batch = &mut connection.socket.get_mut().batch;
    router.share_turn(batch);
    batch.messages += 1;
    let message = decode(router, connection.format, bytes, batch);
    if let State::Joined(realm, session) = state {
        match message {
            Ok(message) => router.receive(realm, *session, message, out, batch),
            Err(error) => router.receive_error(realm, *session, &error, out, batch),
        }
        return;
    }
    match (std::mem::replace(state, State::Ended), message) {
        (State::New, Ok(Message::Hello { realm, details })) => {
            let joining = router.hello(&realm, details, &connection.peer, batch);
            *state = go_on(router, connection, joining);
        }
        (State::Challenged(challenged), Ok(Message::Authenticate { signature, .. })) => {
            let left = connection
                .deadline
                .saturating_duration_since(Instant::now());
            let peer = &connection.peer;
            let joining = router.authenticate(*challenged, &signature, peer, left, batch);
            *state = go_on(router, connection, joining);
        }
        (State::Ended | State::Joined(..), _) => {}
        // The client does not want to join after all; it is not answered.
        (_, Ok(Message::Abort { .. })) => connection.peer.close(1000),
        (before, message) => {
            let why = match (&before, message) {
                (_, Err(error)) => error.message,
                (State::New, Ok(message)) => format!("{} came before HELLO", message.name()),
                (_, Ok(message)) => format!("{} came in place of AUTHENTICATE", message.name()),
            };
            *state = before;
            end(
                router,
                connection,
                state,
                known::PROTOCOL_VIOLATION,
                &why,
                1000,
            );
        }
    }
}

/// Reads a message. Options become values meanwhile, which
/// take many times their bytes; that counts as well.
fn decode(
    router: &Router,
    format: Format,
    bytes: &Bytes,
    batch: &mut Batch,
) -> Result<Message, DecodeError> {
    if bytes.len() <= STRANGERS_BYTES / 4 {
        return Message::decode(format, bytes);
    }
    let memory = &router.metrics.traffic.memory;
    let values = bytes.len().min(MAX_DICT).saturating_mul(VALUES);
    if memory.has_room(values) {
        let _charge = Charge::new(memory, values);
        return Message::decode(format, bytes);
    }
    // Nobody waits for this with a turn. Others are not to wait for what has been done before.
    router.finish(batch);
    batch.end_turn();
    let _alone = labnet::lock(&router.reading);
    batch.begin_turn();
    Message::decode(format, bytes)
}

fn go_on(router: &Router, connection: &mut Connection, joining: Joining) -> State {
    let batch = &mut connection.socket.get_mut().batch;
    batch.touch(connection.peer.clone());
    match joining {
        Joining::Joined(realm, session) => State::Joined(realm, session),
        Joining::Challenge(message, challenged) => {
            connection.peer.push(message, batch.number());
            State::Challenged(challenged)
        }
        Joining::Refused(message) => {
            router.abort(&connection.peer, message, batch);
            connection.peer.close(1000);
            State::Ended
        }
    }
}

/// Ends a session for what it did: ABORT, and a close frame with this code.
fn end(
    router: &Router,
    connection: &mut Connection,
    state: &mut State,
    reason: &str,
    why: &str,
    code: u16,
) {
    let batch = &mut connection.socket.get_mut().batch;
    match std::mem::replace(state, State::Ended) {
        State::Joined(realm, session) => {
            connection.peer.closes_with(code);
            router.remove(&realm, session, Some((reason, why)), batch);
        }
        State::Ended => {}
        State::New | State::Challenged(_) => {
            router.abort(&connection.peer, realm::abort(reason, why), batch);
        }
    }
    connection.peer.close(code);
    batch.touch(connection.peer.clone());
}

/// Takes a session out of its realm whose peer has gone.
fn leave(router: &Router, connection: &mut Connection, state: &mut State) {
    if let State::Joined(realm, session) = std::mem::replace(state, State::Ended) {
        let batch = &mut connection.socket.get_mut().batch;
        router.remove(&realm, session, None, batch);
    }
}

/// Sends back each message.
pub(super) fn echo(mut connection: Connection) {
    loop {
        let (text, content): (bool, Bytes) =
            match connection.read(Limit::Silence(CLOSE_PATIENCE * 30)) {
                Ok(Frame::Text(text)) => (true, text.into()),
                Ok(Frame::Binary(bytes)) => (false, bytes),
                Ok(_) => continue,
                Err(error) => {
                    if let Some((code, _)) = breach(&error) {
                        connection.peer.close(code);
                        connection.peer.flush();
                        drain(&connection.raw);
                    }
                    break;
                }
            };
        let mut frame = Vec::with_capacity(content.len() + 10);
        let appended = frames::message(Side::Server, text, &mut frame, |out| {
            out.extend_from_slice(&content);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = appended;
        if !connection.peer.push_frames(&frame) {
            break;
        }
        let peer = connection.peer.clone();
        connection.socket.get_mut().batch.touch(peer);
    }
    connection.socket.get_mut().finish_batch();
    // tungstenite's answer to a close frame, which it has written and not flushed: without it the
    // connection would end uncleanly. The peer may have gone, and then there is nobody to answer.
    let _gone = connection.socket.get_mut().flush();
    finish(&connection.peer);
}
