//! `cargo lab trace`: the command.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;
use std::{env, fs};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_journal::layout::Style;
use lab_journal::picture::draw;
use lab_journal::{Exit, Journal, ties};
use labnet::{Hint, log, say};

use crate::capture::{self, Capture};
use crate::ending::Ending;
use crate::record::Recorder;
use crate::tracer::Tracer;
use crate::{child, roles};

/// A terminal that does not say how wide it is has so many columns.
const WIDTH: usize = 80;

/// Runs a server and a client, and draws what happened: each call on a socket, and each segment
/// between them. Any two programs, as they are. Its exit code is the client's.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "cargo lab trace {{exercise}}",
    example = "cargo lab trace {{exercise}} --server python --json run.json",
    example = "cargo lab trace --server \"python3 server.py\" --client \"node client.js\""
)]
pub struct Args {
    /// the server's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    server: Option<String>,
    /// the client's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    client: Option<String>,
    /// also write the run as JSON into this file
    #[argh(option)]
    json: Option<PathBuf>,
    /// how many columns the picture has (default the terminal's, or 80; at least 50)
    #[argh(option)]
    width: Option<usize>,
    /// stay in the machine's network: then the picture has calls and no segments
    #[argh(switch)]
    shared_network: bool,
    /// the exercise, a server and a client; cargo lab list shows them
    #[argh(positional)]
    exercise: Option<String>,
}

/// Runs the command, or becomes a traced program, and gives the exit code.
pub fn run() -> anyhow::Result<i32> {
    let mut words = env::args_os().skip(1);
    if words.next().is_some_and(|word| word == child::MARK) {
        let words: Vec<OsString> = words.collect();
        child::become_program(&words)?;
        return Ok(1);
    }
    let args: Args = labnet::args_with_help("cargo lab trace", |help| {
        help.replace("{exercise}", "dsd-sum")
    })?;
    args.trace()
}

impl Args {
    fn trace(&self) -> anyhow::Result<i32> {
        let commands = roles::commands(
            self.exercise.as_deref(),
            self.server.as_deref(),
            self.client.as_deref(),
        )?;
        let last = Arc::new(AtomicU64::new(0));
        // Only a process of one thread may enter a user namespace: before the threads that wait and
        // capture.
        let network = if self.shared_network {
            Err(anyhow!("--shared-network was given"))
        } else {
            own_network()
        };
        let began = SystemTime::now();
        let capture = network.and_then(|()| capture::start(began));
        let mut recorder = Recorder::new(began, Arc::clone(&last));
        let capture = match capture {
            Ok(capture) => Some(capture),
            Err(error) => {
                recorder.note(&format!("calls alone, no segments: {error:#}"));
                None
            }
        };
        let ending = Ending::new(began, last)?;
        let (recorder, ends) =
            Tracer::new(recorder, ending).run(&commands.server, &commands.client)?;
        let journal = complete(recorder, capture)?;

        if let Some(file) = &self.json {
            fs::write(file, journal.to_json()? + "\n")
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        let width = self.width.or_else(terminal_width).unwrap_or(WIDTH);
        let picture = draw(
            &journal,
            Style {
                width,
                color: io::stdout().is_terminal()
                    && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                ascii: !speaks_utf8(),
            },
        );
        say!("{}", picture.trim_end())?;
        if let Some(signal) = ends.signal {
            return Ok(128 + signal);
        }
        let Some(client) = ends.client else {
            let how = ends
                .server
                .map_or(String::new(), |exit| format!(" ({})", describe(exit)));
            return Err(anyhow!("the server ended before a client could come{how}"))
                .hint("what it printed above tells why");
        };
        if let Some(failed) = ends
            .server
            .filter(|exit| exit.code.is_some_and(|code| code != 0))
        {
            log!("the server failed ({})", describe(failed));
        }
        Ok(code_of(client))
    }
}

/// A network of the run's own, so that every packet in it is the run's.
fn own_network() -> anyhow::Result<()> {
    lab_netns::enter_user_namespace()?;
    lab_netns::enter(std::net::Ipv4Addr::LOCALHOST.into())
}

/// Calls and segments in one journal, in the order of their beginning, tied together.
fn complete(recorder: Recorder, capture: Option<Capture>) -> anyhow::Result<Journal> {
    let mut journal = recorder.journal;
    let sockets = recorder.sockets.all.into_iter();
    journal.sockets = sockets.map(|tracked| tracked.socket).collect();
    if let Some(capture) = capture {
        let packets = capture.end()?;
        journal.entries.extend(packets.entries);
        journal.left_out += packets.left_out;
    }
    journal.entries.sort_by_key(|entry| entry.at);
    ties::tie(&mut journal);
    Ok(journal)
}

fn describe(exit: Exit) -> String {
    match (exit.code, exit.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (code, None) => format!("exit code {}", code.unwrap_or(0)),
    }
}

/// The exit code as a shell gives it.
fn code_of(exit: Exit) -> i32 {
    exit.code
        .or(exit.signal.map(|signal| 128 + signal))
        .unwrap_or(1)
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether the locale is one of UTF-8: locale(7).
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty());
    let name = locale.unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains("utf-8") || name.contains("utf8")
}
