use super::*;
use crate::misconceptions::Misconception;

/// A program that returned this code after it had written this to stderr.
fn crashed(code: i32, stderr: &str) -> Crash {
    read(Some(Ended::Code(code)), "", stderr).expect(stderr)
}

/// Kind, line and place of what such a program said.
fn parts(code: i32, stderr: &str) -> (Kind, String, Option<String>) {
    let crash = crashed(code, stderr);
    (crash.kind, crash.line, crash.place)
}

fn place(text: &str) -> Option<String> {
    Some(text.to_string())
}

const PYTHON: &str = "\
Traceback (most recent call last):
  File \"/home/ann/client.py\", line 9, in <module>
    server.sendall(text)
    ~~~~~~~~~~~~~~^^^^^^
TypeError: a bytes-like object is required, not 'str'
";

#[test]
fn python_says_it_in_the_last_line_of_its_traceback() {
    let line = "TypeError: a bytes-like object is required, not 'str'";
    assert_eq!(
        parts(1, PYTHON),
        (Kind::Mistake, line.into(), place("client.py, line 9"))
    );
    // Not the line of the error that was being dealt with, and not a library's place.
    let chained = "\
Traceback (most recent call last):
  File \"client.py\", line 3, in <module>
    number = int(word)
ValueError: invalid literal for int() with base 10: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"client.py\", line 5, in <module>
    socket.create_connection(address)
  File \"/usr/lib/python3.11/socket.py\", line 850, in create_connection
    raise exceptions[0]
ConnectionRefusedError: [Errno 111] Connection refused
";
    assert_eq!(
        parts(1, chained),
        (
            Kind::Refused,
            "ConnectionRefusedError: [Errno 111] Connection refused".into(),
            place("client.py, line 5")
        )
    );
    let module = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nModuleNotFoundError: No module named 'sockets'\n";
    assert_eq!(crashed(1, module).kind, Kind::NoModule);
    // A message of two lines, and an exception of the program's own module.
    let own = "Traceback (most recent call last):\n  File \"a.py\", line 2, in f\n    raise E()\nlab.game.Lost: one\ntwo\n";
    assert_eq!(parts(1, own).1, "lab.game.Lost: one");
}

#[test]
fn a_part_of_a_starter_that_is_not_written_is_no_mistake() {
    let rust = "\nthread 'main' (7) panicked at crates/my-server/src/main.rs:36:5:\n\
                not yet implemented: write steps 1 to 5\nnote: run with `RUST_BACKTRACE=1`\n";
    let crash = crashed(101, rust);
    assert_eq!(crash.kind, Kind::NotWritten);
    assert_eq!(
        not_written(&crash),
        "The program has come to its line todo!(\"write steps 1 to 5\"): crates/my-server/src/main.rs, \
         line 36. The code above that line has run."
    );
    let python = PYTHON.replace(
        "TypeError: a bytes-like object is required, not 'str'",
        "NotImplementedError: write step 6",
    );
    let crash = crashed(1, &python);
    assert_eq!(crash.kind, Kind::NotWritten);
    assert_eq!(
        not_written(&crash),
        "The program has come to its line raise NotImplementedError(\"write step 6\"): client.py, line 9. \
         The code above that line has run."
    );
    // Another todo!() is the program's own.
    let own = rust.replace(": write steps 1 to 5", "");
    assert_ne!(crashed(101, &own).kind, Kind::NotWritten);
}

#[test]
fn a_python_file_that_does_not_compile_was_never_run() {
    let syntax = "  File \"/x/server.py\", line 11\n    def serve(connection)\n                         ^\nSyntaxError: expected ':'\n";
    assert_eq!(
        parts(1, syntax),
        (
            Kind::Syntax,
            "SyntaxError: expected ':'".into(),
            place("server.py, line 11")
        )
    );
    let missing =
        "/usr/bin/python3: can't open file '/x/nosuch.py': [Errno 2] No such file or directory\n";
    assert_eq!(crashed(2, missing).kind, Kind::NoFile);
    assert_eq!(
        crashed(2, "sh: 0: cannot open nosuch.sh: No such file\n").kind,
        Kind::NoFile
    );
}

#[test]
fn a_thread_that_dies_is_not_the_program() {
    let thread = format!("Exception in thread Thread-1 (serve):\n{PYTHON}");
    let crash = read(None, "", &thread).unwrap();
    assert!(crash.thread && crash.kind == Kind::Mistake, "{crash:?}");
    // What ended the program is told before what ended a thread.
    let both = format!("{PYTHON}{}", thread.replace("TypeError", "KeyError"));
    let crash = crashed(1, &both);
    assert!(
        !crash.thread && crash.line.starts_with("TypeError"),
        "{crash:?}"
    );
    // A traceback that a program prints and survives is its own business.
    assert_eq!(read(None, "", PYTHON), None);
    assert_eq!(read(Some(Ended::Code(0)), "", PYTHON), None);
}

#[test]
fn java_says_it_in_the_line_of_the_exception() {
    let stack = "\tat java.base/java.net.Socket.connect(Socket.java:633)\n\tat EchoClient.main(EchoClient.java:7)\n";
    let refused = format!(
        "Exception in thread \"main\" java.net.ConnectException: Connection refused\n{stack}"
    );
    assert_eq!(
        parts(1, &refused),
        (
            Kind::Refused,
            "java.net.ConnectException: Connection refused".into(),
            place("EchoClient.java, line 7")
        )
    );
    let wrapped = format!(
        "Exception in thread \"main\" java.lang.RuntimeException: outer\n{stack}Caused by: java.lang.NullPointerException: inner\n\tat Game.play(Game.java:3)\n\t... 1 more\n"
    );
    assert_eq!(
        parts(1, &wrapped),
        (
            Kind::Mistake,
            "java.lang.NullPointerException: inner".into(),
            place("Game.java, line 3")
        )
    );
    let thread = refused.replace("\"main\"", "\"Thread-0\"");
    assert!(read(None, "", &thread).unwrap().thread);
    let source = "EchoClient.java:1: error: ';' expected\nint x = 1\n         ^\n1 error\nerror: compilation failed\n";
    assert_eq!(
        parts(1, source),
        (
            Kind::Syntax,
            "error: ';' expected".into(),
            place("EchoClient.java, line 1")
        )
    );
    let missing = "Error: Could not find or load main class EchoClient\nCaused by: java.lang.ClassNotFoundException: EchoClient\n";
    assert_eq!(crashed(1, missing).kind, Kind::NoFile);
}

#[test]
fn node_says_it_in_the_first_line_of_the_stack() {
    let own = "/x/echo.js:4\nclient.wirte('a');\n       ^\n\nTypeError: client.wirte is not a function\n    at Object.<anonymous> (/x/echo.js:4:8)\n    at Module._compile (node:internal/modules/cjs/loader:1521:14)\n\nNode.js v20.20.2\n";
    assert_eq!(
        parts(1, own),
        (
            Kind::Mistake,
            "TypeError: client.wirte is not a function".into(),
            place("echo.js, line 4")
        )
    );
    let refused = "node:events:502\n      throw er; // Unhandled 'error' event\n      ^\n\nError: connect ECONNREFUSED 127.0.0.1:1\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\nEmitted 'error' event on Socket instance at:\n    at emitErrorNT (node:internal/streams/destroy:169:8) {\n  errno: -111\n}\n\nNode.js v20.20.2\n";
    assert_eq!(
        parts(1, refused),
        (
            Kind::Refused,
            "Error: connect ECONNREFUSED 127.0.0.1:1".into(),
            None
        )
    );
    let missing = |stack: &str| {
        format!(
            "node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module '/x/y.js'\n    at Module._load (node:internal/modules/cjs/loader:1038:27) {{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [{stack}]\n}}\n\nNode.js v20.20.2\n"
        )
    };
    assert_eq!(
        crashed(1, &missing("]").replace("]]", "]")).kind,
        Kind::NoFile
    );
    assert_eq!(crashed(1, &missing(" '/x/a.js' ")).kind, Kind::NoModule);
}

#[test]
fn go_and_rust_say_it_in_their_panic() {
    let go = "panic: runtime error: index out of range [3] with length 1\n\ngoroutine 1 [running]:\nmain.main()\n\t/home/ann/server.go:12 +0x1d\nexit status 2\n";
    assert_eq!(
        parts(2, go),
        (
            Kind::Other,
            "panic: runtime error: index out of range [3] with length 1".into(),
            place("server.go, line 12")
        )
    );
    for rust in [
        "thread 'main' panicked at src/main.rs:5:10:\nno number\nnote: run with `RUST_BACKTRACE=1`\n",
        "thread 'main' panicked at 'no number', src/main.rs:5:10\n",
    ] {
        assert_eq!(
            parts(101, rust),
            (
                Kind::Other,
                "panic: no number".into(),
                place("main.rs, line 5")
            )
        );
    }
}

#[test]
fn c_says_it_by_its_signal_also_behind_a_shell() {
    let line = |ended, stderr| read(Some(ended), "", stderr).unwrap().line;
    assert!(line(Ended::Signal(11), "").starts_with("signal 11 (SIGSEGV"));
    assert!(line(Ended::Code(139), "").starts_with("signal 11 (SIGSEGV"));
    let smashed = "*** stack smashing detected ***: terminated";
    assert_eq!(line(Ended::Signal(6), smashed), smashed);
    assert_eq!(
        line(
            Ended::Signal(6),
            "terminate called after throwing an instance of 'std::out_of_range'\n  what():  vector::at\n"
        ),
        "std::out_of_range: vector::at"
    );
    // What the check or the user ends did not crash.
    for ended in [Ended::Signal(9), Ended::Signal(15), Ended::Code(143)] {
        assert_eq!(read(Some(ended), "", PYTHON), None);
    }
}

fn failed(suspect: &'static Misconception) -> Box<Failure> {
    Box::new(Failure {
        misconception: suspect,
        summary: "It was seen.".to_string(),
        diff: None,
        elsewhere: None,
    })
}

/// The misconception and the summary of a client's failure whose program said this.
fn cause(suspect: &'static Misconception, code: i32, stderr: &str) -> (&'static str, String) {
    match told(failed(suspect), &crashed(code, stderr), Side::Client) {
        Stop::Wrong(failure) => (failure.misconception.id, failure.summary),
        Stop::Undecided(why) => ("undecided", why),
        Stop::NotAsked(why) => ("skipped", why),
    }
}

#[test]
fn a_crash_is_the_cause_where_nothing_else_explains_it() {
    let (mistake, summary) = cause(&m::WRONG_ORDER, 1, PYTHON);
    assert_eq!(mistake, "crashes");
    assert_eq!(
        summary,
        "The program crashed: TypeError: a bytes-like object is required, not 'str' (client.py, line 9). It was seen."
    );
    // After the work it is told as that.
    let (mistake, summary) = cause(&m::ENDS_WITH_ERROR, 1, PYTHON);
    assert_eq!(mistake, "crashes-after-its-work");
    assert!(summary.starts_with("After its work the program crashed: TypeError"));
    // What the peer did explains the error: the case's own name for it stays.
    let reset = PYTHON.replace("TypeError: a", "ConnectionResetError: a");
    let (mistake, summary) = cause(&m::DIES_ON_RESET, 1, &reset);
    assert_eq!(mistake, "dies-on-reset");
    assert!(summary.starts_with("The program crashed: ConnectionResetError"));
}

#[test]
fn a_refused_connection_and_a_missing_file_are_told_as_that() {
    let refused = PYTHON.replace("TypeError: a", "ConnectionRefusedError: a");
    assert_eq!(cause(&m::NEVER_CONNECTS, 1, &refused).0, "refused");
    // In its own words, too; those explain nothing else.
    let words = "connect: Connection refused\n";
    assert_eq!(cause(&m::NEVER_CONNECTS, 1, words).0, "refused");
    let (mistake, summary) = cause(&m::NOT_PRINTED, 1, words);
    assert_eq!((mistake, summary.as_str()), ("not-printed", "It was seen."));
    let missing = "python3: can't open file '/x/nosuch.py': [Errno 2] No such file or directory\n";
    let (mistake, why) = cause(&m::NEVER_CONNECTS, 2, missing);
    assert_eq!(mistake, "undecided");
    assert!(why.contains("nosuch.py"), "{why}");
}
