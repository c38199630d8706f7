//! CO223, task 3: an echo for one client after another.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;

use tests::faults::LongRunningServer;
use tests::pairing::{Language, Pairing};
use tests::wire::{ask, connect, expect, read_to_end};
use tests::{rust, wire};

const ECHO: Pairing = Pairing {
    server: "co223-task03-server",
    server_args: &["--host=127.0.0.1"],
    opening: "",
    server_says: "Connection from ('127.0.0.1', PORT) has been established.\n",
    one_shot: false,
    client: "co223-task03-client",
    client_args: &["--host=127.0.0.1"],
    input: "",
    client_says: "Hello, server!\n",
};

tests::pairings!(ECHO);

mod of_another_message {
    use super::*;

    const OTHER: Pairing = Pairing {
        client_args: &["--host=127.0.0.1", "Grüß Gott, 世界"],
        client_says: "Grüß Gott, 世界\n",
        ..ECHO
    };

    tests::pairings!(OTHER);
}

const SERVER: LongRunningServer = LongRunningServer {
    server: "co223-task03-server",
    args: &["--host=127.0.0.1"],
    request: b"Hello, server!",
    answer: b"Hello, server!",
    closes: false,
    half: b"",
    invalid_utf8: (b"\xff\0\xfe", b"\xff\0\xfe"),
    short_queue: true,
    listens: true,
};

tests::faults!(SERVER);

/// Bytes of every value, so that a lost, doubled or changed one shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).expect("below 256"))
        .collect()
}

#[test]
fn a_mebibyte_comes_back_although_the_server_reads_a_kibibyte_at_a_time() {
    let (_server, address) = rust("co223-task03-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    let message = pattern(1024 * 1024);
    let mut stream = connect(address);
    let mut sender = stream.try_clone().unwrap();
    let sent = message.clone();
    let sending = thread::spawn(move || {
        sender.write_all(&sent).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    assert!(
        read_to_end(&mut stream) == message,
        "the echo is not the message"
    );
    sending.join().unwrap();
    ask(address, b"next", b"next");
}

/// A client that sends and never reads fills the buffers
/// of both systems; then the server's send waits.
fn gives_up_a_client_that_never_reads(language: Language) {
    let (mut server, address) = language
        .program("co223-task03-server")
        .args(&["--host=127.0.0.1", "--timeout=0.2"])
        .serve();
    let mut greedy = connect(address);
    let piece = vec![b'x'; 1024 * 1024];
    let error = loop {
        if let Err(error) = greedy.write_all(&piece) {
            break error;
        }
    };
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    server.error_line_with("timed out");
    ask(address, b"next", b"next");
}

#[test]
fn server_gives_up_on_a_client_that_never_reads() {
    gives_up_a_client_that_never_reads(Language::Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_gives_up_a_client_that_never_reads() {
    gives_up_a_client_that_never_reads(Language::Python);
}

#[test]
fn the_echo_of_a_half_closed_client_is_complete() {
    let (_server, address) = rust("co223-task03-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    let mut stream = connect(address);
    stream.write_all(b"last words").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), b"last words");
}

#[test]
fn client_waits_until_all_of_its_message_is_back() {
    let message = "é".repeat(50_000);
    let (_server, address) = rust("co223-task03-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    let client = rust("co223-task03-client")
        .at(address)
        .args(&["--host=127.0.0.1", &message]);
    let finished = client.run();
    assert!(
        finished.stdout == format!("{message}\n"),
        "{} bytes came back",
        finished.stdout.len()
    );
}

#[test]
fn client_says_how_much_came_back_when_the_server_leaves() {
    let (listener, address) = wire::listener();
    let client = rust("co223-task03-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"Hello, server!");
    stream.write_all(b"Hello").unwrap();
    drop(stream);
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    let expected = "Error: the server closed the connection after 5 of 14 bytes\nhint: ";
    assert!(finished.stderr.starts_with(expected), "{}", finished.stderr);
}

#[test]
fn an_empty_message_is_refused_before_anything_is_sent() {
    let finished = rust("co223-task03-client")
        .at(wire::unused_address())
        .args(&[""])
        .run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished
            .stderr
            .starts_with("Error: the message is empty\nhint: "),
        "{}",
        finished.stderr
    );
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("co223-task03-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    let mut stream = connect(address);
    for round in 1..=3 {
        stream.write_all(b"Hello, server!").unwrap();
        expect(&mut stream, b"Hello, server!");
        assert_eq!(wire::data_segments(&stream), round);
    }

    let (listener, address) = wire::listener();
    let client = rust("co223-task03-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = wire::accept(&listener);
    let mut message = [0; 64];
    let count = stream.read(&mut message).unwrap();
    stream.write_all(&message[..count]).unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(wire::data_segments(&stream), 1);
    assert_eq!(client.finish().stdout, "Hello, server!\n");
}
