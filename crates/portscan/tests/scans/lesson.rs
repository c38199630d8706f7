//! The lesson's traps (`lesson/trap.py`), as a student runs them: without root where the system
//! allows that.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{stderr, stdout};
use crate::link::{beside_others, nobody};
use crate::namespace::test_name;

/// Runs a command in the network of a trap.
fn in_trap(trap: &str, command: &[&str]) -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script: PathBuf = package.join("lesson/trap.py");
    // One that an ordinary user may start.
    let programs = ["python3", "/usr/bin/python3"];
    let is_his = |program: &&str| {
        let tried = nobody(program).args(["-c", "import ctypes"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let his = programs.into_iter().find(is_his);
    let mut python = his.map_or_else(|| Command::new("python3"), nobody);
    let output = python
        .arg(script)
        .arg(trap)
        .args(command)
        .current_dir(package)
        .output()
        .unwrap();
    let told = stderr(&output);
    println!("{told}{}", stdout(&output));
    assert!(told.contains("10.200.0.2 is"), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    stdout(&output)
}

/// What portscan says about a trap.
fn portscan(trap: &str, options: &[&str]) -> String {
    let command = [env!("CARGO_BIN_EXE_portscan"), "10.200.0.2"];
    in_trap(trap, &[&command[..], options].concat())
}

fn play(name: &str, test: impl FnOnce()) {
    let missing = ["python3", "nft"].into_iter().find(|program| {
        let tried = Command::new(program).arg("--version").output();
        !tried.is_ok_and(|tried| tried.status.success())
    });
    if let Some(program) = missing {
        println!("{name} is not tested without {program}");
        return;
    }
    beside_others(name, test);
}

#[test]
#[ignore = "long; .ci/run scans"]
fn near_refusals() {
    play(test_name!(), || {
        let report = portscan("near-refusals", &["--top", "100"]);
        assert!(report.contains(": 4 open, 96 closed"), "{report}");
        // The patience that the refusals suggest.
        let short = ["--top", "100", "--timeout", "0.1"];
        let report = portscan("near-refusals", &short);
        // On a busy machine some answers come in time: what is missed is in doubt all the same.
        assert!(report.contains("96 closed"), "{report}");
        assert!(!report.contains(": 4 open"), "{report}");
        assert!(report.starts_with("uncertain: "), "{report}");
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_syn_guard() {
    play(test_name!(), || {
        let report = portscan("syn-guard", &["--ports", "1-300"]);
        assert!(report.contains(": 20 open, 280 closed"), "{report}");
        let twin = ["python3", "twin.py", "10.200.0.2", "--ports", "1-300"];
        let found = in_trap("syn-guard", &twin).lines().count();
        assert!(found < 20, "the student's scanner finds {found} of 20");
    });
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_syn_proxy() {
    play(test_name!(), || {
        let report = portscan("syn-proxy", &["--ports", "1-100", "--banner"]);
        assert!(report.contains(": 100 open"), "{report}");
        assert!(report.starts_with("uncertain: "), "{report}");
        assert!(report.contains("a SYN proxy may answer for it"), "{report}");
        let speaks: Vec<&str> = report
            .lines()
            .filter(|line| line.contains("SSH-2.0-lesson"))
            .collect();
        assert!(
            speaks.len() == 1 && speaks[0].contains("   22  open"),
            "{report}"
        );
    });
}
