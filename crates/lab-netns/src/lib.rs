//! A private network for the calling thread and for all that it starts. Linux only: network_namespaces(7).
//!
//! On the machine's network a test or a check meets strangers. A port scan connects to whatever listens: to a server that the check
//! plays, which takes it for the client under test, and to a server under test, which may end with its first client. A
//! port that the sheet fixes may be taken by another program, or for a minute by the connections of the last test (TIME_WAIT).
//!
//! In a new network namespace every port is free and no other program is there. It has nothing but a loopback interface, and
//! ends with the last process and socket in it. To make one takes about a millisecond.
//!
//! The right to make one is `CAP_SYS_ADMIN`, which root has. A program without it gets the right in a user namespace
//! ([`enter_user_namespace`]), which it has to enter before it starts its first thread.
//!
//! A thread in another network than its process reads `/proc/thread-self/net`: `/proc/net` is the network of the
//! process's first thread.

use std::net::IpAddr;

/// Enters a user namespace (user_namespaces(7)) if this process may not make networks. In it, it may.
///
/// The process stays the same user, and so do the programs that it starts. They get no special rights.
///
/// # Errors
///
/// When the system refuses, as some containers do. The process may go on: it has the machine's network. The system also
/// refuses once the process has a second thread.
#[cfg(target_os = "linux")]
pub fn enter_user_namespace() -> anyhow::Result<()> {
    use anyhow::Context;

    if linux::has_admin_rights()? {
        return Ok(());
    }
    linux::unshare_user().context("cannot enter a user namespace (unshare)")
}

/// Enters a user namespace.
///
/// # Errors
///
/// Always: this system has no such thing.
#[cfg(not(target_os = "linux"))]
pub fn enter_user_namespace() -> anyhow::Result<()> {
    anyhow::bail!("only Linux has user namespaces")
}

/// Whether this process may make networks.
#[cfg(target_os = "linux")]
pub fn available() -> bool {
    // Tried rather than concluded from the user's number: in a container root may lack the capability. In a thread of its own,
    // since there is no way back.
    std::thread::spawn(|| linux::unshare().is_ok())
        .join()
        .unwrap_or(false)
}

/// Whether this process may make networks.
#[cfg(not(target_os = "linux"))]
pub fn available() -> bool {
    false
}

/// Moves the calling thread into a new network, with the loopback interface up and this address on it. Threads and
/// programs that it starts from then on are in it as well.
///
/// # Errors
///
/// When the system refuses.
#[cfg(target_os = "linux")]
pub fn enter(address: IpAddr) -> anyhow::Result<()> {
    use anyhow::Context;

    linux::unshare().context("cannot make a network of its own (unshare)")?;
    linux::loopback_up().context("cannot bring up the loopback interface of a new network")?;
    if let IpAddr::V4(own) = address
        && !own.is_loopback()
    {
        linux::add_address(own).with_context(|| format!("cannot give {own} to a new network"))?;
    }
    Ok(())
}

/// Moves the calling thread into a new network.
///
/// # Errors
///
/// Always: this system has no such thing.
#[cfg(not(target_os = "linux"))]
pub fn enter(_: IpAddr) -> anyhow::Result<()> {
    anyhow::bail!("only Linux has network namespaces")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;
    use std::net::Ipv4Addr;

    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
    };
    use rustix::process::{getegid, geteuid};
    use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, unshare_unsafe};

    /// A new network for the calling thread: unshare(2) with CLONE_NEWNET.
    pub fn unshare() -> io::Result<()> {
        unshare_with(UnshareFlags::NEWNET)
    }

    /// New rights for the whole process: unshare(2) with CLONE_NEWUSER. Its user and its group keep their numbers.
    pub fn unshare_user() -> io::Result<()> {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        unshare_with(UnshareFlags::NEWUSER)?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        // Without this an unprivileged process may not map its group.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
    }

    fn unshare_with(flags: UnshareFlags) -> io::Result<()> {
        #[allow(
            unsafe_code,
            reason = "rustix has one call for all flags, and marks it unsafe for the sake of CLONE_FILES"
        )]
        // SAFETY: the callers' flags change which network later sockets are made in and which rights the process has. They
        // change nothing about memory or about descriptors that are open.
        unsafe {
            unshare_unsafe(flags)?;
        }
        Ok(())
    }

    /// Whether the calling thread has CAP_SYS_ADMIN.
    pub fn has_admin_rights() -> io::Result<bool> {
        Ok(capabilities(None)?
            .effective
            .contains(CapabilitySet::SYS_ADMIN))
    }

    /// RTM_NEWLINK: sets IFF_UP on the first interface, which in every network is the loopback.
    pub fn loopback_up() -> io::Result<()> {
        const RTM_NEWLINK: u16 = 16;
        const IFF_UP: u32 = 1;
        // struct ifinfomsg of linux/rtnetlink.h.
        let mut body = vec![0; 4];
        body.extend(1_i32.to_ne_bytes());
        body.extend(IFF_UP.to_ne_bytes());
        body.extend(IFF_UP.to_ne_bytes());
        ask(RTM_NEWLINK, &body)
    }

    /// RTM_NEWADDR: gives an address to the loopback interface.
    pub fn add_address(address: Ipv4Addr) -> io::Result<()> {
        const RTM_NEWADDR: u16 = 20;
        const AF_INET: u8 = 2;
        const IFA_ADDRESS: u16 = 1;
        const IFA_LOCAL: u16 = 2;
        // struct ifaddrmsg of linux/if_addr.h: the whole address is the prefix, on interface 1.
        let mut body = vec![AF_INET, 32, 0, 0];
        body.extend(1_u32.to_ne_bytes());
        for kind in [IFA_LOCAL, IFA_ADDRESS] {
            body.extend(8_u16.to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(address.octets());
        }
        ask(RTM_NEWADDR, &body)
    }

    /// One request of rtnetlink(7), acknowledged.
    fn ask(kind: u16, body: &[u8]) -> io::Result<()> {
        const NLM_F_REQUEST: u16 = 0x1;
        const NLM_F_ACK: u16 = 0x4;
        const NLM_F_CREATE: u16 = 0x400;
        const HEADER: u32 = 16;
        let netlink = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let length = HEADER
            + u32::try_from(body.len())
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut message = Vec::new();
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE).to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(&netlink, &message, SendFlags::empty())?;
        let mut answer = [0; 1024];
        let (count, _) = recv(&netlink, &mut answer, RecvFlags::empty())?;
        // struct nlmsgerr: the error's number, negative, or 0 for an acknowledgement.
        let number = answer[..count]
            .get(16..20)
            .and_then(|bytes| bytes.first_chunk())
            .map(|bytes| i32::from_ne_bytes(*bytes))
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        match number {
            0 => Ok(()),
            number => Err(io::Error::from_raw_os_error(-number)),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn in_a_network_of_its_own_a_port_is_free_that_is_taken_outside() {
        if !available() {
            return; // Only root may make networks.
        }
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = outside.local_addr().unwrap();
        std::thread::spawn(move || {
            enter(Ipv4Addr::LOCALHOST.into()).unwrap();
            let inside = TcpListener::bind(taken).unwrap();
            // The one inside is met, not the one outside.
            let client = TcpStream::connect(taken).unwrap();
            let (_, peer) = inside.accept().unwrap();
            assert_eq!(client.local_addr().unwrap(), peer);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn the_machines_own_address_is_there_as_well() {
        if !available() {
            return; // Only root may make networks.
        }
        std::thread::spawn(|| {
            let own: IpAddr = "192.0.2.7".parse().unwrap();
            enter(own).unwrap();
            let inside = TcpListener::bind((own, 0)).unwrap();
            TcpStream::connect(inside.local_addr().unwrap()).unwrap();
        })
        .join()
        .unwrap();
    }
}
