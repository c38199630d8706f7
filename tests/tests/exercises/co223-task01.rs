//! CO223, task 1: a connection, and a line that says so.

use tests::faults::LongRunningServer;
use tests::pairing::Pairing;
use tests::wire::{connect, read_to_end};
use tests::{rust, wire};

const CONNECT: Pairing = Pairing {
    server: "co223-task01-server",
    server_args: &["--host=127.0.0.1"],
    opening: "",
    server_says: "Connection from ('127.0.0.1', PORT) has been established.\n",
    one_shot: false,
    client: "co223-task01-client",
    client_args: &["--host=127.0.0.1"],
    input: "",
    client_says: "",
};

tests::pairings!(CONNECT);

const SERVER: LongRunningServer = LongRunningServer {
    server: "co223-task01-server",
    args: &["--host=127.0.0.1"],
    request: b"",
    answer: b"",
    closes: true,
    half: b"nobody reads this",
    invalid_utf8: (b"", b""),
    short_queue: true,
    listens: false,
};

tests::faults!(SERVER);

#[test]
fn each_line_names_its_own_client() {
    let (mut server, address) = rust("co223-task01-server")
        .args(&["--host=127.0.0.1"])
        .serve();
    for _ in 0..3 {
        let mut stream = connect(address);
        let port = stream.local_addr().unwrap().port();
        let expected = format!("Connection from ('127.0.0.1', {port}) has been established.");
        assert_eq!(server.line(), expected);
        assert_eq!(read_to_end(&mut stream), b"");
    }
}

#[test]
fn client_ends_before_the_server_has_accepted_it() {
    // The listener's system completes the handshake; accept only takes what is complete.
    let (listener, address) = wire::listener();
    let finished = rust("co223-task01-client")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .run();
    assert_eq!(finished.code, Some(0), "the exit code");
    assert_eq!(
        (finished.stdout, finished.stderr),
        (String::new(), String::new())
    );
    assert_eq!(read_to_end(&mut wire::accept(&listener)), b"");
}
