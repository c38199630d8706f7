//! What every lab program does when something is wrong: one line that says what, a hint that says
//! what to do, an exit code that is not 0, and never a panic.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};

use tests::catalog::{Entry, lab_programs, server_of};
use tests::pairing::{Language, same_words, without_ports};
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
fn an_invalid_port_is_named() {
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

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_take_words_before_and_after_options() {
    for entry in of_role("client") {
        if !program(&entry)
            .args(&["--help"])
            .run()
            .stdout
            .contains("...]")
        {
            continue;
        }
        let address = wire::unused_address();
        let said = both_say_the_same("words around an option", &entry, |program| {
            let port = address.port().to_string();
            program
                .args(&["1", "--host=127.0.0.1", "--port", &port, "2"])
                .run()
        });
        // All words were taken, and so it went on to the next step.
        assert!(said.contains("cannot connect to"), "{said}");
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

/// Both languages end the same way: the same exit code, the same transcript, and the same words on
/// stderr. Gives the words.
fn both_say_the_same(what: &str, entry: &Entry, run: impl Fn(Program) -> Finished) -> String {
    let [ours, theirs] = [Language::Rust, Language::Python].map(|language| {
        let finished = run(language.program(&entry.package));
        let words = same_words(&finished.stderr);
        (finished.code, without_ports(&finished.stdout), words)
    });
    assert_eq!(
        ours, theirs,
        "{what}: {} in Rust and in Python",
        entry.package
    );
    ours.2
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_the_same_when_a_name_does_not_resolve() {
    for entry in with_address() {
        let said = both_say_the_same("an unknown name", &entry, |program| {
            let unknown = ["--host=no-such-host.invalid", "--port=4242"];
            program.args(&unknown).run()
        });
        assert!(said.contains("hint: check the spelling"), "{said}");
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_the_same_when_a_server_is_to_listen_on_another_machines_address() {
    for entry in of_role("server") {
        // An address for documentation (RFC 5737): no machine has it.
        let said = both_say_the_same("another machine's address", &entry, |program| {
            program.args(&["--host=192.0.2.1", "--port=4242"]).run()
        });
        assert!(said.contains("hint: this machine has no such"), "{said}");
    }
}

/// The clients that receive over TCP, and whether they send before.
fn tcp_clients() -> Vec<(Entry, bool)> {
    let clients = of_role("client").into_iter().filter_map(|entry| {
        let calls = entry.metadata["calls"].as_array()?;
        let makes = |call: &str| calls.iter().any(|other| other == call);
        // Over UDP a client calls send; over TCP sendall.
        let over_tcp = makes("recv") && !makes("send");
        let sends = makes("sendall");
        over_tcp.then_some((entry, sends))
    });
    clients.collect()
}

/// Runs a client with a server that ends the connection when it has something of the client's
/// message, or at once where the client sends none.
fn with_a_server_that_ends(client: Program, sends: bool, end: impl Fn(TcpStream)) -> Finished {
    let (listener, address) = wire::listener();
    let running = client.at(address).start();
    let mut stream = wire::accept(&listener);
    if sends {
        let count = stream.read(&mut [0; 4096]).expect("the client sends");
        assert_ne!(count, 0, "the client has closed the connection");
    }
    end(stream);
    running.finish()
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_the_same_when_the_server_resets_the_connection() {
    for (entry, sends) in tcp_clients() {
        let said = both_say_the_same("a reset", &entry, |program| {
            with_a_server_that_ends(program, sends, wire::reset)
        });
        assert!(said.contains("Error: cannot receive "), "{said}");
        assert!(said.contains("\nhint: "), "{said}");
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_the_same_when_the_server_closes_without_a_word() {
    for (entry, sends) in tcp_clients() {
        let said = both_say_the_same("no answer", &entry, |program| {
            with_a_server_that_ends(program, sends, drop)
        });
        assert!(said.contains(" closed the connection "), "{said}");
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_the_same_when_no_datagram_is_answered() {
    let has_tries = |entry: &Entry| {
        let help = program(entry).args(&["--help"]).run();
        help.stdout.contains("--tries")
    };
    let mut clients = of_role("client");
    clients.retain(has_tries);
    for entry in &clients {
        let silent = wire::datagrams();
        let address = silent.local_addr().expect("a bound socket has an address");
        let said = both_say_the_same("silence", entry, |program| {
            let client = program.at(address).args(&["--tries=3", "--timeout=0.05"]);
            client.run_with_input(b"50\n")
        });
        assert!(said.contains("sending again (try 3 of 3)"), "{said}");
    }
    // A hand-out has the client of one exercise, and that may speak TCP.
    assert!(!clients.is_empty() || of_role("client").len() < 2);
}

/// Each parser of arguments has its own words, but both refuse the same values for the same reason.
#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_refuse_the_same_values_for_the_same_reason() {
    let port = "a port is a whole number from 0 to 65535";
    let time = "a time is a number of seconds from 0.001 to 86400";
    let tries = "a number of tries must be a whole number, 1 or more";
    let secret = "the number to guess is a whole number from 1 to 100";
    // The first program that has an option is tried with all values, the others with one.
    let mut tried = BTreeSet::new();
    for entry in with_address() {
        let help = program(&entry).args(&["--help"]).run().stdout;
        for (option, values, reason) in [
            ("--port", &["70000", "banana", "-1", ""][..], port),
            ("--timeout", &["0", "soon", "-1", "nan", "86401"], time),
            ("--tries", &["0", "-1", "many"], tries),
            ("--secret", &["101", "0", "many"], secret),
            ("--max-message", &["-1", "many"], "--max-message"),
        ] {
            if !help.contains(&format!("{option} ")) {
                continue;
            }
            let values = match tried.insert(option) {
                true => values,
                false => &values[..1],
            };
            for value in values {
                for language in [Language::Rust, Language::Python] {
                    let word = format!("{option}={value}");
                    let program = language.program(&entry.package);
                    let finished = program.args(&["--port=4242", &word]).run();
                    let name = &entry.package;
                    assert_ne!(finished.code, Some(0), "{language:?} {name} {word}");
                    assert!(
                        finished.stderr.contains(reason),
                        "{language:?} {name} {word}: {}",
                        finished.stderr
                    );
                }
            }
        }
    }
}

#[test]
#[cfg(unix)]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn both_languages_say_nothing_when_ctrl_c_ends_a_server() {
    for entry in of_role("server") {
        for language in [Language::Rust, Language::Python] {
            let program = language.program(&entry.package);
            let (mut server, address) = program.args(&["--host=127.0.0.1"]).serve();
            server.interrupt();
            let finished = server.finish();
            // Ended by the signal, so that a shell sees it. What stdout has by then is a matter of
            // time.
            let name = &entry.package;
            assert_eq!(finished.code, None, "{language:?} {name}");
            assert_eq!(
                finished.stderr,
                format!("listening on {address}\n"),
                "{language:?} {name}"
            );
        }
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_closed_stdout_ends_a_twin_with_an_error() {
    for entry in of_role("server") {
        let twin = python(&entry.package);
        let mut server = twin.args(&["--port=0", "--host=127.0.0.1"]).start_unheard();
        if let Some(address) = server.listening_or_ended() {
            let _held_open = TcpStream::connect(address);
            let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
            datagram.send_to(b"50", address).unwrap();
        }
        let error = one_line_and_a_hint(&entry, &server.finish());
        assert!(error.contains("cannot write to stdout"), "{error}");
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
            let _held_open = TcpStream::connect(address);
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
