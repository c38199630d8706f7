//! The second looks at the silent ports of many hosts at once, each at its host's own pace.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use super::queue::Pending;
use super::settle::{Settle, Step};
use crate::findings::State;
use crate::probe::Probe;
use crate::window::Time;

/// So many hosts at once.
const AT_ONCE: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Hosts whose turn has not come.
    queue: VecDeque<Settle>,
    active: HashMap<u32, Settle>,
    /// Hosts that may have something to send, and those that have it later.
    ready: VecDeque<u32>,
    later: BinaryHeap<Reverse<(Time, u32)>>,
}

impl Settling {
    /// A host to look at.
    pub(super) fn add(&mut self, settle: Settle) {
        self.queue.push_back(settle);
    }

    /// Whether several hosts are looked at, which share the path.
    pub(super) fn has_several(&self) -> bool {
        self.active.len() > 1
    }

    pub(super) fn is_active(&self) -> bool {
        !self.active.is_empty() || !self.queue.is_empty()
    }

    /// What to do next for any host; `None` when all looks are over.
    pub(super) fn next(&mut self, now: Time) -> Option<Step> {
        while self.active.len() < AT_ONCE
            && let Some(settle) = self.queue.pop_front()
        {
            self.ready.push_back(settle.host());
            self.active.insert(settle.host(), settle);
        }
        while let Some(Reverse((time, host))) = self.later.peek().copied()
            && time <= now
        {
            self.later.pop();
            self.ready.push_back(host);
        }
        while let Some(host) = self.ready.pop_front() {
            // One that is over may still be in the list.
            let Some(settle) = self.active.get_mut(&host) else {
                continue;
            };
            match settle.next(now) {
                Step::Await => {}
                Step::At(time) => self.later.push(Reverse((time, host))),
                step @ Step::Ask(_) => {
                    self.ready.push_back(host);
                    return Some(step);
                }
                over @ Step::Over(_) => {
                    self.active.remove(&host);
                    return Some(over);
                }
            }
        }
        if self.active.is_empty() {
            return None;
        }
        let next = self.later.peek();
        Some(next.map_or(Step::Await, |Reverse((time, _))| Step::At(*time)))
    }

    pub(super) fn answered(&mut self, now: Time, probe: &Probe, state: State) {
        self.tell(probe, |settle| settle.answered(now, probe, state));
    }

    pub(super) fn silent(&mut self, probe: &Probe) {
        self.tell(probe, |settle| settle.silent(probe));
    }

    pub(super) fn put_back(&mut self, now: Time, probe: &Probe, pause: Duration) {
        self.tell(probe, |settle| settle.put_back(now, probe, pause));
    }

    /// Tells a host's look what has come of a probe. It may have been waiting for that.
    fn tell(&mut self, probe: &Probe, tell: impl FnOnce(&mut Settle)) {
        if let Some(settle) = self.active.get_mut(&probe.host) {
            tell(settle);
            if settle.waits() {
                self.ready.push_back(probe.host);
            }
        }
    }

    /// Ports whose silence is still being looked at.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Pending> {
        let settles = self.queue.iter().chain(self.active.values());
        settles.flat_map(Settle::pending)
    }
}
