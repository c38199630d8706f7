//! Bytes that came from the router and wait to be read by the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes may be held together.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    held: AtomicUsize,
}

/// Some bytes of a [`Budget`], given back when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Budget {
            limit,
            held: AtomicUsize::new(0),
        })
    }

    /// Takes so many bytes, if there are so many left. What is alone always finds a place.
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let held = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                let sum = held.saturating_add(bytes);
                (held == 0 || sum <= self.limit).then_some(sum)
            });
        held.is_ok().then(|| Held {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_up_to_the_limit_and_given_back() {
        let budget = Budget::new(100);
        let large = budget.hold(1000).unwrap();
        assert!(budget.hold(1).is_none());
        drop(large);
        let (first, _second) = (budget.hold(60).unwrap(), budget.hold(40).unwrap());
        assert!(budget.hold(1).is_none());
        drop(first);
        assert!(budget.hold(61).is_none());
        assert!(budget.hold(60).is_some());
    }
}
