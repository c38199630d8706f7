//! `cargo lab trace` where the calls cannot be seen: a relay between the two programs.
//!
//! The server listens at one port and the client is sent to another, where the relay is. So both
//! have to be told their ports.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, anyhow};
use lab_core::process::die_with_parent;
use lab_journal::picture::Live;
use lab_journal::{Exit, Side, ties};
use labnet::{Hint, lock};
use socket2::Socket;

use crate::entries::{Ends, since};
use crate::output::{self, Run};
use crate::relay::{Faults, Place, Relay, Watcher, free_port, sockets};
use crate::roles::{Commands, Told};
use crate::sightings::Sightings;
use crate::signals;

/// How often the programs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// So long a server may take to listen, where the system or the server tells.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// So long one is waited for that may tell nothing; then the relay knocks.
const UNSURE: Duration = Duration::from_secs(1);
/// After the client's end, a server is watched until nothing has passed for this long.
const SILENCE: Duration = Duration::from_millis(400);
/// One that always sends something is watched for this long.
const LAST_BYTES: Duration = Duration::from_secs(3);
/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(1);
/// What a server of the labs says when it listens.
const LISTENING: &str = "listening on";

/// Where the two programs meet the relay.
pub struct Meeting {
    listener: Socket,
    datagrams: Socket,
    server: SocketAddr,
    client: SocketAddr,
}

impl Meeting {
    /// Takes a port for the client, and finds one for the server.
    pub fn new() -> anyhow::Result<Self> {
        let (listener, datagrams) = sockets((Ipv4Addr::LOCALHOST, 0).into())?;
        let client = labnet::local_address(&listener)?;
        let server = (Ipv4Addr::LOCALHOST, free_port()?).into();
        Ok(Meeting {
            listener,
            datagrams,
            server,
            client,
        })
    }

    /// What the programs are told.
    pub fn told(&self) -> Told {
        Told::apart(self.server.port(), self.client.port())
    }
}

/// Runs the programs, and gives what passed between them and how they ended.
pub fn record(
    meeting: Meeting,
    commands: &Commands,
    faults: Faults,
    why: &str,
    began: SystemTime,
) -> anyhow::Result<(Run, Ends)> {
    let note = format!("calls cannot be seen here: {why}; a relay saw what passed");
    let live = Live::new(output::style(None));
    let sightings = Arc::new(Mutex::new(Sightings::new(began, live, note)));
    let last = Arc::new(AtomicU64::new(0));
    let (sender, signals) = mpsc::channel();
    // After the first the run is ending already.
    signals::at_each(move |signal| {
        let _ = sender.send(signal);
    })?;
    let words = commands.server.as_ref().context("there is no server")?;
    let mut running = Programs {
        server: Program::start(words, Stdio::null(), true)?,
        clients: Vec::new(),
        signals,
        sightings: Arc::clone(&sightings),
        ends: Ends::default(),
    };
    if let Some(knows) = running.wait_for_server(meeting.server)? {
        let watcher = watcher(&sightings, &last, began);
        let mut relay = Relay::new(faults, Place::Within, watcher);
        if !knows {
            relay.patience = READY_WITHIN;
            lock(&sightings).note("the server did not tell whether it listens");
        }
        relay.pass_connections(meeting.listener, meeting.server)?;
        relay.pass_datagrams(meeting.datagrams, meeting.server);
        for number in 0..commands.clients {
            // The first client has the keyboard.
            let stdin = match number {
                0 => Stdio::inherit(),
                _ => Stdio::null(),
            };
            let client = Program::start(&commands.client, stdin, false)?;
            running.clients.push(client);
        }
        running.wait_for_clients();
        running.wait_for_silence(SILENCE + 2 * faults.delay, &last, began);
    }
    running.stop()?;
    let ends = std::mem::take(&mut running.ends);
    let mut journal = lock(&sightings).journal().clone();
    ties::tie(&mut journal);
    let run = Run {
        journal,
        captured: false,
        packets: Vec::new(),
    };
    Ok((run, ends))
}

/// Records what the relay sees, and when it saw something last.
fn watcher(sightings: &Arc<Mutex<Sightings>>, last: &Arc<AtomicU64>, began: SystemTime) -> Watcher {
    let (sightings, last) = (Arc::clone(sightings), Arc::clone(last));
    Arc::new(move |way, sight| {
        // The picture is drawn at the end.
        let _lines = lock(&sightings).add(way, sight);
        last.store(since(began), Ordering::Relaxed);
    })
}

/// The programs of a run.
struct Programs {
    server: Program,
    clients: Vec<Program>,
    /// The signals that this program got.
    signals: Receiver<i32>,
    sightings: Arc<Mutex<Sightings>>,
    ends: Ends,
}

impl Programs {
    /// Waits until the server can be reached. Gives whether that is certain; nothing when the
    /// server has ended, or the run is to end.
    fn wait_for_server(&mut self, address: SocketAddr) -> anyhow::Result<Option<bool>> {
        let began = Instant::now();
        loop {
            if self.look() || self.ends.server.is_some() {
                return Ok(None);
            }
            let said = self.server.listens.load(Ordering::SeqCst);
            let tables = [lab_netns::sockets("tcp"), lab_netns::sockets("udp")];
            let tells = tables.iter().all(Option::is_some);
            let [tcp, udp] = tables.map(Option::unwrap_or_default);
            let at = |socket: &lab_netns::Socket| socket.local.port() == address.port();
            if said || tcp.iter().any(|one| at(one) && one.listens) || udp.iter().any(at) {
                return Ok(Some(true));
            }
            if !tells && began.elapsed() >= UNSURE {
                return Ok(Some(false));
            }
            if began.elapsed() >= READY_WITHIN {
                return Err(anyhow!(
                    "the server does not listen at {address}, the port that it was told"
                ))
                .hint("its command has {port} where the port belongs");
            }
        }
    }

    fn wait_for_clients(&mut self) {
        while !self.clients.is_empty() {
            if self.look() {
                return;
            }
        }
    }

    fn wait_for_silence(&mut self, silence: Duration, last: &AtomicU64, began: SystemTime) {
        let (ended, ended_at) = (Instant::now(), since(began));
        loop {
            let last = last.load(Ordering::Relaxed).max(ended_at);
            let silent = Duration::from_micros(since(began).saturating_sub(last)) > silence;
            if silent || ended.elapsed() > LAST_BYTES + silence {
                return;
            }
            if self.look() || self.ends.server.is_some() {
                return;
            }
        }
    }

    /// Waits a moment, and looks who has ended. Gives whether the run is to end.
    fn look(&mut self) -> bool {
        match self.signals.recv_timeout(LOOK_EVERY) {
            Ok(signal) => self.ends.signal = Some(signal),
            Err(RecvTimeoutError::Timeout) => {}
            // The thread that hears of them is gone: so is this program, soon.
            Err(RecvTimeoutError::Disconnected) => return true,
        }
        self.look_who_ended();
        self.ends.signal.is_some()
    }

    fn look_who_ended(&mut self) {
        let mut sightings = lock(&self.sightings);
        if self.ends.server.is_none()
            && let Some(status) = self.server.ended()
        {
            self.ends.server = Some(sightings.ended(Side::Server, status));
        }
        let ends = &mut self.ends;
        self.clients.retain_mut(|client| {
            let Some(status) = client.ended() else {
                return true;
            };
            let exit = sightings.ended(Side::Client, status);
            let is_well = |exit: &Exit| exit.code == Some(0);
            if ends.client.as_ref().is_none_or(is_well) {
                ends.client = Some(exit);
            }
            false
        });
    }

    /// Ends what still runs: asked first, unless Ctrl-C has told it, and killed a second later.
    fn stop(&mut self) -> anyhow::Result<()> {
        let by_terminal = self.ends.signal == Some(2);
        for patient in [true, false] {
            if self.ends.server.is_none() {
                self.server.stop(patient, by_terminal)?;
            }
            for client in &mut self.clients {
                client.stop(patient, by_terminal)?;
            }
            let began = Instant::now();
            while began.elapsed() < GRACE {
                if self.ends.server.is_some() && self.clients.is_empty() {
                    return Ok(());
                }
                thread::sleep(LOOK_EVERY);
                self.look_who_ended();
            }
        }
        Ok(())
    }
}

/// A program that runs. Dropped, it is killed.
struct Program {
    child: Child,
    /// It has said so.
    listens: Arc<AtomicBool>,
}

impl Program {
    fn start(words: &[OsString], stdin: Stdio, is_server: bool) -> anyhow::Result<Self> {
        let (program, arguments) = words
            .split_first()
            .context("there is no program to start")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(stdin);
        if is_server {
            command.stderr(Stdio::piped());
        }
        die_with_parent(&mut command);
        let child = command.spawn();
        let mut child = child.with_context(|| format!("cannot start {}", program.display()))?;
        let listens = Arc::new(AtomicBool::new(false));
        if let Some(errors) = child.stderr.take() {
            let said = Arc::clone(&listens);
            // It ends with the program.
            thread::spawn(move || pass_on(BufReader::new(errors), &said));
        }
        Ok(Program { child, listens })
    }

    fn ended(&mut self) -> Option<(Option<i32>, Option<i32>)> {
        // A program that cannot be waited for is gone.
        let status = self.child.try_wait().ok()??;
        Some((status.code(), signal_of(status)))
    }

    /// Asks it to end, or kills it.
    fn stop(&mut self, patient: bool, by_terminal: bool) -> anyhow::Result<()> {
        if !patient || cfg!(windows) {
            // It fails for one that has just ended.
            let _ = self.child.kill();
            return Ok(());
        }
        if !by_terminal {
            #[cfg(unix)]
            {
                use rustix::process::{Pid, Signal, kill_process};
                let pid = Pid::from_child(&self.child);
                let told = kill_process(pid, Signal::TERM);
                told.context("cannot end a program")?;
            }
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes a server's errors on, line by line.
fn pass_on(mut errors: impl BufRead, listens: &AtomicBool) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match errors.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        // Where our own stderr is closed, nobody reads it.
        let _ = io::stderr().write_all(&line);
        if String::from_utf8_lossy(&line).contains(LISTENING) {
            listens.store(true, Ordering::SeqCst);
        }
    }
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}
