//! `cargo lab spy`: a relay alone, for programs that were started by somebody else.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_journal::picture::Live;
use lab_journal::ties;
use labnet::{Hint, lock, log, say};

use crate::output::{self, Form, Run};
use crate::relay::{Faults, Place, Relay, Watcher, milliseconds, sockets};
use crate::sightings::Sightings;
use crate::signals;

/// What a picture says of itself.
const SAW: &str = "a relay saw this: what passed, and none of the programs' calls";

/// Passes on what comes to an address, connections and datagrams, and shows it as it passes. Faults
/// may happen on the way. Ctrl-C ends it, and writes the files.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "spy",
    help_triggers("-h", "--help"),
    example = "cargo lab spy 9000 127.0.0.1:65432",
    example = "cargo lab spy 9000 65432 --cut 1 --out run.html",
    example = "cargo lab spy 0.0.0.0:8080 example.org:80 --delay 200ms"
)]
pub struct Spy {
    /// a fault, TCP: at most so many bytes are passed on at a time
    #[argh(option)]
    cut: Option<usize>,
    /// a fault, TCP: what is sent without a pause is passed on in one piece
    #[argh(switch)]
    join: bool,
    /// a fault: everything is passed on so much later: 50ms
    #[argh(option, default = "Duration::ZERO", from_str_fn(milliseconds))]
    delay: Duration,
    /// a fault, TCP: the connection is reset after so many bytes in one direction
    #[argh(option)]
    reset: Option<u64>,
    /// a fault, UDP: this datagram of each direction (1 is the first) is lost
    #[argh(option)]
    drop: Option<u64>,
    /// a fault, UDP: this datagram of each direction is passed on twice
    #[argh(option)]
    duplicate: Option<u64>,
    /// a fault, UDP: this datagram of each direction is passed on after the next one
    #[argh(option)]
    reorder: Option<u64>,
    /// at the end also write the run into this file, by its ending: .html (a page with a slider),
    /// .svg, .txt, .json; may be given again
    #[argh(option)]
    out: Vec<PathBuf>,
    /// how many columns the picture has (default the terminal's, or 80; at least 50)
    #[argh(option)]
    width: Option<usize>,
    /// where the clients come: a port, or an address with a port
    #[argh(positional)]
    listen: String,
    /// where the server is: an address with a port; a port alone is one of this machine
    #[argh(positional)]
    server: String,
}

/// Why the command ends.
enum End {
    Signal,
    /// What passes cannot be shown any more.
    Output(anyhow::Error),
}

impl Spy {
    /// Passes on until Ctrl-C.
    pub fn run(self) -> anyhow::Result<i32> {
        let faults = Faults {
            cut: self.cut,
            join: self.join,
            delay: self.delay,
            reset: self.reset,
            drop: self.drop,
            duplicate: self.duplicate,
            reorder: self.reorder,
        }
        .checked()?;
        let files = output::files(&self.out, None)?;
        if files.iter().any(|(form, _)| *form == Form::Pcapng) {
            return Err(anyhow!("a relay sees bytes, and no packets for a .pcapng"))
                .hint("give --out .html, .svg, .txt or .json");
        }
        for (_, file) in &files {
            // A file that cannot be written should be known now, not after an hour.
            let opened = fs::OpenOptions::new().create(true).append(true).open(file);
            opened.with_context(|| format!("cannot write {}", file.display()))?;
        }
        let (listen, server) = (place(&self.listen)?, place(&self.server)?);
        let (ends, end) = mpsc::sync_channel(1);
        let at_signal = ends.clone();
        // After the first the command is ending already.
        signals::at_each(move |_| drop(at_signal.try_send(End::Signal)))?;

        let (listener, datagrams) = sockets(listen)?;
        let listens_at = labnet::local_address(&listener)?;
        if listens_at == server {
            return Err(anyhow!("the spy would go to itself, at {server}"))
                .hint("first the port for the clients, then the server's address: 9000 65432");
        }
        let live = Live::new(output::style(self.width));
        say!("{}", live.head().trim_end())?;
        let began = SystemTime::now();
        let sightings = Arc::new(Mutex::new(Sightings::new(began, live, SAW.to_string())));
        let relay = Relay::new(faults, Place::Within, watcher(&sightings, ends));
        relay.pass_connections(listener, server)?;
        relay.pass_datagrams(datagrams, server);
        log!("listening on {listens_at} for {server}");

        let end = end.recv().context("nothing would end the spy")?;
        let mut journal = lock(&sightings).journal().clone();
        ties::tie(&mut journal);
        let title = format!("Between {listens_at} and {server}");
        let run = Run {
            journal,
            captured: false,
            packets: Vec::new(),
        };
        output::write(&files, &run, began, &title)?;
        match end {
            End::Signal => Ok(0),
            End::Output(error) => Err(error),
        }
    }
}

/// Records and shows what the relay sees.
fn watcher(sightings: &Arc<Mutex<Sightings>>, ends: SyncSender<End>) -> Watcher {
    let sightings = Arc::clone(sightings);
    Arc::new(move |way, sight| {
        // Shown under the lock, so that the lines are in the order of the journal.
        let mut sightings = lock(&sightings);
        let lines = sightings.add(way, sight);
        if !lines.is_empty()
            && let Err(error) = say!("{}", lines.trim_end_matches('\n'))
        {
            let _ = ends.try_send(End::Output(error));
        }
    })
}

/// An address from the command line; without a host it is one of this machine.
fn place(text: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) => labnet::resolve(host, port),
        None => Err(anyhow!("{text:?} is not an address with a port"))
            .hint("127.0.0.1:65432, [::1]:65432, localhost:65432 or a port of this machine, 65432"),
    }
}
