//! Whether a program waits for its keyboard, from what the kernel says of its threads.
//!
//! Linux shows for every thread that rests the system call in which it rests,
//! with its arguments (`/proc/PID/task/TID/syscall`, proc(5)). A thread that
//! has been woken reads as "running" at once, so who reads as waiting in
//! `read` has found nothing to read. Elsewhere nobody is ever found waiting.

/// A thread that waits for the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// The thread's number.
    thread: u32,
    /// How often it had been given a processor when it
    /// began to wait: another figure is another wait.
    turns: u64,
    /// Whether it waits for nothing else: it is in `read`,
    /// and not in `poll`, `select` or `epoll_wait`.
    pub(super) alone: bool,
}

/// Whether a program, or what it has started, waits for what is typed into this file, named as
/// `/proc/PID/fd` names it.
#[cfg(not(target_os = "linux"))]
pub(super) fn wait_of(_root: u32, _stdin: &str) -> Option<Wait> {
    None
}

/// How a file of this process is named in `/proc/PID/fd`.
#[cfg(unix)]
pub(crate) fn name_of(file: &impl std::os::fd::AsRawFd) -> Option<String> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    Some(link.to_str()?.to_string())
}

#[cfg(target_os = "linux")]
pub(super) use linux::wait_of;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::Wait;
    use crate::procfs::{Call, children_of_all_threads};

    /// A program may start programs that start programs; so many generations are looked at.
    const GENERATIONS: usize = 8;

    pub fn wait_of(root: u32, stdin: &str) -> Option<Wait> {
        let mut generation = vec![root];
        for _ in 0..GENERATIONS {
            let mut next = Vec::new();
            for process in generation {
                if let Some(wait) = wait_in(process, stdin) {
                    return Some(wait);
                }
                next.extend(children_of_all_threads(process));
            }
            if next.is_empty() {
                return None;
            }
            generation = next;
        }
        None
    }

    fn wait_in(process: u32, stdin: &str) -> Option<Wait> {
        let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
        threads.filter_map(Result::ok).find_map(|thread| {
            let number = thread.file_name().to_str()?.parse().ok()?;
            let call = fs::read_to_string(thread.path().join("syscall")).ok()?;
            let alone = waits_in(&call, process, stdin)?;
            let figures = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let turns = figures.split_whitespace().nth(2)?.parse().ok()?;
            // Read again: the figure is that of this wait only if it still continues.
            (fs::read_to_string(thread.path().join("syscall")).ok()? == call).then_some(Wait {
                thread: number,
                turns,
                alone,
            })
        })
    }

    /// Whether this call, as `/proc/PID/task/TID/syscall` shows it, waits for the keyboard; and if
    /// so, whether for nothing else.
    fn waits_in(call: &str, process: u32, stdin: &str) -> Option<bool> {
        let call = Call::parse(call)?;
        let is_stdin = |descriptor: u64| {
            fs::read_link(format!("/proc/{process}/fd/{descriptor}"))
                .is_ok_and(|link| link.to_str() == Some(stdin))
        };
        if call.number == libc::SYS_read || call.number == libc::SYS_readv {
            return is_stdin(call.arguments[0]).then_some(true);
        }
        let mut watched = call.watched_by(process)?.into_iter();
        watched.any(is_stdin).then_some(false)
    }

    #[cfg(test)]
    mod tests {
        use std::process::{Child, Command, Stdio};
        use std::time::{Duration, Instant};

        use super::super::name_of;
        use super::*;

        struct Program(Child);

        impl Drop for Program {
            fn drop(&mut self) {
                let _ended = self.0.kill();
                let _reaped = self.0.wait();
            }
        }

        fn python(script: &str) -> (Program, String) {
            let mut child = Command::new("python3")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let name = name_of(child.stdin.as_ref().unwrap()).unwrap();
            let stdin = child.stdin.take();
            std::mem::forget(stdin); // Stays open as long as this test runs.
            (Program(child), name)
        }

        fn until<T>(what: impl Fn() -> Option<T>) -> Option<T> {
            let deadline = Instant::now() + Duration::from_secs(30);
            while Instant::now() < deadline {
                if let Some(found) = what() {
                    return Some(found);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            None
        }

        #[test]
        #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
        fn who_reads_polls_or_selects_the_keyboard_is_found_waiting() {
            for (script, alone) in [
                ("input()", true),
                ("import os; os.read(0, 10)", true),
                ("import subprocess; subprocess.run(['cat'])", true),
                // The child of another thread than the main one, which has nothing else to do.
                (
                    "import subprocess, threading\n\
                     threading.Thread(target=lambda: subprocess.run(['cat'])).start()\n\
                     threading.Event().wait()",
                    true,
                ),
                (
                    "import threading; threading.Thread(target=input).start()",
                    true,
                ),
                ("import select; select.select([0], [], [])", false),
                (
                    "import select; p = select.poll(); p.register(0); p.poll()",
                    false,
                ),
                (
                    "import select; p = select.epoll(); p.register(0, 1); p.poll()",
                    false,
                ),
            ] {
                let (program, name) = python(script);
                let wait = until(|| wait_of(program.0.id(), &name));
                assert_eq!(wait.map(|wait| wait.alone), Some(alone), "{script}");
            }
        }

        #[test]
        #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
        fn who_waits_for_something_else_is_not() {
            for script in [
                "import time; time.sleep(100)",
                "import os; os.read(os.pipe()[0], 1)",
                // One that listens: a new socket counts as readable.
                "import socket, select\ns = socket.create_server(('127.0.0.1', 0))\n\
                 select.select([s], [], [0], 100)",
            ] {
                let (program, name) = python(script);
                let rests = || {
                    let path = format!("/proc/{0}/task/{0}/syscall", program.0.id());
                    let call = fs::read_to_string(path).ok()?;
                    // Starting, Python reads files, and waits for nothing for long.
                    let call = Call::parse(&call)?;
                    let waits = [libc::SYS_clock_nanosleep, libc::SYS_read];
                    let watches = call.watched_by(program.0.id()).is_some();
                    (waits.contains(&call.number) || watches).then_some(())
                };
                until(rests).unwrap();
                assert_eq!(wait_of(program.0.id(), &name), None, "{script}");
            }
        }
    }
}
