//! Finds out which peers this machine has, so that a test
//! that cannot run here is shown as ignored, with the reason.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_peers, no_vectors, no_testsuite, no_browser)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    // A file that is missing makes cargo run this again each time, so an installation is noticed.
    let peers = [
        ("python/bin/crossbar", "no_peers"),
        ("node/node_modules/autobahn/package.json", "no_peers"),
        ("node/node_modules/wampy/package.json", "no_peers"),
        ("xconn/bin/python", "no_peers"),
        ("wamp-proto/testsuite/SCHEMA.json", "no_vectors"),
        ("testsuite/bin/wstest", "no_testsuite"),
    ];
    for (file, missing) in peers {
        let file = format!("../../target/peers/{file}");
        println!("cargo::rerun-if-changed={file}");
        if !Path::new(&file).exists() {
            println!("cargo::rustc-cfg={missing}");
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let browser = env::split_paths(&path)
        .map(|folder| folder.join("chromium"))
        .find(|file| file.exists());
    match browser {
        Some(file) => println!("cargo::rerun-if-changed={}", file.display()),
        None => {
            println!("cargo::rerun-if-changed=chromium-is-not-installed");
            println!("cargo::rustc-cfg=no_browser");
        }
    }
}
