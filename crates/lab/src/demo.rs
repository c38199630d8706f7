//! `cargo lab run` of an exercise with a router, a service and a caller: one replica of the service
//! is killed on the way, and the other answers.

use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program};
use lab_core::process::{self, Event, Running, Stream};
use lab_core::staging::StagingDir;
use labnet::Hint;

use crate::show::{Label, Screen};

/// How long each step of it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// After the last caller's end the others are heard for so long.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// So many pieces of output may wait to be shown; then the programs wait.
const WAITING_PIECES: usize = 64;
/// After so many results a replica is killed.
const RESULTS_BEFORE: usize = 6;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lab,
    Router,
    First,
    Second,
    Caller,
}

impl Side {
    fn label(self) -> Label {
        let (name, color) = match self {
            Side::Lab => ("lab", 33),
            Side::Router => ("router", 36),
            Side::First => ("service 1", 35),
            Side::Second => ("service 2", 34),
            Side::Caller => ("caller", 32),
        };
        Label {
            name,
            color,
            python: false,
            reads_keyboard: false,
        }
    }
}

/// The programs that take part.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Passes calls on.
    pub router: &'a Program,
    /// Started twice.
    pub service: &'a Program,
    /// Calls.
    pub caller: &'a Program,
}

/// Plays it, and gives the exit code: 0 when no call failed.
///
/// # Errors
///
/// When a program does not build, cannot be started or does not come up; when stdout is closed.
pub fn run(catalog: &Catalog, parts: Parts<'_>, port: u16) -> anyhow::Result<i32> {
    process::stop_at_signals()?;
    let packages = [parts.router, parts.service, parts.caller].map(|part| part.package.as_str());
    let binaries = cargo::build(&packages)?;
    let command = |program: &Program, args: &[&str]| -> anyhow::Result<Command> {
        let package = &program.package;
        let binary = binaries
            .get(package)
            .with_context(|| format!("the package {package} has no binary of the same name"))?;
        let mut command = Command::new(binary);
        command.args(args).stdin(Stdio::null());
        Ok(command)
    };
    let mut stage = Stage::new();
    let folder = StagingDir::temporary("cargo-lab").context("cannot create a temporary folder")?;
    let log = folder.path().join("counter.log").display().to_string();

    stage.note("a router: it alone knows who serves which name")?;
    let web = catalog.root.join(&parts.service.folder).join("web");
    let (port, web) = (port.to_string(), web.display().to_string());
    let router = command(parts.router, &["--port", &port, "--web", &web])?;
    let _router = stage.start(Side::Router, router)?;
    let line = stage.hear(Side::Router, |line| line.starts_with("listening on "))?;
    let address = line.trim_start_matches("listening on ").to_string();
    let url = format!("ws://{address}/ws");

    stage.note("two replicas of the service: they share the calculator's calls, and the second is on standby for the counter")?;
    let args = ["--router", &url, "--log", &log, "--work", "0.1"];
    let serving = |line: &str| line.starts_with("serving ");
    let first = stage.start(Side::First, command(parts.service, &args)?)?;
    stage.hear(Side::First, serving)?;
    let second = stage.start(Side::Second, command(parts.service, &args)?)?;
    stage.hear(Side::Second, serving)?;

    stage.note("a caller that knows the names and the router")?;
    let tour = stage.start(Side::Caller, command(parts.caller, &["--router", &url])?)?;
    let mut good = stage.end(tour)?;

    stage.note(&format!(
        "20 calls to the calculator; after {RESULTS_BEFORE} results a replica is killed (SIGKILL)"
    ))?;
    let calls = ["--router", &url, "--count", "20", "--parallel", "2"];
    let calls = [&calls[..], &["org.example.calculator.add", "2", "3"]].concat();
    let caller = stage.start(Side::Caller, command(parts.caller, &calls)?)?;
    for _ in 0..RESULTS_BEFORE {
        stage.hear(Side::Caller, |line| line.ends_with(" = 5"))?;
    }
    drop(first);
    stage.note("service 1 is dead")?;
    good &= stage.end(caller)?;

    stage.note("the counter: service 2 continues with the total that service 1 had")?;
    let value = ["--router", &url, "org.example.counter.value"];
    let caller = stage.start(Side::Caller, command(parts.caller, &value)?)?;
    good &= stage.end(caller)?;
    stage.last_words()?;
    drop(second);
    stage.note(if good {
        "no call failed; the router and service 2, which would keep running, were stopped"
    } else {
        "a call failed: the caller's lines say which"
    })?;
    Ok(i32::from(!good))
}

/// Where all are heard, and shown.
struct Stage {
    screen: Screen,
    sender: SyncSender<Event<Side>>,
    events: Receiver<Event<Side>>,
    /// Lines that have come and that nobody has waited for yet.
    lines: Vec<(Side, String)>,
    /// The beginnings of lines.
    begun: Vec<(Side, Stream, Vec<u8>)>,
    /// Streams of the caller that are still open.
    open: usize,
}

impl Stage {
    fn new() -> Self {
        let (sender, events) = mpsc::sync_channel(WAITING_PIECES);
        Stage {
            screen: Screen::new("service 1".len()),
            sender,
            events,
            lines: Vec::new(),
            begun: Vec::new(),
            open: 0,
        }
    }

    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        let line = format!("{text}\n");
        self.screen
            .feed(Side::Lab.label(), Stream::Stderr, line.as_bytes())
    }

    fn start(&mut self, side: Side, mut command: Command) -> anyhow::Result<Running> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut running =
            process::start(&mut command).with_context(|| format!("cannot start {program}"))?;
        running.listen(side, &self.sender);
        if side == Side::Caller {
            self.open = 2;
            self.lines.retain(|(side, _)| *side != Side::Caller);
        }
        Ok(running)
    }

    /// Shows everything until a side has said such a line, and gives it.
    fn hear(&mut self, side: Side, wanted: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let place = |(who, line): &(Side, String)| *who == side && wanted(line);
            if let Some(place) = self.lines.iter().position(place) {
                return Ok(self.lines.remove(place).1);
            }
            if !self.next(deadline)? {
                let name = side.label().name;
                return Err(anyhow!("{name} does not continue within {PATIENCE:?}"))
                    .hint("what it said above may tell why");
            }
        }
    }

    /// Shows everything until the caller has ended; true if it ended well.
    fn end(&mut self, caller: Running) -> anyhow::Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        while self.open > 0 {
            if !self.next(deadline)? {
                return Err(anyhow!("the caller does not end within {PATIENCE:?}"))
                    .hint("what it said above may tell why");
            }
        }
        Ok(caller.end()?.success())
    }

    /// What the others still have to say.
    fn last_words(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LAST_WORDS;
        while self.next(deadline)? {}
        Ok(())
    }

    /// Takes the next event and shows it; false when none comes before the deadline.
    fn next(&mut self, deadline: Instant) -> anyhow::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = match self.events.recv_timeout(left) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => unreachable!("this struct holds a sender"),
        };
        let Event {
            side,
            stream,
            bytes,
        } = event;
        let Some(bytes) = bytes else {
            if side == Side::Caller {
                self.open -= 1;
            }
            self.screen.end(side.label(), stream)?;
            return Ok(true);
        };
        self.screen.feed(side.label(), stream, &bytes)?;
        self.collect(side, stream, &bytes);
        Ok(true)
    }

    /// Puts pieces together to lines.
    fn collect(&mut self, side: Side, stream: Stream, bytes: &[u8]) {
        let known = |begun: &(Side, Stream, Vec<u8>)| begun.0 == side && begun.1 == stream;
        let place = self.begun.iter().position(known).unwrap_or_else(|| {
            self.begun.push((side, stream, Vec::new()));
            self.begun.len() - 1
        });
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun[place].2.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun[place].2);
                let line = String::from_utf8_lossy(&line).trim_end().to_string();
                self.lines.push((side, line));
            }
        }
    }
}
