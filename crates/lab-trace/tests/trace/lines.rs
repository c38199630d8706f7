//! The line of the source under each call.

use std::collections::BTreeSet;
use std::fs;

use crate::{calls, journal, trace};

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_a_program_in_rust_have_their_lines_and_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("run.html");
    let output = trace(folder.path())
        .args(["dsd-eof", "--out"])
        .arg(&page)
        .output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let journal = journal(folder.path());
    let mut steps = BTreeSet::new();
    for call in calls(&journal) {
        let source = call.source.as_ref().unwrap_or_else(|| panic!("{call:?}"));
        assert_eq!(source.file, "main.rs", "{call:?}");
        let word = match call.name.as_str() {
            "accept4" => "accept",
            "recvfrom" => "read_message",
            "sendto" => "write_all",
            "socket" => "Socket::new",
            "setsockopt" | "close" => continue,
            name => name,
        };
        assert!(source.text.contains(word), "{call:?}");
        let step = source.step.as_deref().unwrap_or_else(|| panic!("{call:?}"));
        steps.insert(step.split_once(". ").expect("a number").1.to_string());
    }
    for step in [
        "Create the listening socket",
        "Connect to the server: TCP's handshake",
    ] {
        assert!(steps.contains(step), "{steps:?}");
    }
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("<code>listener.bind("), "{page}");
}
