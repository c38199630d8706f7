//! What only the system can tell: who has taken which bytes, who listens where, who runs.
//!
//! Linux tells all of it in `/proc`. Elsewhere the answers
//! are `None`, and anyone who asked says what that means.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use lab_netns::sockets;

/// How many bytes wait unread in the receive queue of
/// the socket at `local` that is connected to `remote`.
///
/// `None` where the system does not tell, or where there is no such socket (any more).
pub fn unread(local: SocketAddr, remote: SocketAddr) -> Option<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote) {
        return answer.map(|socket| socket.unread);
    }
    // Some systems that pass for Linux have no sock_diag: the
    // whole table tells it as well, a hundred times slower.
    sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == local && socket.remote == remote)
        .map(|socket| socket.unread)
}

/// Whether the socket at `local` has in its queue, or has had, all of the `sent` bytes that
/// `remote` has sent on their connection.
///
/// A send is over before its bytes have arrived: on a busy machine
/// they may still be on their way, also on loopback. `None` where the
/// system does not tell, or where there is no such socket (any more).
pub fn has_received(local: SocketAddr, remote: SocketAddr, sent: u64) -> Option<bool> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote)
        && let Some(received) = answer.map(|socket| socket.received)
        && let Some(received) = received
    {
        return Some(received >= sent);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = sent;
    // The sender's own queue is empty when all is
    // acknowledged, which may be 40 ms later (delayed ACK).
    sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == remote && socket.remote == local)
        .map(|socket| socket.unacknowledged == 0)
}

/// Whether a program has accepted the connection of the socket at `local` with `remote`: a
/// connection that only the system knows has no inode. `None` where the system does not tell, or
/// where there is no such socket.
pub fn accepted(local: SocketAddr, remote: SocketAddr) -> Option<bool> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote) {
        return answer.map(|socket| socket.held);
    }
    let socket = sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == local && socket.remote == remote)?;
    Some(socket.inode != 0)
}

/// The inode of the TCP socket at `local` that is connected
/// to `remote`: 0 when its program has closed it.
///
/// `None` where the system does not tell, or where there is no such socket.
pub fn inode(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote) {
        return answer.map(|socket| socket.inode);
    }
    sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == local && socket.remote == remote)
        .map(|socket| socket.inode)
}

/// How many bytes wait unread in the receive queue of the
/// UDP socket that takes what is sent to this address.
///
/// `None` where the system does not tell, or where no socket is bound to it. The system counts the
/// room that a datagram takes, which is more than its bytes: 0 is the only figure to rely on.
pub fn unread_datagrams(address: SocketAddr) -> Option<usize> {
    sockets("udp")?
        .into_iter()
        .find(|socket| takes(socket.local, address))
        .map(|socket| socket.unread)
}

/// The ports on which somebody listens (TCP) who is reached
/// at this address; `None` where the system does not tell.
pub fn open_ports(ip: std::net::IpAddr) -> Option<Vec<u16>> {
    let ports = sockets("tcp")?
        .into_iter()
        .filter(|socket| socket.listens && takes(socket.local, (ip, socket.local.port()).into()))
        .map(|socket| socket.local.port());
    Some(ports.collect())
}

/// A process id as the system calls take it.
#[cfg(unix)]
pub fn pid(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}

/// These processes, what they have started, and what that has started.
pub fn with_descendants(all: &[Process], mut found: BTreeSet<u32>) -> BTreeSet<u32> {
    loop {
        let before = found.len();
        for process in all {
            if found.contains(&process.parent) {
                found.insert(process.id);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Whether a socket that is bound to `local` takes what is sent to `address`.
pub fn takes(local: SocketAddr, address: SocketAddr) -> bool {
    local.port() == address.port() && (local.ip() == address.ip() || local.ip().is_unspecified())
}

/// The inode of the UDP socket that sends from this address; `None` where the system does not tell,
/// or where it is closed by now.
pub fn datagram_inode(from: SocketAddr) -> Option<u64> {
    let sockets = sockets("udp")?.into_iter();
    let mut of_port = sockets.filter(|socket| takes(socket.local, from));
    of_port.next().map(|socket| socket.inode)
}

/// Who holds a port: process id and name. `None` where
/// nobody does, or where the system does not tell.
pub fn holder(protocol: &str, port: u16) -> Option<(u32, String)> {
    let inode = sockets(protocol)?
        .into_iter()
        .find(|socket| socket.local.port() == port && (protocol == "udp" || socket.listens))?
        .inode;
    let holder = holder_of(inode, processes().into_iter())?;
    Some((holder.id, holder.name))
}

/// Which of some processes holds the socket with this inode.
pub fn holder_of(inode: u64, processes: impl Iterator<Item = Process>) -> Option<Process> {
    let mut processes = processes;
    processes.find(|process| socket_inodes(process.id).contains(&inode))
}

/// The processes of a group.
fn of_group(group: u32) -> impl Iterator<Item = Process> {
    let all = processes_of(&[group]).into_iter();
    all.filter(move |process| process.group == group)
}

/// The addresses on which a group of processes listens (TCP) or which it has bound (UDP).
pub fn listening(protocol: &str, group: u32) -> Vec<SocketAddr> {
    let Some(sockets) = sockets(protocol) else {
        return Vec::new();
    };
    let of_group = of_group(group);
    let inodes: Vec<u64> = of_group
        .flat_map(|process| socket_inodes(process.id))
        .collect();
    sockets
        .into_iter()
        .filter(|socket| (protocol == "udp" || socket.listens) && inodes.contains(&socket.inode))
        .map(|socket| socket.local)
        .collect()
}

/// What the threads of a group of processes have done so far, and do now.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuUsage {
    /// How long they have run: what a busy loop uses up
    /// sooner or later, however many others there are.
    pub ran: Duration,
    /// How long they have been ready to run and waited for a processor. The system adds this up
    /// only when the wait is over.
    pub waited: Duration,
    /// Whether one of them runs now, is ready to, or waits
    /// for the disk: it starts, or reads its own code.
    pub ready: bool,
}

impl CpuUsage {
    /// Watches a group for a while, or until it is known to wait, and tells whether it was at work:
    /// whether it ran or was kept from running by others for a fifth of the time, or is kept from
    /// it still.
    ///
    /// Who waits in a call is not at work, whatever else the machine does.
    pub fn watch(self, group: u32, window: Duration) -> Option<(CpuUsage, bool)> {
        /// How long between two questions.
        const TICK: Duration = Duration::from_millis(20);
        let (begin, mut watch) = (Instant::now(), Watch::default());
        while begin.elapsed() < window {
            if watch.waits_for_good(&[group]) {
                return Some((cpu_usage(group)?, false));
            }
            thread::sleep(TICK.min(window.saturating_sub(begin.elapsed())));
        }
        let after = cpu_usage(group)?;
        let busy = (after.ran + after.waited).saturating_sub(self.ran + self.waited);
        Some((after, busy * 5 > begin.elapsed() || after.ready))
    }
}

/// What the processes of a group have done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// How long they have run.
    pub ran: Duration,
    /// How much of that was in the kernel, and all of it, in the system's ticks.
    ticks: (u64, u64),
    /// How many bytes they have read and written: files, terminals and pipes. recv and send on
    /// sockets do not count.
    moved: u64,
}

impl Work {
    /// Whether they have called the system again and again since, a quarter of their time, and have
    /// read and written nothing but on sockets.
    pub fn calls_in_vain_since(&self, before: &Work) -> bool {
        let kernel = self.ticks.0.saturating_sub(before.ticks.0);
        let all = self.ticks.1.saturating_sub(before.ticks.1);
        kernel > 0 && 4 * kernel >= all && self.moved == before.moved
    }
}

/// Whether the processes of a group are at work, watched for a quarter of a second, or until they
/// are known to wait. Where the system does not tell: no.
pub fn is_busy(group: u32) -> bool {
    const WINDOW: Duration = Duration::from_millis(250);
    cpu_usage(group)
        .and_then(|before| before.watch(group, WINDOW))
        .is_some_and(|(_, busy)| busy)
}

/// Whether a program holds a connection that its peer has ended, and of which it has read all: one
/// that runs on without a pause has taken the end for something else.
pub fn has_heard_an_end(group: u32) -> bool {
    let Some(sockets) = sockets("tcp") else {
        return false;
    };
    let inodes: BTreeSet<u64> = of_group(group)
        .flat_map(|one| socket_inodes(one.id))
        .collect();
    sockets
        .iter()
        .any(|socket| socket.ended && socket.unread == 0 && inodes.contains(&socket.inode))
}

/// Whether a process has not been stopped (by SIGSTOP)
/// and lives. Where the system does not tell: no.
pub fn runs(id: u32) -> bool {
    processes_of(&[id])
        .into_iter()
        .any(|process| process.id == id && !['T', 't', 'Z'].contains(&process.state))
}

/// Whether the system can say what a queue holds: without it pieces are kept apart by a pause.
pub fn tells_queues() -> bool {
    cfg!(target_os = "linux")
}

/// A process as `/proc/PID/stat` describes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub id: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// `R`, `S`, `Z` …
    pub state: char,
    /// Its parent's process id.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
}

#[cfg(not(target_os = "linux"))]
#[expect(missing_docs, reason = "as on Linux")]
mod elsewhere {
    use super::Process;

    pub fn processes() -> Vec<Process> {
        Vec::new()
    }
    pub fn processes_of(_: &[u32]) -> Vec<Process> {
        Vec::new()
    }
    pub fn socket_inodes(_: u32) -> Vec<u64> {
        Vec::new()
    }
    pub fn hides_sockets(_: u32) -> bool {
        false
    }
    pub fn descriptors(_: u32) -> Option<usize> {
        None
    }
    pub fn cpu_usage(_: u32) -> Option<super::CpuUsage> {
        None
    }
    pub fn work(_: u32) -> Option<super::Work> {
        None
    }
    pub fn environment(_: u32, _: &str) -> Option<String> {
        None
    }
    pub fn has_environment(_: u32, _: &str) -> bool {
        false
    }
    #[derive(Debug, Default)]
    pub struct Watch;
    impl Watch {
        pub fn waits_for_good(&mut self, _: &[u32]) -> bool {
            false
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use call::Call;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{
    Watch, cpu_usage, descriptors, environment, has_environment, hides_sockets, processes, work,
};
#[cfg(not(target_os = "linux"))]
use elsewhere::{processes_of, socket_inodes};
#[cfg(target_os = "linux")]
pub(crate) use linux::{children_of_all_threads, note_reaper};
#[cfg(target_os = "linux")]
pub use linux::{
    cpu_usage, descriptors, environment, has_environment, hides_sockets, processes, work,
};
#[cfg(target_os = "linux")]
use linux::{processes_of, socket_inodes};
#[cfg(target_os = "linux")]
pub use waits::Watch;

#[cfg(target_os = "linux")]
mod call;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod waits;
