//! The same verdict each time, and how long it takes:
//! for every side of every exercise that the tool lists.

use std::collections::BTreeMap;
use std::env;
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::strangers::while_scanned;
use crate::tool::{code, errors, run, text};

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Every exercise with its sides, and whether the list says that a side has to wait.
fn sides() -> Vec<(String, String, bool)> {
    let list = text(&run(&["check"]));
    let sides: Vec<_> = list
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let word = |word: Option<&str>| word.unwrap().to_string();
            (
                word(words.next()),
                word(words.next()),
                line.contains("(waits "),
            )
        })
        .collect();
    assert!(sides.len() >= 20, "{list}");
    sides
}

/// Keeps every processor busy with something else until it is dropped.
struct Load<'scope>(&'scope AtomicBool);

impl<'scope> Load<'scope> {
    fn on(scope: &'scope thread::Scope<'scope, '_>, over: &'scope AtomicBool) -> Self {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        Load(over)
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Full checks of each of our own programs, while something else loads all processors and scans the
/// machine's ports: LAB_REPEATS of them (50), or as many as begin within LAB_REPEATS_SECONDS.
/// LAB_REPEATS_OF=python takes the twins.
pub fn the_verdict_on_our_own_programs_is_the_same_each_time() {
    let rounds = setting("LAB_REPEATS", 50);
    let seconds = Duration::from_secs(setting("LAB_REPEATS_SECONDS", 24 * 3600));
    let of = env::var("LAB_REPEATS_OF").unwrap_or_else(|_| "rust".to_string());
    let begin = Instant::now();
    let over = AtomicBool::new(false);
    let mut runs: BTreeMap<String, u64> = BTreeMap::new();
    let mut flakes = Vec::new();
    let repeated = || 'rounds: {
        for round in 0..rounds {
            for (exercise, side, _) in sides() {
                if begin.elapsed() > seconds {
                    break 'rounds;
                }
                let out = run(&["check", &exercise, &side, &of]);
                *runs.entry(format!("{exercise} {side}")).or_default() += 1;
                if code(&out) != 0 {
                    let told = format!(
                        "round {round}: {exercise} {side}\n{}{}",
                        text(&out),
                        errors(&out)
                    );
                    eprintln!("{told}");
                    flakes.push(told);
                }
            }
        }
    };
    thread::scope(|scope| {
        let _load = Load::on(scope, &over);
        while_scanned(repeated);
    });
    for (side, count) in &runs {
        eprintln!("{side:34} {count:3} runs");
    }
    eprintln!("{} of {} differ", flakes.len(), runs.values().sum::<u64>());
    assert!(flakes.is_empty(), "{}", flakes.join("\n"));
}

fn has_autobahn() -> bool {
    let mut python = std::process::Command::new("python3");
    python.args(["-c", "import autobahn"]);
    python.output().is_ok_and(|output| output.status.success())
}

/// The table of times in the README: medians of three, for our programs and their twins.
pub fn a_check_of_a_server_that_passes_takes_three_seconds() {
    const RUNS: usize = 3;
    println!("| exercise | side | Rust | Python |\n|---|---|---|---|");
    let mut slow = Vec::new();
    for (exercise, side, waits) in sides() {
        let median = |of: &str| {
            let mut took: Vec<f64> = (0..RUNS)
                .map(|_| {
                    let begin = Instant::now();
                    let out = run(&["check", &exercise, &side, of]);
                    let took = begin.elapsed().as_secs_f64();
                    assert_eq!(code(&out), 0, "{}", text(&out));
                    // What is told at the end: without the time that cargo takes to find that
                    // nothing is to be built.
                    let told = text(&out);
                    let told = told
                        .rsplit_once(", ")
                        .and_then(|(_, rest)| rest.split_once(" s)"));
                    told.and_then(|(seconds, _)| seconds.parse().ok())
                        .unwrap_or(took)
                })
                .collect();
            took.sort_by(f64::total_cmp);
            took[RUNS / 2]
        };
        let rust = median("rust");
        // The only twins that need more than Python itself.
        let needs_library = exercise == "transparency-middleware" && !has_autobahn();
        let python = (!needs_library).then(|| median("python"));
        let python_words = python.map_or("needs autobahn".to_string(), |python| {
            format!("{python:.1} s")
        });
        let role = side.trim_start_matches("--");
        println!(
            "| {exercise} | {role}{} | {rust:.1} s | {python_words} |",
            if waits { ", which has to wait" } else { "" }
        );
        if !waits && role == "server" && rust.max(python.unwrap_or(0.0)) > 3.0 {
            slow.push(format!("{exercise} {side}: {rust:.1} s, {python_words}"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
