//! TLS: whom a client trusts, a certificate that is replaced
//! under load, and peers that begin a handshake and no more.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use transparency_middleware::client::{Error, Procedure, Session};
use transparency_middleware::messages::Format;
use transparency_middleware::tls::Trust;

const DEADLINE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A folder with a certificate and its key.
struct Pair(tempfile::TempDir);

impl Pair {
    fn new(names: &[&str]) -> Self {
        let pair = Pair(tempfile::tempdir().unwrap());
        pair.write(names, SystemTime::now() + DAY);
        pair
    }

    fn write(&self, names: &[&str], until: SystemTime) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = (until - 2 * DAY).into();
        params.not_after = until.into();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(self.certificate(), certificate.pem()).unwrap();
        fs::write(self.key(), key.serialize_pem()).unwrap();
    }

    fn certificate(&self) -> PathBuf {
        self.0.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }
}

/// A router that runs, and is ended with the test.
struct Router {
    child: Child,
    port: u16,
    log: BufReader<std::process::ChildStderr>,
}

impl Router {
    fn start(pair: &Pair, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_transparency-router"))
            .args(["--port", "0", "--tls-cert"])
            .arg(pair.certificate())
            .arg("--tls-key")
            .arg(pair.key())
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut router = Router {
            child,
            port: 0,
            log,
        };
        let line = router.wait_for("listening on 127.0.0.1:");
        let (_, port) = line.trim().rsplit_once(':').unwrap();
        router.port = port.parse().unwrap();
        router.wait_for("wss://");
        router
    }

    /// Reads the log to a line with this text.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no {text}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn builder(&self, host: &str, ca: &Path) -> transparency_middleware::client::Builder {
        Session::builder("realm1")
            .routers([format!("wss://{host}:{}/ws", self.port)])
            .timeout(DEADLINE)
            .handshake_timeout(DEADLINE)
            .trust(Trust::from_file(ca).unwrap())
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        self.child.wait().unwrap();
    }
}

#[test]
fn calls_and_large_arguments_pass_in_each_serialization() {
    let pair = Pair::new(&["localhost", "127.0.0.1"]);
    let router = Router::start(&pair, &[]);
    for format in Format::ALL {
        let builder = || {
            router
                .builder("127.0.0.1", &pair.certificate())
                .format(format)
        };
        let service = builder().connect().unwrap();
        let echo = |(text,): (String,)| Ok(text);
        service.register(Procedure::new("a.echo", echo)).unwrap();
        let caller = builder().connect().unwrap();
        for length in [0, 1, 100, 16 * 1024, 2 << 20] {
            let text = "x".repeat(length);
            assert_eq!(caller.call("a.echo", &(&text,)), Ok(text));
        }
        // Both ways at once: neither side waits for the other to read.
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let text = "x".repeat(1 << 20);
                    for _ in 0..2 {
                        assert_eq!(caller.call("a.echo", &(&text,)), Ok(text.clone()));
                    }
                });
            }
        });
        service.leave();
    }
}

#[test]
fn a_client_connects_to_nobody_whom_it_does_not_trust() {
    let pair = Pair::new(&["localhost"]);
    let router = Router::start(&pair, &[]);
    let refused = |host: &str, ca: &Path| {
        let Err(Error::Unreachable(text)) = router.builder(host, ca).connect() else {
            panic!("it connects to {host}");
        };
        text
    };
    router
        .builder("localhost", &pair.certificate())
        .connect()
        .unwrap();
    let text = refused("127.0.0.1", &pair.certificate());
    assert!(text.contains("is for another name"), "{text}");
    let other = Pair::new(&["localhost"]);
    let text = refused("localhost", &other.certificate());
    assert!(text.contains("--ca FILE"), "{text}");
    // By default those count whom this machine trusts, and nobody trusts the lab.
    let url = format!("wss://localhost:{}/ws", router.port);
    assert!(Session::connect([url], "realm1").is_err());
    // Without TLS there is no way in, and none with it where there is none.
    let url = format!("ws://localhost:{}/ws", router.port);
    assert!(Session::connect([url], "realm1").is_err());
}

#[test]
fn a_certificate_that_has_expired_is_refused() {
    let pair = Pair::new(&["localhost"]);
    pair.write(&["localhost"], SystemTime::now() - DAY);
    let router = Router::start(&pair, &[]);
    let builder = router.builder("localhost", &pair.certificate());
    let Err(Error::Unreachable(text)) = builder.connect() else {
        panic!("it connects");
    };
    assert!(text.contains("has expired"), "{text}");
}

#[test]
fn a_peer_that_stalls_in_the_handshake_is_let_go() {
    let pair = Pair::new(&["localhost"]);
    let router = Router::start(&pair, &["--patience", "1"]);
    let mut silent = TcpStream::connect(("127.0.0.1", router.port)).unwrap();
    let mut half = TcpStream::connect(("127.0.0.1", router.port)).unwrap();
    // A record that is announced and does not come.
    half.write_all(&[0x16, 3, 1, 0x3f, 0xff, 1]).unwrap();
    let began = Instant::now();
    for stream in [&mut silent, &mut half] {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut rest = Vec::new();
        // Closed or reset, but not kept.
        let error = stream.read_to_end(&mut rest).err();
        let in_time = error.is_none_or(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(in_time && began.elapsed() < DEADLINE);
    }
    // And the other way round: a client does not wait forever.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "wss://localhost:{}/ws",
        listener.local_addr().unwrap().port()
    );
    let connecting = Session::builder("realm1")
        .routers([url])
        .trust(Trust::from_file(&pair.certificate()).unwrap())
        .handshake_timeout(Duration::from_millis(200));
    assert!(connecting.connect().is_err());
}

/// Signals the router.
#[cfg(unix)]
fn hang_up(router: &Router) {
    let pid = i32::try_from(router.child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_certificate_is_served_from_sighup_on_and_no_call_fails() {
    let pair = Pair::new(&["localhost"]);
    let mut router = Router::start(&pair, &[]);
    let old = tempfile::NamedTempFile::new().unwrap();
    fs::copy(pair.certificate(), old.path()).unwrap();
    let service = router.builder("localhost", old.path()).connect().unwrap();
    let add = |(a, b): (i64, i64)| Ok(a + b);
    service.register(Procedure::new("a.add", add)).unwrap();
    let caller = router.builder("localhost", old.path()).connect().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut calls = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(caller.call("a.add", &(calls, 1)), Ok(calls + 1));
                calls += 1;
            }
            calls
        });
        for _ in 0..3 {
            pair.write(&["localhost"], SystemTime::now() + DAY);
            hang_up(&router);
            router.wait_for("certificate as it is now");
            let builder = router.builder("localhost", &pair.certificate());
            let sum: i64 = builder.connect().unwrap().call("a.add", &(2, 3)).unwrap();
            assert_eq!(sum, 5);
            assert!(router.builder("localhost", old.path()).connect().is_err());
        }
        // A file that is broken changes nothing.
        fs::write(pair.certificate(), "no certificate").unwrap();
        hang_up(&router);
        router.wait_for("the certificate of before stays");
        over.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
    });
    assert_eq!(caller.call("a.add", &(1, 1)), Ok(2), "the sessions live on");
}

#[test]
fn settings_that_make_no_sense_are_refused_at_the_start() {
    let pair = Pair::new(&["localhost"]);
    let other = Pair::new(&["localhost"]);
    let (certificate, key) = (pair.certificate(), other.key());
    let cases: [(&[&Path], &str); 3] = [
        (&[&certificate], "go together"),
        (&[&certificate, &key], "key"),
        (&[&certificate, &certificate], "cannot use the certificate"),
    ];
    for (files, text) in cases {
        let mut router = Command::new(env!("CARGO_BIN_EXE_transparency-router"));
        router.args(["--port", "0"]);
        for (option, file) in ["--tls-cert", "--tls-key"].iter().zip(files) {
            router.arg(option).arg(file);
        }
        let output = router.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(text), "{said}");
    }
}
