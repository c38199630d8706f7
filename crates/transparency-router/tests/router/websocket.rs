//! RFC 6455 in raw bytes, on the echo mode of the transport: frames, fragments, control frames
//! between them, reserved bits and opcodes, UTF-8, the close handshake. The cases are those of
//! Autobahn|Testsuite's sections 1 to 7, in brief; the suite itself runs where it is installed
//! (`tests/conformance.rs` of `transparency-service`).

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{PATIENCE, Router, masked_frame};

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// The first byte's highest bit: the message's last frame.
const FIN: u8 = 0x80;

/// What came back: data and pongs, then the close frame's content, if one came.
#[derive(Debug, PartialEq)]
struct Heard {
    frames: Vec<(u8, Vec<u8>)>,
    close: Option<Vec<u8>>,
}

impl Heard {
    fn code(&self) -> Option<u16> {
        let code = self.close.as_ref()?.first_chunk()?;
        Some(u16::from_be_bytes(*code))
    }
}

/// Sends frames on their own connection, in pieces of
/// this size, and hears until the connection ends.
fn talk(router: &Router, frames: &[Vec<u8>], piece: usize) -> Heard {
    let mut socket = TcpStream::connect(router.address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(upgrade.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    // RFC 6455, 1.3 gives this answer to this key.
    let accepted = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=";
    assert!(
        answer.starts_with("http/1.1 101 ") && answer.contains(accepted),
        "{answer}"
    );
    for part in frames.concat().chunks(piece) {
        // What is wrong may be found before all has been sent.
        if socket.write_all(part).is_err() {
            break;
        }
    }
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    heard(&bytes)
}

/// Takes a server's bytes apart: no masks, no fragments,
/// nothing after the close frame, nothing left over.
fn heard(mut bytes: &[u8]) -> Heard {
    let mut take = |count: usize| {
        let (part, rest) = bytes.split_at_checked(count)?;
        bytes = rest;
        Some(part.to_vec())
    };
    let mut heard = Heard {
        frames: Vec::new(),
        close: None,
    };
    while let Some(head) = take(2) {
        assert_eq!(heard.close, None, "something follows the close frame");
        assert_eq!(
            head[0] & 0xf0,
            FIN,
            "a fragment or a reserved bit: {head:02x?}"
        );
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(take(2).unwrap().try_into().unwrap())),
            127 => u64::from_be_bytes(take(8).unwrap().try_into().unwrap()),
            short => short.into(),
        };
        let content = take(usize::try_from(length).unwrap()).expect("a whole frame");
        match head[0] & 0x0f {
            CLOSE => heard.close = Some(content),
            opcode => heard.frames.push((opcode, content)),
        }
    }
    heard
}

fn frame(first: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    masked_frame(first, content.as_ref())
}

fn closing(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason].concat())
}

#[test]
fn good_frames_are_echoed_in_whatever_pieces_they_come() {
    let router = Router::start(&["--echo"]);
    let text = |content: &str| (TEXT, content.as_bytes().to_vec());
    let long = vec![7; 70_000];
    for (frames, expected) in [
        (vec![frame(FIN | TEXT, "")], vec![text("")]),
        (
            vec![frame(FIN | TEXT, "x".repeat(126))],
            vec![text(&"x".repeat(126))],
        ),
        (
            vec![frame(FIN | BINARY, &long)],
            vec![(BINARY, long.clone())],
        ),
        // Fragments, one of them empty, and control frames between them.
        (
            vec![
                frame(TEXT, "frag"),
                frame(FIN | PING, "one"),
                frame(CONTINUATION, ""),
                frame(FIN | PONG, "that nobody asked for"),
                frame(FIN | CONTINUATION, "ment"),
                frame(FIN | PING, ""),
            ],
            vec![
                (PONG, b"one".to_vec()),
                text("fragment"),
                (PONG, Vec::new()),
            ],
        ),
        (
            vec![frame(FIN | PING, [9; 125])],
            vec![(PONG, vec![9; 125])],
        ),
        // A character of three bytes, cut in the middle; one
        // beyond the first plane; no character at all (U+FFFF).
        (
            vec![frame(TEXT, b"\xe2\x82"), frame(FIN | CONTINUATION, b"\xac")],
            vec![text("\u{20ac}")],
        ),
        (
            vec![frame(FIN | TEXT, "\u{1d11e}\u{ffff}")],
            vec![text("\u{1d11e}\u{ffff}")],
        ),
        (
            vec![frame(BINARY, b"\xff"), frame(FIN | CONTINUATION, b"\xfe")],
            vec![(BINARY, b"\xff\xfe".to_vec())],
        ),
    ] {
        let frames = [frames, vec![closing(1000, b"done")]].concat();
        for piece in [1, 7, usize::MAX] {
            let heard = talk(&router, &frames, piece);
            assert_eq!(heard.frames, expected, "in pieces of {piece}");
            assert_eq!(heard.code(), Some(1000));
        }
    }
}

#[test]
fn what_breaks_the_framing_is_closed_with_1002() {
    let router = Router::start(&["--echo"]);
    let mut unmasked = frame(FIN | TEXT, "x");
    unmasked[1] &= 0x7f;
    unmasked.drain(2..6);
    let mut wrong = vec![
        ("no mask", vec![unmasked]),
        ("a long ping", vec![frame(FIN | PING, [0; 126])]),
        ("a fragmented ping", vec![frame(PING, "x")]),
        ("a fragmented close", vec![frame(CLOSE, "")]),
        (
            "a continuation of nothing",
            vec![frame(FIN | CONTINUATION, "x")],
        ),
        (
            "a continuation of what has ended",
            vec![frame(FIN | TEXT, ""), frame(CONTINUATION, "x")],
        ),
        (
            "a message inside another",
            vec![frame(TEXT, "x"), frame(FIN | TEXT, "y")],
        ),
        ("a close of one byte", vec![frame(FIN | CLOSE, "x")]),
    ];
    for bit in [0x40, 0x20, 0x10] {
        wrong.push(("a reserved bit", vec![frame(FIN | bit | TEXT, "x")]));
        wrong.push((
            "a reserved bit of a ping",
            vec![frame(FIN | bit | PING, "x")],
        ));
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        wrong.push(("a reserved opcode", vec![frame(FIN | opcode, "x")]));
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        wrong.push((
            "a close code that may not be sent",
            vec![closing(code, b"")],
        ));
    }
    for (what, frames) in wrong {
        let heard = talk(&router, &frames, usize::MAX);
        assert_eq!(heard.code(), Some(1002), "{what}: {frames:02x?}: {heard:?}");
    }
}

#[test]
fn text_that_is_no_utf8_is_closed_with_1007_as_soon_as_its_frame_shows_it() {
    let router = Router::start(&["--echo"]);
    for content in [
        &b"\xff"[..],
        b"abc\x80",
        // Overlong: a slash in two bytes, and in four.
        b"\xc0\xaf",
        b"\xf0\x80\x80\xaf",
        // A surrogate, and a number beyond U+10FFFF.
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        // Cut in the middle of a character.
        b"\xe2\x82",
    ] {
        let heard = talk(&router, &[frame(FIN | TEXT, content)], usize::MAX);
        assert_eq!(
            (heard.frames.len(), heard.code()),
            (0, Some(1007)),
            "{content:02x?}"
        );
    }
    // The message's end is not waited for.
    let heard = talk(
        &router,
        &[frame(TEXT, "ab"), frame(CONTINUATION, b"\xc0\xaf")],
        usize::MAX,
    );
    assert_eq!(heard.code(), Some(1007));
    let heard = talk(&router, &[closing(1000, b"\xff")], usize::MAX);
    assert_eq!(heard.code(), Some(1007), "{heard:?}");
}

#[test]
fn a_close_is_answered_alike_and_what_follows_it_is_not_heard() {
    let router = Router::start(&["--echo"]);
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        let frames = [
            closing(code, b""),
            frame(FIN | TEXT, "late"),
            frame(FIN | PING, ""),
        ];
        let heard = talk(&router, &frames, usize::MAX);
        assert_eq!((heard.frames.len(), heard.code()), (0, Some(code)));
    }
    let heard = talk(&router, &[frame(FIN | CLOSE, "")], usize::MAX);
    assert_eq!(
        heard.close,
        Some(Vec::new()),
        "without a code as without one"
    );
    let longest = [b'x'; 123];
    let heard = talk(&router, &[closing(1000, &longest)], usize::MAX);
    assert_eq!(heard.code(), Some(1000));
}
