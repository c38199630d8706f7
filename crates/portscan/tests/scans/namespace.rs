//! Tests in a network namespace that they make: no other program listens, connects or scans there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::{env, fmt, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The name of the test in which it stands, as libtest knows it.
macro_rules! test_name {
    () => {{
        fn here() {}
        let path = std::any::type_name_of_val(&here);
        let (_, name) = path.split_once("::").expect("the crate's name comes first");
        name.trim_end_matches("::here")
    }};
}
pub(crate) use test_name;

/// The namespaces of a process that the test has started. It ends, and they with it, when its stdin
/// is closed.
pub(crate) struct Namespaces {
    process: Child,
    pub(crate) near: File,
    pub(crate) far: File,
}

impl Namespaces {
    /// The command prints one line with two process ids, the near and the far side, once its
    /// network is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let namespace = |pid: &str| File::open(format!("/proc/{pid}/ns/net")).unwrap();
        let (near, far) = line
            .trim()
            .split_once(' ')
            .unwrap_or_else(|| panic!("{command:?} printed {line:?}"));
        Namespaces {
            near: namespace(near),
            far: namespace(far),
            process,
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _code_without_meaning = self.process.wait();
    }
}

/// Runs something on a thread that is in another namespace; what it starts is there too.
pub(crate) fn inside<T: Send>(namespace: &File, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            run()
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Runs a test again with the right to make namespaces: as root directly, otherwise as root of a
/// user namespace.
///
/// A process with threads cannot enter a user namespace, so that is another process, with this one
/// test.
pub(crate) fn with_rights(name: &str, test: impl FnOnce()) {
    if rustix::process::geteuid().is_root() {
        return test();
    }
    run_alone(
        Command::new("unshare")
            .args(["--user", "--map-root-user"])
            .arg(env::current_exe().unwrap()),
        name,
    );
}

/// Runs this one test by a command that starts the test binary.
pub(crate) fn run_alone(command: &mut Command, name: &str) {
    let output = command
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    println!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "see above");
    let ran = text(&output.stdout).contains("1 passed");
    assert!(ran, "there is no test {name}");
}

/// An address of a test's network that is not a loopback address.
pub(crate) const LOCAL_ADDRESS: &str = "10.200.0.1";

/// Runs a test of this machine's addresses in a new network namespace, with loopback and
/// [`LOCAL_ADDRESS`].
pub(crate) fn in_own_network(name: impl fmt::Display, test: impl FnOnce() + Send) {
    const NETWORK: &str = "ip link set lo up
        ip address add 10.200.0.1/32 dev lo
        echo $$ $$
        exec cat";
    if cfg!(no_namespaces) {
        println!("{name}: among other programs, since no network namespace can be made here");
        return test();
    }
    with_rights(&name.to_string(), || {
        let network =
            Namespaces::start(Command::new("unshare").args(["--net", "sh", "-ec", NETWORK]));
        inside(&network.near, test);
    });
}
