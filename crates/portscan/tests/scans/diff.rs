//! What differs between two scans.

use std::fs;
use std::net::TcpListener;

use crate::command::{path_in, run, stderr, stdout};
use crate::namespace::{in_own_network, test_name};

#[test]
fn two_scans_are_compared() {
    in_own_network(test_name!(), || {
        let folder = tempfile::tempdir().unwrap();
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            (listener, port)
        };
        let scan = |name: &str, format: &str, ports: &str| {
            let out = path_in(&folder, name);
            let output = run(&["127.0.0.1", "-p", ports, "--format", format, "--out", &out]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            out
        };
        let (_stays, _) = listen();
        let (goes, gone) = listen();
        let before = scan("before", "json", "-");
        let same = scan("same", "jsonl", "-");
        drop(goes);
        let (_comes, come) = listen();
        let after = scan("after", "jsonl", "-");
        let few = scan("few", "json", "1-2");

        let output = run(&["diff", &before, &same]);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(0), "")
        );
        let output = run(&["diff", &before, &after]);
        let mut expected = [
            (
                gone,
                format!("- 127.0.0.1 port {gone}: open before, not open now\n"),
            ),
            (
                come,
                format!("+ 127.0.0.1 port {come}: not open before, open now\n"),
            ),
        ];
        expected.sort();
        assert_eq!(stdout(&output), expected.map(|(_, line)| line).concat());
        assert_eq!(output.status.code(), Some(1));
        // A port that was not scanned again is not one that has closed.
        assert_eq!(run(&["diff", &before, &few]).status.code(), Some(0));

        let text = fs::read_to_string(&after).unwrap();
        let cut = path_in(&folder, "cut");
        fs::write(&cut, text.lines().next().unwrap()).unwrap();
        for (other, words) in [
            (cut.as_str(), "its end is missing"),
            ("/nowhere", "cannot read"),
        ] {
            let output = run(&["diff", &before, other]);
            assert_eq!(output.status.code(), Some(2));
            assert!(stderr(&output).contains(words), "{}", stderr(&output));
            assert!(stderr(&output).contains("\nhint: "));
        }
    });
}
