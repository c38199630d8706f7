//! Whether programs wait for us and for nothing else:
//! known for certain, so that nobody has to wait and see.
//!
//! A program whose every thread is in a call that only its peer can end does nothing until the peer
//! does. Linux tells the call of each thread with its arguments (`/proc/PID/task/TID/syscall`), and
//! how often each has run. A call with a time limit, a timer, a signal that may come, a packet that
//! is on its way, a thread that computes: then nothing is known, and it is waited.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lab_netns::{Socket, sockets};
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::call::Call;
use super::linux::processes_of;
use super::{Process, with_descendants};
use alarm::expects_alarm;

mod alarm;

/// How long a program that waits has to have done nothing: what is on its way on the loopback
/// interface arrives by then.
const QUIET: Duration = Duration::from_millis(100);
/// The same where the system does not tell what is on its way: for datagrams.
const QUIET_UNSEEN: Duration = Duration::from_millis(400);
/// How long after a look that showed a program at work the next one is taken.
const AGAIN: Duration = Duration::from_millis(40);

/// Where this is set, nothing is known for certain and all waits last as long as they may, as on a
/// system that tells nothing: to compare the verdicts and the time.
const NOT_TOLD_HERE: &str = "LAB_CHECK_FULL_WAITS";

/// Watches some groups of processes, over as many looks as it takes.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<(Instant, Option<Stillness>)>,
}

/// That every thread of some processes was in a call that only others end.
#[derive(Debug, PartialEq, Eq)]
struct Stillness {
    /// For each thread how often it has run and for how long.
    runs: BTreeMap<u32, String>,
    /// The sockets that are waited for in a call without its own time limit, which a socket may
    /// have: process and descriptor.
    waited_for: Vec<(u32, i32)>,
    /// Whether what is on its way to it may not be seen: a datagram.
    unseen: bool,
}

impl Watch {
    /// Whether the groups wait for good: until somebody else does something. Takes a look now and
    /// then, and two to be certain.
    pub fn waits_for_good(&mut self, groups: &[u32]) -> bool {
        static NOT_TOLD: OnceLock<bool> = OnceLock::new();
        if *NOT_TOLD.get_or_init(|| std::env::var_os(NOT_TOLD_HERE).is_some()) {
            return false;
        }
        let now = Instant::now();
        let pause = match &self.last {
            None => Duration::ZERO,
            Some((_, None)) => AGAIN,
            Some((_, Some(still))) => still.quiet(),
        };
        if self.last.as_ref().is_some_and(|(at, _)| now - *at < pause) {
            return false;
        }
        let look = still(groups);
        let before = self.last.take().and_then(|(_, before)| before);
        // No thread has run in between, so there was a moment at which all of them waited.
        let certain = look.is_some()
            && look == before
            && look
                .as_ref()
                .is_some_and(|look| look.waited_for.iter().all(|wait| has_no_limit(*wait)));
        self.last = Some((now, look));
        certain
    }
}

impl Stillness {
    fn quiet(&self) -> Duration {
        match self.unseen {
            true => QUIET_UNSEEN,
            false => QUIET,
        }
    }
}

/// Looks at all processes of the groups, and at what they have started.
fn still(groups: &[u32]) -> Option<Stillness> {
    // The cheap question first: the leader of a group that is at work has no call to show.
    let leader = groups.last()?;
    if fs::read_to_string(format!("/proc/{leader}/syscall")).is_ok_and(|call| call.starts_with('r'))
    {
        return None;
    }
    let members = members(groups)?;
    let mut still = Stillness {
        runs: BTreeMap::new(),
        waited_for: Vec::new(),
        unseen: false,
    };
    let mut inodes = BTreeMap::new();
    for id in &members {
        let kinds = descriptors(*id)?;
        let with_inode = |(fd, kind): (&i32, &Descriptor)| Some((kind.inode()?, (*id, *fd)));
        inodes.extend(kinds.iter().filter_map(with_inode));
        only_others_wake(*id, &kinds).then_some(())?;
        for thread in fs::read_dir(format!("/proc/{id}/task")).ok()? {
            let thread = thread.ok()?.path();
            let number: u32 = thread.file_name()?.to_str()?.parse().ok()?;
            let read = |name: &str| fs::read_to_string(thread.join(name)).ok();
            let call = Call::parse(&read("syscall")?)?;
            let keyboard = || may_read_the_keyboard(*id, &call, &kinds);
            let descriptor = call.waits_on(|descriptor| kinds.get(&descriptor), keyboard)?;
            still.waited_for.extend(descriptor.map(|fd| (*id, fd)));
            still.runs.insert(number, read("schedstat")?);
        }
    }
    (!still.runs.is_empty()).then_some(())?;
    still.unseen |= nothing_on_its_way(&inodes, &members)?;
    Some(still)
}

/// The processes of some groups, and what they have started, without those that have ended. `None`
/// where a main thread has ended and others have not: what they hold is not told.
fn members(groups: &[u32]) -> Option<Vec<u32>> {
    let all = processes_of(groups);
    let of_groups = all.iter().filter(|process| groups.contains(&process.group));
    let found = with_descendants(&all, of_groups.map(|process| process.id).collect());
    let (ended, live): (Vec<&Process>, Vec<&Process>) = all
        .iter()
        .filter(|process| found.contains(&process.id))
        .partition(|process| process.state == 'Z');
    let threads =
        |one: &&Process| fs::read_dir(format!("/proc/{}/task", one.id)).map_or(0, Iterator::count);
    ended.iter().all(|one| threads(one) <= 1).then_some(())?;
    Some(live.into_iter().map(|process| process.id).collect())
}

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Descriptor {
    Socket(u64),
    Pipe,
    Terminal,
    /// A set of others (epoll(7)).
    Set,
    /// Becomes ready by itself, or by what we do not see:
    /// a timer, a change of a file, a finished operation.
    ByItself,
    Other,
}

impl Descriptor {
    fn of(link: &str) -> Self {
        let inode = |rest: &str| rest.strip_suffix(']')?.parse().ok();
        match link.split_once('[') {
            Some(("socket:", rest)) => inode(rest).map_or(Descriptor::ByItself, Descriptor::Socket),
            Some(("pipe:", _)) => Descriptor::Pipe,
            Some(("anon_inode:", "eventpoll]")) => Descriptor::Set,
            Some(("anon_inode:", "eventfd]" | "signalfd]")) => Descriptor::Other,
            _ if link.starts_with("anon_inode:") => Descriptor::ByItself,
            _ if link.starts_with("/dev/pts/") => Descriptor::Terminal,
            _ => Descriptor::Other,
        }
    }

    fn inode(&self) -> Option<u64> {
        match self {
            Descriptor::Socket(inode) => Some(*inode),
            _ => None,
        }
    }
}

fn descriptors(id: u32) -> Option<BTreeMap<i32, Descriptor>> {
    let entries = fs::read_dir(format!("/proc/{id}/fd")).ok()?;
    let mut kinds = BTreeMap::new();
    for entry in entries {
        let path = entry.ok()?.path();
        let number = path.file_name()?.to_str()?.parse().ok()?;
        let link = fs::read_link(&path).ok()?;
        kinds.insert(number, Descriptor::of(link.to_str().unwrap_or_default()));
    }
    Some(kinds)
}

/// Whether a process that waits can only be woken by others.
fn only_others_wake(id: u32, kinds: &BTreeMap<i32, Descriptor>) -> bool {
    let timers = fs::read_to_string(format!("/proc/{id}/timers")).is_ok_and(|text| text.is_empty());
    let by_itself = kinds.values().any(|kind| *kind == Descriptor::ByItself);
    timers && !by_itself && !expects_alarm(id)
}

/// Whether what is typed may end a call of poll, select or epoll: somebody may be about to type it.
fn may_read_the_keyboard(process: u32, call: &Call, kinds: &BTreeMap<i32, Descriptor>) -> bool {
    let kind = |descriptor: u64| kinds.get(&i32::try_from(descriptor).ok()?);
    let from_pipe = kind(0) == Some(&Descriptor::Pipe);
    match call.watched_by(process) {
        Some(watched) => watched.into_iter().any(|one| match kind(one) {
            Some(Descriptor::Pipe) => from_pipe,
            // A set in a set is not looked into.
            Some(Descriptor::Terminal | Descriptor::Set) => true,
            _ => false,
        }),
        None => from_pipe || kind(0) == Some(&Descriptor::Terminal),
    }
}

impl Call {
    /// Whether it waits until another does something: `None` where it may end by itself. It gives
    /// the descriptor of a socket whose own time limit may end it (SO_RCVTIMEO).
    fn waits_on<'d>(
        &self,
        kind: impl Fn(i32) -> Option<&'d Descriptor>,
        keyboard: impl Fn() -> bool,
    ) -> Option<Option<i32>> {
        const FOREVER: u64 = 0xffff_ffff;
        /// FUTEX_CMD_MASK, FUTEX_WAIT and FUTEX_WAIT_BITSET of linux/futex.h.
        const COMMAND: u64 = 0x7f;
        const WAITS: [u64; 2] = [0, 9];
        let [first, second, third, fourth, fifth, _] = self.arguments;
        let forever = |timeout: u64| (timeout & FOREVER == FOREVER && !keyboard()).then_some(None);
        let no_pointer = |timeout: u64| (timeout == 0 && !keyboard()).then_some(None);
        let no_limit = |timeout: u64| (timeout == 0).then_some(None);
        let socket = || {
            let descriptor = i32::try_from(first).ok()?;
            matches!(kind(descriptor), Some(Descriptor::Socket(_))).then_some(Some(descriptor))
        };
        match self.number {
            libc::SYS_recvfrom | libc::SYS_recvmsg | libc::SYS_accept4 => socket(),
            libc::SYS_read | libc::SYS_readv => match kind(i32::try_from(first).ok()?)? {
                Descriptor::Pipe if first != 0 => Some(None),
                Descriptor::Socket(_) => socket(),
                _ => None,
            },
            libc::SYS_epoll_pwait => forever(fourth),
            libc::SYS_ppoll => no_pointer(third),
            libc::SYS_pselect6 => no_pointer(fifth),
            libc::SYS_futex if WAITS.contains(&(second & COMMAND)) => no_limit(fourth),
            libc::SYS_wait4 | libc::SYS_waitid | libc::SYS_rt_sigsuspend => Some(None),
            libc::SYS_accept => socket(),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => forever(third),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_select => no_pointer(fifth),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => forever(fourth),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_pause => Some(None),
            _ => None,
        }
    }
}

/// Whether no packet is on its way to or from these sockets, each with a process and its descriptor
/// there, and all of them are in this machine: `None` otherwise. It gives whether there are sockets
/// for datagrams among them.
fn nothing_on_its_way(inodes: &BTreeMap<u64, (u32, i32)>, members: &[u32]) -> Option<bool> {
    let streams = sockets("tcp")?;
    let ours = |socket: &&Socket| inodes.contains_key(&socket.inode);
    let local = |socket: &Socket| {
        socket.remote.ip().is_loopback()
            || socket.remote.ip().is_unspecified()
            || socket.remote.ip() == socket.local.ip()
    };
    let ports: BTreeSet<u16> = streams
        .iter()
        .filter(ours)
        .map(|socket| socket.local.port())
        .collect();
    for socket in &streams {
        let concerns =
            ports.contains(&socket.local.port()) || ports.contains(&socket.remote.port());
        // What was sent and is not acknowledged, a FIN as
        // well as bytes. A listener's figure is its backlog.
        let on_its_way = socket.begins || (!socket.listens && socket.unacknowledged > 0);
        if concerns && (on_its_way || !local(socket)) {
            return None;
        }
    }
    let datagrams = sockets("udp")?;
    let mut of_program = datagrams.iter().filter(ours).peekable();
    let some = of_program.peek().is_some();
    of_program.all(local).then_some(())?;
    let listed: BTreeSet<u64> = streams
        .iter()
        .chain(&datagrams)
        .map(|one| one.inode)
        .collect();
    let others = inodes.iter().filter(|(inode, _)| !listed.contains(inode));
    others
        .map(|(_, holder)| *holder)
        .all(|holder| is_quiet(holder, members))
        .then_some(some)
}

/// Whether a socket that is in none of the tables brings nothing by itself: one of the Internet
/// that is not bound yet, or a pair whose other end one of these processes holds (asyncio has one).
fn is_quiet((process, descriptor): (u32, i32), members: &[u32]) -> bool {
    let quiet = || -> rustix::io::Result<bool> {
        let socket = copy(process, descriptor)?;
        let kind = sockopt::socket_type(&socket)?;
        Ok(match sockopt::socket_domain(&socket)? {
            AddressFamily::INET | AddressFamily::INET6 => {
                [SocketType::STREAM, SocketType::DGRAM].contains(&kind)
            }
            AddressFamily::UNIX => {
                let peer = sockopt::socket_peercred(&socket)?.pid;
                u32::try_from(peer.as_raw_nonzero().get()).is_ok_and(|id| members.contains(&id))
            }
            _ => false,
        })
    };
    matches!(quiet(), Ok(true))
}

/// A copy of a process's descriptor.
fn copy(process: u32, descriptor: i32) -> rustix::io::Result<OwnedFd> {
    let id = super::pid(process).ok_or(rustix::io::Errno::SRCH)?;
    let process = pidfd_open(id, PidfdFlags::empty())?;
    pidfd_getfd(&process, descriptor, PidfdGetfdFlags::empty())
}

/// Whether a call on a socket waits as long as it takes: a socket may have a time limit
/// (SO_RCVTIMEO), which is read from a copy.
fn has_no_limit((process, descriptor): (u32, i32)) -> bool {
    let limit = copy(process, descriptor)
        .and_then(|socket| sockopt::socket_timeout(&socket, sockopt::Timeout::Recv));
    matches!(limit, Ok(None))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};
    use std::thread;

    use super::*;

    /// A program in Python that prints a line when it is ready, in its own group.
    struct Program {
        child: Child,
        said: String,
    }

    impl Program {
        fn start(text: &str) -> Self {
            let text = format!(
                "import os, select, signal, socket, sys, threading, time\n\
                 s = socket.create_server(('127.0.0.1', 0))\n\
                 print(s.getsockname()[1], flush=True)\n{text}"
            );
            let mut child = Command::new("python3")
                .args(["-S", "-c", &text])
                .process_group(0)
                .stdin(match text.contains("0]") || text.contains("sys.stdin") {
                    true => Stdio::piped(),
                    false => Stdio::null(),
                })
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut said)
                .unwrap();
            Program { child, said }
        }

        fn connect(&self) -> TcpStream {
            let port: u16 = self.said.trim().parse().unwrap();
            TcpStream::connect(("127.0.0.1", port)).unwrap()
        }

        /// Whether it was found to wait within this time.
        fn waits_within(&self, time: Duration) -> bool {
            let (begin, mut watch) = (Instant::now(), Watch::default());
            while begin.elapsed() < time {
                if watch.waits_for_good(&[self.child.id()]) {
                    return true;
                }
                thread::sleep(Duration::from_millis(5));
            }
            false
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            // What it has started goes with it.
            let group = super::super::pid(self.child.id()).unwrap();
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
            self.child.wait().unwrap();
        }
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(700);

    #[test]
    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
    fn a_program_that_waits_for_its_peer_is_known_to_wait() {
        for text in [
            "s.accept()",
            "select.select([s], [], [])",
            "p = select.poll(); p.register(s); p.poll()",
            "e = select.epoll(); e.register(s); e.poll()",
            "threading.Thread(target=s.accept).start()",
            "signal.pause()",
            "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0)); u.recv(9)",
            "a, b = socket.socketpair(); s.accept()",
            "import asyncio; asyncio.run(asyncio.Event().wait())",
            // It has a keyboard, and does not read it.
            "sys.stdin.fileno(); select.select([s], [], [])",
            "sys.stdin.fileno(); p = select.poll(); p.register(s); p.poll()",
            "sys.stdin.fileno(); e = select.epoll(); e.register(s); e.poll()",
        ] {
            let program = Program::start(text);
            assert!(program.waits_within(LONG), "{text}");
        }
        let text = "c, a = s.accept(); c.recv(9); c.recv(9)";
        let program = Program::start(text);
        let mut client = program.connect();
        client.write_all(b"hello").unwrap();
        assert!(program.waits_within(LONG), "{text}");
    }

    #[test]
    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
    fn a_program_that_may_go_on_by_itself_is_not() {
        let mut programs = Vec::new();
        // What another process sends on a socket of this machine is in no table.
        let name = format!("lab-judge-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        for text in [
            "time.sleep(60)",
            "s.settimeout(60); s.accept()",
            "select.select([s], [], [], 60)",
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, (60).to_bytes(16, 'little')); s.accept()",
            "signal.signal(signal.SIGALRM, lambda *a: None); signal.alarm(60); s.accept()",
            "threading.Thread(target=s.accept).start(); time.sleep(60)",
            "while True: pass",
            "sys.stdin.read()",
            "select.select([s, 0], [], [])",
            "p = select.poll(); p.register(s); p.register(sys.stdin); p.poll()",
            "e = select.epoll(); e.register(s); e.register(sys.stdin); e.poll()",
            "e, f = select.epoll(), select.epoll(); f.register(sys.stdin); e.register(f); e.poll()",
            "if os.fork(): s.accept()\nelse: time.sleep(60)",
            "signal.alarm(60); s.accept()",
            "if os.fork(): s.accept()\n\
             threading.Thread(target=time.sleep, args=(60,)).start()\n\
             import ctypes; ctypes.CDLL(None).pthread_exit(0)",
            "u = socket.socket(socket.AF_UNIX); u.connect('\\0NAME'); u.recv(9)",
            "u = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW); u.recv(9)",
        ] {
            programs.push((text, Program::start(&text.replace("NAME", &name))));
        }
        // All at once: each is watched for as long.
        thread::scope(|scope| {
            for (text, program) in &programs {
                scope.spawn(move || assert!(!program.waits_within(SHORT), "{text}"));
            }
        });
    }

    #[test]
    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
    fn a_program_that_has_something_to_read_is_not_known_to_wait_while_it_is_held() {
        let program = Program::start("c, a = s.accept()\nwhile c.recv(9): time.sleep(0)");
        let mut client = program.connect();
        assert!(program.waits_within(LONG));
        let mut watch = Watch::default();
        assert!(!watch.waits_for_good(&[program.child.id()]));
        client.write_all(b"hello").unwrap();
        // It has run since the first look.
        thread::sleep(QUIET);
        assert!(!watch.waits_for_good(&[program.child.id()]));
    }
}
