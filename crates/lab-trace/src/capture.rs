//! The packets of the run's own network: packet(7) on its loopback.
//!
//! A packet on the loopback goes out and comes in. A socket for one protocol sees what comes in, so
//! each packet once.

use std::collections::{BTreeMap, HashMap};
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use lab_journal::{Entry, Event, Segment, Transport};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use crate::entries::MOST_ENTRIES;

/// So many bytes of a packet are kept: the headers, and the first bytes of what it carries.
const SNAPSHOT: usize = 256;
/// When packets are kept whole: the largest that IPv4 has.
const WHOLE: usize = 65_535;
/// So many bytes of whole packets are kept.
const MOST_WHOLE: usize = 256 << 20;
/// Packets wait in the kernel until they are read.
const WAITING: usize = 16 << 20;
/// How long the reader sleeps at most when no packet comes, until it looks whether the run is over.
const NAP: i64 = 50_000;

/// Which segments of a network are of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All.
    Whole,
    /// The network is the server's, and a relay plays the clients: what comes to the server. The
    /// handshake was on the client's side.
    ToServer,
    /// The network is the client's, and a relay plays the server: what comes from there, and the
    /// handshake.
    ToClient,
}

impl View {
    /// Whether a segment is in view, when the server is at these addresses.
    pub fn has(self, segment: &Segment, server: &[(Transport, SocketAddr)]) -> bool {
        let is_servers = |address: SocketAddr| {
            let same = |(transport, one): &(Transport, SocketAddr)| {
                *transport == segment.transport && one.port() == address.port()
            };
            server.iter().any(same)
        };
        match self {
            View::Whole => true,
            View::ToServer => !segment.syn && is_servers(segment.to),
            View::ToClient => segment.syn || is_servers(segment.from),
        }
    }
}

/// A thread that reads packets.
pub struct Capture {
    over: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Packets>>,
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Packets {
    /// The segments, in their order.
    pub entries: Vec<Entry>,
    /// The whole packets, where they were asked for, by their places in `entries`.
    pub whole: BTreeMap<usize, Vec<u8>>,
    /// How many bytes they have.
    size: usize,
    /// How many there was no room for.
    pub left_out: u64,
    flows: HashMap<(SocketAddr, SocketAddr), Flow>,
}

/// One direction of a connection.
#[derive(Debug)]
struct Flow {
    /// The number of the first byte.
    first: u32,
    /// How many bytes have been on the wire.
    seen: u64,
    fin: bool,
}

/// Begins to capture the network that the calling thread is in, IPv4 and IPv6; `whole` keeps the
/// packets too.
pub fn start(began: SystemTime, whole: bool) -> anyhow::Result<[Capture; 2]> {
    let start = |protocol| start_one(began, whole, protocol);
    Ok([start(SockProtocol::EthIp)?, start(SockProtocol::EthIpv6)?])
}

fn start_one(began: SystemTime, whole: bool, protocol: SockProtocol) -> anyhow::Result<Capture> {
    let descriptor = socket(
        AddressFamily::Packet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )
    .context("cannot capture packets (socket)")?;
    setsockopt(&descriptor, sockopt::ReceiveTimestampns, &true).context("no times of packets")?;
    // In its own network this is allowed; without it a flood loses packets sooner.
    let _ = setsockopt(&descriptor, sockopt::RcvBufForce, &WAITING);
    setsockopt(&descriptor, sockopt::ReceiveTimeout, &TimeVal::new(0, NAP))
        .context("cannot limit the wait for packets")?;
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let thread = thread::spawn(move || read(&descriptor, began, whole, &told));
    Ok(Capture { over, thread })
}

impl Capture {
    /// The run is over: reads what is left.
    pub fn end(self) -> anyhow::Result<Packets> {
        self.over.store(true, Ordering::SeqCst);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that captures packets failed"))?
    }
}

fn read(
    descriptor: &OwnedFd,
    began: SystemTime,
    whole: bool,
    over: &AtomicBool,
) -> anyhow::Result<Packets> {
    let began = began
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let mut packets = Packets::default();
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut bytes = vec![0; if whole { WHOLE } else { SNAPSHOT }];
    loop {
        let was_over = over.load(Ordering::SeqCst);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg::<()>(
            descriptor.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::empty(),
        );
        let (count, at) = match received {
            Ok(message) => {
                let time = message.cmsgs().ok().and_then(|mut all| {
                    all.find_map(|one| match one {
                        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                        _ => None,
                    })
                });
                let at = time.map_or(Duration::ZERO, |time| time.saturating_sub(began));
                (message.bytes, at)
            }
            // The network was silent. When the run is over, nothing is left.
            Err(nix::errno::Errno::EAGAIN) if was_over => return Ok(packets),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error).context("cannot read a packet"),
        };
        let at = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        packets.add(at, &bytes[..count], whole);
    }
}

impl Packets {
    /// Adds a packet, if it is one of TCP or UDP.
    fn add(&mut self, at: u64, packet: &[u8], whole: bool) {
        let Some((mut segment, number)) = segment(packet) else {
            return;
        };
        segment.bytes.truncate(SNAPSHOT);
        let segment = self.placed(segment, number);
        if self.entries.len() < MOST_ENTRIES {
            if whole && self.size + packet.len() <= MOST_WHOLE {
                self.size += packet.len();
                self.whole.insert(self.entries.len(), packet.to_vec());
            }
            let event = Event::Segment(segment);
            self.entries.push(Entry { at, event });
        } else {
            self.left_out += 1;
        }
    }

    /// The segment with its place in the stream.
    fn placed(&mut self, mut segment: Segment, number: u32) -> Segment {
        if segment.transport == Transport::Udp {
            return segment;
        }
        let key = (segment.from, segment.to);
        if segment.syn {
            let first = number.wrapping_add(1);
            let known = self.flows.get(&key);
            segment.again = known.is_some_and(|flow| flow.first == first);
            segment.offset = Some(0);
            if !segment.again {
                let (seen, fin) = (0, false);
                self.flows.insert(key, Flow { first, seen, fin });
            }
            return segment;
        }
        let Some(flow) = self.flows.get_mut(&key) else {
            return segment;
        };
        // Numbers have 32 bits and a stream may be longer: near what was seen, the difference is
        // small.
        let [a, b, c, d, ..] = flow.seen.to_le_bytes();
        let expected = flow.first.wrapping_add(u32::from_le_bytes([a, b, c, d]));
        let ahead = i64::from(number.wrapping_sub(expected).cast_signed());
        let offset = flow.seen.saturating_add_signed(ahead);
        segment.offset = Some(offset);
        let end = offset + segment.length;
        segment.again = segment.length > 0 && end <= flow.seen
            || segment.fin && flow.fin && segment.length == 0;
        flow.seen = flow.seen.max(end);
        flow.fin |= segment.fin;
        segment
    }
}

/// The parts of an IP packet that matter here.
struct Ip<'a> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    /// What it carries, as far as it was kept.
    inner: &'a [u8],
    /// How many bytes it carries.
    length: usize,
}

impl<'a> Ip<'a> {
    /// A packet of IPv4, or of IPv6 without further headers: there are none on a loopback.
    fn of(packet: &'a [u8]) -> Option<Self> {
        const V6_HEADER: usize = 40;
        let number = |at: usize| Some(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?));
        match packet.first()? >> 4 {
            4 => {
                let header = usize::from(packet.first()? & 0xf) * 4;
                let address = |at: usize| Some(*packet.get(at..)?.first_chunk::<4>()?);
                Some(Ip {
                    from: address(12)?.into(),
                    to: address(16)?.into(),
                    protocol: *packet.get(9)?,
                    inner: packet.get(header..)?,
                    length: usize::from(number(2)?).checked_sub(header)?,
                })
            }
            6 => {
                let address = |at: usize| Some(*packet.get(at..)?.first_chunk::<16>()?);
                Some(Ip {
                    from: address(8)?.into(),
                    to: address(24)?.into(),
                    protocol: *packet.get(6)?,
                    inner: packet.get(V6_HEADER..)?,
                    length: number(4)?.into(),
                })
            }
            _ => None,
        }
    }
}

/// What a packet says, and TCP's number of its first byte.
fn segment(packet: &[u8]) -> Option<(Segment, u32)> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    const ICMP: u8 = 1;
    const ICMP_HEADER: usize = 8;
    const ICMP_V6: u8 = 58;
    // Its kinds of message: RFC 792, RFC 4443.
    const UNREACHABLE: u8 = 3;
    const UNREACHABLE_V6: u8 = 1;
    let Ip {
        from,
        to,
        protocol,
        inner,
        length,
    } = Ip::of(packet)?;
    let (transport, own, flags, number) = match (protocol, *inner.first()?) {
        (TCP, _) => (
            Transport::Tcp,
            usize::from(inner.get(12)? >> 4) * 4,
            *inner.get(13)?,
            u32::from_be_bytes(*inner.get(4..)?.first_chunk()?),
        ),
        (UDP, _) => (Transport::Udp, UDP_HEADER, 0, 0),
        (ICMP, UNREACHABLE) | (ICMP_V6, UNREACHABLE_V6) => {
            // It quotes the packet that could not be delivered: the answer goes to who sent that.
            let (quoted, number) = segment(inner.get(ICMP_HEADER..)?)?;
            let answer = Segment {
                from: quoted.to,
                to: quoted.from,
                length: 0,
                bytes: Vec::new(),
                unreachable: true,
                ..quoted
            };
            return (answer.transport == Transport::Udp).then_some((answer, number));
        }
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(*inner.get(at..)?.first_chunk()?));
    let segment = Segment {
        transport,
        from: SocketAddr::new(from, port(0)?),
        to: SocketAddr::new(to, port(2)?),
        syn: flags & 0x02 != 0,
        ack: flags & 0x10 != 0,
        fin: flags & 0x01 != 0,
        rst: flags & 0x04 != 0,
        offset: None,
        length: length.checked_sub(own)? as u64,
        bytes: inner.get(own..)?.to_vec(),
        again: false,
        lost: false,
        unreachable: false,
        call: None,
    };
    Some((segment, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of TCP with this number, these flags and bytes.
    fn packet(number: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
        let total = u16::try_from(40 + bytes.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(40_000_u16.to_be_bytes());
        packet.extend(9000_u16.to_be_bytes());
        packet.extend(number.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
        packet.extend(bytes);
        packet
    }

    #[test]
    fn offsets_count_from_the_syn_also_where_numbers_begin_again_at_0() {
        let mut packets = Packets::default();
        let first = u32::MAX - 2;
        for (number, flags, bytes) in [
            (first - 1, 0x02, &b""[..]),
            (first, 0x10, b"hello"),
            (first.wrapping_add(5), 0x10, b"you"),
            (first.wrapping_add(5), 0x10, b"you"),
            (first.wrapping_add(8), 0x11, b""),
        ] {
            packets.add(0, &packet(number, flags, bytes), false);
        }
        let seen: Vec<_> = packets
            .entries
            .iter()
            .map(|entry| match &entry.event {
                Event::Segment(segment) => (
                    segment.offset.unwrap(),
                    segment.length,
                    segment.again,
                    segment.fin,
                ),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            (0, 0, false, false),
            (0, 5, false, false),
            (5, 3, false, false),
            (5, 3, true, false),
            (8, 0, false, true),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_cut_packet_is_no_segment() {
        let whole = packet(1, 0x10, b"hello");
        for length in 0..40 {
            assert!(segment(&whole[..length]).is_none(), "{length}");
        }
        assert!(segment(&whole[..42]).is_some());
    }
}
