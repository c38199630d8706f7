//! A terminal for a program under test, as its user had one.
//!
//! C's `printf`, and the libraries of most languages, write a line at once to a terminal, and 4 KiB
//! at a time to a pipe. A prompt without a line end is only written when the program reads from a
//! terminal. Its user saw all of that, so the check sees it as well. Bytes pass unchanged in both
//! directions: the terminal neither echoes nor makes CR LF of a line end.
//!
//! It is nobody's controlling terminal: its end sends no signal, and `/dev/tty` does not open it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use super::keyboard::name_of;

/// Interpreters that write at once also to a pipe: Python by `PYTHONUNBUFFERED`, the others by
/// themselves. Their stdout is one, since with a terminal Node echoes what is typed into its
/// output, and Python writes prompts to stderr.
const WRITE_AT_ONCE: [&str; 6] = ["python", "pypy", "node", "nodejs", "deno", "bun"];

/// So wide that no program breaks a line for it.
const COLUMNS: u16 = 1000;

/// The byte that ends a terminal's input at the beginning of a line (Ctrl-D).
pub(super) const END_OF_INPUT: u8 = 4;

/// Our end of a program's terminal.
pub(super) struct Terminal {
    /// What the program prints is read here, where its stdout is the terminal as well.
    pub(super) output: Option<OwnedFd>,
    /// What is typed is written here.
    pub(super) keys: File,
    /// How its end is named in `/proc/PID/fd`.
    pub(super) name: String,
}

/// Whether a program needs a terminal for its stdout, by the command that starts it.
fn keeps_output_back(command: &str) -> bool {
    let name = Path::new(command).file_stem().unwrap_or_default();
    let name = name.to_string_lossy();
    // python3, python3.11
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    !WRITE_AT_ONCE.contains(&name)
}

/// Gives a command a terminal for stdin, and for stdout where it would keep back what it prints.
///
/// # Errors
///
/// When the system has none to give.
pub(super) fn give(command: &mut Command) -> io::Result<Terminal> {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::{
        ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr,
        tcsetattr, tcsetwinsize,
    };

    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    let mut modes = tcgetattr(&theirs)?;
    modes.output_modes = OutputModes::empty();
    modes.input_modes = InputModes::empty();
    modes.local_modes = LocalModes::ICANON;
    modes.control_modes |= ControlModes::CS8;
    tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    let size = Winsize {
        ws_row: 50,
        ws_col: COLUMNS,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size)?;
    let keys = File::from(ours.try_clone()?);
    let name = name_of(&theirs).ok_or_else(|| io::Error::other("the terminal has no name"))?;
    let mut output = None;
    if keeps_output_back(&command.get_program().to_string_lossy()) {
        command.stdout(Stdio::from(theirs.try_clone()?));
        output = Some(ours);
    }
    command.stdin(Stdio::from(theirs));
    Ok(Terminal { output, keys, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_that_writes_at_once_prints_into_a_pipe() {
        for command in ["python3", "/usr/bin/python3.11", "node"] {
            assert!(!keeps_output_back(command), "{command}");
        }
        for command in ["./client", "sh", "./python-client", "ruby", "java", ""] {
            assert!(keeps_output_back(command), "{command}");
        }
    }
}
