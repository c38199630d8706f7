//! The packets of the run's own network: packet(7) on its loopback.
//!
//! A packet on the loopback goes out and comes in. A socket for one protocol sees what comes in, so
//! each packet once.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use lab_journal::{Entry, Event, Segment, Transport};
use nix::sys::socket::SockProtocol;

use crate::entries::MOST_ENTRIES;
use crate::ring::Ring;

/// So many bytes of a packet are kept: the headers, and the first bytes of what it carries.
const SNAPSHOT: usize = 256;
/// When packets are kept whole: the largest that IPv4 has.
const WHOLE: usize = 65_535;
/// So many bytes of whole packets are kept.
const MOST_WHOLE: usize = 256 << 20;
/// Blocks of 128 KiB for packets that are not read yet: 8192 packets, or 128 whole ones.
const BLOCKS: usize = 32;
const BLOCKS_OF_WHOLE: usize = 128;
/// How long the reader sleeps, while packets wait.
const NAP: Duration = Duration::from_millis(4);

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
    /// Dropped when the run is over.
    running: Sender<()>,
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
    /// How many there was no room for in the journal.
    pub left_out: u64,
    /// How many came faster than they were read, so that nothing is known of them.
    pub missed: u64,
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
    let (most, blocks) = match whole {
        true => (WHOLE, BLOCKS_OF_WHOLE),
        false => (SNAPSHOT, BLOCKS),
    };
    let ring = Ring::open(protocol, most, blocks)?;
    let began = began
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let (running, over) = mpsc::channel();
    let thread = thread::spawn(move || read(ring, began, whole, &over));
    Ok(Capture { running, thread })
}

impl Capture {
    /// The run is over: reads what is left.
    pub fn end(self) -> anyhow::Result<Packets> {
        drop(self.running);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that captures packets failed"))?
    }
}

fn read(
    mut ring: Ring,
    began: Duration,
    whole: bool,
    over: &Receiver<()>,
) -> anyhow::Result<Packets> {
    let mut packets = Packets::default();
    let mut bytes = Vec::new();
    loop {
        let is_over = over.recv_timeout(NAP) != Err(RecvTimeoutError::Timeout);
        while let Some(time) = ring.next(&mut bytes) {
            let at = time.saturating_sub(began).as_micros();
            packets.add(u64::try_from(at).unwrap_or(u64::MAX), &bytes, whole);
        }
        if is_over {
            let missed = ring.missed().context("how many packets were missed?")?;
            packets.missed = missed.into();
            return Ok(packets);
        }
    }
}

impl Packets {
    /// Adds a packet, if it is one of TCP or UDP. They come in their order. A packet's time may be
    /// some microseconds before that of the one that it answers, as of an RST for a SYN on the
    /// loopback: it gets that one's time, so that an answer is never drawn first.
    fn add(&mut self, at: u64, packet: &[u8], whole: bool) {
        let at = self.entries.last().map_or(at, |last| at.max(last.at));
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
    fn an_answer_is_not_before_what_it_answers() {
        let mut packets = Packets::default();
        for (at, number) in [(20, 1), (17, 2), (30, 3)] {
            packets.add(at, &packet(number, 0x10, b"a"), false);
        }
        let times: Vec<u64> = packets.entries.iter().map(|entry| entry.at).collect();
        assert_eq!(times, [20, 20, 30]);
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
