//! The network between server and client, played by a relay, so that it can have faults.
//!
//! Where server and client are their own in networks, the relay has the server's address in the
//! client's, and the client's address in the server's. So neither program notices it, and the bytes
//! of a connection have the same addresses and offsets on both sides.
//!
//! | module | holds |
//! |---|---|
//! | [`faults`] | what may happen to bytes and datagrams on their way |
//! | [`networks`] | where the relay meets the two sides |
//! | [`streams`] | TCP's connections |
//! | [`datagrams`] | UDP's datagrams |
//! | [`taken`] | whether a program has received what was sent to it |
//! | [`sight`] | what the relay sees |

mod datagrams;
mod faults;
mod networks;
mod sight;
mod streams;
mod taken;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
#[cfg(target_os = "linux")]
use lab_journal::Transport;
use labnet::Hint;
use socket2::{Socket, Type};

use datagrams::{FORGET, Late};
pub use faults::{Faults, milliseconds};
#[cfg(target_os = "linux")]
pub use networks::{Networks, current};
pub use networks::{Place, bound};
pub use sight::{KEPT, Sight, Watcher, Way};

const BUFFER: usize = 64 * 1024;
/// So many pieces are on their way at most.
const ON_THE_WAY: usize = 1024;
const BACKLOG: i32 = 128;
/// How often a port is looked for that both TCP and UDP have free.
const TRIES: usize = 16;

/// A relay, in so far as its threads share it. They end with the process.
#[derive(Clone)]
pub struct Relay {
    /// Datagrams that are delayed.
    late: SyncSender<Late>,
    faults: Faults,
    place: Place,
    watcher: Watcher,
    /// How long a client of UDP may be silent.
    forget: Duration,
    /// For so long a server of TCP may not listen yet.
    pub patience: Duration,
}

impl Relay {
    /// A relay that does not listen yet.
    pub fn new(faults: Faults, place: Place, watcher: Watcher) -> Self {
        let (late, arrivals) = mpsc::sync_channel(ON_THE_WAY);
        let of_thread = Arc::clone(&watcher);
        thread::spawn(move || datagrams::deliver(&arrivals, &of_thread));
        Relay {
            late,
            faults,
            place,
            watcher,
            forget: FORGET,
            patience: Duration::ZERO,
        }
    }

    /// Listens on the client's side at the server's address.
    #[cfg(target_os = "linux")]
    pub fn listen(&self, transport: Transport, address: SocketAddr) -> anyhow::Result<()> {
        let place = || format!("the relay cannot take the server's address, {address}");
        self.place.enter_clients().with_context(place)?;
        match transport {
            Transport::Tcp => {
                let listener = bound(address, Type::STREAM).with_context(place)?;
                self.pass_connections(listener, address)
            }
            Transport::Udp => {
                let socket = bound(address, Type::DGRAM).with_context(place)?;
                self.pass_datagrams(socket, address);
                Ok(())
            }
        }
    }

    /// Passes the connections that come to this socket on to the server.
    pub fn pass_connections(&self, listener: Socket, server: SocketAddr) -> anyhow::Result<()> {
        listener.listen(BACKLOG).context("cannot listen")?;
        let relay = self.clone();
        thread::spawn(move || streams::accept(&relay, &listener, server));
        Ok(())
    }

    /// Passes the datagrams that come to this socket on to the server.
    pub fn pass_datagrams(&self, socket: Socket, server: SocketAddr) {
        let (relay, socket) = (self.clone(), Arc::new(UdpSocket::from(socket)));
        thread::spawn(move || datagrams::pass(&relay, &socket, server));
    }
}

/// The sockets of TCP and UDP for the clients. Port 0 is any that is free for both.
pub fn sockets(address: SocketAddr) -> anyhow::Result<(Socket, Socket)> {
    let tries = if address.port() == 0 { TRIES } else { 1 };
    let mut error = None;
    for _ in 0..tries {
        let listener = bound(address, Type::STREAM)
            .with_context(|| format!("cannot take the address {address}"))
            .hint("another program has it; choose another port")?;
        let chosen = labnet::local_address(&listener)?;
        match bound(chosen, Type::DGRAM) {
            Ok(datagrams) => return Ok((listener, datagrams)),
            Err(taken) => error = Some(taken),
        }
    }
    let error = error.map_or_else(|| anyhow!("no port was tried"), anyhow::Error::from);
    Err(error.context(format!("cannot take the address {address} for UDP")))
        .hint("another program has it; choose another port")
}

/// A port of this machine that both TCP and UDP have free.
pub fn free_port() -> anyhow::Result<u16> {
    let (listener, _datagrams) = sockets((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(labnet::local_address(&listener)?.port())
}

/// Where a client reaches a server that listens on all addresses.
fn reachable(server: SocketAddr, client: SocketAddr) -> SocketAddr {
    if !server.ip().is_unspecified() {
        return server;
    }
    let loopback: IpAddr = match client {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, server.port())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
