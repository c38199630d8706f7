//! The kernel's queues, against a model that moves single bytes.

mod support;

use std::collections::VecDeque;

use lab_journal::{
    Call, Data, Entry, Event, Journal, Outcome, Piece, Process, Segment, Side, Socket, Transport,
    queues, ties,
};
use proptest::prelude::*;
use support::address;

/// What happens next on a connection: a socket sends, a segment carries, the other socket takes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send,
    Carry,
    Take,
}

/// A connection between the sockets 0 and 1.
fn connection(transport: Transport) -> Journal {
    let socket = |local, peer| Socket {
        transport,
        local: Some(address(local)),
        peer: Some(address(peer)),
    };
    Journal {
        processes: vec![Process {
            pid: 1,
            side: Side::Server,
            parent: None,
            played: false,
        }],
        sockets: vec![socket(9000, 40_000), socket(40_000, 9000)],
        ..Journal::default()
    }
}

fn call(socket: usize, at: u64, sent: bool, offset: u64, length: u64) -> Event {
    Event::Call(Call {
        process: 1,
        thread: 1,
        name: if sent { "sendto" } else { "recvfrom" }.to_string(),
        socket: Some(socket),
        arguments: Vec::new(),
        accepted: None,
        ended: Some(at),
        outcome: Outcome::Value(0),
        source: None,
        data: Some(Data {
            sent,
            peeked: false,
            offset,
            length,
            bytes: vec![at.to_le_bytes()[0]; 4],
            with: None,
            from: Vec::new(),
        }),
    })
}

fn segment(transport: Transport, from: usize, at: u64, offset: u64, length: u64) -> Event {
    let ports = [9000, 40_000];
    let bytes = vec![at.to_le_bytes()[0]; 4];
    let of_ports = support::segment(transport, ports[from], ports[1 - from], offset, length);
    Event::Segment(Segment { bytes, ..of_ports })
}

/// The bytes of pieces: which send each comes from, and its place there.
fn bytes(pieces: &[Piece]) -> Vec<(usize, u64)> {
    let bytes = pieces
        .iter()
        .flat_map(|piece| (0..piece.length).map(|byte| (piece.call, piece.offset + byte)));
    bytes.collect()
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step, u64)>> {
    let step = prop_oneof![Just(Step::Send), Just(Step::Carry), Just(Step::Take)];
    prop::collection::vec((0..2_usize, step, 1..9_u64), 0..60)
}

proptest! {
    #[test]
    fn each_byte_is_in_the_queue_where_the_model_has_it(steps in steps()) {
        let mut journal = connection(Transport::Tcp);
        let (mut sending, mut waiting) = ([VecDeque::new(), VecDeque::new()], [VecDeque::new(), VecDeque::new()]);
        let mut expected = Vec::new();
        let (mut sent, mut carried, mut taken) = ([0; 2], [0; 2], [0; 2]);
        for (socket, step, length) in steps {
            let place = journal.entries.len();
            let at = place as u64;
            let event = match step {
                Step::Send => {
                    sending[socket].extend((0..length).map(|byte| (place, byte)));
                    sent[socket] += length;
                    call(socket, at, true, sent[socket] - length, length)
                }
                Step::Carry => {
                    let length = length.min(sent[socket] - carried[socket]);
                    let moved: Vec<_> = sending[socket].drain(..usize::try_from(length).unwrap()).collect();
                    waiting[1 - socket].extend(moved);
                    carried[socket] += length;
                    segment(Transport::Tcp, socket, at, carried[socket] - length, length)
                }
                Step::Take => {
                    let length = length.min(carried[1 - socket] - taken[1 - socket]);
                    waiting[socket].drain(..usize::try_from(length).unwrap());
                    taken[1 - socket] += length;
                    call(socket, at, false, taken[1 - socket] - length, length)
                }
            };
            journal.entries.push(Entry { at, event });
            expected.push((sending.clone(), waiting.clone()));
        }
        // Where nothing of a direction was on the wire, its bytes count as arrived: not this test.
        prop_assume!((0..2).all(|socket| sent[socket] == 0 || carried[socket] > 0));
        ties::tie(&mut journal);
        let moments: Vec<u64> = (0..journal.entries.len() as u64).collect();
        for (found, (sending, waiting)) in queues::at(&journal, &moments).into_iter().zip(expected) {
            for socket in 0..2 {
                let queues = found.get(&socket).cloned().unwrap_or_default();
                prop_assert_eq!(bytes(&queues.send), Vec::from(sending[socket].clone()));
                prop_assert_eq!(bytes(&queues.receive), Vec::from(waiting[socket].clone()));
            }
        }
    }
}

#[test]
fn a_datagram_waits_whole_until_it_is_received() {
    let mut journal = connection(Transport::Udp);
    let events = [
        call(0, 0, true, 0, 4),
        call(0, 1, true, 0, 5),
        segment(Transport::Udp, 0, 0, 0, 4),
        segment(Transport::Udp, 0, 1, 0, 5),
        call(1, 0, false, 0, 4),
    ];
    for (at, event) in (0..).zip(events) {
        let event = match event {
            Event::Call(call) => Event::Call(Call {
                ended: Some(at),
                ..call
            }),
            event => event,
        };
        journal.entries.push(Entry { at, event });
    }
    ties::tie(&mut journal);
    let lengths = |socket: usize| {
        let moments = queues::at(&journal, &[0, 1, 2, 3, 4]);
        let lengths = moments.into_iter().map(move |all| {
            let queues = all.get(&socket).cloned().unwrap_or_default();
            let of =
                |pieces: Vec<Piece>| pieces.iter().map(|piece| piece.length).collect::<Vec<_>>();
            (of(queues.send), of(queues.receive))
        });
        lengths.collect::<Vec<_>>()
    };
    let none = Vec::new;
    assert_eq!(
        lengths(0),
        [
            (vec![4], none()),
            (vec![4, 5], none()),
            (vec![5], none()),
            (none(), none()),
            (none(), none())
        ]
    );
    assert_eq!(
        lengths(1),
        [
            (none(), none()),
            (none(), none()),
            (none(), vec![4]),
            (none(), vec![4, 5]),
            (none(), vec![5])
        ]
    );
}

#[test]
fn without_segments_bytes_arrive_as_they_are_sent() {
    let mut journal = connection(Transport::Tcp);
    for (at, event) in [(0, call(0, 0, true, 0, 3)), (1, call(1, 1, false, 0, 1))] {
        journal.entries.push(Entry { at, event });
    }
    ties::tie(&mut journal);
    let found = queues::at(&journal, &[0, 1]);
    assert!(!found[0].contains_key(&0));
    assert_eq!(bytes(&found[0][&1].receive), [(0, 0), (0, 1), (0, 2)]);
    assert_eq!(bytes(&found[1][&1].receive), [(0, 1), (0, 2)]);
}

/// What lies in a socket's queues after each entry: the lengths of the pieces.
fn lengths(journal: &Journal, socket: usize) -> Vec<(Vec<u64>, Vec<u64>)> {
    let moments: Vec<u64> = (0..journal.entries.len() as u64).collect();
    let found = queues::at(journal, &moments).into_iter();
    let of = |pieces: Vec<Piece>| pieces.iter().map(|piece| piece.length).collect();
    let lengths = found.map(|all| {
        let queues = all.get(&socket).cloned().unwrap_or_default();
        (of(queues.send), of(queues.receive))
    });
    lengths.collect()
}

fn add(journal: &mut Journal, events: impl IntoIterator<Item = Event>) {
    for (at, event) in (0..).zip(events) {
        let event = match event {
            Event::Call(call) => Event::Call(Call {
                ended: Some(at),
                ..call
            }),
            event => event,
        };
        journal.entries.push(Entry { at, event });
    }
    ties::tie(journal);
}

#[test]
fn a_reset_empties_queues_and_what_has_arrived_can_still_be_taken() {
    let mut journal = connection(Transport::Tcp);
    let Event::Segment(plain) = segment(Transport::Tcp, 0, 4, 3, 0) else {
        unreachable!("it is a segment")
    };
    let events = [
        call(0, 0, true, 0, 5),
        segment(Transport::Tcp, 0, 1, 0, 3),
        call(1, 0, true, 0, 7),
        segment(Transport::Tcp, 1, 3, 0, 6),
        // Socket 0 breaks the connection off.
        Event::Segment(Segment { rst: true, ..plain }),
    ];
    add(&mut journal, events);
    let before = [(vec![2], vec![6]), (vec![1], vec![3])];
    let after = [(vec![], vec![]), (vec![], vec![3])];
    for socket in 0..2 {
        let found = lengths(&journal, socket);
        assert_eq!(found[3], before[socket], "socket {socket}");
        assert_eq!(found[4], after[socket], "socket {socket}");
    }
}

#[test]
fn a_closed_socket_has_no_receive_queue() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut journal = connection(transport);
        let Event::Call(close) = call(1, 0, false, 0, 0) else {
            unreachable!("it is a call")
        };
        let close = Call {
            name: "close".to_string(),
            data: None,
            ..close
        };
        let events = [
            call(0, 0, true, 0, 5),
            segment(transport, 0, 0, 0, 5),
            Event::Call(close.clone()),
            // Another process has the socket too.
            call(1, 0, false, 0, 2),
            Event::Call(close),
        ];
        add(&mut journal, events);
        let waiting: Vec<_> = lengths(&journal, 1).into_iter().map(|it| it.1).collect();
        let rest = match transport {
            Transport::Tcp => vec![3],
            // A small buffer takes the datagram, and its end is lost.
            Transport::Udp => vec![],
        };
        let expected = [vec![], vec![5], vec![5], rest, vec![]];
        assert_eq!(waiting, expected, "{transport:?}");
    }
}

#[test]
fn a_doubled_datagram_waits_twice() {
    let mut journal = connection(Transport::Udp);
    let events = [
        call(0, 0, true, 0, 4),
        segment(Transport::Udp, 0, 0, 0, 4),
        segment(Transport::Udp, 0, 0, 0, 4),
        call(1, 0, false, 0, 4),
        call(1, 0, false, 0, 4),
    ];
    add(&mut journal, events);
    let waiting: Vec<_> = lengths(&journal, 1).into_iter().map(|it| it.1).collect();
    assert_eq!(waiting, [vec![], vec![4], vec![4, 4], vec![4], vec![]]);
    for place in [3, 4] {
        let data = journal.call(place).and_then(|call| call.data.as_ref());
        let from = &data.expect("a recv").from;
        assert_eq!(from.iter().map(|piece| piece.call).collect::<Vec<_>>(), [0]);
    }
}

proptest! {
    /// A journal may come from anywhere.
    #[test]
    fn no_offset_or_length_is_too_large(
        calls in prop::collection::vec((0..2_usize, any::<bool>(), any::<u64>(), any::<u64>()), 0..9),
        segments in prop::collection::vec((0..2_usize, any::<u64>(), any::<u64>()), 0..9),
    ) {
        let mut journal = connection(Transport::Tcp);
        let calls = calls.into_iter().map(|(socket, sent, offset, length)| {
            call(socket, 0, sent, offset, length)
        });
        let segments = segments.into_iter().map(|(from, offset, length)| {
            segment(Transport::Tcp, from, 0, offset, length)
        });
        add(&mut journal, calls.chain(segments));
        let page = lab_journal::html::draw(&journal, "any").unwrap();
        prop_assert!(page.ends_with("</html>\n"));
    }
}
