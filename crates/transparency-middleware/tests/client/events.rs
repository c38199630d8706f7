//! Subscriptions and the order of their events.

use super::*;

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
