//! The router as a program: what it says, who it lets in, what it serves next to WAMP.
//!
//! One file, since every test talks with one router, byte by byte.

use std::collections::HashSet;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Peer, Router, http, id, uri};
use tempfile::NamedTempFile;
use transparency_middleware::auth;
use transparency_middleware::messages::{Dict, Format, Message, Payload, Value};
use tungstenite::protocol::{CloseFrame, WebSocket};

/// A file of the test's own.
pub fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

pub fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

pub const REALMS: &str = r#"
[realms.realm1]
anonymous = "guest"

[[realms.realm1.roles.guest]]
uri = "com.open."
match = "prefix"
allow = ["call", "subscribe"]

[[realms.realm1.roles.service]]
uri = "com."
match = "prefix"
allow = ["call", "register", "publish", "subscribe"]

[[realms.realm1.roles.service]]
uri = "com.secret"
allow = []
"#;

pub const SECRETS: &str = r#"
[[principals]]
realm = "realm1"
authid = "joe"
role = "service"
ticket = "open sesame"

[[principals]]
realm = "realm1"
authid = "ann"
role = "service"
secret = "s3cret"

[[principals]]
realm = "realm1"
authid = "sal"
role = "service"
secret = "s3cret"
salt = "salt123"
iterations = 100
keylen = 32
"#;

/// Says HELLO as somebody; gives the challenge's extra.
pub fn challenge(peer: &mut Peer, method: &str, authid: &str) -> Dict {
    let details = Dict::new()
        .with("authmethods", vec![method])
        .with("authid", authid);
    match peer.hello(details) {
        Message::Challenge {
            method: said,
            extra,
        } => {
            assert_eq!(said, method);
            extra
        }
        other => panic!("no CHALLENGE but {other:?}"),
    }
}

pub fn authenticate(peer: &mut Peer, signature: &str) -> Message {
    peer.send(&Message::Authenticate {
        signature: signature.to_string(),
        extra: Dict::new(),
    });
    peer.receive()
}

pub fn reason(message: &Message) -> &str {
    match message {
        Message::Abort { reason, .. } => reason.as_str(),
        other => panic!("no ABORT but {other:?}"),
    }
}

#[test]
fn it_is_ready_within_fifty_milliseconds_and_says_where() {
    // The best of five: the machine may be busy.
    let times = (0..5).map(|_| {
        let began = Instant::now();
        let router = Router::start(&[]);
        (began.elapsed(), router)
    });
    let (best, router) = times.min_by_key(|(time, _)| *time).unwrap();
    assert!(best <= Duration::from_millis(50), "{best:?}");
    let address = router.address;
    let (_, _, said) = router.terminate();
    assert!(
        said.contains(&format!("realm realm1 at ws://{address}/ws")),
        "{said}"
    );
}

#[test]
fn a_ticket_a_secret_and_a_salted_secret_let_in_and_wrong_ones_do_not() {
    let (realms, secrets) = (file(REALMS), file(SECRETS));
    let router = Router::start(&["--config", path(&realms), "--secrets", path(&secrets)]);

    let mut joe = Peer::connect(router.address, Format::Json);
    challenge(&mut joe, "ticket", "joe");
    let Message::Welcome { details, .. } = authenticate(&mut joe, "open sesame") else {
        panic!("joe is let in");
    };
    assert_eq!(details.str("authid"), Some("joe"));
    assert_eq!(details.str("authrole"), Some("service"));
    assert_eq!(details.str("authmethod"), Some("ticket"));

    for authid in ["ann", "sal"] {
        let mut peer = Peer::connect(router.address, Format::Cbor);
        let extra = challenge(&mut peer, "wampcra", authid);
        assert_eq!(extra.get("salt").is_some(), authid == "sal");
        let text = extra.str("challenge").unwrap();
        let told: Dict = serde_json::from_str(text).unwrap();
        for key in [
            "authid",
            "authrole",
            "authmethod",
            "authprovider",
            "nonce",
            "timestamp",
        ] {
            assert!(told.str(key).is_some(), "{key}: {text}");
        }
        let signature = auth::answer_cra(b"s3cret", &extra, || true).unwrap();
        let Message::Welcome { session, .. } = authenticate(&mut peer, &signature) else {
            panic!("{authid} is let in");
        };
        assert_eq!(told.id("session"), Some(session));
    }

    for (method, authid) in [("ticket", "joe"), ("wampcra", "ann"), ("wampcra", "sal")] {
        for wrong in ["", "wrong", "open sesam", "open sesame "] {
            let mut peer = Peer::connect(router.address, Format::Json);
            challenge(&mut peer, method, authid);
            let answer = authenticate(&mut peer, wrong);
            assert_eq!(reason(&answer), "wamp.error.authentication_denied");
            assert_eq!(peer.read_to_end().1, Some(1000));
        }
    }
}

/// What a challenge tells of a name: the method, the role and the form of the rest, and the salt
/// itself. With `proves` it is answered as well, with what is wrong for everybody.
fn told_of(
    router: &Router,
    methods: &[&str],
    authid: &str,
    proves: bool,
) -> ((String, Vec<String>), String) {
    let mut peer = Peer::connect(router.address, Format::Json);
    let details = Dict::new()
        .with("authmethods", methods.to_vec())
        .with("authid", authid);
    let Message::Challenge { method, extra } = peer.hello(details) else {
        panic!("a CHALLENGE was expected");
    };
    let mut form = Vec::new();
    let mut salt = String::new();
    for (key, value) in extra.iter() {
        match key {
            "challenge" => {
                let text: Dict = serde_json::from_str(value.as_str().unwrap()).unwrap();
                form.push(format!("authrole {}", text.str("authrole").unwrap()));
                let keys: Vec<&str> = text.iter().map(|(key, _)| key).collect();
                form.push(keys.join(" "));
            }
            "salt" => {
                salt = value.as_str().unwrap().to_string();
                form.push(format!("salt of {}", salt.len()));
            }
            _ => form.push(format!("{key} {value:?}")),
        }
    }
    form.sort();
    if proves {
        let answer = authenticate(&mut peer, "wrong");
        assert_eq!(reason(&answer), "wamp.error.authentication_denied");
    }
    ((method, form), salt)
}

#[test]
fn nobody_can_find_out_which_names_exist() {
    let ann = "authid = \"ann\"\nrole = \"service\"";
    let secrets = SECRETS.replace(ann, &ann.replace("service", "guest"));
    let (realms, secrets) = (file(REALMS), file(&secrets));
    let start = || Router::start(&["--config", path(&realms), "--secrets", path(&secrets)]);
    let (router, later) = (start(), start());
    let strangers: Vec<String> = (0..40).map(|number| format!("nobody{number}")).collect();
    for methods in [&["ticket"][..], &["wampcra"], &["wampcra", "ticket"]] {
        let known = ["joe", "ann", "sal"].map(|name| told_of(&router, methods, name, true));
        let mut seen = HashSet::new();
        for (number, name) in strangers.iter().enumerate() {
            // After 20 wrong proofs in all the address would have to wait.
            let told = told_of(&router, methods, name, number < 3);
            assert!(
                known.iter().any(|(form, _)| *form == told.0),
                "{name} is told from all who exist: {told:?}"
            );
            assert!(told.1.is_empty() || told.1 != known[2].1, "{told:?}");
            // Anyone who asks again, or after a new start, learns no more.
            assert_eq!(told_of(&later, methods, name, number < 3), told);
            seen.insert(told.0);
        }
        for (form, _) in &known {
            assert!(seen.contains(form), "only who exists is told {form:?}");
        }
    }
}

#[test]
fn a_session_without_the_right_gets_not_authorized() {
    let (realms, secrets) = (file(REALMS), file(SECRETS));
    let router = Router::start(&["--config", path(&realms), "--secrets", path(&secrets)]);
    let mut service = Peer::connect(router.address, Format::Json);
    challenge(&mut service, "ticket", "joe");
    authenticate(&mut service, "open sesame");
    service.register("com.open.add", "{}");
    service.register("com.closed.add", "{}");

    let mut guest = Peer::join(router.address);
    guest.start_call("com.open.add", Dict::new(), Payload::empty());
    assert!(matches!(service.receive(), Message::Invocation { .. }));
    service.text("[70,1,{}]");
    assert!(matches!(guest.receive(), Message::Result { .. }));
    let refused = Err("wamp.error.not_authorized".to_string());
    assert_eq!(guest.call("com.closed.add", 1), refused);
    assert_eq!(guest.call("com.nothing", 1), refused);
    assert_eq!(service.call("com.secret", 1), refused);
    for text in [
        r#"[64,5,{},"com.open.mine"]"#,
        r#"[16,5,{"acknowledge":true},"com.open.topic"]"#,
        r#"[32,5,{},"com.closed"]"#,
        r#"[32,5,{"match":"prefix"},"com."]"#,
    ] {
        guest.text(text);
        let Message::Error { error, .. } = guest.receive() else {
            panic!("{text} is refused");
        };
        assert_eq!(error.as_str(), "wamp.error.not_authorized", "{text}");
    }
    assert!(matches!(guest.subscribe("com.open.topic"), 1..));
}

#[test]
fn realms_and_roles_that_do_not_exist_are_told() {
    let realms = file(&REALMS.replace("anonymous = \"guest\"", ""));
    let secrets = file(SECRETS);
    let router = Router::start(&["--config", path(&realms), "--secrets", path(&secrets)]);
    let mut peer = Peer::connect(router.address, Format::Json);
    assert_eq!(
        reason(&peer.hello(Dict::new())),
        "wamp.error.authentication_required"
    );
    let mut peer = Peer::connect(router.address, Format::Json);
    let details = Dict::new().with("authmethods", vec!["cryptosign"]);
    assert_eq!(
        reason(&peer.hello(details)),
        "wamp.error.no_matching_auth_method"
    );
    let mut peer = Peer::connect(router.address, Format::Json);
    peer.send(&Message::Hello {
        realm: uri("realm2"),
        details: Dict::new().with("roles", Dict::new().with("caller", Dict::new())),
    });
    assert_eq!(reason(&peer.receive()), "wamp.error.no_such_realm");
}

#[test]
fn mistakes_in_the_files_are_one_line_and_a_hint_and_never_a_secret() {
    for (config, secrets, said) in [
        ("[realms", "", "line 1"),
        ("", "", "has no realm"),
        ("[realms.\"a b\"]", "", "is not a URI"),
        ("[realms.realm1]\nanonymous = \"guest\"", "", "guest"),
        ("[realms.realm1]\ncolor = 1", "", "line 2"),
        ("[realms.realm1]", "", "no client can join"),
        (
            REALMS,
            "[[principals]]\nrealm = \"x\"\nauthid = \"a\"\nrole = \"service\"",
            "realm x",
        ),
        (
            REALMS,
            "[[principals]]\nrealm = \"realm1\"\nauthid = \"a\"\nrole = \"service\"\nticket = hunter2",
            "line 5",
        ),
        (
            REALMS,
            "[[principals]]\nrealm = \"realm1\"\nauthid = \"a\"\nrole = \"service\"\nticket = 471123",
            "line 5: this is not as the README shows it",
        ),
        (
            REALMS,
            "[[principals]]\nrealm = \"realm1\"\nauthid = \"a\"\nrole = \"service\"\niterations = \"hunter2\"",
            "line 5: this is not as the README shows it",
        ),
        (
            REALMS,
            "[[principals]]\nrealm = \"realm1\"\nhunter2 = \"authid\"",
            "line 3: this is not as the README shows it",
        ),
        (
            REALMS,
            "[[principals]]\nrealm = \"realm1\"\nauthid = \"a\"\nrole = \"service\"",
            "either a ticket or a secret",
        ),
    ] {
        let (config, secrets) = (file(config), file(secrets));
        let output = Command::new(env!("CARGO_BIN_EXE_transparency-router"))
            .args([
                "--port",
                "0",
                "--config",
                path(&config),
                "--secrets",
                path(&secrets),
            ])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
        for secret in ["hunter2", "471123"] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
        assert!(stderr.lines().count() <= 3, "{stderr}");
    }
}

#[test]
fn pages_are_served_beside_the_websocket() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("index.html", "<p>hello"),
        ("page.js", "1"),
        (".hidden", "no"),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let router = Router::start(&["--web", folder.path().to_str().unwrap()]);
    let get = |request: &str| http(router.address, &format!("{request}\r\nHost: x\r\n\r\n"));
    let page = get("GET / HTTP/1.1");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"),
        "{page}"
    );
    assert!(page.ends_with("\r\n\r\n<p>hello"), "{page}");
    assert!(get("GET /page.js HTTP/1.1").contains("text/javascript"));
    assert!(get("HEAD / HTTP/1.1").ends_with("\r\n\r\n"));
    for (request, status) in [
        ("GET /.hidden HTTP/1.1", 404),
        ("GET /../Cargo.toml HTTP/1.1", 404),
        ("GET /ws HTTP/1.1", 426),
        ("POST / HTTP/1.1", 405),
        ("GARBAGE", 400),
        ("GET /ws HTTP/1.1\r\nUpgrade: websocket", 400),
        ("GET /other HTTP/1.1\r\nUpgrade: websocket", 404),
    ] {
        let answer = get(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000));
    assert!(get(&long).starts_with("HTTP/1.1 431 "));
    // WAMP's subprotocol has to be offered.
    let upgrade = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assert!(get(upgrade).starts_with("HTTP/1.1 400 "));
    let both = format!("{upgrade}\r\nSec-WebSocket-Protocol: wamp.2.cbor, wamp.2.json");
    let mut socket = TcpStream::connect(router.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
        .write_all(format!("{both}\r\nHost: x\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut socket, &mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[test]
fn a_page_from_elsewhere_may_not_connect_unless_its_origin_is_allowed() {
    let router = Router::start(&["--origin", "https://example.org", "--origin", "null"]);
    let own = format!("http://{}", router.address);
    for (origin, status) in [
        (own.as_str(), 101),
        ("https://example.org", 101),
        ("null", 101),
        ("http://example.org", 403),
        ("http://127.0.0.1", 403),
        ("http://localhost:1", 403),
    ] {
        let mut socket = TcpStream::connect(router.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n",
            router.address
        );
        socket.write_all(upgrade.as_bytes()).unwrap();
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut socket, &mut answer).unwrap();
        let wanted = format!("HTTP/1.1 {status}");
        assert_eq!(String::from_utf8_lossy(&answer), wanted, "{origin}");
    }
}

#[test]
fn the_labs_own_page_is_part_of_the_program() {
    let router = Router::start(&[]);
    for (path, media_type) in [
        ("/", "text/html"),
        ("/page.js", "text/javascript"),
        ("/style.css", "text/css"),
    ] {
        let page = http(
            router.address,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
        );
        assert!(page.starts_with("HTTP/1.1 200 OK"), "{path}: {page}");
        assert!(page.contains(media_type), "{path}: {page}");
    }
}

#[test]
fn the_counters_count() {
    let router = Router::start(&["--metrics", "127.0.0.1:0"]);
    let mut callee = Peer::join(router.address);
    callee.register("add", "{}");
    let mut caller = Peer::join(router.address);
    caller.start_call("add", Dict::new(), Payload::empty());
    callee.receive();
    callee.text("[70,1,{}]");
    caller.receive();
    let address = router.metrics_address();
    let text = http(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    for line in [
        "# TYPE wamp_sessions gauge",
        "wamp_sessions 2",
        "wamp_calls_total 1",
        "wamp_calls_under_way 0",
        "wamp_sessions_total 2",
        "wamp_sessions_evicted_total 0",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    let received = text
        .lines()
        .find_map(|line| line.strip_prefix("wamp_bytes_received_total "));
    assert!(received.unwrap().parse::<u64>().unwrap() > 100, "{text}");
    assert!(http(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
}

#[test]
fn limits_on_sessions_and_addresses_turn_away_and_let_in_again() {
    let router = Router::start(&["--max-sessions", "3"]);
    let mut peers: Vec<Peer> = (0..3).map(|_| Peer::join(router.address)).collect();
    let mut fourth = Peer::connect(router.address, Format::Json);
    assert_eq!(reason(&fourth.hello(Dict::new())), "wamp.error.unavailable");
    let mut last = peers.pop().unwrap();
    last.text(r#"[6,{},"wamp.close.close_realm"]"#);
    assert_eq!(
        last.read_to_end().0.as_deref(),
        Some("wamp.close.goodbye_and_out")
    );
    assert!(Peer::join(router.address).is_alive());

    let router = Router::start(&["--max-per-address", "2"]);
    let _held: Vec<Peer> = (0..2).map(|_| Peer::join(router.address)).collect();
    let mut third = TcpStream::connect(router.address).unwrap();
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut nothing = Vec::new();
    // Closed without a word, or reset.
    let count = std::io::Read::read_to_end(&mut third, &mut nothing).unwrap_or(0);
    assert_eq!(count, 0);
}

#[test]
fn peers_of_different_serializations_understand_each_other() {
    let router = Router::start(&[]);
    let args = vec![
        Value::from(1),
        Value::from(-1.5),
        Value::from("é"),
        Value::Bytes(vec![0, 255]),
        Value::Null,
        Value::from(Dict::new().with("k", vec![true])),
    ];
    for callee_format in Format::ALL {
        for caller_format in Format::ALL {
            let mut callee = Peer::join_as(router.address, callee_format);
            callee.register("echo", "{}");
            let mut caller = Peer::join_as(router.address, caller_format);
            let payload = Payload::new(caller_format, &args).unwrap();
            let payload = payload.with_kwargs(&Dict::new().with("x", 1)).unwrap();
            caller.start_call("echo", Dict::new(), payload);
            let Message::Invocation {
                request, payload, ..
            } = callee.receive()
            else {
                panic!("an INVOCATION was expected");
            };
            assert_eq!(payload.args::<Vec<Value>>().unwrap(), args);
            callee.send(&Message::Yield {
                request,
                options: Dict::new(),
                payload,
            });
            let Message::Result { payload, .. } = caller.receive() else {
                panic!("a RESULT was expected");
            };
            assert_eq!(payload.args::<Vec<Value>>().unwrap(), args);
            assert_eq!(payload.kwargs::<Dict>().unwrap(), Dict::new().with("x", 1));
            for peer in [&mut callee, &mut caller] {
                peer.send(&Message::Goodbye {
                    details: Dict::new(),
                    reason: uri("wamp.close.close_realm"),
                });
                peer.read_to_end();
            }
        }
    }
}

#[test]
fn arguments_without_a_form_in_the_callees_serialization_are_an_error_for_the_caller() {
    let router = Router::start(&[]);
    let mut callee = Peer::join(router.address);
    callee.register("echo", "{}");
    let mut caller = Peer::join_as(router.address, Format::MessagePack);
    // [48, 1, {}, "echo", [{1: 2}]]
    let call = b"\x95\x30\x01\x80\xa4echo\x91\x81\x01\x02";
    caller
        .socket
        .send(tungstenite::Message::binary(&call[..]))
        .unwrap();
    let Message::Error { request, error, .. } = caller.receive() else {
        panic!("an ERROR was expected");
    };
    assert_eq!(
        (request, error.as_str()),
        (id(1), "wamp.error.invalid_argument")
    );
    assert!(callee.is_alive());
}

#[test]
fn a_call_times_out_by_the_routers_clock() {
    let router = Router::start(&[]);
    let mut callee = Peer::join(router.address);
    callee.register("slow", "{}");
    let mut caller = Peer::join(router.address);
    let began = Instant::now();
    caller.start_call("slow", Dict::new().with("timeout", 3000), Payload::empty());
    // A later call with an earlier end moves the clock's next alarm.
    caller.start_call("slow", Dict::new().with("timeout", 150), Payload::empty());
    for (request, at_least) in [(2, 150), (1, 3000)] {
        let Message::Error {
            request: answered,
            error,
            ..
        } = caller.receive()
        else {
            panic!("an ERROR was expected");
        };
        assert_eq!(
            (answered, error.as_str()),
            (id(request), "wamp.error.timeout")
        );
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(at_least), "{took:?}");
        assert!(took < Duration::from_millis(at_least + 1500), "{took:?}");
    }
}

#[test]
fn a_router_that_is_stopped_and_goes_on_keeps_its_sessions() {
    let router = Router::start(&[]);
    let mut peers: Vec<Peer> = (0..8).map(|_| Peer::join(router.address)).collect();
    let mut late = Peer::connect(router.address, Format::Json);
    let signal = |name: &str| {
        let mut kill = Command::new("kill");
        let sent = kill.args([name, &router.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    // As by Ctrl-Z and fg in its terminal.
    for _ in 0..3 {
        signal("-STOP");
        signal("-CONT");
        for peer in &mut peers {
            assert!(peer.is_alive());
        }
    }
    assert!(matches!(late.hello(Dict::new()), Message::Welcome { .. }));
}

#[test]
fn a_silent_peer_is_pinged_and_one_that_is_gone_is_evicted() {
    let router = Router::start(&["--ping-after", "0.3"]);
    let mut watcher = Peer::join(router.address);
    watcher.subscribe("wamp.session.on_leave");
    let mut silent = Peer::join(router.address);
    let began = Instant::now();
    // It reads, so tungstenite answers the pings, and it stays; and so does the watcher.
    let quiet = silent.frame().unwrap();
    assert!(quiet.is_ping(), "{quiet:?}");
    let gone = Peer::join(router.address);
    let session = gone.session;
    // Two ping intervals and nothing read: this peer answers no ping.
    loop {
        if let Message::Event { payload, .. } = watcher.receive() {
            let (left, _, _): (u64, String, String) = payload.args().unwrap();
            // The silent one does not read any more either, and may go first.
            if left == session {
                break;
            }
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(600));
}

#[test]
fn the_echo_of_the_transport_sends_back_each_message() {
    let router = Router::start(&["--echo"]);
    let stream = TcpStream::connect(router.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{}/", router.address);
    let (mut socket, _) = tungstenite::client::client(url, stream).unwrap();
    for size in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        for frame in [
            tungstenite::Message::text("x".repeat(size)),
            tungstenite::Message::binary(vec![7; size]),
        ] {
            socket.send(frame.clone()).unwrap();
            assert_eq!(socket.read().unwrap(), frame);
        }
    }
    assert_eq!(answered_close(&mut socket, 3000), Some(3000));
}

/// Closes with a code, and gives the one that comes back.
fn answered_close(socket: &mut WebSocket<TcpStream>, code: u16) -> Option<u16> {
    let code = code.into();
    let reason = "done".into();
    socket.close(Some(CloseFrame { code, reason })).unwrap();
    let mut answer = None;
    loop {
        match socket.read() {
            Ok(tungstenite::Message::Close(frame)) => {
                answer = frame.map(|frame| frame.code.into());
            }
            Ok(_) => {}
            // Not a reset: the close was clean.
            Err(tungstenite::Error::ConnectionClosed) => return answer,
            Err(error) => panic!("the close was not answered: {error}"),
        }
    }
}

#[test]
fn a_close_frame_is_answered_with_its_own_code() {
    let router = Router::start(&[]);
    for code in [1000, 1001, 3000, 4999] {
        let mut peer = Peer::join(router.address);
        assert_eq!(answered_close(&mut peer.socket, code), Some(code));
        let mut silent = Peer::connect(router.address, Format::Cbor);
        assert_eq!(answered_close(&mut silent.socket, code), Some(code));
    }
}
