//! A system that has no socket to give, or that notices who asks for one. Linux only: seccomp(2).
//!
//! A limit of open files cannot show it: the descriptor that a program's libraries were read with
//! is free again when the program asks for a socket. A filter answers the call itself. It binds the
//! thread that sets it and what that thread starts, and nothing else, so the program under test is
//! started by its own thread.

use std::io;

/// A kind of socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 and a stream: TCP.
    Tcp4,
    /// IPv4 and datagrams: UDP.
    Udp4,
    /// IPv6, whichever type.
    Six,
    /// IPv4 or IPv6, whichever type. What a program's libraries ask for themselves is neither: a
    /// look at the list of users goes through a Unix domain socket, and one at the network
    /// interfaces through netlink(7).
    Internet,
}

/// What happens to a program that asks for a socket of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The system ends it (SIGSYS): so it is certain that
    /// it asked, whatever it would have done with an error.
    Ends(Kind),
    /// The call fails with this error.
    Fails(Kind, i32),
}

/// The signal by which a program ends that [`Refusal::Ends`] has met.
pub const SIGSYS: i32 = 31;

/// Whether this system can refuse.
pub fn can() -> bool {
    cfg!(target_os = "linux")
}

/// Runs something on a thread with this refusal, which holds for all that
/// it starts. A program that it starts has to end in it as well: the end
/// of the thread that started a program is the end of that program.
///
/// # Errors
///
/// When the system has no filters.
pub fn under<T: Send>(refusal: Refusal, run: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set(refusal)?;
            Ok(run())
        });
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread with the refusal failed")))
    })
}

#[cfg(not(target_os = "linux"))]
fn set(_: Refusal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn set(refusal: Refusal) -> io::Result<()> {
    use std::collections::BTreeMap;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, apply_filter,
    };

    /// The type of a socket without SOCK_CLOEXEC and
    /// SOCK_NONBLOCK, which stand in the same argument.
    const TYPE: u64 = 0xf;
    let (kind, action) = match refusal {
        Refusal::Ends(kind) => (kind, SeccompAction::KillProcess),
        Refusal::Fails(kind, code) => (kind, SeccompAction::Errno(code.unsigned_abs())),
    };
    // SIGSYS would leave a core file in the student's folder.
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum,
        },
    )?;
    let family = |family: i32| {
        SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, u64::from(family.unsigned_abs()))
    };
    let of_type = |wanted: i32| {
        SeccompCondition::new(
            1,
            Dword,
            SeccompCmpOp::MaskedEq(TYPE),
            u64::from(wanted.unsigned_abs()),
        )
    };
    let build = || -> Result<BpfProgram, seccompiler::BackendError> {
        let (four, six) = (family(libc::AF_INET)?, family(libc::AF_INET6)?);
        // One rule is enough; of a rule all conditions have to hold.
        let rules = match kind {
            Kind::Tcp4 => vec![vec![four, of_type(libc::SOCK_STREAM)?]],
            Kind::Udp4 => vec![vec![four, of_type(libc::SOCK_DGRAM)?]],
            Kind::Six => vec![vec![six]],
            Kind::Internet => vec![vec![four], vec![six]],
        };
        let rules: Result<Vec<_>, _> = rules.into_iter().map(SeccompRule::new).collect();
        let calls = BTreeMap::from([(libc::SYS_socket, rules?)]);
        let here = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(calls, SeccompAction::Allow, action, here)?.try_into()
    };
    let filter = build().map_err(io::Error::other)?;
    apply_filter(&filter).map_err(io::Error::other)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::UdpSocket;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_the_kind_that_is_meant_is_refused_and_only_there() {
        let refused = under(Refusal::Fails(Kind::Tcp4, libc::EACCES), || {
            let tcp = std::net::TcpListener::bind("127.0.0.1:0");
            (
                tcp.err().and_then(|error| error.raw_os_error()),
                UdpSocket::bind("127.0.0.1:0").is_ok(),
            )
        });
        assert_eq!(refused.unwrap(), (Some(libc::EACCES), true));
        std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    }

    #[test]
    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
    fn a_program_that_asks_is_ended_and_one_that_does_not_is_not() {
        use std::os::unix::process::ExitStatusExt;
        const UDP: &str = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)";
        // What bash does when HOME is not set, and so a `python3` that is a script of bash.
        const USERS: &str = "import socket; socket.socket(socket.AF_UNIX)";
        let run = |kind, script| {
            under(Refusal::Ends(kind), || {
                Command::new("python3").args(["-c", script]).output()
            })
        };
        let ended = run(Kind::Udp4, UDP).unwrap().unwrap();
        let code = ended.status.code();
        assert!(ended.status.signal() == Some(SIGSYS) || code == Some(128 + SIGSYS));
        assert!(run(Kind::Tcp4, UDP).unwrap().unwrap().status.success());
        assert!(!run(Kind::Internet, UDP).unwrap().unwrap().status.success());
        assert!(
            run(Kind::Internet, USERS)
                .unwrap()
                .unwrap()
                .status
                .success()
        );
    }
}
