//! `socket_5` and `socket_6`: a server that thanks, and its client.

use std::io::Write;

use tests::faults::LongRunningServer;
use tests::pairing::Pairing;
use tests::wire::{self, accept, connect, read_to_end, reset, unused_address};
use tests::{Running, python, rust};

const THANKS: Pairing = Pairing {
    server: "transparency-socket5",
    server_args: &["--host=127.0.0.1"],
    opening: "Socket successfully created\nsocket binded to PORT\nsocket is listening\n",
    server_says: "Got connection from ('127.0.0.1', PORT)\n",
    one_shot: false,
    client: "transparency-socket6",
    client_args: &[],
    input: "",
    client_says: "b'Thank you for connecting'\n",
};

tests::pairings!(THANKS);

const SERVER: LongRunningServer = LongRunningServer {
    server: "transparency-socket5",
    args: &["--host=127.0.0.1"],
    request: b"",
    answer: b"Thank you for connecting",
    closes: true,
    half: b"no server reads this",
    invalid_utf8: (b"\xff\xfe", b"Thank you for connecting"),
    short_queue: true,
    listens: false,
};

tests::faults!(SERVER);

fn serve() -> (Running, std::net::SocketAddr) {
    rust("transparency-socket5")
        .args(&["--host=127.0.0.1"])
        .serve()
}

/// A client that does all it should.
fn good_client(address: std::net::SocketAddr) {
    assert_eq!(
        read_to_end(&mut connect(address)),
        b"Thank you for connecting"
    );
}

#[test]
fn server_listens_on_every_interface_and_says_so() {
    let mut server = rust("transparency-socket5").args(&["--port=0"]).start();
    server.error_line_with("any machine that can reach this one can use this server");
    let address = server.listening();
    assert!(address.ip().is_unspecified(), "{address}");
    good_client(([127, 0, 0, 1], address.port()).into());
}

/// 127.0.0.2 is this machine too, and only a server on
/// every interface has it. (macOS and Windows differ.)
#[test]
#[cfg(target_os = "linux")]
fn server_is_reached_on_another_address_only_if_it_listens_on_every_interface() {
    let (_everywhere, address) = rust("transparency-socket5").serve();
    good_client(([127, 0, 0, 2], address.port()).into());
    let (_here, address) = serve();
    let elsewhere: std::net::SocketAddr = ([127, 0, 0, 2], address.port()).into();
    assert!(std::net::TcpStream::connect(elsewhere).is_err());
}

#[test]
fn thanks_arrive_although_the_client_sent_what_is_never_read() {
    let (_server, address) = serve();
    for length in [1, 5000, 1024 * 1024] {
        let mut stream = connect(address);
        stream.write_all(&vec![0xff; length]).unwrap();
        assert_eq!(
            read_to_end(&mut stream),
            b"Thank you for connecting",
            "after {length} bytes"
        );
    }
    good_client(address);
}

/// The server's wait for its client's end is what a reset can hit for certain.
#[test]
fn server_says_that_a_client_reset() {
    let (mut server, address) = serve();
    let mut stream = connect(address);
    wire::expect(&mut stream, b"Thank you for connecting");
    let client = format!("('127.0.0.1', {}): ", stream.local_addr().unwrap().port());
    reset(stream);
    // A reset before the server's half-close makes that
    // call fail, with ENOTCONN; one after it, the read.
    server.error_line_with(&client);
    good_client(address);
}

#[test]
fn server_waits_no_longer_than_its_time_limit_for_a_client_to_close() {
    let (_server, address) = rust("transparency-socket5")
        .args(&["--host=127.0.0.1", "--timeout=0.1"])
        .serve();
    let mut never_closes = connect(address);
    assert_eq!(read_to_end(&mut never_closes), b"Thank you for connecting");
    good_client(address);
}

#[test]
fn server_does_not_wait_for_a_client_that_never_stops_sending() {
    let (_server, address) = serve();
    wire::trickle(connect(address));
    good_client(address);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_does_not_wait_for_it_either() {
    let (_server, address) = python("transparency-socket5")
        .args(&["--host=127.0.0.1"])
        .serve();
    wire::trickle(connect(address));
    good_client(address);
}

#[test]
#[cfg(target_os = "linux")]
fn the_thanks_are_one_send() {
    let (_server, address) = serve();
    let mut stream = connect(address);
    assert_eq!(read_to_end(&mut stream), b"Thank you for connecting");
    assert_eq!(wire::data_segments(&stream), 1);
}

#[test]
fn client_shows_any_bytes_as_python_does() {
    let (listener, address) = wire::listener();
    let client = rust("transparency-socket6").at(address).start();
    accept(&listener).write_all(b"it's \xff\r\n").unwrap();
    assert_eq!(client.finish().stdout, "b\"it's \\xff\\r\\n\"\n");
}

#[test]
fn client_says_that_the_server_is_not_running() {
    let address = unused_address();
    let finished = rust("transparency-socket6").at(address).run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    assert!(
        finished
            .stderr
            .starts_with(&format!("Error: cannot connect to {address}: "))
    );
    let hint = "hint: is the server running? cargo run -p transparency-socket5\n";
    assert!(finished.stderr.ends_with(hint), "{}", finished.stderr);
}

#[test]
fn client_says_that_the_server_left_without_a_message() {
    let (listener, address) = wire::listener();
    let client = rust("transparency-socket6").at(address).start();
    drop(accept(&listener));
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    assert!(
        finished.stderr.contains("without a message\nhint: "),
        "{}",
        finished.stderr
    );
}
