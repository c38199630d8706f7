//! Whose turn it is: a few sessions at a time are worked for, those first that cost least.
//!
//! Each session has its own thread. If all of them worked at once, a hundred busy sessions would
//! share the processors and queue for the realm, and a quiet one would wait behind all of them.
//! So a session's thread takes a turn before it handles what has come. There are as many turns as
//! processors. Those who wait are served in the order of fair queuing: each session has used a
//! certain amount of time, counted in a virtual time in which all who wait advance alike, and the
//! next is the one that would be done first. A session that asks for little, and only now and then,
//! does not wait at all: whoever has the turns may be without a processor at the moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use labnet::lock;

/// A turn that has lasted this long ends when the message, or the step of
/// a message, is done; if others wait, the session waits again. One whose turns
/// are shorter, and which is away for at least as long in between, never waits.
const LONG: Duration = Duration::from_micros(500);

/// What the first turn of a session is expected to take.
const FIRST: Duration = Duration::from_millis(1);

/// The turns of a router.
#[derive(Debug)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    /// How many wait, to look at without the lock.
    waiting: AtomicUsize,
}

/// A thread that waits.
#[derive(Debug)]
struct Waiter {
    thread: Thread,
    is_next: AtomicBool,
}

/// The order of those who wait. No threads and no clock: times are in nanoseconds.
#[derive(Debug)]
struct Queue<W = Arc<Waiter>> {
    turns: usize,
    free: usize,
    /// The virtual time. It advances by what is used, divided by those who share.
    now: u64,
    arrivals: u64,
    /// By when each would be done, and then by arrival.
    waiting: BTreeMap<(u64, u64), W>,
}

/// What one session has used.
#[derive(Debug)]
struct Account {
    /// The virtual time up to which it has been served.
    served: u64,
    /// What its next turn is expected to take.
    expected: u64,
    /// Its turn is one of those that are counted.
    is_counted: bool,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            served: 0,
            expected: nanos(FIRST),
            is_counted: false,
        }
    }
}

impl<W> Queue<W> {
    fn new(turns: usize) -> Self {
        Queue {
            turns,
            free: turns,
            now: 0,
            arrivals: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// A session that has been away for so long wants a turn: true if it gets one at once;
    /// otherwise it waits.
    fn arrive(&mut self, account: &mut Account, away: u64, waiter: impl FnOnce() -> W) -> bool {
        // Time away saves nothing up.
        account.served = account.served.max(self.now);
        account.is_counted = true;
        if self.free > 0 {
            self.free -= 1;
            return true;
        }
        if account.expected < nanos(LONG) && account.expected <= away {
            account.is_counted = false;
            return true;
        }
        let done = account.served.saturating_add(account.expected);
        self.arrivals += 1;
        self.waiting.insert((done, self.arrivals), waiter());
        false
    }

    /// A turn that took so long is over. Gives whoever has it now.
    fn end(&mut self, account: &mut Account, took: u64) -> Option<W> {
        // A longer turn is believed at once, a shorter one little by little.
        account.expected = took.max(account.expected / 2 + took / 2);
        if !account.is_counted {
            // Nobody waited for it, and it owes nothing.
            return None;
        }
        let sharing = self.waiting.len() + self.turns - self.free;
        let sharing = u64::try_from(sharing).unwrap_or(u64::MAX);
        self.now += took / sharing;
        account.served += took;
        let next = self.waiting.pop_first();
        if next.is_none() {
            self.free += 1;
        }
        next.map(|(_, waiter)| waiter)
    }
}

impl Turns {
    /// As many as there are processors.
    pub(super) fn new() -> Arc<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        // A second one, so that a thread that is not given its processor does not hold up all.
        Turns::with(processors.max(2))
    }

    fn with(turns: usize) -> Arc<Self> {
        Arc::new(Turns {
            queue: Mutex::new(Queue::new(turns)),
            waiting: AtomicUsize::new(0),
        })
    }

    fn tell_waiting(&self, queue: &Queue) {
        self.waiting.store(queue.waiting.len(), Ordering::Relaxed);
    }
}

/// A session among those that take turns. Dropped, it ends its turn.
#[derive(Debug)]
pub(super) struct Sharer {
    turns: Arc<Turns>,
    account: Account,
    /// Since when it has its turn.
    began: Option<Began>,
    /// When its last one ended.
    ended: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    used: u64,
}

impl Sharer {
    pub(super) fn new(turns: &Arc<Turns>) -> Self {
        Sharer {
            turns: turns.clone(),
            account: Account::default(),
            began: None,
            ended: Instant::now(),
        }
    }

    /// Waits for a turn, unless it has one.
    pub(super) fn begin(&mut self) {
        if self.began.is_some() {
            return;
        }
        let away = nanos(self.ended.elapsed());
        let mut waits = None;
        let mut queue = lock(&self.turns.queue);
        queue.arrive(&mut self.account, away, || {
            let waiter = Arc::new(Waiter {
                thread: thread::current(),
                is_next: AtomicBool::new(false),
            });
            waits = Some(waiter.clone());
            waiter
        });
        self.turns.tell_waiting(&queue);
        drop(queue);
        if let Some(waiter) = waits {
            while !waiter.is_next.load(Ordering::Acquire) {
                thread::park();
            }
        }
        self.began = Some(Began {
            at: Instant::now(),
            used: used_by_this_thread(),
        });
    }

    /// Ends its turn, if it has one: before it waits for anything else.
    pub(super) fn end(&mut self) {
        let Some(began) = self.began.take() else {
            return;
        };
        let took = used_by_this_thread().saturating_sub(began.used);
        self.ended = Instant::now();
        let mut queue = lock(&self.turns.queue);
        let next = queue.end(&mut self.account, took);
        self.turns.tell_waiting(&queue);
        drop(queue);
        if let Some(next) = next {
            next.is_next.store(true, Ordering::Release);
            next.thread.unpark();
        }
    }

    /// Whether others wait, and this one has had its turn for long.
    pub(super) fn is_over(&self) -> bool {
        self.turns.waiting.load(Ordering::Relaxed) > 0
            && self.began.is_some_and(|began| began.at.elapsed() >= LONG)
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        self.end();
    }
}

/// The processor time of this thread in nanoseconds. A session does not pay for the time in which
/// its thread waited for another one, or the system gave the processor to another program.
#[cfg(unix)]
fn used_by_this_thread() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// Elsewhere it is the time that has passed.
#[cfg(not(unix))]
fn used_by_this_thread() -> u64 {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanos(START.elapsed())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use proptest::prelude::*;

    use super::*;

    const TURNS: usize = 2;
    const MILLI: u64 = 1_000_000;

    /// Sessions that ask for turns in a time that is played.
    struct Play {
        queue: Queue<usize>,
        accounts: Vec<Account>,
        /// Who has a turn, and when it ends.
        busy: Vec<(u64, usize)>,
        time: u64,
        used: Vec<u64>,
        /// How long each has been away when it asks again.
        away: u64,
    }

    impl Play {
        fn new(sessions: usize) -> Self {
            Play {
                queue: Queue::new(TURNS),
                accounts: (0..sessions).map(|_| Account::default()).collect(),
                busy: Vec::new(),
                time: 0,
                used: vec![0; sessions],
                away: 0,
            }
        }

        fn asks(&mut self, session: usize, cost: impl Fn(usize) -> u64) {
            let account = &mut self.accounts[session];
            if self.queue.arrive(account, self.away, || session) {
                self.busy.push((self.time + cost(session), session));
            }
        }

        /// The next turn that ends: whose it was.
        fn end(&mut self, cost: impl Fn(usize) -> u64) -> usize {
            let first = (0..self.busy.len()).min_by_key(|place| self.busy[*place]);
            let (end, session) = self.busy.swap_remove(first.unwrap());
            self.time = end;
            self.used[session] += cost(session);
            let next = self.queue.end(&mut self.accounts[session], cost(session));
            if let Some(next) = next {
                self.busy.push((self.time + cost(next), next));
            }
            session
        }
    }

    /// What sessions ask for who always want something: from 0.2 to 3 ms.
    fn dear(session: usize) -> u64 {
        (u64::try_from(session).unwrap() % 15 + 1) * MILLI / 5
    }

    /// The longest that the last one waits for its turns once it is known, next to 100 that always
    /// want something. It asks again when so many of the others' turns are over.
    fn longest_wait(own: u64, pause: usize) -> u64 {
        const BUSY: usize = 100;
        let cost = |session| if session == BUSY { own } else { dear(session) };
        let mut play = Play::new(BUSY + 1);
        for session in 0..=BUSY {
            play.asks(session, cost);
        }
        let mut asked = None;
        let (mut longest, mut turns, mut paused) = (0, 0, 0);
        while turns < 1000 {
            let session = play.end(cost);
            if session < BUSY {
                play.asks(session, cost);
                paused += 1;
            } else {
                turns += 1;
                if let Some(asked) = asked.take().filter(|_| turns > 20) {
                    longest = longest.max(play.time - asked);
                }
                paused = 0;
            }
            if turns > 0 && asked.is_none() && paused >= pause {
                asked = Some(play.time);
                play.asks(BUSY, cost);
            }
        }
        longest
    }

    #[test]
    fn a_session_that_asks_for_little_waits_for_those_who_have_their_turn_and_no_others() {
        // The longest of the others' turns, and its own.
        let longest = longest_wait(MILLI / 200, 1);
        assert!(longest <= 3 * MILLI + MILLI / 200, "{longest} ns");
    }

    #[test]
    fn who_asks_for_little_and_has_been_away_for_longer_does_not_wait() {
        let mut play = Play::new(4);
        for session in 0..TURNS {
            play.asks(session, dear);
        }
        for (expected, away, waits) in [
            (MILLI / 10, MILLI / 10, false),
            (MILLI / 10, MILLI / 11, true),
            (nanos(LONG), MILLI, true),
        ] {
            let account = &mut play.accounts[3];
            account.expected = expected;
            let is_there = play.queue.arrive(account, away, || 3);
            assert_eq!(is_there, !waits, "{expected} {away}");
            if is_there {
                // The others' turns are not given away.
                assert_eq!(play.queue.end(account, expected), None);
                assert_eq!(play.queue.free, 0);
            }
        }
    }

    #[test]
    fn one_that_wants_more_than_its_share_waits_for_no_more_than_a_round() {
        let round = (0..100).map(dear).sum::<u64>() / 2;
        let longest = longest_wait(MILLI / 10, 0);
        assert!(longest <= round + 3 * MILLI, "{longest} of {round} ns");
        assert!(longest > 4 * MILLI, "it has to wait: {longest} ns");
    }

    #[test]
    fn who_always_wants_more_gets_as_much_as_others_however_much_it_asks_for_at_once() {
        let mut play = Play::new(30);
        for session in 0..30 {
            play.asks(session, dear);
        }
        while play.time < 10_000 * MILLI {
            let session = play.end(dear);
            play.asks(session, dear);
        }
        let share = 10_000 * MILLI * 2 / 30;
        for (session, used) in play.used.iter().enumerate() {
            assert!(used.abs_diff(share) < share / 20, "{session}: {used} ns");
        }
    }

    #[test]
    fn sessions_that_leave_and_come_anew_starve_nobody() {
        let cost = |session| if session == 0 { 5 * MILLI } else { MILLI };
        let mut play = Play::new(51);
        for session in 0..51 {
            play.asks(session, cost);
        }
        while play.time < 10_000 * MILLI {
            let session = play.end(cost);
            if session > 0 {
                play.accounts[session] = Account::default();
            }
            play.asks(session, cost);
        }
        let share = 10_000 * MILLI * 2 / 51;
        assert!(play.used[0] > share * 9 / 10, "{} ns", play.used[0]);
    }

    proptest! {
        #[test]
        fn there_are_never_more_turns_and_nobody_waits_while_one_is_free(
            steps in prop::collection::vec((0..20_usize, 1..5_000_000_u64), 1..300),
        ) {
            let mut play = Play::new(20);
            for (session, cost) in steps {
                let has = play.busy.iter().any(|(_, other)| *other == session);
                let waits = play.queue.waiting.values().any(|other| *other == session);
                if has || waits {
                    play.end(|_| cost);
                } else {
                    play.asks(session, |_| cost);
                }
                prop_assert!(play.busy.len() <= TURNS);
                prop_assert_eq!(play.queue.free, TURNS - play.busy.len());
                prop_assert!(play.queue.free == 0 || play.queue.waiting.is_empty());
            }
            while !play.busy.is_empty() {
                play.end(|_| 1);
            }
            prop_assert!(play.queue.waiting.is_empty() && play.queue.free == TURNS);
        }
    }

    #[test]
    fn threads_take_turns_and_one_that_is_dropped_ends_its_own() {
        let turns = Turns::with(TURNS);
        let (now, most, all) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut sharer = Sharer::new(&turns);
                        sharer.begin();
                        // Once more changes nothing.
                        sharer.begin();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        all.fetch_add(1, Ordering::SeqCst);
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(all.into_inner(), 8 * 200);
        assert!(most.into_inner() <= 2);
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0);
    }
}
