//! `cargo lab watch`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::tool::{
    Folder, PATIENCE, code, errors, gallery, lab, processes_of, processes_with, run, sheets_ports,
    signal, until,
};

/// A watch that runs, and the lines of both of its streams.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn new(words: &[&str]) -> Self {
        let mut child = lab(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let errors = sender.clone();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        // Fails when the test has ended: then nobody wants the line.
        thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        thread::spawn(move || {
            for line in BufReader::new(err).lines() {
                let _ = errors.send(line.unwrap());
            }
        });
        Watching { child, lines }
    }

    /// Reads until a line holds this text; gives all of
    /// them. The last line of a result holds `(seed `.
    fn until(&self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("no line with {text:?} ({error}), only:\n{all}"));
            all.push_str(&line);
            all.push('\n');
            if line.contains(text) {
                return all;
            }
        }
    }

    /// How many descriptors it has open, and how many
    /// threads it has: between two checks those of none.
    fn holds(&self) -> (usize, usize) {
        let count = |what: &str| {
            let folder = format!("/proc/{}/{what}", self.child.id());
            fs::read_dir(folder).unwrap().count()
        };
        (count("fd"), count("task"))
    }

    fn end(mut self) -> Option<i32> {
        signal(&self.child, "INT");
        self.child.wait().unwrap().code()
    }
}

/// A test that fails leaves no watch behind.
impl Drop for Watching {
    fn drop(&mut self) {
        if thread::panicking() {
            signal(&self.child, "INT");
            // The test has failed already, and that is what is told.
            let _ended = self.child.wait();
        }
    }
}

pub fn a_change_is_checked_again_and_ctrl_c_ends_it() {
    let folder = Folder::new("watch");
    let file = folder.write("server.py", &gallery("dsd-eof/one-recv.py"));
    let server = format!("python3 {} {{port}}", file.display());
    let only = ["--only", "byte-by-byte"];
    let watch = Watching::new(&[&["watch", "dsd-eof", "--server", &server], &only[..]].concat());
    let first = watch.until("(seed ");
    assert!(first.contains("FAIL  byte-by-byte"), "{first}");
    // As editors save: a new file takes the place of the old one.
    let new = folder.write("server.py.new", &gallery("dsd-eof/right.py"));
    fs::rename(new, &file).unwrap();
    let second = watch.until("(seed ");
    assert!(second.contains("1 case passed"), "{second}");
    let before = watch.holds();
    for round in 0..3 {
        let program = format!("# {round}\n{}", gallery("dsd-eof/right.py"));
        fs::write(&file, program).unwrap();
        watch.until("(seed ");
    }
    // A thread that has done its work may be about to end.
    until("nothing to be left of three checks", || {
        let now = watch.holds();
        now.0 <= before.0 && now.1 <= before.1
    });
    assert_eq!(watch.end(), Some(130));
    assert_eq!(processes_with(&folder.word("server.py")), [0_u32; 0]);
}

pub fn a_change_while_a_check_runs_ends_that_check() {
    let folder = Folder::new("watch-overtaken");
    let file = folder.write(
        "server.py",
        "import socket, sys, time\n\
         s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n\
         time.sleep(10000)\n",
    );
    let server = format!("python3 {} {{port}}", file.display());
    // A check of the first program would take ten minutes.
    let watch = Watching::new(&[
        "watch",
        "dsd-eof",
        "--server",
        &server,
        "--only",
        "whole",
        "--patience",
        "600",
        "--limit",
        "600",
    ]);
    until("the program", || {
        !processes_of(&folder.word("server.py")).is_empty()
    });
    fs::write(&file, gallery("dsd-eof/right.py")).unwrap();
    let result = watch.until("(seed ");
    assert!(result.contains("1 case passed"), "{result}");
    assert!(!result.contains("FAIL"), "{result}");
    assert_eq!(watch.end(), Some(130));
}

pub fn ctrl_c_in_the_middle_of_a_check_leaves_nothing() {
    let folder = Folder::new("watch-stopped");
    let file = folder.write(
        "server.py",
        "import signal, subprocess, sys, time\n\
         signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         subprocess.Popen(['sleep', '86399.25'], start_new_session=True)\n\
         time.sleep(10000)\n",
    );
    let server = format!("python3 {} {{port}}", file.display());
    let watch = Watching::new(&["watch", "dsd-eof", "--server", &server, "--only", "whole"]);
    until("the program's child", || {
        !processes_with("86399.25").is_empty()
    });
    assert_eq!(watch.end(), Some(130));
    assert_eq!(processes_with("86399.25"), [0_u32; 0]);
    assert_eq!(processes_with(&folder.word("server.py")), [0_u32; 0]);
}

pub fn a_check_that_cannot_be_done_is_shown_and_done_after_the_next_change() {
    let folder = Folder::new("watch-trouble");
    let file = folder.write("server.py", &gallery("dsd-eof/right.py"));
    let _ports = sheets_ports();
    // The sheet's port has to be taken; by this test, unless another program was first.
    let taken = TcpListener::bind("127.0.0.1:65432");
    let server = format!("python3 {} 65432", file.display());
    let watch = Watching::new(&[
        "watch",
        "dsd-eof",
        "--shared-network",
        "--only",
        "whole",
        "--server",
        &server,
    ]);
    watch.until("needs the sheet's address");
    watch.until("; Ctrl-C ends it");
    drop(taken);
    // Where it was another program's, that may take a while.
    let checked = (0..30).any(|round| {
        let program = format!("# {round}\n{}", gallery("dsd-eof/right.py"));
        fs::write(&file, program).unwrap();
        watch.until("; Ctrl-C ends it").contains("1 case passed")
    });
    assert!(checked);
    assert_eq!(watch.end(), Some(130));
    // One that no change could mend is refused at once.
    let out = run(&[
        "watch",
        "dsd-eof",
        "--server",
        "python3 {dir}/server.py {port}",
    ]);
    assert_eq!(code(&out), 3);
    assert!(
        errors(&out).contains("hint: write the folder itself"),
        "{}",
        errors(&out)
    );
}

pub fn one_failure_is_shown_at_a_time_and_the_next_when_it_passes() {
    let folder = Folder::new("watch-next");
    let file = folder.write("server.py", &gallery("dsd-sum/reads-once.py"));
    let server = format!("python3 {} {{port}}", file.display());
    let watch = Watching::new(&["watch", "dsd-sum", "--next", "--server", &server]);
    let change = |program: &str| {
        fs::write(&file, gallery(program)).unwrap();
        // The last line about a case.
        watch.until("      again  ")
    };
    let failed = |text: &str| text.matches("FAIL").count();
    let first = watch.until("      again  ");
    assert!(first.contains("FAIL  several"), "{first}");
    let count = |text: &str| -> String {
        let line = text.lines().find(|line| line.starts_with("dsd-sum: "));
        line.unwrap_or_else(|| panic!("{text}")).to_string()
    };
    let far = count(&first);
    assert!(
        far.ends_with(" of 16 cases pass; the next one (server):"),
        "{far}"
    );
    assert_eq!(failed(&first), 1, "{first}");
    // The same mistake: its case is played alone, and the count stays that of all.
    let again = change("dsd-sum/reads-once.py");
    assert_eq!(count(&again), far, "{again}");
    assert_eq!(failed(&again), 1, "{again}");
    let second = change("dsd-sum/dies-on-word.py");
    assert!(second.contains("FAIL  not-a-number"), "{second}");
    assert_eq!(failed(&second), 1, "{second}");
    fs::write(&file, gallery("dsd-sum/right.py")).unwrap();
    let last = watch.until("dsd-sum: every case passes (");
    assert_eq!(failed(&last), 0, "{last}");
    let next = watch.until("crates/dsd-sum-server/README.md, \"Try this\"");
    assert!(!next.contains("allow"), "{next}");
    assert_eq!(watch.end(), Some(130));
}

pub fn a_command_without_a_file_needs_one_to_watch() {
    let out = run(&["watch", "dsd-eof", "--server", "true {port}"]);
    assert_eq!(code(&out), 3);
    assert!(errors(&out).contains("names no file"), "{}", errors(&out));
    assert!(errors(&out).contains("hint: --path"), "{}", errors(&out));
}
