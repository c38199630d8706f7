//! What the router must survive: clients that want its
//! memory or hold its realm, next to a well-behaved pair.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    PATIENCE, Peer, Router, id, masked_frame, survives, survives_without_a_long_call, uri,
};
use crate::survival::drips_until_the_end;
use transparency_middleware::messages::{Dict, Format, Message, Payload};

/// The router's `--max-memory` in the tests below, and what it is held to in KiB.
const MEMORY: (&str, u64) = ("67108864", 64 * 1024);

/// Publishes one text to `news`, and waits until the router says so.
fn publish(publisher: &mut Peer, text: &str) {
    let request = publisher.next_id();
    publisher.send(&Message::Publish {
        request: id(request),
        options: Dict::new().with("acknowledge", true),
        topic: uri("news"),
        payload: Payload::new(Format::Json, &[text]).unwrap(),
    });
    let answer = publisher.receive();
    assert!(matches!(answer, Message::Published { .. }), "{answer:?}");
}

/// Subscribers of `news` that never read, and whose systems take little for them.
fn deaf(router: &Router, count: usize) -> Vec<Peer> {
    let deaf = (0..count).map(|_| {
        let mut peer = Peer::join(router.address);
        let socket = socket2::SockRef::from(peer.socket.get_ref());
        socket.set_recv_buffer_size(4096).unwrap();
        peer.subscribe("news");
        peer
    });
    deaf.collect()
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_hundred_subscribers_that_never_read_stay_within_the_memory_of_the_router() {
    let args = ["--max-memory", MEMORY.0, "--metrics", "127.0.0.1:0"];
    survives(&args, |router| {
        let deaf = deaf(router, 100);
        let mut publisher = Peer::join(router.address);
        // 8 MB for each, and 800 MB for all.
        let text = "x".repeat(4000);
        for _ in 0..2000 {
            publish(&mut publisher, &text);
        }
        let most = router.status("VmHWM");
        assert!(most < MEMORY.1, "the router took {most} KiB");
        assert!(router.counter("wamp_sessions_evicted_total") > 0);
        assert_eq!(router.counter("wamp_memory_limit_bytes"), 32 * 1024 * 1024);
        drop(deaf);
    });
}

#[test]
fn one_large_event_for_a_hundred_that_never_read_is_kept_once() {
    let args = [
        "--max-memory",
        MEMORY.0,
        "--max-message",
        "8388608",
        "--metrics",
        "127.0.0.1:0",
    ];
    survives(&args, |router| {
        let deaf = deaf(router, 100);
        let evicted = router.counter("wamp_sessions_evicted_total");
        let mut publisher = Peer::join(router.address);
        publish(&mut publisher, &"x".repeat(8_000_000));
        let most = router.status("VmHWM");
        assert!(most < MEMORY.1, "the router took {most} KiB");
        assert_eq!(router.counter("wamp_sessions_evicted_total"), evicted);
        drop(deaf);
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn frames_that_are_begun_and_never_finished_cost_what_has_come_and_end_in_time() {
    let args = [
        "--max-memory",
        MEMORY.0,
        "--max-message",
        "8388608",
        "--patience",
        "1",
        "--metrics",
        "127.0.0.1:0",
    ];
    survives(&args, |router| {
        // Announced and not sent: nothing is kept.
        let mut head = vec![0x81, 0xff];
        head.extend_from_slice(&8_000_000_u64.to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        let mut begun: Vec<Peer> = (0..60).map(|_| Peer::join(router.address)).collect();
        let before = router.status("VmRSS");
        for peer in &mut begun {
            peer.raw(&head);
        }
        let grown = router.status("VmRSS").saturating_sub(before);
        assert!(grown < 8 * 1024, "announced lengths took {grown} KiB");
        // Sent, but for the end: 240 MB in all.
        let address = router.address;
        let some = vec![b' '; 4_000_000];
        for peer in &mut begun {
            // Some have been evicted by then.
            let _gone = peer.socket.get_mut().write_all(&some);
        }
        let most = router.status("VmHWM");
        assert!(most < MEMORY.1, "the router took {most} KiB");
        // The first have to end within a second and what their bytes give them; a new one cannot
        // stay by a byte at a time.
        let mut slow = Peer::join(address);
        slow.raw(&head);
        let took = drips_until_the_end(&slow);
        assert!(took < Duration::from_secs(6), "{took:?}");
    });
}

#[test]
fn names_of_a_megabyte_are_refused_and_not_repeated() {
    let args = ["--max-memory", MEMORY.0];
    survives(&args, |router| {
        let mut peer = Peer::join(router.address);
        let name = "x".repeat(1 << 20);
        for number in 1..=30 {
            for code in [32, 48, 64] {
                peer.text(&format!("[{code},{number},{{}},\"{name}\"]"));
                let answer = peer.receive();
                let Message::Error { error, payload, .. } = answer else {
                    panic!("an ERROR was expected");
                };
                assert_eq!(error.as_str(), "wamp.error.invalid_uri");
                let (why,) = payload.args::<(String,)>().unwrap();
                assert_eq!(
                    why,
                    format!(
                        "{}: has 1048576 bytes; a URI has at most 1024",
                        match code {
                            32 => "SUBSCRIBE",
                            48 => "CALL",
                            _ => "REGISTER",
                        }
                    )
                );
            }
        }
        let mut stranger = Peer::connect(router.address, Format::Json);
        stranger.text(&format!("[1,\"{name}\",{{}}]"));
        assert_eq!(stranger.read_to_end().1, Some(1009));
        let most = router.status("VmHWM");
        assert!(most < MEMORY.1, "the router took {most} KiB");
    });
}

#[test]
fn one_message_cannot_lock_the_realm_whatever_is_subscribed() {
    survives(&[], |router| {
        let mut subscribers: Vec<Peer> = (0..5).map(|_| Peer::join(router.address)).collect();
        for peer in &mut subscribers {
            for length in 1..=1001 {
                let name = "a".repeat(length);
                peer.text(&format!(
                    "[32,{length},{{\"match\":\"prefix\"}},\"{name}\"]"
                ));
                let refused = matches!(peer.receive(), Message::Error { .. });
                assert_eq!(refused, length > 1000, "{length}");
            }
        }
        let readers: Vec<_> = subscribers
            .into_iter()
            .map(|mut peer| {
                thread::spawn(move || {
                    for _ in 0..1000 * 3 {
                        assert!(matches!(peer.receive(), Message::Event { .. }));
                    }
                })
            })
            .collect();
        let mut publisher = Peer::join(router.address);
        for _ in 0..3 {
            publisher.text(&format!(
                "[16,1,{{\"acknowledge\":true}},\"{}\"]",
                "a".repeat(1024)
            ));
            assert!(matches!(publisher.receive(), Message::Published { .. }));
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_callee_that_never_reads_is_not_buried_under_calls() {
    survives(&["--max-waiting", "262144"], |router| {
        let mut deaf = Peer::join(router.address);
        deaf.register("deaf", "{}");
        let before = router.status("VmHWM");
        let mut caller = Peer::join(router.address);
        let payload = Payload::new(Format::Json, &["x".repeat(32 * 1024)]).unwrap();
        let mut refused = 0;
        // 32 MiB of arguments, most of which nobody takes.
        for request in 1..=1000_u64 {
            caller.send(&Message::Call {
                request: id(request),
                options: Dict::new(),
                procedure: uri("deaf"),
                payload: payload.clone(),
            });
            // The router answers this one after it has handled the call.
            caller.text("[48,5000,{},\"none\"]");
            loop {
                let Message::Error { request, error, .. } = caller.receive() else {
                    panic!("an ERROR was expected");
                };
                if request.get() == 5000 {
                    break;
                }
                assert_eq!(error.as_str(), "wamp.error.unavailable");
                refused += 1;
            }
        }
        assert!(refused > 500, "{refused} calls were refused");
        let grown = router.status("VmHWM").saturating_sub(before);
        assert!(grown < 16 * 1024, "the router grew by {grown} KiB");
    });
}

/// A session that sends these frames again and again for a while, and throws away what comes. When
/// the router has ended it, it joins anew: an attacker would.
fn floods(address: SocketAddr, until: Instant, frames: impl Fn(u64) -> String) {
    while let Some(mut peer) = Peer::join_until(address, until) {
        let socket = peer.socket.get_mut();
        socket.set_nonblocking(true).unwrap();
        let mut sink = vec![0; 64 * 1024];
        let mut request = 0;
        let mut frame = Vec::new();
        let mut written = 0;
        loop {
            if written == frame.len() {
                request += 1;
                frame = masked_frame(0x81, frames(request).as_bytes());
                written = 0;
            }
            match socket.write(&frame[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    thread::yield_now();
                }
                Err(_) => break,
            }
            match socket.read(&mut sink) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                _ => {}
            }
            if Instant::now() >= until {
                return;
            }
        }
    }
}

/// A session that asks for all the patterns that it may have and for a procedure, and reads nothing
/// from its beginning on.
fn fill(address: SocketAddr, until: Instant, number: usize) -> Option<Peer> {
    let mut peer = Peer::join_until(address, until)?;
    let socket = socket2::SockRef::from(peer.socket.get_ref());
    socket.set_recv_buffer_size(4096).unwrap();
    let mut frames = masked_frame(0x81, format!("[64,1,{{}},\"deaf.{number}\"]").as_bytes());
    frames.extend(masked_frame(0x81, b"[32,2,{},\"news\"]"));
    for length in 1..1000 {
        let name = "a".repeat(length);
        let request = length + 2;
        let message = format!("[32,{request},{{\"match\":\"prefix\"}},\"{name}\"]");
        frames.extend(masked_frame(0x81, message.as_bytes()));
    }
    // It may be ended before it has asked for all.
    let _ended = peer.socket.get_mut().write_all(&frames);
    Some(peer)
}

/// A hundred sessions that use every limit to the full, for some seconds.
fn besets(address: SocketAddr) {
    let until = Instant::now() + Duration::from_secs(4);
    thread::scope(|scope| {
        for number in 0..20 {
            // Patterns to the limit, and a procedure that never answers.
            scope.spawn(move || {
                let mut peer = fill(address, until, number);
                while let Some(full) = &mut peer {
                    if Instant::now() >= until {
                        break;
                    }
                    // A pong that nobody asked for, and that nobody answers (RFC 6455, 5.5.3):
                    // it fails when the router has ended the session.
                    let pong = masked_frame(0x8a, b"");
                    if full.socket.get_mut().write_all(&pong).is_err() {
                        peer = fill(address, until, number);
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            });
            // Events for all of those patterns.
            scope.spawn(move || {
                let topic = "a".repeat(1024);
                floods(address, until, |request| {
                    format!("[16,{request},{{}},\"{topic}\",[{request}]]")
                });
            });
            // Large events for those who never read.
            scope.spawn(move || {
                let text = "x".repeat(60_000);
                floods(address, until, |request| {
                    format!("[16,{request},{{}},\"news\",[\"{text}\"]]")
                });
            });
            // Calls to those who never answer.
            scope.spawn(move || {
                let text = "x".repeat(1000);
                floods(address, until, |request| {
                    format!("[48,{request},{{}},\"deaf.{number}\",[\"{text}\"]]")
                });
            });
            scope.spawn(move || match number % 4 {
                // Messages that are begun and never finished.
                0 | 1 => begins(address, until),
                // The dearest of the router's own procedures.
                2 => {
                    let roles = vec!["\"a\""; 3000].join(",");
                    floods(address, until, |request| {
                        format!("[48,{request},{{}},\"wamp.session.count\",[[{roles}]]]")
                    });
                }
                // Names that are too long.
                _ => {
                    let name = "x".repeat(1 << 18);
                    floods(address, until, |request| {
                        format!("[48,{request},{{}},\"{name}\"]")
                    });
                }
            });
        }
    });
}

/// Where the hundred find the router, in the process that plays them.
const ADDRESS: &str = "HOSTILE_SESSIONS_ADDRESS";

#[test]
#[ignore = "seconds each, one after the other; .ci/run survival"]
fn a_hundred_hostile_sessions_that_use_every_limit_to_the_full() {
    // A hundred threads with their work in progress take some 30 MiB, whatever the limit is.
    const MOST: (&str, u64) = ("134217728", 128 * 1024);
    if let Ok(address) = std::env::var(ADDRESS) {
        return besets(address.parse().unwrap());
    }
    let args = [
        "--max-memory",
        MOST.0,
        "--max-message",
        "8388608",
        "--metrics",
        "127.0.0.1:0",
    ];
    survives_without_a_long_call(&args, |router| {
        // They have a process of their own, as they would have a machine: here the pair would wait
        // for a lock of the allocator that is held by one of them without a processor. It has the
        // priority of this thread.
        let name = "memory::a_hundred_hostile_sessions_that_use_every_limit_to_the_full";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", name])
            .env(ADDRESS, router.address.to_string())
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        let most = router.status("VmHWM");
        eprintln!("the router took {most} KiB");
        assert!(most < MOST.1, "the router took {most} KiB");
        assert!(router.counter("wamp_sessions_evicted_total") > 0);
    });
}

/// Begins a message of 8 MB and sends half of it; then another session does.
fn begins(address: SocketAddr, until: Instant) {
    while let Some(mut peer) = Peer::join_until(address, until) {
        let mut head = vec![0x81, 0xff];
        head.extend_from_slice(&8_000_000_u64.to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        let socket = peer.socket.get_mut();
        head.extend_from_slice(&vec![b' '; 4_000_000]);
        // It may be ended in the middle.
        let _ended = socket.write_all(&head);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let _closed = socket.read(&mut [0; 1024]);
    }
}
