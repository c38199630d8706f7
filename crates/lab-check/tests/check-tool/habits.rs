//! Programs as students write them: what they ask, what they are given, and what they print.

use crate::tool::{Folder, case, code, errors, json, run, text, workspace};

/// A client that connects, does this, and shows what comes back.
fn client(script: &str) -> String {
    format!(
        "import socket, sys\ns = socket.create_connection(('127.0.0.1', 65432))\n{script}\nprint('Received', s.recv(1024))\n"
    )
}

/// Checks a Python program as this side of an exercise; gives the exit code and the result.
fn check(exercise: &str, side: &str, script: &str, arguments: &str) -> (i32, serde_json::Value) {
    let folder = Folder::new("habits");
    let file = folder.write("program.py", script);
    let command = format!("python3 {} {arguments}", file.display());
    let out = run(&[
        "check",
        exercise,
        side,
        command.trim(),
        "--format",
        "json",
        "--limit",
        "600",
    ]);
    (code(&out), json(&out))
}

pub fn a_program_that_asks_gets_what_the_case_would_have_passed() {
    let asks = client("s.sendall(input('Message: ').encode())");
    let waits = client("s.sendall(b'Hello, world')") + "input('press Enter')\n";
    for script in [asks, waits] {
        let (code, result) = check("codio-echo", "--client", &script, "");
        assert_eq!(code, 0, "{script}\n{result}");
    }
    let server = "import socket\nport = int(input('Port number: '))\n\
        s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
        s.bind(('', port)); s.listen(5)\nc, a = s.accept()\nprint('Connected by', a)\n\
        while d := c.recv(1024): c.sendall(d)\n";
    let (code, result) = check("codio-echo", "--server", server, "");
    assert_eq!(case(&result, "whole")["outcome"], "passed", "{result}");
    assert_eq!(case(&result, "restart")["outcome"], "passed", "{result}");
    assert_ne!(code, 3);
}

pub fn a_program_that_asks_what_nobody_knows_is_told_its_question() {
    let script = client("s.sendall(input('Password: ').encode())");
    let (code, result) = check("codio-echo", "--client", &script, "");
    let sends = case(&result, "sends");
    let why = sends["why"].as_str().unwrap_or_default();
    assert_eq!(sends["outcome"], "undecided", "{result}");
    assert!(
        why.contains("waits for the keyboard") && why.contains("\"Password:\""),
        "{why}"
    );
    assert_eq!(code, 2);
    // One message is what the exercise has for it.
    let script = client("while True:\n    s.sendall(input('> ').encode()); print(s.recv(1024))");
    let (code, result) = check("codio-echo", "--client", &script, "");
    let prints = case(&result, "prints");
    let why = prints["why"].as_str().unwrap_or_default();
    assert!(
        why.contains("once more") && why.contains("\">\""),
        "{result}"
    );
    assert_eq!(case(&result, "sends")["outcome"], "passed");
    assert_eq!(code, 2);
}

pub fn what_is_typed_stands_in_the_evidence_and_does_not_count_as_printed() {
    // It shows what it sends, and not what comes back.
    let script = "import socket\nm = input('Message: ')\nprint('Sending', m)\n\
        s = socket.create_connection(('127.0.0.1', 65432))\ns.sendall(m.encode())\ns.recv(1024)\n";
    let (code, result) = check("codio-echo", "--client", script, "");
    let prints = case(&result, "prints");
    assert_eq!(prints["misconception"], "not-printed", "{result}");
    let events = prints["conversation"].to_string();
    assert!(
        events.contains("typed Hello, world, asked \\\"Message:\\\""),
        "{events}"
    );
    assert_eq!(code, 1);
}

pub fn a_message_is_filled_in_where_there_is_one_and_refused_elsewhere() {
    let script = client("s.sendall(sys.argv[1].encode())");
    let (result_code, result) = check("codio-echo", "--client", &script, "{message}");
    assert_eq!(result_code, 0, "{result}");
    for words in [
        ["check", "co223-task01", "--client", "true {message}"],
        ["check", "co223-task02", "--client", "true {message}"],
        [
            "check",
            "transparency-socket6",
            "--client",
            "true {message}",
        ],
        ["check", "cmpu-guess", "--client", "true {message}"],
        ["check", "codio-echo", "--server", "true {port} {message}"],
    ] {
        let out = run(&words);
        let told = errors(&out);
        assert_eq!(code(&out), 3, "{}", text(&out));
        assert!(
            told.contains(words[1]) && told.contains("is given no message"),
            "{told}"
        );
    }
}

pub fn arguments_come_by_position_and_by_option() {
    let parse = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-p', '--port', type=int)\n\
        p.add_argument('host', nargs='?')\np.add_argument('message', nargs='?')\na = p.parse_args()\n\
        import socket\ns = socket.create_connection((a.host or '127.0.0.1', a.port))\n\
        s.sendall((a.message or 'Hello').encode())\nprint(s.recv(1024))\n";
    for arguments in [
        "--port {port}",
        "-p {port}",
        "-p{port} {host}",
        "--port={port} {host} {message}",
    ] {
        let (code, result) = check("codio-echo", "--client", parse, arguments);
        assert_eq!(code, 0, "{arguments}: {result}");
    }
}

pub fn a_line_without_a_flush_counts_in_every_language() {
    // Python's own buffer behind a wrapper that the check does not know: nothing tells it to write
    // at once but its terminal.
    let folder = Folder::new("habits");
    let script = "import socket\ns = socket.create_server(('127.0.0.1', 1234))\n\
        while True:\n    c, a = s.accept()\n    print(f'Connection from {a} has been established.')\n    c.close()\n";
    let file = folder.write("server.py", script);
    let command = format!("env -u PYTHONUNBUFFERED python3 {}", file.display());
    let out = run(&[
        "check",
        "co223-task01",
        "--server",
        &command,
        "--only",
        "whole",
        "--only",
        "goes-on",
    ]);
    assert_eq!(code(&out), 0, "{}", text(&out));
}

pub fn a_server_that_compares_texts_is_told_so_by_whichever_case_meets_it() {
    let file = workspace().join("crates/lab-check/gallery/cmpu-guess/as-text.py");
    let command = format!("python3 {} {{port}}", file.display());
    let cases = ["direction", "each-alone", "every-number"];
    let only = cases.map(|case| ["--only", case]).concat();
    let words = [
        "check",
        "cmpu-guess",
        "--server",
        &command,
        "--format",
        "json",
    ];
    let result = json(&run(&[&words, only.as_slice()].concat()));
    for id in cases {
        assert_eq!(case(&result, id)["misconception"], "guess-text", "{result}");
    }
}

pub fn a_case_that_needs_a_message_of_its_own_is_skipped_without_one_and_counts_nothing() {
    // A client with a message of its own, which its command line may replace.
    let script = "import socket, sys\ns = socket.create_connection(('127.0.0.1', 65432))\n\
        s.sendall((sys.argv[1] if len(sys.argv) > 1 else 'Hello world').encode())\n\
        print('Server says:', s.recv(1024).decode(errors='replace'))\n";
    let network = |result: &serde_json::Value| {
        let points = &result["questions"]["network"]["max_score"];
        points.as_u64().expect("the second question has points")
    };
    let (code, with) = check("dsd-hello", "--client", script, "{message}");
    assert_eq!(code, 0, "{with}");
    assert_eq!(case(&with, "message-characters")["outcome"], "passed");
    let (code, without) = check("dsd-hello", "--client", script, "");
    let characters = case(&without, "message-characters");
    assert_eq!(characters["outcome"], "skipped", "{without}");
    let why = characters["why"].as_str().unwrap_or_default();
    assert!(why.contains("no {message}"), "{characters}");
    assert_eq!(code, 0, "{without}");
    assert_eq!(network(&without) + 1, network(&with), "{without}");
}
