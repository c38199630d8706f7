//! Wrong words on the command line: what is wrong, and what was meant; and what `rust` stands for.

use std::process::Command;
use std::time::Instant;

use crate::tool::{Folder, code, errors, json, lab, run};

pub fn a_wrong_command_line_is_told_with_what_was_meant() {
    for (words, says) in [
        (
            &["check", "dsd-sum", "--server"][..],
            "No value provided for option '--server'.",
        ),
        (
            &["check", "dsd-sum", "--server", "--only", "whole"],
            "No value provided for option '--server'.",
        ),
        (&["check", "DSD-SUM"], "did you mean dsd-sum?"),
        (&["watch", "dsd-smu", "--next"], "did you mean dsd-sum?"),
        (
            &["check", "dsd-sum", "--sever", "x"],
            "did you mean --server?",
        ),
        (
            &["check", "dsd-sum", "--only", "hole"],
            "cargo lab check dsd-sum --list shows them",
        ),
    ] {
        let out = run(words);
        assert_eq!(code(&out), 3, "{words:?}: {}", errors(&out));
        assert!(errors(&out).contains(says), "{words:?}: {}", errors(&out));
    }
}

pub fn the_time_in_which_our_own_program_is_built_does_not_count() {
    let folder = Folder::new("slow-cargo");
    let cargo = std::env::var("CARGO").unwrap_or("cargo".to_string());
    // Written by another process: one that this test has open for writing could not be started.
    let script = format!("printf '#!/bin/sh\nsleep 3\nexec {cargo} \"$@\"\n' > $0; chmod +x $0");
    let slow = folder.word("cargo");
    let written = Command::new("sh").args(["-c", &script, &slow]).status();
    assert!(written.unwrap().success());
    let begin = Instant::now();
    let words = [
        "check",
        "dsd-sum",
        "--client",
        "rust",
        "--only",
        "no-server",
    ];
    let out = lab(&[&words[..], &["--format", "json"]].concat())
        .env("CARGO", &slow)
        .output()
        .unwrap();
    let took = begin.elapsed().as_secs_f64();
    let result = json(&out);
    assert_eq!(code(&out), 0, "{result}");
    let counted = result["seconds"].as_f64().unwrap();
    assert!(counted + 3.0 <= took, "{counted} s of {took} s");
}
