//! Finds out what this machine can run, so that a test that
//! cannot run here is shown as ignored, with the reason.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_python, has_crib, has_faults, has_relay, has_seccomp)");
    println!("cargo::rerun-if-changed=build.rs");

    // A hand-out leaves these out where its exercise does not need them: `optional` in Cargo.toml.
    for module in ["crib", "faults", "relay", "seccomp"] {
        println!("cargo::rerun-if-changed=src/{module}.rs");
        if Path::new("src").join(module).with_extension("rs").exists() {
            println!("cargo::rustc-cfg=has_{module}");
        }
    }
    if Path::new("src/crib.rs").exists() {
        write_crib().expect("RUST.md can be read, and cargo gives a folder to write to");
    }

    list_exercises().expect("cargo gives a folder to write to");

    println!("cargo::rerun-if-env-changed=PATH");
    let python = if cfg!(windows) { "python" } else { "python3" };
    // A file that is missing makes cargo run this again each time, so an installation is noticed.
    let found: Option<PathBuf> = env::var_os("PATH").and_then(|path| {
        env::split_paths(&path)
            .map(|folder| folder.join(python))
            .find(|file| file.exists())
    });
    let file = found.unwrap_or_else(|| PathBuf::from("python-is-not-installed"));
    println!("cargo::rerun-if-changed={}", file.display());

    // Also asked for its version: on some systems the
    // name is only an advertisement for an installer.
    let good = Command::new(python)
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !good {
        println!("cargo::rustc-cfg=no_python");
    }
}

/// Writes the modules of `tests/exercises/main.rs`: one for each file there.
///
/// The paths are absolute, since `#[path]` is relative to the file that holds it. `cargo fmt` does
/// not see these modules: `.ci/run format` formats the files by name.
fn list_exercises() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?)
        .join("tests")
        .join("exercises");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut modules = String::new();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        if file.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            let module = name.replace('-', "_");
            writeln!(modules, "#[path = {file:?}]\nmod {module};").map_err(io::Error::other)?;
        }
    }
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("exercises.rs"), modules)
}

/// What is around each line of Rust on the page for readers of Python.
const AROUND_A_LINE: &str = "\
# #![allow(unused)]
# use std::io::{Read, Write};
# use labnet::{Cannot, python, say};
# use socket2::{Domain, Socket, Type};
# fn example(
#     listener: Socket, mut server: Socket, address: std::net::SocketAddr, peer: socket2::SockAddr,
#     mut buffer: [u8; 1024], count: usize, text: &str,
# ) -> labnet::MainResult {
";

/// Writes `RUST.md` for rustdoc, which compiles its examples:
/// each line gets the function that it would stand in.
fn write_crib() -> io::Result<()> {
    let page = Path::new("..").join("RUST.md");
    println!("cargo::rerun-if-changed={}", page.display());
    let mut examples = String::new();
    let mut wrapped = false;
    let text = fs::read_to_string(page)?;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "```" && wrapped {
            examples.push_str("# Ok(()) }\n");
            wrapped = false;
        }
        examples.push_str(line);
        examples.push('\n');
        let begins = line.starts_with("```rust");
        if begins && !lines.peek().is_some_and(|next| next.starts_with("fn ")) {
            examples.push_str(AROUND_A_LINE);
            wrapped = true;
        }
    }
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("crib.md"), examples)
}
