//! Running the programs under test: any command line, each in a process group of its own that ends with its case.
//!
//! This is no sandbox. A program under test may do whatever the user may who runs the check. What is promised is
//! that its processes end: by TERM, after two seconds by KILL, as a whole group, with all that they started. On
//! Linux this process is the reaper of orphans (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so a program that forks twice and
//! leaves its group is found as well; elsewhere the group is all that can be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
#[cfg(not(unix))]
use std::io::Read;
use std::io::{self, Write};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use labnet::log;

use crate::verdict::{Excerpt, ProgramReport};

/// How long a program has to end after TERM.
const TERM_PATIENCE: Duration = Duration::from_secs(2);
/// The variable by which a program under test, and all that it starts, can be told from other processes: the check's
/// process id, a dot, and a number.
pub const MARKER: &str = "LAB_CHECK";
/// How much of each output stream is kept, in bytes, at either end.
const KEPT_OUTPUT: usize = 64 * 1024;
/// A program that prints more than this, in bytes, is stopped for it.
const FLOOD: u64 = 64 * 1024 * 1024;

/// The programs that run now, by process id. Whoever starts or reaps one holds this lock: the number of a
/// process that has not been reaped cannot be given to another.
static RUNNING: Mutex<BTreeMap<u32, String>> = Mutex::new(BTreeMap::new());
/// Whether programs may be started.
static STATE: AtomicU8 = AtomicU8::new(OPEN);
const OPEN: u8 = 0;
const PAUSED: u8 = 1;
const OVER: u8 = 2;

fn running() -> MutexGuard<'static, BTreeMap<u32, String>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While what this gives is kept, no program is started by this process.
///
/// A program that is being started has a copy of every socket of this process until it is executed (fork, then exec), on a
/// busy machine for many milliseconds. A socket that was only opened to see whether its port is free would hold it as long.
pub fn no_starts() -> impl Sized {
    running()
}

/// Makes this process the reaper of its descendants' orphans. Called once, at the beginning.
///
/// # Errors
///
/// When the system refuses.
pub fn prepare() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Ends every program that runs, and lets none start any more: what Ctrl-C does.
pub fn stop_all() {
    STATE.store(OVER, Ordering::SeqCst);
    end_all();
    sweep();
}

/// Ends every program that runs, and lets none start until [`go_on`]: the cases that are being played come to a quick end.
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
fn left_behind(id: u32) -> String {
    format!(
        "process {id} could not be ended: where it runs as another user, only that user or root can: kill -KILL {id}"
    )
}

/// Ends and reaps what outlived its program and could not be told apart while others ran: the last thing of a check.
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
/// Each round ends what the last one orphaned. A program that forks faster than it is killed is met again in the next round; the
/// bound is against looking for ever.
#[cfg(target_os = "linux")]
fn end_each(find: impl Fn(&[crate::kernel::Process]) -> Vec<u32>) {
    let mut stays = BTreeSet::new();
    for _ in 0..100 {
        let known = running();
        let mut left = find(&crate::kernel::processes());
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

/// What a program under test is started with.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The command and its arguments.
    pub words: Vec<String>,
    /// The folder in which it runs; none is the one of the check.
    pub folder: Option<PathBuf>,
    /// What it reads from stdin.
    pub input: Input,
}

/// What a program reads from its stdin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Input {
    /// The end of input, at once.
    #[default]
    Empty,
    /// What [`Running::type_in`] writes, as from a keyboard.
    Keyboard,
}

/// A program under test that runs. Dropped, it ends with all that it has started.
pub struct Running {
    child: Child,
    id: u32,
    marker: String,
    stdout: Capture,
    stderr: Capture,
    #[cfg(unix)]
    end: Arc<End>,
    stdin: Option<ChildStdin>,
    stopped: Option<String>,
    lives_on: bool,
}

/// A program that was started, with all that it has started itself.
#[derive(Debug, Clone)]
pub struct Group {
    id: u32,
    marker: String,
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

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It returned this exit code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Code(code) => write!(f, "ended with exit code {code}"),
            Ended::Signal(number) => {
                write!(f, "was ended by signal {number}{}", signal_name(*number))
            }
        }
    }
}

fn signal_name(number: i32) -> &'static str {
    match number {
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV: it used memory that is not its own)",
        13 => " (SIGPIPE: it wrote to a connection that was closed)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// The end of a program, once it is known.
#[cfg(unix)]
#[derive(Default)]
struct End {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
}

impl Running {
    /// Starts a program in a process group of its own, with its output drained.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start(invocation: &Invocation) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (name, args) = invocation
            .words
            .split_first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"))?;
        let marker = format!(
            "{MARKER}={}.{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let mut command = Command::new(name);
        command
            .args(args)
            .env("PYTHONUNBUFFERED", "1")
            // What a program says of its end is evidence; a Rust program's backtrace would push it out of sight.
            .env("RUST_BACKTRACE", "0")
            .stdin(match invocation.input {
                Input::Empty => Stdio::null(),
                Input::Keyboard => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some((key, value)) = marker.split_once('=') {
            command.env(key, value);
        }
        if let Some(folder) = &invocation.folder {
            command.current_dir(folder);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Should this process be killed without a chance to act. The thread that starts a program outlives it: the kernel
        // takes that thread's end for the parent's.
        lab_core::process::die_with_parent(&mut command);

        let mut known = running();
        // Under the lock: whoever ends all that runs meets this one as well, or it is not started.
        if STATE.load(Ordering::SeqCst) != OPEN {
            return Err(io::Error::other("the check is being stopped"));
        }
        let mut child = command.spawn()?;
        let id = child.id();
        known.insert(id, marker.clone());
        drop(known);

        let stdout = Capture::of(child.stdout.take(), id);
        let stderr = Capture::of(child.stderr.take(), id);
        let stdin = child.stdin.take();
        Ok(Running {
            child,
            id,
            marker,
            stdout,
            stderr,
            #[cfg(unix)]
            end: watch(id),
            stdin,
            stopped: None,
            lives_on: false,
        })
    }

    /// Writes to its stdin; false when it no longer reads there. Short texts only: a long one could block.
    pub fn type_in(&mut self, text: &str) -> bool {
        self.stdin
            .as_mut()
            .is_some_and(|stdin| stdin.write_all(text.as_bytes()).is_ok())
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        drop(self.stdin.take());
    }

    /// The process id, which is also the number of the group.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whom to end, for another thread: see [`Group::end`].
    pub fn group(&self) -> Group {
        Group {
            id: self.id,
            marker: self.marker.clone(),
        }
    }

    /// Its processes: its group, what it has started, and what that has started.
    pub fn processes(&self) -> Vec<crate::kernel::Process> {
        let all = crate::kernel::processes();
        let below = descendants(&all, self.id);
        all.into_iter()
            .filter(|one| below.contains(&one.id) || belongs(one, self.id, &self.marker))
            .collect()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        self.wait(Duration::ZERO)
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> Option<Ended> {
        #[cfg(unix)]
        {
            let ended = self
                .end
                .ended
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let (ended, _) = self
                .end
                .changed
                .wait_timeout_while(ended, patience, |ended| ended.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            *ended
        }
        #[cfg(not(unix))]
        {
            let deadline = Instant::now() + patience;
            loop {
                match self.child.try_wait() {
                    Ok(Some(status)) => return Some(Ended::Code(status.code().unwrap_or(-1))),
                    _ if Instant::now() >= deadline => return None,
                    _ => thread::sleep(Duration::from_millis(2)),
                }
            }
        }
    }

    /// Holds it as a busy machine may at any moment, until [`Running::go_on`] (SIGSTOP). On Windows it goes on.
    pub fn hold(&mut self) {
        signal(self.id, Signal::Stop);
        // A thread that runs on another processor stops a little later than kill(2) returns.
        let deadline = Instant::now() + TERM_PATIENCE;
        while Instant::now() < deadline && crate::kernel::runs(self.id) {
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// Lets it go on after [`Running::hold`].
    pub fn go_on(&mut self) {
        signal(self.id, Signal::Continue);
    }

    /// Ends it by KILL at once, without the chance to clean up: what a crash is like.
    pub fn kill(&mut self) {
        kill_all(self.id, &self.marker);
        self.finish();
    }

    /// Ends it: TERM, two seconds, KILL, with all that it has started; then reaps it.
    pub fn stop(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        let by_itself = self.ended();
        if by_itself.is_none() {
            signal(self.id, Signal::Term);
            self.wait(TERM_PATIENCE);
        }
        kill_all(self.id, &self.marker);
        self.finish();
        if let Some(ended) = by_itself {
            self.stopped = Some(ended.to_string());
        }
    }

    fn finish(&mut self) {
        // It has been killed, so it ends, unless this user may not kill it: then nobody waits for it, and it stays our child,
        // so that its number stays its own.
        let ended = self.wait(TERM_PATIENCE).is_some();
        // The lock is held until the number is free again: nobody may signal it in between.
        let mut known = running();
        if known.remove(&self.id).is_some() {
            if ended {
                // Fails only for a process that has been reaped, which happens here alone.
                let _status = self.child.wait();
            } else {
                self.lives_on = true;
            }
        }
        drop(known);
        self.stdout.finish();
        self.stderr.finish();
        self.stopped.get_or_insert_default();
    }

    /// What its user has to know of it, when it was stopped and could not be ended.
    pub fn left_behind(&self) -> Option<String> {
        self.lives_on.then(|| left_behind(self.id))
    }

    /// All that it has printed so far.
    pub fn stdout(&self) -> Excerpt {
        self.stdout.catch_up();
        self.stdout.excerpt()
    }

    /// All that it has written to stderr so far.
    pub fn stderr(&self) -> Excerpt {
        self.stderr.catch_up();
        self.stderr.excerpt()
    }

    /// Whether it was stopped for printing without end.
    pub fn floods(&self) -> bool {
        self.stdout.floods() || self.stderr.floods()
    }

    /// Waits until its stdout holds these bytes, or has ended, or the time is up; says whether it does.
    pub fn prints(&self, text: &[u8], deadline: Instant) -> bool {
        self.stdout
            .wait_for(deadline, |bytes| contains(bytes, text))
    }

    /// Waits until its output streams have ended: after that nothing can be added.
    pub fn drained(&mut self) {
        self.stdout.finish();
        self.stderr.finish();
    }

    /// What a report says about it.
    pub fn report(&mut self) -> ProgramReport {
        let ended = match &self.stopped {
            Some(words) if !words.is_empty() => Some(words.clone()),
            Some(_) => None,
            None => self.ended().map(|ended| ended.to_string()),
        };
        ProgramReport {
            ended,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.stop();
    }
}

/// Whether a run of bytes holds another.
pub fn contains(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

/// Notices a program's end without reaping it, so that its number stays its own until [`Running::stop`].
#[cfg(unix)]
fn watch(id: u32) -> Arc<End> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    let known = Arc::new(End::default());
    let end = Arc::clone(&known);
    thread::spawn(move || {
        let Some(pid) = pid(id) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let ended = loop {
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) => {
                    break match status.terminating_signal() {
                        Some(number) => Ended::Signal(number),
                        None => Ended::Code(status.exit_status().unwrap_or(-1)),
                    };
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                // Reaped: the program was stopped, and nobody waits for this any more.
                Err(_) => return,
            }
        };
        *end.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        end.changed.notify_all();
    });
    known
}

/// The signals that are sent here.
#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
    Stop,
    Continue,
}

#[cfg(unix)]
fn pid(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}

/// Sends a signal to a group, which may be empty by now.
#[cfg(unix)]
fn signal(group: u32, which: Signal) {
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
fn signal(group: u32, which: Signal) {
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
    crate::kernel::processes()
        .into_iter()
        .any(|process| process.state != 'Z' && belongs(&process, group, marker))
}

/// In the group, or started with the program's mark in its environment, which its children inherit.
fn belongs(process: &crate::kernel::Process, group: u32, marker: &str) -> bool {
    process.group == group || crate::kernel::has_environment(process.id, marker)
}

/// Kills a group and all that left it.
fn kill_all(group: u32, marker: &str) {
    signal(group, Signal::Kill);
    kill_strays(group, marker);
}

/// Kills all that left a group.
fn kill_strays(group: u32, marker: &str) {
    // Only Linux tells what a process was started with: elsewhere the group is all there is.
    #[cfg(not(target_os = "linux"))]
    let _ = (group, marker);
    #[cfg(target_os = "linux")]
    end_each(|all| {
        // Only processes below this one are looked at: a mark in an environment further off is not ours to judge.
        let below = descendants(all, std::process::id());
        all.iter()
            .filter(|p| below.contains(&p.id) && belongs(p, group, marker))
            .map(|p| p.id)
            .collect()
    });
}

/// What a process has started, and what that has started.
fn descendants(all: &[crate::kernel::Process], root: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        for process in all {
            if found.contains(&process.parent) {
                found.insert(process.id);
            }
        }
        if found.len() == before {
            found.remove(&root);
            return found;
        }
    }
}

/// Kills a process that outlived its program, and reaps it if it is this one's child by now; false when it lives on.
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
            // It ends as soon as the kernel lets it: one that hangs in a call to a dead disk only then.
            Ok(None) if Instant::now() >= deadline => return false,
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            // ECHILD for one whose parent is still another process: that one reaps it, or leaves it to us.
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

/// An output stream of a program, always drained so that the program never blocks on a full pipe.
struct Capture {
    shared: Arc<Shared>,
    finished: Receiver<()>,
    /// The stream, as long as it is drained.
    #[cfg(unix)]
    stream: std::sync::Weak<OwnedFd>,
}

/// Reads an output stream, with every byte either in the pipe or in what is kept: never in between, where nobody could see it.
#[cfg(unix)]
struct Stream(Arc<OwnedFd>);

#[cfg(unix)]
impl Stream {
    fn wait(&self) {
        let mut polled = [rustix::event::PollFd::new(
            &self.0,
            rustix::event::PollFlags::IN,
        )];
        // A wait that was cut short by a signal ends in a read that waits a little longer.
        let _interrupted = rustix::event::poll(&mut polled, None);
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, piece)?)
    }
}

/// Without a way to wait for bytes and leave them where they are, they are out of sight for a moment.
#[cfg(not(unix))]
struct Stream(Box<dyn Read + Send>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
    over: bool,
}

impl Kept {
    fn add(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        let room = KEPT_OUTPUT - self.head.len();
        let (head, tail) = piece.split_at(room.min(piece.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        // Cut only once in a while: each cut moves what is kept.
        if self.tail.len() > 2 * KEPT_OUTPUT {
            self.tail.drain(..self.tail.len() - KEPT_OUTPUT);
        }
    }
}

impl Capture {
    #[cfg(unix)]
    fn of(stream: Option<impl Into<OwnedFd>>, group: u32) -> Self {
        let stream = stream.map(|stream| Arc::new(stream.into()));
        let weak = stream.as_ref().map(Arc::downgrade).unwrap_or_default();
        let (shared, finished) = Self::drain(stream.map(Stream), group);
        Capture {
            shared,
            finished,
            stream: weak,
        }
    }

    #[cfg(not(unix))]
    fn of(stream: Option<impl Read + Send + 'static>, group: u32) -> Self {
        let stream = stream.map(|stream| Stream(Box::new(stream)));
        let (shared, finished) = Self::drain(stream, group);
        Capture { shared, finished }
    }

    fn drain(stream: Option<Stream>, group: u32) -> (Arc<Shared>, Receiver<()>) {
        let shared = Arc::new(Shared::default());
        let (sender, finished) = mpsc::channel();
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            let mut stream = stream;
            while let Some(open) = &mut stream {
                let lock = || writer.kept.lock().unwrap_or_else(PoisonError::into_inner);
                #[cfg(unix)]
                let (read, mut kept) = {
                    open.wait();
                    // Read under the lock: whoever holds it sees all that has left the pipe.
                    let kept = lock();
                    (open.read(&mut piece), kept)
                };
                #[cfg(not(unix))]
                let (read, mut kept) = (open.0.read(&mut piece), lock());
                let count = match read {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                    Ok(count) => count,
                };
                kept.add(&piece[..count]);
                let flooded = kept.total > FLOOD;
                drop(kept);
                writer.changed.notify_all();
                if flooded {
                    // The group is still known: it is reaped only after this thread has ended, or lost its pipe.
                    let known = running();
                    if known.contains_key(&group) {
                        signal(group, Signal::Kill);
                    }
                    break;
                }
            }
            writer
                .kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .over = true;
            writer.changed.notify_all();
            // Nobody waits for it where the program was dropped without its output being asked for.
            let _nobody_waits = sender.send(());
        });
        (shared, finished)
    }

    /// Waits until all that the program has written by now is kept.
    fn catch_up(&self) {
        #[cfg(unix)]
        for _ in 0..1000 {
            let kept = self
                .shared
                .kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let waiting = match self.stream.upgrade() {
                Some(stream) if !kept.over => rustix::io::ioctl_fionread(stream).unwrap_or(0),
                _ => 0,
            };
            drop(kept);
            if waiting == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for the stream's end, for a second at most: something that could not be killed may hold it open.
    fn finish(&self) {
        let _still_open = self.finished.recv_timeout(Duration::from_secs(1));
    }

    fn floods(&self) -> bool {
        self.shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .total
            > FLOOD
    }

    fn excerpt(&self) -> Excerpt {
        let kept = self
            .shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Excerpt {
            head: kept.head.clone(),
            tail: kept.tail[kept.tail.len().saturating_sub(KEPT_OUTPUT)..].to_vec(),
            total: usize::try_from(kept.total).unwrap_or(usize::MAX),
        }
    }

    fn wait_for(&self, deadline: Instant, condition: impl Fn(&[u8]) -> bool) -> bool {
        let mut kept = self
            .shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let all = [kept.head.as_slice(), kept.tail.as_slice()].concat();
            let left = deadline.saturating_duration_since(Instant::now());
            if condition(&all) {
                return true;
            }
            if kept.over || left.is_zero() {
                return false;
            }
            (kept, _) = self
                .shared
                .changed
                .wait_timeout(kept, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_has_printed_is_seen_at_once_however_late_it_is_drained() {
        // What it prints to stderr shows that it has printed to stdout before.
        for _ in 0..200 {
            let program = shell("echo one; echo two >&2; exec sleep 60");
            let said = |all: &[u8]| contains(all, b"two");
            assert!(
                program
                    .stderr
                    .wait_for(Instant::now() + Duration::from_secs(30), said)
            );
            assert_eq!(program.stdout().head, b"one\n");
        }
    }

    fn shell(script: &str) -> Running {
        Running::start(&Invocation {
            words: ["sh", "-c", script].map(String::from).to_vec(),
            folder: None,
            input: Input::Empty,
        })
        .unwrap()
    }

    fn gone(text: &Excerpt) {
        let id = String::from_utf8(text.head.clone()).unwrap();
        let path = format!("/proc/{}", id.trim());
        assert!(!std::path::Path::new(&path).exists(), "{path} still runs");
    }

    #[test]
    fn a_program_that_ignores_term_is_killed_after_two_seconds() {
        let mut program = shell("trap '' TERM; echo $$; while :; do sleep 1; done");
        assert!(program.prints(b"\n", Instant::now() + Duration::from_secs(10)));
        let before = Instant::now();
        program.stop();
        assert!(before.elapsed() >= TERM_PATIENCE);
        gone(&program.stdout());
    }

    #[test]
    fn children_that_leave_the_group_end_with_their_program() {
        prepare().unwrap();
        // setsid makes a session and so a group of its own; the shell between ends, so the child is an orphan.
        let mut program = shell("(setsid sh -c 'echo $$; exec sleep 1000' &) ; exit 0");
        assert!(program.prints(b"\n", Instant::now() + Duration::from_secs(10)));
        program.stop();
        gone(&program.stdout());
    }

    #[test]
    fn output_without_end_is_capped_and_ends_the_program() {
        let mut program = shell("yes");
        let ended = program.wait(Duration::from_secs(60));
        assert_eq!(ended, Some(Ended::Signal(9)));
        assert!(program.floods());
        let kept = program.stdout();
        assert!(kept.head.len() + kept.tail.len() <= 2 * KEPT_OUTPUT);
        assert!(kept.total as u64 > FLOOD);
    }

    #[test]
    fn an_end_is_told_with_its_code_or_its_signal() {
        assert_eq!(
            shell("exit 7").wait(Duration::from_secs(10)),
            Some(Ended::Code(7))
        );
        assert_eq!(
            shell("kill -SEGV $$").wait(Duration::from_secs(10)),
            Some(Ended::Signal(11))
        );
    }
}
