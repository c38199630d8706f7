//! Runs of programs, recorded by `cargo lab trace` as journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_core::process::{self, Stream};
use lab_core::staging::StagingDir;
use lab_journal::Journal;
use labnet::{Hint, log};

use crate::anonymous::anonymous;
use crate::data;
use crate::plan::{Plan, Wanted, shown_run};

/// A run that takes longer is given up. The tracer itself ends a run long before.
const LIMIT: Duration = Duration::from_secs(90);
/// How many runs are recorded at a time.
const AT_A_TIME: usize = 4;
/// How many pieces of the tracer's output may wait to be read.
const WAITING_PIECES: usize = 64;

/// Runs a program in Python that tells the tracer its lines.
const TELLS_LINES: &str = include_str!("../../lab-trace/src/lines.py");

/// Checks that this machine lets a run have a network of its own. Asked before the first thread.
///
/// # Errors
///
/// When it does not. The hint says what to do about it.
pub fn check_networks() -> anyhow::Result<()> {
    if lab_netns::possible() {
        return Ok(());
    }
    Err(anyhow!(
        "this system does not let a program make a network of its own, and each recorded run needs one"
    ))
    .hint(
        "Ubuntu: sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0; \
         Docker: --cap-add SYS_ADMIN --security-opt seccomp=unconfined; or run it as root",
    )
}

/// Records runs.
#[derive(Debug)]
pub struct Studio {
    root: PathBuf,
    tracer: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
    /// What our own programs of an exercise are always told.
    always: BTreeMap<String, Vec<String>>,
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
            always: always(catalog)?,
            folder: StagingDir::temporary("lab-book").context("cannot make a folder for runs")?,
            number: AtomicUsize::new(0),
        })
    }

    /// Records runs, a few at a time. One that cannot be recorded is tried once more, alone: a busy
    /// machine may have kept it from its end.
    ///
    /// # Errors
    ///
    /// When some cannot be recorded: stderr names them all.
    pub fn record_all(
        &self,
        catalog: &Catalog,
        wanted: &BTreeSet<&Wanted>,
    ) -> anyhow::Result<BTreeMap<Wanted, Journal>> {
        let wanted: Vec<&Wanted> = wanted.iter().copied().collect();
        let all = each(&wanted, AT_A_TIME, |one| self.record(catalog, one));
        let mut journals = BTreeMap::new();
        let mut failed = Vec::new();
        for (wanted, first) in wanted.into_iter().zip(all) {
            let journal = first.or_else(|error| {
                log!("{}: {error:#}; once more, alone", shown_run(wanted));
                self.record(catalog, wanted)
            });
            match journal {
                Ok(journal) => drop(journals.insert(wanted.clone(), journal)),
                Err(error) => failed.push(format!("{}: {error:#}", shown_run(wanted))),
            }
        }
        for one in &failed {
            log!("not recorded: {one}");
        }
        ensure!(
            failed.is_empty(),
            "{} runs cannot be recorded",
            failed.len()
        );
        Ok(journals)
    }

    /// Records one run.
    ///
    /// # Errors
    ///
    /// When the tracer fails, or takes too long.
    pub fn record(&self, catalog: &Catalog, (exercise, plan): &Wanted) -> anyhow::Result<Journal> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.path().join(format!("{number}.json"));
        let mut command = Command::new(&self.tracer);
        command.arg("trace");
        for (option, words) in self.commands(catalog, exercise, plan)? {
            command.arg(option).arg(words);
        }
        command.args(&plan.trace).arg("--json").arg(&file);
        command.current_dir(&self.root).stdin(Stdio::piped());
        let mut tracer = process::start(&mut command).context("cannot start lab-trace")?;
        let (sender, events) = sync_channel(WAITING_PIECES);
        tracer.listen((), &sender);
        drop(sender);
        if let Some(mut stdin) = tracer.stdin() {
            // A program that reads nothing has closed its end: no fault of the run.
            match stdin.write_all(plan.input.as_bytes()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(error).context("cannot write the input");
                }
                _ => {}
            }
        }
        let deadline = Instant::now() + LIMIT;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(event) if event.stream == Stream::Stderr => {
                    said.extend(event.bytes.unwrap_or_default());
                }
                // The picture: the journal has all of it.
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                // The tracer is killed, and the programs that it traces with it.
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the run did not end within {} s", LIMIT.as_secs())
                }
            }
        }
        // Its exit code is the client's; whether it recorded the run, the journal tells.
        tracer.end()?;
        let text = fs::read_to_string(&file).map_err(|_| {
            let said = String::from_utf8_lossy(&said);
            anyhow!("cargo lab trace recorded nothing: {}", said.trim())
        })?;
        let mut journal = Journal::from_json(&text)?;
        ensure!(!journal.entries.is_empty(), "nothing happened in the run");
        anonymous(&mut journal, &self.root);
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

    /// What a program of ours is told in every run.
    fn own(&self, program: &Program) -> Vec<String> {
        let always = self.always.get(&program.exercise);
        [&program.args[..], always.map_or(&[], Vec::as_slice)].concat()
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
                words.push(shell_words::quote(&binary.to_string_lossy()).into_owned());
                words.extend(self.own(program));
            }
            "python" => {
                // As `cargo lab trace` starts a twin: so that it tells its lines.
                words.extend(["python3", "-u", "-c"].map(str::to_string));
                words.push(shell_words::quote(TELLS_LINES).into_owned());
                words.push(format!("{}/twin.py", program.folder));
                words.extend(self.own(program));
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

/// Does something with each of these, so many at a time. The results have the same order.
pub fn each<T: Sync, R: Send>(
    all: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(place) else {
                return done;
            };
            done.push((place, work(one)));
        }
    };
    let mut results = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(some)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What our own programs of each exercise are always told.
fn always(catalog: &Catalog) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let args = |id: &str| Ok((id.to_string(), data::of(&catalog.root, id)?.args));
    catalog.exercises().map(|one| args(&one.id)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// On Debian a machine's own name is 127.0.1.1, and the gallery's programs are on 127.0.0.1.
    #[test]
    fn programs_that_would_take_the_name_of_the_machine_are_told_their_address() {
        let catalog = Catalog::read().unwrap();
        let mut studio = Studio {
            root: catalog.root.clone(),
            tracer: PathBuf::new(),
            binaries: BTreeMap::new(),
            always: always(&catalog).unwrap(),
            folder: StagingDir::temporary("lab-book-runs").unwrap(),
            number: AtomicUsize::new(0),
        };
        for program in catalog.exercises().flat_map(|one| &one.programs) {
            let binary = PathBuf::from(format!("/a b/{}", program.package));
            studio.binaries.insert(program.package.clone(), binary);
        }
        for exercise in ["co223-task01", "co223-task02", "co223-task03"] {
            let plan = Plan {
                client: Some("python".to_string()),
                client_args: vec!["--port".to_string(), "1 2".to_string()],
                ..Plan::default()
            };
            let commands = studio.commands(&catalog, exercise, &plan).unwrap();
            let server = format!("'/a b/{exercise}-server' --host 127.0.0.1");
            assert_eq!(commands[0], ("--server", server));
            let client = format!("crates/{exercise}-client/twin.py --host 127.0.0.1 --port '1 2'");
            assert!(commands[1].1.ends_with(&client), "{commands:?}");
        }
        let gallery = Plan {
            client: Some("client-one-recv.py".to_string()),
            ..Plan::default()
        };
        let commands = studio.commands(&catalog, "co223-task02", &gallery).unwrap();
        let file = "crates/lab-check/gallery/co223-task02/client-one-recv.py";
        assert_eq!(commands[1].1, format!("python3 -u {file}"));
    }
}
