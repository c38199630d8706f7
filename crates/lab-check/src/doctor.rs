//! `cargo lab doctor`: whether this machine has what the labs need, and nothing in their way.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use lab_core::json::{Json, at, list, text};
use lab_judge::exercise::Host;
use lab_judge::ports::Protocol;
use lab_judge::report::Format;
use lab_judge::{peers, process, procfs};
use labnet::say;
use serde_json::{Value, json};

use crate::deliver;
use crate::exercises;
use crate::tools;

/// The oldest Python that the twins run on.
const PYTHON: (u32, u32) = (3, 8);
/// How long a byte may take over the loopback interface.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks whether this machine has what the labs need.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "doctor",
    help_triggers("-h", "--help"),
    example = "cargo lab doctor",
    example = "cargo lab doctor --format json",
    note = "It looks, and changes nothing: what is left of earlier checks is named, with the command that ends it.",
    error_code(0, "nothing is in the way"),
    error_code(1, "something is"),
    error_code(3, "it could not look")
)]
pub struct Doctor {
    /// human (default) or json
    #[argh(option, default = "Format::Human", from_str_fn(format))]
    format: Format,
}

fn format(name: &str) -> Result<Format, String> {
    match name {
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        _ => Err("the formats are human and json".to_string()),
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Fine,
    /// Something does without; nothing fails.
    Note,
    /// Exercises or checks will fail.
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Note => "note",
            Level::Problem => "problem",
        }
    }
}

/// Something that was looked at.
struct Finding {
    subject: &'static str,
    level: Level,
    /// What is so.
    what: String,
    /// What to do about it; nothing where all is well.
    hint: String,
}

fn fine(subject: &'static str, what: impl Into<String>) -> Finding {
    Finding {
        subject,
        level: Level::Fine,
        what: what.into(),
        hint: String::new(),
    }
}

fn noted(subject: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding {
        subject,
        level: Level::Note,
        what: what.into(),
        hint: hint.into(),
    }
}

fn problem(subject: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding {
        level: Level::Problem,
        ..noted(subject, what, hint)
    }
}

impl Doctor {
    /// Looks, and gives the exit code.
    ///
    /// # Errors
    ///
    /// When the findings cannot be shown.
    pub fn run(self) -> anyhow::Result<u8> {
        let mut findings = vec![
            rust(),
            python(),
            loopback("IPv4", Ipv4Addr::LOCALHOST.into()),
            loopback("IPv6", Ipv6Addr::LOCALHOST.into()),
            own_name(),
            means(),
        ];
        findings.extend(tools::look().map(|tool| match tool.there {
            Ok(name) => fine(tool.subject, format!("{name} is there")),
            Err((what, hint)) => noted(tool.subject, what, hint),
        }));
        findings.extend(ports());
        findings.extend(leftovers());
        let problems = findings
            .iter()
            .filter(|finding| finding.level == Level::Problem)
            .count();
        match self.format {
            Format::Json => {
                let findings: Vec<Value> = findings
                    .iter()
                    .map(|finding| {
                        json!({
                            "subject": finding.subject,
                            "level": finding.level.word(),
                            "what": finding.what,
                            "hint": finding.hint,
                        })
                    })
                    .collect();
                let value = json!({
                    "schema": "lab-doctor/1",
                    "problems": problems,
                    "findings": findings,
                });
                say!("{}", serde_json::to_string_pretty(&value)?)?;
            }
            _ => show(&findings, problems)?,
        }
        Ok(u8::from(problems > 0))
    }
}

fn show(findings: &[Finding], problems: usize) -> anyhow::Result<()> {
    let color = deliver::colors();
    for finding in findings {
        let code = match finding.level {
            Level::Fine => "32",
            Level::Note => "33",
            Level::Problem => "1;31",
        };
        let word = format!("{:7}", finding.level.word());
        let word = match color {
            true => format!("\x1b[{code}m{word}\x1b[0m"),
            false => word,
        };
        say!("{word}  {:10}  {}", finding.subject, finding.what)?;
        if !finding.hint.is_empty() {
            say!("{:21}hint: {}", "", finding.hint)?;
        }
    }
    match problems {
        0 => say!("\nnothing is in the way"),
        1 => say!("\n1 problem"),
        many => say!("\n{many} problems"),
    }
}

fn rust() -> Finding {
    let needed = env!("CARGO_PKG_RUST_VERSION");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let Some(version) = tools::version_of(&rustc) else {
        return problem(
            "Rust",
            format!("{rustc} cannot be run"),
            "https://rustup.rs installs Rust",
        );
    };
    let told = format!("{version}; {needed} or newer is needed");
    // A version that cannot be read is not called too old.
    match (tools::numbers(&version), tools::numbers(needed)) {
        (Some(found), Some(needed)) if found < needed => problem("Rust", told, "rustup update"),
        _ => fine("Rust", told),
    }
}

fn python() -> Finding {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let needed = format!("{}.{}", PYTHON.0, PYTHON.1);
    let Some(version) = tools::version_of(python) else {
        return noted(
            "Python",
            format!(
                "{python} cannot be run; the Rust programs do without, their twins need {needed} or newer"
            ),
            tools::how_to_get(tools::PYTHON),
        );
    };
    let told = format!("{version}; the twins need {needed} or newer");
    match tools::numbers(&version) {
        Some(found) if found < PYTHON => noted("Python", told, "https://www.python.org/downloads"),
        _ => fine("Python", told),
    }
}

/// A connection and a datagram from this machine to itself.
fn loopback(family: &'static str, address: IpAddr) -> Finding {
    match crosses(address) {
        Ok(()) => fine(family, format!("{address} carries TCP and UDP")),
        Err(error) if address.is_ipv6() => noted(
            family,
            format!("{address} carries nothing: {error:#}"),
            "the labs use IPv4; localhost may mean ::1 to other programs",
        ),
        Err(error) => problem(
            family,
            format!("{address} carries nothing: {error:#}"),
            "is the loopback interface up? a firewall may stand in between",
        ),
    }
}

fn crosses(address: IpAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind((address, 0)).context("no TCP socket")?;
    let mut client =
        TcpStream::connect_timeout(&listener.local_addr()?, PATIENCE).context("no connection")?;
    client.write_all(b"x").context("nothing can be sent")?;
    let (mut server, _) = listener.accept().context("no connection")?;
    server.set_read_timeout(Some(PATIENCE))?;
    server
        .read_exact(&mut [0])
        .context("what was sent did not arrive")?;
    let receiver = UdpSocket::bind((address, 0)).context("no UDP socket")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let sender = UdpSocket::bind((address, 0)).context("no UDP socket")?;
    sender
        .send_to(b"x", receiver.local_addr()?)
        .context("no datagram can be sent")?;
    receiver
        .recv_from(&mut [0])
        .context("a datagram did not arrive")?;
    Ok(())
}

/// Some sheets have their servers listen on the machine's own name.
fn own_name() -> Finding {
    let name = labnet::host_name();
    let resolved = name
        .as_ref()
        .ok()
        .map(|name| (name, labnet::resolve(name, 0)));
    match (&name, resolved) {
        (_, Some((name, Ok(address)))) => fine("own name", format!("{name} is {}", address.ip())),
        (_, Some((name, Err(error)))) => noted(
            "own name",
            format!("{name} is not an address: {error}"),
            "sheets that use this machine's name need --host 127.0.0.1",
        ),
        (Err(error), _) => noted(
            "own name",
            format!("{error}"),
            "sheets that use this machine's name need --host 127.0.0.1",
        ),
        (Ok(_), None) => fine("own name", "not looked up"),
    }
}

/// What the check can do on this system.
fn means() -> Finding {
    let mut lacks = Vec::new();
    if !procfs::tells_queues() {
        lacks.push(
            "keeps pieces apart by a pause, since the system does not tell what has been read",
        );
        lacks.push("finds no busy loops, no open descriptors, and no holders of ports");
    }
    if !lab_netns::possible() {
        lacks.push("shares this machine's network: it runs commands without {port} one case after another, and other programs can connect to theirs (on Linux root gives each case its own)");
    }
    match lacks.is_empty() {
        true => fine("check", "the check can do all that it knows on this system"),
        false => noted("check", format!("the check {}", lacks.join("; ")), ""),
    }
}

/// Every port on which a lab's server listens unless it is told otherwise.
fn ports() -> Vec<Finding> {
    let mut wanted: BTreeMap<(u16, &'static str), (SocketAddr, Vec<String>)> = BTreeMap::new();
    let mut add = |address: SocketAddr, protocol: Protocol, name: &str| {
        let (_, names) = wanted
            .entry((address.port(), protocol.name()))
            .or_insert_with(|| (address, Vec::new()));
        if !names.iter().any(|known| known == name) {
            names.push(name.to_string());
        }
    };
    let mut checked = Vec::new();
    for exercise in exercises::in_order() {
        for role in exercise.roles {
            checked.push(role.package);
            let host = match role.host {
                Host::Loopback | Host::Internet => IpAddr::from(Ipv4Addr::LOCALHOST),
                Host::OwnName => Ipv4Addr::UNSPECIFIED.into(),
            };
            // Port 0 means none: a program that listens nowhere.
            if role.port != 0 {
                add(
                    SocketAddr::new(host, role.port),
                    role.protocol,
                    exercise.name,
                );
            }
        }
    }
    // What is not checked says in its manifest where it listens; all of that is TCP.
    for (package, address) in addresses().unwrap_or_default() {
        if !checked.contains(&package.as_str()) {
            add(address, Protocol::Tcp, &package);
        }
    }
    let mut free = Vec::new();
    let mut found = Vec::new();
    for ((port, protocol), (address, names)) in wanted {
        let taken = match protocol {
            "tcp" => peers::tcp::listen(address).err(),
            _ => UdpSocket::bind(address).err(),
        };
        let Some(error) = taken else {
            free.push(format!("{protocol} {port}"));
            continue;
        };
        let names = names.join(", ");
        found.push(match procfs::holder(protocol, port) {
            Some((id, name)) => problem(
                "ports",
                format!("{protocol} port {port} ({names}) is held by process {id} ({name})"),
                format!("stop it (kill {id}), or use another port with --port"),
            ),
            None => problem(
                "ports",
                format!("{protocol} port {port} ({names}) is taken: {error}; the system does not tell by whom"),
                "stop that program, or use another port with --port",
            ),
        });
    }
    if !free.is_empty() {
        found.insert(0, fine("ports", format!("free: {}", free.join(", "))));
    }
    found
}

/// The addresses that the packages of this workspace give in their manifests.
fn addresses() -> anyhow::Result<Vec<(String, SocketAddr)>> {
    let metadata = lab_core::cargo::metadata()?;
    let packages: &[Json] = list(at(&metadata, &["packages"]));
    Ok(packages
        .iter()
        .filter_map(|package| {
            let name = text(at(package, &["name"]))?;
            let address = text(at(package, &["metadata", "lab", "address"]))?;
            Some((name.to_string(), address.parse().ok()?))
        })
        .collect())
}

/// What earlier checks left: programs under test whose
/// check is gone, and results that were never finished.
fn leftovers() -> Vec<Finding> {
    let mut found = Vec::new();
    if !cfg!(target_os = "linux") {
        found.push(noted(
            "leftovers",
            "this system does not tell what a process was started for, so programs of earlier checks were not looked for",
            "",
        ));
    }
    let processes = procfs::processes();
    let lives = |id: u32| {
        processes
            .iter()
            .any(|process| process.id == id && process.state != 'Z')
    };
    for left in &processes {
        let Some(marker) = procfs::environment(left.id, process::MARKER) else {
            continue;
        };
        // "4711.3": the check's process id, and the number of the program.
        let check = marker.split('.').next().and_then(|id| id.parse().ok());
        if check.is_some_and(|id| !lives(id)) && left.state != 'Z' {
            found.push(problem(
                "leftovers",
                format!(
                    "process {} ({}) was started by a check that is gone",
                    left.id, left.name
                ),
                format!("kill {}", left.id),
            ));
        }
    }
    let mut folders = vec![Path::new(".").to_path_buf()];
    folders.extend(
        entries(Path::new("."))
            .filter(|path| path.is_dir() && name_of(path).starts_with("grades-")),
    );
    for file in folders.iter().flat_map(|folder| entries(folder)) {
        let name = name_of(&file);
        // As report::write names a result that is being written.
        let writer = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(".lab-check"))
            .and_then(|name| name.rsplit('.').next()?.parse().ok());
        if cfg!(target_os = "linux") && writer.is_some_and(|id: u32| !lives(id)) {
            found.push(problem(
                "leftovers",
                format!("{} is a result that was never finished", file.display()),
                format!("rm {}", file.display()),
            ));
        }
    }
    if found.is_empty() {
        found.push(fine("leftovers", "none of earlier checks"));
    }
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    // A folder that cannot be read holds nothing of ours.
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(
            tools::numbers("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some((1, 95))
        );
        assert_eq!(tools::numbers("Python 3.8.0rc1"), Some((3, 8)));
        assert_eq!(tools::numbers("Python 3.14rc1"), Some((3, 14)));
        assert!(tools::numbers("Python 3.10.1") > Some(PYTHON));
        assert_eq!(tools::numbers("no version"), None);
    }
}
