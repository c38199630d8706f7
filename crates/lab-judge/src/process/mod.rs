//! Running the programs under test: any command line, each in a session and so in its own process
//! group that ends with its case.
//!
//! This is not a sandbox. A program under test may do whatever its user may do. What is promised
//! is that its processes end: by TERM, after two seconds by KILL, as a whole group,
//! with all that they started. On Linux this process is the reaper of orphans
//! (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so a program that forks twice and leaves its group is
//! found as well; elsewhere the group is all that can be reached.
//!
//! | module | holds |
//! |---|---|
//! | [`group`] | all that a program has started: found, signaled, ended, reaped |
//! | [`end`] | how a program ended |
//! | [`keyboard`] | what a program asks its user is typed in |
//! | [`output`] | what a program prints: always drained, kept at both ends |
//! | [`terminal`] | a terminal for a program, as its user had one |

mod end;
mod group;
mod keyboard;
mod output;
#[cfg(target_os = "linux")]
mod terminal;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use end::{End, watch};
pub use end::{Ended, signal_name};
pub use group::{Group, go_on, may_start, pause, prepare, spawn_lock, stop_all, sweep, tell};
use group::{
    Signal, TERM_PATIENCE, belongs, descendants, kill_all, kill_strays, left_behind, running,
    signal,
};
pub use keyboard::{Answers, OpenQuestion};
use keyboard::{Keys, Outputs, Typist};
use output::Capture;
pub(crate) use output::plain;

use crate::verdict::{Excerpt, ProgramReport};

/// The variable by which a program under test, and all that it starts, can be told from other
/// processes: the check's process id, a dot, and a number.
pub const MARKER: &str = "LAB_CHECK";

/// How long is waited for a program's first question before something is typed.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(5);

/// What a program under test is started with.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The command and its arguments.
    pub words: Vec<String>,
    /// The folder in which it runs; none is the one of the check.
    pub folder: Option<PathBuf>,
    /// What it reads from stdin.
    pub input: Input,
    /// Whether the first word is the tracer, which records the program and ends as it does.
    pub recorded: bool,
}

/// What a program reads from its stdin.
#[derive(Debug, Clone, Default)]
pub enum Input {
    /// The end of input, at once.
    #[default]
    Empty,
    /// What [`Running::type_in`] writes, as from a keyboard.
    Keyboard,
    /// Answers to what it asks.
    Answers(Box<Answers>),
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
    keys: Arc<Keys>,
    typist: Option<Typist>,
    /// How much it had printed when what it prints began to count.
    counts_from: u64,
    stopped: Option<String>,
    lives_on: bool,
    recorded: bool,
}

impl Running {
    /// Starts a program in its own process group, with its output drained.
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
            // No color and no cursor, whether it has a terminal or not.
            .env("TERM", "dumb")
            .env("NO_COLOR", "1")
            .env_remove("FORCE_COLOR")
            .env_remove("CLICOLOR_FORCE")
            // What a program says of its end is evidence; a Rust
            // program's backtrace would push it out of sight.
            .env("RUST_BACKTRACE", "0")
            .stdin(match invocation.input {
                Input::Empty => Stdio::null(),
                Input::Keyboard => Stdio::piped(),
                Input::Answers(_) if cfg!(target_os = "linux") => Stdio::piped(),
                // Nobody could see that it asks.
                Input::Answers(_) => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some((key, value)) = marker.split_once('=') {
            command.env(key, value);
        }
        if let Some(folder) = &invocation.folder {
            command.current_dir(folder);
        }
        // Where the system has no terminal to give, stdin and stdout are pipes: what a program
        // keeps back is seen at its end.
        #[cfg(target_os = "linux")]
        let terminal = match invocation.input {
            Input::Keyboard | Input::Answers(_) => terminal::give(&mut command).ok(),
            Input::Empty => None,
        };
        #[cfg(unix)]
        lab_core::process::lead_session(&mut command);
        // Should this process be killed without a chance to act. The thread that starts a program
        // outlives it: the kernel takes that thread's end for the parent's.
        lab_core::process::die_with_parent(&mut command);

        let mut known = running();
        // Under the lock: anyone who ends all that runs
        // meets this one as well, or it is not started.
        if !may_start() {
            return Err(io::Error::other("the check is being stopped"));
        }
        let mut child = command.spawn()?;
        let id = child.id();
        known.insert(id, marker.clone());
        drop(known);

        // Our copy of the program's end of a terminal: its output ends when all copies are closed.
        drop(command);
        let pipe = child.stdin.take();
        #[cfg(unix)]
        let pipe_name = pipe.as_ref().and_then(keyboard::name_of);
        #[cfg(not(unix))]
        let pipe_name: Option<String> = None;
        let pipe = pipe.map(|pipe| Box::new(pipe) as Box<dyn Write + Send>);
        #[cfg(target_os = "linux")]
        let (stdout, keys, stdin) = match terminal {
            Some(terminal) => (
                match terminal.output {
                    Some(output) => Capture::of(Some(output), id),
                    None => Capture::of(child.stdout.take(), id),
                },
                Keys::new(Some(Box::new(terminal.keys)), Some(terminal::END_OF_INPUT)),
                Some(terminal.name),
            ),
            None => (
                Capture::of(child.stdout.take(), id),
                Keys::new(pipe, None),
                pipe_name,
            ),
        };
        #[cfg(not(target_os = "linux"))]
        let (stdout, keys, stdin) = (
            Capture::of(child.stdout.take(), id),
            Keys::new(pipe, None),
            pipe_name,
        );
        let stderr = Capture::of(child.stderr.take(), id);
        let keys = Arc::new(keys);
        let typist = match (&invocation.input, stdin) {
            (Input::Answers(answers), Some(stdin)) => {
                let outputs = Outputs {
                    stdout: stdout.view(),
                    stderr: stderr.view(),
                };
                let (keys, answers) = (Arc::clone(&keys), Answers::clone(answers));
                Some(Typist::start(id, &stdin, keys, outputs, answers))
            }
            _ => None,
        };
        Ok(Running {
            child,
            id,
            marker,
            stdout,
            stderr,
            #[cfg(unix)]
            end: watch(id),
            keys,
            typist,
            counts_from: 0,
            stopped: None,
            lives_on: false,
            recorded: invocation.recorded,
        })
    }

    /// Writes to its stdin; false when it no longer reads
    /// there. Short texts only: a long one could block.
    pub fn type_in(&mut self, text: &str) -> bool {
        // It may ask for its address first. Whether it does shows
        // when it waits for its keyboard, which it may never do.
        if let Some(typist) = self.typist.take() {
            let deadline = Instant::now() + ADDRESS_PATIENCE;
            while !typist.is_done(Duration::from_millis(20))
                && self.ended().is_none()
                && Instant::now() < deadline
            {}
        }
        self.keys.type_in(text)
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.keys.end_input();
    }

    /// The question for whose answer it waits, where the check has none.
    pub fn open_question(&self) -> Option<OpenQuestion> {
        self.typist.as_ref()?.open_question()
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
    pub fn processes(&self) -> Vec<crate::procfs::Process> {
        let all = crate::procfs::processes();
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
            let ended = labnet::lock(&self.end.ended);
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

    /// Holds it as a busy machine may at any moment, until
    /// [`Running::go_on`] (SIGSTOP). On Windows it continues.
    pub fn hold(&mut self) {
        signal(self.id, Signal::Stop);
        // A thread that runs on another processor stops a little later than kill(2) returns.
        let deadline = Instant::now() + TERM_PATIENCE;
        while Instant::now() < deadline && crate::procfs::runs(self.id) {
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// Lets it go on after [`Running::hold`].
    pub fn go_on(&mut self) {
        signal(self.id, Signal::Continue);
    }

    /// Ends it by KILL at once, without the chance to clean up: what a crash is like.
    pub fn kill(&mut self) {
        if self.recorded {
            // The tracer sees the program's end, and writes down what was before it.
            kill_strays(self.id, &self.marker);
            self.wait(TERM_PATIENCE);
        }
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
        // It has been killed, so it ends, unless this user may not kill it: then nobody waits for
        // it, and it stays our child, so that its number stays its own.
        let ended = self.wait(TERM_PATIENCE).is_some();
        // Before its number may be another's.
        if let Some(typist) = &self.typist {
            typist.end();
        }
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
        self.stdout.excerpt()
    }

    /// All that it has written to stderr so far.
    pub fn stderr(&self) -> Excerpt {
        self.stderr.excerpt()
    }

    /// How many bytes it has printed, to both streams.
    pub fn total_printed(&self) -> u64 {
        self.stdout.total() + self.stderr.total()
    }

    /// Whether it was stopped for printing without end.
    pub fn floods(&self) -> bool {
        self.stdout.floods() || self.stderr.floods()
    }

    /// What it has printed so far does not count for [`Running::prints`] and [`Running::printed`].
    pub fn forget_output(&mut self) {
        self.counts_from = self.stdout.view().total();
    }

    /// What it has printed so far that counts.
    pub fn printed(&self) -> Vec<u8> {
        self.stdout.view().after(self.counts_from)
    }

    /// Waits until its stdout holds these bytes, with or without color, or has ended, or the time
    /// is up; says whether it does.
    pub fn prints(&self, text: &[u8], deadline: Instant) -> bool {
        self.prints_such(deadline, |bytes| {
            contains(bytes, text) || contains(&plain(bytes), text)
        })
    }

    /// Waits until its stdout meets a condition, or has
    /// ended, or the time is up; says whether it does.
    pub fn prints_such(&self, deadline: Instant, condition: impl Fn(&[u8]) -> bool) -> bool {
        self.stdout.view().catch_up();
        self.stdout.wait_for(self.counts_from, deadline, condition)
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
        self.keys.close();
        self.stop();
    }
}

/// Whether a run of bytes holds another.
pub fn contains(bytes: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(bytes, text).is_some()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
