//! A long run is recorded in bounded memory, and its picture stays short.

use std::process::Command;

use crate::{Pair, journal, stdout};

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
