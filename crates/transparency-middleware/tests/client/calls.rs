//! Calls: ids, deadlines, cancellation and retries.

use super::*;

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
fn all_serializations_carry_a_call() {
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
    // What comes late is dropped, and the session continues.
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
            // The callee continues all the same, and its caller
            // waits until the deadline of the whole call.
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
