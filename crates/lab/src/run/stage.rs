//! Where both sides of a run are started, heard and shown.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lab_core::process::{self, Event, Running, Stream};
use labnet::Hint;

use super::{Language, Part, Side};
use crate::show::{Label, Screen};
use crate::web;

/// How long a server may take until it listens: Python's start on a busy machine takes seconds.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// So many pieces of output may wait to be shown; then the programs wait.
const WAITING_PIECES: usize = 64;
/// A server's line on stderr that says that clients can come.
const READY: &[u8] = b"listening on ";
/// It has to come within so many bytes.
const READY_WITHIN: usize = 64 * 1024;

/// Where the sides are heard, and shown.
pub(super) struct Stage {
    screen: Screen,
    actors: Vec<Actor>,
    sender: SyncSender<Event<Side>>,
    events: Receiver<Event<Side>>,
    /// What the server has said on stderr, until it listens.
    server_says: Vec<u8>,
}

/// What is known of a side.
struct Actor {
    side: Side,
    label: Label,
    /// How many of its streams are open.
    open: usize,
    /// When it was heard last.
    heard: Option<Instant>,
}

impl Stage {
    pub(super) fn new(parts: &[Part<'_>]) -> Self {
        let mut labels: Vec<_> = parts.iter().map(|part| (part.side, part.label())).collect();
        labels.push((Side::Lab, Side::Lab.label()));
        if parts.iter().any(|part| part.program.needs_web_server) {
            labels.push((Side::Web, Side::Web.label()));
        }
        let width = labels.iter().map(|(_, label)| label.name.len()).max();
        let actor = |(side, label)| Actor {
            side,
            label,
            open: 0,
            heard: None,
        };
        let (sender, events) = mpsc::sync_channel(WAITING_PIECES);
        Stage {
            screen: Screen::new(width.unwrap_or(0)),
            actors: labels.into_iter().map(actor).collect(),
            sender,
            events,
            server_says: Vec::new(),
        }
    }

    pub(super) fn start(
        &mut self,
        part: Part<'_>,
        mut command: Command,
    ) -> anyhow::Result<Running> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Who plays with the keyboard wants question and answer in their order.
        let (started, pipes) = if part.program.interactive && io::stdin().is_terminal() {
            (process::start_merged(command, part.side, &self.sender), 1)
        } else {
            let started = process::start(&mut command).map(|mut running| {
                running.listen(part.side, &self.sender);
                running
            });
            (started, 2)
        };
        let started = started.with_context(|| format!("cannot start {program}"));
        let running = match part.language {
            Language::Rust => started?,
            Language::Python => started.hint(
                "is Python installed (3.8 or newer)? without --server python and --client python \
                 the Rust programs run",
            )?,
        };
        self.actor(part.side).open = pipes;
        Ok(running)
    }

    /// A line of our own.
    pub(super) fn note(&mut self, text: &str) -> anyhow::Result<()> {
        let line = format!("{text}\n");
        self.screen
            .feed(Side::Lab.label(), Stream::Stderr, line.as_bytes())
    }

    pub(super) fn start_web_server(&mut self, port: u16) -> anyhow::Result<SocketAddr> {
        let sender = self.sender.clone();
        web::start(port, move |line| {
            let bytes = Some(format!("{line}\n").into_bytes());
            let event = Event {
                side: Side::Web,
                stream: Stream::Stderr,
                bytes,
            };
            let _nobody_listens = sender.send(event);
        })
    }

    /// Shows everything until the server listens, and
    /// gives its address; `None` when it ends before.
    pub(super) fn wait_until_it_listens(&mut self) -> anyhow::Result<Option<SocketAddr>> {
        let deadline = Instant::now() + START_PATIENCE;
        while self.actor(Side::Server).open > 0 {
            if !self.next(Some(deadline))? {
                let patience = START_PATIENCE.as_secs();
                return Err(anyhow!(
                    "the server has not said within {patience} s that it listens"
                ))
                .hint("it has to print `listening on ADDRESS` to stderr");
            }
            if let Some(address) = listening(&self.server_says) {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    /// Shows everything until a side's streams have ended; false when the time is up before.
    /// `until` is given the time at which that side was last heard.
    pub(super) fn hear(
        &mut self,
        side: Side,
        until: impl Fn(Option<Instant>) -> Option<Instant>,
    ) -> anyhow::Result<bool> {
        while self.actor(side).open > 0 {
            let deadline = until(self.actor(side).heard);
            if !self.next(deadline)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows everything until the web server has told of a client, or the time is up.
    pub(super) fn hear_of_a_web_client(&mut self, deadline: Instant) -> anyhow::Result<()> {
        while self.actor(Side::Web).heard.is_none() && self.next(Some(deadline))? {}
        Ok(())
    }

    /// Takes the next event and shows it; false when none comes before the deadline.
    fn next(&mut self, deadline: Option<Instant>) -> anyhow::Result<bool> {
        loop {
            // The beginning of a line may have to be shown before anything else happens.
            let wake = match (deadline, self.screen.due()) {
                (Some(deadline), Some(due)) => Some(deadline.min(due)),
                (deadline, due) => deadline.or(due),
            };
            let event = match wake {
                None => self.events.recv().context("nobody speaks any more")?,
                Some(wake) => match self
                    .events
                    .recv_timeout(wake.saturating_duration_since(Instant::now()))
                {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Disconnected) => {
                        unreachable!("this struct holds a sender")
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        let now = Instant::now();
                        self.screen.show_beginnings(now)?;
                        if deadline.is_some_and(|deadline| deadline <= now) {
                            return Ok(false);
                        }
                        continue;
                    }
                },
            };
            self.screen.show_beginnings(Instant::now())?;
            self.take(event)?;
            return Ok(true);
        }
    }

    fn take(&mut self, event: Event<Side>) -> anyhow::Result<()> {
        let Event {
            side,
            stream,
            bytes,
        } = event;
        let actor = self.actor(side);
        actor.heard = Some(Instant::now());
        let label = actor.label;
        let Some(bytes) = bytes else {
            actor.open -= 1;
            return self.screen.end(label, stream);
        };
        if side == Side::Server && stream == Stream::Stderr && self.server_says.len() < READY_WITHIN
        {
            self.server_says.extend_from_slice(&bytes);
        }
        self.screen.feed(label, stream, &bytes)
    }

    fn actor(&mut self, side: Side) -> &mut Actor {
        self.actors
            .iter_mut()
            .find(|actor| actor.side == side)
            .expect("every side of a run is made in `new`")
    }
}

/// The address in a server's line that it listens.
pub(super) fn listening(says: &[u8]) -> Option<SocketAddr> {
    says.split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n")?.strip_prefix(READY))
        .find_map(|address| std::str::from_utf8(address).ok()?.trim().parse().ok())
}
