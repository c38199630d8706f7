//! `cargo lab run`: a server, its client, one terminal.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_core::cargo;
use lab_core::catalog::{Cast, Catalog, Program};
use lab_core::process::{self, Event, Running, Stream};
use labnet::Hint;

use crate::show::{Label, Screen};
use crate::{story, web};

/// How long a server may take until it listens: Python's start on a busy machine takes seconds.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// After the client's end, a server that goes on is heard until it has been silent for this long.
const SILENCE: Duration = Duration::from_millis(300);
/// One that never falls silent is heard for this long.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long a server that ends with its client may take to end.
const ONE_SHOT_PATIENCE: Duration = Duration::from_secs(10);
/// So many pieces of output may wait to be shown; then the programs wait.
const WAITING_PIECES: usize = 64;
/// A server's line on stderr that says that clients can come.
const READY: &[u8] = b"listening on ";
/// It has to come within so many bytes.
const READY_WITHIN: usize = 64 * 1024;

/// Runs both sides of an exercise in this terminal: builds them, starts the server, waits until it listens, runs the
/// client, stops the server. Its exit code is the client's.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "run",
    help_triggers("-h", "--help"),
    example = "cargo lab run {{exercise}}",
    example = "cargo lab run {{exercise}} -- --help",
    example = "cargo lab run {{exercise}} --server python --port 9900",
    example = "cargo lab run {{exercise}} --client python"
)]
pub struct Run {
    /// the server's language: rust or python (default rust)
    #[argh(option, default = "Language::Rust", from_str_fn(language))]
    server: Language,
    /// the client's language, or that of a program alone: rust or python (default rust)
    #[argh(option, default = "Language::Rust", from_str_fn(language))]
    client: Language,
    /// the port for both sides (default the sheet's; 0 takes any that is free)
    #[argh(option, from_str_fn(labnet::port))]
    port: Option<u16>,
    /// the host for both sides (default the sheet's)
    #[argh(option)]
    host: Option<String>,
    /// the exercise, or one of its packages; cargo lab list shows them
    #[argh(positional)]
    exercise: String,
    /// words for the client, after --
    #[argh(positional, greedy)]
    words: Vec<String>,
}

/// In which language a side runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    /// `main.rs`.
    Rust,
    /// `twin.py`.
    Python,
}

fn language(word: &str) -> Result<Language, String> {
    match word {
        "rust" => Ok(Language::Rust),
        "python" => Ok(Language::Python),
        _ => Err("a language is rust or python".to_string()),
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lab,
    Server,
    Client,
    Alone,
    Web,
}

impl Run {
    /// Runs the exercise and gives the exit code: the client's, or 1 when the server failed.
    ///
    /// # Errors
    ///
    /// When the exercise is unknown, a side does not build, cannot be started or does not listen, or stdout is closed.
    pub fn run(&self) -> anyhow::Result<i32> {
        let catalog = Catalog::read()?;
        match catalog.exercise(&self.exercise)?.cast()? {
            Cast::Pair(server, client) => self.pair(&catalog, server, client),
            Cast::Alone(program) => self.alone(&catalog, program),
            Cast::Story(router, service, caller) => {
                if !self.words.is_empty() || self.host.is_some() {
                    return Err(anyhow!(
                        "{} is told as it is: it takes --port alone",
                        self.exercise
                    ))
                    .hint("to try other calls, run its programs by hand: their READMEs say how");
                }
                let parts = story::Parts {
                    router,
                    service,
                    caller,
                };
                story::run(&catalog, parts, self.port.unwrap_or(0))
            }
        }
    }

    fn pair(&self, catalog: &Catalog, server: &Program, client: &Program) -> anyhow::Result<i32> {
        process::stop_at_signals()?;
        let server_side = Part::new(Side::Server, server, self.server);
        let client_side = Part::new(Side::Client, client, self.client);
        let binaries = build(&[server_side, client_side])?;
        let mut stage = Stage::new(&[server_side, client_side]);

        let mut command = server_side.command(catalog, &binaries)?;
        command
            .args(self.arguments(server, self.port, &[]))
            .stdin(Stdio::null());
        let running_server = stage.start(server_side, command)?;
        let Some(address) = stage.wait_until_it_listens()? else {
            let status = running_server.end()?;
            return Err(anyhow!(
                "{} ended before it listened ({})",
                server.package,
                told(status)
            ))
            .hint("what it said above tells why");
        };

        // The port that the server really has: with --port 0 only it knows.
        let port = self.port.map(|_| address.port());
        let mut command = client_side.command(catalog, &binaries)?;
        command.args(self.arguments(client, port, &self.words));
        let running_client = stage.start(client_side, command)?;
        stage.hear(Side::Client, |_| None)?;
        let status = running_client.end()?;
        if interrupted(status) {
            return Ok(exit_code(status));
        }

        let began = Instant::now();
        let ended = stage.hear(Side::Server, |heard| {
            Some(if server.one_shot {
                began + ONE_SHOT_PATIENCE
            } else {
                let last = heard.map_or(began, |heard| heard.max(began));
                (last + SILENCE).min(began + LAST_WORDS)
            })
        })?;
        if !status.success() {
            stage.note(&format!("{} failed ({})", client.package, told(status)))?;
        }
        let mut code = exit_code(status);
        if ended {
            let status = running_server.end()?;
            if !status.success() {
                stage.note(&format!("{} failed ({})", server.package, told(status)))?;
                code = if code == 0 { 1 } else { code };
            }
        } else if server.one_shot {
            drop(running_server);
            let patience = ONE_SHOT_PATIENCE.as_secs();
            stage.note(&format!(
                "{} should end with its first client, and did not within {patience} s; it was stopped",
                server.package
            ))?;
            code = if code == 0 { 1 } else { code };
        } else {
            drop(running_server);
            stage.note("the client has ended; the server, which would go on, was stopped")?;
        }
        Ok(code)
    }

    fn alone(&self, catalog: &Catalog, program: &Program) -> anyhow::Result<i32> {
        if self.server != Language::Rust {
            return Err(anyhow!("{} has no server of ours", program.exercise))
                .hint("--client python runs the program's twin");
        }
        process::stop_at_signals()?;
        let part = Part::new(Side::Alone, program, self.client);
        let binaries = build(&[part])?;
        let mut stage = Stage::new(&[part]);

        let mut host = self.host.clone();
        let mut port = self.port;
        if program.needs_web_server && host.is_none() && !names(&self.words, "--host") {
            let address = stage.start_web_server(port.unwrap_or(0))?;
            stage.note(&format!(
                "started a small web server on {address} for {}",
                program.package
            ))?;
            host = Some(address.ip().to_string());
            port = Some(address.port());
        }
        let mut command = part.command(catalog, &binaries)?;
        command.args(arguments(program, host.as_deref(), port, &self.words));
        let running = stage.start(part, command)?;
        stage.hear(Side::Alone, |_| None)?;
        let status = running.end()?;
        if !interrupted(status) {
            // What the web server tells comes from another thread, after its client's end.
            let began = Instant::now();
            if program.needs_web_server {
                stage.hear_of_a_web_client(began + SILENCE)?;
            }
            if !status.success() {
                stage.note(&format!("{} failed ({})", program.package, told(status)))?;
            }
        }
        Ok(exit_code(status))
    }

    fn arguments(&self, program: &Program, port: Option<u16>, words: &[String]) -> Vec<String> {
        arguments(program, self.host.as_deref(), port, words)
    }
}

/// A program's command line: what it needs by its manifest, host and port, then the user's words. Where an option is
/// given more than once, the later one wins: programs refuse to hear it twice.
fn arguments(
    program: &Program,
    host: Option<&str>,
    port: Option<u16>,
    words: &[String],
) -> Vec<String> {
    let mut arguments = Vec::new();
    let ours = [
        ("--host", host.map(str::to_string)),
        ("--port", port.map(|port| port.to_string())),
    ];
    let mut needed = program.args.iter().peekable();
    while let Some(word) = needed.next() {
        let value = needed.next_if(|value| word.starts_with('-') && !value.starts_with('-'));
        let replaced = ours
            .iter()
            .any(|(option, value)| option == word && value.is_some());
        if !replaced && !names(words, word) {
            arguments.extend([Some(word), value].into_iter().flatten().cloned());
        }
    }
    for (option, value) in ours {
        if let Some(value) = value
            && !names(words, option)
        {
            arguments.extend([option.to_string(), value]);
        }
    }
    arguments.extend_from_slice(words);
    arguments
}

/// Whether the words hold this option, as `--port 9900` or as `--port=9900`.
fn names(words: &[String], option: &str) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| option.starts_with("--") && word.split('=').next() == Some(option))
}

/// Builds the Rust sides, in one go.
fn build(parts: &[Part<'_>]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let packages: Vec<&str> = parts
        .iter()
        .filter(|part| part.language == Language::Rust)
        .map(|part| part.program.package.as_str())
        .collect();
    match &packages[..] {
        [] => Ok(BTreeMap::new()),
        packages => cargo::build(packages),
    }
}

/// A program in its role, in a language.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    side: Side,
    program: &'a Program,
    language: Language,
}

impl<'a> Part<'a> {
    fn new(side: Side, program: &'a Program, language: Language) -> Self {
        Part {
            side,
            program,
            language,
        }
    }

    fn command(
        &self,
        catalog: &Catalog,
        binaries: &BTreeMap<String, PathBuf>,
    ) -> anyhow::Result<Command> {
        let package = &self.program.package;
        match self.language {
            Language::Rust => {
                let binary = binaries.get(package).with_context(|| {
                    format!("the package {package} has no binary of its own name")
                })?;
                Ok(Command::new(binary))
            }
            Language::Python => {
                let twin = catalog.root.join(&self.program.folder).join("twin.py");
                if !twin.exists() {
                    return Err(anyhow!("{package} has no Python twin"))
                        .hint("leave out --server python and --client python");
                }
                let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
                // -u: each line is out at once, also into a pipe.
                command.arg("-u").arg(twin);
                Ok(command)
            }
        }
    }

    fn label(&self) -> Label {
        let python = self.language == Language::Python;
        let reads_keyboard = self.side != Side::Server && io::stdin().is_terminal();
        Label {
            python,
            reads_keyboard,
            ..self.side.label()
        }
    }
}

impl Side {
    fn label(self) -> Label {
        let (name, color) = match self {
            Side::Lab => ("lab", 33),
            Side::Server => ("server", 36),
            Side::Client => ("client", 32),
            Side::Alone => ("program", 32),
            Side::Web => ("web", 36),
        };
        Label {
            name,
            color,
            python: false,
            reads_keyboard: false,
        }
    }
}

/// Where the sides are heard, and shown.
struct Stage {
    screen: Screen,
    actors: Vec<Actor>,
    sender: SyncSender<Event<Side>>,
    events: Receiver<Event<Side>>,
    /// What the server has said on stderr, until it listens.
    server_says: Vec<u8>,
}

/// What is known of a side.
struct Actor {
    side: Side,
    label: Label,
    /// How many of its streams are open.
    open: usize,
    /// When it was heard last.
    heard: Option<Instant>,
}

impl Stage {
    fn new(parts: &[Part<'_>]) -> Self {
        let mut labels: Vec<_> = parts.iter().map(|part| (part.side, part.label())).collect();
        labels.push((Side::Lab, Side::Lab.label()));
        if parts.iter().any(|part| part.program.needs_web_server) {
            labels.push((Side::Web, Side::Web.label()));
        }
        let width = labels.iter().map(|(_, label)| label.name.len()).max();
        let actor = |(side, label)| Actor {
            side,
            label,
            open: 0,
            heard: None,
        };
        let (sender, events) = mpsc::sync_channel(WAITING_PIECES);
        Stage {
            screen: Screen::new(width.unwrap_or(0)),
            actors: labels.into_iter().map(actor).collect(),
            sender,
            events,
            server_says: Vec::new(),
        }
    }

    fn start(&mut self, part: Part<'_>, mut command: Command) -> anyhow::Result<Running> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Who plays with the keyboard wants question and answer in their order.
        let (started, pipes) = if part.program.interactive && io::stdin().is_terminal() {
            (process::start_merged(command, part.side, &self.sender), 1)
        } else {
            let started = process::start(&mut command).map(|mut running| {
                running.listen(part.side, &self.sender);
                running
            });
            (started, 2)
        };
        let started = started.with_context(|| format!("cannot start {program}"));
        let running = match part.language {
            Language::Rust => started?,
            Language::Python => started.hint(
                "is Python installed (3.8 or newer)? without --server python and --client python \
                 the Rust programs run",
            )?,
        };
        self.actor(part.side).open = pipes;
        Ok(running)
    }

    /// A line of our own.
    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        let line = format!("{text}\n");
        self.screen
            .feed(Side::Lab.label(), Stream::Stderr, line.as_bytes())
    }

    fn start_web_server(&mut self, port: u16) -> anyhow::Result<SocketAddr> {
        let sender = self.sender.clone();
        web::start(port, move |line| {
            let bytes = Some(format!("{line}\n").into_bytes());
            let event = Event {
                side: Side::Web,
                stream: Stream::Stderr,
                bytes,
            };
            let _the_story_is_over = sender.send(event);
        })
    }

    /// Shows everything until the server listens, and gives its address; `None` when it ends before.
    fn wait_until_it_listens(&mut self) -> anyhow::Result<Option<SocketAddr>> {
        let deadline = Instant::now() + START_PATIENCE;
        while self.actor(Side::Server).open > 0 {
            if !self.next(Some(deadline))? {
                let patience = START_PATIENCE.as_secs();
                return Err(anyhow!(
                    "the server has not said within {patience} s that it listens"
                ))
                .hint("it has to print `listening on ADDRESS` to stderr");
            }
            if let Some(address) = listening(&self.server_says) {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    /// Shows everything until a side's streams have ended; false when the time is up before. `until` is given the
    /// time at which that side was last heard.
    fn hear(
        &mut self,
        side: Side,
        until: impl Fn(Option<Instant>) -> Option<Instant>,
    ) -> anyhow::Result<bool> {
        while self.actor(side).open > 0 {
            let deadline = until(self.actor(side).heard);
            if !self.next(deadline)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows everything until the web server has told of a client, or the time is up.
    fn hear_of_a_web_client(&mut self, deadline: Instant) -> anyhow::Result<()> {
        while self.actor(Side::Web).heard.is_none() && self.next(Some(deadline))? {}
        Ok(())
    }

    /// Takes the next event and shows it; false when none comes before the deadline.
    fn next(&mut self, deadline: Option<Instant>) -> anyhow::Result<bool> {
        loop {
            // The beginning of a line may have to be shown before anything else happens.
            let wake = match (deadline, self.screen.due()) {
                (Some(deadline), Some(due)) => Some(deadline.min(due)),
                (deadline, due) => deadline.or(due),
            };
            let event = match wake {
                None => self.events.recv().context("nobody speaks any more")?,
                Some(wake) => match self
                    .events
                    .recv_timeout(wake.saturating_duration_since(Instant::now()))
                {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Disconnected) => {
                        unreachable!("this struct holds a sender")
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        let now = Instant::now();
                        self.screen.show_beginnings(now)?;
                        if deadline.is_some_and(|deadline| deadline <= now) {
                            return Ok(false);
                        }
                        continue;
                    }
                },
            };
            self.screen.show_beginnings(Instant::now())?;
            self.take(event)?;
            return Ok(true);
        }
    }

    fn take(&mut self, event: Event<Side>) -> anyhow::Result<()> {
        let Event {
            side,
            stream,
            bytes,
        } = event;
        let actor = self.actor(side);
        actor.heard = Some(Instant::now());
        let label = actor.label;
        let Some(bytes) = bytes else {
            actor.open -= 1;
            return self.screen.end(label, stream);
        };
        if side == Side::Server && stream == Stream::Stderr && self.server_says.len() < READY_WITHIN
        {
            self.server_says.extend_from_slice(&bytes);
        }
        self.screen.feed(label, stream, &bytes)
    }

    fn actor(&mut self, side: Side) -> &mut Actor {
        self.actors
            .iter_mut()
            .find(|actor| actor.side == side)
            .expect("every side of a run is made in `new`")
    }
}

/// The address in a server's line that it listens.
fn listening(says: &[u8]) -> Option<SocketAddr> {
    says.split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n")?.strip_prefix(READY))
        .find_map(|address| std::str::from_utf8(address).ok()?.trim().parse().ok())
}

/// What a shell would give as the exit code: that of a program which a signal ended is 128 and the signal's number.
fn exit_code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}

/// Whether it ended by the user's Ctrl-C, which reaches every program in the terminal.
fn interrupted(status: ExitStatus) -> bool {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status)
        == Some(signal_hook::consts::SIGINT);
    #[cfg(not(unix))]
    // STATUS_CONTROL_C_EXIT
    return status
        .code()
        .is_some_and(|code| code.cast_unsigned() == 0xC000_013A);
}

/// `exit code 1`, or `signal 9`.
fn told(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => format!("signal {}", exit_code(status) - 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_string).collect()
    }

    fn program(args: &str) -> Program {
        Program {
            package: "p".to_string(),
            folder: "crates/p".to_string(),
            sheet: "s".to_string(),
            exercise: "e".to_string(),
            title: "t".to_string(),
            order: 1,
            role: lab_core::catalog::Role::Client,
            python: "p.py".to_string(),
            teaches: "t".to_string(),
            calls: Vec::new(),
            args: words(args),
            one_shot: false,
            interactive: false,
            needs_web_server: false,
        }
    }

    fn line(args: &str, host: Option<&str>, port: Option<u16>, said: &str) -> String {
        arguments(&program(args), host, port, &words(said)).join(" ")
    }

    #[test]
    fn the_port_of_the_command_line_wins_over_the_manifests() {
        assert_eq!(line("--port 9900", None, None, ""), "--port 9900");
        assert_eq!(line("--port 9900", None, Some(1), ""), "--port 1");
        assert_eq!(
            line("--port 9900 --fast x", None, Some(1), ""),
            "--fast x --port 1"
        );
        assert_eq!(line("", Some("h"), Some(1), "a b"), "--host h --port 1 a b");
    }

    #[test]
    fn the_users_words_win_over_both() {
        assert_eq!(
            line("--port 9900", None, Some(1), "--port=2 x"),
            "--port=2 x"
        );
        assert_eq!(line("--port 9900", None, None, "--port 2"), "--port 2");
        assert_eq!(
            line("--port 9900", None, None, "-- --port"),
            "--port 9900 -- --port"
        );
    }

    #[test]
    fn the_ready_line_counts_when_it_is_whole() {
        let address = |says: &str| listening(says.as_bytes()).map(|address| address.to_string());
        assert_eq!(address("listening on 127.0.0.1:65432"), None);
        assert_eq!(
            address("note\nlistening on 127.0.0.1:65432\n").as_deref(),
            Some("127.0.0.1:65432")
        );
        assert_eq!(
            address("listening on 0.0.0.0:80\r\n").as_deref(),
            Some("0.0.0.0:80")
        );
        assert_eq!(
            address("not listening on 127.0.0.1:1\nlistening on it\n"),
            None
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_signals_exit_code_is_the_shells() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
        assert_eq!(told(ExitStatus::from_raw(9)), "signal 9");
        assert_eq!(exit_code(ExitStatus::from_raw(2 << 8)), 2);
        assert_eq!(told(ExitStatus::from_raw(2 << 8)), "exit code 2");
    }
}
