//! The client's session beside a router that is played by hand, message by message: what it sends, what it does
//! when connections break, and what it never does.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use transparency_middleware::auth;
use transparency_middleware::client::{
    Auth, Backoff, Builder, Call, Caller, Error, Notice, Procedure, Session, Topic,
};
use transparency_middleware::messages::{
    Dict, Format, Id, Invoke, Match, Message, Payload, RequestKind, Uri,
};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message as Frame, WebSocket};

/// Far above what a busy machine needs.
const DEADLINE: Duration = Duration::from_secs(20);

/// A router's listening socket.
struct Router {
    listener: TcpListener,
    format: Format,
}

impl Router {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Linux takes this time for accept(2) as well: a client that does not come is a failure and no standstill.
        let socket = socket2::SockRef::from(&listener);
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Router {
            listener,
            format: Format::Json,
        }
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.listener.local_addr().unwrap())
    }

    /// Takes a connection up to the WebSocket.
    fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let protocol = self.format.subprotocol();
        #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let socket =
            tungstenite::accept_hdr(stream, |request: &Request, mut response: Response| {
                assert_eq!(request.headers()["Sec-WebSocket-Protocol"], protocol);
                let chosen = protocol.parse().unwrap();
                response
                    .headers_mut()
                    .insert("Sec-WebSocket-Protocol", chosen);
                Ok(response)
            });
        Peer {
            socket: socket.unwrap(),
            format: self.format,
        }
    }

    /// Takes a connection and lets the client in.
    fn welcome(&self) -> Peer {
        let mut peer = self.accept();
        assert!(matches!(peer.receive(), Message::Hello { .. }));
        peer.let_in();
        peer
    }
}

/// A client's connection, seen from the router.
struct Peer {
    socket: WebSocket<TcpStream>,
    format: Format,
}

impl Peer {
    fn let_in(&mut self) {
        let role = |features: &[&str]| {
            let all = features
                .iter()
                .fold(Dict::new(), |all, f| all.with(f, true));
            Dict::new().with("features", all)
        };
        let roles = Dict::new()
            .with("broker", role(&[]))
            .with("dealer", role(&["call_timeout"]));
        self.send(&Message::Welcome {
            session: id(4711),
            details: Dict::new().with("roles", roles),
        });
    }

    fn send(&mut self, message: &Message) {
        let mut bytes = Vec::new();
        message.encode(self.format, &mut bytes).unwrap();
        let frame = if self.format.is_text() {
            Frame::text(String::from_utf8(bytes).unwrap())
        } else {
            Frame::binary(bytes)
        };
        self.socket.send(frame).unwrap();
    }

    /// The next message; pings are answered by tungstenite on the way.
    fn receive(&mut self) -> Message {
        loop {
            match self.socket.read().unwrap() {
                frame @ (Frame::Text(_) | Frame::Binary(_)) => {
                    return Message::decode(self.format, &frame.into_data()).unwrap();
                }
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => panic!("{other:?} where a message was due"),
            }
        }
    }

    /// The next message has to be a CALL: its request id and procedure.
    fn call(&mut self) -> (Id, String) {
        match self.receive() {
            Message::Call {
                request, procedure, ..
            } => (request, procedure.to_string()),
            other => panic!("{other:?} where CALL was due"),
        }
    }

    fn result(&mut self, request: Id, value: i64) {
        self.send(&Message::Result {
            request,
            details: Dict::new(),
            payload: Payload::new(self.format, &(value,)).unwrap(),
        });
    }

    fn error(&mut self, kind: RequestKind, request: Id, error: &str) {
        self.send(&Message::Error {
            kind,
            request,
            details: Dict::new(),
            error: Uri::new(error).unwrap(),
            payload: Payload::empty(),
        });
    }

    /// The next message has to be a REGISTER, and is answered.
    fn registers(&mut self, registration: u64) -> (String, Dict) {
        match self.receive() {
            Message::Register {
                request,
                options,
                procedure,
            } => {
                self.send(&Message::Registered {
                    request,
                    registration: id(registration),
                });
                (procedure.to_string(), options)
            }
            other => panic!("{other:?} where REGISTER was due"),
        }
    }

    fn invoke(&mut self, request: u64, registration: u64, args: &[i64]) {
        self.send(&Message::Invocation {
            request: id(request),
            registration: id(registration),
            details: Dict::new().with("receive_progress", true),
            payload: Payload::new(self.format, args).unwrap(),
        });
    }

    /// The connection's end, however it comes.
    fn ends(&mut self) {
        while self.socket.read().is_ok() {}
    }
}

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

/// Runs the client's side beside the router's; both have to end well.
fn beside<T: Send>(client: impl FnOnce() -> T + Send, router: impl FnOnce()) -> T {
    beside_both(client, router).0
}

/// The same with what the router's side gives, perhaps its end of a connection that has to stay.
fn beside_both<T: Send, U>(
    client: impl FnOnce() -> T + Send,
    router: impl FnOnce() -> U,
) -> (T, U) {
    thread::scope(|scope| {
        let client = scope.spawn(client);
        let from_router = router();
        (client.join().unwrap(), from_router)
    })
}

fn quick(routers: &[&Router]) -> Builder {
    Session::builder("realm1")
        .routers(routers.iter().map(|router| router.url()))
        .timeout(DEADLINE)
        .backoff(Backoff {
            first: Duration::from_millis(5),
            most: Duration::from_millis(50),
        })
}

/// A session and the router's end of it.
fn open(router: &Router, builder: Builder) -> (Session, Peer) {
    thread::scope(|scope| {
        let session = scope.spawn(|| builder.connect());
        let peer = router.welcome();
        (session.join().unwrap().unwrap(), peer)
    })
}

#[test]
fn hello_names_the_realm_and_the_roles_with_their_features() {
    let router = Router::new();
    let (session, _peer) = beside_both(
        || Session::connect([router.url()], "realm1"),
        || {
            let mut peer = router.accept();
            let Message::Hello { realm, details } = peer.receive() else {
                panic!("no HELLO");
            };
            assert_eq!(realm, "realm1");
            let roles = details.dict("roles").unwrap();
            for role in ["caller", "callee", "publisher", "subscriber"] {
                assert!(roles.dict(role).is_some(), "{role}");
            }
            let caller = roles.dict("caller").unwrap().dict("features").unwrap();
            assert!(caller.flag("call_canceling"));
            assert!(details.get("authmethods").is_none());
            peer.let_in();
            peer
        },
    );
    assert_eq!(session.unwrap().id(), Some(id(4711)));
}

#[test]
fn a_ticket_and_a_signature_answer_the_challenge() {
    let proofs = [
        (
            Auth::Ticket {
                authid: "alice".to_string(),
                ticket: "secret".to_string(),
            },
            "ticket",
            "secret".to_string(),
        ),
        (
            Auth::Cra {
                authid: "alice".to_string(),
                secret: "secret".to_string(),
            },
            "wampcra",
            auth::cra_signature(b"secret", "{\"nonce\":1}"),
        ),
    ];
    for (proof, method, signature) in proofs {
        let router = Router::new();
        let session = beside(
            || quick(&[&router]).auth(proof).connect(),
            || {
                let mut peer = router.accept();
                let Message::Hello { details, .. } = peer.receive() else {
                    panic!("no HELLO");
                };
                assert_eq!(details.str("authid"), Some("alice"));
                assert_eq!(details.list("authmethods").unwrap().len(), 1);
                peer.send(&Message::Challenge {
                    method: method.to_string(),
                    extra: Dict::new().with("challenge", "{\"nonce\":1}"),
                });
                let Message::Authenticate { signature: got, .. } = peer.receive() else {
                    panic!("no AUTHENTICATE");
                };
                assert_eq!(got, signature);
                peer.let_in();
            },
        );
        session.unwrap();
    }
}

#[test]
fn an_abort_is_a_typed_error_and_is_not_tried_again() {
    let router = Router::new();
    let error = beside(
        || quick(&[&router]).connect_within(DEADLINE).connect(),
        || {
            let mut peer = router.accept();
            peer.receive();
            peer.send(&Message::Abort {
                details: Dict::new().with("message", "go away"),
                reason: Uri::new("wamp.error.not_authorized").unwrap(),
                payload: Payload::empty(),
            });
        },
    )
    .unwrap_err();
    assert_eq!(error.uri(), "wamp.error.not_authorized");
    assert_eq!(
        error.to_string(),
        "the router refuses: wamp.error.not_authorized (go away)"
    );
}

/// Answers HELLO with ABORT.
fn turn_away(router: &Router, reason: &str) {
    let mut peer = router.accept();
    assert!(matches!(peer.receive(), Message::Hello { .. }));
    peer.send(&Message::Abort {
        details: Dict::new().with("message", "not now"),
        reason: Uri::new(reason).unwrap(),
        payload: Payload::empty(),
    });
    peer.ends();
}

#[test]
fn a_router_that_is_full_or_shutting_down_is_passed_over_for_the_next() {
    for reason in ["wamp.error.unavailable", "wamp.close.system_shutdown"] {
        let (full, good) = (Router::new(), Router::new());
        let (session, peer) = beside_both(
            || quick(&[&full, &good]).connect().unwrap(),
            || {
                turn_away(&full, reason);
                good.welcome()
            },
        );
        assert_eq!(session.router(), Some(good.url()), "{reason}");
        // The same when the session is made anew: full at first, and then no longer.
        drop(peer);
        turn_away(&full, reason);
        turn_away(&good, reason);
        let mut peer = full.welcome();
        let value: i64 = beside(
            || session.call("org.example.read", &()).unwrap(),
            || {
                let (request, _) = peer.call();
                peer.result(request, 1);
            },
        );
        assert_eq!(value, 1, "{reason}");
    }
}

#[test]
fn a_router_that_is_full_is_a_typed_error_when_there_is_no_other() {
    let (full, gone) = (Router::new(), Router::new());
    let builder = quick(&[&full, &gone]);
    drop(gone);
    let error = beside(
        || builder.connect().unwrap_err(),
        || turn_away(&full, "wamp.error.unavailable"),
    );
    assert_eq!(
        error.to_string(),
        "the router refuses: wamp.error.unavailable (not now)"
    );
    // With patience it is asked again.
    let (_session, _peer) = beside_both(
        || quick(&[&full]).connect_within(DEADLINE).connect().unwrap(),
        || {
            turn_away(&full, "wamp.error.unavailable");
            full.welcome()
        },
    );
}

#[test]
fn nobody_at_any_address_is_said_with_each_address() {
    let (one, two) = (Router::new().url(), Router::new().url());
    let error = Session::connect([&one, &two], "realm1").unwrap_err();
    let Error::Unreachable(text) = error else {
        panic!("{error:?}");
    };
    assert!(text.contains(&one) && text.contains(&two), "{text}");
    let error = Session::connect(["127.0.0.1:8080"], "realm1").unwrap_err();
    assert_eq!(error, Error::InvalidAddress("127.0.0.1:8080".to_string()));
    assert!(matches!(
        Session::connect([one], "no realm"),
        Err(Error::InvalidUri(_))
    ));
}

#[test]
fn a_router_that_never_says_welcome_is_given_up_for_the_next() {
    let (silent, good) = (Router::new(), Router::new());
    let builder = quick(&[&silent, &good]).handshake_timeout(Duration::from_millis(100));
    // The first takes the connection into its backlog and reads nothing.
    let (session, _peer) = beside_both(|| builder.connect().unwrap(), || good.welcome());
    assert_eq!(session.router(), Some(good.url()));
}

#[test]
fn answers_out_of_order_reach_their_calls_and_ids_have_no_gap() {
    const CALLS: usize = 64;
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    thread::scope(|scope| {
        for number in 0..CALLS {
            let session = session.clone();
            scope.spawn(move || {
                let number = i64::try_from(number).unwrap();
                let same: i64 = session.call("org.example.same", &(number,)).unwrap();
                assert_eq!(same, number);
            });
        }
        let mut calls: Vec<(Id, i64)> = (0..CALLS)
            .map(|_| match peer.receive() {
                Message::Call {
                    request, payload, ..
                } => (request, payload.args::<(i64,)>().unwrap().0),
                other => panic!("{other:?}"),
            })
            .collect();
        let ids: Vec<u64> = calls.iter().map(|(id, _)| id.get()).collect();
        assert_eq!(ids, (1..=CALLS as u64).collect::<Vec<_>>());
        calls.reverse();
        for (request, number) in calls {
            peer.result(request, number);
        }
    });
}

#[test]
fn all_serialisations_carry_a_call() {
    for format in Format::ALL {
        let router = Router {
            format,
            ..Router::new()
        };
        let (session, mut peer) = open(&router, quick(&[&router]).format(format));
        let sum: i64 = beside(
            || session.call("org.example.add2", &(2, 3)).unwrap(),
            || {
                let Message::Call {
                    request, payload, ..
                } = peer.receive()
                else {
                    panic!("no CALL");
                };
                let (a, b): (i64, i64) = payload.args().unwrap();
                peer.result(request, a + b);
            },
        );
        assert_eq!(sum, 5);
    }
}

#[test]
fn the_client_keeps_the_deadline_itself_and_cancels() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let call = Call::new("org.example.slow", Payload::empty()).timeout(Duration::from_millis(50));
    let begun = Instant::now();
    let error = session.start(call).unwrap().wait().unwrap_err();
    assert_eq!(error, Error::Timeout { sent: true });
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let Message::Call {
        request, options, ..
    } = peer.receive()
    else {
        panic!("no CALL");
    };
    assert!((1..=50).contains(&options.u64("timeout").unwrap()));
    let Message::Cancel {
        request: cancelled,
        options,
    } = peer.receive()
    else {
        panic!("no CANCEL");
    };
    assert_eq!(
        (cancelled, options.str("mode")),
        (request, Some("killnowait"))
    );
    // What comes late is dropped, and the session goes on.
    peer.result(request, 1);
    peer.error(RequestKind::Call, request, "wamp.error.canceled");
    let next = beside(
        || session.call::<i64>("org.example.quick", &()),
        || {
            let (request, _) = peer.call();
            peer.result(request, 2);
        },
    );
    assert_eq!(next, Ok(2));
}

#[test]
fn a_dropped_call_is_cancelled_and_an_interrupted_one_is_waited_for() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let call = || Call::new("org.example.slow", Payload::empty()).idempotent(true);
    drop(session.start(call()).unwrap());
    let (request, _) = peer.call();
    let Message::Cancel { request: same, .. } = peer.receive() else {
        panic!("no CANCEL");
    };
    assert_eq!(same, request);

    let pending = session.start(call()).unwrap();
    let (request, _) = peer.call();
    let error = beside(
        || pending.interrupt().unwrap_err(),
        || {
            let Message::Cancel { options, .. } = peer.receive() else {
                panic!("no CANCEL");
            };
            assert_eq!(options.str("mode"), Some("kill"));
            peer.error(RequestKind::Call, request, "wamp.error.canceled");
        },
    );
    // Idempotent or not: what the caller itself cancelled is not made again.
    assert_eq!(error.uri(), "wamp.error.canceled");
}

#[test]
fn partial_results_come_before_the_result() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let call = Call::new("org.example.count", Payload::empty()).receive_progress();
    let mut pending = session.start(call).unwrap();
    let Message::Call {
        request, options, ..
    } = peer.receive()
    else {
        panic!("no CALL");
    };
    assert!(options.flag("receive_progress"));
    for number in 1..=3 {
        peer.send(&Message::Result {
            request,
            details: Dict::new().with("progress", true),
            payload: Payload::new(Format::Json, &(number,)).unwrap(),
        });
    }
    peer.result(request, 4);
    let mut numbers = Vec::new();
    while let Some(partial) = pending.partial().unwrap() {
        numbers.push(partial.args::<(i64,)>().unwrap().0);
    }
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(pending.result::<i64>(), Ok(4));
}

#[test]
fn an_idempotent_call_is_made_again_after_both_spellings_of_cancelled() {
    let router = Router::new();
    let builder = quick(&[&router]).idempotent(["org.example.read"]);
    let (session, mut peer) = open(&router, builder);
    let value: i64 = beside(
        || session.call("org.example.read", &()).unwrap(),
        || {
            for error in ["wamp.error.canceled", "wamp.error.cancelled"] {
                let (request, _) = peer.call();
                peer.error(RequestKind::Call, request, error);
            }
            let (request, procedure) = peer.call();
            assert_eq!(procedure, "org.example.read");
            peer.result(request, 7);
        },
    );
    assert_eq!(value, 7);
}

#[test]
fn a_call_that_is_not_idempotent_is_never_made_again() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    // Its callee left.
    let error = beside(
        || session.call::<()>("org.example.add", &(1,)).unwrap_err(),
        || {
            let (request, _) = peer.call();
            peer.error(RequestKind::Call, request, "wamp.error.canceled");
        },
    );
    assert_eq!(error.uri(), "wamp.error.canceled");
    assert!(error.is_ambiguous());
    // The connection broke.
    let error = beside(
        || session.call::<()>("org.example.add", &(1,)).unwrap_err(),
        || {
            peer.call();
            drop(peer);
        },
    );
    assert_eq!(error, Error::Lost);
    // On the next connection there is nothing but the next call.
    let mut peer = router.welcome();
    let value: i64 = beside(
        || session.call("org.example.next", &()).unwrap(),
        || {
            let (request, procedure) = peer.call();
            assert_eq!((request, procedure.as_str()), (id(1), "org.example.next"));
            peer.result(request, 1);
        },
    );
    assert_eq!(value, 1);
}

#[test]
fn an_attempt_that_hangs_is_withdrawn_and_made_again() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let call = Call::new("org.example.read", Payload::empty())
        .idempotent(true)
        .attempt_timeout(Duration::from_millis(30));
    let result = beside(
        || session.start(call).unwrap().result::<i64>(),
        || {
            let (first, _) = peer.call();
            let Message::Cancel { request, .. } = peer.receive() else {
                panic!("no CANCEL");
            };
            assert_eq!(request, first);
            let (second, _) = peer.call();
            // The first one's answer, which comes late, is not taken for the second's.
            peer.result(first, 1);
            peer.result(second, 2);
        },
    );
    assert_eq!(result, Ok(2));
}

#[test]
fn a_call_that_was_interrupted_is_not_made_again_when_its_attempt_takes_too_long() {
    let attempt = Duration::from_millis(30);
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let call = Call::new("org.example.read", Payload::empty())
        .idempotent(true)
        .attempt_timeout(attempt)
        .timeout(10 * attempt);
    let error = beside(
        || session.start(call).unwrap().interrupt().unwrap_err(),
        || {
            let (first, _) = peer.call();
            // The callee goes on all the same, and its caller waits until the deadline of the whole call.
            for mode in ["kill", "killnowait"] {
                let Message::Cancel { request, options } = peer.receive() else {
                    panic!("no CANCEL");
                };
                assert_eq!((request, options.str("mode")), (first, Some(mode)));
            }
        },
    );
    assert_eq!(error, Error::Timeout { sent: true });
    // Nothing else was sent in between: the next call has the next id.
    let value: i64 = beside(
        || session.call("org.example.next", &()).unwrap(),
        || {
            let (request, procedure) = peer.call();
            assert_eq!((request, procedure.as_str()), (id(2), "org.example.next"));
            peer.result(request, 1);
        },
    );
    assert_eq!(value, 1);
}

#[test]
fn a_lost_connection_is_made_anew_elsewhere_with_all_that_was_there() {
    let (first, second) = (Router::new(), Router::new());
    let (notices, heard) = mpsc::channel();
    let builder = quick(&[&first, &second])
        .idempotent(["org.example.read"])
        .on_notice(move |notice| {
            // The last ones come when nobody listens any more.
            let _test_is_over = notices.send(notice.clone());
        });
    let (session, mut peer) = open(&first, builder);
    beside(
        || {
            let add = Procedure::new("org.example.add2", |(a, b): (i64, i64)| Ok(a + b));
            session.register(add.invoke(Invoke::RoundRobin)).unwrap();
            let topic = Topic::new("org.example.").matching(Match::Prefix);
            session.subscribe(topic, |_| {}).unwrap();
        },
        || {
            peer.registers(1);
            let Message::Subscribe { request, .. } = peer.receive() else {
                panic!("no SUBSCRIBE");
            };
            peer.send(&Message::Subscribed {
                request,
                subscription: id(2),
            });
        },
    );
    // A call that may be made again is under way when the router dies.
    let value = beside(
        || session.call::<i64>("org.example.read", &()),
        || {
            peer.call();
            drop(peer);
            drop(first);
            let mut peer = second.welcome();
            let (procedure, options) = peer.registers(3);
            assert_eq!(procedure, "org.example.add2");
            assert_eq!(options.str("invoke"), Some("roundrobin"));
            let Message::Subscribe {
                request,
                options,
                topic,
            } = peer.receive()
            else {
                panic!("no SUBSCRIBE");
            };
            assert_eq!(
                (topic.as_str(), options.str("match")),
                ("org.example.", Some("prefix"))
            );
            peer.send(&Message::Subscribed {
                request,
                subscription: id(4),
            });
            let (request, _) = peer.call();
            peer.invoke(9, 3, &[2, 3]);
            let Message::Yield {
                request: same,
                payload,
                ..
            } = peer.receive()
            else {
                panic!("no YIELD");
            };
            assert_eq!((same, payload.args::<(i64,)>().unwrap().0), (id(9), 5));
            peer.result(request, 6);
        },
    );
    assert_eq!(value, Ok(6));
    let notices: Vec<Notice> = heard.iter().take(3).collect();
    assert!(matches!(notices[0], Notice::Connected { again: false, .. }));
    assert!(matches!(notices[1], Notice::Lost { .. }));
    assert!(matches!(notices[2], Notice::Connected { again: true, .. }));
}

#[test]
fn a_call_made_without_a_connection_waits_for_one_and_no_longer_than_its_deadline() {
    let router = Router::new();
    let (session, peer) = open(&router, quick(&[&router]));
    drop(peer);
    // The next connection is taken but not answered yet.
    let mut peer = router.accept();
    let call = Call::new("org.example.a", Payload::empty()).timeout(Duration::from_millis(50));
    let error = session.start(call).unwrap().wait().unwrap_err();
    assert_eq!(error, Error::Timeout { sent: false });
    assert!(!error.is_ambiguous());
    let waiting = session
        .start(Call::new("org.example.b", Payload::empty()))
        .unwrap();
    peer.receive();
    peer.let_in();
    let (request, procedure) = peer.call();
    assert_eq!(procedure, "org.example.b", "the first was given up");
    peer.result(request, 1);
    assert_eq!(waiting.result::<i64>(), Ok(1));
}

#[test]
fn a_registration_that_the_old_session_still_holds_is_tried_again() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    beside(
        || {
            session
                .register(Procedure::new("org.example.one", |()| Ok(1)))
                .map(drop)
        },
        || {
            peer.registers(1);
        },
    )
    .unwrap();
    drop(peer);
    let mut peer = router.welcome();
    for _ in 0..2 {
        let Message::Register { request, .. } = peer.receive() else {
            panic!("no REGISTER");
        };
        peer.error(
            RequestKind::Register,
            request,
            "wamp.error.procedure_already_exists",
        );
    }
    peer.registers(2);
    peer.invoke(1, 2, &[]);
    assert!(matches!(peer.receive(), Message::Yield { .. }));
}

#[test]
fn a_half_open_connection_is_found_by_ping() {
    let router = Router::new();
    // The time for a pong is far above what a busy machine needs, since the second connection has to stay.
    let builder = quick(&[&router]).ping(Duration::from_millis(50), Duration::from_secs(1));
    let (_session, silent) = open(&router, builder);
    // The socket stays open and nothing reads from it: as after a cable was pulled.
    let mut peer = router.welcome();
    drop(silent);
    // This one answers, since `receive` lets tungstenite send pongs: the client stays.
    let mut pings = 0;
    loop {
        match peer.socket.read() {
            Ok(Frame::Ping(_)) => pings += 1,
            Ok(other) => panic!("{other:?}"),
            Err(tungstenite::Error::Io(_)) => break,
            Err(error) => panic!("the client left: {error}"),
        }
        peer.socket.flush().unwrap();
        if pings == 5 {
            break;
        }
    }
    assert_eq!(pings, 5);
}

#[test]
fn handlers_run_side_by_side_and_off_the_reader() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]).workers(2));
    let inner = session.clone();
    beside(
        || {
            // A handler that calls through its own session: the reader has to stay free for the answer.
            let twice = Procedure::new("org.example.twice", move |(number,): (i64,)| {
                let half: i64 = inner.call("org.example.same", &(number,)).unwrap();
                Ok(half * 2)
            });
            session.register(twice).unwrap();
        },
        || {
            peer.registers(1);
        },
    );
    peer.invoke(1, 1, &[10]);
    peer.invoke(2, 1, &[20]);
    let (first, _) = peer.call();
    let (second, _) = peer.call();
    peer.result(second, 5);
    peer.result(first, 6);
    let mut sums = Vec::new();
    for _ in 0..2 {
        let Message::Yield { payload, .. } = peer.receive() else {
            panic!("no YIELD");
        };
        sums.push(payload.args::<(i64,)>().unwrap().0);
    }
    sums.sort_unstable();
    assert_eq!(sums, [10, 12]);
}

#[test]
fn a_handler_answers_errors_wrong_arguments_and_even_its_own_panic() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    beside(
        || {
            let odd = Procedure::new("org.example.odd", |(number,): (i64,)| {
                assert_ne!(number, 13, "this panic is part of the test");
                if number % 2 == 0 {
                    let uri = "org.example.error.even";
                    return Err(transparency_middleware::client::ErrorReply::new(
                        uri, "even",
                    ));
                }
                Ok(number)
            });
            session.register(odd).unwrap();
        },
        || {
            peer.registers(1);
        },
    );
    for (args, uri) in [
        (&[2][..], "org.example.error.even"),
        (&[1, 2], "wamp.error.invalid_argument"),
        (&[], "wamp.error.invalid_argument"),
        (&[13], "wamp.error.runtime_error"),
    ] {
        peer.invoke(7, 1, args);
        let Message::Error {
            kind,
            request,
            error,
            ..
        } = peer.receive()
        else {
            panic!("no ERROR for {args:?}");
        };
        assert_eq!((kind, request), (RequestKind::Invocation, id(7)));
        assert_eq!(error, uri, "{args:?}");
    }
    peer.invoke(8, 1, &[1]);
    assert!(matches!(peer.receive(), Message::Yield { .. }));
}

#[test]
fn an_interrupt_reaches_the_handler() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    beside(
        || {
            let wait = Procedure::with_invocation("org.example.wait", |invocation| {
                invocation.progress("started").unwrap();
                let cancelled = invocation.wait_cancelled(DEADLINE);
                Ok(invocation.result(&cancelled)?)
            });
            session.register(wait).unwrap();
        },
        || {
            peer.registers(1);
        },
    );
    peer.invoke(1, 1, &[]);
    let Message::Yield { options, .. } = peer.receive() else {
        panic!("no partial YIELD");
    };
    assert!(options.flag("progress"));
    peer.send(&Message::Interrupt {
        request: id(1),
        options: Dict::new(),
    });
    let Message::Yield { payload, .. } = peer.receive() else {
        panic!("no YIELD");
    };
    assert_eq!(payload.args::<(bool,)>(), Ok((true,)));
}

#[test]
fn too_many_waiting_invocations_are_refused_and_not_forgotten() {
    let router = Router::new();
    let builder = quick(&[&router]).workers(1).max_waiting_invocations(1);
    let (session, mut peer) = open(&router, builder);
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    beside(
        || {
            let hold = Procedure::with_invocation("org.example.hold", move |invocation| {
                invocation.progress("started").unwrap();
                gate.lock().unwrap().recv().unwrap();
                Ok(Payload::empty())
            });
            session.register(hold).unwrap();
        },
        || {
            peer.registers(1);
        },
    );
    peer.invoke(1, 1, &[]);
    peer.receive();
    peer.invoke(2, 1, &[]);
    peer.invoke(3, 1, &[]);
    let Message::Error { request, error, .. } = peer.receive() else {
        panic!("no ERROR");
    };
    assert_eq!((request, error.as_str()), (id(3), "wamp.error.unavailable"));
    release.send(()).unwrap();
    release.send(()).unwrap();
    let Message::Yield { request, .. } = peer.receive() else {
        panic!("no YIELD");
    };
    assert_eq!(request, id(1));
}

#[test]
fn events_reach_all_handlers_of_their_topic_in_order() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let (sender, receiver) = mpsc::channel();
    let subscriptions = beside(
        || {
            let subscribe = |name: &'static str| {
                let sender = sender.clone();
                session.subscribe("org.example.topic", move |event| {
                    let (number,): (i64,) = event.args().unwrap();
                    sender.send((name, number)).unwrap();
                })
            };
            [subscribe("one").unwrap(), subscribe("two").unwrap()]
        },
        || {
            for _ in 0..2 {
                let Message::Subscribe { request, .. } = peer.receive() else {
                    panic!("no SUBSCRIBE");
                };
                peer.send(&Message::Subscribed {
                    request,
                    subscription: id(5),
                });
            }
        },
    );
    let event = |peer: &mut Peer, number: i64| {
        peer.send(&Message::Event {
            subscription: id(5),
            publication: id(1),
            details: Dict::new(),
            payload: Payload::new(Format::Json, &(number,)).unwrap(),
        });
    };
    for number in 0..100 {
        event(&mut peer, number);
    }
    let all: Vec<(&str, i64)> = receiver.iter().take(200).collect();
    for name in ["one", "two"] {
        let of_one = all.iter().filter(|(other, _)| *other == name);
        assert!(of_one.map(|(_, number)| *number).eq(0..100), "{name}");
    }
    // The router hears only of the last handler's leaving.
    subscriptions[0].unsubscribe().unwrap();
    event(&mut peer, 100);
    assert_eq!(receiver.recv_timeout(DEADLINE), Ok(("two", 100)));
    beside(
        || subscriptions[1].unsubscribe().unwrap(),
        || {
            let Message::Unsubscribe {
                request,
                subscription,
            } = peer.receive()
            else {
                panic!("no UNSUBSCRIBE");
            };
            assert_eq!(subscription, id(5));
            peer.send(&Message::Unsubscribed { request });
        },
    );
}

#[test]
fn events_that_wait_when_their_subscription_is_given_up_reach_its_handler_no_more() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let (heard, events) = mpsc::channel();
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let [first, _other] = beside(
        || {
            let sender = heard.clone();
            let first = session.subscribe("org.example.first", move |event| {
                sender
                    .send(("first", event.args::<(i64,)>().unwrap().0))
                    .unwrap();
                // Until the other end is dropped.
                assert!(gate.lock().unwrap().recv().is_err());
            });
            let other = session.subscribe("org.example.other", move |event| {
                heard
                    .send(("other", event.args::<(i64,)>().unwrap().0))
                    .unwrap();
            });
            [first.unwrap(), other.unwrap()]
        },
        || {
            for subscription in [1, 2] {
                let Message::Subscribe { request, .. } = peer.receive() else {
                    panic!("no SUBSCRIBE");
                };
                peer.send(&Message::Subscribed {
                    request,
                    subscription: id(subscription),
                });
            }
        },
    );
    let event = |peer: &mut Peer, subscription: u64, number: i64| {
        peer.send(&Message::Event {
            subscription: id(subscription),
            publication: id(1),
            details: Dict::new(),
            payload: Payload::new(Format::Json, &(number,)).unwrap(),
        });
    };
    for number in 0..100 {
        event(&mut peer, 1, number);
    }
    // The handler runs, and holds the others up.
    assert_eq!(events.recv_timeout(DEADLINE), Ok(("first", 0)));
    beside(
        || first.unsubscribe().unwrap(),
        || {
            let Message::Unsubscribe { request, .. } = peer.receive() else {
                panic!("no UNSUBSCRIBE");
            };
            // On the wire before the answer to it, as a router may send it.
            event(&mut peer, 1, 100);
            peer.send(&Message::Unsubscribed { request });
        },
    );
    // Its running handler may end; only then comes whatever waits behind it, in its order.
    event(&mut peer, 2, 0);
    drop(release);
    assert_eq!(events.recv_timeout(DEADLINE), Ok(("other", 0)));
}

#[test]
fn a_draining_session_gives_up_its_names_ends_its_work_and_then_leaves() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let (release, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    beside(
        || {
            let hold = Procedure::new("org.example.hold", move |(number,): (i64,)| {
                gate.lock().unwrap().recv().unwrap();
                Ok(number)
            });
            session.register(hold).unwrap();
        },
        || {
            peer.registers(1);
        },
    );
    peer.invoke(1, 1, &[1]);
    beside(
        || session.drain(DEADLINE).unwrap(),
        || {
            let Message::Unregister { request, .. } = peer.receive() else {
                panic!("no UNREGISTER");
            };
            // This invocation crossed the UNREGISTER on the wire: it is carried out like the first.
            peer.invoke(2, 1, &[2]);
            peer.send(&Message::Unregistered { request });
            release.send(()).unwrap();
            release.send(()).unwrap();
            let mut done = Vec::new();
            for _ in 0..2 {
                let Message::Yield { request, .. } = peer.receive() else {
                    panic!("no YIELD before GOODBYE");
                };
                done.push(request);
            }
            done.sort_unstable();
            assert_eq!(done, [id(1), id(2)]);
            let Message::Goodbye { reason, .. } = peer.receive() else {
                panic!("no GOODBYE");
            };
            assert_eq!(reason, "wamp.close.close_realm");
            peer.send(&Message::Goodbye {
                details: Dict::new(),
                reason: Uri::new("wamp.close.goodbye_and_out").unwrap(),
            });
            peer.ends();
        },
    );
    assert_eq!(session.wait_closed(), Error::Closed);
    assert_eq!(
        session.call::<()>("org.example.any", &()),
        Err(Error::Closed)
    );
}

#[test]
fn a_router_that_shuts_down_is_answered_and_left_for_the_next() {
    let (first, second) = (Router::new(), Router::new());
    let (session, mut peer) = open(&first, quick(&[&first, &second]));
    peer.send(&Message::Goodbye {
        details: Dict::new(),
        reason: Uri::new("wamp.close.system_shutdown").unwrap(),
    });
    let Message::Goodbye { reason, .. } = peer.receive() else {
        panic!("no GOODBYE");
    };
    assert_eq!(reason, "wamp.close.goodbye_and_out");
    let mut peer = second.welcome();
    let value: i64 = beside(
        || session.call("org.example.read", &()).unwrap(),
        || {
            let (request, _) = peer.call();
            peer.result(request, 1);
        },
    );
    assert_eq!(value, 1);
}

#[test]
fn a_router_that_breaks_the_protocol_gets_an_abort_and_is_left() {
    let nonsense = [
        "no JSON",
        "[]",
        "[999]",
        r#"[50,"one",{}]"#,
        r#"[65,77,1]"#,
        r#"[48,1,{},"org.example.router.calls"]"#,
    ];
    for text in nonsense {
        let router = Router::new();
        let (_session, mut peer) = open(&router, quick(&[&router]));
        peer.socket.send(Frame::text(text)).unwrap();
        let Message::Abort { reason, .. } = peer.receive() else {
            panic!("no ABORT for {text}");
        };
        assert_eq!(reason, "wamp.error.protocol_violation", "{text}");
        peer.ends();
        // And comes back, to a router that may know better by then.
        router.welcome();
    }
}

#[test]
fn what_is_too_large_is_not_sent() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]).max_message_size(1000));
    let large = "x".repeat(1000);
    let error = session.call::<()>("org.example.a", &(&large,)).unwrap_err();
    assert_eq!(error, Error::TooLarge(1000));
    beside(
        || session.call::<i64>("org.example.b", &()).unwrap(),
        || {
            let (request, procedure) = peer.call();
            assert_eq!((request, procedure.as_str()), (id(1), "org.example.b"));
            peer.result(request, 1);
        },
    );
}

#[test]
fn leaving_ends_what_waits_with_a_typed_error() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]));
    let pending = session
        .start(Call::new("org.example.a", Payload::empty()))
        .unwrap();
    peer.call();
    beside(
        || session.leave(),
        || {
            assert!(matches!(peer.receive(), Message::Goodbye { .. }));
            drop(peer);
        },
    );
    assert!(matches!(pending.wait(), Err(Error::Lost | Error::Closed)));
}
