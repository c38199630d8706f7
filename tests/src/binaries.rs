//! The workspace's root, and its binaries, built when a test first asks for one.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .expect("the root has a Cargo.lock")
}

/// The path of a package's binary in debug form.
///
/// `cargo test` tells a test only about the binaries of its own package, so each is built here,
/// once a test run, by the same cargo.
///
/// # Panics
///
/// When it does not build.
pub fn built(package: &str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = labnet::lock(&BUILT);
    if !built.contains(package) {
        // A tool as `cargo lab` builds it. A lab program as `cargo run` does; once the tools are
        // there, what it needs has been built for the whole workspace.
        let check = binaries().join(format!("lab-check{}", env::consts::EXE_SUFFIX));
        let wanted: &[&str] = match package.starts_with("lab-") || check.exists() {
            true => &["--workspace", "--bin", package],
            false => &["--package", package],
        };
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet"])
            .args(wanted)
            .current_dir(workspace())
            .output()
            .expect("cargo runs: it started this test");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "cargo build {wanted:?} failed:\n{errors}"
        );
        built.insert(package.to_string());
    }
    binaries().join(format!("{package}{}", env::consts::EXE_SUFFIX))
}

/// Where cargo puts the workspace's binaries: a test runs from the `deps` folder below it.
fn binaries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = env::current_exe().expect("a running program has a path");
        test.parent()
            .and_then(Path::parent)
            .expect("target/debug/deps/TEST")
            .to_path_buf()
    })
}
