//! Finds out what this machine can run, so that a test that cannot run here is shown as ignored, with the reason.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() {
    println!(
        "cargo::rustc-check-cfg=cfg(no_python, low_ports_are_free, has_relay, has_seccomp, has_faults)"
    );
    println!("cargo::rerun-if-changed=build.rs");

    // A hand-out leaves these out where its exercise does not need them: `optional` in Cargo.toml.
    for module in ["relay", "seccomp", "faults"] {
        println!("cargo::rerun-if-changed=src/{module}.rs");
        if Path::new("src").join(module).with_extension("rs").exists() {
            println!("cargo::rustc-cfg=has_{module}");
        }
    }

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

    // Also asked for its version: on some systems the name is only an advertisement for an installer.
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

    // Containers often let everyone listen on every port.
    let limit = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if limit.is_ok_and(|limit| limit.trim().parse().is_ok_and(|port: u16| port <= 80)) {
        println!("cargo::rustc-cfg=low_ports_are_free");
    }
}
