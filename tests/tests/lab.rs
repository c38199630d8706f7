//! `cargo lab`, driven as a user does it: what it shows,
//! what it gives back, and that it leaves nothing running.
//!
//! One file, since every test is one use of `cargo lab` in a terminal.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use tests::binaries::workspace;
use tests::catalog::entries;
use tests::{Finished, Program, rust};

/// `cargo lab` with these words.
fn lab(words: &[&str]) -> Program {
    rust("lab").args(words).that_builds()
}

fn run(words: &[&str]) -> Finished {
    lab(words).run()
}

/// Checks that it went well and gives what was said.
fn good(words: &[&str]) -> Finished {
    let finished = run(words);
    assert_eq!(finished.code, Some(0), "{words:?}: {}", finished.stderr);
    finished
}

/// Checks that it failed with exit code 1 and gives what it said on stderr.
fn bad(words: &[&str]) -> String {
    let finished = run(words);
    assert_eq!(finished.code, Some(1), "{words:?}: {}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    finished.stderr
}

/// The lines of one side, without their label.
fn said(text: &str, label: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix(label))
        .map(str::to_string)
        .collect()
}

/// The lines without the one that says that something
/// is built: the first test that runs it has that.
fn without_build(stderr: &str) -> impl Iterator<Item = &str> {
    let lines = stderr.lines();
    lines.filter(|line| !line.starts_with("building "))
}

#[test]
fn the_list_holds_every_exercise_in_80_columns() {
    let text = good(&["list"]).stdout;
    let entries = entries();
    for entry in &entries {
        // What somebody starts: one side of a pair, a program, or the caller of a story.
        let starts = |other: &&tests::catalog::Entry| {
            other.exercise == entry.exercise
                && ["client", "program", "caller"].contains(&other.role.as_str())
        };
        let told = match entries.iter().find(starts) {
            Some(_) => format!("    cargo lab run {}\n", entry.exercise),
            None => format!("crates/{}/README.md", entry.package),
        };
        assert!(text.contains(&told), "{told:?} is not in the list:\n{text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "wider than 80: {line:?}");
    }
}

#[test]
fn the_list_of_a_sheet_holds_that_sheet_alone() {
    let text = good(&["list", "--sheet=dsd"]).stdout;
    assert!(
        text.starts_with("Distributed System Design Lab 1 (dsd)\n"),
        "{text}"
    );
    assert!(text.contains("cargo lab run dsd-sum\n"), "{text}");
    assert!(!text.contains("(cmpu)"), "{text}");
    let error = bad(&["list", "--sheet", "dds"]);
    assert!(
        error.starts_with("Error: there is no sheet dds\nhint: the sheets are codio, "),
        "{error}"
    );
}

#[test]
fn plain_cargo_lab_shows_the_help_with_examples() {
    let text = good(&[]).stdout;
    assert!(text.starts_with("Usage: cargo lab "), "{text}");
    assert!(text.contains("\n  cargo lab run codio-echo\n"), "{text}");
    assert_eq!(text, good(&["--help"]).stdout);
    for command in ["list", "run", "index"] {
        let text = good(&[command, "--help"]).stdout;
        assert!(
            text.starts_with(&format!("Usage: cargo lab {command} ")),
            "{text}"
        );
        assert!(
            text.contains(&format!("\nExamples:\n  cargo lab {command}")),
            "{text}"
        );
    }
}

fn both_sides_are_shown(languages: &[&str]) {
    let mut words = vec!["run", "dsd-sum", "--port", "0"];
    words.extend(languages);
    let finished = good(&words);
    let server = said(&finished.stdout, "server │ ");
    assert_eq!(server.len(), 1, "{}", finished.stdout);
    assert!(
        server[0].starts_with("Connected by ('127.0.0.1', "),
        "{server:?}"
    );
    assert_eq!(said(&finished.stdout, "client │ "), ["Server says: 15"]);
    assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
    let stderr = &finished.stderr;
    assert_eq!(
        said(stderr, "server : listening on 127.0.0.1:").len(),
        1,
        "{stderr}"
    );
    assert_eq!(
        said(stderr, "lab    : "),
        ["the client has ended; the server, which would keep running, was stopped"],
    );
    assert_eq!(without_build(stderr).count(), 2, "{stderr}");
    assert!(!stderr.contains('\x1b') && !finished.stdout.contains('\x1b'));
}

#[test]
fn rust_server_and_rust_client_are_shown() {
    both_sides_are_shown(&[]);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn rust_server_and_python_client_are_shown() {
    both_sides_are_shown(&["--client", "python"]);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_server_and_rust_client_are_shown() {
    both_sides_are_shown(&["--server=python"]);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn python_server_and_python_client_are_shown() {
    both_sides_are_shown(&["--server", "python", "--client", "python"]);
}

#[test]
fn a_package_names_its_exercise_and_words_go_to_the_client() {
    let words = ["run", "dsd-sum-client", "--port=0", "--", "0.1", "0.2"];
    assert_eq!(
        said(&good(&words).stdout, "client │ "),
        ["Server says: 0.3"]
    );
}

#[test]
fn the_client_reads_our_stdin() {
    let finished =
        lab(&["run", "dsd-sum", "--port", "0", "--", "-"]).run_with_input(b"1 2\n-1 -2\n");
    assert_eq!(
        said(&finished.stdout, "client │ "),
        ["Server says: 3", "Server says: -3"]
    );
}

#[test]
fn the_clients_failure_is_ours_and_the_server_is_stopped() {
    let stderr = bad(&["run", "dsd-sum", "--port", "0", "--", "--bogus"]);
    assert!(
        stderr.contains("\nclient : Error: Unrecognized argument: --bogus\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains("\nlab    : dsd-sum-client failed (exit code 1)\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains("which would keep running, was stopped\n"),
        "{stderr}"
    );
}

#[test]
fn a_wrong_command_line_is_told_in_one_line_and_the_next_says_what_was_meant() {
    let list = "cargo lab list shows them all";
    let help = |command: &str| format!("{command} --help lists the options");
    for (words, error, hint) in [
        (
            &["rum"][..],
            "there is no command rum",
            "did you mean run? cargo lab --help lists the commands".to_string(),
        ),
        (
            &["frob"],
            "there is no command frob",
            "cargo lab --help lists the commands".to_string(),
        ),
        (
            &["run", "dsd-smu"],
            "there is no exercise dsd-smu",
            format!("did you mean dsd-sum? {list}"),
        ),
        (
            &["run", "DSD-SUM"],
            "there is no exercise DSD-SUM",
            format!("did you mean dsd-sum? {list}"),
        ),
        (
            &["run", "port-scanner"],
            "there is no exercise port-scanner",
            format!("did you mean portscan? {list}"),
        ),
        (
            &["run", "dsd-sum", "--prot", "5"],
            "Unrecognized argument: --prot",
            format!("did you mean --port? {}", help("cargo lab run")),
        ),
        (
            &["run", "dsd-sum", "--port"],
            "No value provided for option '--port'.",
            help("cargo lab run"),
        ),
        (
            &["run", "dsd-sum", "--server", "--port", "0"],
            "No value provided for option '--server'.",
            help("cargo lab run"),
        ),
        (
            &["run"],
            "Required positional arguments not provided: exercise",
            help("cargo lab run"),
        ),
        (
            &["run", "dsd-sum", "--port", "banana"],
            "Error parsing option '--port' with value 'banana': a port is a whole number from 0 to 65535",
            help("cargo lab run"),
        ),
        (
            &["run", "dsd-sum", "--server", "cobol"],
            "Error parsing option '--server' with value 'cobol': a language is rust or python",
            help("cargo lab run"),
        ),
        (
            &["list", "--shet", "dsd"],
            "Unrecognized argument: --shet",
            format!("did you mean --sheet? {}", help("cargo lab list")),
        ),
    ] {
        assert_eq!(
            bad(words),
            format!("Error: {error}\nhint: {hint}\n"),
            "{words:?}"
        );
    }
}

/// Cargo speaks there, and proposes a crate of another name; so the READMEs say it before.
#[test]
fn the_readmes_say_what_cargo_says_of_lab_in_another_folder() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["lab", "list"])
        .current_dir(std::env::temp_dir())
        .output()
        .expect("cargo runs: it started this test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no such command: `lab`"), "{said}");
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).expect("it is there");
    assert!(read("README.md").contains("elsewhere cargo knows no such command"));
    // The README of a hand-out is made here.
    assert!(read("crates/lab-handout/src/readme.rs").contains("cargo does not know `cargo lab`"));
}

#[test]
fn a_program_names_the_command_that_starts_it() {
    let error = |package: &str, words: &[&str]| rust(package).args(words).run().stderr;
    assert_eq!(
        error("dsd-sum-server", &["--prot", "5"]),
        "Error: Unrecognized argument: --prot\n\
         hint: did you mean --port? cargo run -p dsd-sum-server -- --help lists the options\n"
    );
    assert_eq!(
        error("cmpu-tcp-echo-server", &[]),
        "Error: Required options not provided: --port\n\
         hint: the sheet uses 9900: cargo run -p cmpu-tcp-echo-server -- --port 9900\n"
    );
}

#[test]
fn a_client_that_was_sent_elsewhere_is_told_where_the_server_is() {
    let stderr = bad(&["run", "dsd-sum", "--port", "0", "--", "--port", "1"]);
    let notes = said(&stderr, "lab    : ").join("\n");
    assert!(
        notes.contains("the server listens on 127.0.0.1:"),
        "{stderr}"
    );
    assert!(
        notes.contains("cargo lab run dsd-sum --port PORT"),
        "{stderr}"
    );
}

#[test]
fn a_busy_port_is_told_by_the_server_with_its_hint() {
    // In the network that the programs of this test are started in.
    let (_holder, address) = tests::wire::listener();
    let port = address.port().to_string();
    let stderr = bad(&["run", "dsd-sum", "--port", &port]);
    let server = said(&stderr, "server : ");
    assert!(
        server[0].contains(&format!("cannot bind to 127.0.0.1:{port}")),
        "{stderr}"
    );
    assert!(
        server[1].starts_with("hint: ") && server[1].contains("--port"),
        "{stderr}"
    );
    assert!(
        stderr.contains("\nError: dsd-sum-server ended before it listened (exit code 1)\nhint: "),
        "{stderr}"
    );
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_missing_python_is_told_with_a_hint() {
    let empty = env!("CARGO_TARGET_TMPDIR");
    let words = [
        "run", "dsd-sum", "--server", "python", "--client", "python", "--port", "0",
    ];
    let finished = lab(&words).env("PATH", empty).run();
    assert_eq!(finished.code, Some(1));
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert!(
        lines[0].starts_with("Error: cannot start python"),
        "{}",
        finished.stderr
    );
    assert!(
        lines[1].starts_with("hint: is Python installed"),
        "{}",
        finished.stderr
    );
}

/// Every exercise that runs with no more than its name, with both sides in this language.
fn every_exercise_runs(language: &str) {
    let mut exercises: Vec<(String, bool)> = Vec::new();
    for entry in entries() {
        let interactive = entry.metadata["interactive"] == true;
        if entry.role == "client" || entry.role == "program" && entry.exercise != "portscan" {
            exercises.push((entry.exercise, interactive));
        }
    }
    assert!(!exercises.is_empty());
    for (exercise, interactive) in exercises {
        let mut words = vec!["run", &exercise, "--client", language];
        let programs: Vec<_> = entries()
            .into_iter()
            .filter(|e| e.exercise == exercise)
            .collect();
        if programs.iter().any(|program| program.role == "server") {
            words.extend(["--server", language, "--port", "0", "--host", "127.0.0.1"]);
        }
        // The only thing that a keyboard is read for is to guess a number.
        let numbers: Vec<String> = (1..=100).map(|number| format!("{number}\n")).collect();
        let input = if interactive {
            numbers.concat()
        } else {
            String::new()
        };
        let finished = lab(&words).run_with_input(input.as_bytes());
        assert_eq!(
            finished.code,
            Some(0),
            "{words:?}: {}\n{}",
            finished.stderr,
            finished.stdout
        );
        let one_shot = programs
            .iter()
            .any(|program| program.metadata["one-shot"] == true);
        let pair = programs.len() > 1;
        assert_eq!(
            finished
                .stderr
                .contains("which would keep running, was stopped"),
            pair && !one_shot,
            "{words:?}: a server that ends with its first client has `one-shot = true` in its \
             [package.metadata.lab], any other has not; stderr: {}",
            finished.stderr
        );
        if interactive {
            assert!(
                finished.stdout.contains("│ CORRECT\n"),
                "{}",
                finished.stdout
            );
        }
        if programs.iter().any(|program| program.needs.is_some()) {
            assert!(
                finished
                    .stderr
                    .contains(": started a small web server on 127.0.0.1:"),
                "{}",
                finished.stderr
            );
            assert_eq!(
                said(&finished.stderr, "web     : ").len(),
                1,
                "{}",
                finished.stderr
            );
        }
    }
}

#[test]
fn every_exercise_runs_in_rust() {
    every_exercise_runs("rust");
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn every_exercise_runs_in_python() {
    every_exercise_runs("python");
}

/// What ends a run from outside, and what a terminal shows. Both need Linux: /proc for the
/// processes, and a pseudo-terminal.
#[cfg(target_os = "linux")]
mod on_linux {
    use std::collections::BTreeMap;
    use std::fs::{self, File};
    use std::io::{self, Read};
    use std::os::fd::{AsFd, FromRawFd, OwnedFd};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use tests::{DEADLINE, Running};

    use super::*;

    /// The processes that this one has started, and those that they have started.
    fn descendants(parent: u32) -> Vec<u32> {
        let mut parents = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            if let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok())
                // A process may end while this looks at it.
                && let Ok(stat) = fs::read_to_string(entry.path().join("stat"))
                && let Some((_, fields)) = stat.rsplit_once(')')
                && let Some(parent) = fields.split_whitespace().nth(1)
            {
                parents.insert(id, parent.parse::<u32>().unwrap());
            }
        }
        let mut found = vec![parent];
        let mut next = 0;
        while next < found.len() {
            let children = parents.iter().filter(|(_, parent)| **parent == found[next]);
            found.extend(children.map(|(id, _)| *id).collect::<Vec<_>>());
            next += 1;
        }
        found.split_off(1)
    }

    /// Whether the process runs. One that has ended and waits to be reaped does not.
    fn runs(id: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]);
        state.is_some_and(|state| state != b'Z' && state != b'X')
    }

    fn signal(name: &str, target: &str) {
        let status = Command::new("kill")
            .args([name, "--", target])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// A run with server and client both alive: the client
    /// has had one answer and waits for more of our stdin.
    fn conversation(languages: &[&str]) -> (Running, Vec<u32>) {
        let mut words = vec!["run", "dsd-sum", "--port", "0"];
        words.extend(languages);
        words.extend(["--", "-"]);
        let mut program = lab(&words);
        // Of its own, as a shell gives it to a job: signals to it do not reach the test.
        program.command().process_group(0);
        let mut running = program.start();
        running.type_in(b"1 2\n");
        while !running.line().ends_with("Server says: 3") {}
        let children = descendants(running.id());
        assert_eq!(children.len(), 2, "server and client");
        assert!(children.iter().all(|child| runs(*child)));
        (running, children)
    }

    /// Checks that it ended with this exit code and left nothing behind, not even a word.
    fn left_nothing(running: Running, children: &[u32], code: i32) {
        let finished = running.finish();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        for child in children {
            assert!(
                !fs::exists(format!("/proc/{child}")).unwrap(),
                "{child} is left"
            );
        }
        let lines: Vec<&str> = without_build(&finished.stderr).collect();
        assert_eq!(lines.len(), 1, "only the server's line: {lines:?}");
    }

    /// The services among these processes that run.
    fn services(processes: &[u32]) -> usize {
        let is_service = |id: &&u32| {
            let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let program = command.split(|byte| *byte == 0).next().unwrap_or_default();
            runs(**id) && program.ends_with(b"transparency-service")
        };
        processes.iter().filter(is_service).count()
    }

    #[test]
    fn the_middlewares_demo_kills_a_replica_and_no_call_fails() {
        let mut running = lab(&["run", "transparency-middleware", "--port", "0"]).start();
        running.error_line_with("20 calls to the calculator");
        let children = descendants(running.id());
        assert_eq!(services(&children), 2);
        running.error_line_with("service 1 is dead");
        assert_eq!(services(&children), 1, "one has been killed");
        let finished = running.finish();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        for child in children {
            assert!(!runs(child), "{child} is left");
        }

        let heard = said(&finished.stdout, "caller    │ ");
        let sums = ["org.example.calculator.add(2, 3) = 5"; 20];
        // The tour, the 20 calls, and the counter's total as it was before the kill.
        assert_eq!(heard.len(), 7 + 20 + 1, "{}", finished.stdout);
        assert_eq!(heard[7..27], sums);
        assert_eq!(heard[6], "org.example.counter.value() = 11");
        assert_eq!(heard[27], heard[6]);
        // Who worked: at first both, then the second alone, which has the counter now.
        let first = said(&finished.stdout, "service 1 │ ");
        let second = said(&finished.stdout, "service 2 │ ");
        let counted = |lines: &[String]| lines.iter().any(|line| line == &heard[6]);
        assert!(counted(&first) && counted(&second), "{}", finished.stdout);
        assert_eq!(second.last(), Some(&heard[6]));
        let shared = first.iter().filter(|line| **line == sums[0]).count();
        assert!((1..20).contains(&shared), "{shared} of 21 by the first");
        assert!(
            finished
                .stderr
                .contains("caller    : 20 calls: 20 result\n")
        );
    }

    #[test]
    fn ctrl_c_leaves_nothing_running() {
        let (running, children) = conversation(&[]);
        signal("-INT", &format!("-{}", running.id()));
        left_nothing(running, &children, 130);
    }

    #[test]
    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
    fn ctrl_c_shows_no_traceback() {
        for _ in 0..5 {
            let (running, children) = conversation(&["--server", "python", "--client", "python"]);
            signal("-INT", &format!("-{}", running.id()));
            left_nothing(running, &children, 130);
        }
    }

    #[test]
    fn sigterm_to_lab_alone_leaves_nothing_running() {
        let (running, children) = conversation(&[]);
        signal("-TERM", &running.id().to_string());
        left_nothing(running, &children, 143);
    }

    #[test]
    fn a_closed_terminal_leaves_nothing_running() {
        let (running, children) = conversation(&[]);
        signal("-HUP", &running.id().to_string());
        left_nothing(running, &children, 129);
    }

    #[test]
    fn a_killed_lab_takes_its_programs_along() {
        let (running, children) = conversation(&[]);
        signal("-KILL", &running.id().to_string());
        running.stop();
        // The kernel kills them after lab, and nobody
        // tells us when: so we look until they are gone.
        let deadline = Instant::now() + DEADLINE;
        while children.iter().any(|child| runs(*child)) {
            assert!(Instant::now() < deadline, "still running: {children:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_client_that_a_signal_ended_gives_the_shells_exit_code() {
        let (running, children) = conversation(&[]);
        let client = children
            .iter()
            .find(|child| {
                let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap();
                line.contains("dsd-sum-client")
            })
            .unwrap();
        signal("-KILL", &client.to_string());
        let finished = running.finish();
        assert_eq!(finished.code, Some(137), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("dsd-sum-client failed (signal 9)"),
            "{}",
            finished.stderr
        );
        assert!(children.iter().all(|child| !runs(*child)));
    }

    #[test]
    fn a_server_that_dies_is_told_and_fails_the_run() {
        let (running, children) = conversation(&[]);
        let server = children
            .iter()
            .find(|child| {
                let line = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap();
                line.contains("dsd-sum-server")
            })
            .unwrap();
        signal("-KILL", &server.to_string());
        let finished = running.finish();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("dsd-sum-server failed (signal 9)"),
            "{}",
            finished.stderr
        );
    }

    #[test]
    fn a_closed_stdout_ends_the_run_without_a_panic() {
        let (reader, writer) = io::pipe().unwrap();
        let mut program = lab(&["run", "dsd-sum", "--port", "0"]);
        let child = program
            .command()
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((reader, program));
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("Error: cannot write to stdout"), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }

    /// Runs `cargo lab` with all three streams on a new
    /// pseudo-terminal, and gives what is seen there.
    fn on_a_terminal(words: &[&str], variables: &[(&str, &str)]) -> String {
        let (mut ours, theirs) = (0, 0);
        let mut theirs = theirs;
        #[allow(unsafe_code, reason = "std opens no pseudo-terminals")]
        // SAFETY: openpty(3) writes the two descriptors,
        // and takes the three null pointers for "none".
        let result = unsafe {
            libc::openpty(
                &raw mut ours,
                &raw mut theirs,
                std::ptr::null_mut(),
                std::ptr::null(),
                std::ptr::null(),
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        #[allow(unsafe_code, reason = "descriptors that C gave become owned")]
        // SAFETY: both are open, and nobody else has them.
        let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        let stream = || Stdio::from(theirs.as_fd().try_clone_to_owned().unwrap());
        let mut program = lab(words);
        let command = program.command();
        command
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .envs(variables.iter().copied());
        let mut child = command
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap();
        drop((theirs, program));
        let mut seen = Vec::new();
        let mut ours = File::from(ours);
        let mut buffer = [0; 4096];
        // A terminal that all others have closed gives EIO.
        while let Ok(count @ 1..) = ours.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
        }
        assert!(child.wait().unwrap().success());
        String::from_utf8(seen).unwrap()
    }

    const SUM: [&str; 4] = ["run", "dsd-sum", "--port", "0"];

    #[test]
    fn labels_are_colored_on_a_terminal() {
        let seen = on_a_terminal(&SUM, &[]);
        assert!(
            seen.contains("\x1b[32mclient │\x1b[0m Server says: 15\r\n"),
            "{seen:?}"
        );
        assert!(
            seen.contains("\x1b[36mserver :\x1b[0m listening on "),
            "{seen:?}"
        );
    }

    #[test]
    fn no_color_and_a_dumb_terminal_are_heeded() {
        for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let seen = on_a_terminal(&SUM, &[variable, ("CARGO_TERM_QUIET", "true")]);
            assert!(seen.contains("client │ Server says: 15\r\n"), "{seen:?}");
            assert!(!seen.contains('\x1b'), "{seen:?}");
        }
    }
}
