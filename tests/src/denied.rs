//! A system that gives a program no socket. Linux only.

use std::io;
use std::mem::offset_of;
use std::thread;

use crate::{Finished, Program};

/// Runs a program to its end on a system where `socket(2)` fails with `EMFILE`, "Too many open files".
///
/// A real limit of open files cannot show this: below four the dynamic loader finds no descriptor for the C
/// library either, and from four on the socket gets the one that the loader gave back. So a seccomp filter refuses
/// the call (`seccomp(2)`). It binds the thread that sets it and what that thread starts, and nothing else.
///
/// # Panics
///
/// When the kernel takes no filter.
pub fn run_without_sockets(program: Program) -> Finished {
    let refused = thread::spawn(move || {
        refuse_sockets().expect("this kernel has seccomp filters");
        program.run()
    });
    refused.join().expect("the program was started and ended")
}

fn refuse_sockets() -> io::Result<()> {
    let load = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
    let equal = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
    let give = code(libc::BPF_RET | libc::BPF_K);
    let number = u32::try_from(offset_of!(libc::seccomp_data, nr)).expect("a small offset");
    let socket = u32::try_from(libc::SYS_socket).expect("a small number");
    let refused = libc::SECCOMP_RET_ERRNO | libc::EMFILE.unsigned_abs();
    let mut filter = [
        step(load, 0, number),
        // The next step if the call is socket(2), else the one after it.
        step(equal, 1, socket),
        step(give, 0, refused),
        step(give, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the first call takes numbers only. The second reads the four steps, which live to the end of this function.
    #[allow(unsafe_code, reason = "prctl has no safe wrapper for filters")]
    let result = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const filter,
            ),
            failed => failed,
        }
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn code(code: u32) -> u16 {
    u16::try_from(code).expect("an instruction has 16 bits")
}

/// A step of the filter; a jump skips `skipped` steps where the comparison fails.
fn step(code: u16, skipped: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code,
        jt: 0,
        jf: skipped,
        k,
    }
}
