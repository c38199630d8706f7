//! Programs that are started here and that end here, whatever happens.
//!
//! Three things end them: their guard ([`Running`]) when it is dropped; the thread that
//! [`stop_at_signals`] starts, at Ctrl-C, SIGTERM or SIGHUP; and on Linux the kernel, should this
//! program be killed without a chance to act. What is killed is also reaped, and only ever by the
//! handle that started it: a process id may long belong to another.
//!
//! All started programs are in one list, under one lock. The thread that waits for signals takes
//! the lock and keeps it, kills and reaps every program in the list, and exits. Cargo runs in a
//! process group, so that its compilers end with it.

use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use labnet::lock;

use crate::staging;

/// How long a program may take to end after it has closed its output.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// A pipe's content is taken in pieces of at most this many bytes.
const PIECE: usize = 16 * 1024;

/// All that runs. A new program is started under this
/// lock, so that a signal finds either all or none of it.
static STARTED: Mutex<Vec<Arc<Mutex<Started>>>> = Mutex::new(Vec::new());
/// Set before the programs are stopped at a signal: what they still say is not shown.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Which of a program's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The transcript.
    Stdout,
    /// Everything else.
    Stderr,
}

/// What a program does that others have to know.
#[derive(Debug)]
pub struct Event<Side> {
    /// Whose event.
    pub side: Side,
    /// On which stream.
    pub stream: Stream,
    /// What came; nothing when the stream has ended.
    pub bytes: Option<Vec<u8>>,
}

/// A program that runs. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct Running {
    name: String,
    started: Arc<Mutex<Started>>,
}

#[derive(Debug)]
struct Started {
    child: Child,
    /// Whether it leads its own process group, which ends with it.
    #[cfg_attr(not(unix), allow(dead_code, reason = "groups are Unix's"))]
    group: bool,
}

/// Starts a program with both output streams piped. It stays in the terminal's foreground process
/// group: a client may read the keyboard.
///
/// # Errors
///
/// When the system cannot start it (`fork`, `execve`).
pub fn start(command: &mut Command) -> io::Result<Running> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start_as(command, false)
}

/// Starts a program with one pipe for its stdout and its
/// stderr, and sends all that it prints to `events`.
///
/// Through two pipes, lines written at nearly the same time may change places: a game's next
/// question would stand before the answer to the last. Through one they stay in their order, and
/// nobody can tell which was which.
///
/// # Errors
///
/// As [`start`], and when the system has no pipe left.
pub fn start_merged<Side: Copy + Send + 'static>(
    mut command: Command,
    side: Side,
    events: &SyncSender<Event<Side>>,
) -> io::Result<Running> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let running = start_as(&mut command, false)?;
    // It holds this side's ends of the pipe: while they are open, the pipe has no end.
    drop(command);
    pump(reader, side, Stream::Stdout, events.clone());
    Ok(running)
}

/// Starts a program in its own process group, so that the programs it starts end with it: cargo's
/// compilers. Its streams are as the command says.
///
/// # Errors
///
/// As [`start`].
pub fn start_group(command: &mut Command) -> io::Result<Running> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    start_as(command, true)
}

fn start_as(command: &mut Command, group: bool) -> io::Result<Running> {
    die_with_parent(command);
    let mut all = lock(&STARTED);
    let child = command.spawn()?;
    let started = Arc::new(Mutex::new(Started { child, group }));
    all.push(Arc::clone(&started));
    Ok(Running {
        name: command.get_program().to_string_lossy().into_owned(),
        started,
    })
}

impl Running {
    /// Its stdin, once, where the command has it piped.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        lock(&self.started).child.stdin.take()
    }

    /// Its piped stdout, once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        lock(&self.started).child.stdout.take()
    }

    /// Sends all that it prints to `events`, from two threads that end with its streams.
    pub fn listen<Side: Copy + Send + 'static>(
        &mut self,
        side: Side,
        events: &SyncSender<Event<Side>>,
    ) {
        let mut started = lock(&self.started);
        if let Some(stdout) = started.child.stdout.take() {
            pump(stdout, side, Stream::Stdout, events.clone());
        }
        if let Some(stderr) = started.child.stderr.take() {
            pump(stderr, side, Stream::Stderr, events.clone());
        }
    }

    /// Waits for the end of a program that has closed its output.
    ///
    /// # Errors
    ///
    /// When it continues all the same for 5 s; it is killed then.
    pub fn end(self) -> anyhow::Result<ExitStatus> {
        // Asked again and again instead of one blocking wait: that would hold the lock, and a
        // signal would find it taken. The output's end has announced the program's, so this is over
        // at the first or second look.
        let deadline = Instant::now() + END_PATIENCE;
        while Instant::now() < deadline {
            let ended = lock(&self.started).child.try_wait();
            if let Some(status) = ended.with_context(|| format!("cannot wait for {}", self.name))? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        bail!(
            "{} closed its output but does not end; it was killed",
            self.name
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.started).stop();
        lock(&STARTED).retain(|started| !Arc::ptr_eq(started, &self.started));
    }
}

impl Started {
    /// Kills the program if it still runs, and reaps it.
    fn stop(&mut self) {
        if let Ok(Some(_ended)) = self.child.try_wait() {
            return;
        }
        #[cfg(unix)]
        if self.group
            && let Ok(group) = libc::pid_t::try_from(self.child.id())
        {
            // Not reaped yet, so the id is still its own, and its group's.
            #[allow(unsafe_code, reason = "std has no call that signals a group")]
            // SAFETY: killpg(2) takes two numbers and touches no memory.
            let _gone_already = unsafe { libc::killpg(group, libc::SIGKILL) };
        }
        // Both fail only for a program that has ended: then there is nothing to do.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// From now on Ctrl-C, SIGTERM and SIGHUP stop every program that [`start`] started, then this one,
/// with the exit code that a shell gives to a program ended by that signal.
///
/// # Errors
///
/// When the system does not let the signals be caught.
pub fn stop_at_signals() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])
            .context("cannot catch signals")?;
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                stop_everything(128 + signal);
            }
        });
        Ok(())
    }
    #[cfg(windows)]
    ctrlc::set_handler(|| -> () { stop_everything(130) }).context("cannot catch Ctrl-C")
}

/// Whether the programs are being stopped because of a signal.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

fn stop_everything(code: i32) -> ! {
    STOPPING.store(true, Ordering::Relaxed);
    // Held to the end: nothing new starts.
    let all = lock(&STARTED);
    for started in all.iter() {
        lock(started).stop();
    }
    let _held = staging::remove_all();
    std::process::exit(code)
}

/// On Linux, has the kernel kill the program when this one ends in a
/// way that runs no code of ours (SIGKILL). Elsewhere there is no
/// such call; the programs then run until they are stopped by hand.
pub fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        let parent = std::process::id();
        #[allow(
            unsafe_code,
            reason = "std has no call that sets the parent-death signal"
        )]
        // SAFETY: between fork and exec only async-signal-safe calls are allowed; prctl(2) and
        // getppid(2) are plain system calls, and an Error made from a number allocates nothing.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // The parent may have died before the call: nobody would send the signal any more.
                if u32::try_from(libc::getppid()) != Ok(parent) {
                    return Err(io::Error::from_raw_os_error(libc::ESRCH));
                }
                Ok(())
            });
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Has the program lead a session and its own process group, without
/// a controlling terminal: `/dev/tty`, where some programs ask for a
/// password, does not open the terminal of anyone who started it.
#[cfg(unix)]
pub fn lead_session(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    #[allow(unsafe_code, reason = "std has no call that makes a session")]
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; setsid(2) is a plain
    // system call, and an Error made from a number allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

/// Passes a pipe's bytes on as they come; blocks while too much waits to be shown.
fn pump<Side: Copy + Send + 'static>(
    mut pipe: impl Read + Send + 'static,
    side: Side,
    stream: Stream,
    events: SyncSender<Event<Side>>,
) {
    let event = move |bytes| Event {
        side,
        stream,
        bytes,
    };
    thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        loop {
            let bytes = match pipe.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A pipe gives no error but to a program that
                // misuses it; for the listener it has ended.
                Ok(0) | Err(_) => break,
                Ok(count) => buffer[..count].to_vec(),
            };
            if events.send(event(Some(bytes))).is_err() {
                return; // The receiver is gone.
            }
        }
        // The same.
        let _nobody_listens = events.send(event(None));
    });
}
