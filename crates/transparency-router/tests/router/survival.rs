//! What a router must survive: each against a running
//! router, while a well-behaved pair continues calling.
//!
//! One file, since every test is one attack on one router.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Peer, Router, eventually, id, masked_frame, survives, uri};
use transparency_middleware::messages::{Dict, Format, Message, Payload};

const VIOLATION: &str = "wamp.error.protocol_violation";

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn hundreds_of_half_open_upgrades_end_when_their_time_is_over() {
    survives(&["--patience", "1"], |router| {
        let mut sockets: Vec<TcpStream> = (0..300)
            .map(|n| {
                let mut socket = TcpStream::connect(router.address).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let half = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n";
                socket
                    .write_all(&half.as_bytes()[..n % half.len()])
                    .unwrap();
                socket
            })
            .collect();
        for socket in &mut sockets {
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn an_upgrade_that_comes_byte_by_byte_has_no_longer_than_others() {
    survives(&["--patience", "1"], |router| {
        let mut socket = TcpStream::connect(router.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let began = Instant::now();
        let mut piece = [0; 256];
        let answer = loop {
            socket.write_all(b"x").unwrap();
            match socket.read(&mut piece) {
                Ok(count) => break String::from_utf8_lossy(&piece[..count]).to_string(),
                Err(_) => assert!(began.elapsed() < PATIENCE, "it is still read"),
            }
        };
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_hello_that_comes_byte_by_byte_has_no_longer_than_others() {
    survives(&["--patience", "1"], |router| {
        let mut slow = Peer::connect(router.address, Format::Json);
        // The head of a masked frame of 1 MiB, and then one byte after the other.
        let mut head = vec![0x81, 0xff];
        head.extend_from_slice(&(1_u64 << 20).to_be_bytes());
        slow.raw(&head);
        let took = drips_until_the_end(&slow);
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_session_that_has_ended_cannot_stay_by_sending_a_frame_byte_by_byte() {
    survives(&[], |router| {
        let mut head = vec![0x81, 0xff];
        head.extend_from_slice(&(1_u64 << 20).to_be_bytes());
        // It was ended for what it sent, and by another session while its frame was in flight.
        let mut ended = Peer::join(router.address);
        ended.text("[]");
        ended.raw(&head);
        let took = drips_until_the_end(&ended);
        assert!(took < Duration::from_secs(6), "{took:?}");
    });
}

/// Sends a byte every 50 ms until the other side has had enough, for as long as a test is patient.
pub fn drips_until_the_end(peer: &Peer) -> Duration {
    let began = Instant::now();
    let mut socket = peer.socket.get_ref();
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut piece = [0; 4096];
    loop {
        // Its answer and its close frame come first. A connection that is closed for writing as
        // well is reset by what comes.
        if socket.write_all(b"x").is_err() {
            return began.elapsed();
        }
        match socket.read(&mut piece) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                return began.elapsed();
            }
            Ok(0) => thread::yield_now(),
            _ => {}
        }
        assert!(began.elapsed() < PATIENCE, "it is still read");
    }
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_client_that_says_no_hello_is_told_so_and_closed() {
    survives(&["--patience", "1"], |router| {
        let mut silent = Peer::connect(router.address, Format::Json);
        assert_eq!(
            silent.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1002))
        );
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_session_that_never_reads_is_evicted_with_a_reason_and_a_bounded_memory() {
    let args = ["--max-waiting", "1048576", "--metrics", "127.0.0.1:0"];
    survives(&args, |router| {
        let evicted = router.counter("wamp_sessions_evicted_total");
        let mut deaf = Peer::join(router.address);
        deaf.subscribe("news");
        let mut reader = Peer::join(router.address);
        reader.subscribe("news");
        let before = router.status("VmHWM");
        let address = router.address;
        let text = "x".repeat(16 * 1024);
        // 64 MiB of events: far above what the sockets' own buffers take. At most 16 are on their
        // way to the reader, so that it cannot be outrun.
        let (read, may_publish) = mpsc::sync_channel(16);
        let publisher = thread::spawn(move || {
            let mut publisher = Peer::join(address);
            for request in 1..=4096_u64 {
                may_publish.recv().unwrap();
                publisher.send(&Message::Publish {
                    request: id(request),
                    options: Dict::new(),
                    topic: uri("news"),
                    payload: Payload::new(Format::Json, &[&text]).unwrap(),
                });
            }
            publisher.is_alive()
        });
        for _ in 0..16 {
            read.send(()).unwrap();
        }
        for _ in 0..4096 {
            assert!(matches!(reader.receive(), Message::Event { .. }));
            // The publisher has gone when it has published all.
            let _enough = read.send(());
        }
        assert!(publisher.join().unwrap());
        let grown = router.status("VmHWM").saturating_sub(before);
        assert!(grown < 16 * 1024, "the router grew by {grown} KiB");
        assert_eq!(router.counter("wamp_sessions_evicted_total"), evicted + 1);
        // What it did not read in time is lost; what it still gets ends with the reason, if its own
        // system had room for that. The next test has one that reads it.
        let (reason, _) = deaf.read_to_end();
        assert!(
            reason
                .as_ref()
                .is_none_or(|reason| reason == "wamp.error.unavailable"),
            "{reason:?}"
        );
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_slow_session_that_wakes_up_in_time_reads_why_it_was_evicted() {
    survives(
        &["--max-waiting", "65536", "--max-message", "33554432"],
        |router| {
            let mut slow = Peer::join(router.address);
            slow.subscribe("news");
            let mut publisher = Peer::join(router.address);
            // The first fills the sockets' buffers, the second waits, the third is too much.
            for size in [24 << 20, 1000, 70_000, 1000] {
                let request = publisher.next_id();
                publisher.send(&Message::Publish {
                    request: id(request),
                    options: Dict::new().with("acknowledge", true),
                    topic: uri("news"),
                    payload: Payload::new(Format::Json, &["x".repeat(size)]).unwrap(),
                });
                assert!(matches!(publisher.receive(), Message::Published { .. }));
            }
            let (reason, code) = slow.read_to_end();
            assert_eq!(reason.as_deref(), Some("wamp.error.unavailable"));
            assert_eq!(code, Some(1000));
        },
    );
}

#[test]
fn text_that_is_no_message_ends_its_session_with_a_reason() {
    survives(&[], |router| {
        for text in [
            "",
            " ",
            "x",
            "{",
            "[",
            "]",
            "[]",
            "{}",
            "null",
            "true",
            "1",
            "\"\"",
            "[1",
            "[48,1,{}",
            "[null]",
            "[[]]",
            "[-1]",
            "[0]",
            "[7,1]",
            "[48]",
            "[48,1]",
            "[48,1,{}]",
            "[256,1]",
            "[99999999999999999999]",
            "[48,1,{},\"a.b\",[],{},1]",
            "[48,1,{},\"a.b\",{}]",
            "[48,1,[],\"a.b\"]",
            "[48,1,{},7]",
        ] {
            let mut peer = Peer::join(router.address);
            peer.text(text);
            let (reason, code) = peer.read_to_end();
            assert_eq!(
                (reason.as_deref(), code),
                (Some(VIOLATION), Some(1000)),
                "{text}"
            );
        }
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn ids_that_are_none_end_their_session() {
    survives(&[], |router| {
        for id in [
            "\"1\"",
            "1.0",
            "1.5",
            "-1",
            "0",
            "9007199254740993",
            "1e3",
            "null",
            "true",
            "[]",
            "{}",
            "18446744073709551616",
            "-9223372036854775809",
        ] {
            for text in [
                format!("[48,{id},{{}},\"a.b\"]"),
                format!("[70,{id},{{}}]"),
                format!("[66,1,{id}]"),
                format!("[16,1,{{\"exclude\":[{id}]}},\"a.b\"]"),
            ] {
                let mut peer = Peer::join(router.address);
                peer.text(&text);
                let (reason, _) = peer.read_to_end();
                assert_eq!(reason.as_deref(), Some(VIOLATION), "{text}");
            }
        }
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn ids_may_be_skipped_and_used_again_but_not_while_their_call_is_under_way() {
    survives(&[], |router| {
        let mut callee = Peer::join(router.address);
        callee.register("slow", "{}");
        let mut caller = Peer::join(router.address);
        for id in [7, 7, 1, 9_007_199_254_740_992_u64, 3] {
            caller.text(&format!("[48,{id},{{}},\"none\"]"));
            let Message::Error { request, error, .. } = caller.receive() else {
                panic!("an ERROR was expected");
            };
            assert_eq!(
                (request.get(), error.as_str()),
                (id, "wamp.error.no_such_procedure")
            );
        }
        caller.text("[48,5,{},\"slow\"]");
        assert!(matches!(callee.receive(), Message::Invocation { .. }));
        caller.text("[48,5,{},\"slow\"]");
        assert_eq!(caller.read_to_end().0.as_deref(), Some(VIOLATION));
        assert!(matches!(callee.receive(), Message::Interrupt { .. }));
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn bad_uris_are_answered_and_the_session_goes_on() {
    survives(&[], |router| {
        let mut peer = Peer::join(router.address);
        for (code, options) in [
            (48, "{}"),
            (64, "{}"),
            (32, "{}"),
            (16, "{\"acknowledge\":true}"),
        ] {
            for uri in ["", ".", "a..b", "a b", "a.b#", ".a", "a.", "a\\tb", "wamp."] {
                peer.text(&format!("[{code},5,{options},\"{uri}\"]"));
                let Message::Error { error, request, .. } = peer.receive() else {
                    panic!("an ERROR was expected");
                };
                assert_eq!(
                    (request.get(), error.as_str()),
                    (5, "wamp.error.invalid_uri"),
                    "{uri}"
                );
            }
        }
        // Who wants no answer to what it publishes gets none,
        // and no other message comes before the next answer.
        peer.text("[16,5,{},\"a..b\"]");
        peer.text("[16,6,{\"acknowledge\":false},\"a b\",[1]]");
        assert!(peer.is_alive());
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn binary_on_a_json_session_and_text_on_a_binary_one_end_it() {
    survives(&[], |router| {
        let mut json = Peer::join(router.address);
        json.socket
            .send(tungstenite::Message::binary(&b"[48]"[..]))
            .unwrap();
        assert_eq!(
            json.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1003))
        );
        for format in [Format::MessagePack, Format::Cbor] {
            let mut peer = Peer::join_as(router.address, format);
            peer.text("[48,1,{},\"a.b\"]");
            assert_eq!(
                peer.read_to_end(),
                (Some(VIOLATION.to_string()), Some(1003))
            );
        }
    });
}

#[test]
fn invalid_utf8_ends_its_session() {
    survives(&[], |router| {
        let mut peer = Peer::join(router.address);
        peer.raw(&masked_frame(0x81, b"[48,1,{},\"a.\xff\"]"));
        assert_eq!(
            peer.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1007))
        );
        // 0xa3 0xff: a text of three bytes in MessagePack that are not valid UTF-8.
        let mut peer = Peer::join_as(router.address, Format::MessagePack);
        peer.raw(&masked_frame(0x82, b"\x94\x30\x01\x80\xa3a.\xff"));
        assert_eq!(peer.read_to_end().0.as_deref(), Some(VIOLATION));
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn fifty_thousand_nested_lists_are_refused_at_once() {
    survives(&[], |router| {
        let mut callee = Peer::join(router.address);
        callee.register("deep", "{}");
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let dicts = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
        for text in [
            deep.clone(),
            format!("[48,1,{{}},\"deep\",{deep}]"),
            format!("[48,1,{{}},\"deep\",[],{dicts}]"),
            format!("[48,1,{dicts},\"deep\"]"),
        ] {
            let mut peer = Peer::join(router.address);
            let began = Instant::now();
            peer.text(&text);
            assert_eq!(peer.read_to_end().0.as_deref(), Some(VIOLATION));
            assert!(
                began.elapsed() < Duration::from_secs(2),
                "{:?}",
                began.elapsed()
            );
        }
        for (format, first) in [(Format::MessagePack, 0x91), (Format::Cbor, 0x81)] {
            let mut peer = Peer::join_as(router.address, format);
            peer.raw(&masked_frame(0x82, &[first; 50_000]));
            assert_eq!(peer.read_to_end().0.as_deref(), Some(VIOLATION));
        }
        assert!(callee.is_alive());
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn an_oversize_message_ends_its_session_with_close_code_1009() {
    survives(&["--max-message", "65536"], |router| {
        let mut peer = Peer::join(router.address);
        let text = format!("[48,1,{{}},\"none\",[\"{}\"]]", "x".repeat(60_000));
        peer.text(&text);
        assert!(matches!(peer.receive(), Message::Error { .. }));
        peer.text(&"x".repeat(65_537));
        assert_eq!(
            peer.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1009))
        );
        // The head alone says 2^62 bytes.
        let mut peer = Peer::join(router.address);
        let mut head = vec![0x81, 0xff];
        head.extend_from_slice(&(1_u64 << 62).to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        peer.raw(&head);
        assert_eq!(
            peer.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1009))
        );
        // In fragments, each small.
        let mut peer = Peer::join(router.address);
        peer.raw(&masked_frame(0x01, &[b'x'; 40_000]));
        peer.raw(&masked_frame(0x00, &[b'x'; 40_000]));
        assert_eq!(
            peer.read_to_end(),
            (Some(VIOLATION.to_string()), Some(1009))
        );
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn large_messages_are_not_taken_apart_by_the_router() {
    survives(&[], |router| {
        const COUNT: usize = 4 << 20;
        let before = router.status("VmHWM");
        // [1, 1, 1, ...] in MessagePack: a byte each here,
        // and a value each where somebody reads them.
        let mut list = vec![0xdd];
        list.extend_from_slice(&u32::try_from(COUNT).unwrap().to_be_bytes());
        list.resize(list.len() + COUNT, 1);
        let framed = |parts: &[&[u8]]| masked_frame(0x82, &parts.concat());
        let mut peer = Peer::join_as(router.address, Format::MessagePack);
        for (name, error) in [
            (
                &b"\xb2wamp.session.count"[..],
                "wamp.error.invalid_argument",
            ),
            (&b"\xacwamp.nothing"[..], "wamp.error.no_such_procedure"),
        ] {
            // [48, 7, {}, name, list]
            peer.raw(&framed(&[b"\x95\x30\x07\x80", name, &list]));
            let Message::Error { error: said, .. } = peer.receive() else {
                panic!("an ERROR was expected");
            };
            assert_eq!(said.as_str(), error);
        }
        // [16, 1, {"exclude": list}, "a.b"], and [1, "realm1", {"authmethods": list}]
        let mut publisher = Peer::join_as(router.address, Format::MessagePack);
        publisher.raw(&framed(&[
            b"\x94\x10\x01\x81\xa7exclude",
            &list,
            b"\xa3a.b",
        ]));
        let mut joining = Peer::connect(router.address, Format::MessagePack);
        joining.raw(&framed(&[b"\x93\x01\xa6realm1\x81\xabauthmethods", &list]));
        for mut peer in [publisher, joining] {
            assert_eq!(peer.read_to_end().0.as_deref(), Some(VIOLATION));
        }
        // A list of all the sessions that there may be is read.
        let ids: Vec<u64> = (0..10_000).map(|id| (1 << 53) - id).collect();
        let mut publisher = Peer::join(router.address);
        publisher.text(&format!(
            "[16,1,{{\"acknowledge\":true,\"eligible\":{ids:?}}},\"a.b\"]"
        ));
        assert!(matches!(publisher.receive(), Message::Published { .. }));
        // The messages as they came, and no values.
        let grown = router.status("VmHWM").saturating_sub(before);
        assert!(grown < 48 * 1024, "the router grew by {grown} KiB");
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn messages_out_of_their_place_end_their_session() {
    survives(&[], |router| {
        let hello = r#"[1,"realm1",{"roles":{"caller":{}}}]"#;
        for text in [
            r#"[48,1,{},"a.b"]"#,
            r#"[64,1,{},"a.b"]"#,
            r#"[6,{},"wamp.close.close_realm"]"#,
            r#"[5,"x",{}]"#,
            r#"[2,1,{"roles":{"broker":{}}}]"#,
            "[]",
        ] {
            let mut peer = Peer::connect(router.address, Format::Json);
            peer.text(text);
            assert_eq!(
                peer.read_to_end().0.as_deref(),
                Some(VIOLATION),
                "before HELLO: {text}"
            );
        }
        for text in [
            hello,
            r#"[2,1,{"roles":{"broker":{}}}]"#,
            r#"[4,"ticket",{}]"#,
            r#"[5,"x",{}]"#,
            "[17,1,1]",
            "[33,1,1]",
            "[35,1]",
            "[36,1,1,{}]",
            "[50,1,{}]",
            "[65,1,1]",
            "[67,1]",
            "[68,1,1,{}]",
            "[69,1,{}]",
            r#"[8,48,1,{},"a.b"]"#,
        ] {
            let mut peer = Peer::join(router.address);
            peer.text(text);
            assert_eq!(
                peer.read_to_end().0.as_deref(),
                Some(VIOLATION),
                "after HELLO: {text}"
            );
        }
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn an_answer_to_an_invocation_that_is_not_the_sessions_reaches_nobody() {
    survives(&[], |router| {
        let mut callee = Peer::join(router.address);
        callee.register("slow", "{}");
        let mut caller = Peer::join(router.address);
        let request = caller.start_call("slow", Dict::new(), Payload::empty());
        let Message::Invocation {
            request: invocation,
            ..
        } = callee.receive()
        else {
            panic!("an INVOCATION was expected");
        };
        // Another session answers it: to it this invocation is unknown.
        let mut other = Peer::join(router.address);
        other.text(&format!("[70,{invocation},{{}},[\"wrong\"]]"));
        assert_eq!(other.read_to_end().0.as_deref(), Some(VIOLATION));
        caller.text(&format!("[49,{request},{{\"mode\":\"killnowait\"}}]"));
        let Message::Error { error, .. } = caller.receive() else {
            panic!("an ERROR was expected");
        };
        assert_eq!(error.as_str(), "wamp.error.canceled");
        // The callee's answer comes after the call was
        // cancelled: dropped, and the session continues.
        assert!(matches!(callee.receive(), Message::Interrupt { .. }));
        callee.text(&format!("[70,{invocation},{{}},[\"late\"]]"));
        assert!(callee.is_alive());
        assert!(caller.is_alive());
        callee.text("[70,99,{}]");
        assert_eq!(callee.read_to_end().0.as_deref(), Some(VIOLATION));
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn who_leaves_in_a_call_leaves_nobody_waiting() {
    survives(&[], |router| {
        let mut callee = Peer::join(router.address);
        callee.register("slow", "{}");
        // The caller's connection breaks: the callee is interrupted.
        let mut caller = Peer::join(router.address);
        caller.start_call("slow", Dict::new(), Payload::empty());
        let Message::Invocation { request, .. } = callee.receive() else {
            panic!("an INVOCATION was expected");
        };
        drop(caller);
        let Message::Interrupt {
            request: interrupted,
            ..
        } = callee.receive()
        else {
            panic!("an INTERRUPT was expected");
        };
        assert_eq!(interrupted, request);
        // The callee's connection breaks: the caller is answered, at once.
        let mut caller = Peer::join(router.address);
        caller.start_call("slow", Dict::new(), Payload::empty());
        assert!(matches!(callee.receive(), Message::Invocation { .. }));
        let began = Instant::now();
        drop(callee);
        let Message::Error { error, .. } = caller.receive() else {
            panic!("an ERROR was expected");
        };
        assert_eq!(error.as_str(), "wamp.error.canceled");
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            caller.call("slow", 1),
            Err("wamp.error.no_such_procedure".to_string())
        );
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn callees_that_register_and_leave_at_any_moment_leave_no_ghost() {
    survives(&[], |router| {
        let address = router.address;
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                thread::spawn(move || {
                    for round in 0..60 {
                        let mut peer = Peer::join(address);
                        let text = "[64,1,{\"invoke\":\"roundrobin\"},\"raced\"]";
                        match (racer + round) % 4 {
                            // Gone before the answer, after it, in
                            // the middle of a frame, with GOODBYE.
                            0 => peer.text(text),
                            1 => {
                                peer.text(text);
                                peer.receive();
                            }
                            2 => {
                                let frame = masked_frame(0x81, text.as_bytes());
                                peer.raw(&frame[..frame.len() / 2]);
                            }
                            _ => {
                                peer.text(text);
                                peer.text("[6,{},\"wamp.close.close_realm\"]");
                                peer.read_to_end();
                            }
                        }
                    }
                })
            })
            .collect();
        let mut caller = Peer::join(address);
        let mut asked = 0;
        while racers.iter().any(|racer| !racer.is_finished()) {
            // No callee ever answers, so each call ends
            // with an error, whatever happens to be there.
            let error = caller.call("raced", 1).unwrap_err();
            assert!(
                ["wamp.error.no_such_procedure", "wamp.error.canceled"].contains(&error.as_str()),
                "{error}"
            );
            asked += 1;
        }
        for racer in racers {
            racer.join().unwrap();
        }
        assert!(asked > 0);
        eventually("nobody serves the procedure", || {
            caller.call("raced", 1) == Err("wamp.error.no_such_procedure".to_string())
        });
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_flood_of_calls_is_answered_or_refused_call_by_call() {
    survives(&[], |router| {
        let mut callee = Peer::join(router.address);
        callee.register("flooded", "{}");
        let callee = thread::spawn(move || {
            while let Ok(Message::Invocation {
                request, payload, ..
            }) = callee.try_receive()
            {
                let options = Dict::new();
                callee.send(&Message::Yield {
                    request,
                    options,
                    payload,
                });
            }
        });
        let address = router.address;
        let floods: Vec<_> = (0..2)
            .map(|_| {
                thread::spawn(move || {
                    const CALLS: u64 = 20_000;
                    let mut reader = Peer::join(address);
                    let stream = reader.socket.get_ref().try_clone().unwrap();
                    let writer = thread::spawn(move || {
                        let mut stream = stream;
                        for request in 1..=CALLS {
                            let text = format!("[48,{request},{{}},\"flooded\",[{request}]]");
                            stream
                                .write_all(&masked_frame(0x81, text.as_bytes()))
                                .unwrap();
                        }
                    });
                    let mut answered = vec![false; usize::try_from(CALLS).unwrap() + 1];
                    for _ in 0..CALLS {
                        let request = match reader.receive() {
                            Message::Result {
                                request, payload, ..
                            } => {
                                assert_eq!(payload.args::<(u64,)>().unwrap().0, request.get());
                                request
                            }
                            Message::Error { request, error, .. } => {
                                assert_eq!(error.as_str(), "wamp.error.unavailable");
                                request
                            }
                            other => panic!("neither RESULT nor ERROR: {other:?}"),
                        };
                        let place = &mut answered[usize::try_from(request.get()).unwrap()];
                        assert!(!*place, "{request} is answered twice");
                        *place = true;
                    }
                    writer.join().unwrap();
                })
            })
            .collect();
        for flood in floods {
            flood.join().unwrap();
        }
        drop(callee);
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn sigterm_says_goodbye_to_all_and_ends_at_once() {
    let router = Router::start(&[]);
    let mut sessions: Vec<Peer> = (0..100).map(|_| Peer::join(router.address)).collect();
    // One that does not read does not hold up the end.
    let mut deaf = Peer::join(router.address);
    deaf.subscribe("news");
    // One reads late, and megabytes wait for it before its GOODBYE.
    let mut late = Peer::join(router.address);
    late.subscribe("late");
    let mut publisher = Peer::join(router.address);
    publisher.send(&Message::Publish {
        request: id(1),
        options: Dict::new().with("acknowledge", true),
        topic: uri("late"),
        payload: Payload::new(Format::Json, &["x".repeat(14 << 20)]).unwrap(),
    });
    assert!(matches!(publisher.receive(), Message::Published { .. }));
    let address = router.address;
    let ends = thread::spawn(move || router.terminate());
    // One comes back at once when it is told to go, as a client that keeps its registrations does.
    assert!(matches!(publisher.receive(), Message::Goodbye { .. }));
    let _turned_away = TcpStream::connect(address).map(|mut again| again.read(&mut [0]));
    let (reason, code) = late.read_to_end();
    assert_eq!(reason.as_deref(), Some("wamp.close.system_shutdown"));
    assert_eq!(code, Some(1000));
    let (status, took, said) = ends.join().unwrap();
    assert!(status.success(), "{status}: {said}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    for session in &mut sessions {
        let (reason, code) = session.read_to_end();
        assert_eq!(reason.as_deref(), Some("wamp.close.system_shutdown"));
        assert_eq!(code, Some(1000));
    }
}
