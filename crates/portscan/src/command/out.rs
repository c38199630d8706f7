//! Where a report goes: to a file, or to stdout.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use labnet::Hint;
use portscan::report::{Form, Port};

/// Whether stdout was open when the program began. Rust opens `/dev/null` in place of a closed one
/// before `main`, and everything written there is lost.
#[cfg(target_os = "linux")]
mod at_start {
    use std::sync::atomic::{AtomicBool, Ordering};

    static STDOUT_IS_OPEN: AtomicBool = AtomicBool::new(true);

    pub(super) fn stdout_is_open() -> bool {
        STDOUT_IS_OPEN.load(Ordering::Relaxed)
    }

    #[expect(
        unsafe_code,
        reason = "the loader calls it before Rust's own start (elf(5))"
    )]
    #[used]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        let open = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_ok();
        STDOUT_IS_OPEN.store(open, Ordering::Relaxed);
    }
}

/// Makes sure that there is a stdout to write the report to.
fn check_stdout() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    if !at_start::stdout_is_open() {
        return Err(anyhow::anyhow!(
            "there is nowhere to write the report: stdout is closed"
        ))
        .hint("open it, or name a file with --out");
    }
    Ok(())
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path)
        .with_context(|| format!("cannot create {}", path.display()))
        .hint("choose another --out, or leave it out for stdout")
}

/// Where a report goes.
pub(crate) enum Out {
    File(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
}

impl Out {
    /// If it cannot be written, that should be known before the scan, not after it.
    pub(crate) fn open(path: Option<&str>) -> anyhow::Result<Self> {
        match path {
            Some(path) => Ok(Out::File(BufWriter::new(create(Path::new(path))?))),
            None => {
                check_stdout()?;
                Ok(Out::stdout())
            }
        }
    }

    pub(crate) fn stdout() -> Self {
        Out::Stdout(BufWriter::new(io::stdout()))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Out::Stdout(out) if out.get_ref().is_terminal())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::File(out) => out.write(bytes),
            Out::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::File(out) => out.flush(),
            Out::Stdout(out) => out.flush(),
        }
    }
}

/// A report of which each port is printed as soon as it is known.
pub(crate) struct Live {
    pub(crate) form: Box<dyn Form + Send>,
    pub(crate) out: Out,
    pub(crate) error: Option<io::Error>,
}

impl Live {
    pub(crate) fn new(form: Box<dyn Form + Send>, out: Out) -> Self {
        Live {
            form,
            out,
            error: None,
        }
    }

    pub(crate) fn print(&mut self, address: &str, port: &Port) {
        if self.error.is_none() {
            let printed = self.form.port(&mut self.out, address, port);
            self.error = printed.err();
        }
    }

    pub(crate) fn flush(&mut self) {
        if self.error.is_none() {
            self.error = io::Write::flush(&mut self.out).err();
        }
    }
}
