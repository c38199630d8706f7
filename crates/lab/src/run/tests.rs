use super::stage::listening;
use super::*;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_string).collect()
}

fn program(args: &str) -> Program {
    Program {
        package: "p".to_string(),
        folder: "crates/p".to_string(),
        sheet: "s".to_string(),
        exercise: "e".to_string(),
        title: "t".to_string(),
        order: 1,
        role: lab_core::catalog::Role::Client,
        python: "p.py".to_string(),
        teaches: "t".to_string(),
        calls: Vec::new(),
        args: words(args),
        one_shot: false,
        interactive: false,
        needs_web_server: false,
    }
}

fn line(args: &str, host: Option<&str>, port: Option<u16>, said: &str) -> String {
    arguments(&program(args), host, port, &words(said)).join(" ")
}

#[test]
fn the_port_of_the_command_line_wins_over_the_manifests() {
    assert_eq!(line("--port 9900", None, None, ""), "--port 9900");
    assert_eq!(line("--port 9900", None, Some(1), ""), "--port 1");
    assert_eq!(
        line("--port 9900 --fast x", None, Some(1), ""),
        "--fast x --port 1"
    );
    assert_eq!(line("", Some("h"), Some(1), "a b"), "--host h --port 1 a b");
}

#[test]
fn the_users_words_win_over_both() {
    assert_eq!(
        line("--port 9900", None, Some(1), "--port=2 x"),
        "--port=2 x"
    );
    assert_eq!(line("--port 9900", None, None, "--port 2"), "--port 2");
    assert_eq!(
        line("--port 9900", None, None, "-- --port"),
        "--port 9900 -- --port"
    );
}

#[test]
fn the_ready_line_counts_when_it_is_whole() {
    let address = |says: &str| listening(says.as_bytes()).map(|address| address.to_string());
    assert_eq!(address("listening on 127.0.0.1:65432"), None);
    assert_eq!(
        address("note\nlistening on 127.0.0.1:65432\n").as_deref(),
        Some("127.0.0.1:65432")
    );
    assert_eq!(
        address("listening on 0.0.0.0:80\r\n").as_deref(),
        Some("0.0.0.0:80")
    );
    assert_eq!(
        address("not listening on 127.0.0.1:1\nlistening on it\n"),
        None
    );
}

#[cfg(unix)]
#[test]
fn a_signals_exit_code_is_the_shells() {
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
    assert_eq!(describe(ExitStatus::from_raw(9)), "signal 9");
    assert_eq!(exit_code(ExitStatus::from_raw(2 << 8)), 2);
    assert_eq!(describe(ExitStatus::from_raw(2 << 8)), "exit code 2");
}
