//! A long run is recorded in bounded memory, and its picture stays short.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::{Pair, exercises, journal, saw_the_wire, segments, stdout};

/// What the tracer and the programs may need each, in kilobytes.
const MOST_MEMORY: u64 = 400_000;
/// Lines of a picture.
const MOST_LINES: usize = 600;

/// Runs a command, and prints the most memory that a process of it had.
const MEASURE: &str = "import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print('kB', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
";

#[test]
#[ignore = "sends a gigabyte; .ci/run traces"]
fn a_gigabyte_is_traced_in_bounded_memory() {
    let pair = Pair::new(
        "peer, _ = listener.accept()
count = 0
while data := peer.recv(1 << 20): count += len(data)
print('received', count)
",
        "for _ in range(1 << 14): peer.sendall(bytes(1 << 16))\n",
    );
    let traced = pair.command();
    let output = Command::new("python3")
        .args(["-c", MEASURE])
        .arg(traced.get_program())
        .args(traced.get_args())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("it runs");
    let shown = stdout(&output);
    assert!(output.status.success(), "{output:?}");
    assert!(shown.contains("received 1073741824\n"), "{shown}");
    let kilobytes = shown.lines().find_map(|line| line.strip_prefix("kB "));
    let kilobytes: u64 = kilobytes.and_then(|it| it.parse().ok()).expect("a number");
    assert!(kilobytes < MOST_MEMORY, "{kilobytes} kB");
    assert!(shown.lines().count() < MOST_LINES, "{shown}");
    let says_how_much = shown.contains("times more") || shown.contains("what is left out here");
    assert!(says_how_much, "{shown}");
    // Each byte is counted, whether it was kept or not.
    let journal = journal(pair.folder.path());
    let received = crate::calls(&journal).filter_map(|call| call.data.as_ref());
    let received: u64 = received
        .filter(|data| !data.sent)
        .map(|data| data.length)
        .sum();
    assert_eq!(received, 1 << 30);
}

#[test]
fn an_ordinary_user_gets_every_packet_of_a_flood() {
    let pair = Pair::new(
        "peer, _ = listener.accept()\nwhile peer.recv(1 << 20): pass\n",
        "for _ in range(1 << 10): peer.sendall(bytes(1 << 16))\n",
    );
    let everyone = Permissions::from_mode(0o777);
    fs::set_permissions(pair.folder.path(), everyone).expect("it is ours");
    let mut command = pair.command();
    if exercises::is_root() {
        command.uid(exercises::NOBODY).gid(exercises::NOBODY);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let journal = journal(pair.folder.path());
    if !saw_the_wire(&journal) {
        return;
    }
    assert!(journal.notes.is_empty(), "{:?}", journal.notes);
    assert_eq!(journal.left_out, 0);
    // A retransmission carries the same bytes once more.
    let new = segments(&journal).into_iter().filter(|it| !it.again);
    let carried: u64 = new.map(|segment| segment.length).sum();
    assert_eq!(carried, 1 << 26);
}
