//! `cargo lab trace` where a tracer sees the calls.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use lab_journal::{Entry, Event, ties};
use labnet::{Hint, lock};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::capture::{self, Capture, View};
use crate::ending::Ending;
use crate::entries::{Ends, since};
use crate::output::Run;
use crate::record::Recorder;
use crate::relay::{self, Faults, Networks, Place, Relay, Sight, Watcher};
use crate::roles::Commands;
use crate::tracer::Tracer;
use crate::{child, ptrace};

/// What to run, and how.
pub struct Plan<'a> {
    pub commands: &'a Commands,
    pub faults: Faults,
    /// Not in networks of the run's own.
    pub shared_network: bool,
    /// Whole packets are wanted, for a file.
    pub packets: bool,
    pub began: SystemTime,
}

/// Whether this system lets a program be traced: tried with one that does nothing.
pub fn possible() -> anyhow::Result<()> {
    let tid = child::start(&["true".into()], Stdio::null())?;
    let pid = Pid::from_raw(tid).context("a process has no number")?;
    loop {
        let stop = waitpid(Some(pid), WaitOptions::empty()).context("cannot wait for a process")?;
        match stop {
            Some((_, status)) if status.stopped() => {
                ptrace::resume(tid, 0).context("cannot let a traced program run on")?;
            }
            Some((_, status)) if status.exit_status() == Some(0) => return Ok(()),
            _ => bail!("this system does not let a program be traced"),
        }
    }
}

/// Runs the programs, and gives what happened and how they ended.
pub fn record(plan: &Plan<'_>) -> anyhow::Result<(Run, Ends)> {
    let last = Arc::new(AtomicU64::new(0));
    // Only a process of one thread may enter a user namespace: before the threads that wait and
    // capture.
    let network = if plan.shared_network {
        Err(anyhow!("--shared-network was given"))
    } else {
        own_network()
    };
    let mut relay = None;
    let lost = Lost::default();
    let captures = network.and_then(|()| {
        let view = match plan.faults.any() {
            true => View::ToServer,
            false => View::Whole,
        };
        let mut captures: Vec<_> = capture::start(plan.began, plan.packets)?
            .map(|capture| (view, capture))
            .into();
        if plan.faults.any() {
            let server = relay::current()?;
            lab_netns::enter(Ipv4Addr::LOCALHOST.into())?;
            let clients = capture::start(plan.began, plan.packets)?;
            captures.extend(clients.map(|capture| (View::ToClient, capture)));
            let networks = Arc::new(Networks::new(server, relay::current()?));
            let place = Place::Between(Arc::clone(&networks));
            let one = Relay::new(plan.faults, place, losses(&lost, plan.began));
            relay = Some((networks, one));
        }
        Ok(captures)
    });
    let mut recorder = Recorder::new(plan.began, Arc::clone(&last));
    let captures = match captures {
        Err(error) if plan.faults.any() => {
            return Err(error.context("faults need networks of the run's own")).hint(
                "leave out --shared-network; some containers forbid such networks: with --relay \
                     faults need none, and the picture has the bytes without the calls",
            );
        }
        Ok(captures) => captures,
        Err(error) => {
            recorder.note(&format!("calls alone, no segments: {error:#}"));
            Vec::new()
        }
    };
    let ending = Ending::new(plan.began, last, plan.faults.delay)?;
    let (recorder, ends) = Tracer::new(recorder, ending).run(plan.commands, relay.as_ref())?;
    let lost = std::mem::take(&mut *lock(&lost));
    let run = complete(recorder, captures, lost)?;
    Ok((run, ends))
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
    lab_netns::enter(Ipv4Addr::LOCALHOST.into())
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
    let mut missed = 0;
    for (view, capture) in captures {
        let mut packets = capture.end()?;
        journal.left_out += packets.left_out;
        missed += packets.missed;
        let segments = packets.entries.into_iter().enumerate();
        let in_view = segments.filter(|(_, entry)| match &entry.event {
            Event::Segment(segment) => view.has(segment, &server),
            _ => true,
        });
        entries.extend(in_view.map(|(place, entry)| (entry, packets.whole.remove(&place))));
    }
    if missed > 0 {
        journal.notes.push(format!(
            "{missed} packets came faster than they were read: their segments are not drawn"
        ));
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
