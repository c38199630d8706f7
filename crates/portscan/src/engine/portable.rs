//! Other systems than Linux: a new socket for each connect, and one table of descriptors for all.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{Answer, Source};
use crate::findings::State;

/// Holds one socket at a time.
#[derive(Debug)]
pub(super) struct ProbeSocket {
    source: Source,
    stream: Option<TcpStream>,
    /// The port that the last socket was bound to.
    pub(super) port: u16,
}

impl ProbeSocket {
    // The same shape as on Linux, where it owns its socket from the start.
    #[allow(clippy::unnecessary_wraps, reason = "the seam is one for all systems")]
    pub(super) fn new(source: Source, _: &Registry, _: Token) -> io::Result<Self> {
        Ok(ProbeSocket {
            source,
            stream: None,
            port: 0,
        })
    }

    pub(super) fn start(&mut self, to: SocketAddr, registry: &Registry, token: Token) -> Answer {
        match self.open(to, registry, token) {
            Ok(()) => self.finish(to),
            Err(error) if is_no_way(&error) => Answer::NoWay,
            Err(error) => answer(error),
        }
    }

    fn open(&mut self, to: SocketAddr, registry: &Registry, token: Token) -> io::Result<()> {
        let domain = if self.source.is_v6() {
            Domain::IPV6
        } else {
            Domain::IPV4
        };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let any: SocketAddr = if self.source.is_v6() {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        };
        socket.bind(&self.source.address().unwrap_or(any).into())?;
        self.port = socket
            .local_addr()?
            .as_socket()
            .map_or(0, |here| here.port());
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if in_flight(&error) => {}
            Err(error) => return Err(error),
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        Ok(())
    }

    pub(super) fn finish(&mut self, _: SocketAddr) -> Answer {
        let Some(stream) = &self.stream else {
            return Answer::Pending;
        };
        match stream.take_error() {
            Ok(Some(error)) | Err(error) => return answer(error),
            Ok(None) => {}
        }
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(here), Ok(there)) if here == there => Answer::SelfConnect,
            (_, Ok(_)) => Answer::State(State::Open),
            (_, Err(_)) => Answer::Pending,
        }
    }

    /// Makes it ready for the next connect; `false` when it has to be replaced.
    pub(super) fn reset(&mut self, registry: &Registry) -> bool {
        let Some(mut stream) = self.stream.take() else {
            return true;
        };
        // Linger 0 (SO_LINGER): the close sends RST and leaves nothing in TIME_WAIT.
        let lingers = SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
        let gone = registry.deregister(&mut stream);
        lingers.is_ok() && gone.is_ok()
    }
}

/// Whether a socket could not be made since this machine has no such addresses.
pub(super) fn lacks_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
}

fn in_flight(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}

/// This machine itself has no way to the host: such an error comes at once.
fn is_no_way(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable
            | Kind::PermissionDenied
    )
}

fn answer(error: io::Error) -> Answer {
    use io::ErrorKind as Kind;
    // Forbidden by a router or a route, as on Linux; Windows says the same of a port that it keeps
    // to itself.
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::ACCESS.raw_os_error()) {
        return Answer::State(State::Unreachable);
    }
    match error.kind() {
        Kind::ConnectionRefused => Answer::State(State::Closed),
        // The handshake was over before the connection was broken off.
        Kind::ConnectionReset | Kind::BrokenPipe => Answer::State(State::Open),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            Answer::State(State::Unreachable)
        }
        Kind::TimedOut => Answer::Silent,
        _ => Answer::Local(error),
    }
}

/// Only Linux has private descriptor tables for threads.
pub(super) fn unshare_descriptor_table() -> bool {
    false
}

/// Whether more workers than processors help, each with a private descriptor table.
pub(super) const PRIVATE_TABLES: bool = false;

/// Each connect has its own socket, with another port.
pub(super) const KEEPS_PORT: bool = false;
