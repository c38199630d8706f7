//! `cargo lab hint`: help with the first step that is not written yet, a little more each time.
//!
//! How far a reader has gone is kept in `target/hints.txt`: a line for each step, with the program,
//! the number of the step, and the level.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_core::catalog::Catalog;
use lab_core::hints::{self, LEVELS};
use lab_core::steps::of_line;
use labnet::{Hint as _, did_you_mean, say};

/// Gives a hint for the first step that your program lacks: a question, then where to look, then a
/// sketch.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "hint",
    help_triggers("-h", "--help"),
    example = "cargo lab hint {{exercise}}",
    example = "cargo lab hint {{exercise}} --more",
    example = "cargo lab hint {{exercise}}-client --step 2 --level 3"
)]
pub struct Hint {
    /// the next hint for this step
    #[argh(switch)]
    more: bool,
    /// the hint of this level alone: 1 is a question, 2 says where to look, 3 is a sketch
    #[argh(option, from_str_fn(level))]
    level: Option<usize>,
    /// the number of another step
    #[argh(option)]
    step: Option<usize>,
    /// the exercise, or one of its programs; may be left out where there is only one exercise
    #[argh(positional)]
    exercise: Option<String>,
}

fn level(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(level) if (1..=LEVELS).contains(&level) => Ok(level),
        _ => Err(format!("a level is a number from 1 to {LEVELS}")),
    }
}

/// A program that a student writes.
#[derive(Debug)]
struct Source {
    exercise: String,
    package: String,
    /// Its file, from the workspace's root, with `/`.
    file: String,
    steps: Vec<Step>,
    /// Where the same steps are in Python, if that program is whole.
    twin: Option<(String, Vec<Step>)>,
}

/// A numbered step of a program.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    number: usize,
    words: String,
    /// Its line, from 1.
    line: usize,
    /// Whether it has no code yet, in a part that says it is to be written.
    open: bool,
}

impl Hint {
    /// Prints a hint to stdout, and notes that it was given.
    ///
    /// # Errors
    ///
    /// When there is no such exercise or step, or a file cannot be read or written.
    pub fn run(&self) -> anyhow::Result<()> {
        let catalog = Catalog::read()?;
        let sources = self.sources(&catalog)?;
        let chosen = sources.iter().find_map(|source| {
            let open = source.steps.iter().filter(|step| step.open);
            let open = open.filter(|step| self.step.is_none_or(|number| step.number == number));
            // In the file, a helper's steps may come after those that follow them.
            let first = open.min_by_key(|step| step.number);
            Some((source, first?))
        });
        let chosen = match (chosen, self.step) {
            (None, Some(number)) => Some(named(&sources, number)?),
            (chosen, _) => chosen,
        };
        let Some((source, step)) = chosen else {
            return say!("{}", nothing_open(&sources));
        };
        let hints = source
            .hints(step)?
            .with_context(|| {
                format!(
                    "there are no hints for step {} of {}",
                    step.number, source.package
                )
            })
            .hint("hints are for the steps that a starter leaves to you")?;
        let state = State::of(&catalog.root);
        let mut given = state.read()?;
        let before = given
            .iter()
            .find(|one| one.package == source.package && one.step == step.number)
            .map_or(0, |one| one.level);
        let levels = match (self.level, self.more) {
            (Some(level), _) => level..=level,
            (None, true) => 1..=(before.max(1) + 1).min(LEVELS),
            (None, false) => 1..=before.max(1),
        };
        let last = *levels.end();
        let mut text = format!(
            "{}, step {}: {}\n{}:{}\n",
            source.package, step.number, step.words, source.file, step.line
        );
        for level in levels {
            let words = hints.levels[level - 1].replace('\n', "\n   ");
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{level}. {words}\n");
            if level == 2
                && let Some((file, line)) = source.in_python(step)
            {
                let _ = writeln!(text, "   The same step in Python: {file}:{line}");
            }
        }
        if self.step.is_some() {
            let same = |one: &Step| one.number == step.number;
            let others = sources.iter().filter(|one| one.package != source.package);
            for other in others.filter(|one| one.steps.iter().any(same)) {
                let (package, number) = (&other.package, step.number);
                let _ = write!(
                    text,
                    "\nThat of {package}: cargo lab hint {package} --step {number}"
                );
            }
        }
        let _ = match last {
            LEVELS => write!(text, "\nThat was the last hint for this step."),
            _ => write!(text, "\nMore: {}", self.again(source, step)),
        };
        say!("{text}")?;
        given.retain(|one| one.package != source.package || one.step != step.number);
        given.push(Given {
            package: source.package.clone(),
            step: step.number,
            level: last.max(before),
        });
        state.write(&given)
    }

    /// The command for the next hint.
    fn again(&self, source: &Source, step: &Step) -> String {
        let name = self.exercise.as_deref().unwrap_or(&source.exercise);
        match self.step {
            Some(_) => format!(
                "cargo lab hint {} --step {} --more",
                source.package, step.number
            ),
            None => format!("cargo lab hint {name} --more"),
        }
    }

    /// The programs that the words on the command line name.
    fn sources(&self, catalog: &Catalog) -> anyhow::Result<Vec<Source>> {
        let all = all_sources(catalog)?;
        let mut exercises: Vec<&str> = all.iter().map(|one| one.exercise.as_str()).collect();
        exercises.dedup();
        let name = match (&self.exercise, &exercises[..]) {
            (Some(name), _) => name.clone(),
            (None, [one]) => (*one).to_string(),
            (None, _) => {
                return Err(anyhow!("name an exercise"))
                    .hint("cargo lab list shows them: cargo lab hint EXERCISE");
            }
        };
        let is_known = |source: &Source| source.exercise == name || source.package == name;
        if !all.iter().any(is_known) {
            let names: BTreeSet<&str> = all
                .iter()
                .flat_map(|one| [one.exercise.as_str(), one.package.as_str()])
                .collect();
            let hint = did_you_mean(&name, names, "cargo lab list shows them all");
            return Err(anyhow!("there is no exercise {name}")).hint(hint);
        }
        let whole = all.iter().any(|source| source.exercise == name);
        let chosen = all.into_iter().filter(|source| match whole {
            true => source.exercise == name,
            false => source.package == name,
        });
        Ok(chosen.collect())
    }
}

/// The step of this number in the first program that has it.
fn named(sources: &[Source], number: usize) -> anyhow::Result<(&Source, &Step)> {
    let mut all = sources.iter().flat_map(|source| {
        let steps = source.steps.iter();
        steps.map(move |step| (source, step))
    });
    all.find(|(_, step)| step.number == number)
        .with_context(|| {
            let names: Vec<&str> = sources.iter().map(|one| one.package.as_str()).collect();
            format!("there is no step {number} in {}", names.join(" and "))
        })
        .hint(steps_of(sources))
}

/// What is said when every step is written.
fn nothing_open(sources: &[Source]) -> String {
    let exercise = sources.first().map_or("", |source| &source.exercise);
    format!(
        "Every step has code. cargo lab check {exercise} says whether it works.\n\
         --step N gives the hints for one step: {}",
        steps_of(sources)
    )
}

fn steps_of(sources: &[Source]) -> String {
    let steps = |source: &Source| {
        let numbers = source.steps.iter().map(|step| step.number);
        let last = numbers.max().unwrap_or(0);
        match last {
            0 => format!("{} has no numbered steps", source.package),
            1 => format!("{} has step 1", source.package),
            _ => format!("{} has steps 1 to {last}", source.package),
        }
    };
    let steps: Vec<String> = sources.iter().map(steps).collect();
    steps.join(", ")
}

/// All programs with a source, in the order of the lists. In a hand-out of Python programs they are
/// in folders at the top, and no package describes them.
fn all_sources(catalog: &Catalog) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for exercise in catalog.exercises() {
        for program in &exercise.programs {
            let file = format!("{}/src/main.rs", program.folder);
            let Some(text) = read(&catalog.root.join(&file))? else {
                continue;
            };
            let twin = format!("{}/twin.py", program.folder);
            let in_python = read(&catalog.root.join(&twin))?.map(|text| steps(&text, "#"));
            sources.push(Source {
                exercise: exercise.id.clone(),
                package: program.package.clone(),
                file,
                steps: steps(&text, "//"),
                twin: in_python.map(|steps| (twin, steps)),
            });
        }
    }
    if sources.is_empty() {
        sources = python_sources(&catalog.root)?;
    }
    Ok(sources)
}

fn python_sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let folder = fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))?;
    for entry in folder {
        let name = entry.context("cannot read a folder")?.file_name();
        let package = name.to_string_lossy().to_string();
        let file = format!("{package}/twin.py");
        let Some(text) = read(&root.join(&file))? else {
            continue;
        };
        let exercise = package
            .trim_end_matches("-server")
            .trim_end_matches("-client");
        sources.push(Source {
            exercise: exercise.to_string(),
            steps: steps(&text, "#"),
            package: package.clone(),
            file,
            twin: None,
        });
    }
    // The server before its client.
    sources.sort_by(|a, b| (&a.exercise, &b.package).cmp(&(&b.exercise, &a.package)));
    Ok(sources)
}

/// A file's text; `None` when there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

impl Source {
    /// The hints for a step: by its words, or by those of the twin where the student has changed
    /// them.
    fn hints(&self, step: &Step) -> anyhow::Result<Option<hints::Hints>> {
        if let Some(hints) = hints::of(&step.words)? {
            return Ok(Some(hints));
        }
        let mut steps = self.twin.iter().flat_map(|(_, steps)| steps);
        match steps.find(|one| one.number == step.number) {
            Some(same) => hints::of(&same.words),
            None => Ok(None),
        }
    }

    /// The file and the line of the same step in Python.
    fn in_python(&self, step: &Step) -> Option<(&str, usize)> {
        let (file, steps) = self.twin.as_ref()?;
        let mut steps = steps.iter();
        let same = steps.find(|one| one.number == step.number && one.words == step.words)?;
        (!same.open).then_some((file.as_str(), same.line))
    }
}

/// The numbered steps of a program. One is open when nothing but comments and the heads of loops
/// follow it, and the part that it is in still ends with the line that says what is to be written.
fn steps(text: &str, comment: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Those that have no code yet, in the part that is being read.
    let mut bare: Vec<usize> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let words = text.trim();
        if let Some((number, words)) = of_line(words, comment) {
            bare.push(steps.len());
            steps.push(Step {
                number,
                words: words.to_string(),
                line,
                open: false,
            });
        } else if words.starts_with("todo!(") || words.starts_with("raise NotImplementedError") {
            for place in bare.drain(..) {
                steps[place].open = true;
            }
        } else if !words.is_empty()
            && !words.starts_with(comment)
            && !["loop {", "while True:", "{", "}", "try:"].contains(&words)
        {
            // This is the code of the last step.
            if bare.last() == Some(&(steps.len().wrapping_sub(1))) {
                bare.pop();
            }
        }
    }
    steps
}

/// A hint that was given.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    package: String,
    step: usize,
    level: usize,
}

/// The file with the hints that were given.
struct State {
    path: PathBuf,
}

impl State {
    fn of(root: &Path) -> Self {
        State {
            path: root.join("target/hints.txt"),
        }
    }

    fn read(&self) -> anyhow::Result<Vec<Given>> {
        let text = read(&self.path)?.unwrap_or_default();
        let given = text.lines().map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next();
            Some(Given {
                package: next()?.to_string(),
                step: next()?.parse().ok()?,
                level: next()?.parse().ok().filter(|level| *level <= LEVELS)?,
            })
        });
        given
            .collect::<Option<_>>()
            .with_context(|| format!("{} is not as it was written", self.path.display()))
            .hint("delete it: it holds nothing but which hints you have seen")
    }

    fn write(&self, given: &[Given]) -> anyhow::Result<()> {
        let line = |one: &Given| format!("{} {} {}\n", one.package, one.step, one.level);
        let text: String = given.iter().map(line).collect();
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTER: &str = concat!(
        "fn main() {\n    // Yours to write: steps 1 to 2.\n    // 1. Create\n",
        "    //    Rust: Socket::new\n    // 2. Bind\n    todo!(\"write steps 1 to 2\");\n}\n",
        "fn serve() {\n    // 3. Read\n    todo!(\"write step 3\");\n}\n",
    );

    fn open(text: &str) -> Vec<usize> {
        let steps = steps(text, "//").into_iter();
        steps.filter(|one| one.open).map(|one| one.number).collect()
    }

    #[test]
    fn a_step_is_open_until_it_has_code_and_its_part_is_finished() {
        assert_eq!(open(STARTER), [1, 2, 3]);
        let one = STARTER.replace("Socket::new\n", "Socket::new\n    let a = 1;\n    loop {\n");
        assert_eq!(open(&one), [2, 3]);
        // The student took the line away that says what is missing.
        let done = one.replace("    todo!(\"write steps 1 to 2\");\n", "    bind();\n");
        assert_eq!(open(&done), [3]);
        assert_eq!(steps(STARTER, "//")[1].line, 5);
        let python = "# 1. Create\nraise NotImplementedError(\"write step 1\")\n";
        assert!(steps(python, "#")[0].open);
        assert!(!steps("# 1. Create\na = 1\n", "#")[0].open);
    }

    #[test]
    fn what_was_given_is_read_again_and_a_broken_file_is_an_error() {
        let folder = lab_core::staging::StagingDir::temporary("lab-hint").unwrap();
        let state = State {
            path: folder.path().join("hints.txt"),
        };
        assert_eq!(state.read().unwrap(), []);
        let given = Given {
            package: "a-server".to_string(),
            step: 6,
            level: 2,
        };
        state.write(std::slice::from_ref(&given)).unwrap();
        assert_eq!(state.read().unwrap(), [given]);
        for broken in ["a-server 6\n", "a-server six 2\n", "a-server 6 4\n"] {
            fs::write(&state.path, broken).unwrap();
            state.read().unwrap_err();
        }
    }

    #[test]
    fn hints_are_found_where_a_students_words_are_not_those_of_the_step() {
        let source = |rust: &str| Source {
            exercise: "a".to_string(),
            package: "a-server".to_string(),
            file: "main.rs".to_string(),
            steps: steps(rust, "//"),
            twin: Some((
                "twin.py".to_string(),
                steps("# 1. Create the socket\n", "#"),
            )),
        };
        for rust in ["// 1. Create the socket\n", "// 1. Create it\n"] {
            let source = source(rust);
            let hints = source.hints(&source.steps[0]).unwrap().unwrap();
            assert_eq!(hints.step, "Create the socket");
        }
        let other = source("// 7. Sing\n");
        assert_eq!(other.hints(&other.steps[0]).unwrap(), None);
    }

    #[test]
    fn the_python_program_is_named_only_while_it_is_whole() {
        let source = |twin: &str| Source {
            exercise: "a".to_string(),
            package: "a-server".to_string(),
            file: "main.rs".to_string(),
            steps: steps(STARTER, "//"),
            twin: Some(("twin.py".to_string(), steps(twin, "#"))),
        };
        let whole = source("# 1. Create\na = 1\n");
        assert_eq!(whole.in_python(&whole.steps[0]), Some(("twin.py", 1)));
        assert_eq!(whole.in_python(&whole.steps[1]), None);
        let open = source("# 1. Create\nraise NotImplementedError(\"write step 1\")\n");
        assert_eq!(open.in_python(&open.steps[0]), None);
    }
}
