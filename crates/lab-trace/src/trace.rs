//! `cargo lab trace`: the command.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use argh::{ArgsInfo, FromArgs};
use lab_journal::picture::draw;
use lab_journal::{Entry, Event, Exit, ties};
use labnet::{Hint, lock, log, say};

use crate::capture::{self, Capture, View};
use crate::ending::Ending;
use crate::output::{self, Form, Run};
use crate::record::{Recorder, since};
use crate::relay::{self, Faults, Networks, Place, Relay, Sight, Watcher, milliseconds};
use crate::roles;
use crate::roles::Wanted;
use crate::tracer::Tracer;

/// Runs a server and a client, and draws what happened: each call on a socket, and each segment
/// between them. Any two programs, as they are. Its exit code is the client's.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "trace",
    help_triggers("-h", "--help"),
    example = "cargo lab trace {{exercise}}",
    example = "cargo lab trace {{exercise}} --server python --out run.html",
    example = "cargo lab trace --server \"python3 server.py\" --client \"node client.js\""
)]
pub struct Trace {
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

impl Trace {
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
        Faults {
            cut: self.cut,
            join: self.join,
            delay: self.delay,
            reset: self.reset,
            drop: self.drop,
            duplicate: self.duplicate,
            reorder: self.reorder,
        }
        .checked()
    }

    /// Runs the programs, draws what happened, and gives the exit code.
    pub fn run(&self) -> anyhow::Result<i32> {
        let files = output::files(&self.out, self.json.as_deref())?;
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
        let lost = Lost::default();
        let captures = network.and_then(|()| {
            let view = match faults.any() {
                true => View::ToServer,
                false => View::Whole,
            };
            let mut captures: Vec<_> = capture::start(began, whole)?
                .map(|capture| (view, capture))
                .into();
            if faults.any() {
                let server = relay::current()?;
                lab_netns::enter(Ipv4Addr::LOCALHOST.into())?;
                let clients = capture::start(began, whole)?;
                captures.extend(clients.map(|capture| (View::ToClient, capture)));
                let networks = Arc::new(Networks::new(server, relay::current()?));
                let place = Place::Between(Arc::clone(&networks));
                let one = Relay::new(faults, place, losses(&lost, began));
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
        let lost = std::mem::take(&mut *lock(&lost));
        let run = complete(recorder, captures, lost)?;
        let journal = &run.journal;
        let picture = draw(journal, output::style(self.width));
        say!("{}", picture.trim_end())?;
        output::write(&files, &run, began, &self.title())?;
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

/// Datagrams that the relay dropped, as entries of the journal.
type Lost = Arc<Mutex<Vec<Entry>>>;

/// Of what the relay sees, only what it drops is seen by no one else.
fn losses(lost: &Lost, began: SystemTime) -> Watcher {
    let lost = Arc::clone(lost);
    Arc::new(move |way, sight| {
        if let Sight::Lost(sender, datagram) = sight {
            let (at, event) = (since(began), way.lost(sender, datagram));
            lock(&lost).push(Entry { at, event });
        }
    })
}

/// A network of the run's own, so that every packet in it is the run's.
fn own_network() -> anyhow::Result<()> {
    lab_netns::enter_user_namespace()?;
    lab_netns::enter(std::net::Ipv4Addr::LOCALHOST.into())
}

/// Calls and segments in one journal, in the order of their beginning, tied together.
pub fn complete(
    mut recorder: Recorder,
    captures: Vec<(View, Capture)>,
    lost: Vec<Entry>,
) -> anyhow::Result<Run> {
    recorder.find_lines();
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
