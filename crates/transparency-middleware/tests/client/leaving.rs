//! How a session ends, and what a router gets that breaks the rules.

use super::*;

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
