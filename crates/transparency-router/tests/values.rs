//! Values that other people's peers send, from each serialization to each, through the running
//! router: the form that the README's table says, or an error to the one who sent it.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail by a panic anywhere, and say why on stderr"
)]

#[path = "router/support/mod.rs"]
mod support;

use support::{Peer, Router, id, uri};
use transparency_middleware::messages::{Dict, Format, Message, Payload, Value};
use tungstenite::Message as Frame;

/// What becomes of a value in another serialization.
enum Form {
    Is(Value),
    /// In JSON it has none; elsewhere it is this.
    NotInJson(Value),
    None,
}

use Form::{Is, None, NotInJson};

/// A value as its sender writes it, and what it is to others.
#[expect(clippy::too_many_lines, reason = "a table")]
fn values(format: Format) -> Vec<(&'static str, Vec<u8>, Form)> {
    let bytes = |bytes: &[u8]| Is(Value::Bytes(bytes.to_vec()));
    let list = |numbers: &[f64]| {
        let numbers = numbers.iter().map(|number| Value::Float(*number));
        Is(Value::List(numbers.collect()))
    };
    let raw = |hex: &str| -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
        let pair =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    };
    let nan = || NotInJson(Value::Float(f64::NAN));
    match format {
        Format::Cbor => vec![
            ("a half float", raw("f9 3e00"), Is(1.5.into())),
            ("a single float", raw("fa 3fc00000"), Is(1.5.into())),
            ("NaN", raw("f9 7e00"), nan()),
            ("Infinity", raw("f9 7c00"), NotInJson(f64::INFINITY.into())),
            (
                "a date as text",
                raw("c0 6a 323032362d31312d3238"),
                Is("2026-11-28".into()),
            ),
            (
                "a time in seconds",
                raw("c1 1a 514b67b0"),
                Is(1_363_896_240.into()),
            ),
            (
                "a time in parts of them",
                raw("c1 fb 41d452d9ec200000"),
                Is(1_363_896_240.5.into()),
            ),
            (
                "a big number that is small",
                raw("c2 42 0100"),
                Is(256.into()),
            ),
            (
                "the largest of 64 bits",
                raw("c2 48 ffffffffffffffff"),
                Is(u64::MAX.into()),
            ),
            ("a big number", raw("c2 49 010000000000000000"), None),
            ("one below zero", raw("c3 42 0100"), Is((-257).into())),
            (
                "a decimal fraction",
                raw("c4 82 21 19 6ab3"),
                Is(273.15.into()),
            ),
            ("a fraction of two", raw("c5 82 20 03"), Is(1.5.into())),
            ("a URI", raw("d820 63 613a62"), Is("a:b".into())),
            ("a tag that says it is CBOR", raw("d9d9f7 01"), Is(1.into())),
            (
                "an array of bytes",
                raw("d840 43 010203"),
                bytes(&[1, 2, 3]),
            ),
            (
                "an array of 16-bit numbers",
                raw("d845 44 0100 0200"),
                Is(vec![1, 2].into()),
            ),
            (
                "one of signed bytes",
                raw("d848 42 01ff"),
                Is(vec![1, -1].into()),
            ),
            (
                "an array of floats",
                raw("d855 48 0000c03f 000000c0"),
                list(&[1.5, -2.0]),
            ),
            ("undefined", raw("f7"), Is(Value::Null)),
            (
                "a list without a count",
                raw("9f 01 f93e00 ff"),
                Is(Value::List(vec![1.into(), 1.5.into()])),
            ),
            ("a simple value", raw("f8 ff"), None),
            ("a reference", raw("d81d 00"), None),
            ("a number as a key", raw("a1 01 02"), None),
        ],
        Format::MessagePack => vec![
            ("a single float", raw("ca 3fc00000"), Is(1.5.into())),
            ("NaN", raw("cb 7ff8000000000000"), nan()),
            (
                "a timestamp",
                raw("d6 ff 514b67b0"),
                Is(1_363_896_240.into()),
            ),
            (
                "one with nanoseconds",
                raw("d7 ff 77359400 514b67b0"),
                Is(1_363_896_240.5.into()),
            ),
            (
                "one before 1970",
                raw("c7 0c ff 00000000 ffffffffffffffff"),
                Is((-1).into()),
            ),
            ("an extension type", raw("d4 05 00"), None),
            (
                "what is undefined in JavaScript",
                raw("d4 00 00"),
                Is(Value::Null),
            ),
            ("bytes", raw("c4 03 010203"), bytes(&[1, 2, 3])),
            ("a number as a key", raw("81 01 02"), None),
        ],
        Format::Json => vec![
            (
                "the largest of 64 bits",
                b"18446744073709551615".to_vec(),
                Is(u64::MAX.into()),
            ),
            (
                "a number of 30 digits",
                b"123456789012345678901234567890".to_vec(),
                None,
            ),
            ("a large float", b"1e300".to_vec(), Is(1e300.into())),
            ("bytes", br#""\u0000AQID""#.to_vec(), bytes(&[1, 2, 3])),
        ],
    }
}

/// A message with one argument, which is these bytes.
fn with_argument(message: &Message, format: Format, argument: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(format, &mut bytes).unwrap();
    match format {
        Format::Json => {
            bytes.pop();
            bytes.extend([b",[", argument, b"]]"].concat());
        }
        Format::MessagePack | Format::Cbor => {
            bytes[0] += 1;
            bytes.push(if format == Format::Cbor { 0x81 } else { 0x91 });
            bytes.extend(argument);
        }
    }
    bytes
}

fn send(peer: &mut Peer, bytes: Vec<u8>) {
    let frame = match peer.format {
        Format::Json => Frame::text(String::from_utf8(bytes).unwrap()),
        _ => Frame::binary(bytes),
    };
    peer.socket.send(frame).unwrap();
}

fn call(peer: &mut Peer, argument: &[u8]) -> u64 {
    let request = peer.next_id();
    let call = Message::Call {
        request: id(request),
        options: Dict::new(),
        procedure: uri("a.b"),
        payload: Payload::empty(),
    };
    let bytes = with_argument(&call, peer.format, argument);
    send(peer, bytes);
    request
}

fn publish(peer: &mut Peer, argument: &[u8]) -> u64 {
    let request = peer.next_id();
    let publish = Message::Publish {
        request: id(request),
        options: Dict::new().with("acknowledge", true),
        topic: uri("a.c"),
        payload: Payload::empty(),
    };
    let bytes = with_argument(&publish, peer.format, argument);
    send(peer, bytes);
    request
}

/// NaN is not equal to itself, but it is written in the same way.
fn same(payload: &Payload, value: &Value) -> bool {
    let (got,): (Value,) = payload.args().unwrap();
    format!("{got:?}") == format!("{value:?}")
}

fn is_refused(answer: &Message, what: &str) {
    let Message::Error { error, payload, .. } = answer else {
        panic!("{what}: {answer:?}");
    };
    assert_eq!(*error, "wamp.error.invalid_argument", "{what}");
    let (text,): (String,) = payload.args().unwrap();
    // For people, and not what a programming language calls its parts.
    let is_rust = ["Core(", "Error", "{", "::"]
        .iter()
        .any(|rust| text.contains(rust));
    assert!(!is_rust && text.len() > 10, "{what}: {text}");
}

#[test]
fn each_value_has_its_form_in_each_serialization_or_its_sender_hears_why_not() {
    for from in Format::ALL {
        for to in Format::ALL {
            // One router for each pair: who else is in the realm makes a difference.
            let router = Router::start(&[]);
            let mut sender = Peer::join_as(router.address, from);
            let mut other = Peer::join_as(router.address, to);
            other.register("a.b", "{}");
            other.subscribe("a.c");
            for (name, argument, form) in values(from) {
                let what = format!("{name} from {from:?} to {to:?}");
                let expected = match (form, to) {
                    // Passed on unread.
                    _ if from == to => {
                        call(&mut sender, &argument);
                        let frame = other.frame().unwrap().into_data();
                        let at_end = frame.windows(argument.len()).any(|part| part == argument);
                        assert!(at_end, "{what}");
                        let Message::Invocation { request, .. } =
                            Message::decode(to, &frame).unwrap()
                        else {
                            panic!("{what}: no INVOCATION");
                        };
                        other.send(&Message::Yield {
                            request,
                            options: Dict::new(),
                            payload: Payload::empty(),
                        });
                        assert!(matches!(sender.receive(), Message::Result { .. }), "{what}");
                        continue;
                    }
                    (Is(value), _) => Some(value),
                    (NotInJson(value), to) => (to != Format::Json).then_some(value),
                    (None, _) => Option::None,
                };
                call(&mut sender, &argument);
                if let Some(expected) = &expected {
                    let Message::Invocation {
                        request, payload, ..
                    } = other.receive()
                    else {
                        panic!("{what}: no INVOCATION");
                    };
                    assert!(same(&payload, expected), "{what}: {payload:?}");
                    other.send(&Message::Yield {
                        request,
                        options: Dict::new(),
                        payload: Payload::empty(),
                    });
                    assert!(matches!(sender.receive(), Message::Result { .. }), "{what}");
                } else {
                    is_refused(&sender.receive(), &what);
                }
                publish(&mut sender, &argument);
                if let Some(expected) = &expected {
                    let published = sender.receive();
                    assert!(matches!(published, Message::Published { .. }), "{what}");
                    let Message::Event { payload, .. } = other.receive() else {
                        panic!("{what}: no EVENT");
                    };
                    assert!(same(&payload, expected), "{what}: {payload:?}");
                } else {
                    is_refused(&sender.receive(), &what);
                }
            }
            // Nobody has been ended over it.
            assert!(sender.is_alive() && other.is_alive(), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn a_result_without_a_form_is_an_error_to_the_caller() {
    let router = Router::start(&[]);
    let mut caller = Peer::join_as(router.address, Format::Json);
    let mut callee = Peer::join_as(router.address, Format::Cbor);
    callee.register("a.b", "{}");
    call(&mut caller, b"1");
    let Message::Invocation { request, .. } = callee.receive() else {
        panic!("no INVOCATION");
    };
    let answer = Message::Yield {
        request,
        options: Dict::new(),
        payload: Payload::empty(),
    };
    let bytes = with_argument(&answer, Format::Cbor, &[0xf9, 0x7e, 0]);
    send(&mut callee, bytes);
    is_refused(&caller.receive(), "NaN as a result");
    assert!(callee.is_alive());
}

#[test]
fn what_harms_nobody_ends_no_session() {
    let router = Router::start(&[]);
    let mut peer = Peer::connect(router.address, Format::Json);
    // A feature that is a dictionary, as one implementation announces it, and one that is null.
    peer.text(
        r#"[1,"realm1",{"roles":{"caller":{"features":{"x_limits":{"calls":5},"call_canceling":true}},
        "callee":{"features":null},"publisher":{"features":{"a":1}}}}]"#,
    );
    assert!(matches!(peer.receive(), Message::Welcome { .. }));
    peer.text(r#"[64,1,null,"a.b"]"#);
    assert!(matches!(peer.receive(), Message::Registered { .. }));
    // Options that a program in JavaScript has not set.
    peer.text(r#"[32,2,{"match":null,"get_retained":null},"a.c"]"#);
    assert!(matches!(peer.receive(), Message::Subscribed { .. }));
    for (format, undefined) in [
        (
            Format::MessagePack,
            &b"\x94\x20\x01\x81\xa5match\xd4\0\0\xa3a.c"[..],
        ),
        (
            Format::Cbor,
            &b"\x84\x18\x20\x01\xa1\x65match\xf7\x63a.c"[..],
        ),
    ] {
        let mut other = Peer::join_as(router.address, format);
        send(&mut other, undefined.to_vec());
        assert!(
            matches!(other.receive(), Message::Subscribed { .. }),
            "{format:?}"
        );
    }
    let mut caller = Peer::join(router.address);
    for (answer, wanted) in [
        // Null where there are no arguments.
        (r#"[70,ID,{},[1],null]"#, "RESULT"),
        (r#"[70,ID,null,null,{"a":1}]"#, "RESULT"),
        (r#"[8,68,ID,{},"a.b",null,null]"#, "ERROR"),
        // A name that is none.
        (r#"[8,68,ID,{},"my error: it failed",["why"]]"#, "ERROR"),
    ] {
        let payload = Payload::empty();
        caller.start_call("a.b", Dict::new(), payload);
        let Message::Invocation { request, .. } = peer.receive() else {
            panic!("no INVOCATION");
        };
        peer.text(&answer.replace("ID", &request.to_string()));
        let got = caller.receive();
        assert_eq!(got.name(), wanted, "{answer}");
        if let Message::Error { error, .. } = got
            && answer.contains("why")
        {
            assert_eq!(error, "my_error:_it_failed");
        }
    }
    assert!(caller.is_alive());
}
