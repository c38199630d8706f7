//! Ports for servers under test.
//!
//! A port has to be free when the server binds it, a moment after it was chosen. Two things make
//! that certain: it is taken from below the range from which the system draws the ports of outgoing
//! connections, so that none of the hundreds of clients of a check gets it by chance, and while it
//! is in use this process holds the same number in the other protocol (the UDP port for a TCP
//! server, the TCP port for a UDP server), so that two checks on one machine never choose the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::process;

/// Where ports are taken from: above the well-known ones, below Linux' 32768–60999 and others'
/// 49152–65535. Each protocol has a range of its own, since its locks are ports of the other.
const FIRST_TCP: u16 = 20_000;
const FIRST_UDP: u16 = 26_000;
const COUNT: u16 = 6_000;
/// Longer than a program that has begun takes to close its copies of our sockets, on any machine.
const COPIES_LAST: Duration = Duration::from_secs(1);

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A stream.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Protocol {
    /// `tcp`, `udp`: as `/proc/net` has it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// A port that nobody else takes while this is kept.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _lock: Lock,
}

#[derive(Debug)]
enum Lock {
    Tcp { _held: TcpListener },
    Udp { _held: UdpSocket },
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    ///
    /// When none of 6,000 is free.
    pub fn take(protocol: Protocol) -> io::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = match protocol {
            Protocol::Tcp => FIRST_TCP,
            Protocol::Udp => FIRST_UDP,
        };
        // Checks that run at the same time begin at different places.
        let begin =
            u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0);
        let mut last_error = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..COUNT {
            // A program being started would hold the socket
            // that tries the port for a moment longer.
            let _none = process::spawn_lock();
            let offset = (begin + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
            match Self::lock(first + offset, protocol) {
                Ok(port) => return Ok(port),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    fn lock(number: u16, protocol: Protocol) -> io::Result<Self> {
        // Any address, not only loopback: a server may listen on all interfaces.
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, number));
        // The lock first: anyone who holds it may be about to
        // bind the port itself, and must not find us there.
        let lock = match protocol {
            Protocol::Tcp => Lock::Udp {
                _held: UdpSocket::bind(any)?,
            },
            Protocol::Udp => Lock::Tcp {
                _held: TcpListener::bind(any)?,
            },
        };
        // Without SO_REUSEADDR, which a program under test may have forgotten: it shall not find
        // the connections of an earlier one there (TIME_WAIT), but by its own fault.
        let kind = match protocol {
            Protocol::Tcp => Type::STREAM,
            Protocol::Udp => Type::DGRAM,
        };
        Socket::new(Domain::IPV4, kind, None)?.bind(&any.into())?;
        Ok(Port {
            number,
            _lock: lock,
        })
    }
}

/// Opens a socket on a port that this process had open a moment ago.
///
/// A socket of the check that is closed while a program is started stays open in that program until
/// it is executed, and even a moment longer: the system closes the copies only after it has told us
/// that the program runs. No program is started meanwhile, so there are ever fewer copies.
///
/// # Errors
///
/// When somebody else has the port, which is told apart from a copy by its lasting for a second.
pub fn open_again<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let _none = process::spawn_lock();
    let begin = Instant::now();
    loop {
        match open() {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && begin.elapsed() < COPIES_LAST =>
            {
                thread::sleep(Duration::from_micros(200));
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_can_be_bound_and_is_not_given_twice() {
        let first = Port::take(Protocol::Tcp).unwrap();
        let second = Port::take(Protocol::Tcp).unwrap();
        assert_ne!(first.number, second.number);
        TcpListener::bind(("127.0.0.1", first.number)).unwrap();
        assert!(Port::lock(first.number, Protocol::Tcp).is_err());
    }

    #[cfg(unix)]
    /// While this runs, programs are started all the time.
    fn while_programs_are_started(mut run: impl FnMut()) {
        use std::sync::atomic::AtomicBool;

        use crate::process::{Input, Invocation, Running};

        let over = AtomicBool::new(false);
        let starts = || {
            while !over.load(Ordering::Relaxed) {
                let words = vec!["true".to_string()];
                let (folder, input) = (None, Input::Empty);
                Running::start(&Invocation {
                    words,
                    folder,
                    input,
                    recorded: false,
                })
                .unwrap();
            }
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(starts);
            }
            run();
            over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    #[cfg(unix)]
    fn a_port_can_be_bound_without_so_reuseaddr_while_programs_are_started() {
        let mut refused = Vec::new();
        while_programs_are_started(|| {
            for number in 0..1000 {
                let protocol = [Protocol::Tcp, Protocol::Udp][number % 2];
                let port = Port::take(protocol).unwrap();
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number)).into();
                let kind = [Type::STREAM, Type::DGRAM][number % 2];
                let socket = Socket::new(Domain::IPV4, kind, None).unwrap();
                refused.extend(socket.bind(&any).err());
            }
        });
        assert!(refused.is_empty(), "{refused:?}");
    }

    #[test]
    #[cfg(unix)]
    fn a_socket_that_was_closed_can_be_opened_again_while_programs_are_started() {
        let port = Port::take(Protocol::Udp).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number));
        let mut refused = Vec::new();
        while_programs_are_started(|| {
            for _ in 0..500 {
                let opened = open_again(|| UdpSocket::bind(address));
                // Open for as long as it takes to start a program, so that one begins meanwhile.
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_millis(1) {
                    std::hint::spin_loop();
                }
                refused.extend(opened.err());
            }
        });
        assert!(refused.is_empty(), "{refused:?}");
    }
}
