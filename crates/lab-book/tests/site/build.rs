//! The command: what it replaces, and what Ctrl-C leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::site::workspace;

fn book() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab-book"));
    command.arg("book").current_dir(workspace());
    command
}

pub fn a_folder_that_is_no_book_stays_and_nothing_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("book.css"), "p {}").unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let output = book().arg("--out").arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has files that are not a book's"), "{said}");
    assert!(said.contains("name a new folder with --out"), "{said}");
    assert!(!said.contains("recording"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(
        fs::read_to_string(folder.path().join("mine.txt")).unwrap(),
        "mine"
    );
}

pub fn ctrl_c_leaves_no_half_book() {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().join("book");
    let mut child = book()
        .arg("--out")
        .arg(&place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun = lines.find(|line| {
        line.as_ref()
            .is_ok_and(|line| line.starts_with("recording "))
    });
    assert!(begun.is_some(), "no run was begun");
    let signal = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signal.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
}

/// In a user namespace that may have no networks, as on a system that forbids them.
pub fn without_networks_it_says_what_to_do() {
    let run = "echo 0 >/proc/sys/user/max_net_namespaces && exec \"$@\"";
    for command in [&["book"][..], &["predict", "dsd-eof"]] {
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "sh", "-c", run, "sh"])
            .arg(env!("CARGO_BIN_EXE_lab-book"))
            .args(command)
            .current_dir(workspace())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("a network of its own"), "{said}");
        assert!(
            said.contains("hint: Ubuntu: sudo sysctl --write kernel.apparmor"),
            "{said}"
        );
    }
}
