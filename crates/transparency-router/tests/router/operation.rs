//! Running it: addresses, logs, signals, settings, counters.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use transparency_middleware::messages::{Dict, Format, Message, Payload};

use crate::program::{REALMS, SECRETS, authenticate, challenge, file, path, reason};
use crate::support::{PATIENCE, Peer, Router, eventually, http, id};

#[test]
fn it_listens_on_ipv6_and_at_another_path() {
    let router = Router::start(&["--host", "::1", "--path", "/wamp"]);
    assert!(router.address.is_ipv6());
    let get = |path: &str| {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
        let mut socket = TcpStream::connect(router.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: [::1]\r\n{upgrade}");
        socket.write_all(request.as_bytes()).unwrap();
        let mut start = [0; 12];
        socket.read_exact(&mut start).unwrap();
        String::from_utf8(start.to_vec()).unwrap()
    };
    assert_eq!(get("/wamp"), "HTTP/1.1 101");
    assert_eq!(get("/ws"), "HTTP/1.1 404");
    let address = router.address;
    let (_, _, said) = router.terminate();
    assert!(said.contains(&format!("ws://{address}/wamp")), "{said}");
}

#[test]
fn who_is_connected_from_where_is_told() {
    let router = Router::start(&["--metrics", "127.0.0.1:0"]);
    let mut peer = Peer::join_as(router.address, Format::Cbor);
    let payload = Payload::new(Format::Cbor, &[peer.session]).unwrap();
    peer.start_call("wamp.session.get", Dict::new(), payload);
    let Message::Result { payload, .. } = peer.receive() else {
        panic!("a RESULT was expected");
    };
    let (details,) = payload.args::<(Dict,)>().unwrap();
    let transport = details.dict("transport").unwrap();
    let address = peer.socket.get_ref().local_addr().unwrap();
    assert_eq!(
        transport.str("peer"),
        Some(format!("tcp4:{address}").as_str())
    );
    assert_eq!(transport.str("protocol"), Some("wamp.2.cbor"));
    let text = http(
        router.metrics_address(),
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    let line = "wamp_address_connections{address=\"127.0.0.1\"} 1";
    assert!(text.lines().any(|one| one == line), "{text}");
}

#[test]
fn joins_leaves_aborts_and_refusals_are_logged_from_their_level_on() {
    for (level, joins, refusals) in [
        ("info", true, true),
        ("warn", false, true),
        ("error", false, false),
    ] {
        let router = Router::start(&["--log", level]);
        let address = router.address;
        let mut peer = Peer::join(address);
        let session = peer.session;
        peer.text("[6,{},\"wamp.close.close_realm\"]");
        peer.read_to_end();
        let mut breaks = Peer::connect(address, Format::Json);
        breaks.text("[]");
        breaks.read_to_end();
        let answer = http(address, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        let (_, _, said) = router.terminate();
        for (line, wanted) in [
            ("joined realm1 as".to_string(), joins),
            (format!("left, session {session}"), joins),
            (
                "was sent ABORT, wamp.error.protocol_violation".to_string(),
                refusals,
            ),
            ("was refused: 404".to_string(), refusals),
        ] {
            assert_eq!(said.contains(&line), wanted, "{level}, {line}: {said}");
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_at_the_start() {
    for (args, said) in [
        (&["--max-message", "0"][..], "--max-message 0 is too little"),
        (&["--max-waiting", "10"], "--max-waiting 10 is too little"),
        (&["--max-memory", "1000"], "--max-memory 1000 is too little"),
        (
            &["--max-message", "100000000"],
            "more than a quarter of --max-memory",
        ),
        (&["--max-sessions", "0"], "--max-sessions 0 is too little"),
        (&["--max-calls", "0"], "--max-calls 0 is too little"),
        (
            &["--max-per-address", "0"],
            "--max-per-address 0 is too little",
        ),
        (&["--path", "ws"], "--path ws is not the path of a URL"),
        (&["--path", "/a b"], "is not the path of a URL"),
        (&["--origin", "http://example.org/"], "is not an origin"),
        (&["--origin", "*"], "is not an origin"),
        (&["--log", "loud"], "error, warn or info"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_transparency-router"))
            .args(["--port", "0"])
            .args(args)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[test]
fn sighup_reads_the_files_again_and_no_session_is_lost() {
    let (realms, secrets) = (file(REALMS), file(SECRETS));
    let router = Router::start(&["--config", path(&realms), "--secrets", path(&secrets)]);
    let mut guest = Peer::join(router.address);
    let may_subscribe = |guest: &mut Peer| {
        guest.text("[32,1,{},\"com.new.topic\"]");
        matches!(guest.receive(), Message::Subscribed { .. })
    };
    assert!(!may_subscribe(&mut guest));

    // A mistake changes nothing.
    std::fs::write(realms.path(), "[realms").unwrap();
    router.signal("HUP");
    assert!(!may_subscribe(&mut guest));

    let more = REALMS.replace("com.open.", "com.new.")
        + "\n[realms.realm2]\nanonymous = \"guest\"\n[realms.realm2.roles]\nguest = []\n";
    std::fs::write(realms.path(), more).unwrap();
    std::fs::write(secrets.path(), SECRETS.replace("open sesame", "new ticket")).unwrap();
    router.signal("HUP");
    eventually("the new permissions hold", || may_subscribe(&mut guest));
    let mut joe = Peer::connect(router.address, Format::Json);
    challenge(&mut joe, "ticket", "joe");
    assert!(matches!(
        authenticate(&mut joe, "new ticket"),
        Message::Welcome { .. }
    ));
    let mut other = Peer::connect(router.address, Format::Json);
    other.text(r#"[1,"realm2",{"roles":{"caller":{}}}]"#);
    assert!(matches!(other.receive(), Message::Welcome { .. }));

    // A realm that is gone takes nobody in, and those who are there stay.
    std::fs::write(realms.path(), REALMS).unwrap();
    router.signal("HUP");
    eventually("nobody may join the realm that is gone", || {
        let mut late = Peer::connect(router.address, Format::Json);
        late.text(r#"[1,"realm2",{"roles":{"caller":{}}}]"#);
        match late.receive() {
            Message::Welcome { .. } => false,
            answer => reason(&answer) == "wamp.error.no_such_realm",
        }
    });
    other.text("[48,1,{},\"wamp.session.count\"]");
    assert!(matches!(other.receive(), Message::Error { .. }));
    let (status, _, said) = router.terminate();
    assert!(status.success());
    assert!(
        said.contains("the files stay as they were read before"),
        "{said}"
    );
}

#[test]
fn an_upgrade_may_offer_other_protocols_and_too_many_fields_are_said_to_be_too_many() {
    let router = Router::start(&[]);
    let mut socket = TcpStream::connect(router.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, websocket\r\nConnection: keep-alive, Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let mut start = [0; 12];
    socket.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");
    let fields: String = (0..101)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect();
    let answer = http(router.address, &format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn clients_of_the_counters_that_are_slow_do_not_hold_up_others() {
    let router = Router::start(&["--metrics", "127.0.0.1:0"]);
    let address = router.metrics_address();
    let mut slow: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for socket in &mut slow {
        // Those that took longest are cut.
        let _cut = socket.write_all(b"G");
    }
    let began = Instant::now();
    for _ in 0..5 {
        let text = http(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(text.contains("wamp_sessions 0"), "{text}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn wrong_tickets_slow_down_the_address_that_they_come_from() {
    let (realms, secrets) = (file(REALMS), file(SECRETS));
    let router = Router::start(&[
        "--config",
        path(&realms),
        "--secrets",
        path(&secrets),
        "--patience",
        "1.5",
    ]);
    let began = Instant::now();
    let guesses: Vec<_> = (0..40)
        .map(|number| {
            let address = router.address;
            thread::spawn(move || {
                let mut peer = Peer::connect(address, Format::Json);
                challenge(&mut peer, "ticket", "joe");
                let answer = authenticate(&mut peer, &format!("guess {number}"));
                let Message::Abort { details, .. } = answer else {
                    panic!("no ABORT but {answer:?}");
                };
                details.str("message").unwrap().contains("too many wrong")
            })
        })
        .collect();
    let turned_away = guesses.into_iter().map(|guess| guess.join().unwrap());
    let turned_away = turned_away.filter(|away| *away).count();
    // 20 are looked at at once, and after that one a second.
    let looked_at = 40 - turned_away;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((20..=22 + seconds).contains(&looked_at), "{looked_at}");
    // Who needs no proof is not slowed down.
    let mut guest = Peer::join(router.address);
    guest.text(&format!("[34,{},1]", id(1)));
    assert!(matches!(guest.receive(), Message::Error { .. }));
}

#[test]
fn a_shortage_of_descriptors_is_told_once() {
    let router = Router::start(&[]);
    let limit = rustix::process::Rlimit {
        current: Some(30),
        maximum: Some(30),
    };
    let pid = rustix::process::Pid::from_raw(i32::try_from(router.pid()).unwrap());
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    let sockets: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(router.address).unwrap())
        .collect();
    // The thread that accepts, the first one, sleeps after each try. It continues when there are
    // descriptors again.
    let sleeps = || router.status("voluntary_ctxt_switches");
    let before = sleeps();
    eventually("it has tried again and again", || sleeps() >= before + 5);
    drop(sockets);
    Peer::join(router.address);
    let (_, _, said) = router.terminate();
    assert_eq!(said.matches("cannot accept clients").count(), 1, "{said}");
}
