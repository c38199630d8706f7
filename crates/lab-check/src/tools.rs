//! Programs that the exercises use, and how to get them on this system.

use std::env;
use std::process::{Command, Stdio};

/// A program that an exercise uses.
struct Tool {
    subject: &'static str,
    /// The names that it has; one is enough.
    programs: &'static [&'static str],
    /// What cannot be done without it.
    needed_for: &'static str,
    /// The package that has it, in the order of [`MANAGERS`].
    packages: [&'static str; 6],
    /// Whether it is on Linux alone.
    linux: bool,
}

/// The programs that install packages, each with its command.
const MANAGERS: [(&str, &str); 6] = [
    ("apt-get", "apt-get install"),
    ("dnf", "dnf install"),
    ("pacman", "pacman -S"),
    ("apk", "apk add"),
    ("zypper", "zypper install"),
    ("brew", "brew install"),
];

const TOOLS: [Tool; 4] = [
    Tool {
        subject: "nc",
        programs: &["nc", "ncat", "netcat"],
        needed_for: "the READMEs play a client or a server by hand with it",
        packages: [
            "netcat-openbsd",
            "nmap-ncat",
            "openbsd-netcat",
            "netcat-openbsd",
            "netcat-openbsd",
            "netcat",
        ],
        linux: false,
    },
    Tool {
        subject: "telnet",
        programs: &["telnet"],
        needed_for: "some READMEs play a client by hand with it; nc does as well",
        packages: [
            "telnet",
            "telnet",
            "inetutils",
            "busybox-extras",
            "telnet",
            "telnet",
        ],
        linux: false,
    },
    Tool {
        subject: "C compiler",
        programs: &["cc", "gcc", "clang"],
        needed_for: "Rust links with it, and programs in C are checked with it",
        packages: ["gcc", "gcc", "gcc", "build-base", "gcc", "gcc"],
        linux: false,
    },
    Tool {
        subject: "bubblewrap",
        programs: &["bwrap"],
        needed_for: "it keeps a program that you did not write away from your files",
        packages: ["bubblewrap"; 6],
        linux: true,
    },
];

/// Where Python is missing.
pub const PYTHON: [&str; 6] = [
    "python3", "python3", "python", "python3", "python3", "python",
];

/// What was found out about a tool.
pub struct Found {
    /// What it is called.
    pub subject: &'static str,
    /// The name under which it is there, or what cannot be done without it and how to get it.
    pub there: Result<&'static str, (String, String)>,
}

/// Looks for all tools that this system can have.
pub fn look() -> impl Iterator<Item = Found> {
    let tools = TOOLS.iter();
    let here = tools.filter(|tool| !tool.linux || cfg!(target_os = "linux"));
    here.map(|tool| {
        let mut programs = tool.programs.iter();
        let missing = format!("{} is missing: {}", tool.programs[0], tool.needed_for);
        Found {
            subject: tool.subject,
            there: match programs.find(|name| is_there(name)) {
                Some(name) => Ok(name),
                None => Err((missing, how_to_get(tool.packages))),
            },
        }
    })
}

/// The command that installs a package here; nothing where this machine's way is not known.
pub fn how_to_get(packages: [&str; 6]) -> String {
    if cfg!(windows) {
        return match packages[0] {
            "telnet" => "dism /online /Enable-Feature /FeatureName:TelnetClient".to_string(),
            "netcat-openbsd" => "winget install Insecure.Nmap, which has ncat".to_string(),
            "python3" => "winget install Python.Python.3".to_string(),
            _ => String::new(),
        };
    }
    let mut known = MANAGERS.iter().zip(packages);
    let Some(((_, command), package)) = known.find(|((name, _), _)| is_there(name)) else {
        return format!("install the package {}", packages[0]);
    };
    let sudo = match is_there("sudo") && !command.starts_with("brew") {
        true => "sudo ",
        false => "",
    };
    format!("{sudo}{command} {package}")
}

/// Whether a program of this name is on the path.
pub fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&path).any(|folder| folder.join(&file).is_file())
}

/// What a program prints when it is asked for its version.
pub fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // Python before 3.4 said it on stderr.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_string();
    (output.status.success() && !said.is_empty()).then_some(said)
}

/// The first two numbers of a version, as in `rustc 1.95.0 (59807616e 2026-04-14)`.
pub fn numbers(version: &str) -> Option<(u32, u32)> {
    let word = version
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = word.split('.');
    let first = parts.next()?.parse().ok()?;
    let second = parts.next()?;
    let digits = second
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(second.len());
    Some((first, second[..digits].parse().ok()?))
}
