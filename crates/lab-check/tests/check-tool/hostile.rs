//! Programs that do what no student's program should: a clear verdict each, bounded memory, bounded
//! time, and nothing left on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tool::{
    Folder, binary, case, code, errors, gallery, json, lab, processes_of, processes_with, run,
    signal, text, until, workspace,
};

/// The most memory that the check may ever use, in KiB.
const MOST_MEMORY: u64 = 256 * 1024;

const IMPORTS: &str = "import os, signal, socket, subprocess, sys, time\nport = int(sys.argv[1])\n";

/// What a check of a program that was written for this test found.
struct Found {
    result: Value,
    took: Duration,
    /// The most memory that the check used, in KiB.
    memory: u64,
}

impl Found {
    fn failed(&self, id: &str) -> (String, String) {
        let case = case(&self.result, id);
        assert_eq!(case["outcome"], "failed", "{case:#}");
        let text = |field: &str| case[field].as_str().unwrap().to_string();
        (text("misconception"), text("summary"))
    }
}

/// Checks the first case, or these, of an exercise's server.
fn check(folder: &Folder, program: &str, cases: &[&str]) -> Found {
    let file = folder.write("server.py", &format!("{IMPORTS}{program}"));
    check_command(&format!("python3 {} {{port}}", file.display()), cases)
}

fn check_command(command: &str, cases: &[&str]) -> Found {
    let mut words = vec![
        "check",
        "dsd-eof",
        "--server",
        command,
        "--format",
        "json",
        "--patience",
        "2",
        "--limit",
        "60",
    ];
    for case in cases {
        words.extend(["--only", case]);
    }
    let begin = Instant::now();
    let child = lab(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What it has used at most is in /proc as long as
    // it runs; the last look before its end is taken.
    let id = child.id();
    let memory = thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = peak(id) {
            most = most.max(now);
            thread::sleep(Duration::from_millis(5));
        }
        most
    });
    let out = child.wait_with_output().unwrap();
    assert!(code(&out) <= 2, "{}", String::from_utf8_lossy(&out.stderr));
    Found {
        result: json(&out),
        took: begin.elapsed(),
        memory: memory.join().unwrap(),
    }
}

/// VmHWM of a process, in KiB.
fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

pub fn one_that_prints_for_ever_is_stopped_and_told_so() {
    let folder = Folder::new("prints");
    let found = check(
        &folder,
        "while True: os.write(1, b'x' * 65536)\n",
        &["whole"],
    );
    let (mistake, summary) = found.failed("whole");
    assert_eq!(mistake, "floods", "{summary}");
    assert!(summary.contains("64 MiB"), "{summary}");
    let stdout = &case(&found.result, "whole")["programs"][0]["stdout"];
    assert!(
        stdout["bytes"].as_u64().unwrap() > 64 << 20,
        "the whole length is said"
    );
    assert!(
        stdout["tail"].is_string(),
        "and that the middle is left out: {stdout}"
    );
    assert!(found.memory < MOST_MEMORY, "{} KiB", found.memory);
    assert!(found.took < Duration::from_secs(30), "{:?}", found.took);
}

pub fn one_that_answers_without_end_takes_neither_memory_nor_time() {
    let folder = Folder::new("answers");
    let found = check(
        &folder,
        "s = socket.create_server(('127.0.0.1', port))\n\
         while True:\n    \
             c, _ = s.accept()\n    \
             try:\n        \
                 while True: c.sendall(b'I got \"' * 10000)\n    \
             except OSError: pass\n",
        &["whole", "several", "large", "cut-text"],
    );
    for id in ["whole", "several", "large", "cut-text"] {
        let (mistake, summary) = found.failed(id);
        assert!(
            ["wrong-answer", "extra-bytes", "one-recv"].contains(&mistake.as_str()),
            "{id}: {mistake}: {summary}"
        );
    }
    assert!(found.memory < MOST_MEMORY, "{} KiB", found.memory);
    assert!(found.took < Duration::from_secs(40), "{:?}", found.took);
}

pub fn children_that_leave_the_group_and_ignore_term_are_ended_all_the_same() {
    let folder = Folder::new("forks");
    // A child, a grandchild in its own session, and one that also throws its environment away.
    let found = check(
        &folder,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         subprocess.Popen(['sleep', '86311.1'])\n\
         subprocess.Popen(['sh', '-c', 'setsid sleep 86311.2 & exit'])\n\
         subprocess.Popen(['setsid', 'sh', '-c', \"trap '' TERM; env -i sleep 86311.3 & wait\"])\n\
         while True: time.sleep(1)\n",
        &["whole"],
    );
    assert_eq!(found.failed("whole").0, "not-listening");
    assert_eq!(processes_with("86311."), [0_u32; 0]);
    assert_eq!(processes_with(&folder.word("server.py")), [0_u32; 0]);
    assert!(found.took < Duration::from_secs(40), "{:?}", found.took);
}

pub fn one_that_forks_again_and_again_is_ended_with_all_of_them() {
    let folder = Folder::new("fork-bomb");
    // Each leaves its parent behind; forty at a time, so
    // that the machine of the test survives a mistake.
    let found = check(
        &folder,
        "for _ in range(40):\n    \
             if os.fork() == 0:\n        \
                 os.setsid()\n        \
                 os.execlp('sleep', 'sleep', '86322.5')\n\
         os._exit(0)\n",
        &["whole"],
    );
    assert_eq!(found.failed("whole").0, "ends-at-once");
    assert_eq!(processes_with("86322.5"), [0_u32; 0]);
}

pub fn one_that_binds_and_never_accepts_is_named() {
    let folder = Folder::new("accepts");
    let found = check(
        &folder,
        "s = socket.create_server(('127.0.0.1', port))\nwhile True: time.sleep(1)\n",
        &["whole"],
    );
    let (mistake, summary) = found.failed("whole");
    assert_eq!(mistake, "never-accepts", "{summary}");
    assert!(found.took < Duration::from_secs(30), "{:?}", found.took);
}

pub fn one_that_ends_at_once_is_quoted() {
    let folder = Folder::new("ends");
    let found = check(&folder, "sys.exit('no such thing as a port')\n", &["whole"]);
    let (mistake, summary) = found.failed("whole");
    assert_eq!(mistake, "ends-at-once");
    assert!(summary.contains("exit code 1"), "{summary}");
    let stderr = &case(&found.result, "whole")["programs"][0]["stderr"]["head"];
    assert_eq!(*stderr, "\"no such thing as a port\\n\"");
}

pub fn one_that_cannot_be_started_is_a_verdict_with_its_reason() {
    let folder = Folder::new("not-executable");
    let file = folder.write("server.py", "#!/usr/bin/env python3\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (mistake, summary) =
        check_command(&format!("{} {{port}}", file.display()), &["whole"]).failed("whole");
    assert_eq!(mistake, "not-started");
    assert!(summary.contains("Permission denied"), "{summary}");
}

pub fn a_program_that_is_not_there_is_a_mistake_of_the_command_line() {
    for (command, named) in [
        (
            "no-such-command-anywhere {port}",
            "no-such-command-anywhere",
        ),
        ("python3 no-such-file.py {port}", "no-such-file.py"),
        ("sh no-such-file.sh {port}", "no-such-file.sh"),
    ] {
        let found = check_command(command, &["whole"]);
        let case = case(&found.result, "whole");
        assert_eq!(case["outcome"], "undecided", "{case}");
        let why = case["why"].as_str().unwrap();
        assert!(why.contains(named) && why.contains("is not there"), "{why}");
    }
}

pub fn a_missing_interpreter_is_not_the_programs_mistake() {
    let folder = Folder::new("no-python");
    let server = folder.write("server.py", &gallery("dsd-sum/right.py"));
    let server = format!("python3 {} {{port}}", server.display());
    let out = lab(&["check", "dsd-sum", "--server", &server])
        .env("PATH", folder.path(""))
        .output()
        .unwrap();
    assert_eq!(code(&out), 3);
    let said = errors(&out);
    assert!(
        said.contains("there is no python3 on this machine"),
        "{said}"
    );
    assert!(said.contains("hint: cargo lab doctor says how"), "{said}");
}

pub fn one_that_writes_to_the_results_changes_nothing_and_is_told_of() {
    let folder = Folder::new("writes");
    let file = folder.write("result.json", "the last one");
    let server = folder.write(
        "server.py",
        &format!(
            "open({:?}, 'w').write('full marks')\n{}",
            file.display().to_string(),
            gallery("dsd-eof/one-recv.py")
        ),
    );
    let out = run(&[
        "check",
        "dsd-eof",
        "--server",
        &format!("python3 {} {{port}}", server.display()),
        "--only",
        "byte-by-byte",
        "--format",
        "json",
        "--out",
        &folder.word("result.json"),
    ]);
    let result: Value = serde_json::from_str(&folder.read("result.json")).unwrap();
    assert_eq!(code(&out), 1);
    assert_eq!(result["counts"]["failed"], 1);
    let remark = result["remarks"][0].as_str().unwrap();
    assert!(remark.contains("something wrote to"), "{remark}");
    assert!(remark.contains("result.json"), "{remark}");
}

/// As it is when an instructor without root checks `sudo -u student
/// ./server {port}`: here a check that runs as nobody and may change
/// its user, but may not kill, starts a program that becomes root.
pub fn one_that_may_not_be_killed_holds_up_neither_the_check_nor_ctrl_c() {
    let start = |mark: &str, limit: &str| {
        Command::new("setpriv")
            .args(["--reuid", "65534", "--clear-groups"])
            .args(["--inh-caps", "+setuid", "--ambient-caps", "+setuid"])
            .arg(binary())
            .args(["check", "dsd-eof", "--only", "whole", "--limit", limit])
            .args(["--format", "json", "--server"])
            .arg(format!("setpriv --reuid 0 sleep {mark} {{port}}"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    // What the check cannot end is ended here, before anything is judged.
    // As root already, not setpriv on its way there.
    let sleeping = |mark: &str| -> Vec<u32> {
        let on_its_way = processes_with(&format!("0\0sleep\0{mark}"));
        let mut ids = processes_with(&format!("sleep\0{mark}"));
        ids.retain(|id| !on_its_way.contains(id));
        ids
    };
    let left = |mark: &str| {
        let ids = sleeping(mark);
        for id in &ids {
            let status = Command::new("kill")
                .args(["-KILL", &id.to_string()])
                .status();
            assert!(status.unwrap().success());
        }
        ids
    };
    let begin = Instant::now();
    let out = start("86377.25", "3").wait_with_output().unwrap();
    let ids = left("86377.25");
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(ids.len(), 1, "{}", text(&out));
    assert_eq!(code(&out), 2, "{}", text(&out));
    let result = json(&out);
    let note = case(&result, "whole")["notes"][0].as_str().unwrap();
    assert!(note.contains(&format!("kill -KILL {}", ids[0])), "{note}");

    let stopped = start("86377.75", "600");
    until("the program", || !sleeping("86377.75").is_empty());
    let begin = Instant::now();
    signal(&stopped, "INT");
    let out = stopped.wait_with_output().unwrap();
    let ids = left("86377.75");
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(code(&out), 130);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains(&format!("kill -KILL {}", ids[0])), "{said}");
}

pub fn one_that_closes_its_output_is_judged_by_what_it_does_on_the_wire() {
    let folder = Folder::new("closes");
    let right = gallery("dsd-eof/right.py");
    let found = check(
        &folder,
        &format!(
            "null = os.open(os.devnull, os.O_WRONLY)\nos.dup2(null, 1)\nos.dup2(null, 2)\n{right}"
        ),
        &["whole"],
    );
    assert_eq!(case(&found.result, "whole")["outcome"], "passed");
}

pub fn a_udp_server_in_a_group_of_its_own_is_met_all_the_same() {
    let file = workspace().join("crates/lab-check/gallery/cmpu-udp-echo/right.py");
    let server = format!("setsid -w python3 {} {{port}}", file.display());
    let words = [
        "check",
        "cmpu-udp-echo",
        "--only",
        "whole",
        "--server",
        &server,
    ];
    let out = run(&words);
    assert_eq!(code(&out), 0, "{}", text(&out));
    assert_eq!(processes_with("setsid\0-w"), [0_u32; 0]);
}

/// A check at any moment of which a signal may come: its program has a child that leaves the group.
fn stopped_at(delay: Duration, name: &str, mark: &str, folder: &Folder) {
    let server = folder.write(
        "server.py",
        &format!(
            "import subprocess\nsubprocess.Popen(['setsid', 'sleep', '{mark}'])\n{}",
            gallery("dsd-eof/right.py")
        ),
    );
    fs::create_dir_all(folder.path("out")).unwrap();
    let child = lab(&[
        "check",
        "dsd-eof",
        "--server",
        &format!("python3 {} {{port}}", server.display()),
        "--format",
        "json",
        "--out",
        &folder.word("out/result.json"),
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    thread::sleep(delay);
    signal(&child, name);
    let out = child.wait_with_output().unwrap();
    let number = if name == "INT" { 130 } else { 143 };
    // It may have been quicker than the signal, or slower than the catching of signals: then the
    // signal ended it, before anything was started.
    assert!(
        [Some(number), Some(0), None].contains(&out.status.code()),
        "{:?} {}",
        out.status,
        text(&out)
    );
    if out.status.code() == Some(number) {
        let result: Value = serde_json::from_str(&folder.read("out/result.json")).unwrap();
        assert_eq!(result["cases"].as_array().unwrap().len(), 22);
    }
    assert_eq!(
        processes_with(mark),
        [0_u32; 0],
        "after {delay:?} and {name}"
    );
    assert_eq!(processes_with(&folder.word("server.py")), [0_u32; 0]);
    for left in folder.names("out") {
        assert_eq!(left, "result.json", "after {delay:?} and {name}");
    }
}

pub fn twenty_checks_that_are_stopped_leave_no_process_and_no_file() {
    // Four at a time: most of a check is waiting.
    for rounds in (0..20_u64).collect::<Vec<_>>().chunks(4) {
        thread::scope(|scope| {
            for round in rounds {
                scope.spawn(move || {
                    // Spread over the two seconds that the check takes, at no round number.
                    let delay = Duration::from_millis(7 + round * round * 6);
                    let name = if round % 2 == 0 { "INT" } else { "TERM" };
                    let folder = Folder::new(&format!("stopped-{round}"));
                    stopped_at(delay, name, &format!("863{:02}.75", 40 + round), &folder);
                });
            }
        });
    }
}

pub fn a_check_that_is_killed_outright_takes_its_programs_along() {
    let folder = Folder::new("killed");
    let server = folder.write("server.py", "import time\nwhile True: time.sleep(1)\n");
    let mut child = lab(&[
        "check",
        "dsd-eof",
        "--server",
        &format!("python3 {} {{port}}", server.display()),
        "--only",
        "whole",
        "--patience",
        "600",
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    until("the program", || {
        !processes_of(&folder.word("server.py")).is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    until("its end", || {
        processes_with(&folder.word("server.py")).is_empty()
    });
}

pub fn a_whole_check_leaves_no_process() {
    let out = run(&["check", "dsd-eof", "--server", "python", "--format", "json"]);
    assert_eq!(code(&out), 0, "{}", text(&out));
    let twin = workspace().join("crates/dsd-eof-server/twin.py");
    let ours = |id: &u32| {
        fs::read(format!("/proc/{id}/environ"))
            .is_ok_and(|all| String::from_utf8_lossy(&all).contains("LAB_CHECK="))
    };
    // Another test's check may be running the same program at
    // this moment; what counts is one whose check is gone.
    for id in processes_with(twin.to_str().unwrap())
        .iter()
        .filter(|id| ours(id))
    {
        until("the end of a program that another check started", || {
            !fs::exists(format!("/proc/{id}")).unwrap()
        });
    }
}
