//! `cargo lab grade`.
//!
//! One file, since it is one command.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::tool::{
    Folder, code, errors, gallery, json, lab, processes_with, run, signal, text, until, workspace,
};

/// A submission that binds, listens, and then does nothing forever.
const HANGS: &str = "import socket, sys, time\n\
    s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n\
    while True: time.sleep(1)\n";
/// A submission that prints without end.
const FLOODS: &str = "while True: print('x' * 1000)\n";

/// The lines of the table on stdout or in the CSV that begin with a submission's name.
fn line<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_else(|| panic!("no line for {name} in:\n{text}"))
}

fn fields(csv: &str, name: &str) -> Vec<String> {
    line(csv, name).split(',').map(String::from).collect()
}

pub fn every_submission_gets_a_line_and_a_result_whatever_it_does() {
    let folder = Folder::new("grade");
    folder.write("in/anna/server.py", &gallery("dsd-eof/right.py"));
    folder.write("in/ben/server.py", &gallery("dsd-eof/one-recv.py"));
    folder.write("in/carla/server.py", FLOODS);
    folder.write("in/dora/server.py", HANGS);
    folder.write("in/emil/other.py", "");
    folder.write("in/.hidden/server.py", "");
    folder.write("in/notes.txt", "not a submission");
    let out = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
        "--out",
        &folder.word("out"),
        "--patience",
        "2",
        "--weight",
        "whole=3",
        "--weight",
        "many=0",
        "--format",
        "junit",
        "--format",
        "human",
    ]);
    let (table, csv) = (text(&out), folder.read("out/grades.csv"));
    assert_eq!(code(&out), 1, "{table}{}", errors(&out));
    // What the sheet asks for counts 28, of which the first case counts 3 here and not 1; of nine
    // other cases one counts nothing.
    let counts = |name: &str| -> Vec<u32> {
        let fields = fields(&csv, name);
        fields[2..10]
            .iter()
            .map(|field| field.parse().unwrap())
            .collect()
    };
    assert_eq!(fields(&csv, "anna")[1], "right");
    assert_eq!(counts("anna")[..4], [30, 30, 8, 8]);
    assert_eq!(fields(&csv, "ben")[1], "wrong");
    // A case that was skipped has shown nothing.
    let ben = counts("ben");
    assert_eq!(ben[4..].iter().sum::<u32>(), 22, "{csv}");
    assert!(ben[6] > 0, "{csv}");
    // What the exercise is about counts most: one recv for one message earns less than half.
    assert!(ben[0] > 0 && ben[0] < 15, "{csv}");
    assert!(line(&csv, "carla").contains("whole: floods"), "{csv}");
    assert!(line(&csv, "dora").contains("whole: never-accepts"), "{csv}");
    // One that has not handed in the file that the command names.
    assert_eq!(fields(&csv, "emil")[1..3], ["undecided", "0"], "{csv}");
    assert!(line(&csv, "emil").contains("server.py"), "{csv}");
    assert!(!csv.contains("hidden") && !csv.contains("notes"), "{csv}");
    assert!(line(&table, "ben").contains("treats one recv as one message"));
    assert!(table.contains("5 submissions in"), "{table}");
    let mut expected = Vec::new();
    for name in ["anna", "ben", "carla", "dora", "emil"] {
        expected.extend(["full.txt", "json", "txt", "xml"].map(|end| format!("{name}.{end}")));
    }
    expected.push("grades.csv".to_string());
    assert_eq!(folder.names("out"), expected);
    assert!(folder.read("out/ben.txt").contains("recv gives what has"));
}

pub fn a_submission_that_writes_to_the_results_changes_none_of_them() {
    let folder = Folder::new("grade-writes");
    let out = folder.word("out");
    // In one process after the other, so that the first is graded before the second cheats.
    folder.write("in/a/server.py", &gallery("dsd-eof/one-recv.py"));
    folder.write(
        "in/b/server.py",
        &format!(
            "import pathlib\n\
             for name in ['a.json', 'a.txt', 'b.json', 'b.txt', 'grades.csv']:\n    \
                 (pathlib.Path('{out}') / name).write_text('full marks')\n{}",
            gallery("dsd-eof/right.py")
        ),
    );
    let done = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
        "--out",
        &out,
        "--case",
        "whole",
        "--case",
        "byte-by-byte",
        "--jobs",
        "1",
    ]);
    let table = text(&done);
    for name in ["a.json", "a.txt", "b.json", "b.txt", "grades.csv"] {
        assert!(
            !folder.read(&format!("out/{name}")).contains("full marks"),
            "{name}"
        );
    }
    assert!(
        table.contains("a.json was changed while b ran, and was put right"),
        "{table}"
    );
    assert!(
        table.contains("note: b: while the program under test ran, something wrote to"),
        "{table}"
    );
}

pub fn ctrl_c_writes_what_is_known_and_ends_every_program() {
    let folder = Folder::new("grade-stopped");
    folder.write("in/a/server.py", &gallery("dsd-eof/right.py"));
    let mark = folder.word("in/b/server.py");
    folder.write("in/b/server.py", HANGS);
    folder.write("in/c/server.py", HANGS);
    let child = lab(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
        "--out",
        &folder.word("out"),
        "--patience",
        "600",
        "--jobs",
        "1",
        "--limit",
        "600",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    until("the second submission", || {
        !processes_with(&mark).is_empty()
    });
    signal(&child, "INT");
    let out = child.wait_with_output().unwrap();
    let csv = folder.read("out/grades.csv");
    assert_eq!(code(&out), 130, "{}", errors(&out));
    assert_eq!(fields(&csv, "a")[1], "right", "{csv}");
    assert_eq!(fields(&csv, "b")[1], "trouble", "{csv}");
    assert_eq!(fields(&csv, "c")[1], "not checked", "{csv}");
    assert!(folder.read("out/b.json").contains("SIGTERM stopped it"));
    assert!(text(&out).contains("3 submissions"), "{}", text(&out));
    assert_eq!(processes_with(&mark), [0_u32; 0]);
}

/// What fourteen students read, each at most 60 lines: the
/// name, the score, what to fix first, each mistake once.
pub fn fourteen_students_read_their_score_and_each_mistake_once() {
    let folder = Folder::new("grade-fourteen");
    let programs = [
        ("anna", "right"),
        ("ben", "one-recv"),
        ("carla", "endswith"),
        ("dora", "strips"),
        ("emil", "leaks"),
        ("finn", "blocks-all"),
        ("greta", "decodes-pieces"),
        ("hugo", "syntax-error"),
        ("jan", "never-accepts"),
        ("kim", "no-reuseaddr"),
    ];
    for (name, program) in programs {
        let file = format!("in/{name}/{name}_server.py");
        folder.write(&file, &gallery(&format!("dsd-eof/{program}.py")));
        folder.write(&format!("in/{name}/client.py"), "");
    }
    // Its port is in the program; one folder too deep, an archive, and nothing.
    let right = gallery("dsd-eof/right.py");
    let fixed = right.replace("int(sys.argv[1])", "6667");
    assert_ne!(fixed, right);
    folder.write("in/ida/server.py", &fixed);
    folder.write("in/lea/lab1/server.py", &right);
    folder.write("zip/work/server.py", &right);
    let zipped = Command::new("python3")
        .args(["-m", "zipfile", "-c", &folder.word("in/max.zip"), "work"])
        .current_dir(folder.path("zip"))
        .status();
    assert!(zipped.unwrap().success());
    folder.write("in/nora/report.pdf", "no program");
    let (submissions, results) = (folder.word("in"), folder.word("out"));
    let words = [
        "grade",
        &submissions,
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {file} {port}",
        "--out",
        &results,
        "--patience",
        "2",
        "--points",
        "10",
    ];
    let out = run(&words);
    let csv = folder.read("out/grades.csv");
    assert_eq!(code(&out), 3, "{}{}", text(&out), errors(&out));
    let points = |name: &str| -> Option<f64> { fields(&csv, name)[4].parse().ok() };
    for name in ["anna", "kim", "emil", "lea", "max"] {
        assert_eq!(points(name), Some(10.0), "{name}: {csv}");
    }
    // What the exercise is about counts most; only the port is wrong; one client at a time.
    let between = |name: &str, low: f64, high: f64| {
        let found = points(name).unwrap();
        assert!(low < found && found < high, "{name}: {csv}");
    };
    between("ben", 0.0, 4.0);
    between("ida", 8.0, 10.0);
    between("finn", 5.0, 9.0);
    // There was nothing to grade: a gap, and no zero.
    let nora = fields(&csv, "nora");
    assert_eq!(nora[1], "trouble");
    assert!(nora[2..10].iter().all(String::is_empty), "{csv}");

    let names = programs.map(|(name, _)| name);
    for name in names.into_iter().chain(["ida", "lea", "max", "nora"]) {
        let told = folder.read(&format!("out/{name}.txt"));
        eprintln!("{told}");
        assert!(told.lines().count() <= 60, "{told}");
        assert_eq!(
            told.lines().next(),
            Some(format!("dsd-eof: {name}").as_str())
        );
        assert!(!told.contains(&folder.word("")), "{told}");
        assert!(!told.contains("{dir}"), "{told}");
        if name == "nora" {
            assert!(told.contains("There is no score"), "{told}");
            continue;
        }
        assert!(told.contains("\nScore: "), "{told}");
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        let result: Value =
            serde_json::from_str(&folder.read(&format!("out/{name}.json"))).unwrap();
        let failed = result["cases"].as_array().unwrap().iter();
        let failed: Vec<&Value> = failed.filter(|case| case["outcome"] == "failed").collect();
        for case in &failed {
            let title = case["title"].as_str().unwrap();
            let headings = [
                format!("Fix this first: {title}."),
                format!("breaks it first: {title}."),
                format!("- {title} ("),
                format!("- On a real network: {title} ("),
            ];
            let count: usize = headings
                .iter()
                .map(|one| flat.matches(one.as_str()).count())
                .sum();
            assert_eq!(count, 1, "{title}: {told}");
            let explained = case["explanation"].as_str().unwrap();
            assert!(flat.matches(explained).count() <= 1, "{told}");
            assert!(flat.contains(case["id"].as_str().unwrap()), "{told}");
        }
        let wrong = failed.iter().any(|case| case["question"] == "sheet");
        assert_eq!(told.contains("Fix this first: "), wrong, "{told}");
    }

    // One is handed in again: the others stay as they are.
    folder.write("in/ben/ben_server.py", &right);
    let again = run(&[&words[..], &["--only", "ben"]].concat());
    let second = folder.read("out/grades.csv");
    assert_eq!(fields(&second, "ben")[1], "right", "{second}");
    for name in ["anna", "carla", "ida", "max"] {
        let (now, then) = (fields(&second, name), fields(&csv, name));
        assert_eq!(now[..11], then[..11], "{}", text(&again));
    }
    let unknown = run(&[&words[..], &["--only", "benn"]].concat());
    assert!(
        errors(&unknown).contains("did you mean ben?"),
        "{}",
        errors(&unknown)
    );
}

/// The program is found before it is built: a compiler may put another one next to it. Each side is
/// built.
pub fn what_a_build_leaves_is_not_taken_for_the_program() {
    let folder = Folder::new("grade-two-files");
    folder.write("in/anna/server.py", &gallery("codio-echo/right.py"));
    folder.write("in/anna/client.py", &gallery("codio-echo/client-right.py"));
    let out = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "codio-echo",
        "--build",
        "sh -c 'cp {file} built-{file}'",
        "--server",
        "python3 built-{file} {port}",
        "--client",
        "python3 built-{file} {port}",
        "--case",
        "whole",
        "--case",
        "sends",
        "--out",
        &folder.word("out"),
    ]);
    let csv = folder.read("out/grades.csv");
    assert_eq!(code(&out), 0, "{csv}{}", errors(&out));
    assert_eq!(fields(&csv, "anna")[1], "right", "{csv}");
}

/// A program is built in its folder first; one that does not build is told so.
pub fn a_submission_is_built_before_it_is_checked() {
    let folder = Folder::new("grade-build");
    folder.write("in/anna/server.py", &gallery("dsd-eof/right.py"));
    folder.write("in/ben/my server.py", "def broken(:\n");
    let out = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--build",
        "python3 -m py_compile {file}",
        "--server",
        "python3 {file} {port}",
        "--case",
        "whole",
        "--out",
        &folder.word("out"),
    ]);
    let csv = folder.read("out/grades.csv");
    assert_eq!(code(&out), 1, "{csv}{}", errors(&out));
    assert_eq!(fields(&csv, "anna")[1], "right", "{csv}");
    assert_eq!(fields(&csv, "ben")[1..3], ["does not build", "0"], "{csv}");
    let told = folder.read("out/ben.txt");
    assert!(
        told.contains("Fix this first: the program does not build."),
        "{told}"
    );
    assert!(told.contains("SyntaxError"), "{told}");
    assert!(!told.contains(&folder.word("in")), "{told}");
}

/// What cases count, in the document as in the program.
pub fn the_table_of_weights_is_as_the_program_has_it() {
    let mut table = String::from("| exercise | side | what its cases count |\n|---|---|---|\n");
    for line in text(&run(&["check"])).lines() {
        let mut words = line.split_whitespace();
        let (exercise, side) = (words.next().unwrap(), words.next().unwrap());
        let listed = run(&["check", exercise, side, "x", "--list", "--format", "json"]);
        let listed = json(&listed);
        let cases = listed.as_array().unwrap().iter();
        let asked = cases.filter(|case| case["question"] == "sheet");
        let counts: Vec<String> = asked
            .map(|case| format!("{} {}", case["id"].as_str().unwrap(), case["weight"]))
            .collect();
        let side = side.trim_start_matches("--");
        table.push_str(&format!(
            "| {exercise} | {side} | {} |\n",
            counts.join(", ")
        ));
    }
    let path = workspace().join("crates/lab-check/GRADING.md");
    let document = fs::read_to_string(&path).unwrap();
    let from = document.find("| exercise | side |").unwrap_or(0);
    let to = document[from..]
        .find("\n\n")
        .map_or(document.len(), |at| from + at + 1);
    if std::env::var_os("LAB_UPDATE").is_some() {
        let updated = format!("{}{table}{}", &document[..from], &document[to..]);
        fs::write(&path, updated).unwrap();
    } else {
        assert_eq!(document[from..to], table);
    }
}

pub fn the_help_shows_places_as_they_are_typed() {
    for command in ["check", "grade", "watch", "doctor"] {
        let help = text(&run(&[command, "--help"]));
        assert!(!help.contains("{{") && !help.contains("}}"), "{help}");
    }
}

pub fn what_cannot_be_graded_is_said_before_anything_runs() {
    let folder = Folder::new("grade-wrong");
    folder.write("in/a/server.py", "");
    let (submissions, inside) = (folder.word("in"), folder.word("in/results"));
    let server = "python3 {dir}/server.py {port}";
    let refused = |words: &[&str], says: &str| {
        let out = run(&[&["grade", submissions.as_str()], words].concat());
        assert_eq!(code(&out), 3, "{words:?}");
        assert!(errors(&out).contains(says), "{}", errors(&out));
        assert!(errors(&out).contains("hint: "), "{}", errors(&out));
    };
    refused(&["--exercise", "dsd-eof"], "needs the command");
    refused(
        &["--exercise", "dsd-eoff", "--server", server],
        "did you mean dsd-eof?",
    );
    refused(
        &[
            "--exercise",
            "dsd-eof",
            "--server",
            server,
            "--out",
            &inside,
        ],
        "among the submissions",
    );
    refused(
        &[
            "--exercise",
            "dsd-eof",
            "--server",
            server,
            "--weight",
            "wohle=2",
        ],
        "has no case wohle",
    );
    fs::remove_dir_all(folder.path("in")).unwrap();
    fs::create_dir(folder.path("in")).unwrap();
    refused(
        &["--exercise", "dsd-eof", "--server", server],
        "holds no folders",
    );
}

/// 100 submissions, three of which hang: the same verdicts as where every
/// wait lasts as long as it may and each processor has one submission, in
/// half the time. That took 174 s on two processors on 2026-11-27.
pub fn a_hundred_submissions_take_half_the_time_of_full_waits() {
    let folder = Folder::new("grade-hundred");
    let kinds = [
        "right", "right", "right", "right", "one-recv", "endswith", "strips", "leaks", "spins",
        "right",
    ];
    for number in 0..97 {
        let program = gallery(&format!("dsd-eof/{}.py", kinds[number % kinds.len()]));
        folder.write(&format!("in/s{number:02}/server.py"), &program);
    }
    for number in 97..100 {
        folder.write(&format!("in/s{number}/server.py"), HANGS);
    }
    /// The place in a row that says how long its check took.
    const SECONDS: usize = 10;
    let processors = std::thread::available_parallelism().unwrap().to_string();
    let graded = |out: &str, full_waits: bool| {
        let (submissions, place) = (folder.word("in"), folder.word(out));
        let mut grade = lab(&[
            "grade",
            &submissions,
            "--exercise",
            "dsd-eof",
            "--server",
            "python3 {dir}/server.py {port}",
            "--out",
            &place,
        ]);
        if full_waits {
            grade.env("LAB_CHECK_FULL_WAITS", "1");
            grade.args(["--jobs", &processors]);
        }
        let begin = Instant::now();
        grade.output().unwrap();
        let took = begin.elapsed();
        let csv = folder.read(&format!("{out}/grades.csv"));
        let rows: Vec<Vec<String>> = (0..100)
            .map(|number| {
                let mut row = fields(&csv, &format!("s{number:02}"));
                row.remove(SECONDS);
                row
            })
            .collect();
        (rows, took, csv)
    };
    let (rows, took, csv) = graded("out", false);
    for (number, row) in rows.iter().enumerate() {
        // What leaks or spins does what its sheet asks for.
        let kind = kinds[number % kinds.len()];
        let right = number < 97 && ["right", "leaks", "spins"].contains(&kind);
        assert_eq!(row[1], if right { "right" } else { "wrong" }, "{csv}");
    }
    let (full_rows, full, _) = graded("full", true);
    let ratio = took.as_secs_f64() / full.as_secs_f64();
    eprintln!("{took:?}, {full:?} with full waits: ratio {ratio:.2}");
    assert_eq!(rows, full_rows);
    assert!(ratio <= 0.5, "{took:?} of {full:?}");
}
