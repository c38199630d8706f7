//! Calls of cargo: what the workspace holds, and builds.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use labnet::{Hint, log};

use crate::json::{Json, at, text};
use crate::process::{self, Stream};

/// So many pieces of cargo's output may wait to be read.
const WAITING_PIECES: usize = 64;

/// The workspace of the current folder as `cargo metadata`
/// describes it: the packages, and the root's own metadata.
///
/// # Errors
///
/// When the current folder is in no workspace, or a manifest is wrong: in cargo's words.
pub fn metadata() -> anyhow::Result<Json> {
    let parsed = metadata_text()?.parse::<Json>();
    parsed.context("cannot understand what cargo metadata printed")
}

/// The same as `cargo metadata` prints it.
///
/// # Errors
///
/// As [`metadata`].
pub fn metadata_text() -> anyhow::Result<String> {
    let output = command()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo")
        .hint("is Rust installed? https://rustup.rs")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors = errors.trim().trim_start_matches("error: ");
        return Err(anyhow!("cargo cannot read the workspace: {errors}"))
            .hint("cargo lab works inside the folder of the labs");
    }
    String::from_utf8(output.stdout).context("what cargo metadata printed is not valid UTF-8")
}

/// Builds the binaries of these packages, all in one go, and gives the path of each.
///
/// Cargo says itself where it put them: that may be set in its configuration.
///
/// # Errors
///
/// When a package does not build; cargo has then shown why.
pub fn build(packages: &[&str]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    build_in(Path::new("."), packages)
}

/// The same for the workspace in a folder.
///
/// # Errors
///
/// As [`build`].
pub fn build_in(folder: &Path, packages: &[&str]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let (first, option): (&[&str], _) = match tools_are_built() {
        false => (&[], "--package"),
        true => (&["--workspace"], "--bin"),
    };
    let each = packages.iter().flat_map(|one| [option, one]);
    let wanted: Vec<_> = first.iter().copied().chain(each).collect();
    build_wanted(folder, packages, &wanted)
}

/// Whether the largest tool lies next to this one: what it needs has been built with the features
/// of the whole workspace, and programs that ask for the same find it built. Before that they ask
/// for their own few features, since a student waits for the first of them.
fn tools_are_built() -> bool {
    let largest = format!("lab-check{}", env::consts::EXE_SUFFIX);
    env::current_exe().is_ok_and(|this| this.with_file_name(largest).exists())
}

/// Builds a tool, a package of the workspace with one binary of its name, and gives its path.
///
/// Cargo builds a crate once for each set of its features, and a package that is built alone asks
/// for its own set. So this asks for that of the whole workspace: what one tool has built, the next
/// one need not, nor do the tests.
///
/// # Errors
///
/// As [`build`].
pub fn build_tool(package: &str) -> anyhow::Result<PathBuf> {
    build_tool_in(Path::new("."), package)
}

/// The same for the workspace in a folder.
///
/// # Errors
///
/// As [`build`].
pub fn build_tool_in(folder: &Path, package: &str) -> anyhow::Result<PathBuf> {
    let wanted = ["--workspace", "--bin", package];
    build_wanted(folder, &[package], &wanted)?
        .remove(package)
        .with_context(|| format!("the package {package} has no binary of the same name"))
}

fn build_wanted(
    folder: &Path,
    packages: &[&str],
    wanted: &[&str],
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut command = command();
    command.current_dir(folder);
    command.args(["build", "--message-format", "json-render-diagnostics"]);
    command.args(wanted);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    show_progress(&mut command);
    let mut cargo = process::start_group(&mut command).context("cannot start cargo")?;
    let (sender, events) = sync_channel(WAITING_PIECES);
    cargo.listen((), &sender);
    drop(sender);
    let mut printed = Vec::new();
    let mut said = BuildLines::new(packages);
    for event in events {
        match (event.stream, event.bytes) {
            (Stream::Stdout, Some(bytes)) => printed.extend(bytes),
            (Stream::Stderr, Some(bytes)) => said.feed(&bytes),
            (_, None) => {}
        }
    }
    if !cargo.end()?.success() {
        return Err(anyhow!("cannot build {}", packages.join(" and "))).hint(said.hint());
    }
    let mut binaries = BTreeMap::new();
    for line in printed.split(|byte| *byte == b'\n') {
        // A build script's own output may come between cargo's messages.
        if let Ok(message) = String::from_utf8_lossy(line).parse::<Json>()
            && let Some(name) = text(at(&message, &["target", "name"]))
            && let Some(path) = text(at(&message, &["executable"]))
        {
            binaries.insert(name.to_string(), PathBuf::from(path));
        }
    }
    Ok(binaries)
}

/// Has a call of cargo show how far its build is: with
/// a bar on a terminal; elsewhere [`BuildLines`] tell.
pub fn show_progress(command: &mut Command) {
    if io::stderr().is_terminal() {
        // Cargo's bar while it builds, and not a word where there is nothing to build.
        command.args(["--quiet", "--config", "term.progress.when='always'"]);
        command.args(["--config", "term.progress.width=80"]);
    } else {
        command.stderr(Stdio::piped());
    }
}

/// What cargo says while it builds, where no bar shows it: one line of ours when something is to be
/// built, and of cargo's all but the lines that count its packages.
#[derive(Debug)]
pub struct BuildLines<'a> {
    packages: &'a [&'a str],
    /// The beginning of a line.
    open: Vec<u8>,
    told: bool,
    no_network: bool,
}

impl<'a> BuildLines<'a> {
    /// Of a build of these packages.
    pub fn new(packages: &'a [&'a str]) -> Self {
        BuildLines {
            packages,
            open: Vec::new(),
            told: false,
            no_network: false,
        }
    }

    /// Takes what cargo has written to stderr, and shows what of it is worth it.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
        while let Some(end) = self.open.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.open.drain(..=end).collect();
            if let Some(line) = self.shown(String::from_utf8_lossy(&line).trim_end()) {
                log!("{line}");
            }
        }
    }

    /// What to do when the build has failed.
    fn hint(&self) -> &'static str {
        match self.no_network {
            true => "once with a network: cargo fetch",
            false => {
                "RUST.md, \"When the compiler complains\", explains many of these errors; \
                 cargo build shows them again"
            }
        }
    }

    /// What is shown for one of cargo's lines.
    fn shown(&mut self, line: &str) -> Option<String> {
        self.no_network |= line.contains("network") || line.contains("Could not resolve");
        // Cargo's own lines have their verb before column 13.
        let verb = line.get(..12).map_or("", str::trim_start);
        let begins = ["Compiling", "Downloading", "Updating", "Blocking"];
        let others = [
            "Finished",
            "Downloaded",
            "Locking",
            "Adding",
            "Running",
            "Executable",
        ];
        if line.starts_with(' ') && begins.contains(&verb) {
            let first = !std::mem::replace(&mut self.told, true);
            return first.then(|| format!("building {} …", self.packages.join(" and ")));
        }
        (!line.starts_with(' ') || !others.contains(&verb)).then(|| line.to_string())
    }
}

/// The cargo that started this program; the one on the path where it was started by hand.
pub fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_a_network_says_how_to_do_without_one() {
        // What cargo says with an empty CARGO_HOME and no network.
        let mut said = BuildLines::new(&["a"]);
        said.shown("  [6] Could not resolve hostname (Could not resolve host: index.crates.io)");
        assert_eq!(said.hint(), "once with a network: cargo fetch");
        let mut said = BuildLines::new(&["a"]);
        said.shown("error[E0308]: mismatched types");
        assert!(said.hint().starts_with("RUST.md"));
    }

    #[test]
    fn one_line_stands_for_all_that_is_built_and_none_for_nothing() {
        let mut said = BuildLines::new(&["a", "b"]);
        let mut shown = |line: &str| said.shown(line);
        assert_eq!(shown("    Finished `dev` profile in 0.05s"), None);
        let line = Some("building a and b …".to_string());
        assert_eq!(shown("   Compiling libc v0.2.0"), line);
        assert_eq!(shown("   Compiling a v0.1.0"), None);
        assert_eq!(shown("  Downloaded libc v0.2.0"), None);
        let error = "error[E0308]: mismatched types";
        assert_eq!(shown(error), Some(error.to_string()));
        let code = "    Compiling(1, 2)";
        assert_eq!(shown(code), Some(code.to_string()));
    }
}
