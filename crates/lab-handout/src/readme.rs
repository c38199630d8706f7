//! The README at a hand-out's top: what this is, what is to be done, and the exercise's own README.

use std::fmt::Write;

use anyhow::Context;
use lab_core::catalog::{Exercise, Program, Role, Sheet};

use crate::bundle::Files;
use crate::checks::Case;
use crate::kind::Kind;
use crate::links::rebased;

/// The text of the top README. `tasks` are the files with a part to write, each with its steps;
/// `cases` are those of the exercise's check.
///
/// # Errors
///
/// When the exercise has no README.
pub fn top(
    files: &Files,
    sheet: &Sheet,
    exercise: &Exercise,
    kind: Kind,
    tasks: &[(String, String)],
    cases: &[Case],
) -> anyhow::Result<String> {
    let mut text = String::new();
    let first = main_program(exercise);
    // Writing to a String cannot fail; `?` keeps that visible all the same.
    writeln!(
        text,
        "# {}\n\n{}. {}.\n",
        exercise.id, sheet.title, exercise.title
    )?;
    text.push_str(&start(exercise, kind));
    writeln!(text, "## In this folder\n")?;
    for program in &exercise.programs {
        let path = kind.source(program);
        if files.contains_key(&path) {
            writeln!(text, "- [{path}]({path}): the {}", program.role.name())?;
        }
    }
    if !kind.python {
        writeln!(
            text,
            "- each program's Python twin is next to it, as `twin.py`"
        )?;
        writeln!(
            text,
            "- `crates/labnet`: what the programs share; `tests/`: the exercise's tests"
        )?;
        writeln!(
            text,
            "- [RUST.md](RUST.md): Rust for readers of Python, and what to do when the compiler complains; \
             read \"The socket calls\" and \"Functions and errors\" first, and the rest when you need it"
        )?;
    }
    if !tasks.is_empty() {
        writeln!(text, "\n## What to do\n")?;
        for (file, its) in in_order(exercise, kind, tasks) {
            writeln!(
                text,
                "- {} of [{file}]({file}), where it says `Yours to write`",
                together(&its)
            )?;
        }
    }
    text.push_str(&must_do(exercise, kind, cases));
    writeln!(text, "\n## Run it\n\n```console")?;
    for program in &exercise.programs {
        writeln!(text, "$ {}", command(program, kind))?;
    }
    writeln!(text, "```")?;
    if exercise.programs.len() > 1 {
        writeln!(text, "\nEach in its own terminal, in this order.")?;
    }
    writeln!(text)?;
    if kind.check {
        text.push_str(&check(exercise, kind));
    }
    let name = format!("{}/README.md", kind.folder(first));
    let own = files
        .get(&name)
        .with_context(|| format!("there is no {name}"))?;
    let own =
        std::str::from_utf8(&own.bytes).with_context(|| format!("{name} is not valid UTF-8"))?;
    if !kind.python && !kind.check {
        writeln!(
            text,
            "What follows also speaks of `cargo lab`: it belongs to the whole workspace, and is not in this folder.\n"
        )?;
    }
    let own = rebased(own, kind.folder(first), files);
    text.push_str(&match kind.python {
        true => without_rust(&in_python(&own, &exercise.programs), kind.check),
        false => own,
    });
    Ok(text)
}

/// The files with a part to write, the server first, each with its steps in their order.
fn in_order<'a>(
    exercise: &Exercise,
    kind: Kind,
    tasks: &'a [(String, String)],
) -> Vec<(&'a str, Vec<&'a str>)> {
    let number = |task: &str| {
        let digits = task.split(' ').nth(1);
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    let mut files: Vec<(&str, Vec<&str>)> = Vec::new();
    for program in &exercise.programs {
        for (file, task) in tasks {
            let in_it = file
                .strip_prefix(kind.folder(program))
                .is_some_and(|rest| rest.starts_with('/'));
            match files.iter_mut().find(|(name, _)| name == file) {
                Some((_, its)) if in_it => its.push(task),
                None if in_it => files.push((file, vec![task])),
                _ => {}
            }
        }
    }
    for (_, its) in &mut files {
        its.sort_by_key(|task| number(task));
    }
    files
}

/// Steps of one file in a few words: `steps 1 to 2`,
/// `steps 3 to 7` and `steps 5 to 6` are `steps 1 to 7`.
fn together(tasks: &[&str]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for task in tasks {
        let mut numbers = task.split(' ').filter_map(|word| word.parse().ok());
        let Some(first) = numbers.next() else {
            return tasks.join(" and ");
        };
        let last: u32 = numbers.next().unwrap_or(first);
        match ranges.last_mut() {
            Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
            _ => ranges.push((first, last)),
        }
    }
    let words = ranges.iter().map(|(first, last)| match first == last {
        true => format!("step {first}"),
        false => format!("steps {first} to {last}"),
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// What a folder with the Python programs alone does not have.
const NOT_IN_PYTHON: [&str; 9] = [
    ".rs",
    "Rust",
    "cargo lab run",
    "cargo run",
    "labnet",
    "crates/",
    "`DelimitedReader`",
    "RUST.md",
    "in one terminal",
];

/// The lines that speak of what is in the folder: a sentence
/// is a line, and a section about Rust goes as a whole.
fn without_rust(readme: &str, has_check: bool) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut about_rust = false;
    let mut fenced = false;
    for line in readme.lines() {
        let fence = line.trim_start().starts_with("```");
        if !fenced && line.starts_with('#') {
            about_rust = line.contains("Rust");
        }
        fenced ^= fence;
        let missing = NOT_IN_PYTHON.iter().any(|part| line.contains(part))
            || (!has_check && line.contains("`cargo lab "));
        // Of what a command prints, only its hint may name another command.
        let output = fenced && !line.trim_start().starts_with("hint:");
        if !about_rust && (!missing || output || fence) {
            kept.push(line);
        }
    }
    let mut text = kept.join("\n") + "\n";
    // Where a paragraph went, one empty line is left.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text
}

/// A description whose commands run the programs in Rust, for a folder with the Python programs
/// alone: `cargo run -p dsd-sum-client 1 2` becomes `python3 dsd-sum-client/twin.py 1 2`.
fn in_python(readme: &str, programs: &[Program]) -> String {
    let mut text = readme.to_string();
    for program in programs {
        let command = format!("cargo run -p {}", program.package);
        let twin = format!("python3 {}/twin.py", program.package);
        let mut rest = text.as_str();
        let mut done = String::new();
        while let Some(at) = rest.find(&command) {
            let (before, after) = rest.split_at(at);
            let after = &after[command.len()..];
            done.push_str(before);
            // A longer name is another program's.
            let longer = after.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
            done.push_str(if longer { &command } else { &twin });
            rest = after
                .strip_prefix(" --")
                .filter(|rest| rest.starts_with(' '))
                .unwrap_or(after);
        }
        done.push_str(rest);
        text = done;
    }
    text
}

/// What the check and the tests want: a line for each thing, with the cases that show it.
fn must_do(exercise: &Exercise, kind: Kind, cases: &[Case]) -> String {
    let mut text = String::from("\n## What your program must do\n\n");
    let mut line = |what: &str, ids: &[&str]| {
        let shown = match kind.check {
            true => format!(" → `{}`", ids.join("`, `")),
            false => String::new(),
        };
        text.push_str(&format!("- {what}{shown}\n"));
    };
    let mut sheets: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in cases.iter().filter(|case| !case.asked.is_empty()) {
        match sheets.iter_mut().find(|(asked, _)| *asked == case.asked) {
            Some((_, ids)) => ids.push(case.id),
            None => sheets.push((case.asked, vec![case.id])),
        }
    }
    for (asked, ids) in &sheets {
        match asked.split_once(": ") {
            Some((part, sentence)) => line(&format!("{sentence} ({part})"), ids),
            None => line(asked, ids),
        }
    }
    for case in cases.iter().filter(|case| case.asked.is_empty()) {
        line(&format!("the {} {}", case.side, case.name), &[case.id]);
    }
    if kind.has_feedback() {
        text.push_str(
            "- a server says `listening on ADDRESS` on stderr as soon as clients can come: `log_listening` does that\n\
             - to stdout goes what is shown under \"Run it\" and nothing else, word by word\n\n\
             `python3 feedback.py` runs your programs together, and compares what they print with \"Run it\".\n",
        );
        return text;
    }
    for what in TESTS.iter().filter(|_| !kind.python) {
        line(what, &["tests"]);
    }
    if kind.check {
        text.push_str(&format!(
            "\nAt the end of each line are the cases of the check that show it: `cargo lab check {} --only NAME` plays one alone.\n",
            exercise.id
        ));
    }
    if kind.check && !kind.python {
        text.push_str(
            "The case `tests` comes last: it runs the exercise's tests, as `cargo test -p tests --test exercises` does.\n",
        );
    }
    text
}

/// What the tests want of programs in Rust, besides what the check tries.
const TESTS: [&str; 5] = [
    "what a program prints is what its `twin.py` prints, word by word, on stdout and on stderr; of errors too, with their hints; \
     where a hint of the twin says `python3 …/twin.py`, one in Rust may say `cargo run -p NAME`",
    "a server says `listening on ADDRESS` on stderr as soon as clients can come: `labnet::log_listening` does that",
    "an error that ends a program gives the exit code 1; an error on one connection is a line on stderr, and a server that serves many \
     keeps running",
    "one message is sent with one call",
    "a program takes the arguments that its `--help` shows, and where one is left out does what stands there as its default",
];

/// The first command, and what it needs.
fn start(exercise: &Exercise, kind: Kind) -> String {
    let id = &exercise.id;
    let (command, what) = match (kind.check, kind.solution, kind.python) {
        (true, false, _) => (
            format!("cargo lab watch {id} --next"),
            "It checks your programs, and shows the first case that does not pass: what was sent, what came back, and what \
             to look at.\n\
             Change the program and save it: the case is played again, and when it passes, the next one is shown.\n\
             Ctrl-C ends it.",
        ),
        (true, true, _) => (
            format!("cargo lab check {id}"),
            "It checks the programs in this folder, and says of each case whether it passes.",
        ),
        (false, _, false) => (
            "cargo test -p tests --test exercises".to_string(),
            match kind.solution {
                true => "It builds the programs and runs their tests.",
                false => "It shows how far you are: at first most of its tests fail.",
            },
        ),
        (false, solution, true) => {
            let next = match solution {
                true => "",
                false => {
                    "It says which step is next, or what your programs print that README.md does not show.\n"
                }
            };
            return format!(
                "## Start\n\n```console\n$ python3 feedback.py\n```\n\n\
                 It runs the programs together, and compares what they print with \"Run it\" below.\n{next}\
                 You need Python 3.8 or newer, and no network.\n\n"
            );
        }
    };
    let (who, programs) = match kind.python {
        true => (
            "The check needs",
            "\nYour programs need Python 3.8 or newer.",
        ),
        false => ("You need", ""),
    };
    let network = match kind.offline {
        true => "no network: all crates are in `vendor/`, for Linux, macOS and Windows.",
        false => "once a network: `cargo fetch` brings the crates, and after that none is needed.",
    };
    let needs = format!("{who} [Rust](https://rustup.rs), and {network}{programs}");
    format!(
        "## Start\n\n```console\n$ {command}\n```\n\n{what}\n\n{needs}\n\
         The first call builds what it needs, which takes a minute or two, on a slow or busy machine up to ten.\n\
         Where a page says \"the sheet\", it means the page of the course that the exercise is from; you do not need it.\n\
         Every command here works inside this folder: elsewhere cargo does not know `cargo lab`.\n\n"
    )
}

/// How the student's own program is judged.
fn check(exercise: &Exercise, kind: Kind) -> String {
    let id = &exercise.id;
    let side = match exercise.programs.iter().find(|p| p.role == Role::Server) {
        Some(_) => "server",
        None => "client",
    };
    let tests = match kind.python {
        true => String::new(),
        false => "`cargo test -p tests --test exercises` runs the exercise's tests.\n".to_string(),
    };
    let hints = match kind.solution {
        true => String::new(),
        false => format!(
            "`cargo lab hint {id}` helps with the first step that you have not written: a question first, then with `--more` \
             where to look, then a sketch.\n"
        ),
    };
    format!(
        "## Check it\n\n\
         ```console\n\
         $ cargo lab check {id}\n\
         $ cargo lab check {id} --{side} \"python3 my_{side}.py --port {{port}}\"\n\
         ```\n\n\
         The first one checks the programs in this folder, the second any program of yours, in any language.\n\
         The check plays the other side, as hostile as a network may be, and says what went wrong and why.\n\
         `cargo lab check --help` lists the options, and `cargo lab doctor` says whether this machine has what the labs need.\n\
         {tests}{hints}\
         It is not a sandbox: what it runs has your rights.\n\n"
    )
}

/// The program whose README tells the most: the server, or the only one.
pub fn main_program(exercise: &Exercise) -> &Program {
    let server = exercise
        .programs
        .iter()
        .find(|program| program.role == Role::Server);
    server.unwrap_or(&exercise.programs[0])
}

fn command(program: &Program, kind: Kind) -> String {
    if kind.python {
        let args: String = program.args.iter().map(|arg| format!(" {arg}")).collect();
        format!("python3 {}{args}", kind.source(program))
    } else {
        program.command()
    }
}

#[cfg(test)]
mod tests {
    use lab_core::catalog::{Program, Role};

    use super::{in_python, together, without_rust};

    fn program(package: &str) -> Program {
        Program {
            package: package.to_string(),
            folder: format!("crates/{package}"),
            sheet: String::new(),
            exercise: String::new(),
            title: String::new(),
            order: 1,
            role: Role::Server,
            python: String::new(),
            teaches: String::new(),
            calls: Vec::new(),
            args: Vec::new(),
            one_shot: false,
            interactive: false,
            needs_web_server: false,
        }
    }

    #[test]
    fn commands_run_the_twins_where_the_twins_stand_alone() {
        // Put together: there are no packages of these names to run.
        let run = "cargo run -p";
        let readme = format!("$ {run} a -- --port 1\n`{run} a 1 2`\n`{run} a`\n{run} a-client\n");
        let twin = "python3 a/twin.py";
        assert_eq!(
            in_python(&readme, &[program("a")]),
            format!("$ {twin} --port 1\n`{twin} 1 2`\n`{twin}`\n{run} a-client\n")
        );
    }

    #[test]
    fn steps_of_one_file_are_told_together() {
        assert_eq!(
            together(&["steps 1 to 2", "steps 3 to 7", "steps 5 to 6"]),
            "steps 1 to 7"
        );
        assert_eq!(
            together(&["step 1", "steps 5 to 6"]),
            "step 1 and steps 5 to 6"
        );
        assert_eq!(together(&["this part"]), "this part");
    }

    #[test]
    fn a_description_for_python_speaks_of_nothing_in_rust() {
        let readme = "# a\nOne.\nSee `src/main.rs`.\n\n**b** In Rust too.\n\n## Rust for this page\n\n| x |\n\n## Try\n\n```\nfn x.rs\n```\n";
        assert_eq!(
            without_rust(readme, true),
            "# a\nOne.\n\n## Try\n\n```\nfn x.rs\n```\n"
        );
    }
}
