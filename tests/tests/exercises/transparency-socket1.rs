//! `socket_1`: a socket, and silence.

use tests::pairing::Language::{self, Python, Rust};

fn says_nothing(language: Language) {
    let finished = language.program("transparency-socket1").run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout, "",
        "the sheet's program prints nothing: {language:?}"
    );
    assert_eq!(finished.stderr, "", "{language:?}");
}

#[test]
fn rust_says_nothing() {
    says_nothing(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_says_nothing() {
    says_nothing(Python);
}

/// Silence alone would also be kept by a program that creates no socket.
#[test]
#[cfg(target_os = "linux")]
fn the_system_is_asked_for_a_socket() {
    let finished = tests::seccomp::run_without_sockets(Rust.program("transparency-socket1"));
    assert_eq!(finished.code, Some(1), "the exit code");
    assert_eq!(finished.stdout, "");
    assert!(
        finished.stderr.starts_with("Error: ") && finished.stderr.contains("Too many open files"),
        "{}",
        finished.stderr
    );
}
