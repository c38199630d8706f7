//! Starts a program so that it is traced from its first instruction.
//!
//! The tracer's own binary runs first, in [`become_program`]: it stops, and the tracer takes hold
//! of it. Then it sets the filter, which its program inherits, and becomes the program. So no code
//! runs between a fork and an exec, where little is safe.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail};
use labnet::Hint;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::{calls, ptrace};

/// The first word of the command line of a binary that becomes a program.
pub const MARK: &str = "--become-traced";

/// Starts a program and gives its process's number. It is traced by the calling thread, which lets
/// it run from its first stop.
pub fn start(words: &[OsString], stdin: Stdio) -> anyhow::Result<i32> {
    // This very program, also where cargo has put a new one in its file's place since.
    let child = Command::new("/proc/self/exe")
        .arg(MARK)
        .args(words)
        .stdin(stdin)
        .spawn()
        .context("cannot start a process")?;
    let number = i32::try_from(child.id()).context("a process has too high a number")?;
    let pid = Pid::from_raw(number).context("a process has no number")?;
    let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).context("cannot wait for a process")?;
    if !stopped.is_some_and(|(_, status)| status.stopped()) {
        bail!("a process ended before it could be traced");
    }
    if let Err(error) = ptrace::seize(number) {
        // It is stopped and not traced: nobody else would end it.
        kill_process(pid, Signal::KILL).context("cannot end the process that cannot be traced")?;
        waitpid(Some(pid), WaitOptions::empty()).context("cannot wait for a process")?;
        return Err(anyhow!(
            "this system does not let one program trace another: {error}"
        ))
        .hint(
            "in a container, start it with --cap-add=SYS_PTRACE; on the machine itself, look at \
             /proc/sys/kernel/yama/ptrace_scope, which has to be 0 or 1; cargo lab spy needs none of \
             that and shows what passes between the two",
        );
    }
    kill_process(pid, Signal::CONT).context("cannot continue a process")?;
    Ok(number)
}

/// Becomes the program, under the filter. Returns only if that failed.
pub fn become_program(words: &[OsString]) -> anyhow::Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        bail!("there is no program to start");
    };
    kill_process(getpid(), Signal::STOP).context("cannot stop for the tracer")?;
    let filter = filter().context("cannot make the filter of system calls")?;
    apply_filter(&filter).context("cannot set the filter of system calls")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

/// The calls that matter stop; all others run at full speed.
fn filter() -> anyhow::Result<BpfProgram> {
    let rules: BTreeMap<_, _> = calls::ALL
        .iter()
        .map(|spec| (spec.number, Vec::new()))
        .collect();
    let here = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Trace(0), here)?;
    Ok(filter.try_into()?)
}
