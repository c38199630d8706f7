//! Linux: a socket is made and registered once, and used for thousands of connects.
//!
//! A connect that is refused leaves a socket on which `connect` can be called again at once. One
//! that is in flight, or has succeeded, is ended by a `connect` to the address family `AF_UNSPEC`
//! (connect(2)): the kernel sends RST where a connection existed, as a close with linger 0 would,
//! and the socket keeps its port and its registration.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use socket2::Socket;

use super::{Answer, Source};
use crate::findings::State;

/// One socket, whether it is in use or not.
#[derive(Debug)]
pub(super) struct ProbeSocket {
    socket: Socket,
    /// The port it is bound to, where that matters: with a source that is a target itself.
    pub(super) port: u16,
}

/// A new nonblocking TCP socket, bound once and for all.
///
/// A port that `bind` has chosen itself is the socket's only until its first connect is refused:
/// then the kernel takes it back, and each further connect gets another one. Only a port that was
/// asked for by its number stays. So where the port matters, with a source that is a target itself,
/// a free one is found first and then asked for.
pub(super) fn socket(source: Source) -> io::Result<Socket> {
    // Between the two another program may take the port.
    const ATTEMPTS: usize = 16;
    if !matches!(source, Source::Same(_)) {
        return bound(source, 0);
    }
    let mut attempt = 1;
    loop {
        let port = port_of(&bound(source, 0)?)?;
        match bound(source, port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// Bound even where the address is left to the system: the first connect then has no port to look
/// for.
fn bound(source: Source, port: u16) -> io::Result<Socket> {
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
    let mut address = source.address().unwrap_or(any);
    address.set_port(port);
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The port that a socket is bound to.
pub(super) fn port_of(socket: &Socket) -> io::Result<u16> {
    let here = socket.local_addr()?.as_socket();
    Ok(here.map_or(0, |here| here.port()))
}

/// Calls `connect` for the first time. An error of this machine's own way to the host comes at
/// once, and no packet was sent; what another machine says comes later.
pub(super) fn first_connect(socket: &Socket, to: SocketAddr) -> Answer {
    match rustix::net::connect(socket, &to) {
        Err(
            Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::NETDOWN
            | Errno::ACCESS
            | Errno::PERM
            | Errno::INVAL
            | Errno::ADDRNOTAVAIL,
        ) => Answer::NoWay,
        done => answer(socket, done),
    }
}

/// Calls `connect`: the first time it sends the SYN, after that it asks what has come of it.
pub(super) fn connect(socket: &Socket, to: SocketAddr) -> Answer {
    answer(socket, rustix::net::connect(socket, &to))
}

fn answer(socket: &Socket, connected: Result<(), Errno>) -> Answer {
    match connected {
        Ok(()) | Err(Errno::ISCONN) => match (socket.local_addr(), socket.peer_addr()) {
            (Ok(here), Ok(there)) if here == there => Answer::SelfConnect,
            _ => Answer::State(State::Open),
        },
        Err(Errno::INPROGRESS | Errno::ALREADY) => Answer::Pending,
        Err(Errno::CONNREFUSED) => Answer::State(State::Closed),
        // The handshake was over before the connection was broken off.
        Err(Errno::CONNRESET | Errno::PIPE) => Answer::State(State::Open),
        Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::NETDOWN) => {
            Answer::State(State::Unreachable)
        }
        // Forbidden by a router (ICMPv6's "administratively prohibited") or by a route `prohibit`
        // of this machine.
        Err(Errno::ACCESS) => Answer::State(State::Unreachable),
        // A route `blackhole`.
        Err(Errno::INVAL) => Answer::State(State::Unreachable),
        // The errors that the kernel derives from the rarer ICMP messages (icmp_err_convert in
        // net/ipv4/icmp.c, net/ipv6/icmp.c).
        Err(Errno::PROTO | Errno::NOPROTOOPT | Errno::NONET | Errno::OPNOTSUPP) => {
            Answer::State(State::Unreachable)
        }
        Err(Errno::TIMEDOUT) => Answer::Silent,
        // EMFILE, EADDRNOTAVAIL, ENOBUFS, EAGAIN, EPERM of a local firewall: never "closed".
        Err(other) => Answer::Local(other.into()),
    }
}

/// Whether a socket could not be made since this machine has no such addresses.
pub(super) fn lacks_family(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

/// Ends what the socket does, so that it can connect again.
pub(super) fn disconnect(socket: &Socket) -> io::Result<()> {
    Ok(rustix::net::connect_unspec(socket)?)
}

impl ProbeSocket {
    pub(super) fn new(source: Source, registry: &Registry, token: Token) -> io::Result<Self> {
        let socket = socket(source)?;
        let port = match source {
            Source::Same(_) => port_of(&socket)?,
            Source::Any { .. } | Source::Separate(_) => 0,
        };
        // mio's poller is edge-triggered: the registration is made once and never changed.
        registry.register(
            &mut SourceFd(&socket.as_raw_fd()),
            token,
            Interest::READABLE | Interest::WRITABLE,
        )?;
        Ok(ProbeSocket { socket, port })
    }

    pub(super) fn start(&mut self, to: SocketAddr, _: &Registry, _: Token) -> Answer {
        first_connect(&self.socket, to)
    }

    pub(super) fn finish(&mut self, to: SocketAddr) -> Answer {
        connect(&self.socket, to)
    }

    /// Makes the socket ready for the next connect; `false` when it has to be replaced.
    ///
    /// A refused connect needs no more than the call of `connect` that told so.
    pub(super) fn reset(&mut self, _: &Registry) -> bool {
        disconnect(&self.socket).is_ok()
    }
}

/// Gives this thread a private descriptor table, so that the limit, which counts per table, holds
/// for it alone.
///
/// `false` where that is forbidden, as in some containers.
#[allow(
    unsafe_code,
    reason = "no safe wrapper: which descriptors are valid comes to depend on the thread"
)]
pub(super) fn unshare_descriptor_table() -> bool {
    // SAFETY: from here on descriptors of other threads must not be used in this thread, nor the
    // other way round. The thread has just begun and holds none; it makes its own poller and
    // sockets, shares only memory (a mutex, atomics) with the others, and its table ends with it.
    // The copies it inherits are never used.
    unsafe { unshare_unsafe(UnshareFlags::FILES) }.is_ok()
}

/// Whether more workers than processors help, each with a private descriptor table.
pub(super) const PRIVATE_TABLES: bool = true;

/// A socket keeps its port, and is ready again as soon as `connect` has said "refused".
pub(super) const KEEPS_PORT: bool = true;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

    use super::*;
    use crate::targets::Host;

    #[test]
    fn a_socket_whose_source_is_its_target_keeps_its_port_after_refusals_and_connections() {
        for ip in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ] {
            let Ok(listener) = TcpListener::bind((ip, 0)) else {
                println!("not tested: this machine has no {ip}");
                continue;
            };
            // Bound without a listener: every connect is refused.
            let closed = socket(Source::Same(Host::from(ip))).unwrap();
            let closed = Host::from(ip).port(port_of(&closed).unwrap());
            let socket = socket(Source::Same(Host::from(ip))).unwrap();
            let port = port_of(&socket).unwrap();
            for to in [closed, closed, listener.local_addr().unwrap(), closed] {
                let mut answer = connect(&socket, to);
                if matches!(answer, Answer::Pending) {
                    answer = connect(&socket, to);
                }
                let wanted = if to == closed {
                    State::Closed
                } else {
                    State::Open
                };
                assert!(
                    matches!(answer, Answer::State(state) if state == wanted),
                    "{answer:?} from {to}"
                );
                assert_eq!(port_of(&socket).unwrap(), port);
                if wanted == State::Open {
                    disconnect(&socket).unwrap();
                    assert_eq!(port_of(&socket).unwrap(), port);
                }
            }
        }
    }
}
