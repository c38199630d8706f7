//! The picture, compared whole.

use std::net::SocketAddr;

use lab_journal::layout::Style;
use lab_journal::picture::draw;
use lab_journal::{
    Call, Data, Entry, Event, Exit, Journal, Outcome, Output, Process, Segment, Side, Socket,
    Stream, Transport, ties,
};

const PLAIN: Style = Style {
    width: 80,
    color: false,
    ascii: false,
};

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn call(process: u32, name: &str, socket: usize, words: &[&str], ended: u64) -> Call {
    Call {
        process,
        thread: process,
        name: name.to_string(),
        socket: Some(socket),
        arguments: words.iter().map(ToString::to_string).collect(),
        accepted: None,
        ended: Some(ended),
        outcome: Outcome::Value(0),
        source: None,
        data: None,
    }
}

fn data(sent: bool, offset: u64, text: &str) -> Option<Data> {
    Some(Data {
        sent,
        peeked: false,
        offset,
        length: text.len() as u64,
        bytes: text.as_bytes().to_vec(),
        with: None,
        from: Vec::new(),
    })
}

/// A server (process 1) and a client (process 2) that sends a message in two pieces.
fn run() -> Journal {
    let mut journal = Journal::default();
    for (pid, side) in [(1, Side::Server), (2, Side::Client)] {
        let parent = None;
        journal.processes.push(Process {
            pid,
            side,
            parent,
            played: false,
        });
    }
    for (local, peer) in [
        (65_432, None),
        (51_234, Some(65_432)),
        (65_432, Some(51_234)),
    ] {
        journal.sockets.push(Socket {
            transport: Transport::Tcp,
            local: Some(address(local)),
            peer: peer.map(address),
        });
    }
    let (server, client) = (1, 2);
    let mut add = |at, event| journal.entries.push(Entry { at, event });
    add(0, Event::Call(call(server, "socket", 0, &[], 10)));
    add(
        20,
        Event::Call(call(server, "bind", 0, &["127.0.0.1:65432"], 30)),
    );
    add(40, Event::Call(call(server, "listen", 0, &["128"], 50)));
    add(
        60,
        Event::Call(Call {
            accepted: Some(2),
            ..call(server, "accept4", 0, &[], 2100)
        }),
    );
    add(1900, Event::Call(call(client, "socket", 1, &[], 1910)));
    add(
        2000,
        Event::Call(call(client, "connect", 1, &["127.0.0.1:65432"], 2090)),
    );
    add(2010, Event::Segment(segment(true, 0, "")));
    for (at, offset, text) in [(2200, 0, "hel"), (2300, 3, "lo<EOF>")] {
        add(
            at,
            Event::Call(Call {
                data: data(true, offset, text),
                ..call(client, "sendto", 1, &[], at + 10)
            }),
        );
        add(at + 5, Event::Segment(segment(false, offset, text)));
    }
    add(
        2400,
        Event::Call(Call {
            data: data(false, 0, "hello<EOF>"),
            ..call(server, "recvfrom", 2, &["1024"], 2410)
        }),
    );
    add(2500, Event::Call(call(client, "close", 1, &[], 2510)));
    add(
        2600,
        Event::Output(Output {
            process: client,
            stream: Stream::Stdout,
            text: "done\n".to_string(),
        }),
    );
    add(
        2700,
        Event::Exit(Exit {
            process: client,
            code: Some(0),
            signal: None,
        }),
    );
    ties::tie(&mut journal);
    journal
}

fn segment(syn: bool, offset: u64, text: &str) -> Segment {
    Segment {
        transport: Transport::Tcp,
        from: address(51_234),
        to: address(65_432),
        syn,
        ack: !syn,
        fin: false,
        rst: false,
        offset: Some(offset),
        length: text.len() as u64,
        bytes: text.as_bytes().to_vec(),
        again: false,
        lost: false,
        unreachable: false,
        call: None,
    }
}

#[test]
fn a_run_is_drawn_in_three_columns() {
    let expected = r#"     ms server                  network                 client
    0.0 socket bind :65432
        listen
        accept … waits
    1.9                                                 socket
    2.0                                                 connect :65432 …
                                ◀──────── SYN ─────────
                                                        … connected
    2.1 accept = :51234
    2.2                                                 send 3 "hel"
                                ◀─── 3 bytes "hel" ────
    2.3                                                 send 7 "lo<EOF>"
                                ◀── 7 bytes "lo<E…" ───
    2.4 recv(1024) = 10
        "hello<EOF>", of 2
        sends
    2.5                                                 close
    2.6                                                 prints "done"
    2.7                                                 ends: exit 0
"#;
    assert_eq!(draw(&run(), PLAIN), expected);
}

#[test]
fn a_connection_between_unknown_addresses_is_begun_by_the_client() {
    let mut journal = Journal::default();
    let (from, to) = (address(40_001), address(7999));
    let syn = Segment {
        from,
        to,
        ..segment(true, 0, "")
    };
    let reset = Segment {
        from: to,
        to: from,
        syn: false,
        ack: true,
        rst: true,
        ..syn.clone()
    };
    for (at, segment) in [(1, syn), (2, reset)] {
        let event = Event::Segment(segment);
        journal.entries.push(Entry { at, event });
    }
    let drawn = draw(&journal, PLAIN);
    let line = |words: &str| drawn.lines().find(|line| line.contains(words)).unwrap();
    assert!(line("SYN").contains("◀─"), "{drawn}");
    assert!(line("RST").contains("─▶"), "{drawn}");
}

#[test]
fn no_line_is_wider_than_the_terminal_and_ascii_is_ascii() {
    let mut journal = run();
    journal
        .notes
        .push("a long note ".repeat(30).trim().to_string());
    for width in [50, 60, 80, 120, 200] {
        let ascii = Style {
            width,
            ascii: true,
            ..PLAIN
        };
        for style in [Style { width, ..PLAIN }, ascii] {
            let drawn = draw(&journal, style);
            for line in drawn.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert_eq!(line.trim_end(), line);
            }
            assert!(!style.ascii || drawn.is_ascii(), "{drawn}");
        }
    }
}

#[test]
fn color_changes_no_text() {
    let colored = draw(
        &run(),
        Style {
            color: true,
            ..PLAIN
        },
    );
    let mut plain = String::new();
    for (number, part) in colored.split('\x1b').enumerate() {
        plain.push_str(if number == 0 {
            part
        } else {
            part.split_once('m').expect("an end").1
        });
    }
    let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
    let drawn = draw(&run(), PLAIN);
    assert_eq!(trimmed, drawn.lines().collect::<Vec<_>>());
    assert_ne!(colored, drawn);
}

#[test]
fn what_repeats_is_folded_and_counted() {
    let mut journal = run();
    let place = journal.entries.len() - 1;
    for number in 0..1000_u64 {
        let text = format!("{number}");
        let at = 10_000 + number * 10;
        let mut sent = call(2, "sendto", 1, &[], at + 1);
        sent.data = data(true, 100, &text);
        let event = Event::Call(sent);
        journal.entries.insert(place, Entry { at, event });
    }
    let drawn = draw(&journal, PLAIN);
    assert!(drawn.lines().count() < 40, "{drawn}");
    assert!(drawn.contains("⋮ this line, 999 times more"), "{drawn}");
}

#[test]
fn the_middle_of_a_long_picture_is_counted() {
    let mut journal = run();
    let place = journal.entries.len() - 1;
    // Nothing repeats: the names differ.
    for number in 0..1000_u64 {
        let name = format!(
            "call{}",
            "x".repeat(usize::try_from(number % 17).expect("small"))
        );
        let at = 10_000 + number * 10;
        let event = Event::Call(call(2, &name, 1, &[], at + 1));
        let entry = Entry { at, event };
        journal.entries.insert(place, entry);
    }
    let drawn = draw(&journal, PLAIN);
    assert!(drawn.lines().count() < 300, "{drawn}");
    let from = drawn
        .find("what is left out here; client: ")
        .expect("a summary");
    // The next line begins with its time.
    let words = drawn[from..].split_whitespace();
    let summary: Vec<&str> = words.take_while(|word| !word.contains('.')).collect();
    let counted = summary
        .iter()
        .zip(&summary[1..])
        .filter(|(_, word)| word.starts_with("call"))
        .map(|(times, _)| times.parse::<usize>().expect("a number"))
        .sum::<usize>();
    let shown = drawn.lines().filter(|line| {
        let text = line
            .trim_start_matches(|letter: char| " .".contains(letter) || letter.is_ascii_digit());
        text.starts_with("call") && !text.contains(',')
    });
    assert_eq!(counted + shown.count(), 1000, "{drawn}");
}

#[test]
fn what_a_program_says_is_not_folded_unless_it_is_the_same() {
    let mut journal = run();
    for number in 0..20 {
        let text = match number {
            0..10 => "again".to_string(),
            number => "x".repeat(number),
        };
        let (process, stream) = (2, Stream::Stderr);
        let output = Output {
            process,
            stream,
            text,
        };
        let event = Event::Output(output);
        journal.entries.push(Entry { at: 5000, event });
    }
    let drawn = draw(&journal, PLAIN);
    assert_eq!(
        drawn.matches("⋮ this line, 9 times more").count(),
        1,
        "{drawn}"
    );
    assert_eq!(drawn.matches("stderr: \"again\"").count(), 1, "{drawn}");
    for number in 10..20 {
        let text = format!("\"{}\"", "x".repeat(number));
        assert!(drawn.contains(&text), "{drawn}");
    }
}
