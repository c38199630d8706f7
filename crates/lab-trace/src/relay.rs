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

use anyhow::Context;
use lab_journal::Transport;
use socket2::{Socket, Type};

use datagrams::{FORGET, Late};
pub use faults::{Faults, milliseconds};
pub use networks::{Networks, Place, bound, current};
pub use sight::{KEPT, Sight, Watcher, Way};

const BUFFER: usize = 64 * 1024;
/// So many pieces are on their way at most.
const ON_THE_WAY: usize = 1024;
const BACKLOG: i32 = 128;

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
        }
    }

    /// Listens on the client's side at the server's address.
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
