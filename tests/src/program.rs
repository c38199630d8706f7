//! A program under test: started, heard, ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

// Not `crate::`: the tests of a package may have this file and its neighbor in another module.
use super::binaries::{built, workspace};
use super::{BUILD_DEADLINE, DEADLINE};

/// How long the output of a program that has been killed may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The Rust program of a package, built first if it is not.
///
/// # Panics
///
/// When the package does not build.
pub fn rust(package: &str) -> Program {
    Program::new(package, Command::new(built(package)))
}

/// A package's Python twin, run as it may be anywhere: into a pipe
/// without `-u`, on a machine whose encoding is not UTF-8. Its lines
/// have to come out at once all the same, and no character may end it.
pub fn python(package: &str) -> Program {
    let mut command = Command::new(interpreter());
    command
        .env_remove("PYTHONUNBUFFERED")
        .env("PYTHONIOENCODING", "ascii")
        // Without what is installed: a twin needs the standard library only, and starts sooner.
        .arg("-S")
        .arg(workspace().join("crates").join(package).join("twin.py"));
    Program::new(package, command)
}

/// The Python interpreter itself: `python3` may be a script that looks for it at each start.
fn interpreter() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let name = if cfg!(windows) { "python" } else { "python3" };
        let output = Command::new(name)
            .args(["-S", "-c", "import sys; print(sys.executable)"])
            .output();
        match output {
            Ok(output) if output.status.success() => {
                PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
            }
            // The start of the twin tells what is wrong.
            _ => PathBuf::from(name),
        }
    })
}

/// A program that is ready to be started.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    patience: Duration,
}

impl Program {
    /// Any command, under a name for messages.
    pub fn new(name: &str, command: Command) -> Self {
        Program {
            name: name.to_string(),
            command,
            patience: DEADLINE,
        }
    }

    /// A program that builds others before it prints a line: each line may take that long.
    #[must_use]
    pub fn that_builds(mut self) -> Self {
        self.patience = BUILD_DEADLINE;
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Adds `--port`, and `--host` for an address that is not 127.0.0.1.
    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.command.arg(format!("--port={}", address.port()));
        if address.ip().to_string() != "127.0.0.1" {
            self.command.arg(format!("--host={}", address.ip()));
        }
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The command itself, for what is special to one test.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts the program with all three streams piped.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(self) -> Running {
        self.start_with(Stdio::piped())
    }

    /// Starts the program with its stdout a pipe that nobody reads, as after `| head -1`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start_unheard(self) -> Running {
        let (reader, writer) = std::io::pipe().expect("the system has a pipe left");
        drop(reader);
        self.start_with(Stdio::from(writer))
    }

    fn start_with(mut self, stdout: Stdio) -> Running {
        self.command
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped());
        let spawned = self.command.spawn();
        let mut child =
            spawned.unwrap_or_else(|error| panic!("cannot start {}: {error}", self.name));
        let stdout = child.stdout.take().map_or_else(Lines::none, Lines::read);
        let stderr = Lines::read(child.stderr.take().expect("stderr is piped"));
        Running {
            name: self.name,
            patience: self.patience,
            child,
            stdout,
            stderr,
        }
    }

    /// Starts a server on a free port of 127.0.0.1 and waits until it listens.
    pub fn serve(self) -> (Running, SocketAddr) {
        let mut running = self.args(&["--port=0"]).start();
        let address = running.listening();
        (running, address)
    }

    /// Runs the program to its end with nothing on stdin.
    pub fn run(self) -> Finished {
        self.start().finish()
    }

    /// Runs the program to its end with this on stdin.
    pub fn run_with_input(self, input: &[u8]) -> Finished {
        let mut running = self.start();
        running.type_in(input);
        running.finish()
    }
}

/// A program that runs. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct Running {
    name: String,
    patience: Duration,
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// How a program ended, and all that it printed.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` for a program that a signal ended.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Running {
    /// The next line of stdout.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    pub fn line(&mut self) -> String {
        match self.stdout.next(self.patience) {
            Some(line) => line,
            None => panic!("{} printed no further line; {}", self.name, self.seen()),
        }
    }

    /// The next line of stderr.
    ///
    /// # Panics
    ///
    /// When none comes in time.
    pub fn error_line(&mut self) -> String {
        match self.stderr.next(self.patience) {
            Some(line) => line,
            None => panic!(
                "{} printed no further line on stderr; {}",
                self.name,
                self.seen()
            ),
        }
    }

    /// Reads stderr up to a line that holds this text, and gives that line.
    pub fn error_line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.error_line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for `listening on ADDRESS` on stderr.
    pub fn listening(&mut self) -> SocketAddr {
        const READY: &str = "listening on ";
        let line = self.error_line_with(READY);
        let (_, address) = line.split_once(READY).expect("the line holds the words");
        address
            .parse()
            .unwrap_or_else(|error| panic!("{address} is not an address: {error}"))
    }

    /// As [`Running::listening`], but `None` if the program ends first.
    pub fn listening_or_ended(&mut self) -> Option<SocketAddr> {
        loop {
            let line = self.stderr.next(self.patience)?;
            if let Some((_, address)) = line.split_once("listening on ") {
                return address.parse().ok();
            }
        }
    }

    /// Writes to the program's stdin. The program may have ended: then nobody reads it.
    pub fn type_in(&mut self, input: &[u8]) {
        let stdin = self
            .child
            .stdin
            .as_mut()
            .expect("stdin is piped and still open");
        match stdin.write_all(input).and_then(|()| stdin.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                panic!("cannot write to {}: {error}", self.name)
            }
            _ => {}
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Pauses the program, as Ctrl-Z does
    /// (SIGSTOP): its system continues to take what comes for it.
    ///
    /// # Panics
    ///
    /// When the signal cannot be sent.
    #[cfg(unix)]
    pub fn pause(&mut self) {
        self.signal("STOP");
    }

    /// Lets a paused program continue (SIGCONT).
    ///
    /// # Panics
    ///
    /// When the signal cannot be sent.
    #[cfg(unix)]
    pub fn resume(&mut self) {
        self.signal("CONT");
    }

    /// Ends the program as Ctrl-C does (SIGINT).
    ///
    /// # Panics
    ///
    /// When the signal cannot be sent.
    #[cfg(unix)]
    pub fn interrupt(&mut self) {
        self.signal("INT");
    }

    #[cfg(unix)]
    fn signal(&mut self, name: &str) {
        // The child has not been reaped, so its id is still its own.
        let sent = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status()
            .expect("every Unix has kill(1)");
        assert!(sent.success(), "kill -s {name} failed");
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_none()
    }

    /// Closes stdin and waits for the program's own end.
    ///
    /// # Panics
    ///
    /// When it does not end in time.
    pub fn finish(mut self) -> Finished {
        let status = self.wait(self.patience);
        self.finished(status)
    }

    /// As [`Running::finish`], but gives the exit code
    /// alone, and says nothing of what the program did.
    pub fn exit_code(mut self) -> Option<i32> {
        self.wait(self.patience).code()
    }

    fn wait(&mut self, patience: Duration) -> ExitStatus {
        drop(self.child.stdin.take());
        // A program has ended when both of its streams have: no polling for the process needed.
        let complete = self.stdout.drain(patience) && self.stderr.drain(patience);
        assert!(complete, "{} does not end; {}", self.name, self.seen());
        self.child.wait().expect("a child can be waited for")
    }

    /// Kills the program (SIGKILL) and gives what it had printed.
    pub fn stop(mut self) -> Finished {
        self.child.kill().expect("a child of ours can be killed");
        let status = self.child.wait().expect("a child can be waited for");
        self.stdout.drain(DEADLINE);
        self.stderr.drain(DEADLINE);
        self.finished(status)
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        self.tell(&status.to_string());
        Finished {
            code: status.code(),
            stdout: self.stdout.all.clone(),
            stderr: self.stderr.all.clone(),
        }
    }

    /// Says what the program did, for anyone who reads why a test
    /// failed: a starter's program names the steps it lacks.
    #[allow(
        clippy::print_stderr,
        reason = "the test harness holds it back, and shows it only when the test fails"
    )]
    fn tell(&self, how: &str) {
        eprintln!("{}: {how}", self.name);
        for (stream, text) in [("stdout", &self.stdout.all), ("stderr", &self.stderr.all)] {
            for line in text.lines().filter(|line| !line.is_empty()) {
                eprintln!("  {stream}: {line}");
            }
        }
    }

    fn seen(&self) -> String {
        format!(
            "stdout so far: {:?}; stderr so far: {:?}",
            self.stdout.all, self.stderr.all
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the program has ended and has been reaped: then there is nothing to do.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
        if thread::panicking() {
            self.stdout.drain(LAST_WORDS);
            self.stderr.drain(LAST_WORDS);
            self.tell("stopped, for the test has failed");
        }
    }
}

/// The lines of a stream, read by their own thread so that the program never blocks on a full pipe.
#[derive(Debug)]
struct Lines {
    lines: Receiver<String>,
    /// All that has been taken from the channel, line ends included.
    all: String,
}

impl Lines {
    /// The lines of a stream that is not read here.
    fn none() -> Self {
        Lines {
            lines: mpsc::channel().1,
            all: String::new(),
        }
    }

    fn read(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = Vec::new();
                match stream.read_until(b'\n', &mut line) {
                    // The reader is gone with its test, or the stream with its program.
                    Ok(0) | Err(_) => break,
                    Ok(_) => {
                        if sender
                            .send(String::from_utf8_lossy(&line).into_owned())
                            .is_err()
                        {
                            break;
                        }
                    }
                }
            }
        });
        Lines {
            lines,
            all: String::new(),
        }
    }

    /// The next line without its end; `None` at the stream's end or when the time is up.
    fn next(&mut self, patience: Duration) -> Option<String> {
        let line = self.lines.recv_timeout(patience).ok()?;
        self.all.push_str(&line);
        Some(line.trim_end_matches(['\r', '\n']).to_string())
    }

    /// Takes everything to the stream's end; false when that does not come in time.
    fn drain(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.all.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
