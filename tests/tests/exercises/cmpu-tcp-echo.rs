//! TCP echo: one message a client, and its echo in pieces.

use std::io::Write;
use std::net::{Shutdown, SocketAddr};

use tests::faults::LongRunningServer;
use tests::pairing::Pairing;
use tests::wire::{self, accept, connect, expect, read_to_end, unused_address};
use tests::{python, rust};

const ECHO: Pairing = Pairing {
    server: "cmpu-tcp-echo-server",
    server_args: &[],
    opening: "Starting up echo server on localhost port PORT\nWaiting to receive message from client\n",
    server_says: "Data: Test message. This will be echoed\n\
                  sent Test message. This will be echoed bytes back to ('127.0.0.1', PORT)\n\
                  Waiting to receive message from client\n",
    one_shot: false,
    client: "cmpu-tcp-echo-client",
    client_args: &[],
    input: "",
    client_says: "Connecting to localhost port PORT\n\
                  Sending Test message. This will be echoed\n\
                  Received: Test message. Th\nReceived: is will be echoe\nReceived: d\n\
                  Closing connection to the server\n",
};

tests::pairings!(ECHO);

const SERVER: LongRunningServer = LongRunningServer {
    server: "cmpu-tcp-echo-server",
    args: &[],
    request: b"Test message",
    answer: b"Test message",
    closes: true,
    // Half a message would be a message: TCP marks no end.
    half: b"",
    invalid_utf8: (b"\xff\0\xfe", b"\xff\0\xfe"),
    short_queue: true,
    listens: true,
};

tests::faults!(SERVER);

/// A client that does all it should, with its own message.
fn good_client(address: SocketAddr, message: &[u8]) {
    let mut stream = connect(address);
    stream
        .write_all(message)
        .expect("the server takes the message");
    assert_eq!(read_to_end(&mut stream), message);
}

#[test]
fn the_echo_of_a_message_that_is_too_long_arrives_cut_and_whole() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    for length in [2047, 2048, 2049, 5000, 1024 * 1024] {
        let message = vec![b'm'; length];
        let mut stream = connect(address);
        stream.write_all(&message).unwrap();
        let echo = read_to_end(&mut stream);
        assert_eq!(echo.len(), length.min(2048), "of {length} bytes");
        assert!(message.starts_with(&echo));
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_echoes_a_message_that_is_too_long_likewise() {
    let (_server, address) = python("cmpu-tcp-echo-server").serve();
    let mut stream = connect(address);
    stream.write_all(&[b'm'; 1024 * 1024]).unwrap();
    assert_eq!(read_to_end(&mut stream), [b'm'; 2048]);
}

#[test]
fn server_does_not_wait_for_a_client_that_never_stops_sending() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    wire::trickle(connect(address));
    good_client(address, b"the next");
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_does_not_wait_for_it_either() {
    let (_server, address) = python("cmpu-tcp-echo-server").serve();
    wire::trickle(connect(address));
    good_client(address, b"the next");
}

#[test]
fn bytes_that_are_not_utf8_come_back_unchanged() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    let message: Vec<u8> = (0..=255).collect();
    good_client(address, &message);
    good_client(address, b"\xff");
}

#[test]
fn server_says_that_a_client_left_without_a_message() {
    let (mut server, address) = rust("cmpu-tcp-echo-server").serve();
    drop(connect(address));
    server.error_line_with("closed the connection without a message");
    good_client(address, b"after it");
}

/// Half a message is a message: TCP marks no end. The
/// client that then falls silent holds nobody up.
#[test]
fn server_echoes_half_a_message_and_keeps_running() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    let mut stream = connect(address);
    stream.write_all(b"half a mess").unwrap();
    assert_eq!(read_to_end(&mut stream), b"half a mess");
    good_client(address, b"after it");
}

#[test]
fn a_client_that_closes_its_side_at_once_still_gets_its_echo() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    let mut stream = connect(address);
    stream.write_all(b"all I have to say").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), b"all I have to say");
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("cmpu-tcp-echo-server").serve();
    let mut stream = connect(address);
    stream.write_all(&[b'm'; 2000]).unwrap();
    assert_eq!(read_to_end(&mut stream), [b'm'; 2000]);
    assert_eq!(wire::data_segments(&stream), 1);

    let (listener, address) = wire::listener();
    let client = rust("cmpu-tcp-echo-client").at(address).start();
    let mut stream = accept(&listener);
    expect(&mut stream, b"Test message. This will be echoed");
    stream
        .write_all(b"Test message. This will be echoed")
        .unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(wire::data_segments(&stream), 1);
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn client_receives_an_echo_that_comes_byte_by_byte() {
    let (listener, address) = wire::listener();
    let client = rust("cmpu-tcp-echo-client")
        .at(address)
        .args(&["--message=abc"]);
    let mut client = client.start();
    let mut stream = accept(&listener);
    expect(&mut stream, b"abc");
    for _ in 0..2 {
        client.line();
    }
    for byte in ["a", "b", "c"] {
        stream.write_all(byte.as_bytes()).unwrap();
        // Its line proves that the byte has been received before the next is sent.
        assert_eq!(client.line(), format!("Received: {byte}"));
    }
    assert_eq!(client.line(), "Closing connection to the server");
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn client_says_how_much_was_missing_when_the_server_left() {
    let (listener, address) = wire::listener();
    let client = rust("cmpu-tcp-echo-client").at(address).start();
    let mut stream = accept(&listener);
    expect(&mut stream, b"Test message. This will be echoed");
    stream.write_all(b"Test").unwrap();
    drop(stream);
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished
            .stdout
            .ends_with("\nReceived: Test\nClosing connection to the server\n"),
        "{}",
        finished.stdout
    );
    assert!(
        finished
            .stderr
            .starts_with("Error: the server closed the connection after 4 of 33 bytes\nhint: "),
        "{}",
        finished.stderr
    );
}

#[test]
fn client_says_that_the_server_is_not_running() {
    let address = unused_address();
    let finished = rust("cmpu-tcp-echo-client").at(address).run();
    assert_eq!(finished.code, Some(1), "the exit code");
    let port = address.port();
    assert_eq!(
        finished.stdout,
        format!("Connecting to localhost port {port}\n")
    );
    let hint = format!(
        "hint: is the server running? cargo run -p cmpu-tcp-echo-server -- --port {port}\n"
    );
    assert!(finished.stderr.ends_with(&hint), "{}", finished.stderr);
}

#[test]
fn the_port_has_to_be_given() {
    for package in ["cmpu-tcp-echo-server", "cmpu-tcp-echo-client"] {
        let finished = rust(package).run();
        assert_eq!(finished.code, Some(1), "{package}");
        assert!(
            finished.stderr.contains("--port"),
            "{package}: {}",
            finished.stderr
        );
    }
}
