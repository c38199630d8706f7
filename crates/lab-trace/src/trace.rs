//! `cargo lab trace`: the command.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_journal::layout::Style;
use lab_journal::picture::draw;
use lab_journal::{Entry, Event, Exit, ties};
use labnet::{Hint, lock, log, say};

use crate::capture::{self, Capture, View};
use crate::ending::Ending;
use crate::faults::Faults;
use crate::output::{self, Form, Run};
use crate::record::Recorder;
use crate::relay::{self, Networks, Relay};
use crate::roles::Wanted;
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
    example = "cargo lab trace {{exercise}} --server python --out run.html",
    example = "cargo lab trace --server \"python3 server.py\" --client \"node client.js\""
)]
pub struct Args {
    /// the server's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    server: Option<String>,
    /// the client's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    client: Option<String>,
    /// one program, which runs alone; with an exercise of one program also rust or python
    #[argh(option)]
    program: Option<String>,
    /// how many clients run at once (default 1)
    #[argh(option, default = "1")]
    clients: usize,
    /// a fault, TCP: at most so many bytes arrive at a time
    #[argh(option)]
    cut: Option<usize>,
    /// a fault, TCP: what is sent without a pause arrives in one piece
    #[argh(switch)]
    join: bool,
    /// a fault: everything arrives so much later: 50ms
    #[argh(option, default = "Duration::ZERO", from_str_fn(milliseconds))]
    delay: Duration,
    /// a fault, TCP: the connection is reset after so many bytes in one direction
    #[argh(option)]
    reset: Option<u64>,
    /// a fault, UDP: this datagram of each direction (1 is the first) is lost
    #[argh(option)]
    drop: Option<u64>,
    /// a fault, UDP: this datagram of each direction arrives twice
    #[argh(option)]
    duplicate: Option<u64>,
    /// a fault, UDP: this datagram of each direction arrives after the next one
    #[argh(option)]
    reorder: Option<u64>,
    /// also write the run into this file, by its ending: .html (a page with a slider and the
    /// queues), .svg, .txt, .json, .pcapng (for Wireshark); may be given again
    #[argh(option)]
    out: Vec<PathBuf>,
    /// the same as --out, with JSON for any ending
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
    /// What ran, in a few words.
    fn title(&self) -> String {
        if let Some(program) = &self.program {
            return program.clone();
        }
        let of = |wanted: &Option<String>, side: &str| match wanted {
            Some(command) => command.clone(),
            None => format!("the {side} in Rust"),
        };
        let both = format!(
            "{} and {}",
            of(&self.server, "server"),
            of(&self.client, "client")
        );
        match &self.exercise {
            Some(exercise) => format!("{exercise}: {both}"),
            None => both,
        }
    }

    fn faults(&self) -> anyhow::Result<Faults> {
        if self.cut == Some(0) {
            return Err(anyhow!("--cut 0: nothing would ever arrive")).hint("give 1 or more");
        }
        for (name, place) in [
            ("drop", self.drop),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
        ] {
            if place == Some(0) {
                return Err(anyhow!("--{name} 0: datagrams are counted from 1"))
                    .hint(format!("--{name} 1 is the first of each direction"));
            }
        }
        Ok(Faults {
            cut: self.cut,
            join: self.join,
            delay: self.delay,
            reset: self.reset,
            drop: self.drop,
            duplicate: self.duplicate,
            reorder: self.reorder,
        })
    }

    fn trace(&self) -> anyhow::Result<i32> {
        let files = files(&self.out, self.json.as_deref())?;
        let faults = self.faults()?;
        let commands = roles::commands(Wanted {
            exercise: self.exercise.as_deref(),
            server: self.server.as_deref(),
            client: self.client.as_deref(),
            program: self.program.as_deref(),
            clients: self.clients,
        })?;
        let last = Arc::new(AtomicU64::new(0));
        // Only a process of one thread may enter a user namespace: before the threads that wait and
        // capture.
        let network = if self.shared_network {
            Err(anyhow!("--shared-network was given"))
        } else {
            own_network()
        };
        let began = SystemTime::now();
        let whole = files.iter().any(|(form, _)| *form == Form::Pcapng);
        let mut relay = None;
        let captures = network.and_then(|()| {
            let mut captures = vec![(View::Whole, capture::start(began, whole)?)];
            if faults.any() {
                captures[0].0 = View::ToServer;
                let server = relay::current()?;
                lab_netns::enter(Ipv4Addr::LOCALHOST.into())?;
                captures.push((View::ToClient, capture::start(began, whole)?));
                let networks = Networks::new(server, relay::current()?);
                let one = Relay::new(faults, &networks, began)?;
                relay = Some((networks, one));
            }
            Ok(captures)
        });
        let mut recorder = Recorder::new(began, Arc::clone(&last));
        let captures = match captures {
            Err(error) if faults.any() => {
                return Err(error.context("faults need networks of the run's own"))
                    .hint("leave out --shared-network; some containers forbid such networks");
            }
            Ok(captures) => captures,
            Err(error) => {
                recorder.note(&format!("calls alone, no segments: {error:#}"));
                Vec::new()
            }
        };
        let ending = Ending::new(began, last, faults.delay)?;
        let (recorder, ends) = Tracer::new(recorder, ending).run(&commands, relay.as_ref())?;
        let lost = relay.map_or_else(Vec::new, |(_, relay)| {
            std::mem::take(&mut *lock(&relay.lost))
        });
        let run = complete(recorder, captures, lost)?;
        let journal = &run.journal;
        let width = self.width.or_else(terminal_width).unwrap_or(WIDTH);
        let picture = draw(
            journal,
            Style {
                width,
                color: io::stdout().is_terminal()
                    && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                ascii: !speaks_utf8(),
            },
        );
        say!("{}", picture.trim_end())?;
        for (form, file) in files {
            let bytes = output::file(form, &run, began, &self.title())?;
            fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
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

/// A time in milliseconds, with its unit or without: `50ms`, `50`.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text).parse();
    number
        .map(Duration::from_millis)
        .map_err(|_| format!("{text:?} is not a time in milliseconds such as 50ms"))
}

/// The files to write and their forms: a wrong ending is told before anything runs.
fn files<'a>(out: &'a [PathBuf], json: Option<&'a Path>) -> anyhow::Result<Vec<(Form, &'a Path)>> {
    let mut files = Vec::new();
    for file in out {
        files.push((Form::of(file)?, file.as_path()));
    }
    files.extend(json.map(|file| (Form::Json, file)));
    Ok(files)
}

/// A network of the run's own, so that every packet in it is the run's.
fn own_network() -> anyhow::Result<()> {
    lab_netns::enter_user_namespace()?;
    lab_netns::enter(std::net::Ipv4Addr::LOCALHOST.into())
}

/// Calls and segments in one journal, in the order of their beginning, tied together.
fn complete(
    recorder: Recorder,
    captures: Vec<(View, Capture)>,
    lost: Vec<Entry>,
) -> anyhow::Result<Run> {
    let server = recorder.server_is_at;
    let mut journal = recorder.journal;
    let sockets = recorder.sockets.all.into_iter();
    journal.sockets = sockets.map(|tracked| tracked.socket).collect();
    let calls = std::mem::take(&mut journal.entries).into_iter();
    let mut entries: Vec<_> = calls.map(|entry| (entry, None)).collect();
    let captured = !captures.is_empty();
    for (view, capture) in captures {
        let mut packets = capture.end()?;
        journal.left_out += packets.left_out;
        let segments = packets.entries.into_iter().enumerate();
        let in_view = segments.filter(|(_, entry)| match &entry.event {
            Event::Segment(segment) => view.has(segment, &server),
            _ => true,
        });
        entries.extend(in_view.map(|(place, entry)| (entry, packets.whole.remove(&place))));
    }
    entries.extend(lost.into_iter().map(|entry| (entry, None)));
    entries.sort_by_key(|(entry, _)| entry.at);
    let mut packets = Vec::new();
    for (place, (entry, packet)) in entries.into_iter().enumerate() {
        packets.extend(packet.map(|packet| (place, packet)));
        journal.entries.push(entry);
    }
    ties::tie(&mut journal);
    Ok(Run {
        journal,
        captured,
        packets,
    })
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
