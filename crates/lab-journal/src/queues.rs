//! What lies in the kernel's queues at each moment of a run.
//!
//! A send puts bytes into its socket's send queue. A segment takes them into the receive queue of
//! the other side, and a recv takes them from there. So bytes lie in a send queue until they have
//! been on the wire, and in a receive queue until a call has taken them.
//!
//! In truth the kernel keeps a copy of what was sent until it is acknowledged. On one machine that
//! is the same moment.
//!
//! A reset empties the queues of the one who sent it and the send queue of the one who gets it;
//! what that one has received already, it can still take. A socket that is closed receives nothing.
//!
//! A relay does not see when a program takes bytes. What it has passed on is in no queue any more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use crate::model::{Call, Data, Event, Journal, Piece, Segment, Side, Transport};
use crate::ties::{self, Send};

/// The queues of one socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    /// What waits to be sent: parts of this side's sends.
    pub send: Vec<Piece>,
    /// What waits for a recv: parts of the other side's sends.
    pub receive: Vec<Piece>,
}

impl Queues {
    /// Whether nothing waits.
    #[must_use]
    pub fn are_empty(&self) -> bool {
        self.send.is_empty() && self.receive.is_empty()
    }
}

/// What lies in the sockets' queues at each of these moments, which are in the order of time. A
/// socket is named by its place in [`Journal::sockets`]; one with empty queues is left out.
///
/// A journal without segments shows no send queues: its bytes arrive as soon as they are sent.
#[must_use]
pub fn at(journal: &Journal, moments: &[u64]) -> Vec<BTreeMap<usize, Queues>> {
    let mut run = Run::of(journal);
    let mut moves = moves(journal);
    // What happens at the same microsecond happens in this order: sent, arrived, taken.
    moves.sort_by_key(|(at, step)| (*at, step.order()));
    let mut moves = moves.into_iter().peekable();
    let snapshot = |moment: &u64| {
        while let Some((_, step)) = moves.next_if(|(at, _)| at <= moment) {
            run.step(&step);
        }
        run.snapshot()
    };
    moments.iter().map(snapshot).collect()
}

/// The side that a socket belongs to: the side that makes calls on it.
#[must_use]
pub fn side_of(journal: &Journal, socket: usize) -> Option<Side> {
    journal.entries.iter().find_map(|entry| match &entry.event {
        Event::Call(call) if call.accepted.or(call.socket) == Some(socket) => {
            journal.side(call.process)
        }
        _ => None,
    })
}

/// Something that moves bytes.
#[derive(Debug)]
enum Move<'a> {
    Sent(usize, &'a Call, &'a Data),
    Arrived(&'a Segment),
    Taken(&'a Call, &'a Data),
    /// A socket was closed.
    Closed(usize),
}

impl Move<'_> {
    fn order(&self) -> u8 {
        match self {
            Move::Sent(..) => 0,
            Move::Arrived(_) => 1,
            Move::Taken(..) => 2,
            Move::Closed(_) => 3,
        }
    }
}

fn moves(journal: &Journal) -> Vec<(u64, Move<'_>)> {
    let mut moves = Vec::new();
    for (place, entry) in journal.entries.iter().enumerate() {
        match &entry.event {
            Event::Call(call) => match &call.data {
                Some(data) if data.sent => moves.push((entry.at, Move::Sent(place, call, data))),
                Some(data) if !data.peeked => {
                    let ended = call.ended.unwrap_or(entry.at);
                    moves.push((ended, Move::Taken(call, data)));
                }
                _ => {}
            },
            Event::Segment(segment) => moves.push((entry.at, Move::Arrived(segment))),
            _ => {}
        }
    }
    let closed = closed(journal).into_iter();
    moves.extend(closed.map(|(socket, at)| (at, Move::Closed(socket))));
    moves
}

/// When sockets were closed: at their last call, if that is a close, or with the last process that
/// used them. Processes may share a socket.
fn closed(journal: &Journal) -> HashMap<usize, u64> {
    let mut last: HashMap<usize, (u64, bool)> = HashMap::new();
    let mut users: HashMap<usize, HashSet<u32>> = HashMap::new();
    let mut exits: HashMap<u32, u64> = HashMap::new();
    for entry in &journal.entries {
        match &entry.event {
            Event::Call(call) => {
                for socket in call.socket.into_iter().chain(call.accepted) {
                    users.entry(socket).or_default().insert(call.process);
                    let now = (call.ended.unwrap_or(u64::MAX), call.name == "close");
                    let known = last.entry(socket).or_insert(now);
                    *known = now.max(*known);
                }
            }
            Event::Exit(exit) => {
                exits.insert(exit.process, entry.at);
            }
            _ => {}
        }
    }
    let at = |(socket, users): (usize, HashSet<u32>)| {
        let exited = users.iter().map(|user| exits.get(user).copied());
        let exited = exited.collect::<Option<Vec<u64>>>();
        let exited = exited.and_then(|all| all.into_iter().max());
        let closed = last.get(&socket).filter(|(_, closes)| *closes);
        let closed = closed.map(|(at, _)| *at);
        let first = closed.into_iter().chain(exited).min()?;
        Some((socket, first))
    };
    users.into_iter().filter_map(at).collect()
}

/// One direction of a TCP connection: how many of its bytes were sent, have arrived, were taken.
#[derive(Debug, Default)]
struct Stream {
    /// In the order of their offsets.
    sends: Vec<Send>,
    sent: u64,
    arrived: u64,
    taken: u64,
    /// Nothing more is sent of what waits to be.
    unsent: bool,
    /// Nothing more is taken of what has arrived.
    untaken: bool,
}

impl Stream {
    /// The parts of sends that cover these bytes of the stream.
    fn pieces(&self, start: u64, end: u64) -> impl Iterator<Item = Piece> {
        ties::covering(&self.sends, start, end).filter(|piece| piece.length > 0)
    }
}

/// The state of all queues.
struct Run<'a> {
    journal: &'a Journal,
    by_flow: HashMap<(SocketAddr, SocketAddr), usize>,
    /// Whether segments were seen of what these sockets send.
    seen: HashSet<(u16, u16)>,
    /// By the sending socket.
    streams: HashMap<usize, Stream>,
    /// Datagrams that wait to be sent, by the sending socket.
    leaving: HashMap<usize, Vec<Piece>>,
    /// Datagrams that wait to be received, by the receiving socket.
    waiting: HashMap<usize, Vec<Piece>>,
}

impl<'a> Run<'a> {
    fn of(journal: &'a Journal) -> Self {
        let sockets = journal.sockets.iter().enumerate();
        let by_flow = sockets
            .filter_map(|(place, socket)| Some(((socket.local?, socket.peer?), place)))
            .collect();
        let seen = journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Segment(segment) if segment.length > 0 => {
                    Some((segment.from.port(), segment.to.port()))
                }
                _ => None,
            });
        Run {
            journal,
            by_flow,
            seen: seen.collect(),
            streams: HashMap::new(),
            leaving: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    fn step(&mut self, step: &Move<'_>) {
        match step {
            Move::Sent(place, call, data) => self.sent(*place, call, data),
            Move::Arrived(segment) => self.arrived(segment),
            Move::Taken(call, data) => self.taken(call, data),
            Move::Closed(socket) => self.closed(*socket),
        }
    }

    fn sent(&mut self, place: usize, call: &Call, data: &Data) {
        let Some(from) = call.socket else {
            return;
        };
        let Some(socket) = self.journal.sockets.get(from) else {
            return;
        };
        let peer = data.with.or(socket.peer);
        let ports = socket.local.zip(peer).map(|(a, b)| (a.port(), b.port()));
        let on_the_wire = ports.is_some_and(|ports| self.seen.contains(&ports));
        let piece = Piece {
            call: place,
            offset: 0,
            length: data.length,
        };
        if socket.transport == Transport::Tcp {
            let stream = self.streams.entry(from).or_default();
            stream.sends.push(Send {
                offset: data.offset,
                length: data.length,
                call: place,
            });
            stream.sent = stream.sent.max(data.offset.saturating_add(data.length));
            if !on_the_wire {
                stream.arrived = stream.sent;
            }
        } else if on_the_wire {
            self.leaving.entry(from).or_default().push(piece);
        } else if let Some(to) = peer.and_then(|peer| self.datagram_socket(peer)) {
            self.waiting.entry(to).or_default().push(piece);
        }
    }

    fn arrived(&mut self, segment: &Segment) {
        if segment.unreachable {
            return;
        }
        if segment.transport == Transport::Udp {
            let found = self.leaving.values_mut().find_map(|leaving| {
                let of_call = |piece: &Piece| Some(piece.call) == segment.call;
                let place = leaving.iter().position(of_call)?;
                Some(leaving.remove(place))
            });
            // One that has left already was doubled on its way.
            let found = found.or(segment.call.map(|call| Piece {
                call,
                offset: 0,
                length: segment.length,
            }));
            if let (Some(piece), Some(to), false) = (
                found,
                self.datagram_socket(segment.to),
                segment.lost || self.journal.relay,
            ) {
                self.waiting.entry(to).or_default().push(piece);
            }
            return;
        }
        let flow = (segment.from, segment.to);
        if segment.rst {
            self.reset(flow);
        }
        let from = self.by_flow.get(&flow);
        if let (Some(from), Some(offset)) = (from, segment.offset)
            && segment.length > 0
        {
            let stream = self.streams.entry(*from).or_default();
            let end = offset.saturating_add(segment.length);
            stream.arrived = stream.arrived.max(end);
            // A clock may be read a moment late.
            stream.sent = stream.sent.max(stream.arrived);
            if self.journal.relay {
                stream.taken = stream.arrived;
            }
        }
    }

    fn taken(&mut self, call: &Call, data: &Data) {
        let Some(at) = call.socket else {
            return;
        };
        let Some(socket) = self.journal.sockets.get(at) else {
            return;
        };
        if socket.transport == Transport::Udp {
            if let (Some(from), Some(waiting)) = (data.from.first(), self.waiting.get_mut(&at)) {
                let taken = waiting.iter().position(|piece| piece.call == from.call);
                taken.map(|place| waiting.remove(place));
            }
            return;
        }
        let flow = socket.peer.zip(socket.local);
        if let Some(from) = flow.and_then(|flow| self.by_flow.get(&flow)) {
            let stream = self.streams.entry(*from).or_default();
            let end = data.offset.saturating_add(data.length);
            stream.taken = stream.taken.max(end);
            stream.arrived = stream.arrived.max(stream.taken);
            stream.sent = stream.sent.max(stream.arrived);
        }
    }

    /// The sender of a reset keeps nothing; who gets it sends nothing more.
    fn reset(&mut self, (from, to): (SocketAddr, SocketAddr)) {
        for (flow, gives_up) in [((from, to), false), ((to, from), true)] {
            if let Some(sender) = self.by_flow.get(&flow) {
                let stream = self.streams.entry(*sender).or_default();
                stream.unsent = true;
                stream.untaken |= gives_up;
            }
        }
    }

    /// A closed socket receives nothing. What a stream still has to send the system sends.
    fn closed(&mut self, socket: usize) {
        self.waiting.remove(&socket);
        let Some(of) = self.journal.sockets.get(socket) else {
            return;
        };
        let flow = of.peer.zip(of.local);
        if let Some(sender) = flow.and_then(|flow| self.by_flow.get(&flow)) {
            self.streams.entry(*sender).or_default().untaken = true;
        }
    }

    /// The socket that receives the datagrams for an address.
    fn datagram_socket(&self, address: SocketAddr) -> Option<usize> {
        self.journal.sockets.iter().position(|socket| {
            socket.transport == Transport::Udp
                && socket.local.is_some_and(|local| {
                    local.port() == address.port()
                        && (local.ip() == address.ip() || local.ip().is_unspecified())
                })
        })
    }

    fn snapshot(&self) -> BTreeMap<usize, Queues> {
        let mut all: BTreeMap<usize, Queues> = BTreeMap::new();
        for (from, stream) in &self.streams {
            if !stream.unsent {
                let waits = stream.pieces(stream.arrived, stream.sent);
                all.entry(*from).or_default().send.extend(waits);
            }
            if stream.untaken {
                continue;
            }
            let arrived = stream.pieces(stream.taken, stream.arrived);
            let socket = &self.journal.sockets[*from];
            let flow = socket.peer.zip(socket.local);
            if let Some(to) = flow.and_then(|flow| self.by_flow.get(&flow)) {
                all.entry(*to).or_default().receive.extend(arrived);
            }
        }
        for (from, pieces) in &self.leaving {
            all.entry(*from).or_default().send.extend_from_slice(pieces);
        }
        for (to, pieces) in &self.waiting {
            all.entry(*to)
                .or_default()
                .receive
                .extend_from_slice(pieces);
        }
        all.retain(|_, queues| !queues.are_empty());
        all
    }
}
