//! What a session keeps when its connection is lost.

use super::*;

#[test]
fn a_lost_connection_is_made_anew_elsewhere_with_all_that_was_there() {
    let (first, second) = (Router::new(), Router::new());
    let (notices, heard) = mpsc::channel();
    let builder = quick(&[&first, &second])
        .idempotent(["org.example.read"])
        .on_session_event(move |notice| {
            // The last ones come when the listener is closed.
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
    // A call that may be made again is in flight when the router dies.
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
    let notices: Vec<SessionEvent> = heard.iter().take(3).collect();
    assert!(matches!(
        notices[0],
        SessionEvent::Connected { again: false, .. }
    ));
    assert!(matches!(notices[1], SessionEvent::Lost { .. }));
    assert!(matches!(
        notices[2],
        SessionEvent::Connected { again: true, .. }
    ));
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
    // The time for a pong is far above what a busy machine
    // needs, since the second connection has to stay.
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
