//! The loop: waits for a stop of any thread, records what it is about to do or has done, and lets
//! it run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use lab_journal::{Entry, Event, Exit, Process, Side, Transport};
use rustix::process::{WaitOptions, WaitStatus, wait};

use crate::calls::{self, Kind};
use crate::child;
use crate::ending::Ending;
use crate::entries::Ends;
use crate::ptrace::{self, SyscallStop};
use crate::record::{Pending, Recorder};
use crate::relay::{Networks, Relay};
use crate::roles::Commands;

/// The kernel's inner answers for a call that a signal interrupted: ERESTARTSYS to
/// ERESTART_RESTARTBLOCK.
const RESTARTS: std::ops::RangeInclusive<i64> = -516..=-512;

/// A traced thread.
#[derive(Debug)]
struct Thread {
    process: u32,
    /// The call that it is in.
    pending: Option<Pending>,
}

/// A run in progress.
pub struct Tracer {
    threads: HashMap<i32, Thread>,
    /// What is recorded.
    pub recorder: Recorder,
    ending: Ending,
    /// The server's first process, and that of each client.
    server: Option<u32>,
    clients: Vec<u32>,
    /// How many clients still run.
    running: usize,
    ends: Ends,
}

impl Tracer {
    /// A tracer that has not started a program yet.
    pub fn new(recorder: Recorder, ending: Ending) -> Self {
        Tracer {
            threads: HashMap::new(),
            recorder,
            ending,
            server: None,
            clients: Vec::new(),
            running: 0,
            ends: Ends::default(),
        }
    }

    /// Starts the server, and the clients once it can be met; ends when every process has ended. A
    /// client without a server is started at once.
    pub fn run(
        mut self,
        commands: &Commands,
        relay: Option<&(Arc<Networks>, Relay)>,
    ) -> anyhow::Result<(Recorder, Ends)> {
        if let Some(server) = &commands.server {
            if let Some((networks, _)) = relay {
                networks.enter_servers()?;
            }
            self.server = Some(self.start(Side::Server, server, Stdio::null())?);
        } else {
            self.start_clients(commands)?;
        }
        let mut seen = 0;
        while let Some((tid, status)) = next_stop()? {
            self.stop(tid, status)?;
            let (old, new) = self.recorder.server_is_at.split_at(seen);
            if new.is_empty() || self.ending.has_begun() {
                continue;
            }
            if let Some((networks, relay)) = relay {
                for (place, (transport, address)) in new.iter().enumerate() {
                    // A server that listens again has the relay before it already.
                    let is_known = |other: &(Transport, SocketAddr)| *other == new[place];
                    if !old.iter().chain(&new[..place]).any(is_known) {
                        relay.listen(*transport, *address)?;
                    }
                }
                networks.enter_clients()?;
            }
            seen = self.recorder.server_is_at.len();
            if self.clients.is_empty() {
                self.start_clients(commands)?;
            }
        }
        self.ends.signal = self.ending.all_have_ended()?;
        Ok((self.recorder, self.ends))
    }

    /// The first client has the keyboard.
    fn start_clients(&mut self, commands: &Commands) -> anyhow::Result<()> {
        for number in 0..commands.clients {
            let stdin = match number {
                0 => Stdio::inherit(),
                _ => Stdio::null(),
            };
            let client = self.start(commands.side, &commands.client, stdin)?;
            self.clients.push(client);
            self.running += 1;
        }
        Ok(())
    }

    fn start(&mut self, side: Side, words: &[OsString], stdin: Stdio) -> anyhow::Result<u32> {
        let tid = child::start(words, stdin)?;
        let process = tid.unsigned_abs();
        self.recorder.journal.processes.push(Process {
            pid: process,
            side,
            parent: None,
            played: false,
        });
        self.add(tid, process);
        Ok(process)
    }

    fn add(&mut self, tid: i32, process: u32) {
        let thread = Thread {
            process,
            pending: None,
        };
        self.threads.insert(tid, thread);
        self.ending.started(process);
    }

    /// What a thread stopped for, or how it ended.
    fn stop(&mut self, tid: i32, status: WaitStatus) -> anyhow::Result<()> {
        if status.exited() || status.signaled() {
            self.ended(tid, status);
            return Ok(());
        }
        if !self.threads.contains_key(&tid) {
            self.adopt(tid, None);
        }
        let raw = status.as_raw();
        let (signal, event) = ((raw >> 8) & 0xff, raw >> 16);
        let resumed = match (signal, event) {
            (_, libc::PTRACE_EVENT_SECCOMP) => self.entry(tid),
            (_, libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE) => {
                if let Ok(child) = ptrace::event_message(tid)
                    && let Ok(child) = i32::try_from(child)
                    && !self.threads.contains_key(&child)
                {
                    self.adopt(child, Some(tid));
                }
                ptrace::resume(tid, 0)
            }
            (_, libc::PTRACE_EVENT_EXEC) => {
                self.forget_other_threads(tid);
                ptrace::resume(tid, 0)
            }
            (libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU, ptrace::EVENT_STOP) => {
                ptrace::leave_stopped(tid)
            }
            (_, ptrace::EVENT_STOP) => ptrace::resume(tid, 0),
            (signal, 0) if signal == libc::SIGTRAP | 0x80 => self.exit(tid),
            (signal, 0) => ptrace::resume(tid, signal),
            _ => ptrace::resume(tid, 0),
        };
        match resumed {
            // It was killed while it was stopped: its end comes next.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            other => other.context("cannot let a traced program run on"),
        }
    }

    /// A new thread, of the process that the system says.
    fn adopt(&mut self, tid: i32, parent: Option<i32>) {
        let process = group_of(tid).unwrap_or(tid.unsigned_abs());
        let processes = &mut self.recorder.journal.processes;
        if !processes.iter().any(|known| known.pid == process) {
            let parent = parent
                .and_then(|parent| self.threads.get(&parent))
                .map(|parent| parent.process)
                .or_else(|| parent_of(tid));
            let side = processes
                .iter()
                .find(|known| Some(known.pid) == parent)
                .map_or(Side::Server, |known| known.side);
            processes.push(Process {
                pid: process,
                side,
                parent,
                played: false,
            });
        }
        self.add(tid, process);
    }

    /// After an exec the process has one thread, which has the process's number.
    fn forget_other_threads(&mut self, tid: i32) {
        let process = tid.unsigned_abs();
        self.threads
            .retain(|other, thread| *other == tid || thread.process != process);
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.pending = None;
        }
        self.recorder.sockets.forget_descriptors();
        #[cfg(target_arch = "x86_64")]
        self.recorder.has_become_another(process);
    }

    fn entry(&mut self, tid: i32) -> io::Result<()> {
        let Some(thread) = self.threads.get_mut(&tid) else {
            return ptrace::resume(tid, 0);
        };
        let SyscallStop::Entry { number, arguments } = ptrace::syscall(tid)? else {
            return ptrace::resume(tid, 0);
        };
        let Some(spec) = calls::of(number) else {
            return ptrace::resume(tid, 0);
        };
        if let Some(interrupted) = thread.pending.take() {
            if spec.kind == Kind::Restart || interrupted.is(spec, &arguments) {
                thread.pending = Some(interrupted);
                return ptrace::resume_to_exit(tid);
            }
            self.recorder.interrupted(&interrupted);
        }
        let mut pending = self.recorder.begin(thread.process, tid, spec, arguments);
        if let Some(pending) = &mut pending {
            self.recorder.locate(pending);
        }
        let wanted = pending.is_some();
        thread.pending = pending;
        if wanted {
            ptrace::resume_to_exit(tid)
        } else {
            ptrace::resume(tid, 0)
        }
    }

    fn exit(&mut self, tid: i32) -> io::Result<()> {
        if let Some(thread) = self.threads.get_mut(&tid)
            && let SyscallStop::Exit(result) = ptrace::syscall(tid)?
            // An interrupted call either continues or fails with EINTR. Which of them, its thread's
            // next call tells.
            && !RESTARTS.contains(&result)
            && let Some(pending) = thread.pending.take()
        {
            self.recorder.end(&pending, result);
        }
        ptrace::resume(tid, 0)
    }

    fn ended(&mut self, tid: i32, status: WaitStatus) {
        if let Some(thread) = self.threads.remove(&tid)
            && let Some(pending) = thread.pending
        {
            self.recorder.unfinished(&pending);
        }
        let process = tid.unsigned_abs();
        if !self
            .recorder
            .journal
            .processes
            .iter()
            .any(|known| known.pid == process)
        {
            return;
        }
        let exit = Exit {
            process,
            code: status.exit_status(),
            signal: status.terminating_signal(),
        };
        // Its number may be another's next.
        self.recorder.sockets.forget_descriptors();
        let at = self.recorder.now();
        self.recorder.add(Entry {
            at,
            event: Event::Exit(exit),
        });
        self.ending.ended(process);
        if self.server == Some(process) {
            self.ends.server = Some(exit);
        }
        if self.clients.contains(&process) {
            let is_well = self.ends.client.is_none_or(|exit| exit.code == Some(0));
            if is_well {
                self.ends.client = Some(exit);
            }
            self.running -= 1;
            if self.running == 0 {
                self.ending.client_has_ended();
            }
        }
    }
}

/// The next thread that stopped or ended; `None` when there is none left.
fn next_stop() -> anyhow::Result<Option<(i32, WaitStatus)>> {
    // __WALL: also threads.
    let options = WaitOptions::from_bits_retain(libc::__WALL.unsigned_abs());
    loop {
        match wait(options) {
            Ok(Some((pid, status))) => return Ok(Some((pid.as_raw_nonzero().get(), status))),
            Err(rustix::io::Errno::INTR) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(error).context("cannot wait for the traced programs"),
        }
    }
}

/// The process of a thread.
fn group_of(tid: i32) -> Option<u32> {
    field(tid, "Tgid:")
}

/// The process that started a thread's process.
fn parent_of(tid: i32) -> Option<u32> {
    field(tid, "PPid:")
}

fn field(tid: i32, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}
