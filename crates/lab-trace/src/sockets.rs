//! Which socket a descriptor stands for, no matter who made it and however it got there.
//!
//! A socket is known by its inode: a descriptor that was duplicated, inherited or passed on has the
//! same one. What a descriptor stands for is asked for once, and again after a call that may have
//! changed it.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use crate::entries::canonical;
use lab_journal::{Socket, Transport};
use rustix::net::{AddressFamily, SocketType, getpeername, getsockname, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::ptrace;

/// The sockets of a run.
#[derive(Debug, Default)]
pub struct Sockets {
    /// TCP and UDP, in the order in which they appeared.
    pub all: Vec<Tracked>,
    /// Which of them an inode is; `None` for a socket of another kind.
    by_inode: HashMap<u64, Option<usize>>,
    /// Which of them a process's descriptor is. Processes may share their descriptors, so what one
    /// changes is forgotten of all.
    by_descriptor: HashMap<(u32, i32), usize>,
}

/// A socket, and how far its streams are.
#[derive(Debug)]
pub struct Tracked {
    /// What the journal says of it.
    pub socket: Socket,
    /// How many bytes were sent on it.
    pub sent: u64,
    /// How many bytes were received from it.
    pub received: u64,
}

/// The inode of the socket that a thread's descriptor stands for. `None` if it is not a socket.
fn inode(tid: i32, descriptor: i32) -> Option<u64> {
    let target = fs::read_link(format!("/proc/{tid}/fd/{descriptor}")).ok()?;
    let number = target.to_str()?.strip_prefix("socket:[")?;
    number.strip_suffix(']')?.parse().ok()
}

/// A copy of a process's descriptor, for as long as it is asked.
fn copy(process: u32, descriptor: i32) -> Option<OwnedFd> {
    if descriptor < 0 {
        return None;
    }
    let pid = Pid::from_raw(i32::try_from(process).ok()?)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty()).ok()
}

impl Sockets {
    /// The socket of a descriptor, if it is one of TCP or UDP.
    pub fn of(&mut self, process: u32, tid: i32, descriptor: i32) -> Option<usize> {
        if let Some(known) = self.by_descriptor.get(&(process, descriptor)) {
            return Some(*known);
        }
        let inode = inode(tid, descriptor)?;
        let place = match self.by_inode.get(&inode) {
            Some(known) => *known,
            None => self.add(inode, process, descriptor),
        };
        if let Some(place) = place {
            self.by_descriptor.insert((process, descriptor), place);
        }
        place
    }

    /// A descriptor may stand for something else now.
    pub fn forget_descriptors(&mut self) {
        self.by_descriptor.clear();
    }

    /// The socket that a call has just made. An inode may have been another socket's before.
    pub fn made(&mut self, process: u32, tid: i32, descriptor: i32) -> Option<usize> {
        let inode = inode(tid, descriptor)?;
        let place = self.add(inode, process, descriptor)?;
        self.by_descriptor.insert((process, descriptor), place);
        Some(place)
    }

    fn add(&mut self, inode: u64, process: u32, descriptor: i32) -> Option<usize> {
        let place = copy(process, descriptor).and_then(|copy| {
            let family = sockopt::socket_domain(&copy).ok()?;
            let transport = match sockopt::socket_type(&copy).ok()? {
                SocketType::STREAM => Transport::Tcp,
                SocketType::DGRAM => Transport::Udp,
                _ => return None,
            };
            [AddressFamily::INET, AddressFamily::INET6]
                .contains(&family)
                .then(|| {
                    self.all.push(Tracked {
                        socket: Socket {
                            transport,
                            local: None,
                            peer: None,
                        },
                        sent: 0,
                        received: 0,
                    });
                    self.all.len() - 1
                })
        });
        self.by_inode.insert(inode, place);
        if let Some(place) = place {
            self.learn_addresses(place, process, descriptor);
        }
        place
    }

    /// Asks for the addresses that are not known yet.
    pub fn learn_addresses(&mut self, place: usize, process: u32, descriptor: i32) {
        let socket = &mut self.all[place].socket;
        let unknown = |address: Option<SocketAddr>| {
            address.is_none_or(|address| address.port() == 0 || address.ip().is_unspecified())
        };
        let connected = socket.peer.is_some();
        // A server's socket keeps the address that stands for all.
        let settled = socket.local.is_some_and(|local| local.port() != 0) && !connected;
        if !unknown(socket.local) && connected || settled {
            return;
        }
        let Some(copy) = copy(process, descriptor) else {
            return;
        };
        if let Ok(any) = getsockname(&copy)
            && let Ok(local) = SocketAddr::try_from(any)
            && local.port() != 0
        {
            socket.local = Some(canonical(local));
        }
        if let Ok(Some(any)) = getpeername(&copy)
            && let Ok(peer) = SocketAddr::try_from(any)
        {
            socket.peer = Some(canonical(peer));
        }
    }

    /// Where a connect goes to.
    pub fn set_peer(&mut self, place: usize, peer: SocketAddr) {
        let socket = &mut self.all[place].socket;
        socket.peer = Some(peer);
        // The route may have chosen another address of this machine.
        if socket
            .local
            .is_some_and(|local| local.ip().is_unspecified())
        {
            socket.local = None;
        }
    }
}

/// The address at this place of a thread's memory.
pub fn address(tid: i32, place: u64, length: u64) -> Option<SocketAddr> {
    const LONGEST: usize = 28;
    if place == 0 {
        return None;
    }
    let length = usize::try_from(length).unwrap_or(0).min(LONGEST);
    let bytes = ptrace::memory(tid, place, length);
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    let address = match i32::from(family) {
        libc::AF_INET => SocketAddr::from((*bytes.get(4..)?.first_chunk::<4>()?, port)),
        libc::AF_INET6 => SocketAddr::from((*bytes.get(8..)?.first_chunk::<16>()?, port)),
        _ => return None,
    };
    Some(canonical(address))
}
