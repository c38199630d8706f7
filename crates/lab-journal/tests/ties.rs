//! Ties and JSON, against a model: bytes that are numbered by the send they came from.

mod support;

use std::net::SocketAddr;

use lab_journal::{
    Call, Data, Entry, Event, Journal, Outcome, Process, Segment, Side, Socket, Transport, ties,
};
use proptest::prelude::*;
use support::address;

fn call(socket: usize, name: &str, data: Option<Data>) -> Call {
    Call {
        process: 1,
        thread: 1,
        name: name.to_string(),
        socket: Some(socket),
        arguments: Vec::new(),
        accepted: None,
        ended: Some(1),
        outcome: Outcome::Value(0),
        source: None,
        data,
    }
}

fn data(sent: bool, offset: u64, length: usize, with: Option<SocketAddr>) -> Data {
    Data {
        sent,
        peeked: false,
        offset,
        length: length as u64,
        bytes: vec![7; length.min(4)],
        with,
        from: Vec::new(),
    }
}

/// A journal of connections. Connection `n` has the sockets `2n` and `2n + 1`.
fn connections(count: usize) -> Journal {
    let mut journal = Journal {
        processes: vec![Process {
            pid: 1,
            side: Side::Server,
            parent: None,
            played: false,
        }],
        ..Journal::default()
    };
    for number in 0..count {
        let ports = [
            9000,
            40_000 + u16::try_from(number).expect("few connections"),
        ];
        for (local, peer) in [(0, 1), (1, 0)] {
            journal.sockets.push(Socket {
                transport: Transport::Tcp,
                local: Some(address(ports[local])),
                peer: Some(address(ports[peer])),
            });
        }
    }
    journal
}

/// What happens on a socket: it sends so many bytes, or takes at most so many that the other side
/// has sent.
fn steps() -> impl Strategy<Value = (usize, Vec<(usize, bool, usize)>)> {
    (1..5_usize).prop_flat_map(|count| {
        let step = (0..count * 2, any::<bool>(), 1..12_usize);
        (Just(count), prop::collection::vec(step, 0..60))
    })
}

proptest! {
    #[test]
    fn every_byte_is_tied_to_the_send_it_came_from((count, steps) in steps()) {
        let mut journal = connections(count);
        // The model: what each socket has sent, each byte as (send, place in the send).
        let mut sent: Vec<Vec<(usize, u64)>> = vec![Vec::new(); count * 2];
        let mut received = vec![0; count * 2];
        let mut expected = Vec::new();
        for (socket, sends, length) in steps {
            let place = journal.entries.len();
            let event = if sends {
                let offset = sent[socket].len() as u64;
                sent[socket].extend((0..length).map(|byte| (place, byte as u64)));
                call(socket, "sendto", Some(data(true, offset, length, None)))
            } else {
                let (peer, start) = (socket ^ 1, received[socket]);
                let end = sent[peer].len().min(start + length);
                received[socket] = end;
                expected.push((place, sent[peer][start..end].to_vec()));
                call(socket, "recvfrom", Some(data(false, start as u64, end - start, None)))
            };
            journal.entries.push(Entry { at: place as u64, event: Event::Call(event) });
        }
        ties::tie(&mut journal);
        for (place, bytes) in expected {
            let data = journal.call(place).unwrap().data.as_ref().unwrap();
            let tied: Vec<(usize, u64)> = data
                .from
                .iter()
                .flat_map(|piece| (0..piece.length).map(|byte| (piece.call, piece.offset + byte)))
                .collect();
            prop_assert_eq!(tied, bytes);
        }
        let json = journal.to_json().unwrap();
        prop_assert_eq!(Journal::from_json(&json).unwrap(), journal);
    }
}

fn segment(from: u16, to: u16, offset: u64, length: u64) -> Segment {
    support::segment(Transport::Tcp, from, to, offset, length)
}

fn entries(journal: &mut Journal, events: Vec<Event>) {
    for (at, event) in events.into_iter().enumerate() {
        let at = at as u64;
        journal.entries.push(Entry { at, event });
    }
}

#[test]
fn a_segment_is_tied_to_its_call() {
    let mut journal = connections(1);
    let syn = Segment {
        syn: true,
        ack: false,
        ..segment(40_000, 9000, 0, 0)
    };
    let syn_ack = Segment {
        syn: true,
        ..segment(9000, 40_000, 0, 0)
    };
    let fin = Segment {
        fin: true,
        ..segment(40_000, 9000, 5, 0)
    };
    entries(
        &mut journal,
        vec![
            Event::Call(call(1, "connect", None)),
            Event::Segment(syn),
            Event::Segment(syn_ack),
            Event::Call(call(1, "sendto", Some(data(true, 0, 3, None)))),
            Event::Call(call(1, "sendto", Some(data(true, 3, 2, None)))),
            Event::Segment(segment(40_000, 9000, 3, 2)),
            Event::Call(call(1, "close", None)),
            Event::Segment(fin),
        ],
    );
    ties::tie(&mut journal);
    let calls: Vec<_> = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Segment(segment) => Some(segment.call),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [Some(0), None, Some(4), Some(6)]);
}

#[test]
fn a_datagram_is_tied_once_and_its_double_to_the_same_send() {
    let mut journal = Journal::default();
    for port in [9000, 40_000] {
        journal.sockets.push(Socket {
            transport: Transport::Udp,
            local: Some(address(port)),
            peer: None,
        });
    }
    let sends = |length| {
        Event::Call(call(
            1,
            "sendto",
            Some(data(true, 0, length, Some(address(9000)))),
        ))
    };
    let takes = |length| {
        Event::Call(call(
            0,
            "recvfrom",
            Some(data(false, 0, length, Some(address(40_000)))),
        ))
    };
    entries(
        &mut journal,
        vec![
            sends(2),
            sends(2),
            sends(9),
            takes(2),
            takes(2),
            takes(9),
            takes(9),
        ],
    );
    ties::tie(&mut journal);
    let origin = |place: usize| {
        let data = journal.call(place).unwrap().data.as_ref().unwrap();
        data.from.first().map(|piece| piece.call)
    };
    assert_eq!([3, 4, 5, 6].map(origin), [0, 1, 2, 2].map(Some));
}

#[test]
fn another_version_is_refused() {
    let json = Journal::default().to_json().unwrap();
    let other = json.replace("\"version\":1", "\"version\":2");
    assert_ne!(json, other);
    let error = Journal::from_json(&other).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error:#}");
}
