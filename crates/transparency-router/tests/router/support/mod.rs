//! The router as a process, and peers that speak to it frame by frame.
//!
//! One file, since a test needs all of it: a router, and clients played by hand.

#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::resume_unwind;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use transparency_middleware::messages::{Dict, Format, Id, Message, Payload, Uri};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Error, Message as Frame};

/// How long a test waits for what has to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A router of the test's own, killed and reaped when it is dropped.
pub struct Router {
    child: Child,
    pub address: SocketAddr,
    stderr: Option<JoinHandle<String>>,
}

impl Router {
    /// Starts one on a free port and waits until it listens.
    pub fn start(args: &[&str]) -> Router {
        let mut child = Command::new(env!("CARGO_BIN_EXE_transparency-router"))
            .args(["--port", "0"])
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the router starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            let count = lines.read_line(&mut line).expect("stderr can be read");
            assert!(count > 0, "the router ended: {said}");
            said.push_str(&line);
            if let Some(address) = line.trim().strip_prefix("listening on ") {
                break address.parse().expect("an address");
            }
        };
        let stderr = thread::spawn(move || {
            let mut rest = String::new();
            // What is not text ends the reading; the test does not look at it then.
            let _ended = lines.read_to_string(&mut rest);
            said + &rest
        });
        Router {
            child,
            address,
            stderr: Some(stderr),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A figure of /proc/PID/status: memory in KiB, or a count.
    pub fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Where its counters are, when it was started with `--metrics 127.0.0.1:0`. The address is on
    /// stderr, which is read at the end; the listener is found by its owner.
    pub fn metrics_address(&self) -> SocketAddr {
        listening_addresses(self.pid())
            .into_iter()
            .find(|address| *address != self.address)
            .unwrap()
    }

    /// One of its counters.
    pub fn counter(&self, name: &str) -> u64 {
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        let text = http(self.metrics_address(), request);
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Sends SIGTERM and waits for the end; gives the status and what was said on stderr.
    pub fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        let took = began.elapsed();
        let said = self.stderr.take().unwrap().join().unwrap();
        (status, took, said)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

pub fn uri(text: &str) -> Uri {
    Uri::new(text).unwrap()
}

/// A client that does what it is told, right or wrong.
pub struct Peer {
    pub socket: WebSocket<TcpStream>,
    pub format: Format,
    pub session: u64,
    next: u64,
}

impl Peer {
    /// A WebSocket without a session.
    pub fn connect(address: SocketAddr, format: Format) -> Peer {
        Peer::try_connect(address, format).unwrap()
    }

    /// The same against a router that may turn it away.
    fn try_connect(address: SocketAddr, format: Format) -> Result<Peer, String> {
        let stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        let name = format.subprotocol().parse().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", name);
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .max_frame_size(None);
        let (socket, response) =
            tungstenite::client::client_with_config(request, stream, Some(config))
                .map_err(|error| error.to_string())?;
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            format.subprotocol()
        );
        Ok(Peer {
            socket,
            format,
            session: 0,
            next: 1,
        })
    }

    /// A session in `realm1`, unless the router is too beset to give one: tried until this moment.
    pub fn join_until(address: SocketAddr, until: Instant) -> Option<Peer> {
        while Instant::now() < until {
            let Ok(mut peer) = Peer::try_connect(address, Format::Json) else {
                thread::yield_now();
                continue;
            };
            peer.say_hello(Dict::new());
            if let Ok(Message::Welcome { .. }) = peer.try_receive() {
                return Some(peer);
            }
        }
        None
    }

    /// A session in `realm1` that takes interrupts.
    pub fn join(address: SocketAddr) -> Peer {
        Peer::join_as(address, Format::Json)
    }

    pub fn join_as(address: SocketAddr, format: Format) -> Peer {
        let mut peer = Peer::connect(address, format);
        let welcome = peer.hello(Dict::new());
        let Message::Welcome { session, .. } = welcome else {
            panic!("no WELCOME but {welcome:?}");
        };
        peer.session = session.get();
        peer
    }

    /// Says HELLO with these details and all roles; gives the answer.
    pub fn hello(&mut self, details: Dict) -> Message {
        self.say_hello(details);
        self.receive()
    }

    fn say_hello(&mut self, details: Dict) {
        let features = Dict::new()
            .with("call_canceling", true)
            .with("progressive_call_results", true);
        let roles = Dict::new()
            .with("callee", Dict::new().with("features", features))
            .with("caller", Dict::new())
            .with("publisher", Dict::new())
            .with("subscriber", Dict::new());
        self.send(&Message::Hello {
            realm: uri("realm1"),
            details: details.with("roles", roles),
        });
    }

    pub fn send(&mut self, message: &Message) {
        let frame = self.framed(message);
        self.socket.send(frame).unwrap();
    }

    fn framed(&self, message: &Message) -> Frame {
        match self.format {
            Format::Json => Frame::text(message.to_json().unwrap()),
            Format::MessagePack => Frame::binary(message.to_msgpack().unwrap()),
            Format::Cbor => Frame::binary(message.to_cbor().unwrap()),
        }
    }

    pub fn text(&mut self, text: &str) {
        self.socket.send(Frame::text(text)).unwrap();
    }

    /// The next frame. A read that was only interrupted (this
    /// process was stopped and continues) is begun again.
    pub fn frame(&mut self) -> Result<Frame, Error> {
        loop {
            match self.socket.read() {
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    pub fn try_receive(&mut self) -> Result<Message, Error> {
        loop {
            let frame = self.frame()?;
            let message = match &frame {
                Frame::Text(text) => Message::from_json(text),
                Frame::Binary(bytes) => Message::decode(self.format, bytes),
                Frame::Close(_) => return Err(Error::ConnectionClosed),
                _ => continue,
            };
            return Ok(message.unwrap_or_else(|error| panic!("{frame:?}: {error}")));
        }
    }

    pub fn receive(&mut self) -> Message {
        self.try_receive().expect("a message comes")
    }

    /// Reads to the end of the connection; gives the last message's reason and the close code.
    pub fn read_to_end(&mut self) -> (Option<String>, Option<u16>) {
        let (mut reason, mut code) = (None, None);
        loop {
            match self.frame() {
                Ok(Frame::Close(frame)) => code = frame.map(|frame| frame.code.into()),
                Ok(Frame::Text(text)) => reason = reason_of(Message::from_json(&text)),
                Ok(Frame::Binary(bytes)) => {
                    reason = reason_of(Message::decode(self.format, &bytes));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the connection is still open after {PATIENCE:?}");
                }
                Err(_) => return (reason, code),
            }
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Registers a procedure. A session that had it may
    /// have gone so lately that the router has not noticed.
    pub fn register(&mut self, procedure: &str, options: &str) -> u64 {
        let options: Dict = serde_json::from_str(options).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.next_id();
            self.send(&Message::Register {
                request: id(request),
                options: options.clone(),
                procedure: uri(procedure),
            });
            match self.receive() {
                Message::Registered { registration, .. } => return registration.get(),
                Message::Error { error, .. }
                    if error == "wamp.error.procedure_already_exists"
                        && Instant::now() < deadline => {}
                other => panic!("not registered: {other:?}"),
            }
        }
    }

    pub fn subscribe(&mut self, topic: &str) -> u64 {
        let request = self.next_id();
        self.send(&Message::Subscribe {
            request: id(request),
            options: Dict::new(),
            topic: uri(topic),
        });
        match self.receive() {
            Message::Subscribed { subscription, .. } => subscription.get(),
            other => panic!("not subscribed: {other:?}"),
        }
    }

    pub fn start_call(&mut self, procedure: &str, options: Dict, payload: Payload) -> u64 {
        let request = self.next_id();
        self.send(&Message::Call {
            request: id(request),
            options,
            procedure: uri(procedure),
            payload,
        });
        request
    }

    /// Calls with one number and gives what comes back, or the error's URI.
    pub fn call(&mut self, procedure: &str, number: u64) -> Result<u64, String> {
        let payload = Payload::new(self.format, &[number]).unwrap();
        self.start_call(procedure, Dict::new(), payload);
        match self.receive() {
            Message::Result { payload, .. } => Ok(payload.args::<(u64,)>().unwrap().0),
            Message::Error { error, .. } => Err(error.to_string()),
            other => panic!("neither RESULT nor ERROR: {other:?}"),
        }
    }

    /// Whether the session is alive: the router answers it.
    pub fn is_alive(&mut self) -> bool {
        self.call("wamp.session.count", 0)
            .is_err_and(|error| error.contains("invalid_argument"))
    }

    /// Bytes past tungstenite.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }
}

fn reason_of(
    message: Result<Message, transparency_middleware::messages::DecodeError>,
) -> Option<String> {
    match message.unwrap() {
        Message::Abort { reason, .. } | Message::Goodbye { reason, .. } => Some(reason.to_string()),
        _ => None,
    }
}

/// A masked client frame (RFC 6455, 5.2) with this first byte.
pub fn masked_frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match content.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    // The mask 0 leaves the content as it is.
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(content);
    frame
}

/// A caller and a callee that do nothing wrong, and call all the time.
pub struct Pair {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    quiet: Vec<Duration>,
    /// The times of its calls, and of the control's.
    caller: JoinHandle<[Vec<Duration>; 2]>,
    callees: Vec<JoinHandle<()>>,
}

const QUIET_CALLS: usize = 500;

/// What the pair's slowest calls took: the time that
/// one of a hundred exceeds (p99), and the slowest of all.
#[derive(Debug, Clone, Copy)]
pub struct Slowest {
    quiet: Duration,
    busy: Duration,
    longest: Duration,
    /// The slowest of the control's calls, if there is one.
    control: Duration,
}

/// Below this time nothing is judged. A router that was built without
/// optimization works some ten times as long on each message of a flood, and the
/// pair waits for that: `cargo test --release -p transparency-router -- --ignored
/// survival` holds the router to what it promises, and to nothing less.
const FLOOR: Duration = Duration::from_millis(if cfg!(debug_assertions) { 60 } else { 0 });

/// What no call at all may take while a hundred sessions use every limit to the full, on a machine
/// that has nothing else to do.
const NO_CALL_LONGER: Duration = Duration::from_millis(100);

/// On one that has, a thread may wait for its processor as long as in the control's slowest call.
/// Next to a hundred sessions a call has more such threads in its way: at both sessions of the pair
/// the one that has the turn, and the one that has the realm.
const WAITS: u32 = 4;

impl Slowest {
    fn is_bearable(self) -> bool {
        self.busy <= (self.quiet * 5).max(FLOOR)
    }

    /// A debug build is judged as in the other tests: its longest call is printed, not judged.
    fn has_no_long_call(self) -> bool {
        if cfg!(debug_assertions) {
            return self.is_bearable();
        }
        self.longest <= NO_CALL_LONGER + self.control * WAITS
    }
}

impl Pair {
    /// Calls some hundred times in quiet, then continues in the background. With a control, each
    /// call is followed by the same one through another router, which nobody besets: what the
    /// machine does to all programs is in both times.
    pub fn start(address: SocketAddr, control: Option<SocketAddr>) -> Pair {
        let (mut callers, callees): (Vec<_>, Vec<_>) = [Some(address), control]
            .into_iter()
            .flatten()
            .map(well_behaved)
            .unzip();
        let quiet = (0..QUIET_CALLS)
            .map(|number| timed(&mut callers[0], number))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicUsize::new(0));
        let (told, counted) = (stop.clone(), calls.clone());
        let caller = thread::spawn(move || {
            let mut times = [Vec::new(), Vec::new()];
            while !told.load(Ordering::Relaxed) {
                for (caller, times) in callers.iter_mut().zip(&mut times) {
                    times.push(timed(caller, times.len()));
                }
                counted.store(times[0].len(), Ordering::Relaxed);
            }
            for mut caller in callers {
                caller.send(&Message::Goodbye {
                    details: Dict::new(),
                    reason: uri("wamp.close.close_realm"),
                });
            }
            times
        });
        Pair {
            stop,
            calls,
            quiet,
            caller,
            callees,
        }
    }

    /// The calls that were answered since the quiet ones.
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Ends it: no call has failed. How long they took is for the caller to judge.
    fn end(self, routers: Vec<Router>) -> Slowest {
        self.stop.store(true, Ordering::Relaxed);
        let [times, control] = self
            .caller
            .join()
            .expect("no call of the well-behaved pair failed");
        let calls = times.len();
        let longest = |times: &[Duration]| times.iter().copied().max().unwrap_or_default();
        let slowest = Slowest {
            longest: longest(&times),
            control: longest(&control),
            quiet: p99(self.quiet),
            busy: p99(times),
        };
        eprintln!("{calls} calls, p99: {slowest:?}");
        drop(routers);
        // The routers have gone: the callees' connections end.
        for callee in self.callees {
            callee
                .join()
                .expect("the callee saw nothing but invocations");
        }
        slowest
    }
}

/// A caller, and the thread of its callee.
fn well_behaved(address: SocketAddr) -> (Peer, JoinHandle<()>) {
    let mut callee = Peer::join(address);
    callee.register("well.behaved", "{}");
    let callee = thread::spawn(move || {
        while let Ok(message) = callee.try_receive() {
            match message {
                Message::Invocation {
                    request, payload, ..
                } => callee.send(&Message::Yield {
                    request,
                    options: Dict::new(),
                    payload,
                }),
                Message::Goodbye { .. } => break,
                other => panic!("not an invocation: {other:?}"),
            }
        }
    });
    (Peer::join(address), callee)
}

fn timed(caller: &mut Peer, number: usize) -> Duration {
    let number = u64::try_from(number).unwrap();
    let began = Instant::now();
    assert_eq!(caller.call("well.behaved", number), Ok(number));
    began.elapsed()
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let index = (times.len() * 99 / 100).min(times.len().saturating_sub(1));
    times.get(index).copied().unwrap_or_default()
}

/// So many calls the pair has made while the router was
/// beset, so that one of a hundred is not just the slowest.
const BUSY_CALLS: usize = 500;

/// How often the times may be bad: another program's work
/// is in them as well. A call that fails, fails at once.
const ATTEMPTS: usize = 5;

/// Runs a test against its own router, again and again until a
/// well-behaved pair has made enough calls next to it. None of them
/// fails, and none of a hundred takes five times as long as in quiet.
///
/// One such test at a time: the pair's times are to show what this test does to them, not another.
/// And what the test itself computes it computes when a processor is free (nice 19), as a peer on
/// another machine would: what is left in the pair's times is the router's work.
#[cfg(target_os = "linux")]
pub fn survives(args: &[&str], test: impl Fn(&mut Router) + Sync) {
    survives_if(Slowest::is_bearable, false, args, test);
}

/// The same, but in a release build the slowest call of all is judged, next to a control.
#[cfg(target_os = "linux")]
pub fn survives_without_a_long_call(args: &[&str], test: impl Fn(&mut Router) + Sync) {
    survives_if(Slowest::has_no_long_call, true, args, test);
}

#[cfg(target_os = "linux")]
fn survives_if(
    is_bearable: impl Fn(Slowest) -> bool,
    has_control: bool,
    args: &[&str],
    test: impl Fn(&mut Router) + Sync,
) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut router = Router::start(args);
        let control = has_control.then(|| Router::start(args));
        let beside = control.as_ref().map(|control| control.address);
        let pair = Pair::start(router.address, beside);
        loop {
            thread::scope(|scope| {
                let besets = scope.spawn(|| {
                    // The thread's own, and that of the threads it starts.
                    rustix::process::setpriority_process(None, 19).unwrap();
                    test(&mut router);
                });
                besets.join().unwrap_or_else(|panic| resume_unwind(panic));
            });
            assert!(router.is_running(), "the router has ended");
            if pair.calls() >= BUSY_CALLS || pair.caller.is_finished() {
                break;
            }
        }
        let slowest = pair.end([Some(router), control].into_iter().flatten().collect());
        if is_bearable(slowest) {
            return;
        }
        all.push(slowest);
    }
    panic!("calls took too long beside it, each time: {all:?}");
}

/// The TCP addresses on 127.0.0.1 that a process listens on, from /proc.
fn listening_addresses(pid: u32) -> Vec<std::net::SocketAddr> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let inodes: Vec<String> = links
        .filter_map(|link| std::fs::read_link(link.unwrap().path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?;
            Some(
                link.strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_string(),
            )
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // 0A is TCP_LISTEN.
        .filter(|fields| fields.len() > 9 && fields[3] == "0A")
        .filter(|fields| inodes.iter().any(|inode| inode == fields[9]))
        .map(|fields| {
            let port = fields[1].split(':').nth(1).unwrap();
            ([127, 0, 0, 1], u16::from_str_radix(port, 16).unwrap()).into()
        })
        .collect()
}

/// Waits until something holds, for as long as a test is patient.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        thread::yield_now();
    }
}

/// A request to an HTTP server, and its whole response.
pub fn http(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    response
}
