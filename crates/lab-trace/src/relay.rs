//! The network between server and client, played by a relay, so that it can have faults.
//!
//! Server and client are their own in networks. In the client's the relay has the server's
//! address; in the server's it has the client's. So neither program notices it, and the bytes of a
//! connection have the same addresses and offsets on both sides.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use lab_journal::{Entry, Event, Segment, Transport};
use labnet::{lock, log};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};

use crate::faults::{Datagrams, Fate, Faults};
use crate::record::since;
use crate::sockets::canonical;
use crate::taken::is_taken_within;

const BUFFER: usize = 64 * 1024;
/// What is sent with shorter pauses is joined.
const PAUSE: Duration = Duration::from_millis(200);
/// So many bytes are joined at most.
const MOST_JOINED: usize = 1 << 20;
/// A piece waits until the program has taken the last one, but no longer than this.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// After a piece that was not taken in time: the program does something else.
const IMPATIENT: Duration = Duration::from_millis(20);
/// How often the relay looks whether a datagram was held back for too long.
const LOOK_FOR_HELD: Duration = Duration::from_millis(100);
/// So many pieces are on their way at most.
const ON_THE_WAY: usize = 1024;
const BACKLOG: i32 = 128;

/// The two networks.
pub struct Networks {
    server: File,
    client: File,
}

/// Datagrams that the relay dropped, as entries of the journal.
pub type Lost = Arc<Mutex<Vec<Entry>>>;

/// The network that the calling thread is in.
pub fn current() -> anyhow::Result<File> {
    File::open("/proc/thread-self/ns/net").context("cannot open this thread's network")
}

fn enter(network: &File) -> io::Result<()> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(())
}

impl Networks {
    /// From the handles of both.
    pub fn new(server: File, client: File) -> Self {
        Networks { server, client }
    }

    /// Moves the calling thread to the server's side.
    pub fn enter_servers(&self) -> anyhow::Result<()> {
        enter(&self.server).context("cannot enter the server's network")
    }

    /// Moves the calling thread to the client's side.
    pub fn enter_clients(&self) -> anyhow::Result<()> {
        enter(&self.client).context("cannot enter the client's network")
    }

    fn copy(&self) -> io::Result<Self> {
        Ok(Networks {
            server: self.server.try_clone()?,
            client: self.client.try_clone()?,
        })
    }
}

/// What comes out of the network's other end.
enum Arrival {
    Bytes(Vec<u8>),
    /// The end of the stream.
    End,
    /// The connection was reset.
    Broken,
}

/// A datagram on its way: when it arrives, and who sends it on.
struct Late {
    due: Instant,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
    datagram: Vec<u8>,
}

/// A relay, in so far as its threads share it.
#[derive(Clone)]
pub struct Relay {
    /// Datagrams that are delayed.
    late: SyncSender<Late>,
    faults: Faults,
    networks: Arc<Networks>,
    began: SystemTime,
    /// What was lost.
    pub lost: Lost,
}

impl Relay {
    /// A relay that does not listen yet.
    pub fn new(faults: Faults, networks: &Networks, began: SystemTime) -> anyhow::Result<Self> {
        let networks = networks.copy().context("cannot copy the networks")?;
        let (late, arrivals) = mpsc::sync_channel(ON_THE_WAY);
        thread::spawn(move || deliver(&arrivals));
        Ok(Relay {
            late,
            faults,
            networks: Arc::new(networks),
            began,
            lost: Lost::default(),
        })
    }

    /// Listens on the client's side at the server's address. Its threads end with the process.
    pub fn listen(&self, transport: Transport, address: SocketAddr) -> anyhow::Result<()> {
        self.networks.enter_clients()?;
        let place = || format!("the relay cannot take the server's address, {address}");
        match transport {
            Transport::Tcp => {
                let listener = bound(address, Type::STREAM).with_context(place)?;
                listener.listen(BACKLOG).with_context(place)?;
                let relay = self.clone();
                thread::spawn(move || relay.accept(&listener, address));
            }
            Transport::Udp => {
                let socket: UdpSocket = bound(address, Type::DGRAM).with_context(place)?.into();
                let relay = self.clone();
                thread::spawn(move || relay.datagrams(&Arc::new(socket), address));
            }
        }
        Ok(())
    }

    fn accept(&self, listener: &Socket, server: SocketAddr) {
        loop {
            let accepted = listener.accept();
            let relay = self.clone();
            match accepted {
                Ok((client, peer)) => {
                    thread::spawn(move || {
                        if let Err(error) = relay.connect(client, peer.as_socket(), server) {
                            log!("the relay lost a connection: {error}");
                        }
                    });
                }
                Err(error) => {
                    if let Err(error) = labnet::retry_accept(error) {
                        log!("the relay takes no more clients: {error}");
                        return;
                    }
                }
            }
        }
    }

    /// Connects to the server from the client's own address, and passes bytes both ways.
    fn connect(
        &self,
        client: Socket,
        peer: Option<SocketAddr>,
        server: SocketAddr,
    ) -> io::Result<()> {
        enter(&self.networks.server)?;
        let peer = canonical(peer.ok_or(ErrorKind::AddrNotAvailable)?);
        let upstream = bound(peer, Type::STREAM)?;
        if let Err(error) = upstream.connect(&reachable(server, peer).into()) {
            // Nobody listens any more: the client hears of it, a moment late.
            reset(&client, &upstream);
            return Err(error);
        }
        let (client, upstream) = (Arc::new(client), Arc::new(upstream));
        let (relay, from, to) = (self.clone(), Arc::clone(&upstream), Arc::clone(&client));
        let down = thread::spawn(move || {
            let entered = enter(&relay.networks.client);
            if let Err(error) = entered.and_then(|()| relay.pass(&from, &to)) {
                log!("the relay ended a connection: {error}");
                reset(&from, &to);
            }
        });
        // A program that resets its connection ends the other side's as well.
        if let Err(error) = self.pass(&client, &upstream) {
            log!("the relay ended a connection: {error}");
            reset(&client, &upstream);
        }
        let _ = down.join();
        Ok(())
    }

    /// Passes the bytes of one direction on, in the network of the one who gets them.
    fn pass(&self, from: &Arc<Socket>, to: &Socket) -> io::Result<()> {
        to.set_tcp_nodelay(true)?;
        let (sender, arrivals) = mpsc::sync_channel(ON_THE_WAY);
        let (faults, source) = (self.faults, Arc::clone(from));
        thread::spawn(move || read(&source, &faults, &sender));
        let mut passed = 0;
        let mut patience = TAKEN_WITHIN;
        for (due, arrival) in &arrivals {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut bytes = match arrival {
                Arrival::Bytes(bytes) => bytes,
                Arrival::End => return to.shutdown(Shutdown::Write),
                Arrival::Broken => {
                    reset(from, to);
                    return Ok(());
                }
            };
            let room = self.faults.reset.map(|limit| limit.saturating_sub(passed));
            let is_last = room.is_some_and(|room| bytes.len() as u64 >= room);
            if let Some(room) = room {
                bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            }
            passed += bytes.len() as u64;
            match self.faults.cut {
                None => (&*to).write_all(&bytes)?,
                Some(most) => {
                    for piece in bytes.chunks(most) {
                        (&*to).write_all(piece)?;
                        patience = match is_taken_within(to, patience)? {
                            true => TAKEN_WITHIN,
                            false => IMPATIENT,
                        };
                    }
                }
            }
            if is_last {
                is_taken_within(to, patience)?;
                reset(from, to);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Passes datagrams to the server, from the address of each client.
    fn datagrams(&self, socket: &Arc<UdpSocket>, server: SocketAddr) {
        let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, Datagrams)> = HashMap::new();
        let mut buffer = vec![0; BUFFER];
        let wait = socket.set_read_timeout(Some(LOOK_FOR_HELD));
        if let Err(error) = wait {
            log!("the relay cannot wait for datagrams: {error}");
            return;
        }
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((count, peer)) => {
                    let (upstream, fates) = match clients.entry(peer) {
                        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                        std::collections::hash_map::Entry::Vacant(new) => {
                            match self.new_client(socket, peer, server) {
                                Ok(upstream) => new.insert((upstream, Datagrams::default())),
                                Err(error) => {
                                    log!("the relay cannot serve {peer}: {error}");
                                    continue;
                                }
                            }
                        }
                    };
                    let fate = fates.next(&self.faults, buffer[..count].to_vec());
                    let ways = (peer, server);
                    self.fulfill(fate, ways, upstream, None);
                }
                Err(error) if is_timeout(&error) => {}
                // ICMP's "port unreachable", for a client that has gone.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    log!("the relay receives no more datagrams: {error}");
                    return;
                }
            }
            for (peer, (upstream, fates)) in &mut clients {
                let alone = fates.alone(Instant::now()).into_iter().collect();
                self.fulfill(Fate::Arrive(alone), (*peer, server), upstream, None);
            }
        }
    }

    /// A socket with the client's address on the server's side, and a thread for its answers.
    fn new_client(
        &self,
        socket: &Arc<UdpSocket>,
        peer: SocketAddr,
        server: SocketAddr,
    ) -> io::Result<Arc<UdpSocket>> {
        let networks = Arc::clone(&self.networks);
        // In its own thread, since it has to be in the other network.
        let made = thread::spawn(move || {
            enter(&networks.server)?;
            let own = canonical(peer);
            let upstream = bound(own, Type::DGRAM)?;
            upstream.connect(&reachable(server, own).into())?;
            let upstream = UdpSocket::from(upstream);
            upstream.set_read_timeout(Some(LOOK_FOR_HELD))?;
            io::Result::Ok(Arc::new(upstream))
        });
        let upstream = made.join().unwrap_or(Err(ErrorKind::Other.into()))?;
        let (relay, from, to) = (self.clone(), Arc::clone(&upstream), Arc::clone(socket));
        thread::spawn(move || relay.answers(&from, &to, peer, server));
        Ok(upstream)
    }

    fn answers(&self, from: &UdpSocket, to: &Arc<UdpSocket>, peer: SocketAddr, server: SocketAddr) {
        let mut fates = Datagrams::default();
        let mut buffer = vec![0; BUFFER];
        loop {
            match from.recv(&mut buffer) {
                Ok(count) => {
                    let fate = fates.next(&self.faults, buffer[..count].to_vec());
                    self.fulfill(fate, (server, peer), to, Some(peer));
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    log!("the relay receives no more answers: {error}");
                    return;
                }
            }
            let alone = fates.alone(Instant::now()).into_iter().collect();
            self.fulfill(Fate::Arrive(alone), (server, peer), to, Some(peer));
        }
    }

    fn fulfill(
        &self,
        fate: Fate,
        (from, to): (SocketAddr, SocketAddr),
        socket: &Arc<UdpSocket>,
        over: Option<SocketAddr>,
    ) {
        match fate {
            Fate::Lost(bytes) => lock(&self.lost).push(Entry {
                at: since(self.began),
                event: Event::Segment(Segment {
                    transport: Transport::Udp,
                    from,
                    to,
                    syn: false,
                    ack: false,
                    fin: false,
                    rst: false,
                    offset: None,
                    length: bytes.len() as u64,
                    bytes,
                    again: false,
                    lost: true,
                    call: None,
                }),
            }),
            Fate::Arrive(datagrams) => {
                for datagram in datagrams {
                    let late = Late {
                        due: Instant::now() + self.faults.delay,
                        socket: Arc::clone(socket),
                        to: over,
                        datagram,
                    };
                    if self.late.send(late).is_err() {
                        log!("the relay sends no more datagrams");
                    }
                }
            }
        }
    }
}

fn bound(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Sends datagrams on when they are due. All are delayed by the same time, so they are in order.
fn deliver(arrivals: &Receiver<Late>) {
    for late in arrivals {
        thread::sleep(late.due.saturating_duration_since(Instant::now()));
        // Where nobody listens a datagram is lost, as on any network.
        let _ = match late.to {
            Some(to) => late.socket.send_to(&late.datagram, to),
            None => late.socket.send(&late.datagram),
        };
    }
}

/// Reads what a program sends. Each piece is due later by the delay.
fn read(from: &Socket, faults: &Faults, sender: &SyncSender<(Instant, Arrival)>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let (bytes, end) = match (&*from).read(&mut buffer) {
            Ok(0) => (Vec::new(), Some(Arrival::End)),
            Ok(count) => {
                let mut bytes = buffer[..count].to_vec();
                let end = match faults.join {
                    true => joined(from, &mut bytes, &mut buffer),
                    false => None,
                };
                (bytes, end)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => (Vec::new(), Some(Arrival::Broken)),
        };
        let due = Instant::now() + faults.delay;
        let is_last = end.is_some();
        let piece = (!bytes.is_empty()).then_some(Arrival::Bytes(bytes));
        for arrival in piece.into_iter().chain(end) {
            // The other end has gone: nothing more can arrive.
            if sender.send((due, arrival)).is_err() {
                return;
            }
        }
        if is_last {
            return;
        }
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

/// Adds what comes until there is a pause. Gives what ended the stream, if it ended.
fn joined(from: &Socket, bytes: &mut Vec<u8>, buffer: &mut [u8]) -> Option<Arrival> {
    if from.set_read_timeout(Some(PAUSE)).is_err() {
        return Some(Arrival::Broken);
    }
    let end = loop {
        match (&*from).read(buffer) {
            Ok(0) => break Some(Arrival::End),
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if is_timeout(&error) => break None,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break Some(Arrival::Broken),
        }
        if bytes.len() >= MOST_JOINED {
            break None;
        }
    };
    match from.set_read_timeout(None) {
        Ok(()) => end,
        Err(_) => Some(Arrival::Broken),
    }
}

/// Resets both connections: connect(2) with AF_UNSPEC sends RST.
fn reset(one: &Socket, other: &Socket) {
    for socket in [one, other] {
        // One that has ended already needs no reset.
        let _ = rustix::net::connect_unspec(socket);
    }
}
