//! What a session has to do later, by the time at which it is due.

use std::collections::BTreeMap;
use std::time::Instant;

/// Something to do later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Task {
    /// Make a call again.
    Call(u64),
    /// Make a registration again.
    Register(u64),
    /// Make a subscription again.
    Subscribe(u64),
    /// See whether the router of this connection still speaks.
    Ping(u64),
    /// End an attempt to connect that has taken too long.
    Handshake(u64),
}

/// Tasks in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    by_time: BTreeMap<(Instant, u64), Task>,
    last: u64,
}

impl Tasks {
    pub(super) fn add(&mut self, at: Instant, task: Task) {
        self.last += 1;
        self.by_time.insert((at, self.last), task);
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// Takes one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Task> {
        let entry = self.by_time.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn contains(&self, task: Task) -> bool {
        self.by_time.values().any(|other| *other == task)
    }

    /// Forgets what concerns a connection that is no more.
    pub(super) fn forget_connection(&mut self) {
        self.by_time
            .retain(|_, task| matches!(task, Task::Call(_) | Task::Handshake(_)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tasks_come_in_the_order_of_their_times_and_not_before() {
        let mut tasks = Tasks::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        tasks.add(later, Task::Call(1));
        tasks.add(now, Task::Ping(2));
        tasks.add(now, Task::Register(3));
        assert_eq!(tasks.next(), Some(now));
        assert_eq!(tasks.take_due(now), Some(Task::Ping(2)));
        assert_eq!(tasks.take_due(now), Some(Task::Register(3)));
        assert_eq!(tasks.take_due(now), None);
        assert_eq!(tasks.take_due(later), Some(Task::Call(1)));
        assert_eq!(tasks.next(), None);
    }
}
