//! CO223, task 2: the server speaks first, and its close ends the message.

use std::io::Write;

use tests::faults::LongRunningServer;
use tests::pairing::Pairing;
use tests::wire::{connect, read_to_end};
use tests::{rust, wire};

const MESSAGE: Pairing = Pairing {
    server: "co223-task02-server",
    server_args: &["--host=127.0.0.1"],
    opening: "",
    server_says: "Connection from ('127.0.0.1', PORT) has been established.\n",
    one_shot: false,
    client: "co223-task02-client",
    client_args: &["--host=127.0.0.1"],
    input: "",
    client_says: "Welcome to the server!\n",
};

tests::pairings!(MESSAGE);

mod of_another_message {
    use super::*;

    const OTHER: Pairing = Pairing {
        server_args: &["--host=127.0.0.1", "--message=Grüß Gott,\nund willkommen"],
        client_says: "Grüß Gott,\nund willkommen\n",
        ..MESSAGE
    };

    tests::pairings!(OTHER);
}

const SERVER: LongRunningServer = LongRunningServer {
    server: "co223-task02-server",
    args: &["--host=127.0.0.1"],
    request: b"",
    answer: b"Welcome to the server!",
    closes: true,
    half: b"nobody reads this",
    invalid_utf8: (b"", b"Welcome to the server!"),
    short_queue: true,
    listens: false,
};

tests::faults!(SERVER);

#[test]
#[cfg(unix)]
fn the_message_arrives_whole_although_the_client_has_sent_what_is_never_read() {
    // A close over unread bytes would be a reset, and the
    // client's next read an error instead of the end.
    let (mut server, address) = rust("co223-task02-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    // While the server is stopped its system takes connections
    // and bytes, so that they are there at the accept.
    server.pause();
    let mut streams: Vec<_> = (0..5).map(|_| connect(address)).collect();
    for stream in &mut streams {
        stream.write_all(&[0xff; 5000]).unwrap();
    }
    server.resume();
    for stream in &mut streams {
        assert_eq!(read_to_end(stream), b"Welcome to the server!");
        server.line();
    }
}

#[test]
fn a_client_that_stays_does_not_hold_the_next_one() {
    let (_server, address) = rust("co223-task02-server")
        .args(&["--host=127.0.0.1", "--timeout=3600"])
        .serve();
    let stays = connect(address);
    let mut next = connect(address);
    assert_eq!(read_to_end(&mut next), b"Welcome to the server!");
    drop(stays);
}

#[test]
fn a_message_of_a_hundred_thousand_bytes_arrives_whole() {
    let message = "é".repeat(50_000);
    let (_server, address) = rust("co223-task02-server")
        .args(&["--host=127.0.0.1", "--message", &message])
        .serve();
    let client = rust("co223-task02-client")
        .at(address)
        .args(&["--host=127.0.0.1"]);
    let finished = client.run();
    assert!(
        finished.stdout == format!("{message}\n"),
        "{} bytes came",
        finished.stdout.len()
    );
}

#[test]
fn an_empty_message_is_refused_before_the_server_listens() {
    let server = rust("co223-task02-server").args(&["--message=", "--port=0"]);
    let finished = server.run();
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
fn client_puts_together_what_comes_in_pieces() {
    let (listener, address) = wire::listener();
    let client = rust("co223-task02-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = wire::accept(&listener);
    // The pieces are cut inside a character: only the whole can be decoded.
    for byte in "naïve €5".bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    drop(stream);
    assert_eq!(client.finish().stdout, "naïve €5\n");
}

#[test]
fn client_shows_bytes_that_are_no_utf8_as_replacements() {
    let (listener, address) = wire::listener();
    let client = rust("co223-task02-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = wire::accept(&listener);
    stream.write_all(b"a\xffb").unwrap();
    drop(stream);
    assert_eq!(client.finish().stdout, "a\u{fffd}b\n");
}

#[test]
fn client_gives_up_on_a_server_that_never_stops() {
    let (listener, address) = wire::listener();
    let client = rust("co223-task02-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = wire::accept(&listener);
    let piece = vec![b'x'; 1024 * 1024];
    // Ends with the client's reset, or with the time limit that fails the test.
    while let Ok(()) = stream.write_all(&piece) {}
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    let expected = "Error: the message is longer than 67108864 bytes\nhint: ";
    assert!(finished.stderr.starts_with(expected), "{}", finished.stderr);
}

#[test]
fn client_says_that_the_server_left_without_a_message() {
    let (listener, address) = wire::listener();
    let client = rust("co223-task02-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    drop(wire::accept(&listener));
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished.stderr.contains("without a message\nhint: "),
        "{}",
        finished.stderr
    );
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("co223-task02-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    let mut stream = connect(address);
    assert_eq!(read_to_end(&mut stream), b"Welcome to the server!");
    assert_eq!(wire::data_segments(&stream), 1);
}
