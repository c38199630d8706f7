//! Finds out whether tests can make network namespaces (`no_namespaces` where not), and whether
//! they can join two by a slow link (`no_link` where not): such tests are then shown as ignored.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(no_namespaces, no_link)");
    let up = ["--net", "ip", "link", "set", "lo", "up"];
    let namespaces = runs("unshare", &up)
        || runs(
            "unshare",
            &[&["--user", "--map-root-user"][..], &up].concat(),
        );
    let tun = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    if !namespaces {
        println!("cargo::rustc-cfg=no_namespaces");
    }
    if !namespaces || tun.is_err() || !runs("cc", &["--version"]) {
        println!("cargo::rustc-cfg=no_link");
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
