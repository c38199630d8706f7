//! Linux: a socket is made and registered once, and used for thousands of connects.
//!
//! A connect that is refused leaves a socket on which `connect` can be called again at once. One that is under way,
//! or has succeeded, is ended by a `connect` to the address family `AF_UNSPEC` (connect(2)): the kernel sends RST
//! where a connection stood, as a close with linger 0 would, and the socket keeps its port and its registration.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use socket2::Socket;

use super::Source;
use crate::schedule::State;

/// What a connect has come to.
#[derive(Debug)]
pub(super) enum Answer {
    /// Nothing yet.
    Pending,
    /// The port's state.
    State(State),
    /// The system itself gave up waiting.
    Silent,
    /// The socket has connected to itself.
    Itself,
    /// This machine could not do it; nothing is known of the port.
    Local(io::Error),
}

/// One socket, whether it is in use or not.
#[derive(Debug)]
pub(super) struct Line {
    socket: Socket,
    /// The port it is bound to, where that matters: with a source that is a target itself.
    pub(super) port: u16,
}

/// A new nonblocking TCP socket, bound once and for all.
///
/// Bound even where the address is left to the system: a connect then has no port to look for.
pub(super) fn socket(source: Source) -> io::Result<Socket> {
    let family = if source.is_v6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket: Socket =
        rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?.into();
    let any: SocketAddr = if source.is_v6() {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
    };
    socket.bind(&source.address().unwrap_or(any).into())?;
    Ok(socket)
}

/// The port that a socket is bound to.
pub(super) fn port_of(socket: &Socket) -> io::Result<u16> {
    let here = socket.local_addr()?.as_socket();
    Ok(here.map_or(0, |here| here.port()))
}

/// Calls `connect`: the first time it sends the SYN, after that it asks what has come of it.
pub(super) fn connect(socket: &Socket, to: SocketAddr) -> Answer {
    match rustix::net::connect(socket, &to) {
        Ok(()) | Err(Errno::ISCONN) => match (socket.local_addr(), socket.peer_addr()) {
            (Ok(here), Ok(there)) if here == there => Answer::Itself,
            _ => Answer::State(State::Open),
        },
        Err(Errno::INPROGRESS | Errno::ALREADY) => Answer::Pending,
        Err(Errno::CONNREFUSED) => Answer::State(State::Closed),
        // The handshake was over before the connection was broken off.
        Err(Errno::CONNRESET | Errno::PIPE) => Answer::State(State::Open),
        Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::NETDOWN) => {
            Answer::State(State::Unreachable)
        }
        Err(Errno::TIMEDOUT) => Answer::Silent,
        // EMFILE, EADDRNOTAVAIL, ENOBUFS, EAGAIN, EPERM of a local firewall: never "closed".
        Err(other) => Answer::Local(other.into()),
    }
}

/// Ends whatever the socket does, so that it can connect again.
pub(super) fn disconnect(socket: &Socket) -> io::Result<()> {
    Ok(rustix::net::connect_unspec(socket)?)
}

impl Line {
    pub(super) fn new(source: Source, registry: &Registry, token: Token) -> io::Result<Self> {
        let socket = socket(source)?;
        let port = match source {
            Source::Same(_) => port_of(&socket)?,
            Source::Any { .. } | Source::Apart(_) => 0,
        };
        // mio's poller is edge-triggered: the registration is made once and never changed.
        registry.register(
            &mut SourceFd(&socket.as_raw_fd()),
            token,
            Interest::READABLE | Interest::WRITABLE,
        )?;
        Ok(Line { socket, port })
    }

    pub(super) fn start(&mut self, to: SocketAddr, _: &Registry, _: Token) -> Answer {
        connect(&self.socket, to)
    }

    pub(super) fn finish(&mut self, to: SocketAddr) -> Answer {
        connect(&self.socket, to)
    }

    /// Makes the line ready for the next connect; `false` when it has to be replaced.
    ///
    /// A refused connect needs no more than the call of `connect` that told so.
    pub(super) fn reset(&mut self, _: &Registry) -> bool {
        disconnect(&self.socket).is_ok()
    }
}

/// Raises this process's limit on descriptors as far as it may, and says what it is then.
pub(super) fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    current.map_or(usize::MAX, |current| {
        usize::try_from(current).unwrap_or(usize::MAX)
    })
}

/// Gives this thread a descriptor table of its own, so that the limit, which counts per table, holds for it alone.
///
/// `false` where that is forbidden, as in some containers.
#[allow(
    unsafe_code,
    reason = "no safe wrapper: which descriptors are valid comes to depend on the thread"
)]
pub(super) fn own_descriptor_table() -> bool {
    // SAFETY: from here on descriptors of other threads must not be used in this thread, nor the other way round.
    // The thread has just begun and holds none; it makes its own poller and sockets, shares only memory (a mutex,
    // atomics) with the others, and its table ends with it. The copies it inherits are never used.
    unsafe { unshare_unsafe(UnshareFlags::FILES) }.is_ok()
}

/// Whether more workers than processors are of use, each with descriptors of its own.
pub(super) const OWN_TABLES: bool = true;

/// A line keeps its socket, and so its port, and is ready again as soon as `connect` has said "refused".
pub(super) const KEEPS_PORT: bool = true;
