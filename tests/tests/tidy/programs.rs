//! Lab programs: their header, their numbered steps, their Python twin and their size.
//!
//! One file, since each rule reads the same two files of a program, `main.rs` and `twin.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::binaries::workspace;
use tests::catalog::{Entry, entries, lab_programs};

use crate::{assert_tidy, file, files, folder, line_of, packages};

/// The most lines that a lab program's `main.rs` has.
const MAIN_LIMIT: usize = 140;

/// By this line a server has made all calls up to `listen`, or `bind` over UDP: the first screen.
const FIRST_SCREEN: usize = 60;

/// The header of a lab program, in the house order: what it is; Python; terminals; what you see;
/// safety.
fn bad_header(name: &str, text: &str, server: Option<&str>, own: &str) -> Vec<String> {
    let header: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let mut problems = Vec::new();
    let mut problem = |line: usize, what: &str| problems.push(format!("{name}:{line}: {what}"));
    if !header.first().is_some_and(|line| line.ends_with('.')) {
        problem(1, "begin with a sentence that says what the program is");
    }
    if header.get(1) != Some(&"//!") {
        problem(
            2,
            "an empty line is needed between that sentence and the rest",
        );
    }
    let terminals = if server.is_some() { 2 } else { 1 };
    let keys = ["Python", "Terminal 1", "Terminal 2", "You see", "Safety"];
    let keys = keys
        .iter()
        .filter(|key| terminals == 2 || **key != "Terminal 2");
    let mut place = 2;
    for key in keys {
        let Some(line) = header.get(place) else {
            problem(place + 1, &format!("the header lacks `{key}:`"));
            return problems;
        };
        let Some(value) = line.strip_prefix(&format!("//! {key}:")) else {
            problem(
                place + 1,
                &format!(
                    "`{key}:` belongs here: the order is Python, Terminal 1, Terminal 2, You see, Safety"
                ),
            );
            return problems;
        };
        let package = match (*key, server) {
            ("Terminal 1", Some(server)) => Some(server),
            ("Terminal 1", None) | ("Terminal 2", _) => Some(own),
            _ => None,
        };
        if let Some(package) = package {
            let command = value
                .trim()
                .strip_prefix('`')
                .and_then(|value| value.strip_suffix('`'));
            let wanted = format!("cargo run -p {package}");
            let right = command.and_then(|command| command.strip_prefix(&wanted));
            if !right.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
                problem(
                    place + 1,
                    &format!("the command is `{wanted}`, perhaps with arguments, and nothing else"),
                );
            }
        } else if value.trim().is_empty() {
            problem(place + 1, &format!("`{key}:` says nothing"));
        }
        place += 1;
        // A value may go on, indented.
        while header
            .get(place)
            .is_some_and(|line| line.starts_with("//!      "))
        {
            place += 1;
        }
    }
    problems
}

/// Server and client of the program's exercise; the program itself where it is alone.
pub fn sides(entry: &Entry, entries: &[Entry]) -> (Option<String>, String) {
    let with = |role: &str| {
        let found = entries
            .iter()
            .find(|e| e.exercise == entry.exercise && e.role == role);
        found.map(|e| e.package.clone())
    };
    (
        with("server"),
        with("client").unwrap_or_else(|| entry.package.clone()),
    )
}

#[test]
fn headers_have_the_house_order_and_the_right_commands() {
    let entries = entries();
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (name, text) = file(&entry.folder.join("src/main.rs"));
        let (server, own) = sides(&entry, &entries);
        bad_header(&name, &text, server.as_deref(), &own)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_header_out_of_order_or_with_a_wrong_command_is_found() {
    const GOOD: &str = concat!(
        "//! Does it.\n//!\n//! Python:     `twin.py`\n//! Terminal 1: `cargo run -p s`\n",
        "//! Terminal 2: `cargo run -p c 1 2`\n//! You see:    this,\n",
        "//!             and more\n//! Safety:     high\n\nfn main() {}\n",
    );
    let check = |text: &str| bad_header("x", text, Some("s"), "c").join("\n");
    assert_eq!(check(GOOD), "");
    assert!(check(&GOOD.replace("it.", "it")).contains("x:1: begin with a sentence"));
    assert!(
        check(&GOOD.replace("-p s`", "-p sum`")).contains("x:4: the command is `cargo run -p s`")
    );
    assert!(
        check(&GOOD.replace("-p c 1", "-p cc 1")).contains("x:5: the command is `cargo run -p c`")
    );
    assert!(check(&GOOD.replace("`cargo run -p s`", "cargo run -p s")).contains("x:4"));
    assert!(check(&GOOD.replace("//! Safety:     high\n", "")).contains("lacks `Safety:`"));
    assert!(
        check(&GOOD.replace("//! Python:     `twin.py`\n", ""))
            .contains("x:3: `Python:` belongs here")
    );
    assert!(check(&GOOD.replace("high", "")).contains("`Safety:` says nothing"));
    let alone = GOOD
        .replace("//! Terminal 2: `cargo run -p c 1 2`\n", "")
        .replace("-p s", "-p c");
    assert_eq!(bad_header("x", &alone, None, "c"), [""; 0]);
    assert!(!bad_header("x", GOOD, None, "c").is_empty());
}

/// The number and the words of a line that begins a step.
pub fn step<'a>(line: &'a str, marker: &str) -> Option<(usize, &'a str)> {
    let (number, words) = line
        .trim()
        .strip_prefix(marker)?
        .trim_start()
        .split_once(". ")?;
    Some((number.parse().ok()?, words))
}

/// The numbered steps of a program: line, number, words.
fn steps<'a>(text: &'a str, marker: &str) -> Vec<(usize, usize, &'a str)> {
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| step(line, marker).map(|(step, words)| (number, step, words)))
        .collect()
}

/// Both programs have the same steps in the same words, in the same order in the file.
fn different_steps(folder: &str, rust: &str, python: &str) -> Vec<String> {
    let (main, twin) = (format!("{folder}/src/main.rs"), format!("{folder}/twin.py"));
    let ours = steps(rust, "//");
    let theirs = steps(python, "#");
    let mut problems = Vec::new();
    if ours.is_empty() {
        problems.push(format!(
            "{main}:1: no steps: mark them, `// 1. Create the socket`"
        ));
    }
    // The first number that is missing, or there twice. A helper's steps may come after those of
    // `main` that follow its call.
    let mut numbers: Vec<_> = ours
        .iter()
        .map(|(line, number, _)| (number, line))
        .collect();
    numbers.sort();
    if let Some((expected, (number, line))) = (1..)
        .zip(&numbers)
        .find(|(expected, (number, _))| expected != *number)
    {
        problems.push(format!(
            "{main}:{line}: step {number} is where step {expected} should be: number them 1, 2, 3"
        ));
    }
    for (place, (line, number, words)) in ours.iter().enumerate() {
        match theirs.get(place) {
            None => problems.push(format!(
                "{twin}:1: step {number} is missing: # {number}. {words}"
            )),
            Some((other_line, other_number, other)) => {
                if (other_number, other) != (number, words) {
                    problems.push(format!(
                        "{twin}:{other_line}: `{other_number}. {other}`, but {main}:{line} says `{number}. {words}`"
                    ));
                }
            }
        }
    }
    for (line, number, words) in theirs.iter().skip(ours.len()) {
        problems.push(format!(
            "{twin}:{line}: `{number}. {words}` is not in {main}"
        ));
    }
    problems
}

/// `main` is the first function of both files, helpers have the same names in the same order, and
/// Python calls `main()` on its last line.
fn other_functions(folder: &str, rust: &str, python: &str) -> Vec<String> {
    let (main, twin) = (format!("{folder}/src/main.rs"), format!("{folder}/twin.py"));
    let names = |text: &str, marker: &str| -> Vec<(usize, String)> {
        let name = |line: &str| {
            let rest = line.strip_prefix(marker)?;
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            Some(rest[..end].to_string())
        };
        (1..)
            .zip(text.lines())
            .filter_map(|(number, line)| Some((number, name(line)?)))
            .collect()
    };
    let (ours, theirs) = (names(rust, "fn "), names(python, "def "));
    let mut problems = Vec::new();
    for (file, functions) in [(&main, &ours), (&twin, &theirs)] {
        match functions.first() {
            Some((_, name)) if name == "main" => {}
            Some((line, name)) => problems.push(format!(
                "{file}:{line}: {name} comes before main: put main first"
            )),
            None => problems.push(format!("{file}:1: there is no main")),
        }
    }
    if python.lines().last() != Some("main()") {
        let line = python.lines().count();
        problems.push(format!("{twin}:{line}: call main() on the last line"));
    }
    // What labnet has for Rust, a module of the program, or a parser of an argument may be on one
    // side only.
    let both = |own: &[(usize, String)], other: &[(usize, String)]| -> Vec<String> {
        let there = |name: &String| other.iter().any(|(_, other)| other == name);
        own.iter()
            .map(|(_, name)| name.clone())
            .filter(there)
            .collect()
    };
    let (rust_order, python_order) = (both(&ours, &theirs), both(&theirs, &ours));
    if rust_order != python_order {
        problems.push(format!(
            "{twin}:1: the functions are in the order {}, but {main} has {}",
            python_order.join(", "),
            rust_order.join(", ")
        ));
    }
    problems
}

#[test]
fn main_comes_first_and_helpers_are_in_the_same_order() {
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (_, rust) = file(&entry.folder.join("src/main.rs"));
        let (_, python) = file(&entry.folder.join("twin.py"));
        other_functions(&format!("crates/{}", entry.package), &rust, &python)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_helper_before_main_or_in_another_order_is_found() {
    const RUST: &str = "fn main() {}\nfn serve() {}\nfn answer() {}\nfn secret() {}\n";
    const PYTHON: &str = "def main():\ndef serve():\ndef answer():\ndef fail():\n\nmain()\n";
    let check = |rust: &str, python: &str| other_functions("x", rust, python).join("\n");
    assert_eq!(check(RUST, PYTHON), "");
    let helper_first = "def serve():\ndef main():\ndef answer():\n\nmain()\n";
    assert!(check(RUST, helper_first).contains("x/twin.py:1: serve comes before main"));
    let helper_first = "fn serve() {}\nfn main() {}\nfn answer() {}\n";
    assert!(check(helper_first, PYTHON).contains("x/src/main.rs:1: serve comes before main"));
    let turned = "def main():\ndef answer():\ndef serve():\n\nmain()\n";
    assert_eq!(
        check(RUST, turned),
        "x/twin.py:1: the functions are in the order main, answer, serve, but x/src/main.rs has \
         main, serve, answer"
    );
    let no_call = PYTHON.replace("\nmain()\n", "");
    assert_eq!(
        check(RUST, &no_call),
        "x/twin.py:4: call main() on the last line"
    );
    assert!(check("", PYTHON).contains("there is no main"));
}

/// The reader of messages has the same lettered steps in `labnet::frames` and in each twin that has
/// it.
fn different_reader(name: &str, rust: &str, python: &str) -> Vec<String> {
    let lettered = |text: &str, marker: &str| -> Vec<String> {
        let step = |line: &str| {
            let words = line.trim().strip_prefix(marker)?;
            let mut start = words.chars();
            let letter = start.next()?.is_ascii_lowercase();
            (letter && start.as_str().starts_with(". ")).then(|| words.to_string())
        };
        text.lines().filter_map(step).collect()
    };
    let (ours, theirs) = (lettered(rust, "// "), lettered(python, "# "));
    if ours.is_empty() {
        return vec!["crates/labnet/src/frames.rs:1: no lettered steps".to_string()];
    }
    if ours == theirs {
        return Vec::new();
    }
    vec![format!(
        "{name}:{}: read_message has the steps {theirs:?}, but labnet::frames has {ours:?}",
        line_of(python, "def read_message")
    )]
}

#[test]
fn the_reader_of_messages_has_the_same_steps_in_both_languages() {
    let (_, frames) = file(&workspace().join("crates/labnet/src/frames.rs"));
    let mut problems = Vec::new();
    let mut seen = 0;
    for entry in lab_programs() {
        let (name, python) = file(&entry.folder.join("twin.py"));
        if python.contains("class DelimitedReader") {
            seen += 1;
            problems.extend(different_reader(&name, &frames, &python));
        }
    }
    assert_eq!(seen, 2, "both sides of dsd-eof have the reader");
    assert_tidy(&problems);
}

#[test]
fn a_reader_with_other_steps_is_found() {
    let rust = "// a. Search\n// b. Found: give it\n";
    assert_eq!(
        different_reader("x", rust, "# a. Search\n# b. Found: give it\n"),
        [""; 0]
    );
    assert_eq!(
        different_reader("x", rust, "# b. Found: give it\n# a. Search\n").len(),
        1
    );
    assert_eq!(different_reader("x", rust, "# a. Search\n").len(), 1);
    assert_eq!(different_reader("x", "", "").len(), 1);
}

#[test]
fn main_and_twin_have_the_same_steps() {
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (_, rust) = file(&entry.folder.join("src/main.rs"));
        let (_, python) = file(&entry.folder.join("twin.py"));
        different_steps(&format!("crates/{}", entry.package), &rust, &python)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn steps_that_differ_are_found() {
    const RUST: &str = "// 1. Create\nlet a;\n    // 2. Bind it\n// because\n";
    const PYTHON: &str = "# 1. Create\ndef f():\n    # 2. Bind it\n";
    let check = |rust: &str, python: &str| different_steps("x", rust, python).join("\n");
    assert_eq!(check(RUST, PYTHON), "");
    assert_eq!(
        check(RUST, &PYTHON.replace("it", "her")),
        "x/twin.py:3: `2. Bind her`, but x/src/main.rs:3 says `2. Bind it`"
    );
    assert!(check(RUST, "# 1. Create\n").contains("x/twin.py:1: step 2 is missing"));
    assert!(check("// 1. Create\n", PYTHON).contains("`2. Bind it` is not in x/src/main.rs"));
    // The same steps in another order: this passed while both were sorted by their numbers.
    let turned = check("// 2. Bind it\n// 1. Create\n", PYTHON);
    assert!(turned.contains("x/twin.py:1: `1. Create`, but x/src/main.rs:1 says `2. Bind it`"));
    for numbers in [["1", "1"], ["1", "3"], ["0", "1"]] {
        let rust = format!("// {}. Create\n// {}. Bind it\n", numbers[0], numbers[1]);
        assert!(
            check(&rust, PYTHON).contains("should be: number them"),
            "{numbers:?}"
        );
    }
    assert!(check("", "").contains("no steps"));
}

/// `unwrap` nowhere, `expect` only with a reason.
fn unwraps(name: &str, text: &str) -> Vec<String> {
    // By custom the tests are the end of a file.
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let code: Vec<&str> = code
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect();
    let mut problems = Vec::new();
    for (place, line) in code.iter().enumerate() {
        let number = place + 1;
        if line.contains(".unwrap()") {
            problems.push(format!(
                "{name}:{number}: unwrap in a program: pass the error on with ? and a context"
            ));
        }
        if let Some((_, rest)) = line.split_once(".expect(") {
            let rest = if rest.trim().is_empty() {
                code.get(place + 1).copied().unwrap_or("")
            } else {
                rest
            };
            let reason = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            if reason.is_none_or(|reason| reason.split_whitespace().count() < 3) {
                problems.push(format!(
                    "{name}:{number}: expect without a reason: say why it cannot fail"
                ));
            }
        }
    }
    problems
}

#[test]
fn programs_unwrap_nothing() {
    let mut problems = Vec::new();
    let mut folders: Vec<String> = ["lab", "labnet"].map(str::to_string).into();
    folders.extend(lab_programs().into_iter().map(|entry| entry.package));
    for path in files(&[".rs"]) {
        let (name, text) = file(&path);
        if folders
            .iter()
            .any(|folder| name.starts_with(&format!("crates/{folder}/src/")))
        {
            problems.extend(unwraps(&name, &text));
        }
    }
    assert_tidy(&problems);
}

#[test]
fn an_unwrap_or_an_expect_without_a_reason_is_found() {
    assert_eq!(
        unwraps("x", "a.unwrap_or(1); // never .unwrap()\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "a.expect(\"the list is never empty\")\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "a.expect(\n    \"the list is never empty\",\n)\n"),
        [""; 0]
    );
    assert_eq!(
        unwraps("x", "#[cfg(test)]\nmod tests { a.unwrap() }\n"),
        [""; 0]
    );
    assert!(unwraps("x", "\n  a.unwrap();\n")[0].starts_with("x:2: unwrap in a program"));
    assert!(unwraps("x", "a.expect(\"failed\");\n")[0].starts_with("x:1: expect without a reason"));
    assert!(unwraps("x", "a.expect(&why);\n")[0].starts_with("x:1: expect without a reason"));
}

fn too_long(name: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let problem = format!(
        "{name}:{MAIN_LIMIT}: {lines} lines: a lab program has at most {MAIN_LIMIT}; move helpers to a module"
    );
    if lines > MAIN_LIMIT {
        vec![problem]
    } else {
        Vec::new()
    }
}

#[test]
fn programs_are_short() {
    let problems = lab_programs().into_iter().flat_map(|entry| {
        let (name, text) = file(&entry.folder.join("src/main.rs"));
        too_long(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_long_program_is_found() {
    assert_eq!(too_long("x", &"line\n".repeat(MAIN_LIMIT)), [""; 0]);
    assert_eq!(too_long("x", &"line\n".repeat(MAIN_LIMIT + 1)).len(), 1);
}

/// A server whose first calls are further down than the first screen.
fn late_calls(name: &str, text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .iter()
        .position(|line| line.contains(".listen("))
        .or_else(|| lines.iter().position(|line| line.contains(".bind(")));
    let last = last.map_or(usize::MAX, |place| place + 1);
    (last > FIRST_SCREEN).then(|| {
        format!("{name}:1: no listen or bind in the first {FIRST_SCREEN} lines: put other things below main")
    })
}

#[test]
fn the_first_calls_of_a_server_are_on_the_first_screen() {
    let mut servers = lab_programs();
    servers.retain(|entry| entry.role == "server");
    assert!(!servers.is_empty());
    let problems = servers.iter().filter_map(|entry| {
        let (name, text) = file(&entry.folder.join("src/main.rs"));
        late_calls(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_server_that_calls_listen_late_is_found() {
    let lines = "\n".repeat(FIRST_SCREEN - 1);
    assert_eq!(late_calls("x", &format!("{lines}a.listen(5)?;")), None);
    assert!(late_calls("x", &format!("a.bind(b)?;\n{lines}a.listen(5)?;")).is_some());
    assert_eq!(late_calls("x", &format!("{lines}a.bind(b)?;")), None);
    assert!(late_calls("x", "").is_some());
}

#[test]
fn every_lab_program_has_a_twin_and_every_package_a_readme() {
    let mut problems = Vec::new();
    for entry in lab_programs() {
        if !entry.folder.join("twin.py").exists() {
            problems.push(format!(
                "crates/{0}:1: no twin.py: write {0} in Python",
                entry.package
            ));
        }
    }
    for package in packages() {
        // A library of a larger exercise is described where its programs are.
        let library = package["metadata"]["lab"]["role"] == "library";
        let folder = folder(&package);
        if folder.parent() != Some(workspace()) && !library && !folder.join("README.md").exists() {
            let name = package["name"].as_str().unwrap();
            problems.push(format!(
                "crates/{name}/README.md:1: write it: what this is, and how it is used"
            ));
        }
    }
    assert_tidy(&problems);
}

/// What Python finds wrong with these files: syntax newer than 3.8, or a module that is not its
/// own.
fn bad_python(paths: &[PathBuf]) -> Vec<String> {
    const CHECK: &str = r#"
import ast, sys
own = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
for path in sys.argv[1:]:
    try:
        tree = ast.parse(open(path, encoding="utf-8").read(), path, feature_version=(3, 8))
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}: Python 3.8 has to take it")
        continue
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "." * node.level]
        else:
            continue
        for name in names:
            if own is not None and name.split(".")[0] not in own:
                print(f"{path}:{node.lineno}: {name} is not in the standard library: twins use nothing else")
"#;
    let python = if cfg!(windows) { "python" } else { "python3" };
    let output = Command::new(python)
        .args(["-c", CHECK])
        .args(paths)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_string)
        .collect()
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn twins_are_python_3_8_and_use_the_standard_library_alone() {
    let mut twins: Vec<PathBuf> = files(&["twin.py"]);
    // The twins of the middleware's programs are there to show that a WAMP library of others joins
    // in.
    let on_a_library: Vec<PathBuf> = entries()
        .into_iter()
        .filter(|entry| ["service", "caller"].contains(&entry.role.as_str()))
        .map(|entry| entry.folder)
        .collect();
    twins.retain(|twin| !on_a_library.iter().any(|folder| twin.starts_with(folder)));
    assert!(!twins.is_empty());
    assert_tidy(&bad_python(&twins));
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn a_twin_that_python_3_8_cannot_run_is_found() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let bad = [
        ("match.py", "x = 1\nmatch x:\n    case 1: pass\n"),
        ("paren.py", "def f(:\n"),
        ("numpy.py", "import os, numpy.linalg\n"),
    ];
    let paths: Vec<PathBuf> = bad
        .iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let problems = bad_python(&paths);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("match.py:"), "{problems:#?}");
    assert!(problems[1].contains("paren.py:1: "), "{problems:#?}");
    assert!(
        problems[2].contains("numpy.py:1: numpy.linalg is not in the standard library"),
        "{problems:#?}"
    );
}

/// Marks in a source that a hand-out would have to act on, other than the exercise's own regions:
/// what a hand-out must not carry is in its own file.
fn marks(name: &str, text: &str) -> Vec<String> {
    let mark = |line: &&str| {
        let comment = line.trim_start().trim_start_matches(['/', '#', ' ']);
        let is_comment = line.trim_start().starts_with(['/', '#']);
        let region = comment
            .strip_prefix("region:")
            .or_else(|| comment.strip_prefix("endregion:"));
        is_comment && region.is_some_and(|region| !region.trim_start().starts_with("exercise"))
    };
    let found = text.lines().enumerate().filter(|(_, line)| mark(line));
    found
        .map(|(number, line)| {
            let line = line.trim();
            format!(
                "{name}:{}: `{line}`: put what a hand-out leaves out into a separate file",
                number + 1
            )
        })
        .collect()
}

#[test]
fn sources_carry_no_marks_for_hand_outs() {
    let problems = files(&[".rs", ".py"]).into_iter().flat_map(|path| {
        let (name, text) = file(&path);
        marks(&name, &text)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_mark_for_hand_outs_is_found() {
    let good = "    // region: exercise\n    f();\n    // endregion: exercise\nlet region: u8;\n";
    assert_eq!(marks("x", good), [""; 0]);
    let bad = good.replace("exercise", "workspace");
    assert_eq!(marks("x", &bad).len(), 2);
    assert!(marks("x", &bad)[0].starts_with("x:1: `// region: workspace`"));
}
