//! A system call in which a thread rests, and what it watches there.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// What a descriptor set of select(2) holds. No poll of a program that reads a keyboard exceeds it.
const MOST_DESCRIPTORS: u64 = 1024;

/// A system call with its arguments, as `/proc/PID/task/TID/syscall` has it: `45 0x3 0x7ffc… …`.
pub(crate) struct Call {
    pub(crate) number: i64,
    pub(crate) arguments: [u64; 6],
}

impl Call {
    /// `None` for a thread that runs, or that waits outside of a call.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let number = words.next()?.parse().ok().filter(|number| *number >= 0)?;
        let mut arguments = [0; 6];
        for argument in &mut arguments {
            let word = words.next()?.strip_prefix("0x")?;
            *argument = u64::from_str_radix(word, 16).ok()?;
        }
        Some(Call { number, arguments })
    }

    /// The descriptors that a call of poll, select or epoll in this process watches for input.
    /// `None` for another call, and where they cannot be read.
    pub(crate) fn watched_by(&self, process: u32) -> Option<Vec<u64>> {
        let [first, second, ..] = self.arguments;
        if EPOLL.contains(&self.number) {
            epoll(process, first)
        } else if POLL.contains(&self.number) {
            poll(process, first, second)
        } else if SELECT.contains(&self.number) {
            select(process, first, second)
        } else {
            None
        }
    }
}

#[cfg(target_arch = "x86_64")]
const EPOLL: [i64; 3] = [
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
];
#[cfg(target_arch = "x86_64")]
const POLL: [i64; 2] = [libc::SYS_poll, libc::SYS_ppoll];
#[cfg(target_arch = "x86_64")]
const SELECT: [i64; 2] = [libc::SYS_select, libc::SYS_pselect6];

#[cfg(not(target_arch = "x86_64"))]
const EPOLL: [i64; 2] = [libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2];
#[cfg(not(target_arch = "x86_64"))]
const POLL: [i64; 1] = [libc::SYS_ppoll];
#[cfg(not(target_arch = "x86_64"))]
const SELECT: [i64; 1] = [libc::SYS_pselect6];

/// The descriptors that an epoll descriptor watches for input: lines like `tfd: 0 events: 19
/// …`, the events in hexadecimal.
fn epoll(process: u32, descriptor: u64) -> Option<Vec<u64>> {
    const EPOLLIN: u32 = 1;
    let text = fs::read_to_string(format!("/proc/{process}/fdinfo/{descriptor}")).ok()?;
    let watched = text.lines().filter_map(|line| {
        let mut words = line.strip_prefix("tfd:")?.split_whitespace();
        let descriptor = words.next()?.parse().ok()?;
        let events = u32::from_str_radix(words.nth(1)?, 16).ok()?;
        (events & EPOLLIN != 0).then_some(descriptor)
    });
    Some(watched.collect())
}

/// The descriptors in an array of struct pollfd that are asked for input.
fn poll(process: u32, at: u64, count: u64) -> Option<Vec<u64>> {
    const SIZE: usize = 8;
    const POLLIN: u8 = 1;
    let count = usize::try_from(count.min(MOST_DESCRIPTORS)).ok()?;
    let bytes = memory(process, at, count * SIZE)?;
    let watched = bytes.as_chunks::<SIZE>().0.iter().filter_map(|one| {
        let descriptor = i32::from_ne_bytes(*one.first_chunk()?);
        (one[4] & POLLIN != 0)
            .then_some(descriptor)
            .and_then(|descriptor| u64::try_from(descriptor).ok())
    });
    Some(watched.collect())
}

/// The descriptors in a set of select(2).
fn select(process: u32, below: u64, at: u64) -> Option<Vec<u64>> {
    // No set: nothing is asked for input.
    if at == 0 {
        return None;
    }
    let below = below.min(MOST_DESCRIPTORS);
    let bytes = memory(process, at, usize::try_from(below.div_ceil(8)).ok()?)?;
    let is_in = |descriptor: &u64| {
        let byte = usize::try_from(descriptor / 8).ok();
        byte.and_then(|byte| bytes.get(byte))
            .is_some_and(|byte| byte & (1 << (descriptor % 8)) != 0)
    };
    Some((0..below).filter(is_in).collect())
}

fn memory(process: u32, at: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    let memory = File::open(format!("/proc/{process}/mem")).ok()?;
    memory.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}
