//! The tool under test, and folders for it to work in.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

/// Whether there is a Python to run the programs under test.
pub fn python() -> bool {
    let version = Command::new("python3").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Whether programs can be started as other users: by root, with setpriv(1).
pub fn changes_users() -> bool {
    let nobody = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups"])
        .args(["--inh-caps", "+setuid", "--ambient-caps", "+setuid"])
        .arg("true")
        .stderr(Stdio::null())
        .status();
    nobody.is_ok_and(|status| status.success())
}

/// The check's own binary.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lab-check"))
}

/// `lab-check` with these words, as it is run by `cargo lab`.
pub fn lab(words: &[&str]) -> Command {
    static PATH: OnceLock<OsString> = OnceLock::new();
    let mut command = Command::new(binary());
    command
        .args(words)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .env("PATH", PATH.get_or_init(crate::python::search_path))
        .env_remove("NO_COLOR");
    command
}

/// Runs it to its end.
pub fn run(words: &[&str]) -> Output {
    lab(words).output().unwrap()
}

/// Its stdout.
pub fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Its stderr.
pub fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Its exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().expect("it was ended by a signal")
}

/// The result on its stdout, in our own schema.
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {:?}, {}", text(output), errors(output)))
}

/// The case with this name in a result.
pub fn case<'v>(result: &'v Value, id: &str) -> &'v Value {
    let cases = result["cases"].as_array().unwrap();
    cases.iter().find(|case| case["id"] == id).unwrap()
}

/// A folder of the test's own, removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The path as a word of a command line.
    pub fn word(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    /// Writes a file, with the folders on the way.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name))
            .unwrap_or_else(|error| panic!("{}: {error}", self.path(name).display()))
    }

    /// The names of all that is in it.
    pub fn names(&self, name: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that failed may have left something in it: the next one has its own folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Which port of a sheet another program holds that the tests need, and who does.
pub fn taken_port() -> Option<String> {
    let port = [65432, 1234]
        .into_iter()
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_err())?;
    let holder = match lab_judge::procfs::holder("tcp", port) {
        Some((id, name)) => format!("process {id}, {name}"),
        None => "another program".to_string(),
    };
    Some(format!("port {port} is held by {holder}"))
}

/// The sheets' ports are one for all tests: who needs one to be taken, or free, holds this.
pub fn sheets_ports() -> MutexGuard<'static, ()> {
    static PORTS: Mutex<()> = Mutex::new(());
    labnet::lock(&PORTS)
}

/// A program of the gallery.
pub fn gallery(name: &str) -> String {
    fs::read_to_string(workspace().join("crates/lab-check/gallery").join(name)).unwrap()
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to a process that this test started and has not reaped.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The processes that have this file as an argument. A
/// check of it is none: there the file is within a command.
pub fn processes_of(file: &str) -> Vec<u32> {
    processes_with(&format!("\0{file}\0"))
}

/// The processes whose command line holds this text, which a test chose so that nobody else has it.
pub fn processes_with(mark: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(id) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
        else {
            continue;
        };
        // Both are gone when the process ends meanwhile.
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        let state = fs::read_to_string(path.join("stat")).unwrap_or_default();
        let ours = id == std::process::id() || state.contains(") Z ");
        if !ours && String::from_utf8_lossy(&command).contains(mark) {
            found.push(id);
        }
    }
    found
}
