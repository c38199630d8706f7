//! The programs of this workspace, as their `[package.metadata.lab]` describes them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::binaries::workspace;

/// A lab program.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The package, which is also the binary and the folder.
    pub package: String,
    /// The package's folder.
    pub folder: PathBuf,
    /// The exercise, without `-server` or `-client`.
    pub exercise: String,
    /// `server`, `client`, `program`, or another of the larger exercises' roles.
    pub role: String,
    /// Arguments that the program cannot do without.
    pub args: Vec<String>,
    /// What the client of a server, or the program, needs on the other side: `web-server`.
    pub needs: Option<String>,
    /// Everything that is in `[package.metadata.lab]`.
    pub metadata: Value,
}

/// The packages of the workspace that have a `[package.metadata.lab]`, by name.
///
/// # Panics
///
/// When `cargo metadata` fails or a table lacks what every table has.
pub fn entries() -> Vec<Entry> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo runs: it started this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let mut entries: Vec<Entry> = packages.iter().filter_map(entry).collect();
    entries.sort_by(|a, b| a.package.cmp(&b.package));
    entries
}

/// The small programs of the sheets: a server, a client
/// or a program without a partner, each in one `main.rs`.
///
/// A program that is its own engine (`engine = true`) has its own tests, too.
pub fn lab_programs() -> Vec<Entry> {
    let small = |entry: &Entry| {
        ["server", "client", "program"].contains(&entry.role.as_str())
            && entry.metadata["engine"] != true
    };
    entries().into_iter().filter(small).collect()
}

/// The server of a client's exercise.
pub fn server_of(client: &Entry, entries: &[Entry]) -> Option<Entry> {
    entries
        .iter()
        .find(|e| e.exercise == client.exercise && e.role == "server")
        .cloned()
}

fn entry(package: &Value) -> Option<Entry> {
    let lab = package["metadata"].get("lab")?;
    let name = package["name"].as_str().expect("every package has a name");
    let text = |key: &str| {
        let value = lab[key].as_str();
        value
            .unwrap_or_else(|| panic!("{name}: [package.metadata.lab] has no {key}"))
            .to_string()
    };
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
    Some(Entry {
        package: name.to_string(),
        folder: manifest
            .parent()
            .expect("a manifest is in a folder")
            .to_path_buf(),
        exercise: text("exercise"),
        role: text("role"),
        args: lab["args"]
            .as_array()
            .map(|args| {
                args.iter()
                    .filter_map(Value::as_str)
                    .map(ToString::to_string)
                    .collect()
            })
            .unwrap_or_default(),
        needs: lab["needs"].as_str().map(ToString::to_string),
        metadata: lab.clone(),
    })
}
