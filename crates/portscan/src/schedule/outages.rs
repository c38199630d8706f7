//! Hosts to which this machine has no way just now: no route, the link is down, or its own firewall
//! forbids it.
//!
//! Such an error says nothing about a port. The host's ports are held back, and one of them is
//! tried now and then; the other hosts go on. A host that has no way at the end of the scan is
//! given up.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::queue::Pending;
use crate::window::Time;

/// The time between two tries of a host that cannot be sent to.
const PAUSE: Duration = Duration::from_millis(100);

/// An error of this machine is reported within this time of the probe.
const NEWS: Duration = Duration::from_millis(30);

/// How long a way that was there before is waited for, and one that never was.
const PATIENCE: Duration = Duration::from_secs(15);
const SHORT_PATIENCE: Duration = Duration::from_millis(300);

/// A port that failed so often, while others of its host could be sent to, is out of reach itself:
/// a firewall of this machine.
const STRIKES: u8 = 3;

#[derive(Debug)]
struct Outage {
    began: Time,
    /// When it was over, if it is.
    ended: Option<Time>,
    held: VecDeque<Pending>,
    /// When the next port may be tried, and when the last one was, without an error so far.
    next: Time,
    trying: Option<Time>,
    /// Whether the host has answered before.
    had_way: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outages {
    by_host: HashMap<u32, Outage>,
    /// How many of them are not over.
    down: usize,
    /// Hosts that are due to be tried, and those that are being tried.
    due: VecDeque<u32>,
    trying: Vec<u32>,
    next_look: Time,
}

impl Outages {
    /// Whether the ports of a host are held back.
    pub(super) fn is_down(&self, host: u32) -> bool {
        self.down > 0 && self.of(host).is_some_and(|outage| outage.ended.is_none())
    }

    fn of(&self, host: u32) -> Option<&Outage> {
        self.by_host.get(&host)
    }

    pub(super) fn any_down(&self) -> bool {
        self.down > 0
    }

    /// Whether a probe that was sent then, and has waited in vain until now, may be a victim of an
    /// outage.
    pub(super) fn hit(&self, host: u32, sent: Time) -> bool {
        let outage = self.of(host);
        outage.is_some_and(|outage| outage.ended.is_none_or(|ended| sent <= ended))
    }

    /// This machine had no way for a probe. Gives the port back when that port alone is out of
    /// reach.
    pub(super) fn no_way(
        &mut self,
        now: Time,
        mut port: Pending,
        had_way: bool,
    ) -> Option<Pending> {
        let outage = self.by_host.entry(port.host).or_insert_with(|| {
            self.down += 1;
            Outage {
                began: now,
                ended: None,
                held: VecDeque::new(),
                next: now,
                trying: None,
                had_way,
            }
        });
        outage.had_way |= had_way;
        if outage.ended.take().is_some() {
            // The way is there for other ports.
            self.down += 1;
            outage.began = now;
            port.strikes += 1;
        }
        outage.trying = None;
        outage.next = now + PAUSE;
        if port.strikes >= STRIKES {
            return Some(port);
        }
        outage.held.push_back(port);
        None
    }

    /// A probe that is not held back had no way: those that are in flight may be victims.
    pub(super) fn note(&mut self, now: Time, host: u32) {
        let outage = self.by_host.entry(host).or_insert_with(|| Outage {
            began: now,
            ended: None,
            held: VecDeque::new(),
            next: now,
            trying: None,
            had_way: true,
        });
        if !outage.held.is_empty() || outage.trying.is_some() {
            return;
        }
        outage.ended = Some(now);
    }

    /// Holds a port back.
    pub(super) fn hold(&mut self, port: Pending) {
        if let Some(outage) = self.by_host.get_mut(&port.host) {
            outage.held.push_back(port);
        }
    }

    /// A port to try, when it is time to see whether a way is there again.
    pub(super) fn pilot(&mut self, now: Time) -> Option<Pending> {
        if self.down == 0 {
            return None;
        }
        if self.due.is_empty() && now >= self.next_look {
            self.next_look = now + PAUSE / 4;
            let is_due = |outage: &Outage| {
                outage.ended.is_none() && outage.trying.is_none() && outage.next <= now
            };
            let due = self.by_host.iter().filter(|(_, outage)| is_due(outage));
            self.due.extend(due.map(|(host, _)| *host));
        }
        while let Some(host) = self.due.pop_front() {
            let Some(outage) = self.by_host.get_mut(&host) else {
                continue;
            };
            if outage.ended.is_some() || outage.trying.is_some() {
                continue;
            }
            if let Some(port) = outage.held.pop_front() {
                outage.trying = Some(now);
                self.trying.push(host);
                return Some(port);
            }
        }
        None
    }

    /// Hosts to which there is a way again: their ports.
    pub(super) fn released(&mut self, now: Time) -> Vec<Pending> {
        let mut released = Vec::new();
        let by_host = &mut self.by_host;
        let down = &mut self.down;
        self.trying.retain(|host| {
            let Some(outage) = by_host.get_mut(host) else {
                return false;
            };
            let Some(since) = outage.trying else {
                return false;
            };
            if now < since + NEWS {
                return true;
            }
            outage.trying = None;
            outage.ended = Some(now);
            *down -= 1;
            released.extend(outage.held.drain(..));
            false
        });
        released
    }

    /// At the end, when nothing else is left to do: the ports of hosts that are given up, and
    /// whether there was a way before.
    pub(super) fn given_up(&mut self, now: Time) -> Vec<(Pending, bool)> {
        let mut over = Vec::new();
        for outage in self.by_host.values_mut() {
            let patience = match outage.had_way {
                true => PATIENCE,
                false => SHORT_PATIENCE,
            };
            if outage.ended.is_none() && outage.trying.is_none() && now >= outage.began + patience {
                outage.ended = Some(now);
                self.down -= 1;
                let had_way = outage.had_way;
                over.extend(outage.held.drain(..).map(|port| (port, had_way)));
            }
        }
        over
    }

    /// The ports that are held back.
    pub(super) fn held(&self) -> impl Iterator<Item = &Pending> {
        self.by_host.values().flat_map(|outage| &outage.held)
    }
}
