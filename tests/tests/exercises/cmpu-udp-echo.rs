//! UDP echo: datagrams that come back, through a network
//! that loses, repeats, reorders, delays and forges them.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use tests::pairing::Language::{self, Python, Rust};
use tests::pairing::Pairing;
use tests::relay::Direction::{self, ToClient, ToServer};
use tests::relay::{Action, Relay};
use tests::wire::{datagrams, exchange, receive, unused_address};
use tests::{Finished, Program, rust};

const ECHO: Pairing = Pairing {
    server: "cmpu-udp-echo-server",
    server_args: &[],
    opening: "Starting up echo server on localhost port PORT\nWaiting to receive message from client\n",
    server_says: "received 33 bytes from ('127.0.0.1', PORT)\n\
                  Data: Test message. This will be echoed\n\
                  sent 33 bytes back to ('127.0.0.1', PORT)\n\
                  Waiting to receive message from client\n",
    one_shot: false,
    client: "cmpu-udp-echo-client",
    client_args: &[],
    input: "",
    client_says: "Connecting to localhost port PORT\n\
                  Sending Test message. This will be echoed\n\
                  received Test message. This will be echoed\n\
                  Closing connection to the server\n",
};

tests::pairings!(ECHO);

const MESSAGE: &[u8] = b"Test message. This will be echoed";

fn echoed(address: SocketAddr) -> String {
    format!(
        "Connecting to localhost port {}\nSending Test message. This will be echoed\n\
         received Test message. This will be echoed\nClosing connection to the server\n",
        address.port()
    )
}

fn not_echoed(address: SocketAddr) -> String {
    let all = echoed(address);
    all.replace("received Test message. This will be echoed\n", "")
}

/// A client that is quick to send again.
fn impatient(language: Language, address: SocketAddr) -> Program {
    language
        .program("cmpu-udp-echo-client")
        .at(address)
        .args(&["--timeout=0.2"])
}

/// Runs client and server with this network between them. The echo has to come all the same.
fn survives(
    language: Language,
    script: impl FnMut(Direction, usize, &[u8]) -> Action + Send + 'static,
) -> (Finished, Relay) {
    let (_server, address) = language.program("cmpu-udp-echo-server").serve();
    let relay = Relay::start(address, script);
    let finished = impatient(language, relay.address()).run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        echoed(relay.address()),
        "{}",
        finished.stderr
    );
    (finished, relay)
}

fn first_ones(
    way: Direction,
    count: usize,
    action: Action,
) -> impl FnMut(Direction, usize, &[u8]) -> Action + Send {
    move |direction, number, _| {
        if direction == way && number < count {
            action.clone()
        } else {
            Action::Pass
        }
    }
}

#[test]
fn a_lost_message_is_sent_again_and_the_client_says_so() {
    let (finished, relay) = survives(Rust, first_ones(ToServer, 2, Action::Drop));
    assert!(relay.seen(ToServer) >= 3);
    assert!(
        finished
            .stderr
            .starts_with("no echo yet; sending again (try 2 of 5)\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_lost_echo_is_asked_for_again() {
    let (_, relay) = survives(Rust, first_ones(ToClient, 2, Action::Drop));
    assert!(relay.seen(ToServer) >= 3);
}

#[test]
fn a_repeated_message_or_echo_is_shown_once() {
    survives(Rust, first_ones(ToServer, 1, Action::Duplicate));
    survives(Rust, first_ones(ToClient, 1, Action::Duplicate));
}

#[test]
fn a_message_or_echo_that_is_overtaken_does_no_harm() {
    survives(Rust, first_ones(ToServer, 1, Action::Reorder));
    survives(Rust, first_ones(ToClient, 1, Action::Reorder));
}

#[test]
fn a_message_or_echo_that_is_late_does_no_harm() {
    let late = Duration::from_millis(300);
    survives(Rust, first_ones(ToServer, 1, Action::Delay(late)));
    survives(Rust, first_ones(ToClient, 1, Action::Delay(late)));
}

#[test]
fn the_echo_of_another_message_is_not_taken_for_this_ones() {
    let other = Action::Corrupt(b"Another message".to_vec());
    let (finished, _) = survives(Rust, first_ones(ToClient, 1, other));
    assert!(
        finished
            .stderr
            .contains("ignored 15 bytes that are not an echo of the message"),
        "{}",
        finished.stderr
    );
    // A longer one that begins with the message is another one too.
    let longer = Action::Corrupt([MESSAGE, b"!"].concat());
    survives(Rust, first_ones(ToClient, 1, longer));
}

/// The forged datagram is the right echo, byte for byte: only its sender is wrong.
#[test]
fn an_echo_from_a_forged_sender_is_ignored() {
    forged_echoes_are_ignored(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_ignores_an_echo_from_a_forged_sender_too() {
    forged_echoes_are_ignored(Python);
}

fn forged_echoes_are_ignored(language: Language) {
    let (_server, address) = rust("cmpu-udp-echo-server").serve();
    let relay = Relay::start(
        address,
        first_ones(ToClient, usize::MAX, Action::Spoof(MESSAGE.to_vec())),
    );
    let finished = impatient(language, relay.address()).args(&["--tries=2"]);
    let finished = finished.run();
    assert_eq!(finished.code, Some(1), "{language:?}: {}", finished.stdout);
    assert_eq!(
        finished.stdout,
        not_echoed(relay.address()),
        "{language:?}: {}",
        finished.stderr
    );
    assert_eq!(relay.seen(ToClient), 2, "both echoes were forged");
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twins_come_through_the_same_network() {
    for action in [Action::Drop, Action::Duplicate, Action::Reorder] {
        survives(Python, first_ones(ToServer, 1, action.clone()));
        survives(Python, first_ones(ToClient, 1, action));
    }
    let other = Action::Corrupt(b"Another message".to_vec());
    survives(Python, first_ones(ToClient, 1, other));
}

/// Twenty networks at once, each bad in its own way;
/// the seeds make them the same ones in every run.
#[test]
fn in_twenty_storms_each_client_ends_with_its_echo() {
    let (_server, address) = rust("cmpu-udp-echo-server").serve();
    let storms: Vec<_> = (0..20)
        .map(|seed| {
            let relay = Relay::seeded(address, seed);
            let client = impatient(Rust, relay.address()).args(&["--tries=40"]);
            (seed, client.start(), relay)
        })
        .collect();
    for (seed, client, relay) in storms {
        let finished = client.finish();
        assert_eq!(
            finished.stdout,
            echoed(relay.address()),
            "seed {seed}: {}",
            finished.stderr
        );
        assert_eq!(finished.code, Some(0), "seed {seed}");
    }
}

#[test]
fn a_client_that_hears_nothing_gives_up_in_bounded_time() {
    // A socket that nobody reads from: the messages arrive, and no answer and no ICMP comes.
    let silent = datagrams();
    let start = Instant::now();
    let client = rust("cmpu-udp-echo-client").at(silent.local_addr().unwrap());
    let finished = client.args(&["--timeout=0.1", "--tries=3"]).run();
    let elapsed = start.elapsed();
    assert_eq!(finished.code, Some(1), "the exit code");
    let address = silent.local_addr().unwrap();
    assert_eq!(finished.stdout, not_echoed(address));
    let error = format!(
        "no echo yet; sending again (try 2 of 3)\nno echo yet; sending again (try 3 of 3)\n\
         Error: cannot get an echo from {address}: none came (tries: 3)\n\
         hint: is the server running? cargo run -p cmpu-udp-echo-server -- --port {}\n",
        address.port()
    );
    assert_eq!(finished.stderr, error);
    assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    for _ in 0..3 {
        assert_eq!(receive(&silent).0, MESSAGE);
    }
}

/// Wrong answers do not move the time limit: a peer that sends them without end is given up too.
#[test]
fn a_client_that_hears_only_nonsense_gives_up_in_bounded_time() {
    let babbler = datagrams();
    let address = babbler.local_addr().unwrap();
    let client = rust("cmpu-udp-echo-client").at(address);
    let client = client.args(&["--timeout=0.2", "--tries=2"]).start();
    let (_, its_address) = receive(&babbler);
    babbler.connect(its_address).unwrap();
    babbler
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let babbling = thread::spawn(move || {
        // The client's end shows as a refusal (ICMP); where it does not show, this ends by itself.
        for _ in 0..500 {
            let sent = babbler.send(b"nonsense").err();
            let heard = babbler.recv(&mut [0; 64]).err();
            let refused = |error: std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
            if sent.is_some_and(refused) || heard.is_some_and(refused) {
                break;
            }
        }
    });
    let start = Instant::now();
    let finished = client.finish();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert_eq!(finished.stdout, not_echoed(address));
    assert!(
        finished
            .stderr
            .contains("ignored 8 bytes that are not an echo")
    );
    babbling.join().unwrap();
}

#[test]
fn client_learns_from_icmp_that_the_server_is_not_running() {
    let address = unused_address();
    let start = Instant::now();
    let finished = rust("cmpu-udp-echo-client")
        .at(address)
        .args(&["--timeout=20"])
        .run();
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "it waited for its time limit"
    );
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, not_echoed(address));
    let hint = format!(
        "hint: is the server running? cargo run -p cmpu-udp-echo-server -- --port {}\n",
        address.port()
    );
    assert!(finished.stderr.ends_with(&hint), "{}", finished.stderr);
}

#[test]
fn a_message_longer_than_a_datagram_is_refused_before_it_is_sent() {
    let server = datagrams();
    let address = server.local_addr().unwrap();
    let client = |length: usize| {
        let client = rust("cmpu-udp-echo-client").at(address);
        client.args(&["--message", &"x".repeat(length)])
    };
    let finished = client(65_508).run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished
            .stderr
            .starts_with("Error: the message has 65508 bytes\nhint: a datagram carries at most"),
        "{}",
        finished.stderr
    );
    let longest = client(65_507).start();
    let (message, its_address) = receive(&server);
    assert_eq!(message.len(), 65_507);
    server.send_to(&message, its_address).unwrap();
    assert_eq!(longest.finish().code, Some(0));
}

#[test]
fn every_datagram_comes_back_whole_whatever_is_in_it() {
    let (mut server, address) = rust("cmpu-udp-echo-server").serve();
    for message in [
        Vec::new(),
        vec![b'm'; 2000],
        vec![b'm'; 3000],
        vec![0xff; 16],
        vec![b'm'; 65_507],
        b"a\nb\0".to_vec(),
    ] {
        assert!(
            exchange(address, &message) == message,
            "{} bytes",
            message.len()
        );
    }
    assert_eq!(exchange(address, MESSAGE), MESSAGE);
    let _starting = server.line();
    assert_eq!(server.line(), "Waiting to receive message from client");
    assert!(server.line().starts_with("received 0 bytes from "));
    assert_eq!(server.line(), "Data: ");
    assert!(server.line().starts_with("sent 0 bytes back to "));
}

#[test]
fn server_keeps_running_after_clients_that_vanish_before_their_echo() {
    let (_server, address) = rust("cmpu-udp-echo-server").serve();
    for _ in 0..50 {
        let vanished = UdpSocket::bind("127.0.0.1:0").unwrap();
        vanished.send_to(MESSAGE, address).unwrap();
        // Closed here: the echo meets a closed port, and ICMP brings that back to the server.
    }
    assert_eq!(exchange(address, MESSAGE), MESSAGE);
}

#[test]
#[cfg(target_os = "linux")]
fn server_keeps_no_descriptor_of_three_hundred_clients() {
    let (server, address) = rust("cmpu-udp-echo-server").serve();
    exchange(address, b"first");
    let after_one = tests::wire::descriptors(&server).unwrap();
    for client in 0..300 {
        let message = format!("client {client}");
        assert_eq!(exchange(address, message.as_bytes()), message.as_bytes());
    }
    assert_eq!(tests::wire::descriptors(&server).unwrap(), after_one);
}

#[test]
fn server_serves_fifty_clients_that_come_at_once() {
    let (_server, address) = rust("cmpu-udp-echo-server").serve();
    let clients: Vec<_> = (0..50)
        .map(|number| {
            thread::spawn(move || {
                let message = format!("client {number}");
                assert_eq!(exchange(address, message.as_bytes()), message.as_bytes());
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn server_that_was_killed_starts_again_on_its_port_at_once() {
    let (server, address) = rust("cmpu-udp-echo-server").serve();
    assert_eq!(exchange(address, MESSAGE), MESSAGE);
    server.stop();
    let mut again = rust("cmpu-udp-echo-server").at(address).start();
    assert_eq!(again.listening(), address);
    assert_eq!(exchange(address, MESSAGE), MESSAGE);
}

#[test]
fn each_message_is_one_datagram() {
    let (_server, address) = rust("cmpu-udp-echo-server").serve();
    let socket = datagrams();
    for message in ["one", "two", "three"] {
        socket.send_to(message.as_bytes(), address).unwrap();
        // A second datagram for the one before would stand here in its place.
        assert_eq!(receive(&socket), (message.as_bytes().to_vec(), address));
    }

    let server = datagrams();
    let client = rust("cmpu-udp-echo-client").at(server.local_addr().unwrap());
    let client = client.args(&["--timeout=20"]).start();
    let (message, its_address) = receive(&server);
    assert_eq!(message, MESSAGE);
    server.send_to(&message, its_address).unwrap();
    assert_eq!(client.finish().code, Some(0));
    server.set_nonblocking(true).unwrap();
    assert!(
        server.recv(&mut [0; 64]).is_err(),
        "the client sent a second datagram"
    );
}
