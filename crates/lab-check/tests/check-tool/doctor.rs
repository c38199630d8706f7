//! `cargo lab doctor`.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::tool::{Folder, code, json, lab, run, sheets_ports, text};

/// The findings about something, as (level, what, hint).
fn findings(result: &Value, subject: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    result["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["subject"] == subject)
        .map(|finding| {
            (
                text(&finding["level"]),
                text(&finding["what"]),
                text(&finding["hint"]),
            )
        })
        .collect()
}

pub fn it_says_what_is_there_and_who_holds_a_port() {
    let _ports = sheets_ports();
    // Held by this test, unless something else holds it already: then that is to be found.
    let held = TcpListener::bind("127.0.0.1:1234");
    let out = run(&["doctor", "--format", "json"]);
    drop(held);
    let result = json(&out);
    assert_eq!(result["schema"], "lab-doctor/1");
    for subject in ["Rust", "IPv4"] {
        let found = findings(&result, subject);
        assert_eq!(found[0].0, "ok", "{found:?}");
    }
    assert!(findings(&result, "Rust")[0].1.contains("1.95 or newer"));
    for subject in ["Python", "IPv6", "own name", "check"] {
        assert_eq!(findings(&result, subject).len(), 1, "{subject}");
    }
    for subject in ["nc", "telnet", "C compiler", "bubblewrap"] {
        let found = findings(&result, subject);
        assert_eq!(found.len(), 1, "{subject}");
        assert_eq!(
            found[0].0 == "note",
            found[0].1.contains("missing: "),
            "{found:?}"
        );
    }
    let ports = findings(&result, "ports");
    let taken = ports
        .iter()
        .find(|(_, what, _)| what.starts_with("tcp port 1234 "))
        .unwrap_or_else(|| panic!("{ports:?}"));
    assert_eq!(taken.0, "problem");
    assert!(taken.1.contains("is held by process"), "{taken:?}");
    assert!(taken.2.contains("kill "), "{taken:?}");
    assert_eq!(code(&out), 1);
    let problems = result["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "problem")
        .count();
    assert_eq!(result["problems"], problems);
}

/// A machine with a package manager and nothing else.
pub fn it_says_how_to_get_what_is_missing_on_this_system() {
    let folder = Folder::new("doctor-tools");
    for manager in ["dnf", "sudo"] {
        folder.write(&format!("bin/{manager}"), "");
    }
    let out = lab(&["doctor", "--format", "json"])
        .env("PATH", folder.path("bin"))
        .output()
        .unwrap();
    let result = json(&out);
    for (subject, command) in [
        ("nc", "sudo dnf install nmap-ncat"),
        ("telnet", "sudo dnf install telnet"),
        ("C compiler", "sudo dnf install gcc"),
        ("bubblewrap", "sudo dnf install bubblewrap"),
        ("Python", "sudo dnf install python3"),
    ] {
        let found = findings(&result, subject);
        assert_eq!(
            (found[0].0.as_str(), found[0].2.as_str()),
            ("note", command)
        );
    }
}

pub fn it_finds_what_a_check_left_that_is_gone() {
    let folder = Folder::new("doctor");
    // A process id that was one a moment ago.
    let mut gone = Command::new("true").spawn().unwrap();
    let check = gone.id();
    gone.wait().unwrap();
    folder.write(&format!(".result.json.{check}.lab-check"), "half a res");
    let mut left = Command::new("sleep")
        .arg("1000")
        .env("LAB_CHECK", format!("{check}.0"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let out = lab(&["doctor"])
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    left.kill().unwrap();
    left.wait().unwrap();
    let said = text(&out);
    assert!(
        said.contains(&format!(
            "process {} (sleep) was started by a check that is gone",
            left.id()
        )),
        "{said}"
    );
    assert!(
        said.contains(&format!("hint: kill {}", left.id())),
        "{said}"
    );
    assert!(
        said.contains("is a result that was never finished"),
        "{said}"
    );
    assert_eq!(code(&out), 1);
}
