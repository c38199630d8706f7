//! The hello exercises: one client and out, two messages, one client after another.

use std::io::Write;
use std::net::Shutdown;
use std::thread;

use tests::faults::LongRunningServer;
use tests::pairing::{Language, Pairing, same_words};
use tests::wire::{ask, connect, expect, read_to_end, reset};
use tests::{rust, wire};

const HELLO: Pairing = Pairing {
    server: "dsd-hello-server",
    server_args: &[],
    opening: "",
    server_says: "Connected by ('127.0.0.1', PORT)\n",
    one_shot: true,
    client: "dsd-hello-client",
    client_args: &[],
    input: "",
    client_says: "Server says: I got \"Hello world\" from you and I am sending it back.\n",
};

tests::pairings!(HELLO);

mod of_exercise_2 {
    use super::*;

    const TWO_MESSAGES: Pairing = Pairing {
        client_args: &["Hello world", "", "Grüß Gott"],
        client_says: "Server says: I got \"Hello world\" from you and I am sending it back.\n\
                      Server says: I got \"Grüß Gott\" from you and I am sending it back.\n",
        ..HELLO
    };

    tests::pairings!(TWO_MESSAGES);
}

mod of_exercise_3 {
    use super::*;

    const FOREVER: Pairing = Pairing {
        server_args: &["--forever"],
        one_shot: false,
        ..HELLO
    };

    tests::pairings!(FOREVER);
}

const SERVER: LongRunningServer = LongRunningServer {
    server: "dsd-hello-server",
    args: &["--forever"],
    request: b"Hello world",
    answer: b"I got \"Hello world\" from you and I am sending it back.",
    closes: false,
    half: b"",
    invalid_utf8: (
        b"a\xffb",
        b"I got \"a\xef\xbf\xbdb\" from you and I am sending it back.",
    ),
    short_queue: false,
    listens: true,
};

tests::faults!(SERVER);

/// What the server makes of one recv.
fn answer(text: &str) -> String {
    format!("I got \"{text}\" from you and I am sending it back.")
}

#[test]
fn without_forever_the_server_ends_with_its_client() {
    let (server, address) = rust("dsd-hello-server").serve();
    ask(address, b"x", answer("x").as_bytes());
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "the exit code");
    assert_eq!(finished.stdout.lines().count(), 1);
}

#[test]
fn without_forever_a_reset_ends_the_server_with_one_line_and_a_hint() {
    for language in Language::installed() {
        let (server, address) = language.program("dsd-hello-server").serve();
        let mut stream = connect(address);
        stream.write_all(b"x").unwrap();
        expect(&mut stream, answer("x").as_bytes());
        reset(stream);
        let finished = server.finish();
        assert_eq!(finished.code, Some(1), "the exit code");
        assert_eq!(
            same_words(&finished.stderr),
            "listening on 127.0.0.1:PORT\n\
             Error: cannot serve ('127.0.0.1', PORT): Connection reset by peer\n\
             hint: the client's terminal may say why",
            "{language:?}"
        );
    }
}

#[test]
fn a_mebibyte_is_answered_a_recv_at_a_time_and_no_byte_of_it_is_lost() {
    let (_server, address) = rust("dsd-hello-server").args(&["--forever"]).serve();
    let message: String = ('a'..='z').cycle().take(1024 * 1024).collect();
    let mut stream = connect(address);
    let mut sender = stream.try_clone().unwrap();
    let sent = message.clone();
    let sending = thread::spawn(move || {
        sender.write_all(sent.as_bytes()).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let answers = String::from_utf8(read_to_end(&mut stream)).unwrap();
    sending.join().unwrap();
    let echoed: String = answers
        .split("I got \"")
        .map(|answer| answer.trim_end_matches("\" from you and I am sending it back."))
        .collect();
    assert!(echoed == message, "{} bytes came back", echoed.len());
    ask(address, b"x", answer("x").as_bytes());
}

#[test]
fn a_character_cut_by_the_buffer_is_answered_with_replacements_not_with_an_end() {
    let (_server, address) = rust("dsd-hello-server").args(&["--forever"]).serve();
    let mut stream = connect(address);
    let text = format!("{}é", "x".repeat(1023));
    stream.write_all(text.as_bytes()).unwrap();
    expect(
        &mut stream,
        answer(&format!("{}\u{fffd}", "x".repeat(1023))).as_bytes(),
    );
    expect(&mut stream, answer("\u{fffd}").as_bytes());
}

#[test]
fn client_waits_for_an_answer_before_it_sends_the_next_message() {
    let (listener, address) = wire::listener();
    let client = rust("dsd-hello-client")
        .at(address)
        .args(&["one", "two"])
        .start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"one");
    // No answer, but the end of our direction: the client
    // gives up, and closes. What it had sent by then is here.
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(client.finish().code, Some(1));
}

#[test]
fn client_stops_at_an_answer_that_fills_its_buffer() {
    let (_server, address) = rust("dsd-hello-server").serve();
    let long = "x".repeat(1000);
    let client = rust("dsd-hello-client").at(address).args(&[&long, "next"]);
    let finished = client.run();
    assert_eq!(finished.code, Some(1), "the exit code");
    let shown = &answer(&long)[..1024];
    assert_eq!(finished.stdout, format!("Server says: {shown}\n"));
    let expected = "Error: an answer of 1024 bytes or more may be cut short\nhint: ";
    assert!(finished.stderr.starts_with(expected), "{}", finished.stderr);
}

#[test]
fn client_says_that_the_server_left_without_an_answer() {
    let (listener, address) = wire::listener();
    let client = rust("dsd-hello-client").at(address).start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"Hello world");
    drop(stream);
    let finished = client.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished.stderr.contains("without an answer\nhint: "),
        "{}",
        finished.stderr
    );
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("dsd-hello-server").serve();
    let mut stream = connect(address);
    for round in 1..=3 {
        stream.write_all(b"Hello").unwrap();
        expect(&mut stream, answer("Hello").as_bytes());
        assert_eq!(wire::data_segments(&stream), round);
    }

    let (listener, address) = wire::listener();
    let client = rust("dsd-hello-client")
        .at(address)
        .args(&["one", "two words"])
        .start();
    let mut stream = wire::accept(&listener);
    for (round, message) in [(1, "one"), (2, "two words")] {
        expect(&mut stream, message.as_bytes());
        assert_eq!(wire::data_segments(&stream), round);
        stream.write_all(b"x").unwrap();
    }
    assert_eq!(client.finish().code, Some(0));
}
