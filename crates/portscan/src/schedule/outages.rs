//! Hosts to which this machine has no way just now: no route, the link is down, or its own firewall
//! forbids it.
//!
//! Such an error says nothing about a port. The host's ports are held back, and one of them is
//! tried now and then; the other hosts go on. A host that has no way at the end of the scan is
//! given up. Where that are very many hosts that have never answered, they have one list, and one
//! port is tried for all of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::queue::{Pending, REJECTED};
use crate::window::Time;

/// The time between two tries of a host that cannot be sent to.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a way that was there before is waited for, and one that never was.
const PATIENCE: Duration = Duration::from_secs(15);
const SHORT_PATIENCE: Duration = Duration::from_millis(300);

/// A port that failed so often, while others of its host could be sent to, is out of reach itself:
/// a firewall of this machine.
const STRIKES: u8 = 3;

/// More hosts than this have one list: a record of each would take too much memory.
const MANY: usize = 1024;

#[derive(Debug)]
struct Outage {
    began: Time,
    /// When it was over, if it is.
    ended: Option<Time>,
    held: VecDeque<Pending>,
    /// When the next port may be tried, and whether one is being tried: a pilot.
    next: Time,
    trying: bool,
    /// Whether the host has answered before.
    had_way: bool,
}

impl Outage {
    fn new(now: Time, had_way: bool) -> Self {
        Outage {
            began: now,
            ended: None,
            held: VecDeque::new(),
            next: now,
            trying: false,
            had_way,
        }
    }

    /// Whether a pilot may go.
    fn is_due(&self, now: Time) -> bool {
        self.ended.is_none() && !self.trying && now >= self.next
    }

    /// Whether it has been waited for long enough.
    fn is_hopeless(&self, now: Time) -> bool {
        let patience = match self.had_way {
            true => PATIENCE,
            false => SHORT_PATIENCE,
        };
        self.ended.is_none() && !self.trying && now >= self.began + patience
    }

    fn pilot(&mut self, now: Time, controls: bool) -> Option<Pilot> {
        if !self.is_due(now) {
            return None;
        }
        let host = self.held.front()?.host;
        let pilot = match self.had_way && controls {
            true => Pilot::Control(host),
            false => Pilot::Port(self.held.pop_front()?),
        };
        self.trying = true;
        Some(pilot)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outages {
    by_host: HashMap<u32, Outage>,
    /// How many of them are not over.
    down: usize,
    /// Hosts that are due to be tried.
    due: VecDeque<u32>,
    next_look: Time,
    /// The ports of all other hosts, while there are some, and how often those were released.
    crowd: Option<Outage>,
    releases: u8,
}

/// What shows whether there is a way again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pilot {
    Port(Pending),
    /// Any port of this host that has answered: those that are held back may be out of reach
    /// themselves.
    Control(u32),
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
        self.down > 0 || self.crowd.is_some()
    }

    /// Whether a probe that was sent then, and has waited in vain until now, may be a victim of an
    /// outage.
    pub(super) fn hit(&self, host: u32, sent: Time) -> bool {
        let outage = self.of(host);
        outage.is_some_and(|outage| outage.ended.is_none_or(|ended| sent <= ended))
    }

    /// This machine had no way for a probe. Gives the port back when it is not tried again: others
    /// can be sent to, or the crowd was released in vain too often.
    pub(super) fn no_way(
        &mut self,
        now: Time,
        mut port: Pending,
        had_way: bool,
    ) -> Option<Pending> {
        if !had_way && self.by_host.len() >= MANY && !self.by_host.contains_key(&port.host) {
            return self.no_way_for_crowd(now, port);
        }
        let outage = self.by_host.entry(port.host).or_insert_with(|| {
            self.down += 1;
            Outage::new(now, had_way)
        });
        outage.had_way |= had_way;
        if outage.ended.take().is_some() {
            // The way is there for other ports.
            self.down += 1;
            outage.began = now;
            port.strikes += 1;
        }
        outage.trying = false;
        outage.next = now + PAUSE;
        if port.strikes & !REJECTED >= STRIKES {
            if outage.held.is_empty() {
                outage.ended = Some(now);
                self.down -= 1;
            }
            return Some(port);
        }
        outage.held.push_back(port);
        None
    }

    /// The same for a port of a host without a record.
    fn no_way_for_crowd(&mut self, now: Time, port: Pending) -> Option<Pending> {
        if self.releases >= STRIKES {
            return Some(port);
        }
        let crowd = self.crowd.get_or_insert_with(|| Outage::new(now, false));
        crowd.trying = false;
        crowd.next = now + PAUSE;
        crowd.held.push_back(port);
        None
    }

    /// A probe that is not held back had no way: those that are in flight may be victims.
    pub(super) fn note(&mut self, now: Time, host: u32) {
        let outage = self.by_host.entry(host).or_insert_with(|| Outage {
            ended: Some(now),
            ..Outage::new(now, true)
        });
        // One that is not over holds ports back, or has one that is tried.
        if outage.ended.is_some() {
            outage.ended = Some(now);
        }
    }

    /// Holds a port back.
    pub(super) fn hold(&mut self, port: Pending) {
        if let Some(outage) = self.by_host.get_mut(&port.host) {
            outage.held.push_back(port);
        }
    }

    /// What to try, when it is time to see whether a way is there again. With `controls`, ports
    /// that have answered may be asked again.
    pub(super) fn pilot(&mut self, now: Time, controls: bool) -> Option<Pilot> {
        if let Some(crowd) = &mut self.crowd
            && let Some(pilot) = crowd.pilot(now, controls)
        {
            return Some(pilot);
        }
        if self.down == 0 {
            return None;
        }
        if self.due.is_empty() && now >= self.next_look {
            self.next_look = now + PAUSE / 4;
            let due = self.by_host.iter().filter(|(_, outage)| outage.is_due(now));
            self.due.extend(due.map(|(host, _)| *host));
        }
        while let Some(host) = self.due.pop_front() {
            if let Some(outage) = self.by_host.get_mut(&host)
                && let Some(pilot) = outage.pilot(now, controls)
            {
                return Some(pilot);
            }
        }
        None
    }

    /// The pilot of a host was sent: there is a way again. Gives its ports, and those of the crowd
    /// when it was a pilot for that.
    pub(super) fn way_is_there(&mut self, now: Time, host: u32) -> VecDeque<Pending> {
        let Some(outage) = self.by_host.get_mut(&host) else {
            let Some(crowd) = self.crowd.take() else {
                return VecDeque::new();
            };
            self.releases = self.releases.saturating_add(1);
            return crowd.held;
        };
        if outage.ended.is_none() {
            outage.ended = Some(now);
            self.down -= 1;
        }
        outage.trying = false;
        std::mem::take(&mut outage.held)
    }

    /// A pilot could not be sent. Whether its port, unless it was a control, is held back again.
    pub(super) fn pilot_unsent(&mut self, now: Time, host: u32, port: Option<Pending>) -> bool {
        let outage = self.by_host.get_mut(&host).or(self.crowd.as_mut());
        let Some(outage) = outage.filter(|outage| outage.ended.is_none()) else {
            return false;
        };
        outage.trying = false;
        outage.next = now + PAUSE;
        outage.held.extend(port);
        true
    }

    /// At the end, when nothing else is left to do: the ports of hosts that are given up, and
    /// whether there was a way before.
    pub(super) fn given_up(&mut self, now: Time) -> Vec<(Pending, bool)> {
        let mut over = Vec::new();
        if let Some(crowd) = self.crowd.take_if(|crowd| crowd.is_hopeless(now)) {
            let had_way = crowd.had_way;
            over.extend(crowd.held.into_iter().map(|port| (port, had_way)));
        }
        for outage in self.by_host.values_mut() {
            if outage.is_hopeless(now) {
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
        let all = self.by_host.values().chain(&self.crowd);
        all.flat_map(|outage| &outage.held)
    }
}
