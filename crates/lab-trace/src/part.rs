//! Records one program for `cargo lab check`, which plays the other side of the run itself.
//!
//! The check starts this binary in the program's place. The program has its streams, its folder and
//! its network, and ends as it ends; what happened is written into a file.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use lab_journal::{Exit, Side};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use crate::capture::{self, View};
use crate::ending::Ending;
use crate::record::Recorder;
use crate::roles::{self, Commands};
use crate::traced::complete;
use crate::tracer::Tracer;

/// The first word of the command line of a binary that records a part of a run. Then come the file,
/// when the run began (in nanoseconds since 1970), the program's side, whether to capture packets,
/// whether a program in Python tells its lines, and the program's command.
pub const MARK: &str = "--record-part";
/// The first word of the command line of a binary that only tells whether it could.
pub const ASK: &str = "--can-record";

/// Runs the program, writes what happened, and gives the exit code.
pub fn run(words: &[OsString]) -> anyhow::Result<i32> {
    let [file, began, side, packets, lines, program @ ..] = words else {
        bail!("{MARK} FILE BEGAN SIDE PACKETS LINES COMMAND");
    };
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let nanoseconds = text(began).parse().context("when did the run begin?")?;
    let began = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    let side = match text(side).as_str() {
        "server" => Side::Server,
        "client" => Side::Client,
        other => bail!("there is no side {other}"),
    };
    let last = Arc::new(AtomicU64::new(0));
    let mut recorder = Recorder::new(began, Arc::clone(&last));
    let captures = match text(packets).as_str() {
        "packets" => capture::start(began, false),
        _ => Err(anyhow::anyhow!("the machine's network has others in it")),
    };
    let captures = match captures {
        Ok(captures) => captures.map(|capture| (View::Whole, capture)).into(),
        Err(error) => {
            recorder.note(&format!("calls alone, no segments: {error:#}"));
            Vec::new()
        }
    };
    lab_netns::stop_passing_on_capturing()
        .context("cannot give up the right to capture packets")?;
    let commands = Commands {
        server: None,
        client: match text(lines).as_str() {
            "lines" => roles::with_lines(program),
            _ => program.to_vec(),
        },
        clients: 1,
        side,
    };
    let ending = Ending::of_part(began, last)?;
    let (recorder, ends) = Tracer::new(recorder, ending).run(&commands, None)?;
    let run = complete(recorder, captures, Vec::new())?;
    let file = Path::new(file);
    fs::write(file, run.journal.to_json()?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    end_like(ends.client)
}

/// Ends as the program has ended: by its signal, or with its exit code.
fn end_like(exit: Option<Exit>) -> anyhow::Result<i32> {
    let signal = exit.and_then(|exit| exit.signal);
    let Some(number) = signal else {
        return Ok(exit.and_then(|exit| exit.code).unwrap_or(1));
    };
    // Its own memory is of no interest.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).context("cannot forbid a core dump")?;
    if let Some(signal) = Signal::from_named_raw(number) {
        // Rust has its own answer to the first signal of some kinds, and none to the second.
        for _ in 0..2 {
            kill_process(getpid(), signal).context("cannot end like the program")?;
        }
    }
    Ok(128 + number)
}
