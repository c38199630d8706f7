//! `socket_2`: a socket, or the reason why there is none.

use tests::pairing::Language::{self, Python, Rust};

fn says_that_it_worked(language: Language) {
    let finished = language.program("transparency-socket2").run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "Socket Created\n", "{language:?}");
}

#[test]
fn rust_says_that_it_worked() {
    says_that_it_worked(Rust);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_says_that_it_worked() {
    says_that_it_worked(Python);
}

#[cfg(target_os = "linux")]
fn says_why_it_failed(language: Language) -> String {
    let program = language.program("transparency-socket2");
    let finished = tests::seccomp::run_without_sockets(program);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let line = "Failed to create socket. Error code: 24 , Error message : Too many open files\n";
    assert_eq!(finished.stdout, line, "{language:?}");
    finished.stderr
}

#[test]
#[cfg(target_os = "linux")]
fn rust_says_why_it_failed() {
    let stderr = says_why_it_failed(Rust);
    assert!(
        stderr.starts_with("Error: cannot create a TCP socket: "),
        "{stderr}"
    );
    assert!(stderr.contains("\nhint: "), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_says_why_it_failed() {
    says_why_it_failed(Python);
}
