//! What every lab program does when something is wrong: one line that says what, a hint that says
//! what to do, an exit code that is not 0, and never a panic.

use std::net::{TcpListener, UdpSocket};

use tests::catalog::{Entry, lab_programs, server_of};
use tests::{Finished, Program, python, rust, wire};

/// The program with the arguments it cannot do without, but for the port.
fn program(entry: &Entry) -> Program {
    rust(&entry.package)
}

/// Programs with an address: all but those that only create a socket.
fn with_address() -> Vec<Entry> {
    let mut entries = lab_programs();
    entries.retain(|entry| {
        program(entry)
            .args(&["--help"])
            .run()
            .stdout
            .contains("--port")
    });
    entries
}

fn of_role(role: &str) -> Vec<Entry> {
    let mut entries = with_address();
    entries.retain(|entry| entry.role == role);
    entries
}

/// Checks the form that every error has, and gives its first line.
fn one_line_and_a_hint(entry: &Entry, finished: &Finished) -> String {
    let name = &entry.package;
    let stderr = &finished.stderr;
    assert_eq!(
        finished.code,
        Some(1),
        "{name}: exit code; stderr: {stderr}"
    );
    assert!(!stderr.contains("panicked"), "{name} panicked: {stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    let [.., error, hint] = lines[..] else {
        panic!("{name}: no line and hint in {stderr:?}")
    };
    assert!(
        error.starts_with("Error: "),
        "{name}: no error line in {stderr:?}"
    );
    assert!(hint.starts_with("hint: "), "{name}: no hint in {stderr:?}");
    error.to_string()
}

#[test]
fn a_port_that_is_none_is_named() {
    for entry in with_address() {
        for port in ["banana", "70000", "-1", ""] {
            let finished = program(&entry).args(&["--port", port]).run();
            let error = one_line_and_a_hint(&entry, &finished);
            assert!(
                error.contains("a port is a whole number from 0 to 65535"),
                "{error}"
            );
            assert_eq!(finished.stdout, "", "{}", entry.package);
        }
    }
}

#[test]
fn an_unknown_flag_is_named() {
    for entry in lab_programs() {
        let finished = program(&entry).args(&["--bogus"]).run();
        let error = one_line_and_a_hint(&entry, &finished);
        assert!(error.contains("--bogus"), "{}: {error}", entry.package);
    }
}

#[test]
fn help_goes_to_stdout_and_shows_an_example() {
    for entry in lab_programs() {
        let finished = program(&entry).args(&["--help"]).run();
        assert_eq!(finished.code, Some(0), "{}", entry.package);
        assert!(
            finished.stdout.contains("Example"),
            "{}: {}",
            entry.package,
            finished.stdout
        );
    }
}

#[test]
fn a_port_may_be_given_with_an_equals_sign() {
    // Port 0 of a client is an address where nobody can
    // listen, so the program ends, but not over its arguments.
    for entry in of_role("client") {
        let stderr = program(&entry)
            .args(&["--port=0"])
            .run_with_input(b"50\n")
            .stderr;
        assert!(!stderr.contains("rguments"), "{}: {stderr}", entry.package);
        assert!(
            !stderr.contains("Unrecognized"),
            "{}: {stderr}",
            entry.package
        );
    }
    for entry in of_role("server") {
        let (_running, address) = program(&entry).serve();
        assert_ne!(address.port(), 0, "{}", entry.package);
    }
}

#[test]
fn a_client_says_that_nothing_listens_and_how_to_start_the_server() {
    let entries = lab_programs();
    for entry in of_role("client") {
        let server = server_of(&entry, &entries).expect("a client has a server");
        let address = wire::unused_address();
        let finished = program(&entry).at(address).run_with_input(b"50\n");
        let error = one_line_and_a_hint(&entry, &finished);
        assert!(
            error.contains(&address.port().to_string()),
            "{}: {error}",
            entry.package
        );
        let command = format!("cargo run -p {}", server.package);
        assert!(
            finished.stderr.contains(&command),
            "{}: {}",
            entry.package,
            finished.stderr
        );
    }
}

/// A TCP and a UDP socket on one port.
fn both_kinds() -> (TcpListener, UdpSocket) {
    for _ in 0..100 {
        let (tcp, address) = wire::listener();
        if let Ok(udp) = UdpSocket::bind(address) {
            return (tcp, udp);
        }
    }
    panic!("no port is free for both TCP and UDP");
}

#[test]
fn a_server_names_the_port_that_is_in_use_and_says_who_may_hold_it() {
    for entry in of_role("server") {
        let (_tcp, udp) = both_kinds();
        let address = udp.local_addr().unwrap();
        let port = format!("--port={}", address.port());
        let server = program(&entry).args(&[&port, "--host=127.0.0.1"]);
        let finished = server.run();
        let error = one_line_and_a_hint(&entry, &finished);
        assert!(
            error.contains(&address.port().to_string()),
            "{}: {error}",
            entry.package
        );
        let hint =
            "is another program using this port, perhaps the same server in another terminal?";
        assert!(
            finished.stderr.contains(hint),
            "{}: {}",
            entry.package,
            finished.stderr
        );
    }
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    for entry in with_address() {
        let name = "no-such-host.invalid";
        let host = format!("--host={name}");
        let finished = program(&entry)
            .args(&[&host, "--port=4242"])
            .run_with_input(b"50\n");
        let error = one_line_and_a_hint(&entry, &finished);
        assert!(error.contains(name), "{}: {error}", entry.package);
    }
}

/// A twin's error is one line too: no traceback.
fn one_line_of_a_twin(entry: &Entry, finished: &Finished) -> String {
    let (name, stderr) = (&entry.package, &finished.stderr);
    assert_eq!(finished.code, Some(1), "{name}: {stderr}");
    assert!(!stderr.contains("Traceback"), "{name}: {stderr}");
    let errors: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("Error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{name}: {stderr}");
    errors[0].to_string()
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_twin_says_in_one_line_that_a_name_does_not_resolve() {
    for entry in with_address() {
        let twin = python(&entry.package).args(&["--host=no-such-host.invalid", "--port=4242"]);
        one_line_of_a_twin(&entry, &twin.run());
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_twin_says_in_one_line_that_its_server_has_reset_the_connection() {
    let calls = |entry: &Entry, call: &str| {
        let calls = entry.metadata["calls"].as_array();
        calls.is_some_and(|calls| calls.iter().any(|other| other == call))
    };
    let mut clients = of_role("client");
    // Over UDP a client calls send; over TCP sendall.
    clients.retain(|entry| calls(entry, "recv") && !calls(entry, "send"));
    for entry in clients {
        let (listener, address) = wire::listener();
        let twin = python(&entry.package).at(address).start();
        wire::reset(wire::accept(&listener));
        let error = one_line_of_a_twin(&entry, &twin.finish());
        let words = ["Connection reset by peer", "Broken pipe"];
        assert!(words.iter().any(|words| error.contains(words)), "{error}");
    }
}

#[test]
fn a_closed_stdout_ends_a_server_with_an_error() {
    for entry in of_role("server") {
        let mut server = program(&entry)
            .args(&["--port=0", "--host=127.0.0.1"])
            .start_unheard();
        // A server that prints at its start may end before it listens.
        if let Some(address) = server.listening_or_ended() {
            let _held_open = std::net::TcpStream::connect(address);
            let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
            datagram.send_to(b"50", address).unwrap();
        }
        let error = one_line_and_a_hint(&entry, &server.finish());
        assert!(
            error.contains("cannot write to stdout"),
            "{}: {error}",
            entry.package
        );
    }
}

#[test]
fn a_closed_stdout_ends_a_client_with_an_error() {
    let entries = lab_programs();
    for entry in of_role("client") {
        let server = server_of(&entry, &entries).expect("a client has a server");
        let (_server, address) = rust(&server.package).args(&["--host=127.0.0.1"]).serve();
        let client = || program(&entry).at(address).args(&["--host=127.0.0.1"]);
        let mut unheard = client().start_unheard();
        unheard.type_in(b"50\n");
        let finished = unheard.finish();
        if finished.code == Some(0) {
            // It has nothing to say: then it says nothing to those who listen, either.
            assert_eq!(client().run().stdout, "", "{}", entry.package);
        } else {
            let error = one_line_and_a_hint(&entry, &finished);
            assert!(
                error.contains("cannot write to stdout"),
                "{}: {error}",
                entry.package
            );
        }
    }
}
