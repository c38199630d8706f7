//! The Python that runs the programs of the tests: an empty virtual environment.
//!
//! The programs need the standard library only. What is installed besides
//! it, and a `python3` that is a script which looks for the interpreter, can
//! make a start take five times as long, and these tests start thousands.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The search path with the environment's folder in
/// front; as it is where no environment can be made.
pub fn search_path() -> OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{}", env!("CARGO_CRATE_NAME")));
    let made = Command::new("python3")
        .args(["-m", "venv", "--without-pip", "--clear"])
        .arg(&folder)
        .output();
    let binaries = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    match made {
        Ok(output) if output.status.success() => {
            env::join_paths([binaries].into_iter().chain(env::split_paths(&old))).unwrap_or(old)
        }
        _ => old,
    }
}
