//! Calls of cargo: what the workspace holds, and builds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};
use labnet::Hint;

use crate::json::{Json, at, text};
use crate::process;

/// The workspace of the current folder as `cargo metadata` describes it: the packages, and the root's own metadata.
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
    String::from_utf8(output.stdout).context("what cargo metadata printed is no UTF-8")
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
    let mut command = command();
    command.current_dir(folder);
    command.args(["build", "--message-format", "json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    // Its progress is for somebody who watches; errors and warnings are shown in any case.
    if !io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut cargo = process::start_group(&mut command).context("cannot start cargo")?;
    let messages = cargo.stdout().context("the build's output is not piped")?;
    let mut binaries = BTreeMap::new();
    for line in BufReader::new(messages).lines() {
        let line = line.context("cannot read what the build prints")?;
        // A build script's own output may come between cargo's messages.
        if let Ok(message) = line.parse::<Json>()
            && let Some(name) = text(at(&message, &["target", "name"]))
            && let Some(path) = text(at(&message, &["executable"]))
        {
            binaries.insert(name.to_string(), PathBuf::from(path));
        }
    }
    if !cargo.end()?.success() {
        return Err(anyhow!("cannot build {}", packages.join(" and ")))
            .hint("the lines above say why; cargo build shows them again");
    }
    Ok(binaries)
}

/// The cargo that started this program; the one on the path where it was started by hand.
pub fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
