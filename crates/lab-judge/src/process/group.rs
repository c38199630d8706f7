//! All that a program under test has started: found, signaled, ended, reaped.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
#[cfg(not(unix))]
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use labnet::log;

#[cfg(unix)]
use crate::procfs::pid;

/// How long a program has to end after TERM.
pub(super) const TERM_PATIENCE: Duration = Duration::from_secs(2);

/// The programs that run now, by process id. Anyone who starts or reaps one holds this lock: the
/// number of a process that has not been reaped cannot be given to another.
static RUNNING: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());

/// Whether programs may be started.
static STATE: AtomicU8 = AtomicU8::new(OPEN);

const OPEN: u8 = 0;

const PAUSED: u8 = 1;

const OVER: u8 = 2;

pub(super) fn running() -> MutexGuard<'static, BTreeMap<u32, String>> {
    labnet::lock(&RUNNING)
}

/// Whether programs may be started now.
pub fn may_start() -> bool {
    STATE.load(Ordering::SeqCst) == OPEN
}

/// While what this gives is kept, no program is started by this process.
///
/// A program that is being started has a copy of every socket of this process until it is executed
/// (fork, then exec), on a busy machine for many milliseconds. A socket that was only opened to see
/// whether its port is free would hold it as long.
pub fn spawn_lock() -> impl Sized {
    running()
}

/// Makes this process the reaper of its descendants' orphans. Called once, at the beginning.
///
/// # Errors
///
/// When the system refuses.
pub fn prepare() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        crate::procfs::note_reaper();
    }
    Ok(())
}

/// Ends every program that runs, and lets none start any more: what Ctrl-C does.
pub fn stop_all() {
    STATE.store(OVER, Ordering::SeqCst);
    end_all();
    sweep();
}

/// Ends every program that runs, and lets none start until [`go_on`]: the cases that are being
/// played come to a quick end.
pub fn pause() {
    // Not where all is over already.
    let _over = STATE.compare_exchange(OPEN, PAUSED, Ordering::SeqCst, Ordering::SeqCst);
    end_all();
}

/// Lets programs start again.
pub fn go_on() {
    let _over = STATE.compare_exchange(PAUSED, OPEN, Ordering::SeqCst, Ordering::SeqCst);
}

fn end_all() {
    let all: Vec<(u32, String)> = running()
        .iter()
        .map(|(id, marker)| (*id, marker.clone()))
        .collect();
    for (group, _) in &all {
        signal(*group, Signal::Term);
    }
    let deadline = Instant::now() + TERM_PATIENCE;
    while Instant::now() < deadline && all.iter().any(|(group, marker)| lives(*group, marker)) {
        thread::sleep(Duration::from_millis(5));
    }
    for (group, marker) in &all {
        kill_all(*group, marker);
    }
    // Killed ones are gone at once, but for those that this user may not kill.
    let deadline = Instant::now() + TERM_PATIENCE;
    for (group, marker) in &all {
        while lives(*group, marker) {
            if Instant::now() >= deadline {
                log!("{}", left_behind(*group));
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What its user has to know about a program that outlives its check.
pub(super) fn left_behind(id: u32) -> String {
    format!(
        "process {id} could not be ended: where it runs as another user, only that user or root can: kill -KILL {id}"
    )
}

/// Ends and reaps what outlived its program and could not be
/// told apart while others ran: the last thing of a check.
pub fn sweep() {
    #[cfg(target_os = "linux")]
    end_each(|all| {
        let us = std::process::id();
        let orphans = all.iter().filter(|process| process.parent == us);
        orphans.map(|process| process.id).collect()
    });
}

/// Ends the processes that `find` picks out of all, but for the programs that run.
///
/// Each round ends what the last one orphaned. A program that forks faster than it is killed is met
/// again in the next round; the bound is against looking forever.
#[cfg(target_os = "linux")]
fn end_each(find: impl Fn(&[crate::procfs::Process]) -> Vec<u32>) {
    let mut stays = BTreeSet::new();
    for _ in 0..100 {
        let known = running();
        let mut left = find(&crate::procfs::processes());
        left.retain(|id| !known.contains_key(id) && !stays.contains(id));
        if left.is_empty() {
            return;
        }
        stays.extend(left.into_iter().filter(|id| !end_orphan(*id)));
    }
}

/// Tells a process, by the group that it leads, to end: by TERM, or by KILL.
pub fn tell(group: u32, at_once: bool) {
    signal(
        group,
        match at_once {
            true => Signal::Kill,
            false => Signal::Term,
        },
    );
}

/// A program that was started, with all that it has started itself.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) id: u32,
    pub(super) marker: String,
}

impl Group {
    /// Ends it by KILL, if it has not been reaped: then its number may be another's.
    pub fn end(&self) {
        let known = running();
        if known.get(&self.id) != Some(&self.marker) {
            return;
        }
        signal(self.id, Signal::Kill);
        drop(known);
        kill_strays(self.id, &self.marker);
    }
}

/// The signals that are sent here.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Term,
    Kill,
    Stop,
    Continue,
}

/// Sends a signal to a group, which may be empty by now.
#[cfg(unix)]
pub(super) fn signal(group: u32, which: Signal) {
    let signal = match which {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Stop => rustix::process::Signal::STOP,
        Signal::Continue => rustix::process::Signal::CONT,
    };
    if let Some(group) = pid(group) {
        let _nobody_left = rustix::process::kill_process_group(group, signal);
    }
}

/// Windows has no signals: a process is ended with all its children by taskkill.
#[cfg(not(unix))]
pub(super) fn signal(group: u32, which: Signal) {
    if matches!(which, Signal::Stop | Signal::Continue) {
        return; // Nothing of the kind: the program goes on.
    }
    let mut command = Command::new("taskkill");
    command.args(["/T", "/PID", &group.to_string()]);
    if matches!(which, Signal::Kill) {
        command.arg("/F");
    }
    let _nobody_left = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Whether a program or anything that it started still runs.
fn lives(group: u32, marker: &str) -> bool {
    crate::procfs::processes()
        .into_iter()
        .any(|process| process.state != 'Z' && belongs(&process, group, marker))
}

/// In the group, or started with the program's mark in its environment, which its children inherit.
pub(super) fn belongs(process: &crate::procfs::Process, group: u32, marker: &str) -> bool {
    process.group == group || crate::procfs::has_environment(process.id, marker)
}

/// Kills a group and all that left it.
pub(super) fn kill_all(group: u32, marker: &str) {
    signal(group, Signal::Kill);
    kill_strays(group, marker);
}

/// Kills all that a program has started, and not the program itself while it runs.
pub(super) fn kill_strays(group: u32, marker: &str) {
    // Only Linux tells what a process was started with: elsewhere the group is all there is.
    #[cfg(not(target_os = "linux"))]
    let _ = (group, marker);
    #[cfg(target_os = "linux")]
    end_each(|all| {
        // Only processes below this one are looked at: a mark
        // in an environment further off is not ours to judge.
        let below = descendants(all, std::process::id());
        all.iter()
            .filter(|p| below.contains(&p.id) && belongs(p, group, marker))
            .map(|p| p.id)
            .collect()
    });
}

/// What a process has started, and what that has started.
pub(super) fn descendants(all: &[crate::procfs::Process], root: u32) -> BTreeSet<u32> {
    let mut found = crate::procfs::with_descendants(all, BTreeSet::from([root]));
    found.remove(&root);
    found
}

/// Kills a process that outlived its program, and reaps it
/// if it is this one's child by now; false when it lives on.
#[cfg(target_os = "linux")]
fn end_orphan(id: u32) -> bool {
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};

    let Some(pid) = pid(id) else { return true };
    if kill_process(pid, Signal::KILL) == Err(rustix::io::Errno::PERM) {
        // Another user's: it can be reaped once it has ended, and no more.
        return matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_)));
    }
    let deadline = Instant::now() + TERM_PATIENCE;
    loop {
        match waitpid(Some(pid), WaitOptions::NOHANG) {
            // It ends as soon as the kernel lets it: one
            // that hangs in a call to a dead disk only then.
            Ok(None) if Instant::now() >= deadline => return false,
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            // ECHILD for one whose parent is still another
            // process: that one reaps it, or leaves it to us.
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}
