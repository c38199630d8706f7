//! Opening a session: HELLO, the proof of identity, and which router is taken.

use super::*;

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
        // The same when the session is made again: full at first, and then no longer.
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
