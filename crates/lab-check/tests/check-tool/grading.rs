//! `cargo lab grade`.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::tool::{Folder, code, errors, gallery, lab, processes_with, run, signal, text, until};

/// A submission that binds, listens, and then does nothing for ever.
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
    // What the sheet asks for counts 28, of which the first case counts 3 here and not 1; of nine other cases one counts nothing.
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
    assert!(line(&table, "ben").contains("takes one recv for one message"));
    assert!(table.contains("5 submissions in"), "{table}");
    let mut expected = Vec::new();
    for name in ["anna", "ben", "carla", "dora", "emil"] {
        expected.extend(["json", "txt", "xml"].map(|end| format!("{name}.{end}")));
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
        "--only",
        "whole",
        "--only",
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

/// 100 submissions, three of which hang, in three minutes on two processors.
pub fn a_hundred_submissions_take_less_than_three_minutes() {
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
    let begin = Instant::now();
    let out = run(&[
        "grade",
        &folder.word("in"),
        "--exercise",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
        "--out",
        &folder.word("out"),
    ]);
    let took = begin.elapsed();
    let csv = folder.read("out/grades.csv");
    eprintln!("{}{took:?}", text(&out));
    for number in 0..100 {
        let row = fields(&csv, &format!("s{number:02}"));
        let right = number < 97 && kinds[number % kinds.len()] == "right";
        assert_eq!(row[1], if right { "right" } else { "wrong" }, "{csv}");
    }
    assert!(took < Duration::from_secs(180), "{took:?}");
}
