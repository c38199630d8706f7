//! Procedures: where they run and what they answer.

use super::*;

#[test]
fn handlers_run_side_by_side_and_off_the_reader() {
    let router = Router::new();
    let (session, mut peer) = open(&router, quick(&[&router]).workers(2));
    let inner = session.clone();
    beside(
        || {
            // A handler that calls through its own session:
            // the reader has to stay free for the answer.
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
