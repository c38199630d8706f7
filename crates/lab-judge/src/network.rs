//! A private network for each case: on Linux, as root.
//!
//! On the machine's network a case meets strangers. A port scan connects to whatever listens, also to the server of a case, which takes
//! it for the client under test, and to a server under test, which may end with its first client. A program that has its port built
//! in needs more: there is one case at a time, none while another program holds the port, and trouble for a server without
//! SO_REUSEADDR, since the connections of the last case hold its port for a minute (TIME_WAIT).
//!
//! In a network namespace (network_namespaces(7)) every port is free and nobody else is there: a new one has nothing but a loopback
//! interface, and ends with the last process and socket in it. To make one takes about a millisecond.

use std::net::IpAddr;

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
    use std::io;
    use std::net::Ipv4Addr;

    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
    };
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    /// A new network for the calling thread: unshare(2) with CLONE_NEWNET.
    pub fn unshare() -> io::Result<()> {
        #[allow(
            unsafe_code,
            reason = "rustix has one call for all flags, and marks it unsafe for the sake of CLONE_FILES"
        )]
        // SAFETY: CLONE_NEWNET changes which network later sockets of this thread are made in, and nothing about memory or
        // about descriptors that are open.
        unsafe {
            unshare_unsafe(UnshareFlags::NEWNET)?;
        }
        Ok(())
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
