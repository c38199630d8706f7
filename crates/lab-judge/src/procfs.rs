//! What only the system can tell: who has taken which bytes, who listens where, who runs.
//!
//! Linux tells all of it in `/proc`. Elsewhere the answers are `None`, and whoever asked says what that means.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes wait unread in the receive queue of the socket at `local` that is connected to `remote`.
///
/// `None` where the system does not tell, or where there is no such socket (any more).
pub fn unread(local: SocketAddr, remote: SocketAddr) -> Option<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote) {
        return answer.map(|socket| socket.unread);
    }
    // Some systems that pass for Linux have no sock_diag: the whole table tells it as well, a hundred times slower.
    sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == local && socket.remote == remote)
        .map(|socket| socket.unread)
}

/// Whether the socket at `local` has in its queue, or has had, all of the `sent` bytes that `remote` has sent on their connection.
///
/// A send is over before its bytes have arrived: on a busy machine they may still be on their way, also on loopback.
/// `None` where the system does not tell, or where there is no such socket (any more).
pub fn has_received(local: SocketAddr, remote: SocketAddr, sent: u64) -> Option<bool> {
    #[cfg(target_os = "linux")]
    if let Ok(answer) = linux::ask_for_socket(local, remote)
        && let Some(received) = answer.map(|socket| socket.received)
        && let Some(received) = received
    {
        return Some(received >= sent);
    }
    // The sender's own queue is empty when all is acknowledged, which may be 40 ms later (delayed ACK).
    sockets("tcp")?
        .into_iter()
        .find(|socket| socket.local == remote && socket.remote == local)
        .map(|socket| socket.unacknowledged == 0)
}

/// Whether a program has accepted the connection of the socket at `local` with `remote`: a connection that only the system knows has no
/// inode. `None` where the system does not tell, or where there is no such socket.
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

/// The inode of the TCP socket at `local` that is connected to `remote`: 0 when its program has closed it.
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

/// How many bytes wait unread in the receive queue of the UDP socket that takes what is sent to this address.
///
/// `None` where the system does not tell, or where no socket is bound to it. The system counts the room that a datagram takes, which
/// is more than its bytes: 0 is the only figure to rely on.
pub fn unread_datagrams(address: SocketAddr) -> Option<usize> {
    sockets("udp")?
        .into_iter()
        .find(|socket| takes(socket.local, address))
        .map(|socket| socket.unread)
}

/// The ports on which somebody listens (TCP) who is reached at this address; `None` where the system does not tell.
pub fn open_ports(ip: std::net::IpAddr) -> Option<Vec<u16>> {
    let ports = sockets("tcp")?
        .into_iter()
        .filter(|socket| socket.listens && takes(socket.local, (ip, socket.local.port()).into()))
        .map(|socket| socket.local.port());
    Some(ports.collect())
}

/// Whether a socket that is bound to `local` takes what is sent to `address`.
pub fn takes(local: SocketAddr, address: SocketAddr) -> bool {
    local.port() == address.port() && (local.ip() == address.ip() || local.ip().is_unspecified())
}

/// Who holds a port: process id and name. `None` where nobody does, or where the system does not tell.
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

/// The addresses on which a group of processes listens (TCP) or which it has bound (UDP).
pub fn listening(protocol: &str, group: u32) -> Vec<SocketAddr> {
    let Some(sockets) = sockets(protocol) else {
        return Vec::new();
    };
    let inodes: Vec<u64> = processes()
        .into_iter()
        .filter(|process| process.group == group)
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
    /// How long they have run: what a busy loop uses up sooner or later, however many others there are.
    pub ran: Duration,
    /// How long they have been ready to run and waited for a processor. The system adds this up only when the wait is over.
    pub waited: Duration,
    /// Whether one of them runs now, is ready to, or waits for the disk: it starts, or reads its own code.
    pub ready: bool,
}

impl CpuUsage {
    /// Watches a group for a while, and tells whether it was at work: whether it ran or was kept from running by others for a fifth of
    /// the time, or is kept from it still.
    ///
    /// Who waits in a call is not at work, whatever else the machine does.
    pub fn watch(self, group: u32, window: Duration) -> Option<(CpuUsage, bool)> {
        let begin = Instant::now();
        thread::sleep(window);
        let after = cpu_usage(group)?;
        let busy = (after.ran + after.waited).saturating_sub(self.ran + self.waited);
        Some((after, busy * 5 > begin.elapsed() || after.ready))
    }
}

/// Whether the processes of a group are at work, watched for a quarter of a second. Where the system does not tell: no.
pub fn is_busy(group: u32) -> bool {
    const WINDOW: Duration = Duration::from_millis(250);
    cpu_usage(group)
        .and_then(|cpu_usage| cpu_usage.watch(group, WINDOW))
        .is_some_and(|(_, is_busy)| is_busy)
}

/// Whether a process has not been stopped (by SIGSTOP) and lives. Where the system does not tell: no.
pub fn runs(id: u32) -> bool {
    processes()
        .into_iter()
        .any(|process| process.id == id && !['T', 't', 'Z'].contains(&process.state))
}

/// Whether the system can say what a queue holds: without it pieces are kept apart by a pause.
pub fn tells_queues() -> bool {
    cfg!(target_os = "linux")
}

/// A socket as `/proc/net` lists it.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    unread: usize,
    unacknowledged: usize,
    inode: u64,
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
mod elsewhere {
    use super::{Process, Socket};

    pub fn sockets(_: &str) -> Option<Vec<Socket>> {
        None
    }
    pub fn processes() -> Vec<Process> {
        Vec::new()
    }
    pub fn socket_inodes(_: u32) -> Vec<u64> {
        Vec::new()
    }
    pub fn shows_sockets(_: u32) -> bool {
        false
    }
    pub fn descriptors(_: u32) -> Option<usize> {
        None
    }
    pub fn cpu_usage(_: u32) -> Option<super::CpuUsage> {
        None
    }
    pub fn environment(_: u32, _: &str) -> Option<String> {
        None
    }
    pub fn has_environment(_: u32, _: &str) -> bool {
        false
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{
    cpu_usage, descriptors, environment, has_environment, processes, shows_sockets,
};
#[cfg(not(target_os = "linux"))]
use elsewhere::{socket_inodes, sockets};
#[cfg(target_os = "linux")]
pub use linux::{cpu_usage, descriptors, environment, has_environment, processes, shows_sockets};
#[cfg(target_os = "linux")]
use linux::{socket_inodes, sockets};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
    use std::time::Duration;

    use super::{CpuUsage, Process, Socket};

    /// What sock_diag tells of a socket.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Told {
        pub unread: usize,
        /// How many bytes have arrived since the connection began (`tcpi_bytes_received`, Linux 4.1).
        pub received: Option<u64>,
        /// Whether a program holds it, or has held it: a connection that nobody has accepted has no inode.
        pub held: bool,
        /// 0 for one that no program holds.
        pub inode: u64,
    }

    /// One TCP socket over IPv4, by sock_diag(7): one question, one answer, however many sockets there are.
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

    /// `tcpi_bytes_received` of the struct tcp_info among these attributes (struct rtattr, each padded to 4 bytes).
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

    /// All sockets of a protocol, IPv4 and IPv6.
    pub fn sockets(protocol: &str) -> Option<Vec<Socket>> {
        let mut all = parse(&fs::read_to_string(format!("/proc/thread-self/net/{protocol}")).ok()?);
        // A system without IPv6 has no such file.
        if let Ok(six) = fs::read_to_string(format!("/proc/thread-self/net/{protocol}6")) {
            all.extend(parse(&six));
        }
        Some(all)
    }

    /// Lines like `0: 0100007F:FF9C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …`
    fn parse(table: &str) -> Vec<Socket> {
        let line = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (unacknowledged, unread) = words.get(4)?.split_once(':')?;
            Some(Socket {
                local: address(words.get(1)?)?,
                remote: address(words.get(2)?)?,
                listens: *words.get(3)? == "0A",
                unread: usize::from_str_radix(unread, 16).ok()?,
                unacknowledged: usize::from_str_radix(unacknowledged, 16).ok()?,
                inode: words.get(9)?.parse().ok()?,
            })
        };
        table.lines().skip(1).filter_map(line).collect()
    }

    /// `0100007F:FF9C`: the address as 32-bit words in the machine's byte order, the port as a number.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let words: Vec<[u8; 4]> = ip
            .as_bytes()
            .chunks(8)
            .map(|word| {
                let word = std::str::from_utf8(word).ok()?;
                Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
            })
            .collect::<Option<_>>()?;
        match words[..] {
            [four] => Some(SocketAddr::from((Ipv4Addr::from(four), port))),
            [a, b, c, d] => {
                let six: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
                // An IPv6 socket that talks IPv4 shows as ::ffff:127.0.0.1.
                Some(SocketAddr::new(Ipv6Addr::from(six).to_canonical(), port))
            }
            _ => None,
        }
    }

    /// Every process of the machine. One that ends meanwhile is left out.
    pub fn processes() -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| {
                let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
                stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
            })
            .collect()
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

    /// Whether this user may see which sockets a process holds.
    pub fn shows_sockets(id: u32) -> bool {
        fs::read_dir(format!("/proc/{id}/fd")).is_ok()
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
        Some(
            processes()
                .into_iter()
                .filter(|p| p.group == group)
                .filter_map(count)
                .sum(),
        )
    }

    /// What the threads of a group have done so far, and do now.
    pub fn cpu_usage(group: u32) -> Option<CpuUsage> {
        // No program has this group. The kernel's own threads do, and they are often busy.
        if group == 0 {
            return None;
        }
        let mut cpu_usage = CpuUsage::default();
        for process in processes()
            .into_iter()
            .filter(|process| process.group == group)
        {
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
        Some(cpu_usage)
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
    mod tests {
        use std::io::{Read, Write};
        use std::net::{TcpListener, TcpStream};

        use super::super::*;

        #[test]
        fn threads_of_the_kernel_are_not_taken_for_a_program() {
            // `ps -e -o pgid,comm` shows them in the group 0, which stands for "no program yet".
            assert!(cpu_usage(0).is_none());
            assert!(!is_busy(0));
        }

        #[test]
        fn the_kernel_says_when_a_byte_has_been_taken() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (us, them) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
            ours.write_all(b"abc").unwrap();
            // Not even accepted: the bytes wait all the same.
            assert_eq!(unread(them, us), Some(3));
            let (mut theirs, _) = listener.accept().unwrap();
            theirs.read_exact(&mut [0; 2]).unwrap();
            assert_eq!(unread(them, us), Some(1));
            theirs.read_exact(&mut [0; 1]).unwrap();
            assert_eq!(unread(them, us), Some(0));
        }

        #[test]
        fn both_ways_to_ask_for_a_queue_agree() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (us, them) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
            ours.write_all(b"abcd").unwrap();
            let table = super::sockets("tcp").unwrap();
            let line = table
                .iter()
                .find(|socket| socket.local == them && socket.remote == us);
            assert_eq!(line.map(|socket| socket.unread), Some(4));
            assert_eq!(
                super::ask_for_socket(them, us).unwrap(),
                Some(super::Told {
                    unread: 4,
                    received: Some(4),
                    held: false,
                    inode: 0
                })
            );
            // Not an empty queue, but the bytes that have arrived tell whether all of them have.
            assert_eq!(crate::procfs::has_received(them, us, 4), Some(true));
            assert_eq!(crate::procfs::has_received(them, us, 5), Some(false));
            assert_eq!(
                super::ask_for_socket(us, them)
                    .unwrap()
                    .map(|told| told.inode),
                table
                    .iter()
                    .find(|socket| socket.local == us && socket.remote == them)
                    .map(|socket| socket.inode)
            );
            // A connection that never was.
            assert_eq!(
                super::ask_for_socket(them, "127.0.0.1:1".parse().unwrap()).unwrap(),
                None
            );
        }

        #[test]
        fn the_kernel_says_whether_a_datagram_has_been_taken() {
            let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let ours = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = theirs.local_addr().unwrap();
            assert_eq!(unread_datagrams(address), Some(0));
            ours.send_to(b"abc", address).unwrap();
            assert!(unread_datagrams(address) > Some(0));
            theirs.recv(&mut [0; 8]).unwrap();
            assert_eq!(unread_datagrams(address), Some(0));
            drop(theirs);
            assert_eq!(unread_datagrams(address), None);
        }

        #[test]
        fn a_port_has_a_holder() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let (id, _) = holder("tcp", port).unwrap();
            assert_eq!(id, std::process::id());
            drop(listener);
            assert_eq!(holder("tcp", port), None);
        }

        #[test]
        fn names_with_brackets_do_not_confuse() {
            let process = super::stat("47 (a) b) c) S 1 46 46 0").unwrap();
            assert_eq!(
                (process.name.as_str(), process.parent, process.group),
                ("a) b) c", 1, 46)
            );
        }
    }
}
