//! The guess game: what is answered, and that no answer is ever taken for another guess's.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use tests::pairing::Language::{self, Python, Rust};
use tests::pairing::Pairing;
use tests::relay::Direction::{self, ToClient, ToServer};
use tests::relay::{Action, Relay};
use tests::wire::{datagrams, exchange, receive, unused_address};
use tests::{Finished, Program, rust};

const GUESS: Pairing = Pairing {
    server: "cmpu-guess-server",
    server_args: &["--secret=42"],
    opening: "",
    server_says: "Guess b'50' from ('127.0.0.1', PORT): LOWER\n\
                  Guess b'25' from ('127.0.0.1', PORT): HIGHER\n\
                  Guess b'a \"word\"' from ('127.0.0.1', PORT): ERROR\n\
                  Guess b'' from ('127.0.0.1', PORT): ERROR\n\
                  Guess b' +42 ' from ('127.0.0.1', PORT): CORRECT\n",
    one_shot: false,
    client: "cmpu-guess-client",
    client_args: &[],
    input: "50\n25\na \"word\"\n\n +42 \n7\n",
    client_says: "LOWER\nHIGHER\nERROR: \"a \"word\"\" is not a whole number\n\
                  ERROR: \"\" is not a whole number\nCORRECT\n",
};

tests::pairings!(GUESS);

fn answers_as_it_should(language: Language) {
    let (_server, address) = language
        .program("cmpu-guess-server")
        .args(&["--secret=42"])
        .serve();
    let long = "9".repeat(5000);
    let below = format!("-{long}");
    let zeros = format!("{}42", "0".repeat(5000));
    let word = "w".repeat(2000);
    let quoted = format!("ERROR: \"{}…\" is not a whole number", "w".repeat(64));
    let cases: [(&[u8], &str); 22] = [
        (b"41", "HIGHER"),
        (b"42", "CORRECT"),
        (b"43", "LOWER"),
        (b"0", "HIGHER"),
        (b"100", "LOWER"),
        (b"+42", "CORRECT"),
        (b"-42", "HIGHER"),
        (b" \t42\r\n", "CORRECT"),
        (b"042", "CORRECT"),
        (long.as_bytes(), "LOWER"),
        (below.as_bytes(), "HIGHER"),
        (zeros.as_bytes(), "CORRECT"),
        (b"", "ERROR: \"\" is not a whole number"),
        (b"abc", "ERROR: \"abc\" is not a whole number"),
        (b"4 2", "ERROR: \"4 2\" is not a whole number"),
        (b"- 42", "ERROR: \"- 42\" is not a whole number"),
        (b"42.0", "ERROR: \"42.0\" is not a whole number"),
        (b"4_2", "ERROR: \"4_2\" is not a whole number"),
        (b"--42", "ERROR: \"--42\" is not a whole number"),
        ("٤٢".as_bytes(), "ERROR: \"٤٢\" is not a whole number"),
        (b"\xff42", "ERROR: \"\u{fffd}42\" is not a whole number"),
        (word.as_bytes(), &quoted),
    ];
    for (guess, answer) in cases {
        let said = exchange(address, guess);
        assert_eq!(
            String::from_utf8_lossy(&said),
            answer,
            "{language:?}: the answer to {:?}",
            String::from_utf8_lossy(guess)
        );
    }
}

#[test]
fn each_guess_has_its_answer() {
    answers_as_it_should(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_has_the_same_answers() {
    answers_as_it_should(Python);
}

/// The number that a server has drawn, found as a player finds it.
fn drawn(address: SocketAddr) -> u32 {
    let (mut low, mut high) = (1, 100);
    loop {
        let guess = u32::midpoint(low, high);
        match exchange(address, guess.to_string().as_bytes()).as_slice() {
            b"HIGHER" => low = guess + 1,
            b"LOWER" => high = guess - 1,
            answer => {
                assert_eq!(answer, b"CORRECT");
                return guess;
            }
        }
        assert!(low <= high, "no number from 1 to 100 fits the answers");
    }
}

/// Twenty servers that all draw the same number: that happens by chance once in 10^38 runs.
#[test]
fn a_new_number_from_1_to_100_is_drawn_at_each_start() {
    let numbers: Vec<u32> = (0..20)
        .map(|_| {
            let (_server, address) = rust("cmpu-guess-server").serve();
            let number = drawn(address);
            assert_eq!(drawn(address), number, "one number for all clients");
            number
        })
        .collect();
    assert!(
        numbers.iter().any(|number| *number != numbers[0]),
        "{numbers:?}"
    );
}

#[test]
fn the_number_can_be_fixed_from_1_to_100_and_no_other() {
    for secret in ["1", "100"] {
        let (_server, address) = rust("cmpu-guess-server")
            .args(&["--secret", secret])
            .serve();
        assert_eq!(exchange(address, secret.as_bytes()), b"CORRECT");
    }
    for secret in ["0", "101", "-1", "x", ""] {
        let finished = rust("cmpu-guess-server")
            .args(&["--port=0", "--secret", secret])
            .run();
        assert_eq!(finished.code, Some(1), "{secret}");
        assert!(
            finished
                .stderr
                .contains("the number to guess is a whole number from 1 to 100"),
            "{}",
            finished.stderr
        );
    }
}

const GUESSES: &[u8] = b"50\n25\n37\n43\n42\n";
const ANSWERS: &str = "LOWER\nHIGHER\nHIGHER\nLOWER\nCORRECT\n";

/// A client that is quick to send again.
fn impatient(language: Language, address: SocketAddr) -> Program {
    language
        .program("cmpu-guess-client")
        .at(address)
        .args(&["--timeout=0.2"])
}

/// Plays a game with this network between client and server.
/// Each guess has to get its own answer all the same.
fn survives(
    language: Language,
    script: impl FnMut(Direction, usize, &[u8]) -> Action + Send + 'static,
) -> (Finished, Relay) {
    let server = language.program("cmpu-guess-server");
    let (_server, address) = server.args(&["--secret=42"]).serve();
    let relay = Relay::start(address, script);
    let finished = impatient(language, relay.address()).run_with_input(GUESSES);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout, ANSWERS,
        "{language:?}: {}",
        finished.stderr
    );
    (finished, relay)
}

/// This action for every second datagram that goes this way.
fn every_second(
    way: Direction,
    action: Action,
) -> impl FnMut(Direction, usize, &[u8]) -> Action + Send {
    move |direction, number, _| {
        if direction == way && number.is_multiple_of(2) {
            action.clone()
        } else {
            Action::Pass
        }
    }
}

fn survives_each_way(language: Language, action: &Action) {
    for way in [ToServer, ToClient] {
        survives(language, every_second(way, action.clone()));
    }
}

#[test]
fn a_lost_guess_is_sent_again_and_the_client_says_so() {
    let (finished, relay) = survives(Rust, every_second(ToServer, Action::Drop));
    assert!(relay.seen(ToServer) >= 10);
    assert!(
        finished
            .stderr
            .starts_with("no answer yet; sending again (try 2 of 5)\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let (_, relay) = survives(Rust, every_second(ToClient, Action::Drop));
    assert!(relay.seen(ToServer) >= 10);
}

/// The second copy of an answer comes when the next guess is already out.
#[test]
fn a_repeated_answer_is_not_taken_for_the_next_guess() {
    survives_each_way(Rust, &Action::Duplicate);
}

/// The first answer is overtaken by that of the second try, and so comes during the next guess.
#[test]
fn an_answer_that_is_overtaken_is_not_taken_for_the_next_guess() {
    survives_each_way(Rust, &Action::Reorder);
}

#[test]
fn an_answer_that_is_late_is_not_taken_for_the_next_guess() {
    survives_each_way(Rust, &Action::Delay(Duration::from_millis(250)));
}

#[test]
fn an_answer_from_a_forged_sender_is_ignored() {
    survives(
        Rust,
        every_second(ToClient, Action::Spoof(b"CORRECT".to_vec())),
    );
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twins_come_through_the_same_network() {
    for action in [
        Action::Drop,
        Action::Duplicate,
        Action::Reorder,
        Action::Delay(Duration::from_millis(250)),
    ] {
        survives_each_way(Python, &action);
    }
    survives(
        Python,
        every_second(ToClient, Action::Spoof(b"CORRECT".to_vec())),
    );
}

/// Ten networks at once, each bad in its own way; the seeds make them the same ones in every run.
#[test]
fn in_ten_storms_each_guess_has_its_own_answer() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    let storms: Vec<_> = (0..10)
        .map(|seed| {
            let relay = Relay::seeded(address, seed);
            let mut client = impatient(Rust, relay.address())
                .args(&["--tries=40"])
                .start();
            client.type_in(GUESSES);
            (seed, client, relay)
        })
        .collect();
    for (seed, client, _relay) in storms {
        let finished = client.finish();
        assert_eq!(finished.stdout, ANSWERS, "seed {seed}: {}", finished.stderr);
        assert_eq!(finished.code, Some(0), "seed {seed}");
    }
}

#[test]
fn each_guess_comes_from_another_port() {
    let server = datagrams();
    let client = rust("cmpu-guess-client").at(server.local_addr().unwrap());
    let mut client = client.args(&["--timeout=20"]).start();
    let mut last = None;
    for guess in ["1", "2", "3", "4", "5"] {
        client.type_in(format!("{guess}\n").as_bytes());
        let (datagram, sender) = receive(&server);
        assert_eq!(datagram, guess.as_bytes());
        assert_ne!(last, Some(sender));
        last = Some(sender);
        server.send_to(b"HIGHER", sender).unwrap();
        // An answer that comes twice meets a closed port.
        let _refused = server.send_to(b"CORRECT", sender);
        assert_eq!(client.line(), "HIGHER");
    }
    assert_eq!(client.finish().code, Some(1));
}

#[test]
fn a_client_that_hears_nothing_gives_up_in_bounded_time() {
    let silent = datagrams();
    let address = silent.local_addr().unwrap();
    let client = rust("cmpu-guess-client").at(address);
    let start = Instant::now();
    let finished = client
        .args(&["--timeout=0.1", "--tries=3"])
        .run_with_input(b"50\n");
    let elapsed = start.elapsed();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    let error = format!(
        "no answer yet; sending again (try 2 of 3)\nno answer yet; sending again (try 3 of 3)\n\
         Error: cannot get an answer from {address}: none came (tries: 3)\n\
         hint: is the server running? cargo run -p cmpu-guess-server -- --port {}\n",
        address.port()
    );
    assert_eq!(finished.stderr, error);
    assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn client_learns_from_icmp_that_the_server_is_not_running() {
    let address = unused_address();
    let start = Instant::now();
    let finished = rust("cmpu-guess-client")
        .at(address)
        .args(&["--timeout=20"])
        .run_with_input(b"50\n");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "it waited for its time limit"
    );
    assert_eq!(finished.code, Some(1), "the exit code");
    let hint = format!(
        "hint: is the server running? cargo run -p cmpu-guess-server -- --port {}\n",
        address.port()
    );
    assert!(finished.stderr.ends_with(&hint), "{}", finished.stderr);
}

#[test]
fn input_that_ends_too_early_is_an_error_and_prompts_are_for_people() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    for (input, answers) in [
        ("", ""),
        ("50\n", "LOWER\n"),
        ("50\r\n7", "LOWER\nHIGHER\n"),
    ] {
        let finished = rust("cmpu-guess-client")
            .at(address)
            .run_with_input(input.as_bytes());
        assert_eq!(finished.code, Some(1), "the exit code: {input:?}");
        assert_eq!(finished.stdout, answers, "{input:?}");
        assert_eq!(
            finished.stderr,
            "Error: the input ended before the number was guessed\n\
             hint: if the server is still running, it has the same number: start this client again and go on\n",
            "{input:?}"
        );
    }
}

#[test]
fn a_guess_that_is_not_utf8_or_too_long_does_not_end_the_game() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    let input = [b"\xff\n".as_slice(), &[b'9'; 65_508], b"\n42\n"].concat();
    let finished = rust("cmpu-guess-client").at(address).run_with_input(&input);
    assert_eq!(
        finished.stdout,
        "ERROR: \"\u{fffd}\" is not a whole number\nCORRECT\n"
    );
    assert_eq!(finished.code, Some(0), "the exit code");
    assert_eq!(
        finished.stderr,
        "skipped this guess: a datagram carries at most 65507 bytes\n"
    );
}

#[test]
fn server_keeps_running_after_any_datagram_and_says_a_line_for_each() {
    let (mut server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    for guess in [&[][..], &[b'7'; 2000], &[0xff; 3], &[b'x'; 65_507], b"a\nb"] {
        exchange(address, guess);
    }
    assert_eq!(exchange(address, b"42"), b"CORRECT");
    let sevens = "7".repeat(64);
    for (quote, verdict) in [
        ("b''", "ERROR"),
        (&*format!("b'{sevens}'"), "LOWER"),
        (r"b'\xff\xff\xff'", "ERROR"),
        (&*format!("b'{}'", "x".repeat(64)), "ERROR"),
        (r"b'a\nb'", "ERROR"),
        ("b'42'", "CORRECT"),
    ] {
        let line = server.line();
        assert!(
            line.starts_with(&format!("Guess {quote} from ('127.0.0.1', ")),
            "{line}"
        );
        assert!(line.ends_with(&format!("): {verdict}")), "{line}");
    }
}

#[test]
fn server_keeps_running_after_clients_that_vanish_before_their_answer() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    for _ in 0..50 {
        let vanished = UdpSocket::bind("127.0.0.1:0").unwrap();
        vanished.send_to(b"50", address).unwrap();
        // Closed here: the answer meets a closed port, and ICMP brings that back to the server.
    }
    assert_eq!(exchange(address, b"42"), b"CORRECT");
}

#[test]
#[cfg(target_os = "linux")]
fn server_keeps_no_descriptor_of_three_hundred_clients() {
    let (server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    exchange(address, b"50");
    let after_one = tests::wire::descriptors(&server).unwrap();
    for _ in 0..300 {
        assert_eq!(exchange(address, b"50"), b"LOWER");
    }
    assert_eq!(tests::wire::descriptors(&server).unwrap(), after_one);
}

#[test]
fn server_serves_fifty_clients_that_come_at_once() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    let clients: Vec<_> = (0..50)
        .map(|number| {
            thread::spawn(move || {
                let guess = format!("{number}");
                let expected = match number {
                    0..42 => "HIGHER",
                    42 => "CORRECT",
                    _ => "LOWER",
                };
                assert_eq!(exchange(address, guess.as_bytes()), expected.as_bytes());
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn server_that_was_killed_starts_again_on_its_port_at_once() {
    let (server, address) = rust("cmpu-guess-server").serve();
    exchange(address, b"50");
    server.stop();
    let mut again = rust("cmpu-guess-server")
        .at(address)
        .args(&["--secret=42"])
        .start();
    assert_eq!(again.listening(), address);
    assert_eq!(exchange(address, b"42"), b"CORRECT");
}

#[test]
fn each_answer_is_one_datagram() {
    let (_server, address) = rust("cmpu-guess-server").args(&["--secret=42"]).serve();
    let socket = datagrams();
    for (guess, answer) in [("50", "LOWER"), ("25", "HIGHER"), ("42", "CORRECT")] {
        socket.send_to(guess.as_bytes(), address).unwrap();
        // A second datagram for the guess before would stand here in its place.
        assert_eq!(receive(&socket), (answer.as_bytes().to_vec(), address));
    }
}
