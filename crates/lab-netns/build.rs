//! Finds out whether this user may make networks, so that a test
//! that needs one is shown as ignored, with the reason.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_networks)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let makes = |words: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(words).args(["--net", "true"]);
        let status = unshare.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !makes(&[]) && !makes(&["--user", "--map-root-user"]) {
        println!("cargo::rustc-cfg=no_networks");
    }
}
