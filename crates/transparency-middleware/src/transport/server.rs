//! A router on its sockets: accepts connections, and runs each in a thread of its own.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tungstenite::error::{CapacityError, Error as WsError};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Message as Frame, handshake::server::Request};

use super::http::{self, Head, Page, Refusal};
use super::metrics::count;
use super::peer::Peer;
use super::principals::RealmConfig;
use super::router::{Challenged, Joining, RealmEntry, Router};
use super::wire::{Limit, Wire};
use super::{CLOSE_PATIENCE, FRAME_BUFFER, STACK_SIZE};
use crate::frames::{self, Side};
use crate::messages::{Format, Id, Message, Uri, known};
use crate::realm::{self, Limits, Output};

/// How a router listens and what it bears.
#[derive(Debug, Clone)]
pub struct Config {
    /// The realms by name.
    pub realms: HashMap<Uri, RealmConfig>,
    /// What one session may have at a time.
    pub limits: Limits,
    /// The largest message in bytes; a larger one ends the session (close code 1009).
    pub max_message: usize,
    /// How many bytes may wait for a session before it is put out.
    pub max_waiting: usize,
    /// Sessions in all realms together.
    pub max_sessions: usize,
    /// Connections from one address.
    pub max_per_address: usize,
    /// The time from the connection to WELCOME.
    pub patience: Duration,
    /// After so long without a byte from a peer it is sent a ping, and after as long again it is gone.
    pub ping_after: Duration,
    /// The path of the WebSocket.
    pub path: String,
    /// The pages that are served.
    pub pages: Vec<Page>,
    /// Whose pages may connect, beside those that this router serves: `https://example.org`.
    pub origins: Vec<String>,
}

impl Default for Config {
    /// The realm `realm1`, where everybody may do everything; 16 MiB a message and waiting for a session.
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let realm = Uri::new("realm1").expect("it is a URI");
        let open = RealmConfig {
            roles: realm::Roles::from([("anonymous".to_string(), realm::Rights::all())]),
            anonymous: Some("anonymous".to_string()),
            principals: HashMap::new(),
        };
        Config {
            realms: HashMap::from([(realm, open)]),
            limits: Limits::default(),
            max_message: 16 * MIB,
            max_waiting: 16 * MIB,
            max_sessions: 10_000,
            max_per_address: 10_000,
            patience: Duration::from_secs(10),
            ping_after: Duration::from_secs(30),
            path: "/ws".to_string(),
            pages: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// A router, bound to its address.
///
/// ```
/// use transparency_middleware::transport::{Config, Server};
///
/// let address = "127.0.0.1:0".parse()?;
/// let server = Server::bind(address, Config::default())?;
/// let stopper = server.stopper();
/// let router = std::thread::spawn(move || server.run());
/// stopper.stop(std::time::Duration::from_secs(1));
/// router.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    router: Arc<Router>,
    per_address: Mutex<HashMap<IpAddr, usize>>,
    /// No connection is served any more; those who are here are being told.
    stopping: AtomicBool,
    /// All have been told: nothing is left to be accepted for.
    stopped: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Ends a [`Server`] from another thread, and tells how it does.
#[derive(Debug, Clone)]
pub struct Stopper {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Stopper {
    /// Says GOODBYE to all sessions, waits until it has been written, `patience` at most, and ends
    /// [`Server::run`].
    pub fn stop(&self, patience: Duration) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.router.close_all(patience);
        self.shared.router.timer.stop();
        self.shared.stopped.store(true, Ordering::SeqCst);
        // `accept` has no time limit; a connection ends it. Without one there is nobody to wake.
        let _woken = TcpStream::connect_timeout(&reachable(self.address), patience);
    }

    /// The counters in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.shared.router.prometheus()
    }
}

/// Where a socket that is bound to all addresses can be reached from here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// How many connections may wait to be accepted: a burst of clients is not turned away.
const BACKLOG: i32 = 1024;

impl Server {
    /// Binds and listens: from here on clients can connect.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound (`EADDRINUSE`, `EACCES`).
    pub fn bind(address: SocketAddr, config: Config) -> io::Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let router = Router::new(config.realms.clone(), config.limits, config.max_sessions);
        let shared = Arc::new(Shared {
            config,
            router,
            per_address: Mutex::default(),
            stopping: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        Ok(Server {
            listener,
            address,
            shared,
        })
    }

    /// The socket, to tell its address.
    pub fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper {
            address: self.address,
            shared: self.shared.clone(),
        }
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started, or the listening socket is broken.
    pub fn run(self) -> io::Result<()> {
        let router = self.shared.router.clone();
        let timer = thread::Builder::new()
            .name("timer".to_string())
            .spawn(move || router.keep_time())?;
        let outcome = accept_each(&self.listener, &self.shared, |socket, peer| {
            let shared = self.shared.clone();
            count(&shared.router.metrics.connections_total);
            let Some(place) = Place::take(&shared, peer.ip()) else {
                count(&shared.router.metrics.connections_refused);
                return;
            };
            in_thread(socket, move |socket| {
                serve(&shared, socket);
                drop(place);
            });
        });
        self.shared.router.timer.stop();
        // Its own panic has been printed; there is nothing to add.
        let _ended = timer.join();
        outcome
    }

    /// Serves as an echo of WebSocket messages, without WAMP: for the conformance tests of the transport.
    ///
    /// # Errors
    ///
    /// As [`Server::run`].
    pub fn run_echo(self) -> io::Result<()> {
        accept_each(&self.listener, &self.shared, |socket, _| {
            let shared = self.shared.clone();
            in_thread(socket, move |socket| {
                if let Some((connection, _)) = open(&shared, socket, true) {
                    echo(connection);
                }
            });
        })
    }
}

/// A listening socket, which can be bound again at once after a stop.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Windows this would let another process take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept_each(
    listener: &TcpListener,
    shared: &Shared,
    mut serve: impl FnMut(TcpStream, SocketAddr),
) -> io::Result<()> {
    loop {
        let accepted = listener.accept();
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        match accepted {
            // A client that was told to go and comes back at once: the others are still being told.
            Ok(_) if shared.stopping.load(Ordering::SeqCst) => {}
            Ok((socket, peer)) => serve(socket, peer),
            // A client that has gone before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                        | ErrorKind::Interrupted
                ) => {}
            Err(error) if is_shortage(&error) => {
                labnet::log!("cannot accept a connection now: {error}");
                // The client waits in the queue until one of those who are here has gone.
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}

/// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` and Windows' names for them: passing shortages, which std gives no
/// kind of their own.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(12 | 23 | 24 | 55 | 105 | 10024 | 10055)
    ) || error.kind() == ErrorKind::OutOfMemory
}

/// Runs a connection in a thread of its own; without one it is closed.
fn in_thread(socket: TcpStream, serve: impl FnOnce(TcpStream) + Send + 'static) {
    let thread = thread::Builder::new()
        .name("session".to_string())
        .stack_size(STACK_SIZE)
        .spawn(move || serve(socket));
    if let Err(error) = thread {
        labnet::log!("cannot start a thread for a connection: {error}");
    }
}

/// A connection's place among those of its address, given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Place {
    fn take(shared: &Arc<Shared>, address: IpAddr) -> Option<Self> {
        let metrics = &shared.router.metrics;
        // Half-open ones count as well: they cost as much.
        let most = shared.config.max_sessions.saturating_mul(2).max(64);
        if metrics.connections.load(Ordering::Relaxed) >= most {
            return None;
        }
        let mut counts = shared
            .per_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= shared.config.max_per_address {
            return None;
        }
        *count += 1;
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            shared: shared.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared
            .router
            .metrics
            .connections
            .fetch_sub(1, Ordering::Relaxed);
        let counts = &self.shared.per_address;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A connection that has been upgraded.
struct Connection {
    socket: WebSocket<Wire>,
    raw: Arc<TcpStream>,
    peer: Arc<Peer>,
    format: Format,
    /// Until when the client has to have joined.
    deadline: Instant,
}

/// Runs a connection from its first byte to its last.
fn serve(shared: &Arc<Shared>, socket: TcpStream) {
    if let Some((connection, _request)) = open(shared, socket, false) {
        run_session(shared, connection);
    }
}

/// HTTP: an upgraded connection, or one that has been answered and is over.
fn open(shared: &Shared, mut socket: TcpStream, echo: bool) -> Option<(Connection, Request)> {
    let deadline = Instant::now() + shared.config.patience;
    let prepared = prepare(&socket);
    let opened = prepared
        .map_err(Refusal::from)
        .and_then(|()| negotiate(shared, &mut socket, deadline, echo));
    let refusal = match opened {
        Ok(Opened::WebSocket(head, format)) => {
            // A socket that takes no time limit is none any more.
            let connection = connect(shared, socket, &head, format, deadline).ok()?;
            return Some((connection, head.request));
        }
        Ok(Opened::Page(page, with_body)) => {
            // The browser may have gone; it will ask again.
            let _gone = http::answer(socket, 200, &page.media_type, &page.content, with_body);
            return None;
        }
        Err(refusal) => refusal,
    };
    if let Refusal::Answer(status, text) = refusal {
        let body = format!("{text}\n");
        // The same: whoever asked may have gone.
        let media_type = "text/plain; charset=utf-8";
        let _gone = http::answer(socket, status, media_type, body.as_bytes(), true);
    }
    None
}

enum Opened {
    WebSocket(Head, Format),
    Page(Page, bool),
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    // Small messages go out at once; batches are made here, not by Nagle's algorithm.
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

fn negotiate(
    shared: &Shared,
    socket: &mut TcpStream,
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
        let page = shared.config.pages.iter().find(|page| page.path == path);
        return match page {
            Some(page) => Ok(Opened::Page(page.clone(), method == "GET")),
            None if path == shared.config.path => Err(Refusal::Answer(
                426,
                "this is a WebSocket with the subprotocol wamp.2.json, wamp.2.msgpack or wamp.2.cbor",
            )),
            None => Err(Refusal::Answer(404, "there is no such page")),
        };
    }
    if echo {
        http::upgrade(socket, &head.request, None)?;
        return Ok(Opened::WebSocket(head, Format::Json));
    }
    if path != shared.config.path {
        return Err(Refusal::Answer(404, "there is no WebSocket at this path"));
    }
    let on_loopback = socket.local_addr()?.ip().is_loopback();
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
    Ok(Opened::WebSocket(head, format))
}

fn connect(
    shared: &Shared,
    socket: TcpStream,
    head: &Head,
    format: Format,
    deadline: Instant,
) -> io::Result<Connection> {
    let config = &shared.config;
    let metrics = &shared.router.metrics;
    // One descriptor for all who use it: a session costs one.
    let socket = Arc::new(socket);
    let peer = Peer::new(socket.clone(), format, config.max_waiting, metrics)?;
    let limit = Limit::Until(deadline);
    let wire = Wire::new(socket.clone(), peer.clone(), metrics.clone(), limit);
    let limits = WebSocketConfig::default()
        .read_buffer_size(FRAME_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(config.max_message))
        .max_frame_size(Some(config.max_message));
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
    /// It has ended; what still comes is read and dropped, so that the peer gets to read the reason.
    Ended,
}

/// How long the last bytes may take to leave, at the very most.
const GIVE_UP: Duration = Duration::from_secs(60);

fn run_session(shared: &Arc<Shared>, mut connection: Connection) {
    let router = &shared.router;
    let mut state = State::New;
    let mut out = Vec::new();
    let mut pinged = false;
    let mut ends_at = None;
    loop {
        if matches!(state, State::Ended) || connection.peer.is_ending() {
            let end = *ends_at.get_or_insert_with(|| Instant::now() + CLOSE_PATIENCE);
            if Instant::now() >= end {
                break;
            }
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
                // It is answered with the code that it came with; the next read tells that the connection is
                // closed.
                if let Some(frame) = frame {
                    connection.peer.closes_with(frame.code.into());
                }
                leave(router, &mut connection, &mut state);
            }
            Err(WsError::Io(error)) if is_time(&error) => match state {
                _ if ends_at.is_some() => break,
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
                connection.socket.get_mut().finish_batch();
                drain(&connection);
                break;
            }
        }
    }
    leave(router, &mut connection, &mut state);
    connection.socket.get_mut().finish_batch();
    connection.peer.close(1000);
    connection.peer.flush();
    connection.finish();
}

fn is_time(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The close code and the words for what breaks the WebSocket protocol; `None` where the connection is gone.
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

/// Reads and drops what still comes: a socket closed with bytes unread is reset, and the peer would not
/// get to read why.
fn drain(connection: &Connection) {
    if let Ok(socket) = connection.raw.try_clone() {
        // The peer may be gone already.
        let _gone = labnet::close_gracefully(socket.into(), CLOSE_PATIENCE);
    }
}

impl Connection {
    /// Ends it once everything has been written; a peer that reads nothing is given up by its outbox.
    fn finish(&self) {
        let _in_time = self.peer.settle(Instant::now() + GIVE_UP);
        self.peer.cut();
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
    let message = Message::decode(connection.format, bytes);
    let batch = &mut connection.socket.get_mut().batch;
    batch.messages += 1;
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
            *state = go_on(connection, joining);
        }
        (State::Challenged(challenged), Ok(Message::Authenticate { signature, .. })) => {
            let joining = router.authenticate(*challenged, &signature, &connection.peer, batch);
            *state = go_on(connection, joining);
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

fn go_on(connection: &mut Connection, joining: Joining) -> State {
    let batch = &mut connection.socket.get_mut().batch;
    batch.touch(connection.peer.clone());
    match joining {
        Joining::Joined(realm, session) => State::Joined(realm, session),
        Joining::Challenge(message, challenged) => {
            connection.peer.push(message, batch.number());
            State::Challenged(challenged)
        }
        Joining::Refused(message) => {
            connection.peer.push(message, batch.number());
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
            count(&router.metrics.aborts);
            let abort = realm::abort(reason, why);
            connection.peer.push(abort, batch.number());
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
fn echo(mut connection: Connection) {
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
                        drain(&connection);
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
    // tungstenite's answer to a close frame, which it has written and not flushed: without it the connection would
    // end uncleanly. The peer may have gone, and then there is nobody to answer.
    let _gone = connection.socket.get_mut().flush();
    connection.finish();
}
