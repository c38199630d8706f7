//! The line of the source under each call.

use std::collections::BTreeSet;
use std::fs;

use crate::{calls, journal, trace};

#[test]
fn calls_have_their_lines_and_steps() {
    // Lines of machine code are found on this processor alone.
    let languages = match cfg!(target_arch = "x86_64") {
        true => vec!["rust", "python"],
        false => vec!["python"],
    };
    for language in languages {
        let folder = tempfile::tempdir().expect("a folder");
        let page = folder.path().join("run.html");
        let output = trace(folder.path())
            .args([
                "dsd-eof", "--server", language, "--client", language, "--out",
            ])
            .arg(&page)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let journal = journal(folder.path());
        let mut steps = BTreeSet::new();
        for call in calls(&journal) {
            let source = call.source.as_ref().unwrap_or_else(|| panic!("{call:?}"));
            let (file, receive, send, make) = match language {
                "rust" => ("main.rs", "read_message", "write_all", "Socket::new"),
                _ => ("twin.py", "recv", "sendall", "socket.socket"),
            };
            assert_eq!(source.file, file, "{call:?}");
            let word = match call.name.as_str() {
                "accept4" => "accept",
                "recvfrom" => receive,
                "sendto" => send,
                "socket" => make,
                "bind" | "listen" | "connect" => &call.name,
                "close" => {
                    // The end of a block closes it, or `with` does.
                    assert_eq!(source.step, None, "{call:?}");
                    continue;
                }
                _ => continue,
            };
            assert!(source.text.contains(word), "{call:?}");
            steps.extend(
                source
                    .step
                    .as_ref()
                    .map(|step| step.split_once(". ").expect("a number").1),
            );
        }
        for step in [
            "Create the listening socket",
            "Connect to the server: TCP's handshake",
        ] {
            assert!(steps.contains(step), "{language}: {steps:?}");
        }
        let page = fs::read_to_string(page).expect("a page");
        assert!(page.contains("<code>listener.bind("), "{page}");
    }
}
