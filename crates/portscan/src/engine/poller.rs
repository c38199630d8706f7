//! The workers of a scan: a poller each, and as many connects in flight as the window allows.
//!
//! The file is one thing: the life of a worker's slot, from the probe that takes it to its return
//! to the idle ones. Every step of that life needs the same few fields.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use mio::{Events, Poll, Token};

use super::system::{self, ProbeSocket};
use super::{Answer, MAX_IN_FLIGHT, Plan, Progress, Source, on_threads};
use crate::findings::State;
use crate::probe::Probe;
use crate::schedule::{Next, STUCK_AFTER, Scheduler};
use crate::window::Time;

/// Descriptors that are kept free: the standard streams, the poller, the output, the resolver.
const RESERVE: usize = 24;

/// More workers than this get in each other's way.
const MAX_WORKERS: usize = 16;

/// Connects between two looks at the answers.
const BATCH: usize = 64;

/// How long a worker sleeps at most, so that it sees `stop` and the progress of the other workers.
const TICK: Duration = Duration::from_millis(50);

/// A worker that can send nothing lets answers gather for so long and fetches them together, as
/// network cards do with their interrupts. Otherwise each of 65,535 answers would wake it up. It is
/// far below any round trip that matters.
const GATHER: Duration = Duration::from_micros(500);

/// How many sockets each worker may have.
#[derive(Debug, Clone)]
pub(super) struct Budgets {
    workers: usize,
    each: usize,
    /// Whether each worker needs a private descriptor table for that.
    private_tables: bool,
}

/// Raises this process's limit on descriptors as far as it may, and says what it is then.
fn descriptors() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let current = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        current.map_or(usize::MAX, |current| {
            usize::try_from(current).unwrap_or(usize::MAX)
        })
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// Shares the descriptors out, and caps the window by them.
pub(super) fn budgets(processors: usize, window: &mut usize) -> anyhow::Result<Budgets> {
    let limit = descriptors();
    let room = limit
        .checked_sub(RESERVE)
        .filter(|room| *room >= 8)
        .with_context(|| format!("a limit of {limit} open files is too low to scan with"))?;
    let wanted = match *window {
        0 => MAX_IN_FLIGHT,
        window => window,
    };
    let budgets = if room >= wanted || !system::PRIVATE_TABLES {
        let workers = processors.clamp(1, MAX_WORKERS);
        Budgets {
            workers,
            each: (wanted.min(room) / workers).max(1),
            private_tables: false,
        }
    } else {
        let workers = wanted
            .div_ceil(room)
            .clamp(processors.min(MAX_WORKERS), MAX_WORKERS);
        Budgets {
            workers,
            each: room.min(wanted.div_ceil(workers)),
            private_tables: true,
        }
    };
    *window = wanted.min(budgets.workers * budgets.each);
    Ok(budgets)
}

/// The time between two looks for overdue probes.
const SWEEP: Duration = Duration::from_millis(4);

/// A worker that gets back to its work later than this was kept from running: a busy machine.
const STALL: Duration = Duration::from_millis(10);

/// A probe that this worker could not send for so long has lost its slot of the user's rate: sent
/// now it would come too close to the next ones. It gets a new slot. The rate's own margin is 4 %.
const LATE: Duration = Duration::from_millis(30);

/// The longest time that is added to a wait on account of a stall.
const LONGEST_STALL: Duration = Duration::from_secs(1);

/// Kinds of probes that wait differently long.
const KINDS: usize = 4;

/// What the workers share.
struct Shared<'a> {
    plan: &'a Plan,
    scheduler: &'a Mutex<Scheduler>,
    separate: Option<Ipv4Addr>,
    /// Ports that our own sockets hold on addresses that are targets. No other program can listen
    /// there.
    held: Mutex<HashSet<(IpAddr, u16)>>,
    stop: &'a AtomicBool,
    over: AtomicBool,
    last_local_error: Mutex<Option<io::Error>>,
    progress: &'a Progress,
    /// What was done before this began.
    done_before: u64,
    began: Instant,
}

impl Shared<'_> {
    fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        labnet::lock(self.scheduler)
    }

    fn now(&self) -> Time {
        self.began.elapsed()
    }

    fn source(&self, host: u32) -> Source {
        let number = host as usize;
        Source::of(
            self.plan.hosts[number],
            number < self.plan.local,
            self.separate,
        )
    }

    /// The list of idle sockets that fit a host: a number instead of a hash, since each probe asks
    /// for it.
    fn pool(&self, host: u32) -> usize {
        match self.source(host) {
            Source::Any { v6 } => usize::from(v6),
            Source::Separate(_) => 2,
            Source::Same(_) => 3 + host as usize,
        }
    }
}

/// Lets the workers do what the scheduler says, until everything is known or `stop` is set. Gives
/// the reason when they had to stop earlier: also a worker that panicked, since what the others
/// found is complete without it.
pub(super) fn run(
    plan: &Plan,
    scheduler: &Mutex<Scheduler>,
    separate: Option<Ipv4Addr>,
    budgets: &Budgets,
    stop: &AtomicBool,
    progress: &Progress,
    began: Instant,
) -> anyhow::Result<Option<String>> {
    let shared = Shared {
        plan,
        scheduler,
        separate,
        held: Mutex::default(),
        stop,
        over: AtomicBool::new(false),
        last_local_error: Mutex::default(),
        progress,
        done_before: progress.done.load(Ordering::Relaxed),
        began,
    };
    let (done, all) = shared.scheduler().progress();
    let mut trouble = None;
    if done < all && !stop.load(Ordering::Relaxed) {
        let results = on_threads(budgets.workers, |_| work(&shared, budgets));
        trouble = results
            .into_iter()
            .find_map(anyhow::Result::err)
            .map(|error| format!("{error:#}"));
    }
    Ok(trouble)
}

fn work(shared: &Shared<'_>, budgets: &Budgets) -> anyhow::Result<()> {
    // The other workers would wait for the probes of one that has failed, so a failure ends the
    // scan.
    let failed = SetOnDrop(&shared.over);
    Worker::new(shared, budgets).and_then(|mut worker| worker.run())?;
    std::mem::forget(failed);
    Ok(())
}

/// Sets the flag when it goes out of scope, by a panic too.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One of the sockets of a worker.
#[derive(Debug)]
struct Slot {
    socket: ProbeSocket,
    source: Source,
    /// The list that it is in when it is idle.
    pool: usize,
    probe: Option<Probe>,
    /// Counts the probes: tells an entry of the queue of this probe from one of an earlier probe.
    serial: u32,
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    poll: Poll,
    budget: usize,
    workers: usize,
    slots: Vec<Slot>,
    /// Idle slots by [`Shared::pool`].
    idle: Vec<Vec<usize>>,
    /// Slots disconnected since the last poll. The poller still has an event for each of them, so
    /// they stay out of use until it has been fetched: otherwise it would look like news of their
    /// next probe.
    cooling: Vec<usize>,
    /// Slots whose probes have waited too long, still to be disconnected.
    expired: Vec<usize>,
    /// Slot and serial of the probes in flight, oldest first: first tries, retries, controls.
    queues: [VecDeque<(usize, u32)>; KINDS],
    in_flight: usize,
    /// When to look for overdue probes again.
    next_sweep: Time,
    /// All answers that had come by then have been fetched. A worker that was kept from running for
    /// a while must not mistake an answer that waits for it for silence.
    fetched: Time,
    /// When the worker meant to look again.
    expected: Time,
    /// Probes are not called silent before this time: see [`STALL`].
    grace: Time,
    /// When to look for hosts that are not there again.
    #[cfg(target_os = "linux")]
    next_missing: Time,
    results: Vec<(Probe, ProbeResult)>,
}

#[derive(Debug, Clone, Copy)]
enum ProbeResult {
    Answered(Time, State),
    Silent,
    NotSent,
    NoWay,
    /// It was sent, and another result follows.
    Sent,
    /// The port is as unknown as before, without an error.
    Unknown,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, budgets: &Budgets) -> anyhow::Result<Self> {
        let mut budget = budgets.each;
        if budgets.private_tables && !system::unshare_descriptor_table() {
            budget = (budget / budgets.workers).max(1);
        }
        Ok(Worker {
            shared,
            poll: Poll::new().context("cannot make a poller")?,
            budget,
            workers: budgets.workers,
            slots: Vec::new(),
            idle: Vec::new(),
            cooling: Vec::new(),
            expired: Vec::new(),
            queues: Default::default(),
            in_flight: 0,
            next_sweep: Time::ZERO,
            fetched: Time::ZERO,
            expected: shared.now(),
            grace: Time::ZERO,
            #[cfg(target_os = "linux")]
            next_missing: Time::ZERO,
            results: Vec::new(),
        })
    }

    /// Tells the scheduler which hosts are not there, when it waits for that.
    #[cfg(target_os = "linux")]
    fn tell_missing(&mut self) {
        const EVERY: Duration = Duration::from_millis(100);
        let shared = self.shared;
        let now = shared.now();
        if now < self.next_missing {
            return;
        }
        self.next_missing = now + EVERY;
        if !shared.scheduler().asks_for_missing(now) {
            return;
        }
        let local = shared.plan.local;
        let remote = &shared.plan.hosts[local..];
        let missing: Vec<usize> = super::neighbors::without_answer()
            .into_iter()
            .filter_map(|ip| remote.binary_search_by_key(&ip, |host| host.ip).ok())
            .collect();
        let mut scheduler = shared.scheduler();
        for number in missing {
            if let Ok(number) = u32::try_from(local + number) {
                scheduler.no_machine(now, number);
            }
        }
    }

    fn run(&mut self) -> anyhow::Result<()> {
        const MAX_EVENTS: usize = 1024;
        let mut events = Events::with_capacity(MAX_EVENTS);
        let mut batch = Vec::with_capacity(BATCH);
        let shared = self.shared;
        loop {
            if shared.stop.load(Ordering::Relaxed) || shared.over.load(Ordering::Relaxed) {
                self.return_probes();
                return Ok(());
            }
            #[cfg(target_os = "linux")]
            self.tell_missing();
            let wait = self.plan(&mut batch)?;
            if batch.is_empty() && wait.is_none() && self.in_flight == 0 {
                return Ok(());
            }
            self.disconnect_expired();
            for probe in batch.drain(..) {
                self.send(probe);
            }
            let mut wait = if self.results.is_empty() {
                wait.unwrap_or(TICK)
            } else {
                Duration::ZERO
            };
            self.expected = shared.now() + wait;
            if wait > GATHER {
                thread::sleep(GATHER);
                wait -= GATHER;
            }
            let asked = shared.now();
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot wait for answers"),
            }
            let now = shared.now();
            let count = events.iter().count();
            if count < MAX_EVENTS {
                self.fetched = if count == 0 { now } else { asked };
            }
            for event in &events {
                self.finish(event.token().0, now);
            }
            for slot in std::mem::take(&mut self.cooling) {
                self.put_idle(slot);
            }
        }
    }

    /// Reports what is known, ends what took too long, and asks what to send. Gives the time to
    /// wait; `None` when everything is known.
    fn plan(&mut self, batch: &mut Vec<Probe>) -> anyhow::Result<Option<Duration>> {
        let shared = self.shared;
        let now = shared.now();
        let late = now.saturating_sub(self.expected);
        if late > STALL {
            // What delayed this worker most likely delayed the answers too: they get that much more
            // time.
            self.grace = self.grace.max(now + late.min(LONGEST_STALL));
        }
        let mut scheduler = shared.scheduler();
        self.report(&mut scheduler, now);
        let overdue = if now < self.next_sweep {
            self.next_sweep - now
        } else {
            self.next_sweep = now + SWEEP;
            self.overdue(&mut scheduler).max(SWEEP)
        };
        let mut wait = Some(overdue);
        let share = self.budget.min(scheduler.window() / self.workers + BATCH);
        while batch.len() < BATCH && self.in_flight + batch.len() < share {
            match scheduler.next(now) {
                Next::Send(probe) => batch.push(probe),
                Next::Wait(time) => {
                    wait = Some(overdue.min(time));
                    break;
                }
                Next::Done => {
                    wait = None;
                    break;
                }
                Next::Stuck => return Err(self.stuck()),
            }
        }
        let (done, all) = scheduler.progress();
        drop(scheduler);
        shared
            .progress
            .done
            .store(shared.done_before + done, Ordering::Relaxed);
        shared
            .progress
            .all
            .store(shared.done_before + all, Ordering::Relaxed);
        if batch.len() == BATCH {
            wait = Some(Duration::ZERO);
        }
        Ok(wait)
    }

    /// Tells the scheduler the outcomes of probes.
    fn report(&mut self, scheduler: &mut Scheduler, now: Time) {
        for (probe, result) in self.results.drain(..) {
            match result {
                ProbeResult::Answered(at, state) => scheduler.answered(at, &probe, state),
                ProbeResult::Silent => scheduler.silent(now, &probe),
                ProbeResult::NotSent => scheduler.not_sent(now, &probe),
                ProbeResult::NoWay => scheduler.no_way(now, &probe),
                ProbeResult::Sent => scheduler.sent(now, &probe),
                ProbeResult::Unknown => scheduler.interrupted(&probe),
            }
        }
    }

    /// Ends the probes whose time is over. Gives the time until the next one.
    fn overdue(&mut self, scheduler: &mut Scheduler) -> Duration {
        let now = self.fetched;
        let one_host = self.shared.plan.hosts.len() == 1;
        let mut wait = TICK;
        for kind in 0..KINDS {
            // Probes of one kind to one host wait equally long, so the first that is not due ends
            // the look. Several hosts have several waiting times: there, those that are not due are
            // skipped and keep their position.
            let mut early = Vec::new();
            while let Some((slot, serial)) = self.queues[kind].pop_front() {
                let current = self.slots[slot].serial == serial;
                let Some(probe) = self.slots[slot].probe.filter(|_| current) else {
                    continue;
                };
                let due = probe.sent + scheduler.timeout(&probe);
                let due = due.max(self.grace.min(probe.last_moment()));
                if due <= now {
                    scheduler.silent(now, &probe);
                    self.slots[slot].probe = None;
                    self.in_flight -= 1;
                    self.expired.push(slot);
                    continue;
                }
                wait = wait.min(due - now);
                early.push((slot, serial));
                if one_host || now.saturating_sub(probe.sent) < scheduler.min_timeout() {
                    break;
                }
            }
            for entry in early.into_iter().rev() {
                self.queues[kind].push_front(entry);
            }
        }
        wait
    }

    fn stuck(&self) -> anyhow::Error {
        let error = labnet::lock(&self.shared.last_local_error).take();
        let cause = error.map_or_else(String::new, |error| format!(": {error}"));
        anyhow!(
            "this machine could not send anything for {} s{cause}",
            STUCK_AFTER.as_secs()
        )
    }

    fn send(&mut self, probe: Probe) {
        let shared = self.shared;
        let limited = shared.plan.limits.rate.is_some();
        if limited && shared.now().saturating_sub(probe.sent) > LATE {
            self.results.push((probe, ProbeResult::Unknown));
            return;
        }
        let host = shared.plan.hosts[probe.host as usize];
        let slot = match self.slot_for(&probe) {
            Ok(slot) => slot,
            // A family of addresses that this machine does not have says nothing about the others.
            Err(error) if host.ip.is_ipv6() && system::lacks_family(&error) => {
                self.results.push((probe, ProbeResult::NoWay));
                return;
            }
            Err(error) => return self.not_sent(probe, error),
        };
        self.in_flight += 1;
        let entry = &mut self.slots[slot];
        entry.serial = entry.serial.wrapping_add(1);
        entry.probe = Some(probe);
        let kind = match (probe.control, probe.tries_before) {
            (Some(_), _) => 2,
            _ if probe.patient => 3,
            (None, 0) => 0,
            (None, _) => 1,
        };
        self.queues[kind].push_back((slot, entry.serial));
        let answer = entry
            .socket
            .start(host.port(probe.port), self.poll.registry(), Token(slot));
        if let Source::Same(host) = self.slots[slot].source {
            labnet::lock(&shared.held).insert((host.ip, self.slots[slot].socket.port));
        }
        if probe.is_pilot() && matches!(answer, Answer::Pending | Answer::State(_)) {
            self.results.push((probe, ProbeResult::Sent));
        }
        if !matches!(answer, Answer::Pending) {
            self.settle(slot, answer, shared.now());
        }
    }

    fn not_sent(&mut self, probe: Probe, error: io::Error) {
        *labnet::lock(&self.shared.last_local_error) = Some(error);
        self.results.push((probe, ProbeResult::NotSent));
    }

    /// An idle slot with the probe's source that is not bound to its port, or a new one.
    fn slot_for(&mut self, probe: &Probe) -> io::Result<usize> {
        let source = self.shared.source(probe.host);
        let pool = self.shared.pool(probe.host);
        let same = matches!(source, Source::Same(_));
        if let Some(idle) = self.idle.get_mut(pool) {
            let fit = idle
                .iter()
                .rposition(|slot| !same || self.slots[*slot].socket.port != probe.port);
            if let Some(fit) = fit {
                return Ok(idle.swap_remove(fit));
            }
        }
        // At the budget's end an idle socket with another source makes room.
        let other = (self.slots.len() >= self.budget)
            .then(|| self.idle.iter_mut().find_map(Vec::pop))
            .flatten();
        let slot = other.unwrap_or(self.slots.len());
        if let Some(other) = other {
            self.release(other);
        }
        let socket = match ProbeSocket::new(source, self.poll.registry(), Token(slot)) {
            Ok(socket) => socket,
            Err(error) => {
                if let Some(other) = other {
                    self.put_idle(other);
                }
                return Err(error);
            }
        };
        let new = Slot {
            socket,
            source,
            pool,
            probe: None,
            serial: 0,
        };
        if slot == self.slots.len() {
            self.slots.push(new);
        } else {
            let serial = self.slots[slot].serial;
            self.slots[slot] = Slot { serial, ..new };
        }
        Ok(slot)
    }

    /// The poller has news of a slot.
    fn finish(&mut self, slot: usize, now: Time) {
        let Some(probe) = self.slots[slot].probe else {
            return;
        };
        let host = self.shared.plan.hosts[probe.host as usize];
        let answer = self.slots[slot].socket.finish(host.port(probe.port));
        self.settle(slot, answer, now);
    }

    fn settle(&mut self, slot: usize, answer: Answer, now: Time) {
        let Some(probe) = self.slots[slot].probe else {
            return;
        };
        let result = match answer {
            Answer::Pending => return,
            Answer::State(State::Open) if self.is_held(&probe) => {
                ProbeResult::Answered(now, State::Closed)
            }
            Answer::State(state) => ProbeResult::Answered(now, state),
            Answer::Silent => ProbeResult::Silent,
            // On this machine's own addresses the answer comes within the call.
            Answer::NoWay if (probe.host as usize) < self.shared.plan.local => {
                ProbeResult::Answered(now, State::Unreachable)
            }
            Answer::NoWay => ProbeResult::NoWay,
            Answer::SelfConnect => ProbeResult::Unknown,
            Answer::Local(error) => {
                *labnet::lock(&self.shared.last_local_error) = Some(error);
                ProbeResult::NotSent
            }
        };
        self.results.push((probe, result));
        self.slots[slot].probe = None;
        self.in_flight -= 1;
        if cfg!(target_os = "linux")
            && matches!(
                result,
                ProbeResult::Answered(_, State::Closed | State::Unreachable) | ProbeResult::NoWay
            )
        {
            // The connect that said so has made the socket ready.
            self.put_idle(slot);
        } else {
            self.recycle(slot);
        }
    }

    /// Two of our own sockets on one address have met: a simultaneous open, and no listener.
    fn is_held(&self, probe: &Probe) -> bool {
        let number = probe.host as usize;
        number < self.shared.plan.local
            && labnet::lock(&self.shared.held)
                .contains(&(self.shared.plan.hosts[number].ip, probe.port))
    }

    /// What [`Worker::overdue`] has found, without the lock on the scheduler: the other workers
    /// need it.
    fn disconnect_expired(&mut self) {
        while let Some(slot) = self.expired.pop() {
            self.recycle(slot);
        }
    }

    /// Disconnects a slot, which is idle after the next poll.
    fn recycle(&mut self, slot: usize) {
        if !system::KEEPS_PORT {
            self.release(slot);
        }
        if self.slots[slot].socket.reset(self.poll.registry()) {
            self.cooling.push(slot);
            return;
        }
        // It has to be replaced; if that fails too, the next probe that needs the slot reports it.
        self.release(slot);
        let source = self.slots[slot].source;
        if let Ok(socket) = ProbeSocket::new(source, self.poll.registry(), Token(slot)) {
            self.slots[slot].socket = socket;
        }
        self.cooling.push(slot);
    }

    /// The slot's port is about to be free for others.
    fn release(&self, slot: usize) {
        if let Source::Same(host) = self.slots[slot].source {
            labnet::lock(&self.shared.held).remove(&(host.ip, self.slots[slot].socket.port));
        }
    }

    fn put_idle(&mut self, slot: usize) {
        let pool = self.slots[slot].pool;
        if self.idle.len() <= pool {
            self.idle.resize_with(pool + 1, Vec::new);
        }
        self.idle[pool].push(slot);
    }

    /// The scan is stopped: the ports of probes in flight are as unknown as before.
    fn return_probes(&mut self) {
        let mut scheduler = self.shared.scheduler();
        let now = self.shared.now();
        self.report(&mut scheduler, now);
        for probe in self.slots.iter_mut().filter_map(|slot| slot.probe.take()) {
            scheduler.interrupted(&probe);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::mpsc;

    use super::*;
    use crate::engine::Position;
    use crate::limits::Limits;
    use crate::permutation::Permutation;
    use crate::targets::Host;

    #[test]
    fn a_worker_that_panics_ends_the_scan() {
        let plan = Plan {
            hosts: vec![Host::from(IpAddr::from(Ipv4Addr::LOCALHOST))].into(),
            local: 1,
            ports: vec![1],
            seed: None,
            limits: Limits::default(),
            start: Position::default(),
        };
        let limits = Limits {
            window: 100,
            ..Limits::default()
        };
        let mut scheduler = Scheduler::new(vec![1], Permutation::ascending(0), 1, limits);
        // There is no host 7, so the worker that gets it panics, and its probe never ends.
        scheduler.add(7, 1);
        let budgets = Budgets {
            workers: 2,
            each: 50,
            private_tables: false,
        };
        let (told, ended) = mpsc::channel();
        thread::spawn(move || {
            let (stop, progress) = (AtomicBool::new(false), Progress::default());
            let ran = run(
                &plan,
                &Mutex::new(scheduler),
                None,
                &budgets,
                &stop,
                &progress,
                Instant::now(),
            );
            told.send(ran)
        });
        let trouble = ended
            .recv_timeout(Duration::from_secs(60))
            .expect("the scan does not end");
        assert_eq!(
            trouble.ok().flatten().as_deref(),
            Some("a scanning thread panicked")
        );
    }
}
