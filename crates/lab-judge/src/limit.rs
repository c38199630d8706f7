//! Time limits that mean the same on a busy machine.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::procfs::{self, Watch};
use crate::verdict::{Log, What};

/// A program that has nothing to do and runs this long is in a loop.
pub const LOOPS: Duration = Duration::from_millis(300);

/// The same for one that has only to close its connection, or
/// to end, with some room for what it does on the way there.
const CLOSES: Duration = Duration::from_millis(700);

/// The same for one that may have something to do, and that has read the end of a connection.
const HAS_HEARD: Duration = Duration::from_secs(1);

/// The same for one that calls the system again and again and neither reads nor writes anything but
/// sockets: what it reads there is an end.
const CALLS_IN_VAIN: Duration = Duration::from_millis(400);

/// What somebody saw who need not wait any longer, for the evidence.
const SEES_IT_WAIT: &str = "saw that the program itself waits, and that nothing is on its way";

/// How much a program that is at work may compute after its
/// time is up: a busy loop uses that up, whatever else runs.
const OVERTIME: Duration = Duration::from_millis(500);

/// `1 second`, `5 seconds`, `0.5 seconds`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        1.0 => "1 second".to_string(),
        other => format!("{other} seconds"),
    }
}

/// Whether the end of the case has cut a step short. What did not come in a step that was cut says
/// nothing about the program.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// A step has been cut short.
    pub fn note(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether one has.
    pub fn was(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What all steps of a case know of its programs.
#[derive(Debug, Clone, Default)]
pub struct Known(Arc<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// The process groups that were started, the last one last.
    groups: Mutex<Vec<u32>>,
    /// How many threads of ours are sending: what a program waits for may come from one of them.
    senders: AtomicUsize,
    /// Whether the last wait that was over was so because the program waits for good.
    waits: AtomicBool,
    /// Whether the program has been found in a loop, and nothing has come from it since.
    loops: AtomicBool,
}

impl Known {
    /// Something came from the program: it is in no loop, or not in that one any more.
    pub fn came(&self) {
        self.0.loops.store(false, Ordering::SeqCst);
    }

    /// A program was started.
    pub fn started(&self, group: u32) {
        self.came();
        labnet::lock(&self.0.groups).push(group);
    }

    /// While what this gives is kept, a thread of ours is sending.
    pub fn sender(&self) -> Sender {
        self.0.senders.fetch_add(1, Ordering::SeqCst);
        Sender(self.clone())
    }
}

/// See [`Known::sender`].
#[derive(Debug)]
pub struct Sender(Known);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.0.senders.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long a step may wait for a program.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The time for a step.
    pub patience: Duration,
    /// The end of the case.
    pub end: Instant,
    /// The program's process group.
    pub group: u32,
    /// Where it is noted that the end of the case has cut a step short.
    pub cut: Cut,
    /// What is known of the programs.
    pub known: Known,
}

impl Limit {
    /// Whether the last wait was over because the program itself waits for good: then it had no
    /// reason to last as long as a step may.
    pub fn waits(&self) -> bool {
        self.known.0.waits.load(Ordering::SeqCst)
    }

    /// Whether the program has been found in a loop, and nothing has come from it since.
    pub fn loops(&self) -> bool {
        self.known.0.loops.load(Ordering::SeqCst)
    }

    /// Writes down what was waited for, and for how long;
    /// or that the program itself was seen to wait.
    pub fn tell(&self, log: &Log, who: &str, what: &str, waited: Duration) {
        match self.waits() {
            true => log.did(who, SEES_IT_WAIT),
            false => log.add(who, What::Awaited(what.to_string(), waited)),
        }
    }

    /// How the last wait ended, after words like "nothing
    /// came": `for 5 seconds`, or why nothing will come.
    pub fn in_vain(&self) -> String {
        match self.waits() {
            true => "because the program itself waits".to_string(),
            false => format!("for {}", seconds(self.patience)),
        }
    }

    /// A step that begins now.
    pub fn step(&self) -> Step {
        let begin = Instant::now();
        Step {
            limit: self.clone(),
            begin,
            deadline: self.end.min(begin + self.patience),
            overtime: None,
            looked: false,
            watch: Watch::default(),
            closes: false,
            worked: None,
        }
    }

    /// A step in which the program has nothing to do but to close its connection, or to end: one
    /// that runs on end for a while is in a loop.
    pub fn step_to_close(&self) -> Step {
        let worked = procfs::work(self.group).map(|work| (work, Instant::now()));
        Step {
            closes: true,
            worked,
            ..self.step()
        }
    }
}

/// A step that waits.
#[derive(Debug)]
pub struct Step {
    limit: Limit,
    begin: Instant,
    deadline: Instant,
    /// How much the program had run when its time was first up.
    overtime: Option<Duration>,
    /// Whether the program was found at rest, or at work for too
    /// long, after its time was up; or to wait for good, before.
    looked: bool,
    watch: Watch,
    /// Whether the program has nothing to do but to close its connection, or to end.
    closes: bool,
    /// What the program had done when the step began,
    /// and when it was looked at last whether it loops.
    worked: Option<(procfs::Work, Instant)>,
}

impl Step {
    /// Whether the time is up. It is put off while the program is at work, or is kept from it by
    /// other programs: a limit is for those who wait for something that does not come.
    ///
    /// To find a program at rest takes a while, in which it may have
    /// done what was waited for, and only then have come to rest. So
    /// the first answer after that is no: the caller looks once more.
    pub fn is_over(&mut self) -> bool {
        if self.looked {
            return true;
        }
        let now = Instant::now();
        if now < self.deadline {
            self.looked = self.waits_for_good() || self.loops();
            return false;
        }
        self.limit.known.0.waits.store(false, Ordering::SeqCst);
        let group = self.limit.group;
        if now >= self.limit.end {
            // A program that was still at work had not had its time either.
            if self.overtime.is_some() || now - self.begin < self.limit.patience {
                self.limit.cut.note();
            }
            return true;
        }
        if procfs::is_busy(group) {
            let ran = procfs::cpu_usage(group).unwrap_or_default().ran;
            let from = *self.overtime.get_or_insert(ran);
            self.deadline = Instant::now();
            self.looked = ran.saturating_sub(from) >= OVERTIME;
        } else {
            self.looked = true;
        }
        false
    }

    /// Whether the programs wait for us, so that nothing will
    /// come. A thread of ours that sends would end that.
    fn waits_for_good(&mut self) -> bool {
        let facts = &self.limit.known.0;
        let groups = labnet::lock(&facts.groups).clone();
        let waits = groups.last() == Some(&self.limit.group)
            && facts.senders.load(Ordering::SeqCst) == 0
            && self.watch.waits_for_good(&groups);
        facts.waits.store(waits, Ordering::SeqCst);
        waits
    }

    /// Whether the program has run for too long where it has nothing to do, or where it has read
    /// the end of a connection that it holds. It is looked at now and then.
    fn loops(&mut self) -> bool {
        const AGAIN: Duration = Duration::from_millis(200);
        let group = self.limit.group;
        let due = match &self.worked {
            Some((_, last)) => last.elapsed() >= AGAIN,
            None => self.begin.elapsed() >= AGAIN,
        };
        if !due {
            return false;
        }
        let now = procfs::work(group).unwrap_or_default();
        let (before, last) = self.worked.get_or_insert((now, Instant::now()));
        *last = Instant::now();
        let facts = &self.limit.known.0;
        let most = match (facts.loops.load(Ordering::SeqCst), self.closes) {
            (true, _) => LOOPS,
            _ if now.calls_in_vain_since(before) => CALLS_IN_VAIN,
            (false, true) => CLOSES,
            (false, false) => HAS_HEARD,
        };
        let loops = now.ran.saturating_sub(before.ran) >= most
            && (self.closes || procfs::has_heard_an_end(group));
        facts.loops.fetch_or(loops, Ordering::SeqCst);
        loops
    }

    /// Something came: the time starts again.
    pub fn renew(&mut self) {
        *self = match self.closes {
            true => self.limit.step_to_close(),
            false => self.limit.step(),
        };
    }

    /// How long was waited, for the evidence: the time of a step, or what the end of the case left
    /// of it, in tenths of a second.
    pub fn waited(&self) -> Duration {
        let waited = self.begin.elapsed();
        match waited < self.limit.patience {
            true => Duration::from_millis(
                u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) / 100 * 100,
            ),
            false => self.limit.patience,
        }
    }

    /// How long is left before the question is asked, at most a tick.
    pub fn tick(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(patience: u64, end: u64) -> (Step, Cut) {
        let cut = Cut::default();
        let limit = Limit {
            patience: Duration::from_millis(patience),
            end: Instant::now() + Duration::from_millis(end),
            group: 0,
            cut: cut.clone(),
            known: Known::default(),
        };
        let mut step = limit.step();
        while !step.is_over() {
            std::thread::sleep(step.tick());
        }
        (step, cut)
    }

    #[test]
    fn a_step_that_the_end_of_its_case_cuts_short_says_so_and_how_long_it_waited() {
        let (step, cut) = over(60_000, 250);
        assert!(cut.was());
        let waited = step.waited();
        assert!(waited >= Duration::from_millis(200), "{waited:?}");
        assert!(waited < Duration::from_secs(60), "{waited:?}");
        assert_eq!(waited.subsec_millis() % 100, 0);
    }

    #[test]
    fn what_a_program_did_while_it_was_found_at_rest_is_looked_for_once_more() {
        let limit = Limit {
            patience: Duration::ZERO,
            end: Instant::now() + Duration::from_secs(60),
            group: 0,
            cut: Cut::default(),
            known: Known::default(),
        };
        let mut step = limit.step();
        assert!(!step.is_over());
        assert!(step.is_over());
    }

    #[test]
    fn a_step_that_had_its_time_was_not_cut_short() {
        let (step, cut) = over(50, 60_000);
        assert!(!cut.was());
        assert_eq!(step.waited(), Duration::from_millis(50));
    }
}
