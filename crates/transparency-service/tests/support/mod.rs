//! The programs of the exercise as processes: started, heard, moved, stopped, killed.

#![allow(dead_code, reason = "each test file uses its part")]

// The workspace's own way to run programs: a folder
// away, since nothing depends on the package `tests`.
#[path = "../../../../tests/src/binaries.rs"]
pub mod binaries;
#[path = "../../../../tests/src/program.rs"]
pub mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use transparency_middleware::client::{Backoff, Builder, Call, Error, Session};
use transparency_middleware::messages::Payload;

pub use program::{Running, rust};

/// How long a test waits for anything before it fails.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How long a program may take that is built first.
pub const BUILD_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// How long a call may take in these tests.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);

pub const ADD: &str = "org.example.calculator.add";
pub const COUNT: &str = "org.example.counter.add";
pub const VALUE: &str = "org.example.counter.value";

/// A folder of the test's own, new and empty.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

/// A router, and where it is.
pub struct Router {
    pub running: Running,
    pub url: String,
}

pub fn router(args: &[&str]) -> Router {
    let (running, address) = rust("transparency-router").args(args).serve();
    Router {
        running,
        url: format!("ws://{address}/ws"),
    }
}

/// A service that has registered all its names.
pub fn service(url: &str, log: &Path, args: &[&str]) -> Running {
    let mut running = start_service(url, log, args);
    running.error_line_with("serving");
    running
}

/// A service that is on its way.
pub fn start_service(url: &str, log: &Path, args: &[&str]) -> Running {
    rust("transparency-service")
        .args(&["--router", url, "--log", log.to_str().unwrap()])
        .args(args)
        .start()
}

/// Sends a signal: `TERM`, `STOP`, `CONT`, `KILL`.
pub fn signal(running: &Running, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &running.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Settings that find out soon.
pub fn builder(urls: &[&str]) -> Builder {
    Session::builder("realm1")
        .routers(urls)
        .timeout(CALL_TIMEOUT)
        .backoff(Backoff {
            first: Duration::from_millis(10),
            most: Duration::from_millis(100),
        })
}

pub fn session(url: &str) -> Session {
    builder(&[url]).connect().unwrap()
}

/// How each call of a load ended.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub results: usize,
    pub errors: Vec<Error>,
    /// The longest that a call took, whatever its end.
    pub longest: Duration,
}

impl Tally {
    /// Calls that may have been carried out although there was no result.
    pub fn ambiguous(&self) -> usize {
        self.errors
            .iter()
            .filter(|error| error.is_ambiguous())
            .count()
    }
}

/// Callers that call without a pause until they are stopped.
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    calls: Arc<AtomicUsize>,
    stop: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Each caller has its own session. `check` says what is wrong with a result.
    pub fn start(
        callers: usize,
        connect: impl Fn() -> Session,
        procedure: &'static str,
        idempotent: bool,
    ) -> Load {
        let load = Load {
            tally: Arc::default(),
            calls: Arc::default(),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        let threads = (0..callers).map(|_| {
            let session = connect();
            let (tally, calls, stop) = (
                Arc::clone(&load.tally),
                Arc::clone(&load.calls),
                Arc::clone(&load.stop),
            );
            thread::spawn(move || {
                while stop.load(Ordering::Relaxed) == 0 {
                    let number = i64::try_from(calls.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let begun = Instant::now();
                    let result = one_call(&session, procedure, idempotent, number);
                    let mut tally = tally.lock().unwrap();
                    tally.longest = tally.longest.max(begun.elapsed());
                    match result {
                        Ok(()) => tally.results += 1,
                        Err(error) => tally.errors.push(error),
                    }
                }
                session.leave();
            })
        });
        let threads: Vec<_> = threads.collect();
        Load { threads, ..load }
    }

    /// Waits until so many more results have come.
    pub fn more(&self, results: usize) {
        let target = self.tally.lock().unwrap().results + results;
        self.until("more results", |tally| tally.results >= target);
    }

    /// Waits for something to be true of the calls so far.
    pub fn until(&self, what: &str, mut condition: impl FnMut(&Tally) -> bool) {
        eventually(what, || condition(&self.tally.lock().unwrap()));
    }

    /// Lets the calls in flight end, and gives what became of all.
    pub fn stop(self) -> Tally {
        self.stop.store(1, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let tally = self.tally.lock().unwrap();
        tally.clone()
    }
}

fn one_call(
    session: &Session,
    procedure: &str,
    idempotent: bool,
    number: i64,
) -> Result<(), Error> {
    use transparency_middleware::client::Caller;

    let args = if procedure == COUNT {
        Payload::new(session.format(), &(1,))?
    } else {
        Payload::new(session.format(), &(number, 1))?
    };
    let call = Call::new(procedure, args).idempotent(idempotent);
    let result: i64 = session.start(call)?.result()?;
    if procedure != COUNT {
        assert_eq!(result, number + 1, "somebody else's answer");
    }
    Ok(())
}

/// Waits until a condition holds that nothing announces. It is looked at again and again, and the
/// time between has no bearing on the result.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "this never came about: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The folder that `scripts/peers` fills.
pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers")
}

/// The service's Python twin, in the environment that has autobahn.
pub fn python_service(url: &str, log: &Path) -> Running {
    let mut command = Command::new(peers().join("python/bin/python"));
    let twin = Path::new(env!("CARGO_MANIFEST_DIR")).join("twin.py");
    command
        .arg("-u")
        .arg(twin)
        .args(["--router", url, "--log"])
        .arg(log);
    program::Program::new("twin.py", command).start()
}
