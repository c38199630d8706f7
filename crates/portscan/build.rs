//! Finds out whether the tests of `tests/netns.rs` can run here; where not, they are shown as ignored.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(no_netns)");
    let possible = runs("cc", &["--version"])
        && (runs("unshare", &["--net", "true"])
            || runs("unshare", &["--user", "--map-root-user", "--net", "true"]))
        && OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/net/tun")
            .is_ok();
    if !possible {
        println!("cargo::rustc-cfg=no_netns");
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
