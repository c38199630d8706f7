//! A system that gives a program no socket. Linux only.

use std::collections::BTreeMap;
use std::thread;

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::{Finished, Program};

/// Runs a program to its end on a system where `socket(2)`
/// fails with `EMFILE`, "Too many open files".
///
/// A real limit of open files cannot show this: below four the dynamic loader finds no descriptor
/// for the C library either, and from four on the socket gets the one that the loader gave back. So
/// a seccomp filter refuses the call (`seccomp(2)`). It binds the thread that sets it and what that
/// thread starts, and nothing else.
///
/// # Panics
///
/// When the kernel takes no filter.
pub fn run_without_sockets(program: Program) -> Finished {
    let refused = thread::spawn(move || {
        let filter = no_sockets().expect("seccompiler knows this processor");
        apply_filter(&filter).expect("this kernel has seccomp filters");
        program.run()
    });
    refused.join().expect("the program was started and ended")
}

/// The filter. A call without a rule is allowed, and one with
/// an empty list of rules always meets the filter's action.
fn no_sockets() -> Result<BpfProgram, BackendError> {
    let refused = SeccompAction::Errno(libc::EMFILE.unsigned_abs());
    let calls = BTreeMap::from([(libc::SYS_socket, Vec::new())]);
    let processor = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, SeccompAction::Allow, refused, processor)?.try_into()
}
