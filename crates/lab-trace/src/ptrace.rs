//! The few calls of ptrace(2) that the tracer needs, and memory of a traced program.
//!
//! The kept crates know a signal by the names that Rust gives it, so they lose the stop of a
//! program that uses real-time signals. Here a signal is a number.

use std::io::{self, IoSliceMut};
use std::ptr;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};

/// `PTRACE_EVENT_STOP`: a stop of a seized thread that is no other event.
pub const EVENT_STOP: i32 = 128;

/// Threads and processes that a traced one starts are traced too; calls that the filter names stop;
/// if the tracer dies, so does all that it traces.
const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_EXITKILL;
const GET_SYSCALL_INFO: i64 = 0x420e;
const GET_EVENT_MESSAGE: i64 = 0x4201;
const SEIZE: i64 = 0x4206;
const LISTEN: i64 = 0x4208;
#[cfg(target_arch = "x86_64")]
const GET_REGISTERS: i64 = 12;
const CONT: i64 = 7;
const SYSCALL: i64 = 24;

/// What a thread stopped at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyscallStop {
    /// It is about to make this call.
    Entry {
        /// The call's number.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
    },
    /// A call gave this: a value, or an error's number below 0.
    Exit(i64),
    /// Neither.
    Other,
}

/// Begins to trace a process that this one started.
pub fn seize(pid: i32) -> io::Result<()> {
    request(SEIZE, pid, 0, OPTIONS.unsigned_abs() as usize)
}

/// Lets a stopped thread run, and gives it a signal unless that is 0.
pub fn resume(tid: i32, signal: i32) -> io::Result<()> {
    request(CONT, tid, 0, signal.unsigned_abs() as usize)
}

/// Lets a stopped thread run to the end of its call.
pub fn resume_to_exit(tid: i32) -> io::Result<()> {
    request(SYSCALL, tid, 0, 0)
}

/// Leaves a thread stopped, as the user wants it (Ctrl-Z), until it is continued.
pub fn leave_stopped(tid: i32) -> io::Result<()> {
    request(LISTEN, tid, 0, 0)
}

/// The number that comes with an event: of a new process, for example.
pub fn event_message(tid: i32) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    request(
        GET_EVENT_MESSAGE,
        tid,
        0,
        ptr::from_mut(&mut message) as usize,
    )?;
    Ok(message)
}

/// The call that a stopped thread is at.
pub fn syscall(tid: i32) -> io::Result<SyscallStop> {
    const WORDS: usize = 11;
    // struct ptrace_syscall_info: the kind in the first byte, then the place in the code, then what
    // the kind has.
    let mut info = [0_u64; WORDS];
    request(
        GET_SYSCALL_INFO,
        tid,
        size_of_val(&info),
        ptr::from_mut(&mut info) as usize,
    )?;
    let [kind, ..] = info[0].to_ne_bytes();
    Ok(match kind {
        1 | 3 => SyscallStop::Entry {
            number: info[3],
            arguments: [info[4], info[5], info[6], info[7], info[8], info[9]],
        },
        2 => SyscallStop::Exit(info[3].cast_signed()),
        _ => SyscallStop::Other,
    })
}

/// Where a stopped thread is, and where its stack is.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub struct Registers {
    pub pc: u64,
    pub sp: u64,
    pub bp: u64,
}

/// The registers that its stack is read from.
#[cfg(target_arch = "x86_64")]
pub fn registers(tid: i32) -> io::Result<Registers> {
    // struct user_regs_struct, and the places of three registers in it.
    const WORDS: usize = 27;
    const BP: usize = 4;
    const PC: usize = 16;
    const SP: usize = 19;
    let mut registers = [0_u64; WORDS];
    let place = ptr::from_mut(&mut registers) as usize;
    request(GET_REGISTERS, tid, 0, place)?;
    Ok(Registers {
        pc: registers[PC],
        sp: registers[SP],
        bp: registers[BP],
    })
}

#[allow(unsafe_code, reason = "no kept crate passes every signal on")]
fn request(request: i64, tid: i32, address: usize, data: usize) -> io::Result<()> {
    #[allow(
        clippy::useless_conversion,
        reason = "its type differs between C libraries"
    )]
    let request = request.try_into().map_err(io::Error::other)?;
    let address = ptr::without_provenance_mut::<libc::c_void>(address);
    let data = ptr::with_exposed_provenance_mut::<libc::c_void>(data);
    // SAFETY: of the requests above, only GET_SYSCALL_INFO, GET_EVENT_MESSAGE and GET_REGISTERS
    // write to this process. Each writes at `data`, which is an exclusive reference of the
    // caller's: at most `address` bytes, one unsigned long, and a struct of 27 words.
    let result = unsafe { libc::ptrace(request, tid, address, data) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// So many bytes of a traced program's memory, or as many as can be read.
pub fn memory(tid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let Ok(base) = usize::try_from(address) else {
        return Vec::new();
    };
    if length == 0 {
        return bytes;
    }
    let remote = [RemoteIoVec { base, len: length }];
    let mut local = [IoSliceMut::new(&mut bytes)];
    // A wrong pointer is the program's own mistake: its call has failed with EFAULT.
    let read = process_vm_readv(nix::unistd::Pid::from_raw(tid), &mut local, &remote).unwrap_or(0);
    bytes.truncate(read);
    bytes
}

/// An unsigned number of a traced program's memory.
pub fn word(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..at + 8)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}
