//! Network namespaces joined by a slow link (`slowlink/slowlink.c`), and tests inside of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::{env, process, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One link at a time: they share the processors with the scanner, and time is part of what is tested.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test again where it may make namespaces: as root here, else as root of a user namespace of its own.
///
/// A process with threads cannot enter a user namespace, so that is another process, with this one test.
pub fn with_rights(name: &str, test: impl FnOnce()) {
    let _alone = alone();
    if rustix::process::geteuid().is_root() {
        return test();
    }
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

/// The link's program, compiled once.
pub fn slowlink() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let program = folder.join(format!("slowlink-{}", process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slowlink/slowlink.c");
        let status = Command::new("cc")
            .args(["-O2", "-pthread", "-o"])
            .arg(&program)
            .arg(source)
            .status()
            .unwrap();
        assert!(status.success(), "cc failed");
        program
    })
}

/// A link with a namespace at either end. Its process ends, and the namespaces with it, when its stdin is closed.
pub struct Link {
    process: Child,
    near: File,
    far: File,
}

/// Two namespaces joined by a pair of virtual Ethernet devices (veth(4)): like slowlink, it says its two process ids,
/// and ends with its stdin.
const CABLE: &str = r#"
ip link set lo up
near=$$ unshare --net sh -ec '
    ip link set lo up
    ip link add slow0 type veth peer name slow0 netns "$near"
    ip address add 10.200.0.2/24 dev slow0
    ip link set slow0 up
    nsenter --target "$near" --net sh -ec "ip address add 10.200.0.1/24 dev slow0; ip link set slow0 up"
    echo "$near $$"
    cat'
"#;

impl Link {
    pub fn new(options: &[&str]) -> Self {
        Self::start(
            Command::new("unshare")
                .arg("--net")
                .arg(slowlink())
                .args(options),
        )
    }

    /// Without a delay, and without a tun device, which only root may make on some machines.
    pub fn cable() -> Self {
        Self::start(Command::new("unshare").args(["--net", "sh", "-ec", CABLE]))
    }

    fn start(command: &mut Command) -> Self {
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
            .expect("slowlink prints two process ids");
        Link {
            near: namespace(near),
            far: namespace(far),
            process,
        }
    }

    pub fn near<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.near, run)
    }

    pub fn far<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.far, run)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _its_code_says_nothing = self.process.wait();
    }
}

/// Runs something on a thread that is in another namespace; what it starts is there too.
fn inside<T: Send>(namespace: &File, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            use std::os::fd::AsFd;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            run()
        });
        thread.join().unwrap()
    })
}

/// Runs a test of this machine's own addresses where nobody else listens: at the near end of a link, which has
/// loopback and an address of its own, [`OWN_ADDRESS`]. Elsewhere programs come and go while a test scans.
pub fn in_a_quiet_place(name: &str, test: impl FnOnce() + Send) {
    if cfg!(no_netns) {
        println!("{name}: among the machine's other programs, since no namespace can be made here");
        return test();
    }
    with_rights(name, || Link::new(&[]).near(test));
}

/// The near side's address on the link.
pub const OWN_ADDRESS: &str = "10.200.0.1";

/// A firewall on the far side, made by nftables: drops TCP packets to all other ports than these.
pub fn drop_all_but(link: &Link, ports: &str) {
    filter(
        link,
        &format!("tcp flags & (syn | ack) == syn tcp dport != {{ {ports} }} drop"),
    );
}

/// A firewall on the far side that answers every TCP packet with "administratively prohibited" (RFC 4443, section 3.1).
pub fn forbid(link: &Link) {
    filter(link, "meta l4proto tcp reject with icmpx admin-prohibited");
}

fn filter(link: &Link, rule: &str) {
    let rules = format!(
        "table inet portscan {{
            chain input {{
                type filter hook input priority 0; policy accept;
                {rule}
            }}
        }}"
    );
    let mut nft = link.far(|| {
        Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap()
    });
    nft.stdin
        .take()
        .unwrap()
        .write_all(rules.as_bytes())
        .unwrap();
    assert!(nft.wait().unwrap().success(), "nft failed");
}

/// Why no firewall can be made here by nftables, if so.
pub fn no_nft() -> Option<&'static str> {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    WHY.get_or_init(|| {
        let tried = Command::new("unshare")
            .args(["--net", "nft", "add", "table", "inet", "portscan"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&tried.stderr).trim().to_string();
        (!tried.status.success()).then_some(told)
    })
    .as_deref()
}

/// Set for the tests that [`as_nobody`] runs.
const AS_NOBODY: &str = "PORTSCAN_AS_NOBODY";

/// Runs a test as a user without any rights, in a user namespace: unshare -Urn.
pub fn as_nobody(name: &str, test: impl FnOnce()) {
    if !rustix::process::geteuid().is_root() || env::var_os(AS_NOBODY).is_some() {
        return with_rights(name, test);
    }
    let _alone = alone();
    let program = env::current_exe().unwrap();
    let nobody = |program: &Path| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program);
        command
    };
    let tried = nobody(Path::new("unshare"))
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "ip",
            "link",
            "set",
            "lo",
            "up",
        ])
        .output();
    match tried {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => {
            println!("not tested: {}", String::from_utf8_lossy(&tried.stderr));
            return;
        }
        Err(error) => {
            println!("not tested: setpriv: {error}");
            return;
        }
    }
    let status = nobody(&program)
        .args(["--exact", name, "--nocapture"])
        .env(AS_NOBODY, "1")
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}
