//! UDP's datagrams through the relay.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab_journal::{Side, Transport};
use labnet::{lock, log};
use socket2::Type;

use super::faults::{Datagrams, Fate};
use super::sight::{Sight, Watcher, Way};
use super::{BUFFER, Relay, is_timeout, reachable};
use crate::entries::canonical;

/// How often the relay looks whether a datagram was held back, or a client silent, for too long.
const LOOK: Duration = Duration::from_millis(100);
/// A client is forgotten when neither it nor the server has sent anything for so long.
pub const FORGET: Duration = Duration::from_secs(60);
/// So many clients are known at once; each has a thread.
const MOST_CLIENTS: usize = 256;

/// A datagram on its way: when it arrives, and who sends it on.
pub struct Late {
    due: Instant,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
    way: Way,
    sender: Side,
    datagram: Vec<u8>,
}

/// A client, and the socket that goes to the server in its stead.
struct Client {
    way: Way,
    upstream: Arc<UdpSocket>,
    fates: Datagrams,
    shared: Arc<Shared>,
}

/// What the thread for a client's answers shares.
struct Shared {
    /// When something passed last.
    last: Mutex<Instant>,
    /// Nobody waits for answers any more.
    forgotten: AtomicBool,
}

/// Sends datagrams on when they are due. All are delayed by the same time, so they are in order.
pub fn deliver(arrivals: &Receiver<Late>, watcher: &Watcher) {
    for late in arrivals {
        thread::sleep(late.due.saturating_duration_since(Instant::now()));
        watcher(late.way, Sight::Passed(late.sender, &late.datagram));
        // Where no socket listens a datagram is lost, as on any network.
        let _ = match late.to {
            Some(to) => late.socket.send_to(&late.datagram, to),
            None => late.socket.send(&late.datagram),
        };
    }
}

/// Passes datagrams to the server, each client's from a socket of its own.
pub fn pass(relay: &Relay, socket: &Arc<UdpSocket>, server: SocketAddr) {
    let mut clients: HashMap<SocketAddr, Client> = HashMap::new();
    let mut count = 0;
    let mut buffer = vec![0; BUFFER];
    if let Err(error) = socket.set_read_timeout(Some(LOOK)) {
        log!("the relay cannot wait for datagrams: {error}");
        return;
    }
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, peer)) => {
                if !clients.contains_key(&peer) {
                    make_room(&mut clients);
                    count += 1;
                    match new_client(relay, socket, (peer, server), count) {
                        Ok(client) => {
                            clients.insert(peer, client);
                        }
                        Err(error) => log!("the relay cannot serve {peer}: {error}"),
                    }
                }
                if let Some(client) = clients.get_mut(&peer) {
                    *lock(&client.shared.last) = Instant::now();
                    let datagram = buffer[..length].to_vec();
                    (relay.watcher)(client.way, Sight::Sent(Side::Client, &datagram));
                    let fate = client.fates.next(&relay.faults, datagram);
                    fulfill(
                        relay,
                        fate,
                        (client.way, Side::Client),
                        &client.upstream,
                        None,
                    );
                }
            }
            Err(error) if is_timeout(&error) => {}
            // ICMP's "port unreachable", for a client that has gone.
            Err(error) if is_refused(&error) => {}
            Err(error) => {
                log!("the relay receives no more datagrams: {error}");
                return;
            }
        }
        let now = Instant::now();
        for client in clients.values_mut() {
            let alone = client.fates.alone(now).into_iter().collect();
            let from = (client.way, Side::Client);
            fulfill(relay, Fate::Arrive(alone), from, &client.upstream, None);
        }
        clients.retain(|_, client| {
            let keeps = now.saturating_duration_since(*lock(&client.shared.last)) < relay.forget;
            client.shared.forgotten.store(!keeps, Ordering::SeqCst);
            keeps
        });
    }
}

/// When there are too many clients, the one that was silent for longest is forgotten.
fn make_room(clients: &mut HashMap<SocketAddr, Client>) {
    if clients.len() < MOST_CLIENTS {
        return;
    }
    let oldest = clients
        .iter()
        .min_by_key(|(_, client)| *lock(&client.shared.last))
        .map(|(peer, _)| *peer);
    if let Some(client) = oldest.and_then(|peer| clients.remove(&peer)) {
        client.shared.forgotten.store(true, Ordering::SeqCst);
    }
}

/// A socket on the server's side, and a thread for its answers.
fn new_client(
    relay: &Relay,
    socket: &Arc<UdpSocket>,
    (peer, server): (SocketAddr, SocketAddr),
    number: u32,
) -> io::Result<Client> {
    let way = Way {
        transport: Transport::Udp,
        number,
        client: canonical(peer),
        server: reachable(server, canonical(peer)),
    };
    let place = relay.place.clone();
    // In its own thread, since it may have to be in another network.
    let made = thread::spawn(move || {
        place.enter_servers()?;
        let upstream = place.socket_for(way.client, Type::DGRAM, way.server)?;
        upstream.connect(&way.server.into())?;
        let upstream = UdpSocket::from(upstream);
        upstream.set_read_timeout(Some(LOOK))?;
        io::Result::Ok(Arc::new(upstream))
    });
    let upstream = made.join().unwrap_or(Err(ErrorKind::Other.into()))?;
    let shared = Arc::new(Shared {
        last: Mutex::new(Instant::now()),
        forgotten: AtomicBool::new(false),
    });
    let of_thread = (relay.clone(), Arc::clone(&upstream), Arc::clone(socket));
    let shared_with_thread = Arc::clone(&shared);
    thread::spawn(move || {
        let (relay, from, to) = of_thread;
        answers(&relay, (&from, &to), (way, peer), &shared_with_thread);
    });
    Ok(Client {
        way,
        upstream,
        fates: Datagrams::default(),
        shared,
    })
}

fn answers(
    relay: &Relay,
    (from, to): (&UdpSocket, &Arc<UdpSocket>),
    (way, peer): (Way, SocketAddr),
    shared: &Shared,
) {
    let mut fates = Datagrams::default();
    let mut buffer = vec![0; BUFFER];
    while !shared.forgotten.load(Ordering::SeqCst) {
        match from.recv(&mut buffer) {
            Ok(length) => {
                *lock(&shared.last) = Instant::now();
                let datagram = buffer[..length].to_vec();
                (relay.watcher)(way, Sight::Sent(Side::Server, &datagram));
                let fate = fates.next(&relay.faults, datagram);
                fulfill(relay, fate, (way, Side::Server), to, Some(peer));
            }
            Err(error) if is_timeout(&error) => {}
            // ICMP's "port unreachable": the server is not there.
            Err(error) if is_refused(&error) => {
                (relay.watcher)(way, Sight::Unreachable(&error));
            }
            Err(error) => {
                log!("the relay receives no more answers: {error}");
                return;
            }
        }
        let alone = fates.alone(Instant::now()).into_iter().collect();
        let from = (way, Side::Server);
        fulfill(relay, Fate::Arrive(alone), from, to, Some(peer));
    }
}

/// Whether an earlier datagram was refused. Windows calls that a reset.
fn is_refused(error: &io::Error) -> bool {
    let kinds = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset];
    kinds.contains(&error.kind())
}

/// Does with datagrams what their fate is. `over` is where they go, if the socket is not connected.
fn fulfill(
    relay: &Relay,
    fate: Fate,
    (way, sender): (Way, Side),
    socket: &Arc<UdpSocket>,
    over: Option<SocketAddr>,
) {
    let datagrams = match fate {
        Fate::Lost(datagram) => return (relay.watcher)(way, Sight::Lost(sender, &datagram)),
        Fate::Arrive(datagrams) => datagrams,
    };
    for datagram in datagrams {
        let late = Late {
            due: Instant::now() + relay.faults.delay,
            socket: Arc::clone(socket),
            to: over,
            way,
            sender,
            datagram,
        };
        if relay.late.send(late).is_err() {
            log!("the relay sends no more datagrams");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{Faults, Place, bound};
    use std::net::Ipv4Addr;

    const WITHIN: Duration = Duration::from_secs(20);

    /// The numbers of the clients that the relay saw three datagrams of one client come from, and
    /// how many references to the watcher its threads have in the end.
    fn numbers(forget: Duration, threads: usize) -> Vec<u32> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = UdpSocket::bind(any).expect("a socket");
        server.set_read_timeout(Some(WITHIN)).expect("a limit");
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&numbers);
        let watcher: Watcher = Arc::new(move |way, sight| {
            if matches!(sight, Sight::Sent(Side::Client, _)) {
                lock(&told).push(way.number);
            }
        });
        let relay = Relay {
            forget,
            ..Relay::new(Faults::default(), Place::Within, Arc::clone(&watcher))
        };
        let own = bound(any, Type::DGRAM).expect("a socket");
        let own_address = labnet::local_address(&own).expect("an address");
        relay.pass_datagrams(own, server.local_addr().expect("an address"));
        let client = UdpSocket::bind(any).expect("a socket");
        for number in 0..3 {
            client.send_to(&[number], own_address).expect("it is sent");
            let mut buffer = [0; 9];
            let (length, _) = server.recv_from(&mut buffer).expect("a datagram");
            assert_eq!(buffer[..length], [number]);
        }
        // Ours, the relay's, and those of its two threads; one more for each client it knows.
        let end = Instant::now() + WITHIN;
        while Arc::strong_count(&watcher) != 4 + threads {
            assert!(Instant::now() < end, "{}", Arc::strong_count(&watcher));
            thread::yield_now();
        }
        lock(&numbers).clone()
    }

    #[test]
    fn a_client_that_was_silent_for_long_is_forgotten() {
        assert_eq!(numbers(FORGET, 1), [1, 1, 1]);
        assert_eq!(numbers(Duration::ZERO, 0), [1, 2, 3]);
    }
}
