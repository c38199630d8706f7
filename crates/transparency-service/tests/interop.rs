//! Peers by other authors: {our router, Crossbar} × {our, autobahn-python, autobahn-js, wampy.js,
//! xconn} callee × {the same} caller, in JSON, MessagePack and CBOR. Calls, errors, partial
//! results, events, shared registration.
//!
//! One file, since all tests share their peers.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use support::program::{Finished, Program};
use support::{
    ADD, COUNT, DEADLINE, Running, VALUE, builder, eventually, folder, peers, router, service,
};
use transparency_middleware::client::{
    Builder, Call, Caller, ErrorReply, Procedure, Publication, Session,
};
use transparency_middleware::messages::{Dict, Format, Invoke, Payload, Value};
use transparency_middleware::tls::Trust;

const KINDS: [&str; 5] = ["rust", "python", "javascript", "wampy", "xconn"];
/// Crossbar 26.10.1 ends a session of wampy.js 8.0.2 in MessagePack and CBOR: it sends options that
/// are undefined.
const AT_CROSSBAR: [&str; 4] = ["rust", "python", "javascript", "xconn"];
const FORMATS: [&str; 3] = ["json", "msgpack", "cbor"];

#[test]
#[cfg_attr(
    no_peers,
    ignore = "autobahn and Crossbar are not installed: scripts/peers"
)]
fn our_router_joins_peers_of_all_kinds() {
    let router = router(&[]);
    check_all(&router.url, &FORMATS, &KINDS, None);
}

#[test]
#[cfg_attr(
    no_peers,
    ignore = "autobahn and Crossbar are not installed: scripts/peers"
)]
fn crossbar_joins_peers_of_all_kinds() {
    let (_crossbar, url) = crossbar("crossbar", None);
    check_all(&url, &["json"], &KINDS, None);
    check_all(&url, &["msgpack", "cbor"], &AT_CROSSBAR, None);
}

/// TLS has nothing to do with the serialization: one is enough.
#[test]
#[cfg_attr(
    no_peers,
    ignore = "autobahn and Crossbar are not installed: scripts/peers"
)]
fn peers_of_all_kinds_meet_at_both_routers_with_tls() {
    let pair = TlsPair::new("tls");
    let (certificate, key) = (pair.certificate(), pair.key());
    let ours = router(&[
        "--tls-cert",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    let url = ours.url.replace("ws://", "wss://");
    check_all(&url, &["cbor"], &KINDS, Some(&pair));
    let (_crossbar, url) = crossbar("crossbar-tls", Some(&pair));
    check_all(&url, &["cbor"], &AT_CROSSBAR, Some(&pair));
}

/// A certificate for this machine, and its key.
struct TlsPair(PathBuf);

impl TlsPair {
    fn new(name: &str) -> Self {
        let pair = TlsPair(folder(name));
        let names = ["localhost", "127.0.0.1"].map(str::to_string);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(pair.certificate(), made.cert.pem()).unwrap();
        fs::write(pair.key(), made.signing_key.serialize_pem()).unwrap();
        pair
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    /// A Crossbar node finds both in its folder.
    fn copy_to(&self, node: &Path) {
        for file in [self.certificate(), self.key()] {
            fs::copy(&file, node.join(file.file_name().unwrap())).unwrap();
        }
    }
}

/// Every caller asks every callee, all in one serialization; then the next.
fn check_all(url: &str, formats: &[&str], kinds: &[&str], tls: Option<&TlsPair>) {
    for format in formats {
        let prefix = |kind: &str| format!("org.example.interop.{kind}.{format}.");
        // Two of each: they share their names.
        let ours: Vec<Session> = (0..2)
            .map(|place| offer(connect(url, format, tls), &prefix("rust"), place))
            .collect();
        let mut others: Vec<Running> = kinds[1..]
            .iter()
            .flat_map(|kind| [kind, kind])
            .map(|kind| peer(kind, "callee", url, format, tls, &[prefix(kind)]))
            .collect();
        for other in &mut others {
            assert_eq!(other.line(), "ready");
        }
        let prefixes: Vec<String> = kinds.iter().map(|kind| prefix(kind)).collect();
        for prefix in &prefixes {
            ask(&connect(url, format, tls), prefix);
        }
        for kind in &kinds[1..] {
            let finished = peer(kind, "caller", url, format, tls, &prefixes).finish();
            let good: Vec<String> = prefixes
                .iter()
                .map(|prefix| format!("{prefix} good"))
                .collect();
            let lines: Vec<&str> = finished.stdout.lines().collect();
            assert_eq!(lines, good, "{kind} in {format}: {}", finished.stderr);
        }
        for session in ours {
            session.leave();
        }
    }
}

fn peer(
    kind: &str,
    role: &str,
    url: &str,
    format: &str,
    tls: Option<&TlsPair>,
    prefixes: &[String],
) -> Running {
    let (program, script) = match kind {
        "python" => (peers().join("python/bin/python"), "peer.py"),
        "xconn" => (peers().join("xconn/bin/python"), "xconn_peer.py"),
        "wampy" => ("node".into(), "wampy.js"),
        _ => ("node".into(), "peer.js"),
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(script);
    let mut command = Command::new(program);
    command
        .arg(script)
        .args([role, url, format])
        .args(prefixes)
        .env("PEERS", peers().canonicalize().unwrap())
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(tls) = tls {
        // Whom OpenSSL, and so Python, and whom Node trusts.
        command
            .env("SSL_CERT_FILE", tls.certificate())
            .env("NODE_EXTRA_CA_CERTS", tls.certificate());
    }
    Program::new(&format!("{kind} {role} in {format}"), command).start()
}

fn connect(url: &str, format: &str, tls: Option<&TlsPair>) -> Session {
    let format = Format::from_subprotocol(&format!("wamp.2.{format}")).unwrap();
    let builder = with_trust(builder(&[url]), tls);
    builder.format(format).connect().unwrap()
}

fn with_trust(builder: Builder, tls: Option<&TlsPair>) -> Builder {
    match tls {
        Some(tls) => builder.trust(Trust::from_file(&tls.certificate()).unwrap()),
        None => builder,
    }
}

/// What every callee offers.
fn offer(session: Session, prefix: &str, place: i64) -> Session {
    let register = |procedure: Procedure| {
        session
            .register(procedure.invoke(Invoke::RoundRobin))
            .unwrap();
    };
    let name = |name: &str| format!("{prefix}{name}");
    register(Procedure::new(&name("add"), |(a, b): (i64, i64)| Ok(a + b)));
    register(Procedure::new(&name("who"), move |()| Ok(place)));
    register(Procedure::new(&name("same"), |(value,): (Value,)| {
        Ok(value)
    }));
    register(Procedure::new(
        &name("fail"),
        |()| -> Result<(), ErrorReply> {
            Err(ErrorReply::with_args(
                "org.example.error.deliberate",
                &("on purpose", 42),
            )?)
        },
    ));
    register(Procedure::with_invocation(&name("count"), |invocation| {
        let (number,): (i64,) = invocation.args()?;
        let parts = if invocation.takes_progress() {
            1..number
        } else {
            1..1
        };
        for step in parts {
            if let Err(error) = invocation.progress(&step) {
                return Err(ErrorReply::new(
                    "org.example.error.progress",
                    &error.to_string(),
                ));
            }
        }
        Ok(invocation.result(&number)?)
    }));
    let (publisher, answer) = (session.clone(), name("answer"));
    let answering = move |event: &transparency_middleware::client::Event| {
        let (number,): (i64,) = event.args().unwrap();
        publisher.publish(&answer, &(number + 1,)).unwrap();
    };
    session
        .subscribe(name("question").as_str(), answering)
        .unwrap();
    session
}

/// What every caller asks.
fn ask(session: &Session, prefix: &str) {
    let name = |name: &str| format!("{prefix}{name}");
    assert_eq!(session.call(&name("add"), &(2, 3)), Ok(5));
    let items = vec![
        Value::from(1),
        Value::from(-1),
        Value::from(0.5),
        Value::from(true),
        Value::Null,
    ];
    let value = Dict::new()
        .with("text", "ä€")
        .with("list", Value::List(items))
        // wampy.js reads and writes larger ones as other types.
        .with("big", u64::from(u32::MAX));
    let same: Dict = session.call(&name("same"), &(&value,)).unwrap();
    // autobahn's dictionaries may come back in another order.
    for (key, value) in value.iter() {
        assert_eq!(same.get(key), Some(value), "{prefix} {key}");
    }
    let error = session.call::<()>(&name("fail"), &()).unwrap_err();
    let transparency_middleware::client::Error::Reply(reply) = error else {
        panic!("{prefix}: {error}");
    };
    assert_eq!(reply.uri(), "org.example.error.deliberate");
    assert_eq!(reply.payload().args(), Ok(("on purpose".to_string(), 42)));
    let error = session.call::<()>(&name("nobody"), &()).unwrap_err();
    assert_eq!(error.uri(), "wamp.error.no_such_procedure");

    let args = Payload::new(session.format(), &(4,)).unwrap();
    let call = Call::new(&name("count"), args).receive_progress();
    let mut pending = session.start(call).unwrap();
    let mut steps = Vec::new();
    while let Some(step) = pending.partial().unwrap() {
        steps.push(step.args::<(i64,)>().unwrap().0);
    }
    assert_eq!(pending.result(), Ok(4), "{prefix}");
    // xconn's callees cannot answer in parts, and wampy.js does not announce that its own can.
    let may_lack_parts = prefix.contains(".xconn.") || prefix.contains(".wampy.");
    assert!(
        steps == [1, 2, 3] || may_lack_parts && steps.is_empty(),
        "{prefix}: {steps:?}"
    );

    let who: Vec<i64> = (0..4)
        .map(|_| session.call(&name("who"), &()).unwrap())
        .collect();
    assert!(
        who[0] != who[1] && who[..2] == who[2..],
        "{prefix}: {who:?}"
    );

    let (sender, receiver) = mpsc::channel();
    let subscription = session.subscribe(name("answer").as_str(), move |event| {
        sender.send(event.args::<(i64,)>().unwrap().0).unwrap();
    });
    let question = Payload::new(session.format(), &(6,)).unwrap();
    let question = Publication::new(&name("question"), question).acknowledge();
    assert!(session.publish_with(question).unwrap().is_some());
    for _ in 0..2 {
        assert_eq!(receiver.recv_timeout(DEADLINE), Ok(7), "{prefix}");
    }
    subscription.unwrap().unsubscribe().unwrap();
    session.leave();
}

/// Beyond one machine: the service at one node, its caller at the other, all with TLS.
#[test]
#[cfg_attr(
    no_peers,
    ignore = "autobahn and Crossbar are not installed: scripts/peers"
)]
fn two_joined_crossbar_nodes_are_one_to_the_service_and_its_caller() {
    let nodes = folder("cluster");
    let (one, two) = (nodes.join("one"), nodes.join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let pair = TlsPair::new("cluster-tls");
    pair.copy_to(&one);
    pair.copy_to(&two);
    let keys = Command::new(peers().join("python/bin/crossbar"))
        .args(["keys", "--cbdir"])
        .arg(&two)
        .output();
    assert!(keys.unwrap().status.success());
    let key = fs::read_to_string(two.join("key.pub")).unwrap();
    let key = key
        .lines()
        .find_map(|line| line.strip_prefix("public-key-ed25519: "));
    let [first, second, link] = [(); 3].map(|()| free_port());
    for (name, node) in [("one", &one), ("two", &two)] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crossbar/cluster");
        let config = fs::read_to_string(format!("{path}/{name}.json")).unwrap();
        let config = config
            .replace("8080", &first)
            .replace("8081", &second)
            .replace("8090", &link)
            .replace("PUBLIC_KEY_OF_TWO", key.unwrap());
        fs::write(node.join("config.json"), config).unwrap();
    }
    let url = |port: &str| format!("wss://localhost:{port}/ws");
    let tls = Some(&pair);
    let _one = start_crossbar(&one, &url(&first), tls);
    let _two = start_crossbar(&two, &url(&second), tls);
    let caller = connect(&url(&second), "json", tls);
    until_joined(&connect(&url(&first), "json", tls), &caller);
    let certificate = pair.certificate();
    let trust = ["--ca", certificate.to_str().unwrap()];
    let _service = service(&url(&first), &nodes.join("log"), &trust);
    eventually("the second node knows the first one's procedures", || {
        caller.call::<i64>(ADD, &(2, 3)) == Ok(5)
    });
    eventually("the counter too", || {
        caller.call::<i64>(VALUE, &()) == Ok(0)
    });
    for expected in 1..=20 {
        assert_eq!(caller.call(COUNT, &(1,)), Ok(expected));
    }
}

/// Waits for the link between two nodes: it carries a name over that is registered at one. What is
/// registered in the very moment in which the link is made, Crossbar 26.10.1 may never carry over,
/// so each attempt has its own name.
fn until_joined(one: &Session, two: &Session) {
    let mut attempt = 0_i64;
    eventually("the nodes are joined", || {
        attempt += 1;
        let number = attempt;
        let name = format!("org.example.probe{number}");
        one.register(Procedure::new(&name, move |()| Ok(number)))
            .unwrap();
        let patience = Instant::now() + Duration::from_secs(1);
        while Instant::now() < patience {
            if two.call(&name, &()) == Ok(number) {
                return true;
            }
        }
        false
    });
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// A Crossbar node of the test's own, on a port that was free a moment ago.
fn crossbar(name: &str, tls: Option<&TlsPair>) -> (Running, String) {
    let port = free_port();
    let node = folder(name);
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crossbar/one/config.json"
    ));
    let mut text = text.unwrap().replace("8080", &port);
    let mut url = format!("ws://127.0.0.1:{port}/ws");
    if let Some(tls) = tls {
        tls.copy_to(&node);
        let endpoint = r#""interface": "127.0.0.1""#;
        let secure = r#", "tls": {"key": "key.pem", "certificate": "certificate.pem"}"#;
        text = text.replace(endpoint, &format!("{endpoint}{secure}"));
        text = text.replace(&url, &url.replace("ws://127.0.0.1", "wss://localhost"));
        url = url.replace("ws://", "wss://");
    }
    fs::write(node.join("config.json"), text).unwrap();
    (start_crossbar(&node, &url, tls), url)
}

fn start_crossbar(node: &Path, url: &str, tls: Option<&TlsPair>) -> Running {
    let mut command = Command::new(peers().join("python/bin/crossbar"));
    command
        .args(["start", "--cbdir"])
        .arg(node)
        .args(["--loglevel", "warn"]);
    let running = Program::new("crossbar", command).start();
    // It says nothing when it is ready.
    eventually("Crossbar lets sessions in", || {
        with_trust(builder(&[url]), tls).connect().is_ok()
    });
    running
}

/// The Python caller tells scripts how it went, as the Rust one does.
#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn the_python_caller_ends_with_1_when_it_cannot_join_and_when_its_call_fails() {
    let router = router(&[]);
    let _service = service(&router.url, &folder("python-caller").join("log"), &[]);
    let nobody = format!("ws://127.0.0.1:{}/ws", free_port());
    let divide = "org.example.calculator.divide";
    let good = run_python_caller(&router.url, &[divide, "1", "4"]);
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "org.example.calculator.divide(1, 4) = 0.25\n"),
        "{}",
        good.stderr
    );
    for (url, args, said) in [
        (&router.url, &[divide, "1", "0"][..], ""),
        (&router.url, &["--realm", "nowhere"], "no_such_realm"),
        (&nobody, &[], "is the router running?"),
    ] {
        let bad = run_python_caller(url, args);
        assert_eq!(bad.code, Some(1), "{args:?}: {}", bad.stderr);
        assert!(bad.stderr.contains(said), "{args:?}: {}", bad.stderr);
    }
}

fn run_python_caller(url: &str, args: &[&str]) -> Finished {
    let mut command = Command::new(peers().join("python/bin/python"));
    command
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../transparency-caller/twin.py"
        ))
        .args(["--router", url])
        .args(args);
    Program::new("caller/twin.py", command).start().finish()
}

/// Crossbar 26.10.1 takes no notice of a call's `timeout`.
#[test]
#[cfg_attr(
    no_peers,
    ignore = "autobahn and Crossbar are not installed: scripts/peers"
)]
fn the_python_caller_keeps_its_deadline_itself() {
    let (_crossbar, url) = crossbar("deadline", None);
    let log = folder("deadline-log").join("log");
    // Longer than this test waits for any program.
    let _service = service(&url, &log, &["--work", "3600"]);
    let late = run_python_caller(&url, &["--timeout", "0.5", ADD, "2", "3"]);
    assert_eq!(
        (late.code, late.stdout.as_str()),
        (
            Some(1),
            "org.example.calculator.add(2, 3): no answer before the deadline; it may have been carried out\n"
        ),
        "{}",
        late.stderr
    );
}
