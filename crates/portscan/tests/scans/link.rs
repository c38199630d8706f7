//! Two network namespaces joined by a slow link (`slowlink/slowlink.c`).

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockWriteGuard};
use std::{env, process};

use crate::namespace::{Namespaces, inside, run_alone, with_rights};

/// Links share the processors with the scanners, and time is part of what is tested. So a scan of
/// very many ports has them for itself; those that wait most of the time run side by side.
static LINKS: RwLock<()> = RwLock::new(());

fn alone() -> RwLockWriteGuard<'static, ()> {
    LINKS.write().unwrap_or_else(PoisonError::into_inner)
}

fn is_possible(name: &str) -> bool {
    if cfg!(no_link) {
        println!(
            "{name} is not tested: it needs cc, and the right to make namespaces and tun devices"
        );
    }
    !cfg!(no_link)
}

/// Runs a test that makes a link, when no other does.
pub(crate) fn with_link(name: &str, test: impl FnOnce()) {
    if is_possible(name) {
        let _alone = alone();
        with_rights(name, test);
    }
}

/// Runs a test that makes a link and waits most of the time, beside others of this kind.
pub(crate) fn beside_others(name: &str, test: impl FnOnce()) {
    if is_possible(name) {
        let _side_by_side = LINKS.read().unwrap_or_else(PoisonError::into_inner);
        with_rights(name, test);
    }
}

/// The link's program, compiled once.
fn slowlink() -> &'static PathBuf {
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

/// A link with a namespace at either end.
pub(crate) struct Link(Namespaces);

/// Two namespaces joined by a pair of virtual Ethernet devices (veth(4)): like slowlink, it prints
/// its two process ids, and ends with its stdin.
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
    pub(crate) fn new(options: &[&str]) -> Self {
        Link(Namespaces::start(
            Command::new("unshare")
                .arg("--net")
                .arg(slowlink())
                .args(options),
        ))
    }

    /// Without a delay, and without a tun device, which only root may make on some machines.
    pub(crate) fn cable() -> Self {
        Link(Namespaces::start(
            Command::new("unshare").args(["--net", "sh", "-ec", CABLE]),
        ))
    }

    pub(crate) fn near<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.0.near, run)
    }

    pub(crate) fn far<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        inside(&self.0.far, run)
    }
}

/// A firewall on the far side, made by nftables: drops TCP packets to all other ports than these.
pub(crate) fn drop_all_but(link: &Link, ports: &str) {
    filter(
        link,
        &format!("tcp flags & (syn | ack) == syn tcp dport != {{ {ports} }} drop"),
    );
}

/// A firewall on the far side that answers every TCP packet with "administratively prohibited" (RFC
/// 4443, section 3.1).
pub(crate) fn forbid(link: &Link) {
    filter(link, "meta l4proto tcp reject with icmpx admin-prohibited");
}

fn filter(link: &Link, rule: &str) {
    link.far(|| {
        nft(&format!(
            "table inet portscan {{
                chain input {{
                    type filter hook input priority 0; policy accept;
                    {rule}
                }}
            }}"
        ));
    });
}

/// Adds rules of nftables in the namespace of this thread.
pub(crate) fn nft(rules: &str) {
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    nft.stdin
        .take()
        .unwrap()
        .write_all(rules.as_bytes())
        .unwrap();
    assert!(nft.wait().unwrap().success(), "nft failed");
}

/// A firewall for new connections on the far side: `rule` follows the match of a SYN.
pub(crate) fn guard(link: &Link, rule: &str) {
    filter(link, &format!("tcp flags & (syn | ack) == syn {rule}"));
}

/// Why no firewall can be made here by nftables, if so.
pub(crate) fn no_nft() -> Option<&'static str> {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    WHY.get_or_init(|| {
        let tried = Command::new("unshare")
            .args(["--net", "nft", "add", "table", "inet", "portscan"])
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&tried.stderr).trim().to_string();
        (!tried.status.success()).then_some(message)
    })
    .as_deref()
}

/// Set for the tests that [`as_nobody`] runs.
const AS_NOBODY: &str = "PORTSCAN_AS_NOBODY";

/// The beginning of a command that puts root's rights down; the program follows.
fn setpriv() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
}

/// A command of a user without any rights, where this one has some and can put them down.
pub(crate) fn nobody(program: &str) -> Command {
    let tried = setpriv()
        .args(["unshare", "--user", "--map-root-user", "true"])
        .status();
    if !rustix::process::geteuid().is_root() || !tried.is_ok_and(|tried| tried.success()) {
        return Command::new(program);
    }
    let mut command = setpriv();
    command.arg(program);
    command
}

/// Runs a test as a user without any rights, in a user namespace: unshare -Urn.
pub(crate) fn as_nobody(name: &str, test: impl FnOnce()) {
    if !rustix::process::geteuid().is_root() || env::var_os(AS_NOBODY).is_some() {
        return with_link(name, test);
    }
    let _alone = alone();
    let program = env::current_exe().unwrap();
    let tried = setpriv()
        .args([
            "unshare",
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
    run_alone(setpriv().arg(&program).env(AS_NOBODY, "1"), name);
}
