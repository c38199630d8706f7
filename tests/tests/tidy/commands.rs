//! The commands in documents, headers and hints: their packages, tests, exercises and options
//! exist.
//!
//! One file, since it is one checker: what may be named ([`Known`]), where commands are shown, and
//! its bad examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use tests::binaries::workspace;
use tests::catalog::entries;
use tests::rust;

use crate::programs::sides;
use crate::shell::commands_of;
use crate::{assert_tidy, file, files, packages};

/// What the commands in documents may name.
struct Known {
    root: PathBuf,
    packages: BTreeSet<String>,
    /// The client, or the program, of each exercise and package that `cargo lab run` takes.
    exercises: BTreeMap<String, String>,
    /// The sheets' own Python files, which are not here.
    sheets_files: BTreeSet<String>,
    /// The help of a program, or of a `cargo lab` command.
    help: Box<dyn Fn(Asked<'_>) -> String>,
}

#[derive(Clone, Copy)]
enum Asked<'a> {
    Program(&'a str),
    Lab(&'a str),
}

impl Known {
    /// The workspace as it is.
    fn here() -> Self {
        let entries = entries();
        let mut exercises = BTreeMap::new();
        for entry in &entries {
            if ["server", "client", "program"].contains(&entry.role.as_str()) {
                let (_, client) = sides(entry, &entries);
                exercises.insert(entry.exercise.clone(), client.clone());
                exercises.insert(entry.package.clone(), client);
            }
            // A larger exercise, told as a story: a router, a service and their caller.
            if entry.role == "caller" {
                exercises.insert(entry.exercise.clone(), entry.package.clone());
            }
        }
        let cache = std::cell::RefCell::new(BTreeMap::<String, String>::new());
        Known {
            root: workspace().to_path_buf(),
            packages: packages()
                .iter()
                .map(|p| p["name"].as_str().unwrap().to_string())
                .collect(),
            exercises,
            sheets_files: entries
                .iter()
                .map(|e| e.metadata["python"].as_str().unwrap().to_string())
                .collect(),
            help: Box::new(move |asked| {
                let (package, words) = match asked {
                    Asked::Program(package) => (package, vec!["--help"]),
                    Asked::Lab("") => ("lab", vec!["--help"]),
                    Asked::Lab(command) => ("lab", vec![command, "--help"]),
                };
                let key = format!("{package} {}", words.join(" "));
                if let Some(help) = cache.borrow().get(&key) {
                    return help.clone();
                }
                // `cargo lab check` builds the check first.
                let help = rust(package).args(&words).that_builds().run().stdout;
                cache.borrow_mut().insert(key, help.clone());
                help
            }),
        }
    }

    /// What is wrong with a command line; pipes and lists of commands are taken apart.
    fn problems(&self, line: &str) -> Vec<String> {
        commands_of(line)
            .iter()
            .flat_map(|words| self.command(words))
            .collect()
    }

    fn command(&self, words: &[String]) -> Vec<String> {
        // NAME=value before a command sets a variable.
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .skip_while(|word| {
                word.split_once('=')
                    .is_some_and(|(name, _)| is_placeholder(name))
            })
            .collect();
        match &words[..] {
            ["cargo", "lab", rest @ ..] => self.lab(rest),
            ["cargo", "run", rest @ ..] => self.run(rest),
            ["cargo", rest @ ..] => self.cargo(rest),
            ["python3" | "python", rest @ ..] => self.python(rest),
            _ => Vec::new(),
        }
    }

    fn package(&self, name: &str) -> Option<String> {
        let known = self.packages.contains(name) || is_placeholder(name);
        (!known).then(|| format!("there is no package {name}"))
    }

    /// `cargo run -p PACKAGE [--] WORDS`
    fn run(&self, words: &[&str]) -> Vec<String> {
        let (mut package, mut example) = (None, None);
        let mut words = words.iter();
        let mut rest: Vec<&str> = Vec::new();
        while let Some(word) = words.next() {
            match *word {
                "-p" | "--package" => package = words.next().copied(),
                "--example" => example = words.next().copied(),
                "-q" | "--quiet" | "-r" | "--release" | "--locked" | "--offline" => {}
                "--" => rest.extend(words.by_ref()),
                // From the program's first word on, cargo leaves everything to it.
                word if !word.starts_with('-') || word == "-" => {
                    rest.push(word);
                    rest.extend(words.by_ref());
                }
                word => return vec![format!("cargo takes {word} for its own: put -- before it")],
            }
        }
        let Some(package) = package else {
            return vec!["cargo run needs -p PACKAGE here, there are many programs".to_string()];
        };
        if let Some(problem) = self.package(package) {
            return vec![problem];
        }
        if let Some(example) = example {
            let path = self
                .root
                .join(format!("crates/{package}/examples/{example}.rs"));
            return match path.exists() {
                true => Vec::new(),
                false => vec![format!("{package} has no example {example}")],
            };
        }
        self.options(&rest, Asked::Program(package), package)
    }

    /// `cargo lab COMMAND …`
    fn lab(&self, words: &[&str]) -> Vec<String> {
        let [command, rest @ ..] = words else {
            return Vec::new();
        };
        if command.starts_with('-') {
            return self.options(words, Asked::Lab(""), "cargo lab");
        }
        if is_placeholder(command) {
            return Vec::new();
        }
        let commands = (self.help)(Asked::Lab(""));
        if !commands
            .lines()
            .any(|line| line.split_whitespace().next() == Some(command))
        {
            return vec![format!("cargo lab has no command {command}")];
        }
        let help = (self.help)(Asked::Lab(command));
        let name = format!("cargo lab {command}");
        let split = rest
            .iter()
            .position(|word| *word == "--")
            .unwrap_or(rest.len());
        let (own, after) = rest.split_at(split);
        let mut problems = self.options(own, Asked::Lab(command), &name);
        if *command == "run" {
            let mut own = own.iter();
            let mut exercise = None;
            while let Some(word) = own.next() {
                if word.starts_with('-') {
                    if !word.contains('=') && help.contains(&format!("[{word} <")) {
                        own.next();
                    }
                } else {
                    exercise = exercise.or(Some(*word));
                }
            }
            match exercise {
                // The bare words speak of the command.
                None if rest.is_empty() || own_help(rest) => {}
                None => problems.push("cargo lab run needs an exercise".to_string()),
                Some(name) if is_placeholder(name) => {}
                Some(name) => match self.exercises.get(name) {
                    None => problems.push(format!("there is no exercise {name}")),
                    Some(client) => {
                        let after = after.get(1..).unwrap_or_default();
                        problems.extend(self.options(after, Asked::Program(client), client));
                    }
                },
            }
        }
        problems
    }

    /// Another cargo command: its packages and tests exist.
    fn cargo(&self, words: &[&str]) -> Vec<String> {
        const COMMANDS: [&str; 16] = [
            "add", "bench", "build", "check", "clean", "clippy", "doc", "fetch", "fmt", "help",
            "install", "metadata", "test", "tree", "update", "vendor",
        ];
        let Some(command) = words.first() else {
            return Vec::new();
        };
        if is_placeholder(command) || command.starts_with('-') {
            return Vec::new();
        }
        if !COMMANDS.contains(command) {
            return vec![format!(
                "cargo has no command {command} that this workspace uses"
            )];
        }
        let mut problems = Vec::new();
        for pair in words.windows(2) {
            match pair {
                ["-p" | "--package", package] => problems.extend(self.package(package)),
                ["--test", test] if !is_placeholder(test) => {
                    // A file in a folder of tests, or there a folder with a main.rs.
                    let file = format!("tests/{test}.rs");
                    let folder = format!("tests/{test}/main.rs");
                    let found = files(&[&format!("{test}.rs"), "main.rs"]);
                    if !found
                        .iter()
                        .any(|path| path.ends_with(&file) || path.ends_with(&folder))
                    {
                        problems.push(format!("there is no test {test}"));
                    }
                }
                _ => {}
            }
        }
        problems
    }

    /// `python3 FILE …`, from the workspace's root.
    fn python(&self, words: &[&str]) -> Vec<String> {
        let Some(place) = words.iter().position(|word| !word.starts_with('-')) else {
            return Vec::new();
        };
        if words[..place]
            .iter()
            .any(|flag| *flag == "-c" || *flag == "-m")
        {
            return Vec::new();
        }
        let name = words[place];
        if is_placeholder(name) || self.sheets_files.contains(name) {
            return Vec::new();
        }
        let path = self.root.join(name);
        let texts: Vec<String> = if path.is_dir() {
            let inside = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            inside
                .filter(|path| path.extension().is_some_and(|end| end == "py"))
                .map(|path| file(&path).1)
                .collect()
        } else if path.exists() {
            vec![file(&path).1]
        } else {
            Vec::new()
        };
        if texts.is_empty() {
            return vec![format!("there is no Python program {name} from the root")];
        }
        options(&words[place + 1..])
            .filter(|option| {
                !texts
                    .iter()
                    .any(|text| text.contains(&format!("\"{option}\"")))
            })
            .map(|option| format!("{name} has no option {option}"))
            .collect()
    }

    /// The options among the words stand in the help.
    fn options(&self, words: &[&str], asked: Asked<'_>, name: &str) -> Vec<String> {
        if is_placeholder(name) {
            return Vec::new();
        }
        let mut options = options(words).peekable();
        if options.peek().is_none() {
            return Vec::new();
        }
        let help = (self.help)(asked);
        options
            .filter(|option| {
                !help
                    .split(|c: char| !c.is_alphanumeric() && c != '-')
                    .any(|word| word == *option)
            })
            .map(|option| format!("{name} has no option {option}"))
            .collect()
    }
}

/// The long options among a program's words, without their values.
fn options<'a>(words: &[&'a str]) -> impl Iterator<Item = &'a str> {
    words
        .iter()
        .take_while(|word| **word != "--")
        .filter(|word| word.starts_with("--") && **word != "--help")
        .map(|word| word.split('=').next().unwrap_or(word))
}

fn own_help(words: &[&str]) -> bool {
    words.iter().any(|word| *word == "--help" || *word == "-h")
}

/// `NAME`, `X-server`, `…`, `{dir}`: stands for something else.
fn is_placeholder(word: &str) -> bool {
    word.chars()
        .any(|c| c.is_ascii_uppercase() || c == '…' || c == '{' || c == '*')
}

/// The commands that a Markdown text shows, with their lines: after `$ ` in blocks, and in `code`
/// that begins with cargo or python.
fn shown_commands(text: &str) -> Vec<(usize, String)> {
    let ours = |code: &str| {
        ["cargo ", "python3 ", "python "]
            .iter()
            .any(|start| code.starts_with(start))
    };
    let mut commands = Vec::new();
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = match fence {
                None => Some(language.trim()),
                Some(_) => None,
            };
            prose.push('\n');
            continue;
        }
        match fence {
            None => prose.push_str(line),
            Some(language) => {
                let line = line.trim_start();
                if let Some(command) = line.strip_prefix("$ ") {
                    commands.push((number, command.to_string()));
                } else if ["sh", "bash", "shell"].contains(&language) && ours(line) {
                    commands.push((number, line.to_string()));
                }
            }
        }
        prose.push('\n');
    }
    // Code in a text may go on in its next line.
    let mut line = 1;
    for (place, part) in prose.split('`').enumerate() {
        let code = part.split_whitespace().collect::<Vec<_>>().join(" ");
        let code = code.strip_prefix("$ ").unwrap_or(&code);
        if place % 2 == 1 && ours(code) {
            commands.push((line, code.replace("\\|", "|")));
        }
        line += part.matches('\n').count();
    }
    commands.sort();
    commands
}

/// The lines of a program's header as Markdown, at their numbers.
fn header_text(text: &str) -> String {
    let line = |line: &str| line.strip_prefix("//!").unwrap_or("").trim().to_string();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The commands in a twin's first lines.
fn twin_commands(text: &str) -> Vec<(usize, String)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.starts_with("Terminal "))
        .filter_map(|(number, line)| Some((number, line.split_once(": ")?.1.trim().to_string())))
        .collect()
}

fn bad_commands(name: &str, commands: &[(usize, String)], known: &Known) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, command) in commands {
        for problem in known.problems(command) {
            problems.push(format!("{name}:{line}: `{command}`: {problem}"));
        }
    }
    problems
}

#[test]
fn commands_in_documents_and_headers_work() {
    let known = Known::here();
    let mut problems = Vec::new();
    let mut seen = 0;
    for path in files(&[".md", ".rs", "twin.py"]) {
        let (name, text) = file(&path);
        let commands = match name.rsplit('.').next() {
            Some("md") => shown_commands(&text),
            Some("rs") => shown_commands(&header_text(&text)),
            _ => twin_commands(&text),
        };
        seen += commands.len();
        problems.extend(bad_commands(&name, &commands, &known));
    }
    assert!(seen > 20, "only {seen} commands were found");
    assert_tidy(&problems);
}

/// What the hints of programs tell the user to type: the packages exist.
fn bad_hints(name: &str, text: &str, packages: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (place, marker) in line.match_indices("cargo run -p ") {
            let rest = &line[place + marker.len()..];
            let package = rest
                .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
                .next()
                .unwrap_or("");
            if !package.is_empty() && !packages.contains(package) && !is_placeholder(package) {
                problems.push(format!(
                    "{name}:{number}: there is no package {package} to run"
                ));
            }
        }
    }
    problems
}

#[test]
fn hints_name_packages_that_exist() {
    let packages = packages()
        .iter()
        .map(|p| p["name"].as_str().unwrap().to_string())
        .collect();
    let mut problems = Vec::new();
    for path in files(&[".rs", ".py"]) {
        let (name, text) = file(&path);
        if name.starts_with("crates/") {
            problems.extend(bad_hints(&name, &text, &packages));
        }
    }
    assert_tidy(&problems);
}

#[test]
fn a_hint_with_a_wrong_package_is_found() {
    let packages = BTreeSet::from(["good".to_string()]);
    assert_eq!(
        bad_hints("x", "is it running? cargo run -p good\")\n", &packages),
        [""; 0]
    );
    assert_eq!(
        bad_hints("x", "\ncargo run -p bad`", &packages),
        ["x:2: there is no package bad to run"]
    );
}

fn example() -> Known {
    Known {
        root: workspace().to_path_buf(),
        packages: ["sum-server", "sum-client", "tests"]
            .map(str::to_string)
            .into(),
        exercises: [("sum".to_string(), "sum-client".to_string())].into(),
        sheets_files: ["echo-server.py".to_string()].into(),
        help: Box::new(|asked| match asked {
            Asked::Lab("") => "Commands:\n  run   Runs\n  index  Writes\n".to_string(),
            Asked::Lab(_) => "Usage: [--port <port>] [--check]\n  --port   the port\n".to_string(),
            Asked::Program(_) => "Usage: x [--port <port>]\n  --port   the port\n".to_string(),
        }),
    }
}

#[test]
fn a_command_that_does_not_work_is_found() {
    let known = example();
    for good in [
        "cargo run -p sum-server",
        "cargo run -p sum-client 1 2 --port 3",
        "cargo run -p sum-client -- --port=3 --help",
        "cargo run -p sum-client -",
        "cargo run -p NAME -- --whatever",
        "printf '1 | cargo nonsense' | NO_COLOR=1 cargo run -p sum-client - 2>&1 | head -1",
        "cargo lab",
        "cargo lab --help",
        "cargo lab run sum --port 0 -- --port 1 < numbers.txt 2>/dev/null",
        "cargo lab run EXERCISE",
        "cargo lab index --check",
        "cargo test -p tests --test tidy",
        "cargo …",
        "python3 -m http.server 8000",
        "python3 echo-server.py",
        "ls --all",
    ] {
        assert_eq!(known.problems(good), [""; 0], "{good}");
    }
    for (bad, problem) in [
        ("cargo run -p sum", "there is no package sum"),
        (
            "cargo run -p sum-client --port 3",
            "cargo takes --port for its own: put -- before it",
        ),
        (
            "cargo run -p sum-client -- --prot 3",
            "sum-client has no option --prot",
        ),
        ("cargo run -p tests --example x", "tests has no example x"),
        (
            "cargo run",
            "cargo run needs -p PACKAGE here, there are many programs",
        ),
        (
            "echo 1 | cargo run -p sums-client -",
            "there is no package sums-client",
        ),
        ("cargo build -p sums", "there is no package sums"),
        ("cargo test --test untidy", "there is no test untidy"),
        (
            "cargo lba",
            "cargo has no command lba that this workspace uses",
        ),
        ("cargo lab walk", "cargo lab has no command walk"),
        ("cargo lab run --port 0", "cargo lab run needs an exercise"),
        ("cargo lab run --port 0 smu", "there is no exercise smu"),
        (
            "cargo lab run sum --prot 0",
            "cargo lab run has no option --prot",
        ),
        (
            "cargo lab run sum -- --prot",
            "sum-client has no option --prot",
        ),
        (
            "python3 crates/none/twin.py",
            "there is no Python program crates/none/twin.py from the root",
        ),
    ] {
        assert_eq!(known.problems(bad), [problem], "{bad}");
    }
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn an_option_that_a_twin_lacks_is_found() {
    let twin = &files(&["-server/twin.py"])
        .into_iter()
        .chain(files(&["twin.py"]))
        .next()
        .unwrap();
    let (name, _) = file(twin);
    let known = example();
    assert_eq!(
        known.problems(&format!("python3 {name} --bogus")),
        [format!("{name} has no option --bogus")]
    );
    assert_eq!(
        known.problems(&format!("python3 -u {name} --help")),
        [""; 0]
    );
}

#[test]
fn commands_are_found_in_blocks_in_text_and_in_headers() {
    let text = "Run `cargo a` or `cargo\nb \\| c`, not `card`.\n\n```console\n$ cargo d\ncargo output\n```\n\n```sh\ncargo e\n```\n\n```rust\ncargo f\n```\n";
    let found: Vec<(usize, String)> = shown_commands(text);
    let found: Vec<(usize, &str)> = found
        .iter()
        .map(|(line, command)| (*line, command.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (1, "cargo a"),
            (1, "cargo b | c"),
            (5, "cargo d"),
            (10, "cargo e")
        ]
    );
    let header =
        header_text("//! What.\n//!\n//! Terminal 1: `cargo a`\nfn main() { \"`cargo b`\" }\n");
    assert_eq!(shown_commands(&header), [(3, "cargo a".to_string())]);
    assert_eq!(
        twin_commands("\"\"\"What.\n\nTerminal 1: python3 a.py\n\"\"\"\n"),
        [(3, "python3 a.py".to_string())]
    );
}
