//! What the tests make journals of.

use std::net::SocketAddr;

use lab_journal::{Segment, Transport};

pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A segment between two ports that only acknowledges, or carries so many bytes, none of them kept.
pub fn segment(transport: Transport, from: u16, to: u16, offset: u64, length: u64) -> Segment {
    Segment {
        transport,
        from: address(from),
        to: address(to),
        syn: false,
        ack: true,
        fin: false,
        rst: false,
        offset: Some(offset),
        length,
        bytes: Vec::new(),
        again: false,
        lost: false,
        unreachable: false,
        call: None,
    }
}
