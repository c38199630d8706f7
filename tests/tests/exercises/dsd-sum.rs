//! The sum exercise: what is said, what is answered, and what the server survives.

use std::io::Write;
use std::net::Shutdown;

use tests::faults::LongRunningServer;
use tests::pairing::{Language, Pairing};
use tests::wire::{ask, connect, expect, read_to_end, unused_address};
use tests::{Program, python, rust, wire};

const SUM: Pairing = Pairing {
    server: "dsd-sum-server",
    server_args: &[],
    opening: "",
    server_says: "Connected by ('127.0.0.1', PORT)\n",
    one_shot: false,
    client: "dsd-sum-client",
    client_args: &["-"],
    input: "1 2 3 4 5\n0.1 0.2\n-1.50 .25\n1 two 3\n\n \t\n99999999999999999999 1\n",
    client_says: "Server says: 15\nServer says: 0.3\nServer says: -1.25\n\
                  Server says: error: \"two\" is not a number\nServer says: 0\n\
                  Server says: 100000000000000000000\n",
};

tests::pairings!(SUM);

const SERVER: LongRunningServer = LongRunningServer {
    server: "dsd-sum-server",
    args: &[],
    request: b"4 5",
    answer: b"9",
    closes: false,
    half: b"",
    invalid_utf8: (
        b"1 \xff\xfe 2",
        "error: \"\u{fffd}\u{fffd}\" is not a number".as_bytes(),
    ),
    short_queue: false,
    listens: true,
};

tests::faults!(SERVER);

const TOO_LONG: &[u8] = b"error: a request of 1024 bytes or more may be cut short; \
                          exercise 5, with <EOF>, takes messages of any size";

/// The answer to a request, from the Rust server.
fn answer(request: &str, expected: &str) {
    let (_server, address) = rust("dsd-sum-server").serve();
    ask(address, request.as_bytes(), expected.as_bytes());
}

#[test]
fn integers_of_a_thousand_digits_are_added_exactly() {
    answer(
        &format!("{} 1", "9".repeat(1000)),
        &format!("1{}", "0".repeat(1000)),
    );
}

#[test]
fn decimals_are_added_exactly() {
    answer("0.1 0.2", "0.3");
}

#[test]
fn negatives_tabs_and_line_ends_are_understood() {
    answer("-1\t-2\r\n+10\n", "7");
}

#[test]
fn a_word_is_named_and_the_connection_stays_open() {
    let (_server, address) = rust("dsd-sum-server").serve();
    let mut stream = connect(address);
    stream.write_all(b"1 two").unwrap();
    expect(&mut stream, b"error: \"two\" is not a number");
    stream.write_all(b"1 2").unwrap();
    expect(&mut stream, b"3");
}

#[test]
fn a_request_of_white_space_has_the_sum_0() {
    answer(" \n", "0");
}

#[test]
fn a_request_that_fills_the_buffer_is_refused_and_the_rest_is_never_summed() {
    for length in [1024, 1025, 5000, 1024 * 1024] {
        let (_server, address) = rust("dsd-sum-server").serve();
        let mut stream = connect(address);
        stream
            .write_all(&b"1 ".repeat(length / 2 + 1)[..length])
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            read_to_end(&mut stream),
            TOO_LONG,
            "a request of {length} bytes"
        );
    }
    answer(&"1".repeat(1023), &"1".repeat(1023));
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_refuses_a_request_that_fills_the_buffer_likewise() {
    let (_server, address) = python("dsd-sum-server").serve();
    let mut stream = connect(address);
    stream.write_all(&[b'1'; 3000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), TOO_LONG);
}

#[test]
fn server_does_not_wait_for_a_refused_client_that_never_stops_sending() {
    refused_and_sends_on(rust("dsd-sum-server"));
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn the_twin_does_not_wait_for_it_either() {
    refused_and_sends_on(python("dsd-sum-server"));
}

fn refused_and_sends_on(server: Program) {
    let (mut server, address) = server.args(&["--timeout=0.5"]).serve();
    let mut stream = connect(address);
    stream.write_all(&[b'1'; 1024]).expect("the server reads");
    expect(&mut stream, TOO_LONG);
    wire::trickle(stream);
    ask(address, b"1 2", b"3");
    server.error_line_with("closed: the request filled the buffer");
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("dsd-sum-server").serve();
    let mut stream = connect(address);
    for round in 1..=3 {
        stream.write_all(b"1 two").unwrap();
        expect(&mut stream, b"error: \"two\" is not a number");
        assert_eq!(wire::data_segments(&stream), round);
    }

    let (listener, address) = wire::listener();
    let client = rust("dsd-sum-client")
        .at(address)
        .args(&["10", "20", "30"])
        .start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"10 20 30");
    stream.write_all(b"60").unwrap();
    assert_eq!(read_to_end(&mut stream), b"");
    assert_eq!(wire::data_segments(&stream), 1);
    assert_eq!(client.finish().stdout, "Server says: 60\n");
}

#[test]
fn client_says_that_the_server_is_not_running() {
    let address = unused_address();
    let finished = rust("dsd-sum-client").at(address).run();
    assert_eq!(finished.code, Some(1), "the exit code");
    let hint = "hint: is the server running? cargo run -p dsd-sum-server\n";
    assert!(
        finished
            .stderr
            .starts_with(&format!("Error: cannot connect to {address}: "))
    );
    assert!(finished.stderr.ends_with(hint), "{}", finished.stderr);
}

#[test]
fn client_adds_1_to_5_when_it_is_given_no_numbers() {
    let (listener, address) = wire::listener();
    let client = rust("dsd-sum-client").at(address).start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"1 2 3 4 5");
    stream.write_all(b"15").expect("the client reads");
    assert_eq!(client.finish().stdout, "Server says: 15\n");
}

#[test]
fn client_says_that_the_server_left_without_an_answer() {
    let (listener, address) = wire::listener();
    let client = rust("dsd-sum-client").at(address).start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"1 2 3 4 5");
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
fn client_says_what_it_takes_when_a_line_is_not_utf8() {
    let (_server, address) = rust("dsd-sum-server").serve();
    for language in Language::installed() {
        let client = language.program("dsd-sum-client").at(address);
        let finished = client.args(&["-"]).run_with_input(b"1 2\n\xff\n");
        assert_eq!(finished.code, Some(1), "the exit code");
        assert_eq!(finished.stdout, "Server says: 3\n");
        assert_eq!(
            finished.stderr,
            "Error: cannot read a line of stdin: stream did not contain valid UTF-8\n\
             hint: a request is a line of UTF-8 text: numbers and blanks\n",
            "{language:?}"
        );
    }
}
