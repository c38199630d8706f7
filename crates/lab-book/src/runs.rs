//! Runs of programs, recorded by `cargo lab trace` as journals.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_core::staging::StagingDir;
use lab_journal::Journal;
use labnet::Hint;
use serde::Deserialize;

/// A run that takes longer is given up. The tracer itself ends a run long before.
const LIMIT: Duration = Duration::from_secs(90);
/// So many runs are recorded at a time.
const AT_A_TIME: usize = 4;

/// How a run is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plan {
    /// The server: `rust`, `python`, a program of the gallery such as `one-recv.py`, or a command.
    pub server: Option<String>,
    /// The client, likewise.
    pub client: Option<String>,
    /// Whether the client runs without a server.
    pub alone: bool,
    /// More words for the server.
    pub server_args: Vec<String>,
    /// More words for the client.
    pub client_args: Vec<String>,
    /// What the client's user types.
    pub input: String,
    /// More words for `cargo lab trace`, such as `--cut 4`.
    pub trace: Vec<String>,
}

/// Records runs.
#[derive(Debug)]
pub struct Studio {
    root: PathBuf,
    tracer: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
    folder: StagingDir,
    number: AtomicUsize,
}

impl Studio {
    /// Builds the tracer and the programs of these exercises.
    ///
    /// # Errors
    ///
    /// When one does not build.
    pub fn new(catalog: &Catalog, programs: &[&Program]) -> anyhow::Result<Self> {
        let packages: Vec<&str> = programs.iter().map(|one| one.package.as_str()).collect();
        let binaries = cargo::build(&packages)?;
        let tracer = cargo::build_tool("lab-trace")?;
        Ok(Studio {
            root: catalog.root.clone(),
            tracer,
            binaries,
            folder: StagingDir::temporary("lab-book").context("cannot make a folder for runs")?,
            number: AtomicUsize::new(0),
        })
    }

    /// Records runs, a few at a time, and gives their journals in their order.
    ///
    /// # Errors
    ///
    /// When one cannot be recorded: the error names it.
    pub fn record_all(
        &self,
        catalog: &Catalog,
        wanted: &[(&str, &Plan)],
    ) -> anyhow::Result<Vec<Journal>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((exercise, plan)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                let journal = self.record(catalog, exercise, plan);
                let journal = journal.with_context(|| format!("a run of {exercise} with {plan:?}"));
                done.push(((*exercise, *plan), journal));
            }
            done
        };
        let mut all = Vec::new();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                match worker.join() {
                    Ok(done) => all.extend(done),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        let mut journals = Vec::new();
        for one in wanted {
            let place = all
                .iter()
                .position(|(other, _)| other == one)
                .context("a run was not recorded")?;
            journals.push(all.remove(place).1?);
        }
        Ok(journals)
    }

    /// Records one run.
    ///
    /// # Errors
    ///
    /// When the tracer fails, or takes too long.
    pub fn record(
        &self,
        catalog: &Catalog,
        exercise: &str,
        plan: &Plan,
    ) -> anyhow::Result<Journal> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.path().join(format!("{number}.json"));
        let mut command = Command::new(&self.tracer);
        command.arg("trace");
        for (option, words) in self.commands(catalog, exercise, plan)? {
            command.arg(option).arg(words);
        }
        command.args(&plan.trace).arg("--json").arg(&file);
        command
            .current_dir(&self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start lab-trace")?;
        let id = child.id();
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads nothing has closed its end: no fault of the run.
            match stdin.write_all(plan.input.as_bytes()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(error).context("cannot write the input");
                }
                _ => {}
            }
        }
        let (sender, ended) = sync_channel(1);
        let waiter = thread::spawn(move || sender.send(child.wait_with_output()));
        let output = match ended.recv_timeout(LIMIT) {
            Ok(output) => output.context("cannot wait for lab-trace")?,
            Err(RecvTimeoutError::Timeout) => {
                // Its end ends the programs that it traces.
                let kill = Command::new("kill").arg(id.to_string()).status();
                kill.context("cannot start kill")?;
                bail!("the run did not end within {} s", LIMIT.as_secs());
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the thread that waits has ended"),
        };
        if waiter.join().is_err() {
            bail!("the thread that waits has panicked");
        }
        let text = fs::read_to_string(&file).map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow!("cargo lab trace recorded nothing: {}", said.trim())
        })?;
        let journal = Journal::from_json(&text)?;
        if journal.entries.is_empty() {
            bail!("nothing happened in the run");
        }
        Ok(journal)
    }

    /// The options that name the programs.
    fn commands(
        &self,
        catalog: &Catalog,
        exercise: &str,
        plan: &Plan,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut options = Vec::new();
        match catalog.exercise(exercise)?.roles()? {
            Roles::Pair(_, client) if plan.alone => {
                let words = self.words(client, plan.client.as_deref(), &plan.client_args)?;
                options.push(("--program", words));
            }
            Roles::Pair(server, client) => {
                let server = self.words(server, plan.server.as_deref(), &plan.server_args)?;
                let client = self.words(client, plan.client.as_deref(), &plan.client_args)?;
                options.push(("--server", server));
                options.push(("--client", client));
            }
            Roles::Alone(program) => {
                let words = self.words(program, plan.client.as_deref(), &plan.client_args)?;
                match &plan.server {
                    None => options.push(("--program", words)),
                    Some(server) => {
                        options.push(("--server", server.clone()));
                        options.push(("--client", words));
                    }
                }
            }
            Roles::Demo(..) => bail!("{exercise} has more than two programs"),
        }
        Ok(options)
    }

    /// A program's command in one string.
    fn words(
        &self,
        program: &Program,
        wanted: Option<&str>,
        more: &[String],
    ) -> anyhow::Result<String> {
        let mut words = Vec::new();
        match wanted.unwrap_or("rust") {
            "rust" => {
                let binary = self
                    .binaries
                    .get(&program.package)
                    .with_context(|| format!("{} has no binary", program.package))?;
                words.push(binary.display().to_string());
                words.extend(program.args.clone());
            }
            "python" => {
                words.extend(["python3".to_string(), "-u".to_string()]);
                words.push(format!("{}/twin.py", program.folder));
                words.extend(program.args.clone());
            }
            wrong if wrong.ends_with(".py") && !wrong.contains(' ') => {
                let file = gallery(&program.exercise, wrong);
                if !self.root.join(&file).exists() {
                    return Err(anyhow!("there is no {file}"))
                        .hint("name a program of the exercise's gallery");
                }
                words.extend(["python3".to_string(), "-u".to_string(), file]);
            }
            command => words.push(command.to_string()),
        }
        words.extend(
            more.iter()
                .map(|word| shell_words::quote(word).into_owned()),
        );
        Ok(words.join(" "))
    }
}

/// The path of a gallery's program.
pub fn gallery(exercise: &str, name: &str) -> String {
    format!("crates/lab-check/gallery/{exercise}/{name}")
}

/// A path for people: from the workspace's root.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
