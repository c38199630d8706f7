//! `cargo lab trace` records a run of any two programs, and draws it; `cargo lab spy` shows what
//! passes between two programs that run already. Linux only.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | which command it is |
//! | [`trace`] | `cargo lab trace` |
//! | [`spy`] | `cargo lab spy` |
//! | [`part`] | one program of a run whose other side `cargo lab check` plays |
//! | [`sightings`] | what a relay saw, as a journal |
//! | [`roles`] | which programs run |
//! | [`child`] | starts a program so that it is traced from the beginning |
//! | [`tracer`] | the loop over the stops of all threads |
//! | [`ptrace`] | the calls of ptrace(2) that it needs |
//! | [`calls`] | the system calls that matter |
//! | [`stack`] | where in its program a stopped thread is |
//! | [`lines`] | the line of the source that a call comes from |
//! | [`record`] | what goes into the journal |
//! | [`sockets`] | which socket a descriptor stands for |
//! | [`capture`] | the packets of the run's own network |
//! | [`relay`] | the network between the programs, with its faults |
//! | [`output`] | the run as a file: a page, SVG, text, JSON, packets |
//! | [`ending`] | how a run comes to its end |

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod lines;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod ptrace;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod sightings;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod spy;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stack;
#[cfg(target_os = "linux")]
mod trace;
#[cfg(target_os = "linux")]
mod tracer;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match command::run() {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            labnet::log!("{:?}", labnet::Failure::from(error));
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    labnet::log!(
        "cargo lab trace and cargo lab spy need Linux, whose kernel tells what programs do with sockets"
    );
    ExitCode::FAILURE
}
