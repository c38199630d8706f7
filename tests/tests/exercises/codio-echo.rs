//! The Codio echo: what is said, what comes back, and how both programs end.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

use tests::pairing::{Language, Pairing, same_words};
use tests::wire::{connect, expect, read_to_end, reset};
use tests::{python, rust, wire};

const ECHO: Pairing = Pairing {
    server: "codio-echo-server",
    server_args: &[],
    opening: "",
    server_says: "Connected by ('127.0.0.1', PORT)\n",
    one_shot: true,
    client: "codio-echo-client",
    client_args: &[],
    input: "",
    client_says: "Received b'Hello, world'\n",
};

tests::pairings!(ECHO);

/// Bytes of every value, so that a lost, doubled or changed one shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).expect("below 256"))
        .collect()
}

#[test]
fn everything_comes_back_until_the_client_closes_and_then_the_server_ends() {
    let (server, address) = rust("codio-echo-server").serve();
    let mut stream = connect(address);
    for message in [&b"one"[..], b"\0\xff\r\n", b"three"] {
        stream.write_all(message).unwrap();
        expect(&mut stream, message);
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(server.finish().code, Some(0));
}

#[test]
fn a_mebibyte_comes_back_although_the_server_reads_a_kibibyte_at_a_time() {
    let (server, address) = rust("codio-echo-server").serve();
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
    assert_eq!(server.finish().code, Some(0));
}

#[test]
fn a_reset_ends_the_server_with_one_line_that_names_the_client() {
    for language in Language::installed() {
        let (server, address) = language.program("codio-echo-server").serve();
        let mut stream = connect(address);
        stream.write_all(b"half").unwrap();
        expect(&mut stream, b"half");
        reset(stream);
        let finished = server.finish();
        assert_eq!(finished.code, Some(1), "the exit code");
        assert_eq!(
            same_words(&finished.stderr),
            "listening on 127.0.0.1:PORT\n\
             Error: cannot receive from ('127.0.0.1', PORT): Connection reset by peer\n\
             hint: the other side reset the connection: its terminal may say why",
            "{language:?}"
        );
    }
}

#[test]
fn a_server_that_has_ended_starts_again_on_its_port_at_once() {
    let (server, address) = rust("codio-echo-server").serve();
    let mut stream = connect(address);
    stream.write_all(b"x").unwrap();
    expect(&mut stream, b"x");
    // Killed with a client connected, it is the server's side that stays behind on the port.
    server.stop();
    let mut again = rust("codio-echo-server").at(address).start();
    assert_eq!(again.listening(), address);
}

#[test]
fn client_shows_any_bytes_as_python_does() {
    for (answer, shown) in [
        (&b"it's"[..], "b\"it's\""),
        (b"\xc3\xa9\0\n\\", r"b'\xc3\xa9\x00\n\\'"),
    ] {
        let (listener, address) = wire::listener();
        let mut clients = vec![rust("codio-echo-client")];
        if !cfg!(no_python) {
            clients.push(python("codio-echo-client"));
        }
        for client in clients {
            let client = client.at(address).start();
            let mut stream = wire::accept(&listener);
            expect(&mut stream, b"Hello, world");
            stream.write_all(answer).unwrap();
            assert_eq!(client.finish().stdout, format!("Received {shown}\n"));
        }
    }
}

#[test]
fn client_takes_one_recv_of_at_most_1024_bytes() {
    let (listener, address) = wire::listener();
    let client = rust("codio-echo-client").at(address).start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"Hello, world");
    stream.write_all(&[b'x'; 3000]).unwrap();
    let expected = format!("Received b'{}'\n", "x".repeat(1024));
    assert_eq!(client.finish().stdout, expected);
}

#[test]
fn client_says_that_the_server_left_without_an_answer() {
    let (listener, address) = wire::listener();
    let client = rust("codio-echo-client").at(address).start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"Hello, world");
    drop(stream);
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    assert!(
        finished.stderr.contains("without an answer\nhint: "),
        "{}",
        finished.stderr
    );
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("codio-echo-server").serve();
    let mut stream = connect(address);
    for round in 1..=3 {
        stream.write_all(b"Hello, world").unwrap();
        expect(&mut stream, b"Hello, world");
        assert_eq!(wire::data_segments(&stream), round);
    }

    let (listener, address) = wire::listener();
    let client = rust("codio-echo-client").at(address).start();
    let mut stream = wire::accept(&listener);
    let mut first = [0; 64];
    assert_eq!(stream.read(&mut first).unwrap(), b"Hello, world".len());
    stream.write_all(b"x").unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(wire::data_segments(&stream), 1);
    assert_eq!(client.finish().stdout, "Received b'x'\n");
}
