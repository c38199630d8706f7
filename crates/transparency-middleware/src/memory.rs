//! A budget of memory that many holders share: a router's connections, a client's queues.
//!
//! What is counted is what a peer can make grow: messages that wait,
//! messages that have come in part, what the sessions have registered.
//! Each holder has a [`Charge`], which counts until it is dropped.

use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Holders tell of changes in steps of this size: nearly all messages change nothing then.
const STEP: usize = 16 * 1024;

/// How much may be held, and how much is.
#[derive(Debug)]
pub(crate) struct Memory {
    max: usize,
    used: AtomicUsize,
}

impl Default for Memory {
    /// Without a limit.
    fn default() -> Self {
        Memory::new(usize::MAX)
    }
}

impl Memory {
    pub(crate) fn new(max: usize) -> Self {
        Memory {
            max,
            used: AtomicUsize::new(0),
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so much is held that the largest holders have to go: many threads may be about to
    /// hold more at the same moment, and the rest is for that.
    pub(crate) fn is_crowded(&self) -> bool {
        self.used() > self.max / 8 * 7
    }

    /// How much may be left when those have gone.
    pub(crate) fn goal(&self) -> usize {
        self.max / 4 * 3
    }

    /// Whether so much more may be held.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.max
    }
}

impl Memory {
    /// Holds so much, if there is room. What is alone always finds a place.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let more = |used: usize| {
            let sum = used.saturating_add(bytes);
            (used == 0 || sum <= self.max).then_some(sum)
        };
        let used = &self.used;
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        Some(Charge {
            memory: self.clone(),
            bytes,
        })
    }
}

/// What one holder holds.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Charge {
    pub(crate) fn new(memory: &Arc<Memory>, bytes: usize) -> Self {
        let mut charge = Charge {
            memory: memory.clone(),
            bytes: 0,
        };
        charge.set(bytes);
        charge
    }

    /// It holds so much now.
    pub(crate) fn set(&mut self, bytes: usize) {
        let used = &self.memory.used;
        if bytes > self.bytes {
            used.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else if bytes < self.bytes {
            used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// It holds about so much now: whole steps are counted.
    pub(crate) fn set_about(&mut self, bytes: usize) {
        self.set(bytes / STEP * STEP);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// What is kept counts so many bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cost {
    /// All of them.
    pub(crate) all: usize,
    /// Those that are held for this peer alone.
    pub(crate) own: usize,
}

impl Cost {
    /// Of bytes that are held for one peer.
    pub(crate) fn own(bytes: usize) -> Self {
        Cost {
            all: bytes,
            own: bytes,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, more: Cost) {
        self.all += more.all;
        self.own += more.own;
    }
}

impl SubAssign for Cost {
    /// What was evicted meanwhile has gone already.
    fn sub_assign(&mut self, less: Cost) {
        self.all = self.all.saturating_sub(less.all);
        self.own = self.own.saturating_sub(less.own);
    }
}

/// Bytes that are counted for as long as somebody holds a part of them.
pub(crate) fn counted(bytes: Bytes, memory: &Arc<Memory>) -> Bytes {
    struct Counted {
        bytes: Bytes,
        _charge: Charge,
    }
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    let charge = Charge::new(memory, bytes.len());
    Bytes::from_owner(Counted {
        bytes,
        _charge: charge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_up_to_the_limit_and_given_back() {
        let budget = Arc::new(Memory::new(100));
        let large = budget.hold(1000).unwrap();
        assert!(budget.hold(1).is_none());
        drop(large);
        let (first, _second) = (budget.hold(60).unwrap(), budget.hold(40).unwrap());
        assert!(budget.hold(1).is_none());
        drop(first);
        assert!(budget.hold(61).is_none());
        assert!(budget.hold(60).is_some());
    }

    #[test]
    fn what_is_held_counts_until_the_last_holder_lets_go() {
        let memory = Arc::new(Memory::new(100_000));
        let mut charge = Charge::new(&memory, 70_000);
        assert!(memory.has_room(30_000) && !memory.has_room(30_001));
        let bytes = counted(Bytes::from(vec![0; 40_000]), &memory);
        assert_eq!(memory.used(), 110_000);
        assert!(memory.is_crowded());
        let part = bytes.slice(5..10);
        drop(bytes);
        assert!(memory.is_crowded());
        drop(part);
        assert_eq!(memory.used(), 70_000);
        assert!(!memory.is_crowded());
        charge.set_about(STEP * 2 - 1);
        assert_eq!(memory.used(), STEP);
        drop(charge);
        assert_eq!(memory.used(), 0);
    }
}
