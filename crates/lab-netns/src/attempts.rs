//! Where the programs of a network tried to go: what
//! a packet(7) socket on its loopback interface sees.
//!
//! A connection that is refused leaves no trace in the tables of the system. Its first segment
//! (SYN) passes the interface all the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with};
use socket2::{SockFilter, Socket};

use crate::Attempt;

/// The numbers of the protocols in the header of IPv4.
const TCP: u8 = 6;
const UDP: u8 = 17;
/// As much of a packet as is looked at, in bytes: both headers with all their options.
const LOOKED_AT: u32 = 128;

/// A socket that sees the first segment of every
/// connection, and every datagram, to any IPv4 address.
#[derive(Debug)]
pub struct Attempts {
    socket: OwnedFd,
}

impl Attempts {
    /// Sees what happens in the network of the calling thread from now on.
    pub fn watch() -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::PACKET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(eth::IP),
        )?;
        let socket = Socket::from(socket);
        socket.attach_filter(&filter())?;
        Ok(Attempts {
            socket: socket.into(),
        })
    }

    /// What was seen since the last time. A system that has no room for more keeps the first.
    pub fn seen(&self) -> Vec<Attempt> {
        let mut seen = Vec::new();
        let mut packet = [0; LOOKED_AT as usize];
        // Ends when nothing is left, or the network is gone.
        while let Ok((count, _)) = recv(&self.socket, &mut packet, RecvFlags::empty()) {
            if let Some(attempt) = attempt(&packet[..count])
                && !seen.contains(&attempt)
            {
                seen.push(attempt);
            }
        }
        seen
    }
}

/// A program for the kernel (BPF): what is neither a
/// SYN without ACK nor a datagram is not even queued.
fn filter() -> [SockFilter; 9] {
    // The codes of linux/bpf_common.h, with the sizes and places that they are used with.
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const LOAD_BYTE_BEHIND_HEADER: u16 = 0x50;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    const FLAGS_OF_TCP: u32 = 13;
    const PROTOCOL: u32 = 9;
    let step = |code, value| SockFilter::new(code, 0, 0, value);
    let jump =
        |value, if_equal, otherwise| SockFilter::new(JUMP_IF_EQUAL, if_equal, otherwise, value);
    [
        step(LOAD_BYTE, PROTOCOL),
        jump(UDP.into(), 5, 0),
        jump(TCP.into(), 0, 5),
        step(LOAD_HEADER_LENGTH, 0),
        step(LOAD_BYTE_BEHIND_HEADER, FLAGS_OF_TCP),
        step(AND, SYN | ACK),
        jump(SYN, 0, 1),
        step(RETURN, LOOKED_AT),
        step(RETURN, 0),
    ]
}

/// What a packet was to begin, by its headers (RFC 791, RFC 9293, RFC 768).
fn attempt(packet: &[u8]) -> Option<Attempt> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let protocol = *packet.get(9)?;
    let ip: [u8; 4] = *packet.get(16..)?.first_chunk()?;
    let port: [u8; 2] = *packet.get(header + 2..)?.first_chunk()?;
    Some(Attempt {
        datagram: protocol == UDP,
        to: SocketAddr::from((Ipv4Addr::from(ip), u16::from_be_bytes(port))),
    })
}
