//! The client against servers that nobody should trust: what they send, how they end connections,
//! and how much of the client's memory, time and patience they get. Each server is played by hand,
//! with the bytes that it sends.
//!
//! One file, since the tests share a process whose memory is looked at.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use transparency_middleware::client::{
    Auth, Backoff, Builder, Call, Caller, Error, Procedure, Session, SessionEvent,
};
use transparency_middleware::messages::{Format, Message, Payload};
use transparency_middleware::transport::{self, Config};
use tungstenite::handshake::server::{Request, Response};

/// Far above what a busy machine needs.
const DEADLINE: Duration = Duration::from_secs(30);

/// A test that looks at the memory, which is that of the process, runs alone.
static TESTS: RwLock<()> = RwLock::new(());

fn alone() -> RwLockWriteGuard<'static, ()> {
    TESTS.write().unwrap_or_else(PoisonError::into_inner)
}

fn beside_others() -> RwLockReadGuard<'static, ()> {
    TESTS.read().unwrap_or_else(PoisonError::into_inner)
}

/// The memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_ascii_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

/// Elsewhere only the outcome is checked.
#[cfg(not(target_os = "linux"))]
fn memory() -> usize {
    0
}

const MIB: usize = 1024 * 1024;

/// A server that listens.
struct Server(TcpListener);

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = socket2::SockRef::from(&listener);
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Server(listener)
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.0.local_addr().unwrap())
    }

    fn builder(&self) -> Builder {
        Session::builder("realm1")
            .routers([self.url()])
            .timeout(DEADLINE)
            .backoff(Backoff {
                first: Duration::from_millis(5),
                most: Duration::from_millis(50),
            })
    }

    /// Takes a connection up to the WebSocket, with HELLO read.
    fn accept(&self) -> Wire {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let socket = tungstenite::accept_hdr(stream, |_: &Request, mut response: Response| {
            let chosen = Format::Json.subprotocol().parse().unwrap();
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", chosen);
            Ok(response)
        });
        let mut socket = socket.unwrap();
        let hello = socket.read().unwrap();
        assert!(hello.to_text().unwrap().starts_with("[1,"), "{hello}");
        Wire(socket.into_inner())
    }

    fn welcome(&self) -> Wire {
        let mut wire = self.accept();
        wire.text(r#"[2,4711,{"roles":{"broker":{},"dealer":{}}}]"#);
        wire
    }

    /// A session, and this server's end of it.
    fn open(&self, builder: Builder) -> (Session, Wire) {
        thread::scope(|scope| {
            let session = scope.spawn(|| builder.connect().unwrap());
            let wire = self.welcome();
            (session.join().unwrap(), wire)
        })
    }
}

/// A connection, as bytes.
struct Wire(TcpStream);

/// A frame of a server.
fn frame(opcode: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut frame = vec![0x80 | opcode];
    match length {
        0..126 => frame.push(u8::try_from(length).unwrap()),
        126..65_536 => {
            frame.push(126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(content);
    frame
}

impl Wire {
    fn text(&mut self, text: &str) {
        self.0.write_all(&frame(1, text.as_bytes())).unwrap();
    }

    /// Sends this again and again; false when the client has ended the connection before that.
    fn flood(&mut self, bytes: &[u8], times: usize) -> bool {
        let many = bytes.repeat((64 * 1024 / bytes.len()).max(1));
        let rounds = times * bytes.len() / many.len() + 1;
        (0..rounds).all(|_| self.0.write_all(&many).is_ok())
    }

    /// The next message of the client; pings and pongs are passed over.
    fn message(&mut self) -> String {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).unwrap();
            let mut length = usize::from(head[1] & 0x7f);
            if length >= 126 {
                let mut bytes = [0; 8];
                let place = if length == 126 { 6 } else { 0 };
                self.0.read_exact(&mut bytes[place..]).unwrap();
                length = usize::try_from(u64::from_be_bytes(bytes)).unwrap();
            }
            let mut mask = [0; 4];
            self.0.read_exact(&mut mask).unwrap();
            let mut content = vec![0; length];
            self.0.read_exact(&mut content).unwrap();
            for (byte, mask) in content.iter_mut().zip(mask.iter().cycle()) {
                *byte ^= mask;
            }
            if head[0] & 0x0f == 1 {
                return String::from_utf8(content).unwrap();
            }
        }
    }

    /// The id of the client's next message, which has to be of this kind.
    fn request(&mut self, code: &str) -> u64 {
        let message = self.message();
        let rest = message.strip_prefix(&format!("[{code},"));
        let rest = rest.unwrap_or_else(|| panic!("{message} where {code} was due"));
        let (id, _) = rest.split_once(',').unwrap();
        id.parse().unwrap()
    }

    fn close(&mut self, code: u16) {
        self.0.write_all(&frame(8, &code.to_be_bytes())).unwrap();
        self.ends();
    }

    /// Reads to the connection's end, however it comes.
    fn ends(&mut self) {
        let mut rest = [0; 64 * 1024];
        while !matches!(self.0.read(&mut rest), Ok(0) | Err(_)) {}
    }
}

/// The notices of a session, each waited for up to the deadline.
struct Notices(Receiver<SessionEvent>);

impl Notices {
    fn iter(&self) -> impl Iterator<Item = SessionEvent> {
        std::iter::from_fn(|| Some(self.0.recv_timeout(DEADLINE).expect("a notice is due")))
    }
}

fn notices(builder: Builder) -> (Builder, Notices) {
    let (sender, receiver) = mpsc::channel();
    let builder = builder.on_session_event(move |notice| {
        // The last ones come when the test is over.
        let _nobody_listens = sender.send(notice.clone());
    });
    (builder, Notices(receiver))
}

#[test]
fn a_server_that_ends_each_session_at_once_is_asked_seldom_and_more_seldom() {
    let _beside = beside_others();
    let server = Server::new();
    let (_session, mut wire) = server.open(server.builder().backoff(Backoff {
        first: Duration::from_millis(50),
        most: Duration::from_secs(2),
    }));
    let began = Instant::now();
    // Nine pauses of up to 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2,
    // 2, 2 s: all together below this once in a million times.
    for _ in 0..9 {
        wire.close(1000);
        wire = server.welcome();
        if began.elapsed() > Duration::from_millis(300) {
            return;
        }
    }
    panic!("ten sessions within {:?}", began.elapsed());
}

#[test]
fn a_flood_of_pings_that_is_never_read_takes_no_memory() {
    let _alone = alone();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder());
    let before = memory();
    // Their pongs are 19 MB.
    assert!(wire.flood(&frame(9, &[b'p'; 125]), 150_000));
    let grown = memory().saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes more");
    assert!(session.id().is_some(), "pings are no reason to leave");
    // The session continues: what waits is one pong.
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    let request = wire.request("48");
    wire.text(&format!("[50,{request},{{}},[1]]"));
    assert_eq!(call.result::<i64>(), Ok(1));
}

#[test]
fn a_flood_of_invocations_that_nobody_registered_ends_at_the_limit() {
    let _alone = alone();
    let server = Server::new();
    let (builder, notices) = notices(server.builder().max_waiting_bytes(MIB));
    let (_session, mut wire) = server.open(builder);
    let before = memory();
    let invocation = frame(1, br#"[68,1,99,{},["x"]]"#);
    // Their refusals would be 36 MB, and nobody reads them.
    assert!(!wire.flood(&invocation, 300_000), "the client goes on");
    let grown = memory().saturating_sub(before);
    assert!(grown < 12 * MIB, "{grown} bytes more");
    let lost = |notice: &SessionEvent| matches!(notice, SessionEvent::Lost { .. });
    assert!(notices.iter().any(|notice| lost(&notice)));
    // It comes again, and is as good as ever.
    let _wire = server.welcome();
}

#[test]
fn invocations_that_wait_for_a_thread_are_bounded_in_bytes() {
    let _alone = alone();
    let server = Server::new();
    let builder = server.builder().workers(1).max_waiting_bytes(4 * MIB);
    let (session, mut wire) = server.open(builder);
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    thread::scope(|scope| {
        let registers = scope.spawn(|| {
            session.register(Procedure::with_invocation("a.b", move |_| {
                // Until the other end is dropped.
                let _dropped = gate.lock().unwrap().recv();
                Ok(Payload::empty())
            }))
        });
        let request = wire.request("64");
        wire.text(&format!("[65,{request},7]"));
        registers.join().unwrap().unwrap();
    });
    let before = memory();
    let large = "x".repeat(64 * 1024);
    for request in 1..=600 {
        wire.text(&format!(r#"[68,{request},7,{{}},["{large}"]]"#));
    }
    // 37 MB have come. One runs and 63 wait; the others are refused one by one.
    let mut refused = 0;
    while refused < 600 - 64 {
        let message = wire.message();
        assert!(message.contains("wamp.error.unavailable"), "{message}");
        refused += 1;
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 24 * MIB, "{grown} bytes more");
    drop(release);
    for _ in 0..64 {
        wire.request("70");
    }
}

#[test]
fn events_that_wait_for_a_handler_are_bounded_in_bytes_and_each_one_lost_is_told() {
    let _alone = alone();
    let server = Server::new();
    let (builder, notices) = notices(server.builder().max_waiting_bytes(4 * MIB));
    let (session, mut wire) = server.open(builder);
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let (handled, count) = mpsc::channel();
    thread::scope(|scope| {
        let subscribes = scope.spawn(|| {
            session.subscribe("a.b", move |_| {
                let _dropped = gate.lock().unwrap().recv();
                handled.send(()).unwrap();
            })
        });
        let request = wire.request("32");
        wire.text(&format!("[33,{request},7]"));
        subscribes.join().unwrap().unwrap();
    });
    let before = memory();
    let large = "x".repeat(64 * 1024);
    for _ in 0..600 {
        wire.text(&format!(r#"[36,7,1,{{}},["{large}"]]"#));
    }
    // The answer to a call shows that all before it has been read.
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    let request = wire.request("48");
    wire.text(&format!("[50,{request},{{}},[1]]"));
    assert_eq!(call.result::<i64>(), Ok(1));
    let grown = memory().saturating_sub(before);
    assert!(grown < 24 * MIB, "{grown} bytes more");
    drop(release);
    let told: u64 = notices
        .iter()
        .find_map(|notice| match notice {
            SessionEvent::EventLost { topic, count } => {
                assert_eq!(topic, "a.b");
                Some(count)
            }
            _ => None,
        })
        .unwrap();
    session.leave();
    let handled = u64::try_from(count.iter().count()).unwrap();
    assert!(told > 500, "{told}");
    assert_eq!(handled + told, 600);
}

#[test]
fn small_events_do_not_keep_the_large_buffers_that_they_came_in() {
    let _alone = alone();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder());
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    thread::scope(|scope| {
        let subscribes = scope.spawn(|| {
            session.subscribe("a.b", move |_| {
                let _dropped = gate.lock().unwrap().recv();
            })
        });
        let request = wire.request("32");
        wire.text(&format!("[33,{request},7]"));
        subscribes.join().unwrap().unwrap();
    });
    let before = memory();
    // White space that belongs to no argument, 40 MB of
    // it; and pings between small events, another 16 MB.
    let spaces = " ".repeat(MIB);
    for _ in 0..40 {
        wire.text(&format!("[36,7,1,{{}},{spaces}[1]]"));
    }
    let mut some = frame(1, b"[36,7,1,{},[1]]");
    some.extend(frame(9, &[b'p'; 125]).repeat(120));
    assert!(wire.flood(&some, 1000));
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    let request = wire.request("48");
    wire.text(&format!("[50,{request},{{}},[1]]"));
    assert_eq!(call.result::<i64>(), Ok(1));
    let grown = memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
    drop(release);
}

#[test]
fn partial_results_that_nobody_reads_are_bounded_in_bytes() {
    let _alone = alone();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder().max_waiting_bytes(4 * MIB));
    let call = Call::new("a.b", Payload::empty()).receive_progress();
    let call = session.start(call).unwrap();
    let request = wire.request("48");
    let before = memory();
    let large = "x".repeat(64 * 1024);
    for _ in 0..600 {
        wire.text(&format!(
            r#"[50,{request},{{"progress":true}},["{large}"]]"#
        ));
    }
    assert_eq!(call.wait(), Err(Error::Overrun));
    // The callee is told to stop.
    wire.request("49");
    let grown = memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
}

fn cra() -> Auth {
    Auth::Cra {
        authid: "alice".to_string(),
        secret: "secret".to_string(),
    }
}

#[test]
fn a_challenge_that_asks_for_hours_of_work_is_refused_at_once() {
    let _beside = beside_others();
    let server = Server::new();
    let began = Instant::now();
    let error = thread::scope(|scope| {
        let builder = server.builder().auth(cra()).handshake_timeout(DEADLINE);
        let session = scope.spawn(|| builder.connect().unwrap_err());
        let mut wire = server.accept();
        wire.text(
            r#"[4,"wampcra",{"challenge":"{}","salt":"s","iterations":10000000,"keylen":1024}]"#,
        );
        wire.ends();
        session.join().unwrap()
    });
    assert!(
        error.to_string().contains("key of an unusual length"),
        "{error}"
    );
    assert!(began.elapsed() < DEADLINE / 3, "{:?}", began.elapsed());
}

#[test]
fn the_limit_of_the_handshake_holds_for_the_work_of_a_proof() {
    let _beside = beside_others();
    let server = Server::new();
    let builder = server.builder().auth(cra());
    let builder = builder.handshake_timeout(Duration::from_millis(50));
    let began = Instant::now();
    let error = thread::scope(|scope| {
        let session = scope.spawn(|| builder.connect().unwrap_err());
        let mut wire = server.accept();
        wire.text(r#"[4,"wampcra",{"challenge":"{}","salt":"s","iterations":1000000}]"#);
        wire.ends();
        session.join().unwrap()
    });
    assert!(
        error.to_string().contains("longer than the handshake may"),
        "{error}"
    );
    // Without the limit it is 0.3 s in a release build, and 20 s in this one.
    assert!(began.elapsed() < DEADLINE / 6, "{:?}", began.elapsed());
}

#[test]
fn a_second_challenge_gets_no_second_proof() {
    let _beside = beside_others();
    let server = Server::new();
    let error = thread::scope(|scope| {
        let builder = server.builder().auth(cra());
        let session = scope.spawn(|| builder.connect().unwrap_err());
        let mut wire = server.accept();
        wire.text(r#"[4,"wampcra",{"challenge":"{}"}]"#);
        assert!(wire.message().starts_with("[5,"));
        wire.text(r#"[4,"wampcra",{"challenge":"{}"}]"#);
        let abort = wire.message();
        assert!(abort.starts_with("[3,"), "{abort}");
        wire.ends();
        session.join().unwrap()
    });
    assert!(
        error
            .to_string()
            .contains("CHALLENGE where WELCOME was due"),
        "{error}"
    );
}

#[test]
fn an_abort_on_reconnecting_is_a_notice_and_another_try() {
    let _beside = beside_others();
    let server = Server::new();
    let (builder, notices) = notices(server.builder());
    let (session, mut wire) = server.open(builder);
    wire.close(1000);
    for reason in [
        "wamp.error.not_authorized",
        "wamp.error.no_such_realm",
        "wamp.error.authentication_failed",
    ] {
        let mut wire = server.accept();
        wire.text(&format!(r#"[3,{{"message":"not yet"}},"{reason}"]"#));
        wire.ends();
        let refused = notices.iter().find_map(|notice| match notice {
            SessionEvent::Refused { error, .. } => Some(error),
            SessionEvent::Ended { error } => panic!("the end: {error}"),
            _ => None,
        });
        assert_eq!(refused.unwrap().uri(), reason);
    }
    let _wire = server.welcome();
    let again = |notice| matches!(notice, SessionEvent::Connected { again: true, .. });
    assert!(notices.iter().any(again));
    assert!(session.id().is_some());
}

#[test]
fn a_slow_answer_that_goes_on_coming_is_waited_for() {
    let _beside = beside_others();
    let server = Server::new();
    let patience = Duration::from_secs(1);
    let builder = server.builder().ping(patience / 10, patience);
    let (session, mut wire) = server.open(builder);
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    let request = wire.request("48");
    let result = frame(
        1,
        format!(r#"[50,{request},{{}},["{}"]]"#, "x".repeat(1000)).as_bytes(),
    );
    // 1.4 s for one message, and no pong meanwhile.
    let began = Instant::now();
    let pieces = result.chunks(10).count();
    for (piece, due) in result.chunks(10).zip(0_u32..) {
        let due = patience * 7 / 5 * due / u32::try_from(pieces).unwrap();
        thread::sleep(due.saturating_sub(began.elapsed()));
        wire.0.write_all(piece).unwrap();
    }
    assert!(began.elapsed() > patience * 6 / 5);
    assert_eq!(call.result::<String>().unwrap().len(), 1000);
}

#[test]
#[ignore = "seconds, which its time limits need on a busy machine; .ci/run survival"]
fn a_server_that_slowly_takes_a_large_message_is_waited_for() {
    let _beside = beside_others();
    let server = Server::new();
    // A piece is due every 20 ms.
    let patience = Duration::from_secs(3);
    let builder = server.builder().ping(patience / 10, patience);
    let (session, mut wire) = server.open(builder);
    // What the system holds for the server has left the client: let that be little.
    let socket = socket2::SockRef::from(&wire.0);
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let size = 12 * MIB;
    let large = Payload::new(Format::Json, &("x".repeat(size),)).unwrap();
    let call = session.start(Call::new("a.b", large)).unwrap();
    let began = Instant::now();
    let mut piece = vec![0; 64 * 1024];
    let mut taken = 0;
    while taken < size {
        let count = wire.0.read(&mut piece).unwrap();
        assert!(count > 0, "the client has left after {taken} bytes");
        taken += count;
        let done =
            f64::from(u32::try_from(taken).unwrap()) / f64::from(u32::try_from(size).unwrap());
        let due = patience.mul_f64(1.4 * done);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
    wire.text("[50,1,{},[1]]");
    assert_eq!(call.result::<i64>(), Ok(1));
}

#[test]
fn a_call_that_the_router_does_not_take_fails_with_its_reason_and_the_others_are_made_again() {
    let _beside = beside_others();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder().idempotent(["a.b"]));
    let small = session.start(Call::new("a.b", Payload::empty())).unwrap();
    wire.request("48");
    for idempotent in [true, false] {
        let large = Payload::new(Format::Json, &("x".repeat(200_000),)).unwrap();
        let call = Call::new("a.b", large).idempotent(idempotent);
        let call = session.start(call).unwrap();
        wire.request("48");
        // As our router does: the reason, and then the close frame that says which limit it was.
        wire.text(r#"[3,{"message":"Space limit exceeded"},"wamp.error.protocol_violation"]"#);
        wire.close(1009);
        let error = call.wait().unwrap_err();
        assert_eq!(error.uri(), "wamp.error.payload_size_exceeded");
        assert!(!error.is_ambiguous());
        wire = server.welcome();
        wire.request("48");
    }
    wire.text("[50,1,{},[1]]");
    assert_eq!(small.result::<i64>(), Ok(1));
}

#[test]
fn a_call_that_our_router_does_not_take_fails_with_its_reason_and_the_session_goes_on() {
    let _beside = beside_others();
    let config = Config {
        max_message: 65_536,
        ..Config::default()
    };
    let router = transport::Server::bind("127.0.0.1:0".parse().unwrap(), config).unwrap();
    let url = format!("ws://{}/ws", router.listener().local_addr().unwrap());
    let stopper = router.stopper();
    let running = thread::spawn(move || router.run());
    let (sender, notices) = mpsc::channel();
    let session = Session::builder("realm1")
        .routers([url])
        .timeout(DEADLINE)
        .idempotent(["a.b"])
        .on_session_event(move |notice| {
            let _nobody_listens = sender.send(notice.clone());
        })
        .connect()
        .unwrap();
    let add = |(length,): (String,)| Ok(length.len());
    session.register(Procedure::new("a.b", add)).unwrap();
    let large = "x".repeat(200_000);
    let error = session.call::<usize>("a.b", &(&large,)).unwrap_err();
    assert_eq!(error.uri(), "wamp.error.payload_size_exceeded", "{error}");
    assert_eq!(session.call::<usize>("a.b", &("small",)), Ok(5));
    drop(session);
    let connected = |notice: &SessionEvent| matches!(notice, SessionEvent::Connected { .. });
    assert_eq!(notices.iter().filter(connected).count(), 2);
    stopper.stop(Duration::from_secs(1));
    running.join().unwrap().unwrap();
}

#[test]
fn a_call_is_not_blamed_for_a_larger_publication() {
    let _beside = beside_others();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder().idempotent(["a.b"]));
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    wire.request("48");
    session.publish("a.c", &("x".repeat(200_000),)).unwrap();
    wire.request("16");
    wire.close(1009);
    let mut wire = server.welcome();
    wire.request("48");
    wire.text("[50,1,{},[1]]");
    assert_eq!(call.result::<i64>(), Ok(1));
}

#[test]
fn an_error_for_a_request_of_another_kind_breaks_the_protocol_and_takes_nothing_away() {
    let _beside = beside_others();
    let server = Server::new();
    let (session, mut wire) = server.open(server.builder().idempotent(["a.b"]));
    let call = session.start(Call::new("a.b", Payload::empty())).unwrap();
    let request = wire.request("48");
    wire.text(&format!(r#"[8,64,{request},{{}},"a.wrong"]"#));
    let abort = wire.message();
    assert!(abort.starts_with("[3,"), "{abort}");
    let mut wire = server.welcome();
    let request = wire.request("48");
    wire.text(&format!("[50,{request},{{}},[1]]"));
    assert_eq!(call.result::<i64>(), Ok(1));
}

#[test]
fn the_messages_here_are_what_they_are_meant_to_be() {
    for text in [
        r#"[4,"wampcra",{"challenge":"{}"}]"#,
        r#"[2,4711,{"roles":{"broker":{},"dealer":{}}}]"#,
        r#"[68,1,99,{},["x"]]"#,
    ] {
        Message::from_json(text).unwrap();
    }
}
