//! `scripts/bench`: its own tests, and that every benchmark
//! still runs. What it measures is not judged here.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::process::Command;

use tests::binaries::workspace;
use tests::{Finished, Program};

/// `python3` in the workspace's root.
fn python(words: &[&str]) -> Finished {
    let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
    command.args(words).current_dir(workspace());
    Program::new("python3", command).that_builds().run()
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(not(unix), ignore = "the driver uses process groups")]
fn the_driver_of_the_benchmarks_passes_its_own_tests() {
    let tested = python(&[
        "-m",
        "unittest",
        "discover",
        "--start-directory=scripts/bench/driver",
        "--top-level-directory=scripts/bench",
    ]);
    assert_eq!(tested.code, Some(0), "{}", tested.stderr);
    assert!(tested.stderr.contains("OK"), "{}", tested.stderr);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(not(unix), ignore = "the driver uses process groups")]
#[cfg_attr(
    all(unix, not(no_python)),
    ignore = "builds and starts every peer: add -- --include-ignored"
)]
fn every_benchmark_runs_with_tiny_sizes() {
    let smoke = python(&["scripts/bench", "--smoke"]);
    assert_eq!(smoke.code, Some(0), "{}\n{}", smoke.stdout, smoke.stderr);
    let tables = smoke.stdout.matches("| figure").count();
    let benchmarks = python(&["scripts/bench", "--list"]).stdout;
    let named = benchmarks
        .lines()
        .filter(|line| !line.starts_with(' '))
        .count();
    assert!(named > 0, "{benchmarks}");
    // A benchmark that cannot run on this machine at all says so in the place of its table.
    let left_out = smoke.stdout.matches("\nLeft out here: ").count();
    assert!(
        tables + left_out >= named,
        "{named} benchmarks, {tables} tables:\n{}\n{}",
        smoke.stdout,
        smoke.stderr
    );
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
#[cfg_attr(not(unix), ignore = "the driver uses process groups")]
fn a_wrong_command_line_of_the_benchmarks_is_told_from_a_missed_bound() {
    for words in [
        &["no-such-benchmark"][..],
        &["--runs", "4"],
        &["--write", "--smoke"],
    ] {
        let refused = python(&[&["scripts/bench"], words].concat());
        assert_eq!(refused.code, Some(2), "{words:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("error: "),
            "{words:?}: {}",
            refused.stderr
        );
    }
}
