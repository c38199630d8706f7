//! What a relay sees.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lab_journal::{Event, Segment, Side, Transport};

/// A connection, or the datagrams of one client.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub transport: Transport,
    /// Counted from 1.
    pub number: u32,
    pub client: SocketAddr,
    pub server: SocketAddr,
}

/// What happened on a way. A side is the one that did it, or that sent what the relay handled.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// The client connected.
    Came,
    /// The server was reached for it.
    Reached,
    /// It was not, or not any more, and why.
    Unreachable(&'a io::Error),
    /// This side sent bytes, or a datagram.
    Sent(Side, &'a [u8]),
    /// The relay passes this on now.
    Passed(Side, &'a [u8]),
    /// This datagram is not passed on: a fault that was asked for.
    Lost(Side, &'a [u8]),
    /// This side sends nothing more.
    Ended(Side),
    /// The relay tells the other side so now.
    EndPassed(Side),
    /// This side broke the connection; without a side the relay did, by a fault.
    Reset(Option<Side>),
}

/// Gets what a relay sees, when it happens.
pub type Watcher = Arc<dyn Fn(Way, Sight<'_>) + Send + Sync>;

/// So many bytes of what passes are kept.
pub const KEPT: usize = 1024;

impl Way {
    /// A segment from this side that carries bytes.
    pub fn segment(&self, sender: Side, bytes: &[u8]) -> Segment {
        let (from, to) = match sender {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        Segment {
            transport: self.transport,
            from,
            to,
            syn: false,
            ack: self.transport == Transport::Tcp,
            fin: false,
            rst: false,
            offset: None,
            length: bytes.len() as u64,
            bytes: bytes[..bytes.len().min(KEPT)].to_vec(),
            again: false,
            lost: false,
            unreachable: false,
            call: None,
        }
    }

    /// A datagram that was lost.
    pub fn lost(&self, sender: Side, bytes: &[u8]) -> Event {
        let segment = self.segment(sender, bytes);
        Event::Segment(Segment {
            lost: true,
            ..segment
        })
    }
}
