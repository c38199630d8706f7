//! `cargo lab run`: a server, its client, one terminal.
//!
//! | module | holds |
//! |---|---|
//! | [`stage`] | where both sides are started, heard and shown |

mod stage;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_core::process;
use labnet::Hint;

use crate::demo;
use crate::show::Label;
use stage::Stage;

/// After the client's end, a server that continues is heard until it has been silent for this long.
const SILENCE: Duration = Duration::from_millis(300);
/// One that never falls silent is heard for this long.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long a server that ends with its client may take to end.
const ONE_SHOT_PATIENCE: Duration = Duration::from_secs(10);

/// Runs both sides of an exercise in this terminal: builds them, starts the server, waits until it
/// listens, runs the client, stops the server. Its exit code is the client's.
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
    /// When the exercise is unknown, a side does not build,
    /// cannot be started or does not listen, or stdout is closed.
    pub fn run(&self) -> anyhow::Result<i32> {
        let catalog = Catalog::read()?;
        match catalog.exercise(&self.exercise)?.roles()? {
            Roles::Pair(server, client) => self.pair(&catalog, server, client),
            Roles::Alone(program) => self.alone(&catalog, program),
            Roles::Demo(router, service, caller) => {
                if !self.words.is_empty() || self.host.is_some() {
                    return Err(anyhow!(
                        "{} is told as it is: it takes --port alone",
                        self.exercise
                    ))
                    .hint("to try other calls, run its programs by hand: their READMEs say how");
                }
                let parts = demo::Parts {
                    router,
                    service,
                    caller,
                };
                demo::run(&catalog, parts, self.port.unwrap_or(0))
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
                describe(status)
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
            stage.note(&format!("{} failed ({})", client.package, describe(status)))?;
            if names(&self.words, "--port") || names(&self.words, "--host") {
                stage.note(&format!(
                    "the server listens on {address}, and the client was sent elsewhere by the words after --; for both \
                     sides: cargo lab run {} --port PORT",
                    self.exercise
                ))?;
            }
        }
        let mut code = exit_code(status);
        if ended {
            let status = running_server.end()?;
            if !status.success() {
                stage.note(&format!("{} failed ({})", server.package, describe(status)))?;
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
            stage
                .note("the client has ended; the server, which would keep running, was stopped")?;
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
                stage.note(&format!(
                    "{} failed ({})",
                    program.package,
                    describe(status)
                ))?;
            }
        }
        Ok(exit_code(status))
    }

    fn arguments(&self, program: &Program, port: Option<u16>, words: &[String]) -> Vec<String> {
        arguments(program, self.host.as_deref(), port, words)
    }
}

/// A program's command line: what it needs by its manifest, host and port, then the user's words.
/// Where an option is given more than once, the later one wins: programs refuse to hear it twice.
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
                    format!("the package {package} has no binary of the same name")
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

/// What a shell would give as the exit code: that of a program
/// which a signal ended is 128 and the signal's number.
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
fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => format!("signal {}", exit_code(status) - 128),
    }
}

#[cfg(test)]
mod tests;
