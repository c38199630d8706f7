//! Alarm clocks (alarm(2), setitimer(2)), which the system does not tell of.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether a process may have set an alarm clock (alarm(2)), which the system does not tell: it
/// would be ended, or its call would.
pub(super) fn expects_alarm(id: u32) -> bool {
    /// Of these it is the script that sets it.
    const INTERPRETERS: [&str; 8] = [
        "python", "node", "java", "ruby", "perl", "php", "bash", "sh",
    ];
    /// A program of a student is smaller, in bytes.
    const MOST: u64 = 8 * 1024 * 1024;
    const SIGALRM: u32 = 14;
    let catches = || -> Option<bool> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(mask & (1 << (SIGALRM - 1)) != 0)
    };
    if catches().unwrap_or(true) {
        return true;
    }
    let program = format!("/proc/{id}/exe");
    let Ok(path) = fs::read_link(&program) else {
        return true;
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_interpreter = INTERPRETERS.iter().any(|one| {
        name.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.') == *one
    });
    if is_interpreter {
        return script_names_alarm(id);
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(&program).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    let is_64_bit = bytes.starts_with(b"\x7fELF\x02");
    let names = |name: &[u8]| memchr::memmem::find(&bytes, name).is_some();
    read.is_err() || !is_64_bit || names(b"\0alarm\0") || names(b"\0setitimer\0")
}

/// Whether a script, in a file or on the command line, names what sets an alarm clock.
fn script_names_alarm(id: u32) -> bool {
    /// A script is smaller, in bytes.
    const MOST: u64 = 1024 * 1024;
    let names = |text: &[u8]| {
        ["alarm", "setitimer"]
            .iter()
            .any(|name| memchr::memmem::find(text, name.as_bytes()).is_some())
    };
    let Ok(line) = fs::read(format!("/proc/{id}/cmdline")) else {
        return true;
    };
    let folder = Path::new("/proc").join(id.to_string()).join("cwd");
    line.split(|byte| *byte == 0).skip(1).any(|word| {
        let file = folder.join(OsStr::from_bytes(word));
        let is_script = file
            .metadata()
            .is_ok_and(|file| file.is_file() && file.len() <= MOST);
        names(word) || (is_script && fs::read(&file).map_or(true, |text| names(&text)))
    })
}
