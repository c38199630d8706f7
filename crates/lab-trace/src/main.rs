//! `cargo lab trace`: records a run of any two programs, and draws it. Linux only.
//!
//! | module | holds |
//! |---|---|
//! | [`trace`] | the command |
//! | [`roles`] | which programs run |
//! | [`child`] | starts a program so that it is traced from the beginning |
//! | [`tracer`] | the loop over the stops of all threads |
//! | [`ptrace`] | the calls of ptrace(2) that it needs |
//! | [`calls`] | the system calls that matter |
//! | [`record`] | what goes into the journal |
//! | [`sockets`] | which socket a descriptor stands for |
//! | [`capture`] | the packets of the run's own network |
//! | [`faults`] | what may happen to bytes and datagrams on their way |
//! | [`relay`] | the network between the programs, with its faults |
//! | [`taken`] | whether a program has received what was sent to it |
//! | [`output`] | the run as a file: a page, SVG, text, JSON, packets |
//! | [`ending`] | how a run comes to its end |

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod ending;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod ptrace;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod taken;
#[cfg(target_os = "linux")]
mod trace;
#[cfg(target_os = "linux")]
mod tracer;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match trace::run() {
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
        "cargo lab trace needs Linux, whose kernel lets one program watch another's calls"
    );
    ExitCode::FAILURE
}
