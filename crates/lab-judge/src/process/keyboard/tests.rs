use super::*;

fn talk(kind: Kind, message: &str) -> Talk {
    Talk::new(Answers {
        kind,
        host: "127.0.0.1".to_string(),
        port: 65432,
        ports: None,
        message: message.to_string(),
        knows_port: false,
        address_only: false,
        log: Log::default(),
    })
}

/// What is typed for a program that prints these texts, each before it reads a line.
fn typed(mut talk: Talk, prints: &[&str], alone: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for printed in prints {
        let asked = Asked {
            prompt: prompt_in(printed),
            printed: (*printed).to_string(),
        };
        let answer = talk.answer(&asked, alone);
        lines.push(match &answer {
            Some(Answer::Line(line)) => line.clone(),
            Some(Answer::End) => "(end)".to_string(),
            None => "(nothing)".to_string(),
        });
        if let Some(answer) = &answer {
            talk.note(answer, asked);
        }
    }
    lines
}

#[test]
fn a_client_is_told_where_to_connect_and_what_to_send() {
    for (prints, lines) in [
        (&["Message: "][..], &["Hello, world"][..]),
        (
            &["Host: ", "Port: ", "Enter message:\n"],
            &["127.0.0.1", "65432", "Hello, world"],
        ),
        (
            &["Server (host:port): ", "> "],
            &["127.0.0.1:65432", "Hello, world"],
        ),
        (&["Connected to the server.\n"], &["Hello, world"]),
        (&["press Enter"], &[""]),
        (&["Name: ", "Message: "], &["Hello, world", "Hello, world"]),
        (
            &[
                "Message (quit to exit): ",
                "Echo: Hello, world\nMessage (quit to exit): ",
            ],
            &["Hello, world", "quit"],
        ),
        // It says so once, before its first question.
        (
            &[
                "Type words, empty line to stop.\nwords: ",
                "Echo: Hello, world\nwords: ",
            ],
            &["Hello, world", ""],
        ),
        // A loop that has no word for its end: what its user would do is not known.
        (
            &["Message: ", "Echo: Hello, world\nMessage: "],
            &["Hello, world", "(nothing)"],
        ),
        // One that reads lines until there are no more.
        (&["", "Hello, world\n"], &["Hello, world", "(end)"]),
        (&["Message: ", "Again? (y/n) "], &["Hello, world", "n"]),
        (&["Password: "], &["(nothing)"]),
        (
            &[
                "1) send\n2) quit\nYour choice: ",
                "Message: ",
                "Hello, world\n1) send\n2) quit\nYour choice: ",
            ],
            &["1", "Hello, world", "2"],
        ),
        // A menu is not left before the message is sent.
        (
            &[
                "1) connect\n2) send\n3) quit\nYour choice: ",
                "Connected.\n1) connect\n2) send\n3) quit\nYour choice: ",
                "Message: ",
                "Hello, world\n1) connect\n2) send\n3) quit\nYour choice: ",
            ],
            &["1", "2", "Hello, world", "3"],
        ),
        (&["Your choice: "], &["(nothing)"]),
    ] {
        assert_eq!(
            typed(talk(Kind::Client, "Hello, world"), prints, true),
            lines,
            "{prints:?}"
        );
    }
}

#[test]
fn numbers_that_are_asked_for_one_by_one_are_typed_one_by_one() {
    let prints = [
        "First number: ",
        "Second number: ",
        "Third number: ",
        "Fourth number: ",
    ];
    assert_eq!(
        typed(talk(Kind::Client, "1 2 3"), &prints, true),
        ["1", "2", "3", "0"]
    );
    let prints = ["Number (q to quit): "; 4];
    assert_eq!(
        typed(talk(Kind::Client, "1 2 3"), &prints, true),
        ["1", "2", "3", "q"]
    );
    assert_eq!(
        typed(talk(Kind::Client, "1 2 3"), &["Enter numbers: "], true),
        ["1 2 3"]
    );
}

#[test]
fn what_comes_after_the_address_is_left_to_the_case() {
    let mut game = talk(Kind::Client, "");
    game.answers.address_only = true;
    let prints = ["Host: ", "Port: ", "Press Enter to start", "Your guess: "];
    assert_eq!(
        typed(game, &prints, true),
        ["127.0.0.1", "65432", "", "(nothing)"]
    );
}

#[test]
fn a_client_without_a_message_gets_the_enter_key() {
    let prints = ["", "Press Enter to close the connection"];
    assert_eq!(typed(talk(Kind::Client, ""), &prints, true), ["", ""]);
}

#[test]
fn a_server_is_told_its_port_and_is_not_told_to_stop() {
    for (prints, lines) in [
        (&["Port number: "][..], &["65432"][..]),
        (&["", ""], &["65432", "(nothing)"]),
        (
            &["Listening on 65432\nPress Enter to stop the server\n"],
            &["(nothing)"],
        ),
        (
            &["IP: ", "Port: ", "Press Enter to start"],
            &["127.0.0.1", "65432", ""],
        ),
    ] {
        assert_eq!(
            typed(talk(Kind::Server, ""), prints, true),
            lines,
            "{prints:?}"
        );
    }
    let mut knows = talk(Kind::Server, "");
    knows.answers.knows_port = true;
    assert_eq!(typed(knows, &["Reply: "], true), ["(nothing)"]);
}

#[test]
fn a_scanner_is_told_its_host_and_ports() {
    let scanner = || {
        let mut scanner = talk(Kind::Program, "");
        scanner.answers.ports = Some((20000, 20100));
        scanner
    };
    for (prints, lines) in [
        (
            &[
                "Enter a remote host to scan: ",
                "Start port: ",
                "End port: ",
            ][..],
            &["127.0.0.1", "20000", "20100"][..],
        ),
        (
            &["Target: ", "Port range (a-b): "],
            &["127.0.0.1", "20000-20100"],
        ),
        (&["", "", ""], &["127.0.0.1", "20000", "20100"]),
    ] {
        assert_eq!(typed(scanner(), prints, true), lines, "{prints:?}");
    }
}

#[test]
fn who_waits_for_the_network_as_well_is_told_its_message_once() {
    let prints = ["Connected.\n", "Received Hello, world\n"];
    assert_eq!(
        typed(talk(Kind::Client, "Hello, world"), &prints, false),
        ["Hello, world", "(nothing)"]
    );
}
