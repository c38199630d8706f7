//! Finds a crash in what a program printed: the last line of a Python traceback, Java's exception,
//! Node's error, a panic of Go or Rust, a signal.
//!
//! Every language has its own form, and a form that is
//! not known is not a crash: then nothing is said about it.

use std::path::Path;

use crate::process::{Ended, signal_name};

/// What a program said when it crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crash {
    /// What kind of error it is.
    pub(super) kind: Kind,
    /// The line that says it: `TypeError: a bytes-like object is required, not 'str'`.
    pub(super) line: String,
    /// Where: `client.py, line 4`.
    pub(super) place: Option<String>,
    /// Whether only a thread ended, or one conversation, and the program continues.
    pub(super) thread: bool,
    /// Whether the program has caught the error and told it in its own words.
    pub(super) caught: bool,
}

/// Kinds of errors, by what they say about the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was never run: its text is not of its language.
    Syntax,
    /// It was never run: the file, or the class, that the command names is not there.
    NoFile,
    /// It came to a part of a starter that is not written yet.
    NotWritten,
    /// A module that it imports is not there.
    NoModule,
    /// No server listens where it wanted to connect.
    Refused,
    /// The system does not give it the address that it asked for.
    NotBound,
    /// An error that no peer can bring about: a misspelled name, a call with the wrong arguments.
    Mistake,
    /// Any other: often what a peer did brings it about.
    Other,
}

/// The signals of a program that goes wrong by itself. Of SIGPIPE a peer that closes is the reason.
const FATAL: [i32; 6] = [4, 6, 7, 8, 11, 13];
/// Errors that no peer can bring about, by their names in Python, Java, JavaScript and Ruby.
const MISTAKES: [&str; 12] = [
    "TypeError",
    "AttributeError",
    "NameError",
    "UnboundLocalError",
    "ImportError",
    "NotImplementedError",
    "RecursionError",
    "ReferenceError",
    "NullPointerException",
    "ClassCastException",
    "StackOverflowError",
    "NoMethodError",
];
/// The longest line that is told, in characters.
const LINE: usize = 240;

/// The crash of a program that ended so (or has not ended), by its output.
pub(super) fn read(ended: Option<Ended>, stdout: &str, stderr: &str) -> Option<Crash> {
    let failed = match ended {
        None | Some(Ended::Code(0)) => false,
        // Ended by us, or by its user.
        Some(Ended::Signal(number)) if !FATAL.contains(&number) => return None,
        Some(Ended::Code(code)) if [130, 137, 143].contains(&code) => return None,
        Some(_) => true,
    };
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).collect();
    let found = failed
        .then(|| not_run(&lines))
        .flatten()
        .or_else(|| python(&lines, failed))
        .or_else(|| java(&lines, failed))
        .or_else(|| node(&lines, failed))
        .or_else(|| go(&lines, failed))
        .or_else(|| rust(&lines, failed))
        .or_else(|| dotnet(&lines, failed));
    let crash = match (found, ended) {
        (Some(crash), _) => Some(crash),
        (None, Some(ended)) if failed => signal(ended, &lines),
        _ => None,
    };
    crash.or_else(|| own_words(ended?, stdout, stderr))
}

impl Crash {
    fn new(line: &str, place: Option<String>, thread: bool) -> Self {
        let mut text: String = line.chars().take(LINE).collect();
        if text.len() < line.len() {
            text.push('…');
        }
        Crash {
            kind: kind(line),
            line: text,
            place,
            thread,
            caught: false,
        }
    }
}

/// What the parts of a starter say that are still to be written, in Rust and in Python.
const NOT_WRITTEN: [&str; 2] = [
    "panic: not yet implemented: write ",
    "NotImplementedError: write ",
];

/// What kind of error a line tells of: `java.net.ConnectException: Connection refused`.
fn kind(line: &str) -> Kind {
    if NOT_WRITTEN.iter().any(|words| line.starts_with(words)) {
        return Kind::NotWritten;
    }
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    match name {
        "SyntaxError" | "IndentationError" | "TabError" => Kind::Syntax,
        "ModuleNotFoundError" | "NoClassDefFoundError" => Kind::NoModule,
        _ if MISTAKES.contains(&name) => Kind::Mistake,
        _ => network(line).unwrap_or(Kind::Other),
    }
}

/// The failures of connect and bind, by the words that systems and languages have for them.
fn network(line: &str) -> Option<Kind> {
    let line = line.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if has(&["connection refused", "connectionrefused", "econnrefused"]) {
        return Some(Kind::Refused);
    }
    has(&[
        "address already in use",
        "eaddrinuse",
        "cannot assign requested address",
        "can't assign requested address",
        "eaddrnotavail",
    ])
    .then_some(Kind::NotBound)
}

/// A file that is not there, or a source that the interpreter does not take.
fn not_run(lines: &[&str]) -> Option<Crash> {
    let missing = |line: &&&str| {
        let end = |words: &str| line.ends_with(words);
        (line.contains("can't open file") && line.contains("[Errno 2]"))
            || line.contains(": No module named ") && !line.contains("Error:")
            || line.starts_with("Error: Could not find or load main class")
            || (line.contains("cannot open ") && end("No such file"))
            || line.starts_with("error: file not found: ")
    };
    // A module that the program itself asks for has a stack of those that asked.
    let script = lines.iter().any(|line| line.trim() == "requireStack: []");
    let module = |line: &&&str| script && line.starts_with("Error: Cannot find module");
    let found = lines.iter().find(|line| missing(line) || module(line));
    if let Some(line) = found {
        return Some(Crash {
            kind: Kind::NoFile,
            ..Crash::new(missing_words(line), None, false)
        });
    }
    // A source that java compiles at its start.
    if lines.contains(&"error: compilation failed") {
        let line = lines.iter().find(|line| line.contains(": error: "))?;
        let (place, words) = line.split_once(": error: ")?;
        let (file, number) = place.rsplit_once(':')?;
        return Some(Crash {
            kind: Kind::Syntax,
            ..Crash::new(&format!("error: {words}"), Some(at(file, number)), false)
        });
    }
    None
}

/// What is missing, without the path of the interpreter that says so.
fn missing_words(line: &str) -> &str {
    line.find("can't open file")
        .map_or(line.trim_start_matches("Error: "), |at| &line[at..])
}

/// `client.py, line 4`.
fn at(path: &str, line: &str) -> String {
    // A path from the folder of the work on tells which of several programs it is.
    let file = match Path::new(path).is_relative() && path.starts_with("crates") {
        true => path,
        false => path.rsplit(['/', '\\']).next().unwrap_or(path),
    };
    format!("{file}, line {line}")
}

/// Python: the line behind the frames of the last traceback.
fn python(lines: &[&str], failed: bool) -> Option<Crash> {
    const HEADER: &str = "Traceback (most recent call last):";
    const FRAME: &str = "  File \"";
    const GOES_ON: [&str; 6] = [
        "Exception in thread ",
        "Exception occurred during processing",
        "Exception ignored in",
        "Task exception was never retrieved",
        "Exception in callback",
        "Unhandled exception in client",
    ];
    let headers: Vec<usize> = (0..lines.len()).filter(|at| lines[*at] == HEADER).collect();
    let goes_on = |at: usize| {
        lines[at.saturating_sub(3)..at]
            .iter()
            .any(|line| GOES_ON.iter().any(|words| line.starts_with(words)))
    };
    let main = headers.iter().rev().copied().find(|at| !goes_on(*at));
    let (from, thread) = match (main, headers.last()) {
        (Some(at), _) if failed => (at, false),
        (_, Some(at)) if goes_on(*at) => (*at, true),
        (_, Some(_)) => return None,
        // A file that does not compile has no traceback, only the place.
        (_, None) if failed => (
            lines.iter().rposition(|line| line.starts_with(FRAME))?,
            false,
        ),
        _ => return None,
    };
    let says = |line: &&str| !line.is_empty() && !line.starts_with(' ') && *line != HEADER;
    let end = (from..lines.len()).find(|at| says(&lines[*at]))?;
    let line = lines[end];
    if line.starts_with("KeyboardInterrupt") {
        return None;
    }
    let library = |line: &str| line.contains("/lib/python") || line.contains("<frozen");
    let frames = || {
        lines[from..end]
            .iter()
            .filter(|line| line.starts_with(FRAME))
            .rev()
    };
    let place = frames()
        .find(|line| !library(line))
        .or_else(|| frames().next())
        .and_then(|line| {
            let (file, rest) = line.strip_prefix(FRAME)?.split_once("\", line ")?;
            Some(at(file, rest.split(',').next()?))
        });
    Some(Crash::new(line, place, thread))
}

/// Java: the line of the exception, and the deepest cause where it has one.
fn java(lines: &[&str], failed: bool) -> Option<Crash> {
    const BEGIN: &str = "Exception in thread \"";
    const MAIN: &str = "main\" ";
    let begins = |at: &usize| lines[*at].starts_with(BEGIN) && frame(lines, *at + 1).is_some();
    let all: Vec<usize> = (0..lines.len()).filter(begins).collect();
    let of_main = |at: &&usize| lines[**at][BEGIN.len()..].starts_with(MAIN);
    let from = match failed {
        true => *all.iter().rev().find(of_main).or(all.last())?,
        false => *all.last()?,
    };
    let thread = !of_main(&&from);
    let (_, mut line) = lines[from][BEGIN.len()..].split_once("\" ")?;
    let mut top = from + 1;
    for (at, text) in lines.iter().enumerate().skip(from + 1) {
        match text.strip_prefix("Caused by: ") {
            Some(cause) => (line, top) = (cause, at + 1),
            None if text.starts_with(['\t', ' ']) => {}
            None => break,
        }
    }
    (failed || thread).then(|| Crash::new(line, frame(lines, top), thread))
}

/// The first frame of the program's own code in a stack of Java's.
fn frame(lines: &[&str], from: usize) -> Option<String> {
    let inside = |line: &&&str| line.starts_with("\tat ");
    let own = |line: &&str| {
        !["java.", "jdk.", "sun.", "javax."]
            .iter()
            .any(|library| line["\tat ".len()..].starts_with(library))
    };
    let frames = || lines[from..].iter().take_while(inside).copied();
    let line = frames().find(own).or_else(|| frames().next())?;
    let (_, place) = line.trim_end_matches(')').rsplit_once('(')?;
    match place.rsplit_once(':') {
        Some((file, number)) => Some(at(file, number)),
        None => Some(place.to_string()),
    }
}

/// Node: the first line of the stack behind the line that is shown with a caret.
fn node(lines: &[&str], failed: bool) -> Option<Crash> {
    if !failed || !lines.iter().any(|line| line.starts_with("Node.js v")) {
        return None;
    }
    let stack = |at: &usize| {
        !lines[*at].is_empty()
            && !lines[*at].starts_with(' ')
            && !lines[*at].starts_with("Emitted ")
            && lines
                .get(*at + 1)
                .is_some_and(|next| next.starts_with("    at "))
    };
    let from = (0..lines.len()).find(stack)?;
    let line = lines[from].trim_start_matches("Uncaught ");
    // The place at the top, or the first of the stack that is not in Node itself.
    let shown = lines.first().and_then(|line| script(line));
    let place = shown.or_else(|| {
        lines[from + 1..]
            .iter()
            .take_while(|line| line.starts_with("    at "))
            .find_map(|line| {
                let place = line.rsplit([' ', '(']).next()?.trim_end_matches(')');
                script(place.rsplit_once(':')?.0)
            })
    });
    let crash = Crash::new(line, place, false);
    let module = line.contains("Cannot find module") || line.contains("Cannot find package");
    Some(match module {
        true => Crash {
            kind: Kind::NoModule,
            ..crash
        },
        false => crash,
    })
}

/// `/home/x/client.js:12` as a place; `None` for what belongs to Node.
fn script(place: &str) -> Option<String> {
    let (file, number) = place.rsplit_once(':')?;
    let own = !file.starts_with("node:") && number.parse::<usize>().is_ok();
    own.then(|| at(file.trim_start_matches("file://"), number))
}

/// Go: the panic, and the first line of its own code.
fn go(lines: &[&str], failed: bool) -> Option<Crash> {
    let begins = |line: &&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let from = lines.iter().position(begins).filter(|_| failed)?;
    let stack = lines[from..]
        .iter()
        .any(|line| line.starts_with("goroutine "));
    let place = lines[from..].iter().find_map(|line| {
        let (file, rest) = line.strip_prefix('\t')?.rsplit_once(".go:")?;
        let library = file.contains("/src/runtime/") || file.contains("/usr/");
        (!library).then(|| {
            at(
                &format!("{file}.go"),
                rest.split(' ').next().unwrap_or(rest),
            )
        })
    });
    let crash = Crash::new(lines[from], place, false);
    let nil = lines[from].contains("nil pointer dereference");
    stack.then_some(match nil {
        true => Crash {
            kind: Kind::Mistake,
            ..crash
        },
        false => crash,
    })
}

/// Rust: what the panic said, and where.
fn rust(lines: &[&str], failed: bool) -> Option<Crash> {
    let begins = |line: &&str| line.starts_with("thread '") && line.contains("panicked at ");
    let from = lines.iter().rposition(begins)?;
    let (who, rest) = lines[from].split_once("panicked at ")?;
    let thread = !who.starts_with("thread 'main'") || !failed;
    // Until Rust 1.72 the message came first, in quotes.
    let (place, message) = match rest.strip_prefix('\'') {
        Some(old) => old
            .rsplit_once("', ")
            .map(|(message, place)| (place, message))?,
        None => (rest.trim_end_matches(':'), *lines.get(from + 1)?),
    };
    let mut parts = place.split(':');
    let place = Some(at(parts.next()?, parts.next()?));
    Some(Crash::new(&format!("panic: {message}"), place, thread))
}

/// .NET: the line of the exception.
fn dotnet(lines: &[&str], failed: bool) -> Option<Crash> {
    let line = lines.iter().find_map(|line| {
        line.strip_prefix("Unhandled exception. ")
            .or_else(|| line.strip_prefix("Unhandled Exception: "))
    })?;
    failed.then(|| Crash::new(line, None, false))
}

/// A program that a signal ended, also one that a
/// shell is around: with what its library said of it.
fn signal(ended: Ended, lines: &[&str]) -> Option<Crash> {
    let number = match ended {
        Ended::Signal(number) => number,
        Ended::Code(code) => code - 128,
    };
    if !FATAL.contains(&number) {
        return None;
    }
    let says = |line: &&&str| {
        [
            "Assertion `",
            "*** stack smashing detected",
            "*** buffer overflow detected",
            "double free or corruption",
            "free(): ",
            "malloc(): ",
            "munmap_chunk(): ",
            "corrupted size",
            "ERROR: AddressSanitizer",
        ]
        .iter()
        .any(|words| line.contains(words))
    };
    let thrown = lines.iter().find_map(|line| {
        let name = line.strip_prefix("terminate called after throwing an instance of '")?;
        Some(name.trim_end_matches('\''))
    });
    let what = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("what():"));
    let line = match (thrown, lines.iter().find(says)) {
        (Some(name), _) => format!("{name}: {}", what.unwrap_or_default().trim()),
        (None, Some(line)) => (*line).to_string(),
        (None, None) => format!("signal {number}{}", signal_name(number)),
    };
    Some(Crash::new(&line, None, false))
}

/// A failure of connect or bind that the program has told
/// in its own words, as the last thing that it said.
fn own_words(_ended: Ended, stdout: &str, stderr: &str) -> Option<Crash> {
    [stderr, stdout].iter().find_map(|text| {
        let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(Crash {
            kind: network(last)?,
            caught: true,
            ..Crash::new(last.trim(), None, false)
        })
    })
}
