//! `--trace`: what a failed case looks like, and that it changes no verdict.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use serde_json::Value;

use crate::tool::{Folder, binary, code, errors, gallery, json, lab, run, text, workspace};

/// A case's name with all that is a verdict.
fn verdicts(result: &Value) -> Vec<[Value; 5]> {
    let cases = result["cases"].as_array().unwrap();
    let fields = ["role", "id", "outcome", "misconception", "score"];
    cases
        .iter()
        .map(|case| fields.map(|field| case[field].clone()))
        .collect()
}

/// Runs the check on a system that lets no program trace another.
fn without_ptrace(words: &[&str]) -> Output {
    thread::scope(|scope| {
        let run = || {
            let refused = SeccompAction::Errno(1);
            // ptrace(2) by its number on this processor.
            let number = match std::env::consts::ARCH {
                "x86_64" => 101,
                _ => 117,
            };
            let calls = BTreeMap::from([(number, Vec::new())]);
            let processor = std::env::consts::ARCH.try_into().unwrap();
            let filter = SeccompFilter::new(calls, SeccompAction::Allow, refused, processor);
            let program: BpfProgram = filter.unwrap().try_into().unwrap();
            apply_filter(&program).unwrap();
            lab(words).output().unwrap()
        };
        scope.spawn(run).join().unwrap()
    })
}

/// The command of a program of the gallery.
fn command(file: &str) -> String {
    format!("python3 crates/lab-check/gallery/{file} {{port}}")
}

pub fn failed_cases_are_drawn_and_no_verdict_changes() {
    let folder = Folder::new("pictures");
    for (exercise, side, program) in [
        ("dsd-eof", "--server", command("dsd-eof/one-recv.py")),
        (
            "dsd-eof",
            "--client",
            format!("{} {{message}}", command("dsd-eof/client-one-recv.py")),
        ),
        (
            "cmpu-udp-echo",
            "--server",
            command("cmpu-udp-echo/capitals.py"),
        ),
    ] {
        let words = ["check", exercise, side, &program, "--format", "json"];
        let plain = json(&run(&words));
        let saves = [
            format!("html={}", folder.word("page.html")),
            format!("human={}", folder.word("text.txt")),
        ];
        let pictures = ["--trace", "--save", &saves[0], "--save", &saves[1]];
        let traced = run(&[&words[..], &pictures].concat());
        assert_eq!(verdicts(&json(&traced)), verdicts(&plain), "{program}");
        assert_eq!(json(&traced)["score"], plain["score"]);
        assert_eq!(json(&traced)["exit_code"], plain["exit_code"]);
        let failed = plain["counts"]["failed"].as_u64().unwrap();
        assert!(failed > 0, "{program}");
        let (page, shown) = (folder.read("page.html"), folder.read("text.txt"));
        assert_eq!(page.matches("<iframe ").count() as u64, failed, "{program}");
        assert_eq!(shown.matches("is your program, and").count() as u64, failed);
        // What the program did: its calls are nobody's but the tracer's to see.
        assert!(shown.contains("the tracer\n"), "{shown}");
        assert!(shown.contains("recv"), "{shown}");
        assert!(page.len() < 3 << 20, "{} bytes", page.len());
    }
}

/// The lines of the picture under a case.
fn picture(words: &[&str]) -> String {
    let output = run(words);
    let text = text(&output);
    let (_, picture) = text
        .split_once("network")
        .unwrap_or_else(|| panic!("no picture: {text}{}", errors(&output)));
    picture.to_string()
}

pub fn a_picture_has_the_programs_calls_and_what_the_check_did() {
    let program = command("dsd-eof/one-recv.py");
    let words = [
        "check", "dsd-eof", "--server", &program, "--trace", "--only",
    ];
    let shown = picture(&[&words[..], &["cut-text"]].concat());
    // The check's send, the segment, the program's recv and its answer to a part of the message.
    let order = ["send ", " byte", "recv(65536) = ", "#2 send "];
    let mut rest = shown.as_str();
    for word in order {
        let (_, after) = rest
            .split_once(word)
            .unwrap_or_else(|| panic!("no {word} after the one before: {shown}"));
        rest = after;
    }
    // The program has answered all bytes but the last before the check reads: it takes a byte only
    // when it has answered the one before.
    let shown = picture(&[&words[..], &["byte-by-byte"]].concat());
    assert!(
        shown.contains(", of "),
        "several sends in one recv: {shown}"
    );
}

pub fn where_nothing_can_be_traced_the_checks_own_record_is_drawn() {
    let program = command("dsd-eof/one-recv.py");
    let words = [
        "check",
        "dsd-eof",
        "--server",
        &program,
        "--trace",
        "--only",
        "byte-by-byte",
    ];
    let output = without_ptrace(&words);
    let shown = text(&output);
    assert_eq!(code(&output), 1, "{shown}{}", errors(&output));
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains(
            "this is what the check saw, without the program's calls: this system does not let one \
             program trace another"
        ),
        "{shown}"
    );
    assert!(shown.contains("send 1 \"h\""), "{shown}");
    assert!(shown.contains("prints \"Connected by"), "{shown}");
    assert!(!shown.contains("recv(65536)"), "{shown}");
}

pub fn an_ordinary_user_sees_the_programs_calls_and_the_segments() {
    // That user may have no cargo: in its place is a script that names what is built here.
    let tracer = lab_core::cargo::build_tool_in(workspace(), "lab-trace").unwrap();
    let folder = Folder::new("ordinary");
    let built = serde_json::json!({"target": {"name": "lab-trace"}, "executable": tracer});
    let cargo = folder.write("cargo", &format!("#!/bin/sh\necho '{built}'\n"));
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .args(["--inh-caps=-all", "--bounding-set=-all"])
        .arg(binary())
        .args(["check", "dsd-eof", "--trace", "--only", "byte-by-byte"])
        .args(["--server", &command("dsd-eof/one-recv.py")])
        .current_dir(workspace())
        .env("CARGO", cargo)
        .output()
        .unwrap();
    let shown = text(&output);
    assert_eq!(code(&output), 1, "{shown}{}", errors(&output));
    for told in ["1 byte \"h\"", "#2 recv(65536) = 1 \"h\"", "SYN,ACK"] {
        assert!(shown.contains(told), "{told} is not in {shown}");
    }
}

/// Prints and answers what would end a page's text, and where it is.
const HOSTILE: &str = "import os, socket, sys
print('</iframe></script><script>alert(1)</script>', os.getcwd(), flush=True)
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    peer, _ = listener.accept()
    peer.recv(100)
    peer.sendall(b'</iframe><script>alert(2)</script>\"')
    peer.close()
";

pub fn each_submission_has_a_page_that_harms_nobody_and_an_index_leads_to_it() {
    let folder = Folder::new("grade-pages");
    folder.write("in/anna b<i>/server.py", HOSTILE);
    folder.write("in/ben/server.py", &gallery("dsd-eof/right.py"));
    let out = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
        "--out",
        &folder.word("out"),
        "--case",
        "whole",
        "--trace",
    ]);
    assert_eq!(code(&out), 1, "{}{}", text(&out), errors(&out));
    let index = folder.read("out/index.html");
    assert!(
        index.contains("<a href=\"./anna%20b%3Ci%3E.html\">anna b&lt;i&gt;</a>"),
        "{index}"
    );
    assert!(index.contains("<a href=\"./ben.html\">ben</a>"), "{index}");
    let page = folder.read("out/anna b<i>.html");
    assert_eq!(page.matches("<iframe ").count(), 1);
    assert_eq!(page.matches("</iframe>").count(), 1, "{page}");
    let (before, frame) = page.split_once(" srcdoc=\"").unwrap();
    let (frame, after) = frame.split_once('"').unwrap();
    // The run, and what moves through it: nothing that the program printed.
    assert_eq!(frame.matches("<script").count(), 2, "{frame}");
    assert!(!before.contains("<script") && !after.contains("<script"));
    assert!(
        frame.contains("prints &amp;quot;&amp;lt;/iframe&amp;gt;&amp;lt;/script"),
        "{frame}"
    );
    for place in [
        folder.word("in"),
        workspace().to_string_lossy().into_owned(),
    ] {
        assert!(!page.contains(&place), "{place} in {page}");
    }
    for outside in ["http:", "https:", "src=\"", "@import", "url("] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
}
