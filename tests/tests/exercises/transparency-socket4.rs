//! `socket_4`: a request in HTTP, and what one recv brings of the reply.

use std::io::Write;

use tests::pairing::Language::{self, Python, Rust};
use tests::wire::{self, accept, expect, unused_address};
use tests::{Finished, Running};

/// Starts the program, takes its request, and gives it a reply.
fn reply_with(language: Language, reply: &[u8]) -> Finished {
    let (listener, address) = wire::listener();
    let program: Running = language
        .program("transparency-socket4")
        .at(address)
        .args(&["--host", "localhost"])
        .start();
    let mut stream = accept(&listener);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
        address.port()
    );
    expect(&mut stream, request.as_bytes());
    #[cfg(target_os = "linux")]
    assert_eq!(
        wire::data_segments(&stream),
        1,
        "one message is one send: {language:?}"
    );
    stream
        .write_all(reply)
        .expect("the program takes the reply");
    drop(stream);
    program.finish()
}

const BEFORE_THE_REPLY: &str = "Socket Created\nSocket Connected to localhost on ip 127.0.0.1\n\
                                Message send successfully\n";

fn shows_the_reply_as_python_shows_bytes(language: Language) {
    let finished = reply_with(
        language,
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nit's \xff\n",
    );
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        format!(
            "{BEFORE_THE_REPLY}{}\n",
            r#"b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nit's \xff\n""#
        ),
        "{language:?}"
    );
}

#[test]
fn rust_shows_the_reply_as_python_shows_bytes() {
    shows_the_reply_as_python_shows_bytes(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_shows_the_reply_as_python_shows_bytes() {
    shows_the_reply_as_python_shows_bytes(Python);
}

#[test]
fn one_recv_brings_at_most_4096_bytes_of_the_reply() {
    let finished = reply_with(Rust, &[b'x'; 5000]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        format!("{BEFORE_THE_REPLY}b'{}'\n", "x".repeat(4096))
    );
}

fn says_that_no_reply_came(language: Language) {
    let finished = reply_with(language, b"");
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, BEFORE_THE_REPLY, "{language:?}");
    assert!(
        finished
            .stderr
            .contains("closed the connection without a reply\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn rust_says_that_no_reply_came() {
    says_that_no_reply_came(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_says_that_no_reply_came() {
    says_that_no_reply_came(Python);
}

#[test]
fn a_web_server_that_resets_is_an_error() {
    let (listener, address) = wire::listener();
    let program = Rust
        .program("transparency-socket4")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .start();
    let mut stream = accept(&listener);
    expect(&mut stream, b"GET / ");
    wire::reset(stream);
    let finished = program.finish();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished.stderr.starts_with("Error: "),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("\nhint: "), "{}", finished.stderr);
}

/// The names below `.invalid` never resolve (RFC 6761), with or without a network.
#[test]
fn a_name_that_does_not_resolve_is_said_on_stdout_too() {
    let finished = Rust
        .program("transparency-socket4")
        .args(&["--host", "no-such-host.invalid"])
        .run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(
        finished.stdout,
        "Socket Created\nHostname could not be resolved. Exiting\n"
    );
}

#[test]
fn without_a_web_server_the_error_says_how_to_get_one() {
    let address = unused_address();
    let finished = Rust
        .program("transparency-socket4")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "Socket Created\n");
    assert!(
        finished
            .stderr
            .contains("\nhint: is there a web server? cargo lab run transparency-socket4"),
        "{}",
        finished.stderr
    );
}
