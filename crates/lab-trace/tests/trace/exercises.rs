//! Every exercise, and the right answers in other languages: each received byte is tied to the
//! send that it came from, and the streams of the calls are those on the wire.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_journal::{Event, Journal, Transport};

use crate::{assert_all_ended, calls, journal, segments, trace};

const PORT: &str = "9000";
/// An ordinary user.
pub const NOBODY: u32 = 65534;
/// So many runs at a time: most of them wait.
const AT_ONCE: usize = 4;

/// A run to record.
struct Task {
    name: String,
    options: Vec<(&'static str, String)>,
    /// What is typed.
    keys: String,
    /// Whether bytes must pass.
    has_bytes: bool,
}

/// The catalog's programs, built.
struct Lab {
    catalog: Catalog,
    built: BTreeMap<String, PathBuf>,
}

impl Lab {
    fn new() -> Self {
        let catalog = Catalog::read().expect("the catalog");
        let exercises = catalog.exercises();
        let programs = exercises.flat_map(|exercise| &exercise.programs);
        let packages: Vec<&str> = programs.map(|program| program.package.as_str()).collect();
        let built = cargo::build(&packages).expect("they build");
        Lab { catalog, built }
    }

    fn rust(&self, package: &str) -> String {
        self.built[package].display().to_string()
    }

    /// A program's command, in Rust or Python, with the port of these tests.
    fn command(&self, program: &Program, language: &str) -> String {
        let start = match language {
            "rust" => self.rust(&program.package),
            _ => {
                let twin = self.catalog.root.join(&program.folder).join("twin.py");
                // As the command starts a twin, so that it tells its lines.
                let told = shell_words::quote(include_str!("../../src/lines.py"));
                format!("python3 -u -c {told} {}", twin.display())
            }
        };
        let arguments = match program.package.as_str() {
            "transparency-socket1" | "transparency-socket2" => String::new(),
            "portscan" => "--ports 9000-9009 127.0.0.1".to_string(),
            _ if program.needs_web_server => format!("--host 127.0.0.1 --port {PORT}"),
            _ => format!("--port {PORT}"),
        };
        format!("{start} {arguments}")
    }

    /// Each exercise in each pairing of its languages.
    fn tasks(&self) -> Vec<Task> {
        let languages = ["rust", "python"];
        let mut tasks = Vec::new();
        let exercises = self
            .catalog
            .sheets
            .iter()
            .flat_map(|sheet| &sheet.exercises);
        for exercise in exercises {
            match exercise.roles().expect("roles") {
                Roles::Pair(server, client) => {
                    for (one, other) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                        let (one, other) = (languages[one], languages[other]);
                        let client = self.command(client, other);
                        let name = format!("{}: {one} and {other}", exercise.id);
                        tasks.push(Task::pair(name, self.command(server, one), client));
                    }
                }
                Roles::Alone(program) => {
                    for language in languages {
                        let name = format!("{}: {language}", exercise.id);
                        let command = self.command(program, language);
                        tasks.push(match program.needs_web_server {
                            true => Task::pair(name, WEB.to_string(), command),
                            false => Task::alone(name, command),
                        });
                    }
                }
                Roles::Demo(router, service, caller) => {
                    let web = self.catalog.root.join(&service.folder).join("web");
                    let (service, caller) =
                        (self.rust(&service.package), self.rust(&caller.package));
                    let router = self.rust(&router.package);
                    let url = format!("ws://127.0.0.1:{PORT}/ws");
                    let client = format!(
                        "sh -c '{service} --router {url} --log counter.log 2>words & \
                         until grep -q ^serving words; do sleep 0.05; done; \
                         {caller} --router {url}; ended=$?; kill $!; wait; exit $ended'"
                    );
                    let server = format!("{router} --port {PORT} --web {}", web.display());
                    tasks.push(Task::pair(exercise.id.clone(), server, client));
                }
            }
        }
        tasks
    }

    /// The gallery's right answers in C and JavaScript, each with our program for the other side.
    fn gallery(&self, folder: &Path) -> Vec<Task> {
        let gallery = self.catalog.root.join("crates/lab-check/gallery");
        let mut files = Vec::new();
        for exercise in fs::read_dir(gallery).expect("the gallery") {
            let exercise = exercise.expect("an entry").path();
            if exercise.is_dir() {
                let entries = fs::read_dir(exercise).expect("a folder");
                files.extend(entries.map(|entry| entry.expect("an entry").path()));
            }
        }
        files.sort();
        files
            .iter()
            .filter_map(|file| self.answer(file, folder))
            .collect()
    }

    fn answer(&self, file: &Path, folder: &Path) -> Option<Task> {
        let ending = file.extension()?.to_str()?;
        if !["c", "js"].contains(&ending) {
            return None;
        }
        let text = fs::read_to_string(file).expect("an answer");
        let head = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        if head("// fails:").is_some() {
            return None;
        }
        let check = head("// check: ").expect("how it is checked");
        let (target, rest) = check.split_once(" --").expect("an exercise");
        let (side, template) = rest.split_once(' ').expect("a side");
        // The middleware's programs find each other by a router: the catalog's run has them.
        if target == "transparency-middleware" {
            return None;
        }
        let program = match ending {
            "c" => compiled(file, folder),
            _ => file.to_path_buf(),
        };
        let command = template
            .trim_matches('"')
            .replace("{file}", &program.display().to_string())
            .replace("{host}", "127.0.0.1")
            .replace("{port}", PORT)
            .replace("{message}", "hello")
            .replace("{first}", "9000")
            .replace("{last}", "9009");
        let name = format!("{target}: {}", file.file_name()?.display());
        let exercises = self
            .catalog
            .sheets
            .iter()
            .flat_map(|sheet| &sheet.exercises);
        let of_target =
            |program: &&Program| program.package == target || program.exercise == target;
        let role = exercises
            .filter(|exercise| exercise.programs.iter().any(|program| of_target(&program)))
            .map(|exercise| exercise.roles().expect("roles"))
            .next()
            .expect("it is in the catalog");
        let task = match role {
            Roles::Pair(_, client) if side == "server" => {
                Task::pair(name, command, self.command(client, "rust"))
            }
            Roles::Pair(server, _) => Task::pair(name, self.command(server, "rust"), command),
            Roles::Alone(program) if program.needs_web_server => {
                Task::pair(name, WEB.to_string(), command)
            }
            _ => Task::alone(name, command),
        };
        Some(match file.file_name()?.to_str()? {
            "client-right-asks.c" => Task {
                keys: format!("127.0.0.1\n{PORT}\nhello\n"),
                ..task
            },
            _ => task,
        })
    }
}

/// A web server, for the programs that need one.
const WEB: &str = "python3 -m http.server 9000 --bind 127.0.0.1";

impl Task {
    fn pair(name: String, server: String, client: String) -> Self {
        let keys = (1..=100).map(|number| format!("{number}\n"));
        Task {
            // In these two nothing is sent.
            has_bytes: !["co223-task01", "transparency-socket3"]
                .iter()
                .any(|silent| name.starts_with(silent)),
            name,
            options: vec![("--server", server), ("--client", client)],
            keys: keys.collect(),
        }
    }

    fn alone(name: String, program: String) -> Self {
        Task {
            name,
            options: vec![("--program", program)],
            keys: String::new(),
            has_bytes: false,
        }
    }

    /// Records it, as the user of these tests or as an ordinary one.
    fn run(&self, user: Option<u32>) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let everyone = Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), everyone).expect("it is ours");
        let keys = folder.path().join("keys");
        fs::write(&keys, &self.keys).expect("a file");
        let mut command = trace(folder.path());
        for (option, value) in &self.options {
            command.args([option, value.as_str()]);
        }
        command
            .current_dir(folder.path())
            .stdin(File::open(keys).expect("the file"));
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let output = command.output().expect("it runs");
        let failed = |why: &str| {
            Err(format!(
                "{} (user {user:?}): {why}\n{}{}",
                self.name,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ))
        };
        if !folder.path().join("run.json").exists() {
            return failed("no journal");
        }
        if !output.status.success() {
            return failed("it failed");
        }
        let journal = journal(folder.path());
        assert_all_ended(&journal);
        match complete(&journal, self.has_bytes) {
            Ok(()) => Ok(()),
            Err(why) => failed(&why),
        }
    }
}

fn compiled(file: &Path, folder: &Path) -> PathBuf {
    let name = file.to_string_lossy().replace(['/', '.'], "-");
    let program = folder.join(name);
    let mut command = Command::new("cc");
    command
        .args(["-D_GNU_SOURCE", "-O1", "-o"])
        .arg(&program)
        .arg(file);
    assert!(
        command.status().expect("cc runs").success(),
        "{}",
        file.display()
    );
    program
}

/// A stream's bytes, where they were kept.
#[derive(Default)]
struct Bytes(BTreeMap<u64, u8>);

impl Bytes {
    /// Puts bytes in their place. Two that were seen there have to be the same.
    fn put(&mut self, offset: u64, bytes: &[u8], what: &str) -> Result<(), String> {
        for (place, byte) in (offset..).zip(bytes) {
            if *self.0.entry(place).or_insert(*byte) != *byte {
                return Err(format!("byte {place} of {what} is not what was sent"));
            }
        }
        Ok(())
    }
}

/// Whether every received byte is tied to the right send, and the wire carries what was sent.
fn complete(journal: &Journal, has_bytes: bool) -> Result<(), String> {
    if journal.left_out > 0 || !journal.notes.is_empty() {
        return Err(format!(
            "{} left out, {:?}",
            journal.left_out, journal.notes
        ));
    }
    let mut received = 0;
    let mut streams: BTreeMap<(SocketAddr, SocketAddr), Bytes> = BTreeMap::new();
    for call in calls(journal) {
        let Some(data) = call.data.as_ref().filter(|data| data.length > 0) else {
            continue;
        };
        let socket = &journal.sockets[call.socket.ok_or("bytes without a socket")?];
        let ends = socket.local.zip(socket.peer);
        if socket.transport == Transport::Tcp {
            let (local, peer) = ends.ok_or(format!("no addresses: {call:?}"))?;
            let flow = if data.sent {
                (local, peer)
            } else {
                (peer, local)
            };
            let stream = streams.entry(flow).or_default();
            stream.put(data.offset, &data.bytes, &format!("{call:?}"))?;
        }
        if data.sent {
            continue;
        }
        received += data.length;
        let tied: u64 = data.from.iter().map(|piece| piece.length).sum();
        if tied != data.length {
            return Err(format!(
                "{tied} of {} bytes are tied: {call:?}",
                data.length
            ));
        }
        let mut at = 0;
        for piece in &data.from {
            let sent = journal.call(piece.call).and_then(|call| call.data.as_ref());
            let sent = sent.filter(|sent| sent.sent).ok_or("tied to no send")?;
            for offset in piece.offset..piece.offset + piece.length {
                let byte = |data: &lab_journal::Data, at: u64| {
                    usize::try_from(at)
                        .ok()
                        .and_then(|at| data.bytes.get(at))
                        .copied()
                };
                if let (Some(sent), Some(got)) = (byte(sent, offset), byte(data, at))
                    && sent != got
                {
                    return Err(format!("byte {at} is tied to another: {call:?}"));
                }
                at += 1;
            }
        }
    }
    if has_bytes && received == 0 {
        return Err("nothing was received".to_string());
    }
    for segment in segments(journal) {
        if segment.length == 0 {
            continue;
        }
        if segment.call.is_none() {
            return Err(format!("a segment of no call: {segment:?}"));
        }
        if let Some(offset) = segment.offset {
            let stream = streams.entry((segment.from, segment.to)).or_default();
            stream.put(offset, &segment.bytes, &format!("{segment:?}"))?;
        }
    }
    let ended = journal
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::Exit(_)));
    if ended.count() != journal.processes.len() {
        return Err("a process has no end".to_string());
    }
    Ok(())
}

/// Whether these tests may become another user.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").expect("this process").uid() == 0
}

/// Runs all, as root and as an ordinary user where that is possible.
fn assert_complete(tasks: &[Task]) {
    let users = if is_root() {
        vec![None, Some(NOBODY)]
    } else {
        vec![None]
    };
    let runs: Vec<_> = tasks
        .iter()
        .flat_map(|task| users.iter().map(move |user| (task, *user)))
        .collect();
    let next = AtomicUsize::new(0);
    let failed: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    while let Some((task, user)) = runs.get(next.fetch_add(1, Ordering::SeqCst)) {
                        failed.extend(task.run(*user).err());
                    }
                    failed
                })
            })
            .collect();
        let workers = workers.into_iter();
        workers
            .flat_map(|worker| worker.join().expect("it ran"))
            .collect()
    });
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        runs.len(),
        failed.join("\n")
    );
}

#[test]
#[ignore = "110 runs; .ci/run traces"]
fn every_exercise_in_every_pairing() {
    let tasks = Lab::new().tasks();
    assert_eq!(tasks.len(), 55);
    assert_complete(&tasks);
}

#[test]
#[ignore = "90 runs, needs cc and node; .ci/run traces"]
fn right_answers_in_c_and_javascript() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let tasks = Lab::new().gallery(folder.path());
    assert!(tasks.len() > 30, "{}", tasks.len());
    assert_complete(&tasks);
}
