//! `cargo lab trace` records a run of any two programs, and draws it; `cargo lab spy` shows what
//! passes between two programs that run already.
//!
//! Only Linux tells what programs do with sockets. Elsewhere, and where a system forbids it, a
//! relay between the two programs shows the bytes.
//!
//! | module | holds |
//! |---|---|
//! | [`command`] | which command it is |
//! | [`trace`] | `cargo lab trace` |
//! | [`traced`] | a run whose calls are seen |
//! | [`relayed`] | a run whose bytes alone are seen, by a relay |
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
//! | [`ring`] | the memory that the kernel puts them into |
//! | [`relay`] | the network between the programs, with its faults |
//! | [`entries`] | times, limits and addresses of a journal's entries; how programs end |
//! | [`signals`] | hears of Ctrl-C |
//! | [`output`] | the run as a file: a page, SVG, text, JSON, packets |
//! | [`ending`] | how a run comes to its end |

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod child;
mod command;
#[cfg(target_os = "linux")]
mod ending;
mod entries;
#[cfg(target_os = "linux")]
mod lines;
mod output;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod ptrace;
#[cfg(target_os = "linux")]
mod record;
mod relay;
mod relayed;
#[cfg(target_os = "linux")]
mod ring;
mod roles;
mod sightings;
mod signals;
#[cfg(target_os = "linux")]
mod sockets;
mod spy;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stack;
mod trace;
#[cfg(target_os = "linux")]
mod traced;
#[cfg(target_os = "linux")]
mod tracer;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run() {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            labnet::log!("{:?}", labnet::Failure::from(error));
            ExitCode::FAILURE
        }
    }
}
