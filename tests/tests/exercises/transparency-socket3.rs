//! `socket_3`: from a name to an address, and from an address to a connection.

use tests::pairing::Language::{self, Python, Rust};
use tests::wire::{self, accept, read_to_end, unused_address};

fn connects_and_sends_nothing(language: Language) {
    let (listener, address) = wire::listener();
    let program = language
        .program("transparency-socket3")
        .at(address)
        .args(&["--host", "localhost"])
        .start();
    assert_eq!(read_to_end(&mut accept(&listener)), b"");
    let finished = program.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        "Socket Created\nIp address of localhost is 127.0.0.1\n\
         Socket Connected to localhost on ip 127.0.0.1\n",
        "{language:?}"
    );
}

#[test]
fn rust_connects_and_sends_nothing() {
    connects_and_sends_nothing(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_connects_and_sends_nothing() {
    connects_and_sends_nothing(Python);
}

/// The names below `.invalid` never resolve (RFC 6761), with or without a network.
fn says_that_the_name_does_not_resolve(language: Language) {
    let finished = language
        .program("transparency-socket3")
        .args(&["--host", "no-such-host.invalid"])
        .run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(
        finished.stdout, "Socket Created\nHostname could not be resolved. Exiting\n",
        "{language:?}"
    );
    assert!(
        finished
            .stderr
            .contains("cannot resolve the host name no-such-host.invalid"),
        "{}",
        finished.stderr
    );
}

#[test]
fn rust_says_that_the_name_does_not_resolve() {
    says_that_the_name_does_not_resolve(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_says_that_the_name_does_not_resolve() {
    says_that_the_name_does_not_resolve(Python);
}

#[test]
fn without_a_web_server_the_error_says_how_to_get_one() {
    let address = unused_address();
    let finished = Rust
        .program("transparency-socket3")
        .at(address)
        .args(&["--host=127.0.0.1"])
        .run();
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(
        finished.stdout,
        "Socket Created\nIp address of 127.0.0.1 is 127.0.0.1\n"
    );
    assert!(
        finished
            .stderr
            .starts_with(&format!("Error: cannot connect to {address}: ")),
        "{}",
        finished.stderr
    );
    assert!(
        finished
            .stderr
            .contains("\nhint: is there a web server? cargo lab run transparency-socket3"),
        "{}",
        finished.stderr
    );
}
