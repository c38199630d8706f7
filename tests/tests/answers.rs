//! The answers in the exercises' READMEs: the commands that they show are run, and print what they
//! show.
//!
//! Each answer, a `<details>` element, is run in a private network, where the sheets' ports are
//! free. Each console block in it is a terminal:
//!
//! - The blocks are started from the top, each once the one above has ended or listens.
//! - The last one runs to its end. A server above it is stopped when it has printed what is shown.
//! - `…` in a line stands for any text, and `…` alone for any lines. The ports that the system
//!   chooses may differ.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tests::binaries::workspace;
use tests::catalog::entries;
use tests::pairing::without_ports;
use tests::{Program, Running, network, rust};

/// What a terminal's shell knows before its first command: one stream for all output, Python that
/// prints each line at once, and `cargo run -p NAME` without a build.
const SHELL: &str = r#"
exec 2>&1
export PYTHONUNBUFFERED=1
cargo() {
    shift 2
    local program="$BINARIES/$1"
    shift
    [ "$1" != -- ] || shift
    "$program" "$@"
}
"#;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // Before the first thread starts: the system asks for that.
    let _machines_network = lab_netns::enter_user_namespace();
    let mut trials = vec![
        Trial::test("answers_are_found_with_their_terminals", found),
        Trial::test("what_differs_is_found", differences),
    ];
    // A hand-out has the README of its first program at the top.
    let mut readmes = vec![("README".to_string(), workspace().join("README.md"))];
    for entry in entries() {
        readmes.push((entry.package, entry.folder.join("README.md")));
    }
    for (name, path) in readmes.into_iter().filter(|(_, path)| path.exists()) {
        for answer in answers(&fs::read_to_string(&path).unwrap()) {
            let name = format!("{name}::line_{}", answer.line);
            let play = move || play_in_private(&answer);
            trials.push(Trial::ignorable_test(name, play));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// An answer that shows output.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    /// Where its first terminal begins.
    line: usize,
    /// What each terminal shows, commands included.
    terminals: Vec<Vec<String>>,
}

/// The answers of a README.
fn answers(text: &str) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let (mut details, mut block) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.trim_start();
        if words.starts_with("<details>") {
            details = true;
            answers.push(Answer {
                line: number,
                terminals: Vec::new(),
            });
        } else if words.starts_with("</details>") {
            details = false;
        } else if details && words == "```console" {
            block = true;
            let answer = answers.last_mut().expect("the answer has begun");
            answer.terminals.push(Vec::new());
        } else if words == "```" {
            block = false;
        } else if block && let Some(answer) = answers.last_mut() {
            // A list's item is indented by three columns.
            let line = line.strip_prefix("   ").unwrap_or(line);
            let terminal = answer.terminals.last_mut().expect("the block has begun");
            terminal.push(line.to_string());
        }
    }
    answers.retain(|answer| !answer.terminals.is_empty());
    answers
}

/// The commands of a terminal: what follows `$ `, with the lines that `> ` continues.
fn script(terminal: &[String]) -> String {
    let mut script = SHELL.to_string();
    let mut lines = terminal.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            continue;
        };
        let mut shown = vec![line.clone()];
        let mut command = command.to_string();
        while let Some(more) = lines.next_if(|line| line.starts_with("> ")) {
            command.push('\n');
            command.push_str(&more[2..]);
            shown.push(more.clone());
        }
        let shown = shown.join("\n").replace('\'', r"'\''");
        script.push_str(&format!("printf '%s\\n' '{shown}'\n{command}\n"));
    }
    script
}

/// Plays an answer, or says why it cannot be played here.
fn play_in_private(answer: &Answer) -> Result<Completion, Failed> {
    if !network::available() {
        return Ok(Completion::ignored_with("there are no private networks"));
    }
    let mut lines = answer.terminals.iter().flatten();
    if cfg!(no_python) && lines.any(|line| line.contains("python3 ")) {
        return Ok(Completion::ignored_with("python3 is not installed"));
    }
    let answer = answer.clone();
    // A private network belongs to a thread.
    match thread::spawn(move || play(&answer)).join() {
        Ok(()) => Ok(Completion::Completed),
        Err(panic) => resume_unwind(panic),
    }
}

fn play(answer: &Answer) {
    const READY: [&str; 3] = ["listening on ", "Serving HTTP on ", "serving org."];
    network::isolate();
    let (last, others) = answer.terminals.split_last().expect("there is a terminal");
    let mut servers: Vec<(&[String], Running, usize)> = Vec::new();
    let mut groups = Groups::default();
    for terminal in others {
        let mut running = groups.start(terminal);
        let is_ready = |line: &str| READY.iter().any(|ready| line.starts_with(ready));
        if terminal.iter().any(|line| is_ready(line)) {
            let mut seen = 1;
            while !is_ready(&running.line()) {
                seen += 1;
            }
            servers.push((terminal, running, seen));
        } else {
            compare(terminal, &running.finish().stdout);
        }
    }
    compare(last, &groups.start(last).finish().stdout);
    // The last one first: it may be a client of those above it.
    for (terminal, mut server, seen) in servers.into_iter().rev() {
        let lines = terminal.iter().filter(|line| *line != "…").count();
        for _ in seen..lines {
            server.line();
        }
        assert!(kill_group(server.id()), "the server has ended");
        compare(terminal, &server.stop().stdout);
    }
}

/// The terminals that were started. After a failure, what their shells have started is ended too.
#[derive(Default)]
struct Groups(Vec<u32>);

impl Groups {
    fn start(&mut self, terminal: &[String]) -> Running {
        let running = start(terminal);
        self.0.push(running.id());
        running
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        if thread::panicking() {
            for group in &self.0 {
                kill_group(*group);
            }
        }
    }
}

/// Ends a shell and what it has started; false if nothing is left of them.
fn kill_group(shell: u32) -> bool {
    let group = format!("-{shell}");
    let mut kill = Command::new("kill");
    let output = kill.args(["-KILL", "--", &group]).output();
    output.expect("every Unix has kill(1)").status.success()
}

/// Starts a shell with a terminal's commands. Their programs are built first.
fn start(terminal: &[String]) -> Running {
    let mut binaries = PathBuf::new();
    for line in terminal {
        for (place, marker) in line.match_indices("cargo run -p ") {
            let rest = &line[place + marker.len()..];
            let package = rest.split([' ', ';', ')']).next().unwrap_or(rest);
            let mut program = rust(package);
            binaries = Path::new(program.command().get_program()).with_file_name("");
        }
    }
    let mut command = Command::new("bash");
    command
        .args(["-c", &script(terminal)])
        .env("BINARIES", binaries)
        .current_dir(workspace());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Program::new("a terminal", command).start()
}

fn compare(shown: &[String], printed: &str) {
    let printed: Vec<&str> = printed.lines().collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    assert!(
        is_shown(&shown, &printed),
        "the README shows\n{}\n\nand this was printed:\n{}\n",
        shown.join("\n"),
        printed.join("\n")
    );
}

/// Whether these lines were printed, `…` alone being any lines.
fn is_shown(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"…", rest)), _) => {
            (0..=printed.len()).any(|skipped| is_shown(rest, &printed[skipped..]))
        }
        (Some((line, shown)), Some((other, printed))) => {
            is_line(line, other) && is_shown(shown, printed)
        }
        _ => false,
    }
}

/// Whether this line was printed, `…` being any text.
fn is_line(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (without_ports(shown), without_ports(printed));
    // The program prints `…` too, where it cuts a text.
    if shown == printed {
        return true;
    }
    let Some((start, end)) = shown.split_once('…') else {
        return false;
    };
    let long_enough = printed.len() >= start.len() + end.len();
    long_enough && printed.starts_with(start) && printed.ends_with(end)
}

fn found() -> Result<(), Failed> {
    let text = "```console\n$ a\n```\n\n1. Do it.\n   <details><summary>Answer</summary>\n\n   \
        ```console\n   $ b\n   c\n   ```\n   ```console\n   $ d << E\n   > it's\n   > E\n   ```\n\n   \
        </details>\n2. And\n   <details><summary>Answer</summary>\n\n   No.\n\n   </details>\n";
    let answers = answers(text);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].line, 6);
    assert_eq!(answers[0].terminals[0], ["$ b", "c"]);
    let script = script(&answers[0].terminals[1]);
    let end = "printf '%s\\n' '$ d << E\n> it'\\''s\n> E'\nd << E\nit's\nE\n";
    assert!(script.ends_with(end), "{script}");
    Ok(())
}

fn differences() -> Result<(), Failed> {
    let good: &[(&[&str], &[&str])] = &[
        (&["a", "…", "d"], &["a", "b", "c", "d"]),
        (&["…"], &[]),
        (&["a … c", "b"], &["a bb c", "b"]),
        (&["('127.0.0.1', 51234)"], &["('127.0.0.1', 40000)"]),
    ];
    for (shown, printed) in good {
        assert!(is_shown(shown, printed), "{shown:?} {printed:?}");
    }
    let bad: &[(&[&str], &[&str])] = &[
        (&["a", "…", "d"], &["a", "b"]),
        (&["a"], &["a", "b"]),
        (&["a", "b"], &["a"]),
        (&["ab…bc"], &["abc"]),
        (&["sent 33 bytes"], &["sent 34 bytes"]),
    ];
    for (shown, printed) in bad {
        assert!(!is_shown(shown, printed), "{shown:?} {printed:?}");
    }
    Ok(())
}
