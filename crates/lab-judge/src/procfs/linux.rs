//! Linux: `/proc`, and sock_diag(7) for a single socket.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{CpuUsage, Process, Work, of_group};

/// What sock_diag tells of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub unread: usize,
    /// How many bytes have arrived since the connection began (`tcpi_bytes_received`, Linux 4.1).
    pub received: Option<u64>,
    /// Whether a program holds it, or has held it: a
    /// connection that nobody has accepted has no inode.
    pub held: bool,
    /// 0 for one that no program holds.
    pub inode: u64,
}

/// One TCP socket over IPv4, by sock_diag(7): one
/// question, one answer, however many sockets there are.
///
/// # Errors
///
/// When the system has no sock_diag, or its answer is none that we know.
pub fn ask_for_socket(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Told>> {
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send,
        socket_with,
    };

    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    send(&netlink, &request(local, remote), SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (count, _) = recv(&netlink, &mut answer, RecvFlags::empty())?;
    queue_in(&answer[..count])
}

/// The attribute that holds a struct tcp_info.
const INET_DIAG_INFO: u16 = 2;

/// struct nlmsghdr and struct inet_diag_req_v2 of linux/netlink.h and linux/inet_diag.h.
fn request(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    const LENGTH: u32 = 16 + 56;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const AF_INET: u8 = 2;
    const IPPROTO_TCP: u8 = 6;
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend([0; 8]); // Sequence number and port: one question at a time needs neither.
    bytes.extend([AF_INET, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0]);
    bytes.extend(u32::MAX.to_ne_bytes()); // In whatever state.
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        bytes.extend(address.octets());
        bytes.extend([0; 12]);
    }
    bytes.extend([0; 4]); // On whatever interface.
    bytes.extend([0xff; 8]); // No cookie.
    bytes
}

/// `idiag_rqueue` of struct inet_diag_msg; `None` when there is no such socket.
fn queue_in(answer: &[u8]) -> io::Result<Option<Told>> {
    const NLMSG_ERROR: u16 = 2;
    const ENOENT: i32 = -2;
    const STATE: usize = 16 + 1;
    const QUEUE: usize = 16 + 4 + 48 + 4;
    const INODE: usize = QUEUE + 4 + 4 + 4;
    const MESSAGE_END: usize = 16 + 72;
    const LISTEN: u8 = 10;
    // FIN_WAIT1, FIN_WAIT2, TIME_WAIT, LAST_ACK, CLOSING: a program has held it and closed it.
    const CLOSED: [u8; 5] = [4, 5, 6, 9, 11];
    let unknown = || io::Error::from(io::ErrorKind::InvalidData);
    let number = |at: usize| -> io::Result<u32> {
        let bytes = answer
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or_else(unknown)?;
        Ok(u32::from_ne_bytes(*bytes))
    };
    let kind = answer
        .get(4..)
        .and_then(|rest| rest.first_chunk())
        .ok_or_else(unknown)?;
    if u16::from_ne_bytes(*kind) == NLMSG_ERROR {
        return match number(16)?.cast_signed() {
            ENOENT => Ok(None),
            _ => Err(unknown()),
        };
    }
    // Where there is no such connection the answer is about the socket that would take one.
    if answer.get(STATE) == Some(&LISTEN) {
        return Ok(None);
    }
    let unread = usize::try_from(number(QUEUE)?).map_err(|_| unknown())?;
    let inode = number(INODE)?;
    Ok(Some(Told {
        unread,
        received: received_in(answer.get(MESSAGE_END..).unwrap_or_default()),
        inode: inode.into(),
        held: inode != 0
            || answer
                .get(STATE)
                .is_some_and(|state| CLOSED.contains(state)),
    }))
}

/// `tcpi_bytes_received` of the struct tcp_info among these
/// attributes (struct rtattr, each padded to 4 bytes).
fn received_in(mut attributes: &[u8]) -> Option<u64> {
    const HEADER: usize = 4;
    const BYTES_RECEIVED: usize = 128;
    loop {
        let (length, rest) = attributes.split_first_chunk()?;
        let (kind, _) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let content = attributes.get(HEADER..length)?;
        if u16::from_ne_bytes(*kind) == INET_DIAG_INFO {
            let figure = content.get(BYTES_RECEIVED..)?.first_chunk()?;
            return Some(u64::from_ne_bytes(*figure));
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

/// Every process of the machine. One that ends meanwhile is left out.
pub fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| process(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect()
}

fn process(id: u32) -> Option<Process> {
    stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Whether orphans of what this process starts become its children: then all of them are below it.
static IS_REAPER: AtomicBool = AtomicBool::new(false);

/// From now on this process is the reaper of its descendants' orphans.
pub fn note_reaper() {
    let told = children(std::process::id(), std::process::id()).is_some();
    IS_REAPER.store(told, Ordering::SeqCst);
}

/// The processes of some groups, each of which is led by a program that this process has started,
/// and what they have started; others may be among them. One that ends meanwhile is left out.
///
/// Most machines have hundreds of processes, and a program has one or two: so they are looked for
/// from their leaders on, and among the orphans. Where the system does not tell a process's
/// children, it is every process of the machine.
pub fn processes_of(groups: &[u32]) -> Vec<Process> {
    if !IS_REAPER.load(Ordering::SeqCst) {
        return processes();
    }
    // An orphan becomes a child of its reaper's main thread.
    let us = std::process::id();
    let orphans = children(us, us).unwrap_or_default();
    let mut next: Vec<u32> = groups.iter().copied().chain(orphans).collect();
    let mut found: BTreeMap<u32, Process> = BTreeMap::new();
    while let Some(id) = next.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let Some(one) = process(id) else { continue };
        found.insert(id, one);
        next.extend(children_of_all_threads(id));
    }
    found.into_values().collect()
}

/// What a thread has started; `None` where the system does not tell.
fn children(process: u32, thread: u32) -> Option<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/children")).ok()?;
    Some(text.split_whitespace().flat_map(str::parse).collect())
}

/// What the threads of a process have started.
pub fn children_of_all_threads(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new(); // It has ended.
    };
    let numbers =
        threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let of_thread = |thread| children(process, thread).unwrap_or_default();
    numbers.flat_map(of_thread).collect()
}

/// `4711 (name with ) and blanks) S 1 4711 …`
fn stat(line: &str) -> Option<Process> {
    let (id, rest) = line.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some(Process {
        id: id.parse().ok()?,
        name: name.to_string(),
        state: words.next()?.chars().next()?,
        parent: words.next()?.parse().ok()?,
        group: words.next()?.parse().ok()?,
    })
}

/// Whether this user may not see which sockets a process
/// holds. Of one that has ended there is nothing to hide.
pub fn hides_sockets(id: u32) -> bool {
    fs::read_dir(format!("/proc/{id}/fd"))
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// The inodes of a process's sockets: its descriptors read `socket:[12345]`.
pub fn socket_inodes(id: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{id}/fd")) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.ok()?.path()).ok()?;
            let inode = target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}

/// How many descriptors the processes of a group have open.
pub fn descriptors(group: u32) -> Option<usize> {
    let count = |process: Process| {
        Some(
            fs::read_dir(format!("/proc/{}/fd", process.id))
                .ok()?
                .count(),
        )
    };
    Some(of_group(group).filter_map(count).sum())
}

/// What the threads of a group have done so far, and do now.
pub fn cpu_usage(group: u32) -> Option<CpuUsage> {
    // No program has this group. The kernel's own threads do, and they are often busy.
    if group == 0 {
        return None;
    }
    let processes: Vec<Process> = of_group(group).collect();
    Some(usage_of(&processes))
}

fn usage_of(processes: &[Process]) -> CpuUsage {
    let mut cpu_usage = CpuUsage::default();
    for process in processes {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", process.id)) else {
            continue;
        };
        for thread in threads.filter_map(Result::ok) {
            // "time on a processor, time waiting for one, number of turns", in nanoseconds.
            let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else {
                continue;
            };
            let mut words = text
                .split_whitespace()
                .map_while(|word| word.parse::<u64>().ok());
            // A thread that ends meanwhile has an empty file.
            let (Some(ran), Some(waited)) = (words.next(), words.next()) else {
                continue;
            };
            cpu_usage.ran += Duration::from_nanos(ran);
            cpu_usage.waited += Duration::from_nanos(waited);
            cpu_usage.ready |= fs::read_to_string(thread.path().join("stat"))
                .ok()
                .and_then(|line| stat(&line))
                .is_some_and(|thread| ['R', 'D'].contains(&thread.state));
        }
    }
    cpu_usage
}

/// What the processes of a group have done so far. Where their figures cannot be read, nothing is
/// known of their calls.
pub fn work(group: u32) -> Option<Work> {
    if group == 0 {
        return None;
    }
    let processes: Vec<Process> = of_group(group).collect();
    let mut work = Work {
        ran: usage_of(&processes).ran,
        ..Work::default()
    };
    for process in &processes {
        let figures = ticks(process.id).zip(moved(process.id));
        let Some(((user, kernel), moved)) = figures else {
            continue;
        };
        work.ticks.0 += kernel;
        work.ticks.1 += user + kernel;
        work.moved += moved;
    }
    Some(work)
}

/// How long a process has run in its own code and in the kernel, in the system's ticks.
fn ticks(id: u32) -> Option<(u64, u64)> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(") ")?;
    // Fields 14 and 15 of proc(5); the state is field 3.
    let mut words = rest.split(' ').skip(11);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// How many bytes a process has read and written.
fn moved(id: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/io")).ok()?;
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    Some(figure("rchar:")? + figure("wchar:")?)
}

/// The value of a variable in the environment that a process was started with.
pub fn environment(id: u32, name: &str) -> Option<String> {
    let all = fs::read(format!("/proc/{id}/environ")).ok()?;
    all.split(|byte| *byte == 0)
        .filter_map(|one| std::str::from_utf8(one).ok()?.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_string())
}

/// Whether a process was started with this setting in its environment.
pub fn has_environment(id: u32, setting: &str) -> bool {
    fs::read(format!("/proc/{id}/environ")).is_ok_and(|all| {
        all.split(|byte| *byte == 0)
            .any(|one| one == setting.as_bytes())
    })
}

#[cfg(test)]
mod tests;
