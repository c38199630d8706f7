//! The session's lock, and what is sent when it is let go.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Instant;

use super::State;

/// The session's state while it is locked. What is put into the connection meanwhile is sent when
/// the lock is let go: then many threads that call at once share a system call, and none waits for
/// the lock while another sends.
pub(in super::super) struct Locked<'a> {
    /// None only while it is being let go.
    state: Option<MutexGuard<'a, State>>,
}

impl<'a> Locked<'a> {
    pub(super) fn new(state: MutexGuard<'a, State>) -> Self {
        Locked { state: Some(state) }
    }
}

const HELD: &str = "it is there until it is let go";

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect(HELD)
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect(HELD)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(mut state) = self.state.take() {
            let sender = state.protocol.owes_flush();
            drop(state);
            if let Some(sender) = sender {
                sender.flush();
            }
        }
    }
}

/// Lets the lock go until the condition is signaled, or a deadline.
pub(super) fn wait<'a>(
    condition: &Condvar,
    mut locked: Locked<'a>,
    until: Option<Instant>,
) -> Locked<'a> {
    // Who waits may wait for the answer to what it has put in.
    if let Some(sender) = locked.protocol.owes_flush() {
        sender.flush();
    }
    let state = locked.state.take().expect(HELD);
    let state = match until {
        None => condition
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            condition
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        }
    };
    locked.state = Some(state);
    locked
}
