//! Which send each received byte came from, and which call each segment came from.
//!
//! TCP numbers its bytes. So a recv's bytes come from the sends of the other side whose offsets
//! they cover, however the network cut and joined them. A datagram comes from the first send, not
//! yet received, that has its addresses and bytes; a network may double it, so where there is none,
//! from the last one that has been received.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::model::{Call, Data, Event, Journal, Piece, Segment, Transport};

/// One direction of a connection: from, to.
type Flow = (SocketAddr, SocketAddr);

/// Fills in [`Data::from`] and [`Segment::call`].
pub fn tie(journal: &mut Journal) {
    let known = Known::of(journal);
    let mut taken = HashSet::new();
    let mut on_the_wire = HashSet::new();
    for place in 0..journal.entries.len() {
        let from = match &journal.entries[place].event {
            Event::Call(call) => match &call.data {
                Some(data) if !data.sent => known.pieces(journal, call, data, &mut taken),
                _ => continue,
            },
            Event::Segment(segment) => {
                let call = known.origin(
                    journal,
                    journal.entries[place].at,
                    segment,
                    &mut on_the_wire,
                );
                if let Event::Segment(segment) = &mut journal.entries[place].event {
                    segment.call = call;
                }
                continue;
            }
            _ => continue,
        };
        if let Event::Call(call) = &mut journal.entries[place].event
            && let Some(data) = &mut call.data
        {
            data.from = from;
        }
    }
}

/// A send: where its bytes are in the stream, and the call's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Send {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) call: usize,
}

impl Send {
    /// The place after its last byte. A journal from elsewhere may have any number.
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// The parts of sends, which are in the order of their offsets, that cover these bytes of a stream.
pub(crate) fn covering(sends: &[Send], start: u64, end: u64) -> impl Iterator<Item = Piece> {
    let first = sends.partition_point(|send| send.end() <= start);
    let sends = sends[first..].iter();
    sends
        .take_while(move |send| send.offset < end)
        .filter(move |send| send.end() > start.max(send.offset))
        .map(move |send| {
            let from = start.max(send.offset);
            Piece {
                call: send.call,
                offset: from - send.offset,
                length: end.min(send.end()) - from,
            }
        })
}

/// The calls that bytes and segments can come from.
#[derive(Debug, Default)]
struct Known {
    /// By offset.
    streams: HashMap<Flow, Vec<Send>>,
    /// In the order of sending; by the ports, since a socket that is bound to every address sends
    /// from one of them.
    datagrams: HashMap<(u16, u16), Vec<usize>>,
    connects: HashMap<Flow, usize>,
    /// The calls that may end the direction, and when they began. Several, where processes share
    /// the socket.
    ends: HashMap<Flow, Vec<(u64, usize)>>,
}

impl Known {
    fn of(journal: &Journal) -> Self {
        let mut known = Known::default();
        for (place, entry) in journal.entries.iter().enumerate() {
            let Event::Call(call) = &entry.event else {
                continue;
            };
            let Some(socket) = call.socket.and_then(|place| journal.sockets.get(place)) else {
                continue;
            };
            if let Some(data) = &call.data
                && data.sent
                && socket.transport == Transport::Udp
                && let (Some(local), Some(peer)) = (socket.local, data.with.or(socket.peer))
            {
                let ports = (local.port(), peer.port());
                known.datagrams.entry(ports).or_default().push(place);
            }
            let (Transport::Tcp, Some(local), Some(peer)) =
                (socket.transport, socket.local, socket.peer)
            else {
                continue;
            };
            let flow = (local, peer);
            if let Some(data) = &call.data {
                if data.sent && data.length > 0 {
                    known.streams.entry(flow).or_default().push(Send {
                        offset: data.offset,
                        length: data.length,
                        call: place,
                    });
                }
            } else if call.name == "connect" {
                known.connects.entry(flow).or_insert(place);
            } else if ends_sending(call) {
                let ends = known.ends.entry(flow).or_default();
                ends.push((entry.at, place));
            }
        }
        for sends in known.streams.values_mut() {
            sends.sort_by_key(|send| send.offset);
        }
        known
    }

    /// The parts of a flow's sends that cover these bytes.
    fn covering(&self, flow: Flow, start: u64, end: u64) -> impl Iterator<Item = Piece> {
        let sends = self.streams.get(&flow).map_or(&[][..], Vec::as_slice);
        covering(sends, start, end)
    }

    fn pieces(
        &self,
        journal: &Journal,
        call: &Call,
        data: &Data,
        taken: &mut HashSet<usize>,
    ) -> Vec<Piece> {
        let Some(socket) = call.socket.and_then(|place| journal.sockets.get(place)) else {
            return Vec::new();
        };
        if socket.transport == Transport::Udp {
            let (Some(local), Some(peer)) = (socket.local, data.with.or(socket.peer)) else {
                return Vec::new();
            };
            let sends = self.datagrams.get(&(peer.port(), local.port()));
            let alike = sends.into_iter().flatten().filter(|place| {
                let sent = journal.call(**place).and_then(|call| call.data.as_ref());
                sent.is_some_and(|sent| is_the_datagram(sent, data))
            });
            let found = first_or_last(alike, |place| !taken.contains(place));
            let Some(place) = found else {
                return Vec::new();
            };
            if !data.peeked {
                taken.insert(*place);
            }
            return vec![Piece {
                call: *place,
                offset: 0,
                length: data.length,
            }];
        }
        let (Some(local), Some(peer)) = (socket.local, socket.peer) else {
            return Vec::new();
        };
        let (start, end) = (data.offset, data.offset.saturating_add(data.length));
        self.covering((peer, local), start, end).collect()
    }

    /// The call that a segment comes from.
    fn origin(
        &self,
        journal: &Journal,
        at: u64,
        segment: &Segment,
        on_the_wire: &mut HashSet<usize>,
    ) -> Option<usize> {
        let flow = (segment.from, segment.to);
        if segment.unreachable {
            return None;
        }
        if segment.transport == Transport::Udp {
            let ports = (flow.0.port(), flow.1.port());
            let alike = self.datagrams.get(&ports)?.iter().filter(|place| {
                let sent = journal.call(**place).and_then(|call| call.data.as_ref());
                sent.is_some_and(|sent| {
                    sent.length == segment.length && begin_alike(&sent.bytes, &segment.bytes)
                })
            });
            let found = first_or_last(alike, |place| !on_the_wire.contains(place)).copied();
            on_the_wire.extend(found);
            return found;
        }
        if segment.syn {
            // A SYN,ACK comes from the kernel of a listening socket, not from a call.
            return self.connects.get(&flow).filter(|_| !segment.ack).copied();
        }
        if segment.length > 0 {
            let start = segment.offset?;
            return self
                .covering(flow, start, start.saturating_add(segment.length))
                .next()
                .map(|piece| piece.call);
        }
        let ends = self.ends.get(&flow).filter(|_| segment.fin)?;
        let last = ends.iter().rev().find(|(began, _)| *began <= at);
        last.map(|(_, place)| *place)
    }
}

/// The first place that is new, or else the last.
fn first_or_last<'a>(
    places: impl Iterator<Item = &'a usize>,
    is_new: impl Fn(&usize) -> bool,
) -> Option<&'a usize> {
    let mut last = None;
    for place in places {
        if is_new(place) {
            return Some(place);
        }
        last = Some(place);
    }
    last
}

/// Whether a datagram is the one that was sent. A small buffer takes a part of it.
fn is_the_datagram(sent: &Data, received: &Data) -> bool {
    received.length <= sent.length && begin_alike(&sent.bytes, &received.bytes)
}

/// Whether bytes are the same, as far as both were kept.
fn begin_alike(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// Whether a call ends a connection's direction: `close`, or `shutdown` of the sending side.
fn ends_sending(call: &Call) -> bool {
    call.name == "close"
        || call.name == "shutdown" && call.arguments.first().is_none_or(|how| how != "SHUT_RD")
}
